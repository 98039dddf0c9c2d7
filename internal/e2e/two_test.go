package e2e_test

import (
	"maps"
	"testing"
	"time"

	"rollcall/internal/prove"
)

// testTwo lets two processes judge and tell side by side, of which none leads, and cuts
// their connections to the database whatever they are doing. Each deadline is judged
// once and each change told once.
func testTwo(t *testing.T, s *site) {
	hooks, lapsed, others := newReceiver(t, 10*time.Millisecond), newIDs(12), newIDs(20)
	lapses := client{checks: lapsed, pace: 300 * time.Millisecond, rounds: calm / 2, calls: bodies("")}
	loads := []*load{jobs(t, s, hooks, every(others, "other", "1h", "1h", untold)+told(lapsed, "lapsed", "1s", "1s"), lapses)}
	beside := *s
	beside.Listen, beside.Ops = freeAddress(t), freeAddress(t)
	first := s.run(t)
	second := beside.run(t)
	loads = append(loads, begin(t, &beside, client{checks: others, pace: 10 * time.Millisecond, rounds: 450, calls: startAndEnd}))
	judged := func() int { return count(t, s, "SELECT count(*) FROM flips WHERE reason = 'timeout'") }
	eventually(t, time.Minute, "deadlines pass", func() bool { return judged() >= len(lapsed) })

	h := newHistory()
	cuts, want := 0, prove.Scale(30, 1000)
	for cuts < want {
		h.crashes = append(h.crashes, time.Now()) // what was sent and could not be recorded comes again
		cuts += count(t, s, `SELECT count(pg_terminate_backend(pid)) FROM
			(SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state IS NOT NULL ORDER BY random() LIMIT 2) AS cut`)
		<-time.After(100 * time.Millisecond)
	}
	for _, load := range loads {
		load.acknowledged(t, time.Minute)
		seen := load.stop()
		maps.Copy(h.sent, seen.sent)
		maps.Copy(h.acked, seen.acked)
		maps.Copy(h.coalesced, seen.coalesced)
		maps.Copy(h.failures, seen.failures)
	}
	eventually(t, 3*time.Minute, "everybody is told", func() bool { return len(s.open(t)) == 0 })
	stop(t, first)
	stop(t, second)
	s.read(t, &h)
	hooks.read(t, &h)
	wrong := h.violations()
	tally(t, cuts, wrong)
	prove.Report(t, "TWO: two processes without a leader judge each deadline once and tell each change once, though their connections are cut", cuts, len(wrong))
	t.Logf("%d connections cut: %d pings acknowledged, %d rows; %d flips, %d deliveries, %d messages", cuts, len(h.acked), len(h.pings), len(h.flips), len(h.deliveries), len(h.received))
	if len(h.acked) < 100 || len(h.received) < 10 {
		t.Error("there was too little to lose")
	}
}
