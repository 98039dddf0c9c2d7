package ingest_test

import (
	"context"
	"errors"
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
