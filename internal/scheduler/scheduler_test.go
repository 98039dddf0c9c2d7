package scheduler_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"rollcall/internal/account"
	"rollcall/internal/ingest"
	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/internal/scheduler"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlite"
)

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// world is a store with one project and one channel, inside a bubble of virtual time.
type world struct {
	*sqlite.Store
	t       *testing.T
	in      *ingest.Ingest // of the last scheduler
	path    string
	project account.Project
	channel monitor.Channel
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	st, err := sqlite.Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	w := &world{Store: st, t: t, path: path}
	user, err := st.CreateUser(ctx, account.User{Email: "ops@example.org", Created: now()})
	if err != nil {
		t.Fatal(err)
	}
	if w.project, err = st.CreateProject(ctx, account.Project{Name: "Main", PingKey: account.NewPingKey(), Created: now()}, user.ID); err != nil {
		t.Fatal(err)
	}
	w.channel, err = st.CreateChannel(ctx, monitor.Channel{
		Project: w.project.ID, Name: "ops", Kind: monitor.Email,
		Settings: monitor.Settings{Address: "ops@example.org"}, Created: now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) check(name string, spec schedule.Spec, grace time.Duration) monitor.Check {
	w.t.Helper()
	c, err := w.CreateCheck(w.t.Context(), monitor.Create(monitor.Check{
		UUID: uuid.New(), Project: w.project.ID,
		Config: monitor.Config{Name: name, Schedule: spec, Grace: grace},
	}, now()), []monitor.ChannelID{w.channel.ID})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) ping(c monitor.Check, signal monitor.Signal) {
	w.t.Helper()
	results, err := w.Transitions(w.t.Context(), []store.Step{{
		Ref:    store.Ref{ID: c.ID},
		Decide: func(c monitor.Check) monitor.Change { return c.Receive(monitor.Ping{At: now(), Signal: signal}) },
	}})
	if err != nil || results[0].Err != nil {
		w.t.Fatal(err, results[0].Err)
	}
}

func (w *world) read(c monitor.Check) monitor.Check {
	w.t.Helper()
	c, err := w.Check(w.t.Context(), w.project.ID, c.UUID)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) flips(c monitor.Check) []monitor.Flip {
	w.t.Helper()
	flips, err := w.Flips(w.t.Context(), c.ID, 0, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	return flips
}

// scheduler is that of a node, whose marks running commits.
func (w *world) scheduler() *scheduler.Scheduler {
	w.in = ingest.New(w.Store, ingest.Options{Now: now, Node: "test", Log: slog.New(slog.DiscardHandler)})
	return &scheduler.Scheduler{Store: w.Store, Now: now, Evidence: w.in.Evidence, Node: "test", Log: slog.New(slog.DiscardHandler)}
}

// running starts a scheduler and its node, and returns how to end them without a
// word, as a crash does.
func (w *world) running(s *scheduler.Scheduler) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var group errgroup.Group
	group.Go(func() error { return s.Run(ctx) })
	group.Go(func() error { return w.in.Run(ctx) })
	return func() {
		w.t.Helper()
		cancel()
		if err := group.Wait(); err != nil {
			w.t.Error(err)
		}
	}
}

func every(d time.Duration) schedule.Spec { return schedule.Spec{Kind: schedule.Every, Period: d} }

func TestADeadlineIsActedOnWhenItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.check("job", every(20*time.Minute), 5*time.Minute)
		var told atomic.Int64
		s := w.scheduler()
		s.Flipped = func() { told.Add(1) }
		defer w.running(s)()

		began := now()
		w.ping(c, monitor.Success)
		time.Sleep(40 * time.Minute)
		synctest.Wait()

		flips := w.flips(c)
		if len(flips) != 2 || flips[0].New != monitor.Down || flips[0].Reason != monitor.Silent {
			t.Fatalf("flips: %+v", flips)
		}
		deadline := began.Add(25 * time.Minute)
		if got := flips[0].At; !got.Equal(deadline) {
			t.Errorf("dated %v, want the deadline %v", got, deadline)
		}
		if late := flips[0].Judged.Sub(deadline); late < 0 || late > 50*time.Millisecond {
			t.Errorf("judged %v after the deadline", late)
		}
		if told.Load() != 1 {
			t.Errorf("told %d times, want once", told.Load())
		}
	})
}

func TestADeadlineThatComesNearerIsSeenWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.scheduler()
		defer w.running(s)()
		time.Sleep(time.Minute) // it sleeps with nothing to wait for

		c := w.check("job", every(time.Second), time.Second)
		began := now()
		w.ping(c, monitor.Success)
		time.Sleep(4 * time.Second)
		synctest.Wait()
		flips := w.flips(c)
		if len(flips) != 2 {
			t.Fatalf("flips: %+v", flips)
		}
		if late := flips[0].Judged.Sub(began.Add(2 * time.Second)); late < 0 || late > time.Second {
			t.Errorf("judged %v after the deadline", late)
		}
	})
}

func TestPingsMoveTheDeadlineWithoutTouchingItsIndex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.check("job", every(12*time.Minute), time.Minute)
		defer w.running(w.scheduler())()
		w.ping(c, monitor.Success)
		wake := w.read(c).Wake
		for range 10 {
			time.Sleep(time.Minute)
			w.ping(c, monitor.Success)
			if got := w.read(c).Wake; !got.Equal(wake) {
				t.Fatalf("a ping moved the index entry from %v to %v", wake, got)
			}
		}
		time.Sleep(5 * time.Minute) // the scheduler has come by meanwhile
		synctest.Wait()
		c = w.read(c)
		if d, _ := c.Deadline(); c.Status != monitor.Up || !c.Wake.Equal(d.At) {
			t.Errorf("%s, wakes at %v, deadline %v", c.Status, c.Wake, d.At)
		}
	})
}

func TestNothingIsJudgedBeyondTheEvidence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.check("job", every(time.Minute), time.Minute)
		w.ping(c, monitor.Success)
		waiting := now().Add(90 * time.Second) // a ping that was received then is not stored yet
		var released atomic.Bool
		s := w.scheduler()
		s.Evidence = func(now time.Time) time.Time {
			if !released.Load() && waiting.Before(now) {
				return waiting
			}
			return now
		}
		time.Sleep(10 * time.Second)
		defer w.running(s)()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := w.read(c).Status; got != monitor.Up {
			t.Fatalf("judged %s without evidence", got)
		}
		if got := s.JudgedUpTo(); !got.Equal(waiting) {
			t.Errorf("claims to have judged up to %v, want %v", got, waiting)
		}
		released.Store(true)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := w.read(c).Status; got != monitor.Down {
			t.Errorf("%s, want down once the evidence is there", got)
		}
	})
}

func TestOneCheckThatCannotBeJudgedStopsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		good := w.check("good", every(time.Minute), time.Minute)
		bad := w.check("bad", every(time.Minute), time.Minute)
		w.ping(good, monitor.Success)
		w.ping(bad, monitor.Success)
		s := w.scheduler()
		s.Store = poison{w.Store, bad.ID}
		defer w.running(s)()
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if got := w.read(good).Status; got != monitor.Down {
			t.Errorf("the good check is %s, want down", got)
		}
		c := w.read(bad)
		if c.Trouble == "" || !c.Wake.IsZero() || s.Stats().Quarantined.Load() != 1 {
			t.Errorf("not quarantined once: %q, wake %v, %d times", c.Trouble, c.Wake, s.Stats().Quarantined.Load())
		}
		w.ping(bad, monitor.Success) // the next ping puts it back
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if s.Stats().Quarantined.Load() != 2 {
			t.Error("a ping did not put the check back into the schedule")
		}
	})
}

// poison fails every batch of the scheduler that holds one check.
type poison struct {
	*sqlite.Store
	id monitor.CheckID
}

func (p poison) Transitions(ctx context.Context, steps []store.Step) ([]store.Result, error) {
	for _, step := range steps {
		if step.Ref.ID == p.id {
			return nil, errors.New("this row cannot be written")
		}
	}
	return p.Store.Transitions(ctx, steps)
}

func TestARunWhoseEndMayHaveBeenLostIsNotAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.check("job", every(40*time.Minute), 20*time.Minute)
		stop := w.running(w.scheduler())
		w.ping(c, monitor.Success)
		w.ping(c, monitor.Start)
		time.Sleep(10 * time.Minute)
		stop()
		time.Sleep(2 * time.Minute) // the run ended now, and nobody was there
		defer w.running(w.scheduler())()
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if c := w.read(c); c.Status != monitor.Unknown || c.Due.IsZero() {
			t.Errorf("%s, due %v; want unknown and the next run awaited", c.Status, c.Due)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := w.read(c).Status; got != monitor.Down {
			t.Errorf("%s, want down after the next missed run", got)
		}
	})
}

// slow is a store in which every transaction takes a while.
type slow struct {
	scheduler.Store
	takes time.Duration
}

func (s slow) Transitions(ctx context.Context, steps []store.Step) ([]store.Result, error) {
	time.Sleep(s.takes)
	return s.Store.Transitions(ctx, steps)
}

// So much falls due that judging it takes longer than a gap in coverage may be. That
// is no outage: nobody is given credit, and every check is judged.
func TestMuchToJudgeIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		const checks = 3*scheduler.PassLimit + 1
		steps := make([]store.Step, checks)
		for i := range steps {
			c := w.check("check", schedule.Spec{Kind: schedule.Every, Period: time.Minute}, time.Minute)
			steps[i] = store.Step{Ref: store.Ref{ID: c.ID}, Decide: func(c monitor.Check) monitor.Change {
				return c.Receive(monitor.Ping{At: now(), Signal: monitor.Success})
			}}
		}
		if _, err := w.Transitions(t.Context(), steps); err != nil {
			t.Fatal(err)
		}
		s := w.scheduler()
		s.Store = slow{w.Store, 6 * time.Second}
		stop := w.running(s)
		time.Sleep(3 * time.Minute)
		stop()
		if blinds, err := w.Blinds(t.Context(), time.Time{}, 10); err != nil || len(blinds) != 0 {
			t.Errorf("blind intervals %v, %v", blinds, err)
		}
		if n := s.Stats().Flips.Load(); n != checks {
			t.Errorf("%d of %d checks went down", n, checks)
		}
	})
}
