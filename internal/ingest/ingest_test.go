package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/fault"
	"rollcall/internal/ingest"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlite"
)

// gate is a store whose next transactions wait, or fail.
type gate struct {
	*sqlite.Store
	open    chan struct{} // closed, or one value for each transaction that may go on
	fail    func([]store.Step) error
	after   func() error // what a transaction that was stored is said to have come to
	mu      sync.Mutex   // guards batches
	batches []int
}

func (g *gate) Transitions(ctx context.Context, steps []store.Step) ([]store.Result, error) {
	select {
	case <-g.open:
	case <-ctx.Done():
		return nil, errors.Join(fault.Unavailable, ctx.Err())
	}
	g.mu.Lock()
	g.batches = append(g.batches, len(steps))
	g.mu.Unlock()
	if g.fail != nil {
		if err := g.fail(steps); err != nil {
			return nil, err
		}
	}
	results, err := g.Store.Transitions(ctx, steps)
	if err == nil && g.after != nil {
		err = g.after()
	}
	return results, err
}

// scene is an Ingest at work on a store behind a gate, in virtual time.
type scene struct {
	*gate
	in   *ingest.Ingest
	ids  []uuid.UUID
	stop func()
}

func newScene(t *testing.T, checks int, options ingest.Options) *scene {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rollcall.db"))
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{gate: &gate{Store: st, open: make(chan struct{})}, ids: seed(t, st, checks)}
	options.Now, options.Log = now, slog.New(slog.DiscardHandler)
	s.in = ingest.New(s.gate, options)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.in.Run(ctx) }()
	stopped := false
	s.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(func() {
		s.stop()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// submit sends a ping beside the test and returns where its outcome will be.
func (s *scene) submit(i int, body string) <-chan error {
	outcome := make(chan error, 1)
	go func() {
		ping := monitor.Ping{Signal: monitor.Success, Method: "POST"}
		if body != "" {
			ping.Body = []byte(body)
		}
		_, err := s.in.Submit(context.Background(), ingest.Report{Ref: store.Ref{UUID: s.ids[i%len(s.ids)]}, Ping: ping})
		outcome <- err
	}()
	return outcome
}

func TestWhatArrivesDuringACommitIsCommittedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, 50, ingest.Options{})
		outcomes := []<-chan error{s.submit(0, "")}
		synctest.Wait() // the first one is being committed
		for i := 1; i < 50; i++ {
			outcomes = append(outcomes, s.submit(i, ""))
		}
		synctest.Wait()
		close(s.open)
		for i, outcome := range outcomes {
			if err := <-outcome; err != nil {
				t.Errorf("ping %d: %v", i, err)
			}
		}
		if want := []int{1, 49}; !slices.Equal(s.batches, want) {
			t.Errorf("batches %v, want %v", s.batches, want)
		}
	})
}

func TestNothingIsAnsweredBeforeItIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, 1, ingest.Options{})
		began := now()
		outcome := s.submit(0, "")
		time.Sleep(time.Second)
		select {
		case err := <-outcome:
			t.Fatalf("answered before the commit: %v", err)
		default:
		}
		if got := s.in.Evidence(now()); !got.Equal(began) {
			t.Errorf("evidence %v, want no further than the waiting ping of %v", got, began)
		}
		close(s.open)
		if err := <-outcome; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if got := s.in.Evidence(now()); !got.Equal(now()) {
			t.Errorf("evidence %v after the commit, want now", got)
		}
	})
}

func TestADatabaseThatHangsIsAnsweredWithinTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, 1, ingest.Options{})
		began := now()
		if err := <-s.submit(0, ""); !errors.Is(err, fault.Unavailable) {
			t.Errorf("got %v", err)
		}
		if took := now().Sub(began); took != ingest.AnswerLimit {
			t.Errorf("answered after %v, want %v", took, ingest.AnswerLimit)
		}
		time.Sleep(time.Minute)
		close(s.open) // it recovers by itself
		if err := <-s.submit(0, ""); err != nil {
			t.Errorf("after recovery: %v", err)
		}
	})
}

// A crowd that waits for a database that does not answer would only cost memory.
func TestACrowdDoesNotWaitForADatabaseThatStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, 1, ingest.Options{})
		first := s.submit(0, "")
		synctest.Wait()
		refused := func() int64 { synctest.Wait(); return s.in.Stats().Refused.Load() }
		var waiting []<-chan error
		for range ingest.StallCrowd + 50 { // a burst, which the commit under way may well be followed by
			waiting = append(waiting, s.submit(0, ""))
		}
		if got := refused(); got != 0 {
			t.Errorf("%d of a burst were refused while a commit took its time", got)
		}
		time.Sleep(ingest.StallAfter)
		late := s.submit(0, "")
		if got := refused(); got != 1 {
			t.Errorf("%d refused, want the one that came after %s", got, ingest.StallAfter)
		}
		close(s.open)
		for i, outcome := range append(waiting, first) {
			if err := <-outcome; err != nil {
				t.Fatalf("ping %d, which waited: %v", i, err)
			}
		}
		if err := <-late; !errors.Is(err, fault.Unavailable) {
			t.Errorf("the late one: %v", err)
		}
		if err := <-s.submit(0, ""); err != nil {
			t.Errorf("after it: %v", err)
		}
	})
}

// Those who waited for the process to start come all at once, before its first commit
// has begun. Nothing is slow.
func TestABurstAtTheStartIsNoCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, 1, ingest.Options{})
		close(s.open)
		synctest.Wait() // its own Ingest runs; this one does not yet
		s.in = ingest.New(s.gate, ingest.Options{Now: now, Log: slog.New(slog.DiscardHandler)})
		report := ingest.Report{Ref: store.Ref{UUID: s.ids[0]}, Ping: monitor.Ping{Signal: monitor.Success, Method: "POST"}}
		impatient, leave := context.WithCancel(t.Context())
		leave()
		for range ingest.StallCrowd {
			_, _ = s.in.Submit(impatient, report) // it stays in the queue
		}
		outcome := s.submit(0, "")
		time.Sleep(time.Millisecond) // in which whoever need not wait is answered
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.in.Run(ctx) }()
		if err := <-outcome; err != nil {
			t.Errorf("one more: %v", err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestTheQueueIsBounded(t *testing.T) {
	for _, c := range []struct {
		name   string
		body   string
		fits   int // in the queue, beside the one that is being committed
		atOnce int
	}{
		{"in number", "", ingest.QueueLimit, ingest.QueueLimit + 5},
		{"in bytes", strings.Repeat("x", monitor.BodyLimit), ingest.QueueBytes / monitor.BodyLimit, 340},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, 1, ingest.Options{})
				first := s.submit(0, "")
				synctest.Wait()
				var outcomes []<-chan error
				for range c.atOnce {
					outcomes = append(outcomes, s.submit(0, c.body))
				}
				synctest.Wait()
				if got := s.in.Stats().Refused.Load(); got != int64(c.atOnce-c.fits) {
					t.Errorf("%d refused at once, want %d", got, c.atOnce-c.fits)
				}
				<-first
				for _, outcome := range outcomes {
					if err := <-outcome; !errors.Is(err, fault.Unavailable) {
						t.Fatal(err)
					}
				}
				close(s.open)
			})
		})
	}
}

// A commit whose answer is lost may have happened. To try it again would count a ping
// twice that nothing tells from another one.
func TestAPingThatMayBeStoredIsNotStoredTwice(t *testing.T) {
	for _, run := range []string{"", "r1"} {
		t.Run("run "+run, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, 1, ingest.Options{})
				times := 0
				s.after = func() error {
					if times++; times > 1 {
						return nil
					}
					return fmt.Errorf("%w: %w: the connection was lost", fault.Unavailable, store.Uncertain)
				}
				close(s.open)
				_, err := s.in.Submit(t.Context(), ingest.Report{
					Ref:  store.Ref{UUID: s.ids[0]},
					Ping: monitor.Ping{Signal: monitor.Success, RunID: run},
				})
				if !errors.Is(err, fault.Unavailable) {
					t.Errorf("answered %v, want that it is to come again", err)
				}
				time.Sleep(time.Minute)
				results, err := s.Store.Transitions(t.Context(), []store.Step{{
					Ref:    store.Ref{UUID: s.ids[0]},
					Decide: func(c monitor.Check) monitor.Change { return monitor.Change{Check: c, Unchanged: true} },
				}})
				if err != nil {
					t.Fatal(err)
				}
				if n := results[0].Change.Check.NPings; n != 1 {
					t.Errorf("counted %d times", n)
				}
			})
		})
	}
}

// A writer whose database stands still is overtaken by another one, but not by the
// later pings of the same checks: a failure would be the last word of a job that has
// succeeded since.
func TestThePingsOfACheckStayInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, 2, ingest.Options{Writers: 2})
		var stood atomic.Bool
		s.fail = func([]store.Step) error {
			if stood.Swap(true) {
				return nil
			}
			time.Sleep(10 * time.Second)
			return fault.Unavailable
		}
		close(s.open)
		submit := func(i int, signal monitor.Signal) error {
			_, err := s.in.Submit(t.Context(), ingest.Report{Ref: store.Ref{UUID: s.ids[i]}, Ping: monitor.Ping{Signal: signal}})
			return err
		}
		if err := submit(0, monitor.Fail); !errors.Is(err, fault.Unavailable) {
			t.Errorf("the first ping was answered %v while its writer stood still", err)
		}
		if err := submit(1, monitor.Success); err != nil {
			t.Errorf("the ping of another check was answered %v", err)
		}
		if err := submit(0, monitor.Success); !errors.Is(err, fault.Unavailable) {
			t.Errorf("the second ping was answered %v before the first was stored", err)
		}
		time.Sleep(20 * time.Second)
		results, err := s.Store.Transitions(t.Context(), []store.Step{{
			Ref:    store.Ref{UUID: s.ids[0]},
			Decide: func(c monitor.Check) monitor.Change { return monitor.Change{Check: c, Unchanged: true} },
		}})
		if err != nil {
			t.Fatal(err)
		}
		if c := results[0].Change.Check; c.NPings != 2 || c.Status != monitor.Up {
			t.Errorf("after a failure and a success, %d pings are stored and the check is %s", c.NPings, c.Status)
		}
	})
}

func TestOnePoisonedPingFailsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, 10, ingest.Options{})
		s.fail = func(steps []store.Step) error {
			for _, step := range steps {
				if step.Ref.UUID == s.ids[3] {
					return errors.New("constraint")
				}
			}
			return nil
		}
		outcomes := []<-chan error{s.submit(0, "")}
		synctest.Wait()
		for i := 1; i < 10; i++ {
			outcomes = append(outcomes, s.submit(i, ""))
		}
		synctest.Wait()
		close(s.open)
		for i, outcome := range outcomes {
			if err := <-outcome; errors.Is(err, fault.Unavailable) != (i == 3) {
				t.Errorf("ping %d: %v", i, err)
			}
		}
	})
}

func TestStoppingAnswersWhatWasAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, 10, ingest.Options{})
		var outcomes []<-chan error
		for i := range 10 {
			outcomes = append(outcomes, s.submit(i, ""))
			synctest.Wait()
		}
		go s.stop()
		synctest.Wait()
		if err := <-s.submit(0, ""); !errors.Is(err, fault.Unavailable) {
			t.Errorf("accepted while stopping: %v", err)
		}
		close(s.open)
		for i, outcome := range outcomes {
			if err := <-outcome; err != nil {
				t.Errorf("ping %d: %v", i, err)
			}
		}
		synctest.Wait()
	})
}
