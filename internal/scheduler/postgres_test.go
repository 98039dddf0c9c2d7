package scheduler_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/pgtest"
	"rollcall/internal/scheduler"
	"rollcall/internal/store"
	"rollcall/internal/store/postgres"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// Two nodes take pings, and two schedulers judge at the same moment: one a process of
// its own. Neither judges beyond what both nodes have proved, and nothing is told twice.
func TestNodesAndSchedulersOnOneDatabase(t *testing.T) {
	ctx := t.Context()
	st, err := postgres.Open(ctx, pgtest.Database(t, pgtest.Durable))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	begin := now()
	at := func(d time.Duration) time.Time { return begin.Add(d) }
	user, err := st.CreateUser(ctx, account.User{Email: "ops@example.org", Created: begin})
	if err != nil {
		t.Fatal(err)
	}
	project, err := st.CreateProject(ctx, account.Project{Name: "Main", PingKey: account.NewPingKey(), Created: begin}, user.ID)
	if err != nil {
		t.Fatal(err)
	}
	channel, err := st.CreateChannel(ctx, monitor.Channel{Project: project.ID, Name: "ops", Kind: monitor.Email, Settings: monitor.Settings{Address: "ops@example.org"}, Created: begin})
	if err != nil {
		t.Fatal(err)
	}
	take := func(steps ...store.Step) {
		t.Helper()
		if _, err := st.Transitions(ctx, steps); err != nil {
			t.Fatal(err)
		}
	}
	var checks []monitor.Check
	for _, period := range []time.Duration{time.Minute, time.Hour} { // pinged so that both are due after a minute
		c, err := st.CreateCheck(ctx, monitor.Create(monitor.Check{
			UUID: uuid.New(), Project: project.ID, Config: monitor.Config{Name: period.String(), Schedule: every(period), Grace: 30 * time.Second},
		}, begin), []monitor.ChannelID{channel.ID})
		if err != nil {
			t.Fatal(err)
		}
		take(store.Step{Ref: store.Ref{ID: c.ID}, Decide: func(c monitor.Check) monitor.Change {
			return c.Receive(monitor.Ping{At: at(time.Minute - period), Signal: monitor.Success})
		}})
		checks = append(checks, c)
	}
	mark := func(node string, d time.Duration, m store.CoverageMark) {
		m.Node, m.Since, m.At = node, begin, at(d)
		take(store.Step{Mark: &m})
	}
	own := &scheduler.Scheduler{Store: st, Node: "a", Evidence: func(now time.Time) time.Time { return now }, Log: slog.New(slog.DiscardHandler)}
	alone := &scheduler.Scheduler{Store: st, Log: slog.New(slog.DiscardHandler)}
	tick := func(d time.Duration) {
		t.Helper()
		var group errgroup.Group
		for _, s := range []*scheduler.Scheduler{own, alone} {
			group.Go(func() error { _, _, err := s.Tick(ctx, at(d)); return err })
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	judged := func(what string, s *scheduler.Scheduler, hold scheduler.Hold, want time.Duration) {
		t.Helper()
		if got := s.JudgedUpTo(); s.Hold() != hold || !got.Equal(at(want)) {
			t.Errorf("%s: held by %q, judged up to %v, want %v", what, s.Hold(), got.Sub(begin), want)
		}
	}
	status := func(what string, want ...monitor.Status) {
		t.Helper()
		for i, c := range checks {
			got, err := st.Check(ctx, project.ID, c.UUID)
			if err != nil || got.Status != want[i] {
				t.Errorf("%s: %s is %s (%v), want %s", what, c.Name, got.Status, err, want[i])
			}
		}
	}

	mark("a", 0, store.CoverageMark{Begin: true})
	mark("b", 0, store.CoverageMark{Begin: true})
	mark("a", 58*time.Second, store.CoverageMark{})
	mark("b", 56*time.Second, store.CoverageMark{})
	tick(59 * time.Second)
	judged("the node's own", own, "", 56*time.Second)
	judged("the lone one", alone, "", 56*time.Second)

	mark("a", 88*time.Second, store.CoverageMark{}) // b has fallen silent, and what reached it may be lost
	tick(90 * time.Second)
	judged("while b is waited for", own, scheduler.Stale, 56*time.Second)
	status("not judged", monitor.Up, monitor.Up)

	mark("a", 117*time.Second, store.CoverageMark{})
	tick(118 * time.Second) // b is expelled; its minute is blind
	judged("without b", own, "", 118*time.Second)
	judged("without b", alone, "", 117*time.Second)
	blinds, err := st.Blinds(ctx, time.Time{}, 9)
	if err != nil || len(blinds) != 1 || !blinds[0].From.Equal(at(56*time.Second)) || !blinds[0].To.Equal(at(116*time.Second)) {
		t.Errorf("blind %v (%v)", blinds, err)
	}

	for d := 130 * time.Second; d < 6*time.Minute; d += 10 * time.Second {
		mark("a", d, store.CoverageMark{})
		tick(d)
	}
	status("after it", monitor.Down, monitor.Unknown)
	mark("a", 65*time.Minute, store.CoverageMark{}) // as if there had been marks in between
	tick(65 * time.Minute)
	status("at the next missed run", monitor.Down, monitor.Down)
	rows, err := st.Deliveries(ctx, store.DeliveryQuery{Project: project.ID, Limit: 99})
	if err != nil {
		t.Fatal(err)
	}
	told := map[monitor.DeliveryKind]int{}
	for _, row := range rows {
		told[row.Kind]++
	}
	if told[monitor.ForFlip] != 2 || told[monitor.ForBlind] != 1 {
		t.Errorf("told %v, want two alarms and one digest", told)
	}
}
