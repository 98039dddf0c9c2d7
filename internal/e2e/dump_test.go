package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/internal/doctest"
	"rollcall/internal/prove"
)

// testDump backs a PostgreSQL database up beside a running server and restores it, by
// the very commands of the operator's guide, and lets a server go on with it.
func testDump(t *testing.T, s *site) {
	hooks := newReceiver(t, 0)
	load := jobs(t, s, hooks, "")
	server := s.run(t)
	load.acknowledged(t, time.Minute)
	eventually(t, time.Minute, "some were told", func() bool { return len(hooks.all()) > 20 })
	dir := t.TempDir()
	type size struct {
		checks, pings, flips int
	}
	sizeOf := func(s *site) size {
		return size{count(t, s, "SELECT count(*) FROM checks"), count(t, s, "SELECT count(*) FROM pings"), count(t, s, "SELECT count(*) FROM flips")}
	}
	before := sizeOf(s)
	typed(t, s, dir, "pg_dump")
	after := sizeOf(s)
	load.stop()
	stop(t, server)

	restored := *newSite(t, s.Binary, s.armed, postgreSQL)
	if said := typed(t, &restored, dir, "pg_restore"); !strings.Contains(said, "The database is sound.") {
		t.Errorf("the restored database: %s", said)
	}
	wrong := 0
	if got := sizeOf(&restored); got.checks != before.checks || got.pings < before.pings || got.pings > after.pings || got.flips < before.flips || got.flips > after.flips {
		wrong++
		t.Errorf("restored %+v, of %+v before the backup and %+v after it", got, before, after)
	}
	restored.More = s.More
	server = restored.run(t)
	id := rows(t, &restored, "SELECT uuid FROM checks LIMIT 1", func(id *string) []any { return []any{id} })[0]
	if got := curl(t, server.URL("/ping/"+id)); got.status != 200 {
		wrong++
		t.Errorf("a ping to the restored server is answered %d %s", got.status, got.body)
	}
	stop(t, server)
	prove.Report(t, "RESTORE: a dump of PostgreSQL, by the documented commands, is sound and can be gone on with", 2, wrong)
}

// typed does what the operator's guide tells to type, in the one block that has the
// command, and returns what was said.
func typed(t *testing.T, s *site, dir, command string) string {
	t.Helper()
	var blocks []string
	for _, example := range doctest.Examples(t) {
		if example.File == "operating.md" && strings.HasPrefix(example.Text, command+" ") {
			blocks = append(blocks, example.Text)
		}
	}
	if len(blocks) != 1 {
		t.Fatalf("docs/operating.md has %d blocks that begin with %s", len(blocks), command)
	}
	shell := exec.Command("bash", "-euc", blocks[0])
	shell.Dir = dir
	shell.Env = append(os.Environ(), "ROLLCALL_DATABASE="+s.Database, fmt.Sprintf("PATH=%s:%s", filepath.Dir(s.Binary), os.Getenv("PATH")))
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", blocks[0], err, out)
	}
	return string(out)
}
