package e2e_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/internal/e2e"
	"rollcall/internal/prove"
)

// testUpgrade changes the program under load, on PostgreSQL without a moment in which
// none runs: the next one starts, both serve, the first stops. In the long form the
// first is the version before the newest migration, and it is gone back to and forth
// again, so that it also runs on a schema newer than it knows; the short form restarts
// one version.
func testUpgrade(t *testing.T, s *site) {
	lives := []string{s.Binary, s.Binary, s.Binary}
	if prove.Long() {
		before := buildBefore(t)
		lives = []string{before, s.Binary, before, s.Binary}
	}
	hooks, others := newReceiver(t, 0), newIDs(20)
	u := &upgrade{T: t, nodes: []*site{s}, loads: []*load{jobs(t, s, hooks, every(others, "other", "1h", "1h", untold))}}
	if s.engine.driver != "sqlite" { // there one process has the file to itself
		beside := *s
		beside.Listen, beside.Ops = freeAddress(t), freeAddress(t)
		u.nodes = append(u.nodes, &beside)
		u.loads = append(u.loads, begin(t, &beside, client{checks: others, pace: 10 * time.Millisecond, rounds: 450, calls: startAndEnd}))
	}
	for i, binary := range lives {
		u.next(i, binary)
	}
	h := newHistory()
	for _, load := range u.loads {
		seen := load.stop()
		maps.Copy(h.sent, seen.sent)
		maps.Copy(h.acked, seen.acked)
		maps.Copy(h.coalesced, seen.coalesced)
		maps.Copy(h.failures, seen.failures)
	}
	eventually(t, 3*time.Minute, "everybody is told", func() bool { return len(s.open(t)) == 0 })
	stop(t, u.running)
	s.read(t, &h)
	hooks.read(t, &h)
	wrong := h.violations()
	tally(t, len(lives), wrong)
	prove.Report(t, "SKEW: versions change under load, forth and back, and no promise breaks", len(lives), len(wrong))
	t.Logf("%d lives: %d pings acknowledged, %d rows; %d flips, %d deliveries, %d messages", len(lives), len(h.acked), len(h.pings), len(h.flips), len(h.deliveries), len(h.received))
	if len(h.acked) < 100 || len(h.deliveries) < 5 {
		t.Error("there was too little to lose")
	}
}

// upgrade is one of them.
type upgrade struct {
	*testing.T
	nodes   []*site
	loads   []*load // by node
	running *e2e.Server
}

// together is how long two versions serve side by side.
const together = 500 * time.Millisecond

// next lets another program take over, at the node whose turn it is.
func (u *upgrade) next(turn int, binary string) {
	u.Helper()
	node, load := u.nodes[turn%len(u.nodes)], u.loads[turn%len(u.nodes)]
	node.Binary = binary
	if len(u.nodes) == 1 && u.running != nil {
		stop(u.T, u.running)
	}
	server := node.run(u.T)
	load.acknowledged(u.T, time.Minute)
	<-time.After(together)
	if len(u.nodes) > 1 && u.running != nil {
		stop(u.T, u.running)
	}
	u.running = server
	load.acknowledged(u.T, time.Minute)
}

// buildBefore builds the version before the newest migration, from the history of the
// repository.
func buildBefore(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("../../migrations/postgres/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no migrations: %v", err)
	}
	slices.Sort(files)
	newest := "migrations/postgres/" + filepath.Base(files[len(files)-1])
	dir := t.TempDir()
	sh := func(script string) string {
		t.Helper()
		cmd := exec.Command("bash", "-euo", "pipefail", "-c", script)
		cmd.Dir, cmd.Env = "../..", append(os.Environ(), "NEWEST="+newest, "DIR="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s\nThe history is needed: where it was cloned without, git fetch --unshallow gets it.", script, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	added := sh(`git log --first-parent --diff-merges=first-parent --diff-filter=A --no-patch --format=%H -1 -- "$NEWEST"`)
	if added == "" {
		t.Fatalf("%s was never committed", newest)
	}
	sh(fmt.Sprintf(`git archive %s^ | tar -x -C "$DIR"`, added))
	sh(`cd "$DIR" && go build -o "$DIR/rollcall-before" ./cmd/rollcall`)
	return filepath.Join(dir, "rollcall-before")
}
