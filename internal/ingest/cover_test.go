package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/ingest"
	"rollcall/internal/monitor"
	"rollcall/internal/prove"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlite"
)

// However long the database is away, a ping is stored, or it lies in a gap of the
// coverage that is long enough to be a blind interval.
func TestAPingIsStoredOrInAGap(t *testing.T) {
	trials, lost := 0, 0
	for _, away := range []time.Duration{500 * time.Millisecond, 3 * time.Second, 14 * time.Second, 17 * time.Second, 40 * time.Second, time.Hour} {
		for _, writers := range []int{1, 2} {
			synctest.Test(t, func(t *testing.T) {
				st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rollcall.db"))
				if err != nil {
					t.Fatal(err)
				}
				defer st.Close()
				ids := seed(t, st, 40)
				var gone atomic.Bool
				g := &gate{Store: st, open: make(chan struct{}), fail: func([]store.Step) error {
					if gone.Load() {
						return fault.Unavailable
					}
					return nil
				}}
				close(g.open)
				in := ingest.New(g, ingest.Options{Now: now, Log: slog.New(slog.DiscardHandler), Node: "a", Writers: writers})
				ctx, cancel := context.WithCancel(context.Background())
				done := make(chan error, 1)
				go func() { done <- in.Run(ctx) }()
				time.Sleep(30 * time.Second)

				gone.Store(true)
				began, sent := now(), map[int]time.Time{}
				for i := range ids { // spread over the outage
					sent[i] = now()
					asked := now()
					_, err := in.Submit(t.Context(), ingest.Report{Ref: store.Ref{UUID: ids[i]}, Ping: monitor.Ping{Signal: monitor.Success, Method: "POST"}})
					if !errors.Is(err, fault.Unavailable) || now().Sub(asked) > ingest.AnswerLimit {
						t.Errorf("answered %v after %v", err, now().Sub(asked))
					}
					time.Sleep(max(0, began.Add(away*time.Duration(i+1)/time.Duration(len(ids)+1)).Sub(now())))
				}
				time.Sleep(max(0, began.Add(away).Sub(now())))
				gone.Store(false)
				time.Sleep(30 * time.Second)
				in.Leave(t.Context())
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}

				spans, err := st.Spans(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				last := spans[len(spans)-1]
				if !last.Stopped || now().Sub(last.At) > time.Second {
					t.Errorf("it left with %+v", last)
				}
				for i, at := range sent {
					trials++
					results, err := st.Transitions(t.Context(), []store.Step{{Ref: store.Ref{UUID: ids[i]}, Decide: func(c monitor.Check) monitor.Change { return monitor.Change{Check: c, Unchanged: true} }}})
					if err != nil {
						t.Fatal(err)
					}
					if results[0].Change.Check.NPings > 0 {
						continue
					}
					in := false
					for _, s := range spans {
						in = in || !at.Before(s.At) && at.Before(s.Resumed) && s.Resumed.Sub(s.At) > monitor.BlindAfter
					}
					if !in {
						lost++
						t.Errorf("away for %v: the ping of %v is neither stored nor in a gap of %+v", away, at.Sub(began), spans)
					}
				}
				if away < monitor.BlindAfter-ingest.MarkEvery && len(spans) != 1 {
					t.Errorf("away for %v, which is no outage: %+v", away, spans)
				}
			})
		}
	}
	prove.Report(t, "FALSE: a ping that reached us is stored, or in a blind interval", trials, lost)
}

// A ping that was refused, or of which nobody knows whether it is stored, lies in a
// blind interval however short that is: its job may not try again.
func TestALossIsAGapHoweverShort(t *testing.T) {
	for _, c := range []struct {
		name string
		lose func(t *testing.T, s *scene, unsure *atomic.Bool)
	}{
		{"the queue is full", func(t *testing.T, s *scene, _ *atomic.Bool) {
			var outcomes []<-chan error
			for range ingest.QueueLimit + ingest.BatchLimit + 1 {
				outcomes = append(outcomes, s.submit(0, ""))
			}
			for _, outcome := range outcomes {
				<-outcome
			}
			if s.in.Stats().Refused.Load() == 0 {
				t.Fatal("none was refused")
			}
		}},
		{"a commit fails and nobody knows", func(t *testing.T, s *scene, unsure *atomic.Bool) {
			unsure.Store(true)
			close(s.open)
			if err := <-s.submit(0, ""); !errors.Is(err, fault.Unavailable) {
				t.Fatalf("answered %v", err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, 1, ingest.Options{Node: "a"})
				var unsure atomic.Bool
				s.fail = func(steps []store.Step) error {
					if steps[0].Mark != nil || !unsure.Swap(false) {
						return nil
					}
					return fmt.Errorf("%w: %w: the connection was lost", fault.Unavailable, store.Uncertain)
				}
				for range 5 { // marks
					s.open <- struct{}{}
				}
				time.Sleep(2 * time.Second)
				at := now()
				c.lose(t, s, &unsure)
				select {
				case <-s.open:
				default:
					close(s.open)
				}
				time.Sleep(30 * time.Second)
				spans, err := s.Spans(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				gaps := monitor.SurveyOf(spans, now(), "a", now()).Gaps
				if len(gaps) != 1 || gaps[0].From.After(at) || gaps[0].To.Before(at) || gaps[0].Cause == "" {
					t.Errorf("what was lost at %v is not in the gaps %+v of %+v", at, gaps, spans)
				}
			})
		})
	}
}
