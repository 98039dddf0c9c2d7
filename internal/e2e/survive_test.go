package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/internal/e2e"
	"rollcall/internal/prove"
)

// How long a process hangs at a failpoint: longer than a gap in coverage and than a
// batch of pings is tried; in the long form also longer than the lease of a delivery.
const (
	hangShort = 18 * time.Second
	hangLong  = 65 * time.Second
)

// survival is one process that has to live on with what happens at a failpoint.
type survival struct {
	*site
	cycle
	hooks  *receiver
	load   *load
	server *e2e.Server
	lapses []time.Time // after them leases ran out
}

// testSurvive lets a process meet an error at each failpoint, or hang there and go on
// as if nothing had happened, and live on: whatever became of what was under way
// meanwhile, the history is whole in the end. All of them wait at the same time.
func testSurvive(t *testing.T, s *site) {
	var plan []cycle
	for _, p := range failpoints(t) {
		switch {
		case p.ofCommand(), strings.HasPrefix(p.name, "sqlite.") && s.engine.driver != "sqlite", strings.HasPrefix(p.name, "stop."):
			continue
		case p.fails:
			plan = append(plan, cycle{p.name, "error"})
		}
		plan = append(plan, cycle{p.name, "hang"})
	}
	rand.Shuffle(len(plan), func(i, j int) { plan[i], plan[j] = plan[j], plan[i] })
	const together = 4
	for batch := range slices.Chunk(plan[:prove.Scale(together, len(plan))], together) {
		surviveTogether(t, s, batch)
	}
}

func surviveTogether(t *testing.T, s *site, plan []cycle) {
	all := make([]*survival, len(plan))
	for i, c := range plan {
		all[i] = &survival{site: s.another(t), cycle: c, hooks: newReceiver(t, 10*time.Millisecond)}
		all[i].begin(t)
	}
	for _, v := range all {
		eventually(t, time.Minute, v.point+" is passed", func() bool {
			return strings.Contains(v.server.Output(), "failpoint "+v.point+" "+v.action)
		})
		v.lapses = append(v.lapses, time.Now()) // in the long form leases run out by themselves
		if v.attempting() && !prove.Long() {
			v.lapse(t)
		}
	}
	<-time.After(time.Duration(prove.Scale(int(hangShort), int(hangLong))))
	for _, v := range all {
		v.server.GoOn()
	}
	for _, v := range all {
		v.settle(t)
	}
}

// begin lets jobs report to a process in which something is going to happen.
func (v *survival) begin(t *testing.T) {
	t.Helper()
	plain, runs, moody, quiet, mails := newIDs(8), newIDs(8), newIDs(12), newIDs(4), newIDs(2)
	v.provision(t, "projects:\n  - name: Survive\n    owner: ops@example.org\n    channels:\n"+v.hooks.channels("moody", len(moody))+"    checks:\n"+
		every(plain, "plain", "1h", "1h", untold)+every(runs, "run", "1h", "1h", untold)+every(mails, "mail", "1h", "1h", untold)+
		every(quiet, "quiet", "1s", "1s", untold)+told(moody, "moody", "1h", "1h"))
	v.More = append(v.More, "--egress-allow", "127.0.0.0/8")
	v.takeMail(t)
	nth := 1
	if strings.HasPrefix(v.point, "door.") || strings.HasPrefix(v.point, "sqlite.") {
		nth = 100 // the start goes through the door too, and one that meets an error ends
	}
	v.Binary, v.Failures = v.armed, fmt.Sprintf("%s:%d:%s", v.point, nth, v.action)
	clients := []client{
		{checks: plain, pace: 25 * time.Millisecond, rounds: 900, calls: bodies("")},
		{checks: mails, pace: 100 * time.Millisecond, rounds: 900, calls: bodies(""), mail: true},
		{checks: moody, pace: 100 * time.Millisecond, rounds: calm, calls: bodies("/fail", "")},
		{checks: quiet, pace: time.Second, rounds: 900, calls: bodies("")},
	}
	if v.point != "ping.received" { // a start that has hung there comes when its run is long over, and is another one
		clients = append(clients, client{checks: runs, pace: 25 * time.Millisecond, rounds: 450, calls: startAndEnd})
	}
	v.load = begin(t, v.site, clients...)
	v.server = v.run(t)
}

// attempting reports whether the process hangs in an attempt to deliver. In one that
// has not begun its lease is looked at again, and by the process's own clock.
func (v *survival) attempting() bool {
	return strings.HasPrefix(v.point, "alerter.") && v.point != "alerter.after_lease" || strings.HasPrefix(v.point, "webhook.")
}

// lapse lets a minute pass for what is being sent.
func (v *survival) lapse(t *testing.T) {
	t.Helper()
	if _, err := v.db.ExecContext(t.Context(), "UPDATE deliveries SET next_at = next_at - 60000000 WHERE state = 'sending'"); err != nil {
		t.Fatal(err)
	}
}

// settle lets the process do all that is left to do, and holds what was seen against
// its database.
func (v *survival) settle(t *testing.T) {
	t.Helper()
	eventually(t, 2*time.Minute, "there is something to lose after "+v.point+" "+v.action, func() bool {
		return v.load.log.acks.Load() > 200 && len(v.hooks.all()) > 10
	})
	v.load.acknowledged(t, time.Minute)
	h := v.load.stop()
	var open []string
	defer func() {
		if len(open) > 0 {
			t.Logf("%s, %s: in the end %q\n%s", v.point, v.action, open, v.server.Output())
		}
	}()
	eventually(t, 3*time.Minute, "everybody is told after "+v.point+" "+v.action, func() bool {
		open = v.open(t)
		return len(open) == 0
	})
	stop(t, v.server)
	h.crashes = v.lapses
	v.read(t, &h)
	v.hooks.read(t, &h)
	wrong := h.violations()
	tally(t, 1, wrong)
	t.Logf("%s, %s: %d violations; %d pings acknowledged, %d rows; %d flips, %d deliveries, %d messages",
		v.point, v.action, len(wrong), len(h.acked), len(h.pings), len(h.flips), len(h.deliveries), len(h.received))
}
