// Package clienttest runs clients of other services, as their makers deliver them,
// against the real server: only the host in their settings is another.
//
// It owns those clients, which scripts/clients installs, and the recorded requests
// of those that cannot be installed. It refuses to look at what is not the wire or
// the database; package dialect has the tables.
package clienttest_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"rollcall/internal/e2e"
	"rollcall/internal/monitor"
)

const (
	pingKey  = "k3yk3yk3yk3yk3yk3yk3y0"
	apiKey   = "hcw_abcdefghijklmnopqrstuvwxyz01"
	checkID  = "7d5f0c5e-94a1-4e0b-9d35-6a1a8e0a2b11"
	hooked   = "0b8e6a52-3c1d-4e7f-8a6b-2d3c4e5f6a7b"
	imported = "c0dec0de4242" // a token of Cronitor's
)

// site is a running server and its database.
type site struct {
	*e2e.Server
	listen string
	db     *sql.DB // for looking, beside the server
}

func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	binary, err := e2e.Build(dir)
	if err != nil {
		t.Fatal(err)
	}
	document := filepath.Join(dir, "provision.yaml")
	if err := os.WriteFile(document, []byte(`
projects:
  - name: Managed
    owner: ops@example.org
    api_key: `+apiKey+`
    channels: [{name: Desk, kind: email, address: desk@example.org}]
    checks: [{name: Other, slug: other, period: 1h, grace: 1h}]
  - name: Clients
    owner: ops@example.org
    ping_key: `+pingKey+`
    checks:
      - {name: Known, slug: known, uuid: `+checkID+`, period: 1h, grace: 1h, tokens: [{dialect: cronitor, token: `+imported+`}]}
      - {name: Beat, slug: my-heartbeat, period: 1h, grace: 1h}
      - {name: Hooked, slug: hooked, uuid: `+hooked+`, period: 1h, grace: 1h}
      - {name: Watchdog, slug: watchdog, period: 1h, grace: 1h}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	serve := e2e.Serve{Binary: binary, Database: filepath.Join(dir, "rollcall.db"), More: []string{"--provision", document}}
	for _, address := range []*string{&serve.Listen, &serve.Ops} {
		if *address, err = e2e.FreeAddress(); err != nil {
			t.Fatal(err)
		}
	}
	s := &site{listen: serve.Listen}
	if s.db, err = sql.Open("sqlite", "file:"+serve.Database+"?_pragma=busy_timeout(5000)"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.db.Close(); err != nil {
			t.Error(err)
		}
	})
	if s.Server, err = serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.Answering(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

// ping is what is kept of a report. Run ids that clients draw are told apart as run
// 1, run 2 and so on.
type ping struct {
	Signal monitor.Signal
	Run    string
	Exit   string
	Took   time.Duration // rounded to a tenth of a second
	Body   string
	Detail monitor.Detail
}

// difference is what is kept other than wanted. A duration that no client has reported
// was measured, and is that of the machine.
func difference(want, got []ping) string {
	got = slices.Clone(got)
	for i := range min(len(want), len(got)) {
		if want[i].Took == 0 {
			got[i].Took = 0
		}
	}
	return cmp.Diff(want, got)
}

// pings returns what a check has kept, the oldest first.
func (s *site) pings(t *testing.T, slug string) []ping {
	t.Helper()
	rows, err := s.db.QueryContext(t.Context(), `SELECT p.signal, p.run_id, coalesce(p.exit_status, ''), coalesce(p.duration, 0), coalesce(p.body, ''), p.detail
		FROM pings p JOIN checks c ON c.id = p.check_id WHERE c.slug = ? ORDER BY p.n`, slug)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var list []ping
	names := map[string]string{"": ""}
	for rows.Next() {
		var p ping
		var took int64 // microseconds
		var detail string
		if err := rows.Scan(&p.Signal, &p.Run, &p.Exit, &took, &p.Body, &detail); err != nil {
			t.Fatal(err)
		}
		if _, known := names[p.Run]; !known {
			names[p.Run] = fmt.Sprintf("run %d", len(names))
		}
		p.Run, p.Took = names[p.Run], (time.Duration(took) * time.Microsecond).Round(100*time.Millisecond)
		if detail != "" {
			if err := json.Unmarshal([]byte(detail), &p.Detail); err != nil {
				t.Fatal(err)
			}
		}
		list = append(list, p)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// check is what a client may decide about a check.
type check struct {
	Name, Status, Kind, Expr, Zone string
	Period, Grace, MaxRuntime      time.Duration
}

func (s *site) check(t *testing.T, slug string) check {
	t.Helper()
	var c check
	var period, grace, limit int64 // seconds
	err := s.db.QueryRowContext(t.Context(), `SELECT name, status, kind, schedule, timezone, period, grace, coalesce(max_runtime, 0) FROM checks WHERE slug = ?`, slug).
		Scan(&c.Name, &c.Status, &c.Kind, &c.Expr, &c.Zone, &period, &grace, &limit)
	if err != nil {
		t.Fatalf("check %s: %v", slug, err)
	}
	for value, into := range map[*int64]*time.Duration{&period: &c.Period, &grace: &c.Grace, &limit: &c.MaxRuntime} {
		*into = time.Duration(*value) * time.Second
	}
	return c
}

// runs returns the runs of a check that are open, or ended moments ago.
func (s *site) runs(t *testing.T, slug string) []monitor.Run {
	t.Helper()
	var text string
	if err := s.db.QueryRowContext(t.Context(), "SELECT runs FROM checks WHERE slug = ?", slug).Scan(&text); err != nil {
		t.Fatal(err)
	}
	var runs []monitor.Run
	if err := json.Unmarshal([]byte(text), &runs); err != nil {
		t.Fatalf("the runs of %s are %q: %v", slug, text, err)
	}
	return runs
}

// installed returns the path of something that scripts/clients installs.
func installed(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../../bin/clients", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is not installed: run make clients", name)
	}
	return path
}

// ran is how a client ended.
type ran struct {
	exit           int
	stdout, stderr string
}

// run runs a client with nothing of our environment but what it is given.
func run(t *testing.T, environment []string, program string, args ...string) ran {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, environment...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil || ctx.Err() != nil {
		t.Fatalf("%s: %v\n%s", program, err, stderr.String())
	}
	return ran{cmd.ProcessState.ExitCode(), strings.TrimSpace(stdout.String()), strings.TrimSpace(stderr.String())}
}

// eventually polls until done says so, for at most ten seconds.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("not within ten seconds: %s", what)
		case <-poll.C:
		}
	}
}
