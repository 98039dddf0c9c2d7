//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/e2e"
	"rollcall/internal/store"
)

// subject is a running server and what was measured of it.
type subject struct {
	name      string
	pid       int
	kill      func()
	generator *generator
	cells     map[load][]cell // one for each round

	*rollcall // nil for the bare handler
}

// rollcall is what only Rollcall has.
type rollcall struct {
	engine       engine
	serve        e2e.Serve
	server       *e2e.Server
	postmaster   int           // 0 without PostgreSQL
	version      string        // of PostgreSQL
	start        time.Duration // from exec to the first ping, with startChecks checks
	idle, loaded int64         // resident memory in bytes
	seeded       int           // rows of pings that were there before
	acknowledged int           // pings since
	found        int           // their rows
}

// engine is a database on which Rollcall is measured.
type engine struct {
	name, driver string
	create       func(ctx context.Context, name string) (database string, err error)
	open         func(ctx context.Context, database string) (store.Store, error)
}

// seeded makes a database with n checks.
func (e engine) seeded(ctx context.Context, name string, n int) (database string, ids []uuid.UUID, err error) {
	if database, err = e.create(ctx, name); err != nil {
		return "", nil, err
	}
	st, err := e.open(ctx, database)
	if err != nil {
		return "", nil, err
	}
	ids, err = seed(ctx, st, n)
	return database, ids, errors.Join(err, st.Close())
}

// bareSubject starts the bare handler, which takes any address for a check.
func bareSubject(ctx context.Context, checks int) (*subject, error) {
	address, err := e2e.FreeAddress()
	if err != nil {
		return nil, err
	}
	cmd, err := startBare(address)
	if err != nil {
		return nil, err
	}
	s := &subject{name: "bare net/http handler", pid: cmd.Process.Pid, cells: map[load][]cell{}}
	s.kill = func() { _, _ = cmd.Process.Kill(), cmd.Wait() }
	ids := make([]uuid.UUID, checks)
	for i := range ids {
		ids[i] = uuid.New()
	}
	if s.generator, err = newGenerator(address, ids); err == nil {
		_, err = firstAnswer(ctx, "http://"+address)
	}
	if err != nil {
		s.kill()
		return nil, err
	}
	return s, nil
}

// rollcallSubject times starts on a small database and leaves a server running
// on a large one.
func rollcallSubject(ctx context.Context, e engine, binary string, checks int) (*subject, error) {
	r := &rollcall{engine: e, serve: e2e.Serve{Binary: binary}}
	var err error
	if r.serve.Listen, err = e2e.FreeAddress(); err != nil {
		return nil, err
	}
	if r.serve.Ops, err = e2e.FreeAddress(); err != nil {
		return nil, err
	}
	if err := r.timeStarts(ctx); err != nil {
		return nil, fmt.Errorf("time starts: %w", err)
	}
	var ids []uuid.UUID
	if r.serve.Database, ids, err = e.seeded(ctx, "large", checks); err != nil {
		return nil, fmt.Errorf("seed: %w", err)
	}
	if e.driver == "pgx" {
		if r.postmaster, r.version, err = askPostgres(ctx, r.serve.Database); err != nil {
			return nil, err
		}
	}
	r.seeded = len(ids)
	generator, err := newGenerator(r.serve.Listen, ids)
	if err != nil {
		return nil, err
	}
	if r.server, err = r.serve.Start(); err != nil {
		return nil, err
	}
	s := &subject{name: e.name, pid: r.server.PID(), kill: r.server.Kill, generator: generator, cells: map[load][]cell{}, rollcall: r}
	if err := s.settle(ctx); err != nil {
		s.kill()
		return nil, err
	}
	return s, nil
}

// settle waits until the server is idle and takes its memory.
func (s *subject) settle(ctx context.Context) error {
	if err := s.server.Answering(ctx); err != nil {
		return err
	}
	time.Sleep(settling)
	var err error
	s.idle, err = residentMemory(s.pid)
	return err
}

// timeStarts takes the median time from exec to the first answered ping.
func (r *rollcall) timeStarts(ctx context.Context) error {
	small := r.serve
	var ids []uuid.UUID
	var err error
	if small.Database, ids, err = r.engine.seeded(ctx, "small", startChecks); err != nil {
		return err
	}
	var times []time.Duration
	for range starts {
		began := time.Now()
		server, err := small.Start()
		if err != nil {
			return err
		}
		answered, err := firstAnswer(ctx, server.URL("/ping/"+ids[0].String()))
		if err != nil {
			server.Kill()
			return fmt.Errorf("%w\n%s", err, server.Output())
		}
		times = append(times, answered.Sub(began))
		if err := server.Stop(ctx); err != nil {
			server.Kill()
			return err
		}
	}
	slices.Sort(times)
	r.start = times[len(times)/2]
	return nil
}

// firstAnswer asks until the answer is 200 and returns when that was.
func firstAnswer(ctx context.Context, url string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return time.Time{}, err
		}
		resp, err := client.Do(req)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return time.Now(), nil
			}
			err = errors.New(resp.Status)
		}
		select {
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("no first answer: %w", err)
		case <-poll.C:
		}
	}
}

// newGenerator returns one whose requests look like those of curl.
func newGenerator(address string, ids []uuid.UUID) (*generator, error) {
	listen, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	g := &generator{port: int(listen.Port()), requests: make([][]byte, len(ids))}
	for i, id := range ids {
		g.requests[i] = fmt.Appendf(nil, "GET /ping/%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n", id, address)
	}
	return g, nil
}

// finish takes the memory after the run, stops the server and looks for every
// ping that it acknowledged.
func (s *subject) finish(ctx context.Context) error {
	var err error
	if s.loaded, err = residentMemory(s.pid); err != nil {
		return err
	}
	if err := s.server.Stop(ctx); err != nil {
		return err
	}
	rows, err := countPings(ctx, s.engine.driver, s.serve.Database)
	if err != nil {
		return err
	}
	if s.found = rows - s.seeded; s.found != s.acknowledged {
		return fmt.Errorf("%d pings were acknowledged and %d are in the database", s.acknowledged, s.found)
	}
	return nil
}

// profile writes a processor profile of the server over the given time.
func (s *subject) profile(ctx context.Context, file string, span time.Duration) error {
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", s.serve.Ops, int(span.Seconds()))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("profile: %s", resp.Status)
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, resp.Body)
	return errors.Join(err, out.Close())
}
