package e2e_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/internal/e2e"
)

// testRefuse starts the process in ways that cannot work. It says why in one line
// and harms neither the one that runs nor its database.
func testRefuse(t *testing.T, binary string) {
	ids := newIDs(1)
	s := newSite(t, binary, "", sqlite)
	s.provision(t, `
projects:
  - name: Main
    owner: ops@example.org
    checks:
`+every(ids, "job", "1h", "1h", ""))
	running := s.run(t)

	dir := t.TempDir()
	invalid := filepath.Join(dir, "invalid.yaml")
	text := "projects:\n  - name: Main\n    owner: ops@example.org\n    checks:\n      - {name: Job, slug: job, period: 1h, grace: never}\n"
	if err := os.WriteFile(invalid, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	other := func(change func(*e2e.Serve)) e2e.Serve {
		serve := e2e.Serve{Binary: binary, Listen: freeAddress(t), Ops: freeAddress(t), Database: filepath.Join(dir, "other.db")}
		change(&serve)
		return serve
	}
	for name, test := range map[string]struct {
		serve e2e.Serve
		want  string
	}{
		"second process on a file": {other(func(o *e2e.Serve) { o.Database = s.Database }), "another rollcall process is using the database"},
		"taken port":               {other(func(o *e2e.Serve) { o.Listen = s.Listen }), "cannot listen on " + s.Listen + ": address already in use"},
		"taken port for operators": {other(func(o *e2e.Serve) { o.Ops = s.Ops }), "cannot listen on " + s.Ops + ": address already in use"},
		"no such database":         {other(func(o *e2e.Serve) { o.Database = "postgres://rollcall:hush@127.0.0.1:1/rollcall" }), "connection refused"},
		"invalid provision file":   {other(func(o *e2e.Serve) { o.More = []string{"--provision", invalid} }), invalid + ":5:"},
		"unknown flag":             {other(func(o *e2e.Serve) { o.More = []string{"--bogus"} }), "unknown flag --bogus"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, test.serve, test.want)
		})
	}

	if got := curl(t, running.URL("/ping/"+ids[0].String())); got.status != 200 {
		t.Errorf("the process that runs answers %d %q", got.status, got.body)
	}
	stop(t, running)
	if n := count(t, s, "SELECT n_pings FROM checks"); n != 1 {
		t.Errorf("the check counts %d pings, want 1", n)
	}
}

// refused expects that a process ends by itself, with one line that says why.
func refused(t *testing.T, serve e2e.Serve, want string) {
	server, err := serve.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	code, err := server.Wait(ctx)
	if err != nil {
		t.Fatalf("it runs: %v\n%s", err, server.Output())
	}
	output := server.Output()
	if code == 0 || strings.Count(output, "\n") != 1 || !strings.Contains(output, want) || strings.Contains(output, "hush") {
		t.Errorf("it ended with status %d and said:\n%s\nwant one line with %q", code, output, want)
	}
}
