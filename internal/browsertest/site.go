// Package browsertest drives a running Rollcall with Chromium, as a person does.
//
// It owns a site on a free port of this machine, the one browser of the process, and
// what a journey through the pages is told with. The journeys are its tests. It
// refuses to look behind the pages: what a journey cannot see there is no matter of
// this package.
package browsertest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/internal/app"
)

// The account of every site, which owns the project Main.
const (
	Email    = "ines@example.org"
	Password = "correct horse battery"
)

// Site is a running Rollcall on a new SQLite file. It is called localhost: browsers
// have passkeys for names only.
type Site struct {
	BaseURL string
	printed chan string // what the site prints when it is ready
}

// Start starts a site that ends with the test; change, if any, has the last word
// about its configuration.
func Start(t *testing.T, change ...func(*app.Config)) *Site {
	t.Helper()
	database := filepath.Join(t.TempDir(), "rollcall.db")
	if _, err := app.AddUser(t.Context(), database, "", app.NewAccount{Email: Email, Password: Password, Project: "Main"}); err != nil {
		t.Fatal(err)
	}
	return start(t, database, change...)
}

// StartNew is Start without an account: the site prints a link that makes the first.
func StartNew(t *testing.T, change ...func(*app.Config)) *Site {
	t.Helper()
	return start(t, filepath.Join(t.TempDir(), "rollcall.db"), change...)
}

// FirstLink waits for the link that makes the first account, and returns its path.
func (s *Site) FirstLink() string {
	for text := range s.printed {
		if _, rest, ok := strings.Cut(text, "/setup/"); ok {
			return "/setup/" + strings.TrimSpace(rest)
		}
	}
	return ""
}

// lines are what is printed, a few at the start.
type lines chan string

// Write implements io.Writer.
func (l lines) Write(text []byte) (int, error) {
	l <- string(text)
	return len(text), nil
}

func start(t *testing.T, database string, change ...func(*app.Config)) *Site {
	t.Helper()
	printed := make(lines, 10)
	config := app.Config{Database: database, Log: slog.New(slog.DiscardHandler), Out: printed, Version: "1.0"}
	for _, change := range change {
		change(&config)
	}
	opened, err := open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- opened.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the site ended with %v", err)
		}
	})
	return &Site{BaseURL: opened.BaseURL(), printed: printed}
}

// open opens the site on a port that was free a moment ago: its address has to be
// known before it listens. Should somebody else take the port meanwhile, the next
// one is taken.
func open(ctx context.Context, config app.Config) (opened *app.App, err error) {
	for range 5 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		config.Listen = l.Addr().String()
		config.BaseURL = fmt.Sprintf("http://localhost:%d", l.Addr().(*net.TCPAddr).Port)
		if err := l.Close(); err != nil {
			return nil, err
		}
		if opened, err = app.Open(ctx, config); err == nil {
			return opened, nil
		}
	}
	return nil, err
}
