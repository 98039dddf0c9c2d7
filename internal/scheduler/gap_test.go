package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/prove"
	"rollcall/internal/scheduler"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlite"
)

// A clock that is set, or stands still with its machine, is no reason to wake
// anybody; and however it is set, the dead are told later.
func TestClocks(t *testing.T) {
	var healthy, falsely, dead, hidden int
	for _, jump := range []time.Duration{
		20 * time.Second, 61 * time.Second, 5 * time.Minute, 3 * time.Hour, 25 * time.Hour, 50 * 365 * 24 * time.Hour,
		-time.Second, -20 * time.Second, -5 * time.Minute, -25 * time.Hour,
	} {
		t.Run(fmt.Sprint(jump), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				var skew atomic.Int64
				clock := func() time.Time { return now().Add(time.Duration(skew.Load())) }
				n := startNode(t, w.Store, clock)
				defer n.stop(true)
				alive, quiet := w.check("alive", every(time.Minute), time.Minute), w.check("quiet", every(time.Minute), time.Minute)
				daily := w.check("daily", every(24*time.Hour), time.Hour)
				all := []monitor.Check{alive, quiet, daily}
				for _, c := range all {
					n.ping(t, c)
				}
				for range 4 {
					time.Sleep(30 * time.Second)
					n.ping(t, alive)
					n.ping(t, quiet)
				}
				skew.Store(int64(jump))
				for range 20 {
					time.Sleep(30 * time.Second)
					n.ping(t, alive)
				}
				healthy++
				for _, f := range w.flips(alive) {
					if f.New == monitor.Down {
						falsely++
						t.Errorf("told down: %+v", f)
					}
				}
				for _, c := range all {
					flips := w.flips(c)
					for i := range flips[1:] {
						if flips[i].At.Before(flips[i+1].At) {
							t.Errorf("%s: a flip of %v after one of %v", c.Name, flips[i].At, flips[i+1].At)
						}
					}
				}
				if s := w.read(daily).Status; s == monitor.Down {
					t.Errorf("the daily one is %s", s)
				}
				blinds, err := w.Blinds(t.Context(), time.Time{}, 10)
				if want := map[bool]int{true: 1}[jump > monitor.BlindAfter]; err != nil || len(blinds) != want {
					t.Errorf("blind %v (%v), want %d", blinds, err, want)
				}
				dead++
				if jump > -5*time.Minute { // else the clock has to come back to where its deadline is
					if downs := w.downs(quiet); downs != 1 {
						hidden++
						t.Errorf("the dead one was told %d times: %+v", downs, w.flips(quiet))
					}
				}
				if hold := n.s.Hold(); hold != "" || n.s.JudgedUpTo().Before(clock().Add(-2*look)) {
					t.Errorf("held by %q, judged up to %v", hold, n.s.JudgedUpTo())
				}
			})
		})
	}
	prove.Report(t, "FALSE: a clock that is set takes no healthy job down", healthy, falsely)
	prove.Report(t, "BOUND: a clock that is set hides no dead job", dead, hidden)
}

func (n *node) ping(t *testing.T, c monitor.Check) {
	t.Helper()
	if err := submit(n, c); err != nil {
		t.Fatal(err)
	}
}

func (w *world) downs(c monitor.Check) int {
	told := 0
	for _, f := range w.flips(c) {
		if f.New == monitor.Down && f.Tell {
			told++
		}
	}
	return told
}

// A backup of three days ago is restored: what it knows of its coverage is as old.
func TestAnOldBackupIsABlindInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var checks []monitor.Check
		n := startNode(t, w.Store, now)
		for i := range 50 {
			c := w.check(fmt.Sprint("job ", i), every([]time.Duration{time.Minute, 24 * time.Hour}[i%2]), time.Minute)
			n.ping(t, c)
			checks = append(checks, c)
		}
		time.Sleep(30 * time.Second)
		n.stop(false) // the backup is what the database is now
		time.Sleep(3 * 24 * time.Hour)
		n = startNode(t, w.Store, now)
		defer n.stop(true)
		began := now()
		time.Sleep(time.Second)
		for i, c := range checks {
			if i%2 == 0 {
				n.ping(t, c)
			}
		}
		time.Sleep(50 * time.Second)
		for i, c := range checks {
			if w.downs(c) > 0 {
				t.Errorf("job %d was told down: %+v", i, w.flips(c))
			}
		}
		blinds, err := w.Blinds(t.Context(), time.Time{}, 10)
		if err != nil || len(blinds) != 1 || blinds[0].To.Before(began) || blinds[0].To.Sub(blinds[0].From) < 3*24*time.Hour {
			t.Errorf("blind %v (%v)", blinds, err)
		}
	})
}

// A check that tolerates bad results missed a slot, and nobody had judged it when the
// server died. The slots after it lie inside the outage, and are no misses.
func TestAMissBeforeAnOutageDoesNotReachIntoIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.check("job", every(time.Minute), time.Minute)
		config := c.Config
		config.Threshold = new(3)
		if _, err := w.Transitions(t.Context(), []store.Step{{Ref: store.Ref{ID: c.ID}, Decide: func(c monitor.Check) monitor.Change { return c.Reconfigure(config, now()) }}}); err != nil {
			t.Fatal(err)
		}
		w.ping(c, monitor.Success)
		w.scheduler()
		ctx, cancel := context.WithCancel(t.Context())
		var alone errgroup.Group // takes pings, judges nothing
		alone.Go(func() error { return w.in.Run(ctx) })
		time.Sleep(150 * time.Second) // the deadline of the first slot was after 120
		cancel()
		if err := alone.Wait(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Minute)
		stop := w.running(w.scheduler())
		defer stop()
		time.Sleep(30 * time.Second)
		if streak := w.read(c).FailStreak; streak != 1 {
			t.Errorf("%d misses, want that before the outage", streak)
		}
		for range 5 {
			w.ping(c, monitor.Success)
			time.Sleep(time.Minute)
		}
		if got := w.read(c); w.downs(c) != 0 || got.FailStreak != 0 {
			t.Errorf("told down %d times, %d misses", w.downs(c), got.FailStreak)
		}
	})
}

// broken fails after so many transactions of making a blind interval good.
type broken struct {
	*sqlite.Store
	left atomic.Int64
}

func (b *broken) SettleBlind(ctx context.Context, blind monitor.Blind) error {
	if b.left.Add(-1) >= 0 {
		return fault.Unavailable
	}
	return b.Store.SettleBlind(ctx, blind)
}

func TestABlindIntervalIsMadeGoodOnceHoweverOftenWeCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.check("job", every(time.Hour), 5*time.Minute)
		n := startNode(t, w.Store, now)
		n.ping(t, c)
		time.Sleep(58 * time.Minute)
		n.stop(false)
		time.Sleep(3 * time.Minute)

		b := &broken{Store: w.Store}
		b.left.Store(4)
		from := w.read(c).Due
		n = startNode(t, b, now)
		time.Sleep(30 * time.Second)
		first := w.read(c)
		if first.Credit == 0 || n.s.Hold() != scheduler.NoAnswer {
			t.Fatalf("credit %v, held by %q", first.Credit, n.s.Hold())
		}
		time.Sleep(time.Minute) // it has been tried again since
		again := w.read(c)
		if n.s.Hold() != "" || again.Credit != first.Credit || !again.Due.Equal(from) {
			t.Errorf("held by %q; credit %v was %v", n.s.Hold(), again.Credit, first.Credit)
		}
		n.stop(true)
	})
}

func TestASchedulerAloneHoldsUntilSomebodyTakesPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.check("job", every(time.Minute), time.Minute)
		n := startNode(t, w.Store, now)
		n.ping(t, c)
		alone := w.scheduler()
		alone.Evidence, alone.Node = nil, ""
		tick := func() int {
			judged, _, err := alone.Tick(t.Context(), now())
			if err != nil {
				t.Fatal(err)
			}
			return judged
		}
		time.Sleep(10 * time.Second)
		tick()
		if got, mark := alone.JudgedUpTo(), now().Add(-14*time.Second); alone.Hold() != "" || got.Before(mark) || got.After(now()) {
			t.Errorf("held by %q, judged up to %v", alone.Hold(), got)
		}
		n.in.Leave(t.Context())
		time.Sleep(3 * time.Minute)
		if judged := tick(); judged != 0 || alone.Hold() != scheduler.NoNode {
			t.Errorf("judged %d with nobody to take pings, held by %q", judged, alone.Hold())
		}
		n.stop(false)
		n = startNode(t, w.Store, now)
		defer n.stop(true)
		time.Sleep(time.Second)
		tick()
		if got := w.read(c); alone.Hold() != "" || got.Status != monitor.Up || got.BlindFrom.IsZero() {
			t.Errorf("held by %q, %s", alone.Hold(), got.Status)
		}
	})
}

// What is received in a short outage of the database is stored after it, and judged
// by; the mark that proves it comes later than what it proves.
func TestEvidenceWaitsForWhatIsReceived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		db := &flaky{Store: w.Store}
		n := startNode(t, db, now)
		defer n.stop(true)
		c := w.check("job", every(time.Minute), time.Minute)
		n.ping(t, c)
		time.Sleep(115 * time.Second)
		db.leave(false)
		if err := submit(n, c); !errors.Is(err, fault.Unavailable) {
			t.Fatalf("taken while the database was away: %v", err)
		}
		time.Sleep(12 * time.Second)
		db.comeBack()
		time.Sleep(time.Minute)
		if got := w.read(c); got.NPings != 2 || w.downs(c) != 0 {
			t.Errorf("%d pings, %s", got.NPings, got.Status)
		}
	})
}

func submit(n *node, c monitor.Check) error {
	_, err := n.in.Submit(context.Background(), reportOf(c))
	return err
}
