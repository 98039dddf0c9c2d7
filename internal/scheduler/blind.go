package scheduler

import (
	"context"
	"fmt"
	"time"

	"rollcall/internal/monitor"
)

// coverEvery is how often a coverage mark is committed.
const coverEvery = 5 * time.Second

// coverage is what the scheduler remembers of the ledger between passes.
type coverage struct {
	last time.Time // up to when all is covered or made good; zero before the first pass
}

// cover commits a coverage mark when one is due. A gap since the last mark that
// is too long to be anything but an outage, whatever its cause, is recorded and
// made good to every check before the mark closes it: a crash in between finds
// the same gap again.
func (s *Scheduler) cover(ctx context.Context, now time.Time) error {
	last := s.coverage.last
	if last.IsZero() {
		var err error
		if last, err = s.Store.LastCovered(ctx); err != nil {
			return fmt.Errorf("read coverage: %w", err)
		}
	} else if now.Sub(last) < coverEvery && !now.Before(last) {
		return nil
	}
	if !last.IsZero() && now.Sub(last) > monitor.BlindAfter {
		cause := "Rollcall was not running"
		if !s.coverage.last.IsZero() {
			cause = "Rollcall could not store anything, or stood still"
		}
		if err := s.overlook(ctx, monitor.Blind{From: last, To: now, Cause: cause}); err != nil {
			return fmt.Errorf("record blind interval: %w", err)
		}
		s.coverage.last = now // made good up to here, whether the mark succeeds or not
	}
	if err := s.Store.Cover(ctx, s.Node, now); err != nil {
		return fmt.Errorf("record coverage: %w", err)
	}
	s.coverage.last = now
	return nil
}

// overlook records a blind interval and applies it to every check that awaits
// something. Applying it once more after a crash only gives the checks a longer
// credit.
func (s *Scheduler) overlook(ctx context.Context, blind monitor.Blind) error {
	s.Log.Warn("blind interval", "from", blind.From, "to", blind.To, "cause", blind.Cause)
	var after monitor.CheckID
	for {
		ids, err := s.Store.AwaitedChecks(ctx, after, PassLimit)
		if err != nil {
			return err
		}
		rule := func(c monitor.Check) monitor.Change { return c.Overlook(blind) }
		if err := s.transition(ctx, ids, rule); err != nil {
			return err
		}
		if len(ids) < PassLimit {
			break
		}
		after = ids[len(ids)-1]
	}
	s.stats.Blind.Add(1)
	return s.Store.AddBlind(ctx, blind)
}
