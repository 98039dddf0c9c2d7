// Command screenshots takes a picture of every page, wide and narrow, light and
// dark, to be laid beside the design.
//
// It fills a SQLite file in a temporary directory through the real store and the
// real rules, serves the real pages on 127.0.0.1, and looks at them with Chromium.
// It fails when a page scrolls sideways at 360 pixels, when the browser finds
// something that the content policy forbids, or when it reports an error. Its test
// also asks axe-core what would keep people from using a page.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"rollcall/internal/store/sqlite"
	"rollcall/web"
)

func main() {
	out := flag.String("out", "screenshots", "the directory to write the pictures to")
	browser := flag.String("browser", "/usr/bin/chromium", "the browser to look with")
	only := flag.String("only", "", "take only the pages whose name begins so")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, camera{out: *out, only: *only}, *browser); err != nil {
		fmt.Fprintln(os.Stderr, "screenshots:", err)
		os.Exit(1)
	}
}

// run serves the sample pages and lets the camera look at all of them.
func run(ctx context.Context, c camera, browser string) error {
	dir, err := os.MkdirTemp("", "rollcall-screenshots-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	st, err := sqlite.Open(ctx, filepath.Join(dir, "rollcall.db"))
	if err != nil {
		return err
	}
	defer st.Close()
	shown, err := seed(ctx, st, moment())
	if err != nil {
		return fmt.Errorf("fill the database: %w", err)
	}

	address, stop, err := serve(st, nil)
	if err != nil {
		return err
	}
	c.address = address
	beside, stopBeside, err := serve(st, tour{shown.watched})
	if err != nil {
		return err
	}
	if c.out != "" {
		if err := os.MkdirAll(c.out, 0o755); err != nil {
			return err
		}
	}
	shots := append(shots(shown.at), besides(beside)...)
	return errors.Join(c.shoot(ctx, browser, shots), stop(ctx), stopBeside(ctx))
}

// serve serves the pages, and those of a demonstration if one is given, until it is
// told to stop.
func serve(st *sqlite.Store, demo web.Demo) (address string, stop func(context.Context) error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	address = fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port) // passkeys need a name
	handler, err := pages(st, address, demo)
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(lasting{w}, r) }), ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	return address, func(ctx context.Context) error {
		err := server.Shutdown(ctx)
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	}, nil
}

// pages is the real handler, at the moment of the pictures.
func pages(st *sqlite.Store, address string, demo web.Demo) (http.Handler, error) {
	base, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	return web.New(web.Config{
		Store: st, BaseURL: base, Demo: demo,
		Now:        moment,
		JudgedUpTo: moment,
		Kick:       func() {},
		SSO:        sso(),
		Log:        slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Version:    "1.0", MailConfigured: true, SignupOpen: true,
	})
}
