// Package pgtest gives tests a real PostgreSQL: one server per test process,
// started when first asked for, and a fresh database for whoever asks.
//
// It owns finding the installed server programs, running them in a temporary
// directory as a user they accept, and making sure that no server outlives its
// process. It refuses to skip: without PostgreSQL a test fails, and says what
// to install.
package pgtest

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Setting is one line of postgresql.conf, such as "work_mem = 64MB".
type Setting string

// Durable makes the server keep what it committed when the machine dies. The
// default does not, which makes tests several times faster.
const Durable Setting = "fsync = on"

// Database returns the URL of a new, empty database, dropped when the test
// ends. Tests that ask for the same settings share a server, and may run in
// parallel.
func Database(tb testing.TB, settings ...Setting) string {
	tb.Helper()
	server, err := running.server(settings)
	if err != nil {
		tb.Fatal(err)
	}
	return server.lend(tb, "template0") // whoever is connected to template1 would make this fail
}

// Prepared is Database with something in it, such as a schema. It is brought about
// once for the process, by the first prepare, in a database of which the others are
// copies; prepare leaves no connection to it open.
func Prepared(tb testing.TB, prepare func(ctx context.Context, url string) error, settings ...Setting) string {
	tb.Helper()
	server, err := running.server(settings)
	if err != nil {
		tb.Fatal(err)
	}
	server.prepared.Do(func() {
		var url string
		if url, server.unprepared = server.CreateDatabase(tb.Context(), prepared); server.unprepared == nil {
			server.unprepared = prepare(tb.Context(), url)
		}
	})
	if server.unprepared != nil {
		tb.Fatal(server.unprepared)
	}
	return server.lend(tb, prepared)
}

// prepared is the name of the database that Prepared copies.
const prepared = "prepared"

// lend makes a database that ends with the test.
func (s *Server) lend(tb testing.TB, template string) string {
	tb.Helper()
	name := fmt.Sprintf("test_%d", s.serial.Add(1))
	url, err := s.copyDatabase(tb.Context(), name, template)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			tb.Errorf("drop database: %v", err)
		}
	})
	return url
}

// Main runs the tests, stops the servers they started, and exits: call it from
// TestMain. (Should the process die before, the servers notice and end too.)
func Main(m *testing.M) {
	code := m.Run()
	if err := running.stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// running is what makes it one server per process rather than one per test:
// the only state here that is not a value somebody holds.
var running servers

// servers are those of this process, one for each set of settings.
type servers struct {
	mu    sync.Mutex // guards start; never held while one starts
	start map[string]func() (*Server, error)
}

func (s *servers) server(settings []Setting) (*Server, error) {
	s.mu.Lock()
	if s.start == nil {
		s.start = make(map[string]func() (*Server, error))
	}
	key := conf(settings)
	start, ok := s.start[key]
	if !ok {
		start = sync.OnceValues(func() (*Server, error) { return Start(settings...) })
		s.start[key] = start
	}
	s.mu.Unlock()
	return start()
}

func (s *servers) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, start := range s.start {
		server, err := start()
		if err != nil {
			continue // it never ran; the tests that wanted it have said so
		}
		if err := server.Stop(); err != nil {
			return err
		}
	}
	clear(s.start)
	return nil
}

// conf is what is appended to postgresql.conf; in it, the last line wins.
func conf(settings []Setting) string {
	lines := []string{
		"fsync = off",
		"listen_addresses = ''", // the socket in our own directory is the only way in
		"max_connections = 300",
	}
	for _, setting := range slices.Sorted(slices.Values(settings)) {
		lines = append(lines, string(setting))
	}
	return strings.Join(lines, "\n")
}
