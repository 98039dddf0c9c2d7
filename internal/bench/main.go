//go:build linux

// Command bench measures how many pings one machine takes, in one run: a bare
// net/http handler, Rollcall on SQLite and Rollcall on PostgreSQL, under the same
// loads in turn, so that what else the machine does hits all of them.
//
// With -pages it measures instead how fast a person sees the list of many checks.
//
// It owns the generator of the load and the figures. Every answer must be a 200
// for a ping that was kept, and every ping must be found in the database
// afterwards; otherwise there is no table. It refuses to be a test: how fast is
// fast enough depends on the machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rollcall/internal/e2e"
	"rollcall/internal/pgtest"
	"rollcall/internal/store"
	"rollcall/internal/store/postgres"
	"rollcall/internal/store/sqlite"
)

// options are the flags.
type options struct {
	seconds, rounds, checks         int
	binary, only, markdown, profile string
	pages                           bool
}

// What is measured beside the flags.
const (
	warmUp      = time.Second
	startChecks = 1_000 // in the database from which the start is timed
	starts      = 5
	settling    = time.Second // what a start leaves to be done is not idleness
)

// loads are the ways in which pings come, as far as they are asked for.
func (o options) loads() []load {
	all := []load{{conns: 32}, {conns: 128}, {conns: 512}, {conns: 64, fresh: true}}
	return slices.DeleteFunc(all, func(l load) bool { return !strings.Contains(l.String(), o.only) })
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == bareArgument {
		fmt.Fprintln(os.Stderr, serveBare(os.Args[2]))
		os.Exit(1)
	}
	var o options
	flag.IntVar(&o.seconds, "seconds", 5, "measure each load on each server for so long")
	flag.IntVar(&o.rounds, "rounds", 3, "measure so often and print the medians")
	flag.IntVar(&o.checks, "checks", 10_000, "how many checks the pings go to")
	flag.StringVar(&o.binary, "binary", "", "the rollcall binary; built when not given")
	flag.StringVar(&o.only, "only", "", "measure only the loads whose name contains this, such as \"connection per ping\"")
	flag.StringVar(&o.markdown, "markdown", "", "also write the tables to this file")
	flag.StringVar(&o.profile, "profile", "", "write processor profiles of the servers into this directory")
	flag.BoolVar(&o.pages, "pages", false, "measure the list of checks instead of pings")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if o.seconds < 1 || o.rounds < 1 || o.checks < 1 || len(o.loads()) == 0 {
		return errors.New("nothing to measure: -seconds, -rounds and -checks begin at 1, and -only is part of the name of a load")
	}
	dir, err := os.MkdirTemp("", "rollcall-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if o.binary == "" {
		if o.binary, err = e2e.Build(dir); err != nil {
			return err
		}
	}
	server, err := pgtest.Start(pgtest.Durable)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()

	if o.pages {
		text, err := measurePages(ctx, o, engines(dir, server))
		fmt.Print(text)
		return err
	}
	subjects, err := prepare(ctx, o, engines(dir, server))
	defer func() {
		for _, s := range subjects {
			s.kill()
		}
	}()
	if err != nil {
		return err
	}
	if err := measure(ctx, o, subjects); err != nil {
		return err
	}
	for _, s := range subjects[1:] {
		if err := s.finish(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	on, err := machine(dir, subjects[len(subjects)-1].version)
	if err != nil {
		return err
	}
	text := report(o, on, subjects)
	fmt.Print(text)
	if o.markdown != "" {
		return os.WriteFile(o.markdown, []byte(text), 0o644)
	}
	return nil
}

// engines are the databases on which Rollcall is measured.
func engines(dir string, server *pgtest.Server) []engine {
	return []engine{
		{
			name: "Rollcall, SQLite", driver: "sqlite",
			create: func(_ context.Context, name string) (string, error) { return filepath.Join(dir, name+".db"), nil },
			open:   func(ctx context.Context, path string) (store.Store, error) { return sqlite.Open(ctx, path) },
		},
		{
			name: "Rollcall, PostgreSQL", driver: "pgx",
			create: server.CreateDatabase,
			open:   func(ctx context.Context, url string) (store.Store, error) { return postgres.Open(ctx, url) },
		},
	}
}

// prepare starts every server, the bare handler first. It returns those that run
// also with an error.
func prepare(ctx context.Context, o options, engines []engine) ([]*subject, error) {
	bare, err := bareSubject(ctx, o.checks)
	if err != nil {
		return nil, fmt.Errorf("bare handler: %w", err)
	}
	subjects := []*subject{bare}
	for _, e := range engines {
		fmt.Fprintln(os.Stderr, "preparing", e.name)
		s, err := rollcallSubject(ctx, e, o.binary, o.checks)
		if err != nil {
			return subjects, fmt.Errorf("%s: %w", e.name, err)
		}
		subjects = append(subjects, s)
	}
	return subjects, nil
}
