// Package scheduler notices silence: it judges every check whose deadline has
// passed, and only as far as it can prove that it would have seen a ping.
//
// A deadline is compared with evidence time, the instant up to which every ping that
// reached any node is known to be stored, never with the wall clock alone. While a
// node or the database is away there is no evidence and nothing is judged; the gap is
// recorded as a blind interval before anything is judged again (see blind.go). The
// cost of a pass depends on what is due, not on how many checks exist.
package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"rollcall/internal/failpoint"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// Measures of a pass.
const (
	PassLimit   = 500                   // checks judged in one transaction
	passTime    = 5 * time.Second       // of one Tick, when very much is due
	LongestNap  = time.Second           // a deadline that came nearer meanwhile is seen by then
	shortestNap = 10 * time.Millisecond // while evidence is waited for
	heldNap     = 200 * time.Millisecond
)

// Store is what a scheduler needs of one.
type Store interface {
	store.Door
	store.Schedule
	store.Coverage
}

// Scheduler judges deadlines. Its fields are set before use and never after.
type Scheduler struct {
	Store Store
	Now   func() time.Time
	// Evidence returns up to when every ping that this process received is stored,
	// at most now, and zero before its first mark; nil for a process that takes none.
	Evidence func(now time.Time) time.Time
	// Settle is how long a node that has just started is given to say so; 0 where
	// there are no others.
	Settle  time.Duration
	Flipped func() // called after a commit that owes somebody a message; may be nil
	// Changed is called after a commit that changed checks, for their projects; may be nil.
	Changed func(monitor.ProjectID)
	Node    string // whose the Evidence is in the coverage ledger
	Log     *slog.Logger

	hold     atomic.Value // Hold
	digested time.Time    // when digests were last looked for
	judged   atomic.Int64 // unix microseconds
	stats    Stats
}

// Stats counts since the start.
type Stats struct {
	Judged      atomic.Int64 // checks looked at
	Flips       atomic.Int64 // of those, changed their status
	Quarantined atomic.Int64
	Blind       atomic.Int64 // blind intervals recorded
	BlindNs     atomic.Int64 // their length together, in nanoseconds
	Held        atomic.Int64 // passes given up for want of evidence
}

// Stats returns the counters; read them with Load.
func (s *Scheduler) Stats() *Stats { return &s.stats }

// JudgedUpTo returns the instant up to which every deadline has been judged, zero
// before the first pass.
func (s *Scheduler) JudgedUpTo() time.Time {
	if us := s.judged.Load(); us != 0 {
		return time.UnixMicro(us).UTC()
	}
	return time.Time{}
}

// Run covers, judges and sleeps until the next deadline, until ctx ends.
func (s *Scheduler) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		_, next, err := s.Tick(ctx, s.Now())
		nap := LongestNap
		switch {
		case err != nil && ctx.Err() == nil:
			s.Log.Error("deadlines not judged", "err", err)
		case s.Hold() != "":
			nap = heldNap
		case !next.IsZero():
			nap = min(LongestNap, max(shortestNap, next.Add(s.Settle).Sub(s.Now())))
		}
		select {
		case <-ctx.Done():
		case <-time.After(nap):
		}
	}
	return nil
}

// Tick does all that is to be done at now: it records any blind interval, then judges
// what is due as far as there is evidence, for a few seconds at most. It returns how
// many checks it judged and the next instant at which one may have to be.
func (s *Scheduler) Tick(ctx context.Context, now time.Time) (n int, next time.Time, err error) {
	evidence, hold, err := s.evidence(ctx, now)
	s.holding(hold)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("no evidence: %w", err)
	}
	if hold != "" {
		return 0, time.Time{}, nil
	}
	n, next, err = s.judge(ctx, evidence, now)
	switch {
	case err != nil:
		return n, time.Time{}, fmt.Errorf("judge: %w", err)
	case next.Equal(now):
		return n, now, nil // the rest follows at once, on new evidence
	}
	s.judged.Store(evidence.UnixMicro())
	return n, next, s.digests(ctx, now, n)
}

// judge takes every check whose deadline has passed by the evidence through the rule,
// and looks again, for one that is spared may have missed its next deadline too. It
// stops after a few seconds; next is now when something was left.
func (s *Scheduler) judge(ctx context.Context, evidence, now time.Time) (n int, next time.Time, err error) {
	for ctx.Err() == nil {
		ids, after, err := s.Store.DueChecks(ctx, evidence, PassLimit)
		if err != nil {
			return n, time.Time{}, fmt.Errorf("find what is due: %w", err)
		}
		if len(ids) == 0 {
			return n, after, nil
		}
		if err := s.transition(ctx, ids, func(c monitor.Check) monitor.Change {
			failpoint.Here("scheduler.judging")
			return c.Expire(evidence, now)
		}); err != nil {
			return n, time.Time{}, err
		}
		n += len(ids)
		if len(ids) == PassLimit && s.Now().Sub(now) >= passTime {
			return n, now, nil
		}
	}
	return n, time.Time{}, ctx.Err()
}

// transition takes a set of checks through one rule. When they fail together each
// is tried alone, and one that fails alone is quarantined: it never stops the others.
func (s *Scheduler) transition(ctx context.Context, ids []monitor.CheckID, rule func(monitor.Check) monitor.Change) error {
	if len(ids) == 0 {
		return nil
	}
	steps := make([]store.Step, len(ids))
	for i, id := range ids {
		steps[i] = store.Step{Ref: store.Ref{ID: id}, Decide: rule}
	}
	if err := failpoint.Err("scheduler.after_select"); err != nil {
		return err
	}
	results, err := s.Store.Transitions(ctx, steps)
	switch {
	case err != nil && (errors.Is(err, fault.Unavailable) || ctx.Err() != nil):
		return err
	case err != nil && len(ids) == 1:
		return s.quarantine(ctx, ids[0], err)
	case err != nil:
		for _, id := range ids {
			if err := s.transition(ctx, []monitor.CheckID{id}, rule); err != nil {
				return err
			}
		}
		return nil
	}
	failpoint.Here("scheduler.after_commit")
	told := false
	for i, result := range results {
		if result.Err != nil && !errors.Is(result.Err, fault.NotFound) {
			if err := s.quarantine(ctx, ids[i], result.Err); err != nil {
				return err
			}
		}
		if flip := result.Change.Flip; flip != nil {
			s.stats.Flips.Add(1)
			told = told || flip.Tell
		}
	}
	s.stats.Judged.Add(int64(len(ids)))
	if told && s.Flipped != nil {
		s.Flipped()
	}
	store.TellChanged(results, s.Changed)
	return nil
}

// quarantine takes a check that cannot be judged out of the schedule and says why
// on its page.
func (s *Scheduler) quarantine(ctx context.Context, id monitor.CheckID, why error) error {
	s.stats.Quarantined.Add(1)
	s.Log.Error("check quarantined", "check", id, "err", why)
	if err := s.Store.Quarantine(ctx, id, "an internal error; it is left out until its next ping or edit"); err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	return nil
}
