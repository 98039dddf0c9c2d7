//go:build linux

package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
)

// TestGenerator holds the generator's count against that of a server.
func TestGenerator(t *testing.T) {
	for _, l := range []load{{conns: 5}, {conns: 5, fresh: true}} {
		t.Run(l.String(), func(t *testing.T) {
			var pings, conns atomic.Int64
			var paths sync.Map
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				pings.Add(1)
				paths.Store(r.URL.Path, true)
				_, _ = w.Write([]byte("OK"))
			}))
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					conns.Add(1)
				}
			}
			server.Start()
			defer server.Close()
			ids := []uuid.UUID{uuid.New(), uuid.New(), uuid.New()}
			g, err := newGenerator(server.Listener.Addr().String(), ids)
			if err != nil {
				t.Fatal(err)
			}
			windows := 0
			got, err := g.run(t.Context(), l, 20*time.Millisecond, 100*time.Millisecond, func() error { windows++; return nil })
			if err != nil {
				t.Fatal(err)
			}
			if want := int(pings.Load()); got.acknowledged != want || want == 0 {
				t.Errorf("%d pings acknowledged, the server answered %d", got.acknowledged, want)
			}
			if n := len(got.inWindow); n == 0 || n >= got.acknowledged {
				t.Errorf("%d of %d pings were measured", n, got.acknowledged)
			}
			want := int64(l.conns)
			if l.fresh {
				want = pings.Load()
			}
			if conns.Load() != want {
				t.Errorf("%d connections, want %d", conns.Load(), want)
			}
			for _, id := range ids {
				if _, ok := paths.Load("/ping/" + id.String()); !ok {
					t.Errorf("check %s got no ping", id)
				}
			}
			if windows != 2 {
				t.Errorf("the window was announced %d times, want 2", windows)
			}
		})
	}
}

func TestGeneratorRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"another status":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, "503 Service Unavailable"},
		"a ping not kept":     {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Ping-Coalesced", "1") }, "Ping-Coalesced: 1"},
		"a broken connection": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "closed a connection"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.handler)
			defer server.Close()
			g, err := newGenerator(server.Listener.Addr().String(), []uuid.UUID{uuid.New()})
			if err != nil {
				t.Fatal(err)
			}
			_, err = g.run(t.Context(), load{conns: 2}, 0, time.Second, func() error { return nil })
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestReport(t *testing.T) {
	bare := &subject{name: "bare", cells: map[load][]cell{}}
	full := &subject{name: "full", cells: map[load][]cell{}, rollcall: &rollcall{
		postmaster: 1, start: 123 * time.Millisecond, idle: 20e6, loaded: 50e6, acknowledged: 7, found: 7,
	}}
	o := options{rounds: 3, seconds: 5, checks: 10}
	for _, l := range o.loads() {
		bare.cells[l] = []cell{{rate: 100, ofBare: 1, p50: time.Millisecond, p99: 20 * time.Millisecond, cpu: 5 * time.Millisecond}}
		full.cells[l] = []cell{{rate: 90}, {rate: 50, ofBare: 0.5, databaseCPU: time.Millisecond}, {rate: 40, ofBare: 0.4}}
	}
	text := report(o, "A machine.", []*subject{bare, full})
	for _, want := range []string{
		"A machine.\n",
		"| connection per ping, 64 at a time | bare   | 100     | 1.00    | 1.0 ms | 20 ms  | 5.0 ms ",
		"| keep-alive, 128 connections       | full   | 50      | 0.40    |",
		"0.0 ms + 0.0 ms PostgreSQL |",
		"| full   | 20 MB       | 50 MB                | 123 ms",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
}
