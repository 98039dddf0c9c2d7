package ingest

import (
	"context"
	"slices"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// MarkEvery is how often a coverage mark is committed, unless Options say otherwise.
const MarkEvery = 5 * time.Second

// coverage is what is known of this node's own span; see monitor.Span. Ingest.mu
// guards it.
type coverage struct {
	since, at time.Time // of the span, as committed; zero before the first mark
	lost      time.Time // pings that came until then were refused or given up since the last mark; zero: none
}

// cover commits marks until ctx ends or the node leaves. A mark waits in the queue of
// the pings and is committed with them, so that it proves that one could have been
// stored, and that all that came before it are.
func (in *Ingest) cover(ctx context.Context) {
	if in.options.Node == "" {
		return
	}
	every := in.options.MarkEvery
	if every == 0 {
		every = MarkEvery
	}
	for {
		pause := every
		began := in.options.Now()
		if !in.mark(ctx, false) {
			pause = min(every, longestRetry)
		} else if in.options.Now().Sub(began) > every {
			pause = 0 // it says little about now
		}
		select {
		case <-time.After(pause):
		case <-in.leave:
			in.mark(ctx, true)
			close(in.left)
			return
		case <-ctx.Done():
			return
		}
	}
}

// Leave says that this node takes no pings from now on, and that nobody is to wait
// for it. What is submitted all the same is stored as ever. It waits until that is
// committed, or for the end of ctx.
func (in *Ingest) Leave(ctx context.Context) {
	if in.options.Node == "" {
		return
	}
	in.leaveOnce.Do(func() { close(in.leave) })
	select {
	case <-in.left:
	case <-ctx.Done():
	}
}

// mark queues a mark, waits for what becomes of it, and reports whether it was
// committed.
func (in *Ingest) mark(ctx context.Context, stopped bool) bool {
	a := &arrival{mark: &store.CoverageMark{Node: in.options.Node, Stopped: stopped}, done: make(chan answer, 1)}
	if !in.enqueue(a) {
		return false
	}
	select {
	case got := <-a.done:
		return got.err == nil
	case <-ctx.Done():
		return false
	}
}

// dateMarks says of the marks in a batch that a writer takes up to when they reach:
// to before what other writers are still storing, and what waits for them. One that
// does not reach beyond what was lost is of no use and taken out; mu is held.
func (in *Ingest) dateMarks(batch []*arrival) []*arrival {
	return slices.DeleteFunc(batch, func(a *arrival) bool {
		if a.mark == nil {
			return false
		}
		at := a.at
		for _, busy := range in.busy {
			if busy.oldest.Before(at) {
				at = busy.oldest
			}
		}
		if len(in.queue) > 0 && in.queue[0].at.Before(at) {
			at = in.queue[0].at
		}
		if at.Before(in.covered.lost) {
			a.done <- answer{err: fault.Unavailable}
			return true
		}
		m, c := a.mark, in.covered
		m.Since, m.At = c.since, at
		gap := at.Sub(c.at)
		switch {
		case c.since.IsZero():
			m.Since, m.Begin = at, true
		case !c.lost.IsZero():
			m.Since, m.Begin, m.Cause = at, true, "Rollcall could not store anything"
		case gap < 0, gap > monitor.BlindAfter: // the clock was set back, or nothing was stored or ran
			m.Since, m.Begin, m.Cause = at, true, "Rollcall stood still, or its database did"
		}
		return false
	})
}

// marked notes the marks of a batch that was committed.
func (in *Ingest) marked(batch []*arrival) {
	for _, a := range batch {
		if a.mark != nil {
			in.mu.Lock()
			in.covered.since, in.covered.at = a.mark.Since, a.mark.At
			if !in.covered.lost.After(a.mark.At) {
				in.covered.lost = time.Time{}
			}
			in.mu.Unlock()
		}
	}
}

// lose notes that what came until now may have been given up.
func (in *Ingest) lose() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.covered.lost = in.options.Now()
}

// Covered returns the instant of the last committed mark, and whether it is recent
// enough that a ping would be stored now.
func (in *Ingest) Covered(now time.Time) (at time.Time, fresh bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.covered.at, !in.covered.at.IsZero() && now.Sub(in.covered.at).Abs() <= monitor.BlindAfter
}
