package scheduler

import (
	"context"
	"fmt"
	"time"

	"rollcall/internal/monitor"
)

// Hold says why nothing is judged; "" while it is.
type Hold string

// The reasons to hold.
const (
	NoNode   Hold = "no_node"   // no node that takes pings is there
	Stale    Hold = "stale"     // a node has proved nothing for too long
	NoAnswer Hold = "no_answer" // the database fails
)

// Holds lists the reasons to hold.
func Holds() []Hold { return []Hold{NoNode, Stale, NoAnswer} }

// Hold returns why the last pass judged nothing, "" when it did.
func (s *Scheduler) Hold() Hold {
	hold, _ := s.hold.Load().(Hold)
	return hold
}

// holding notes the outcome of a pass.
func (s *Scheduler) holding(why Hold) {
	if why != "" {
		s.stats.Held.Add(1)
	}
	if before := s.Hold(); before != why {
		s.Log.Info("deadlines", "held", why, "before", before)
	}
	s.hold.Store(why)
}

// evidence returns up to when deadlines can be judged, or why none can. Before that,
// each gap in what the nodes have covered is recorded, and made good to every check;
// a crash in between finds what is left to do.
func (s *Scheduler) evidence(ctx context.Context, now time.Time) (time.Time, Hold, error) {
	// Own evidence is asked for first: what is lost after it shows in the spans.
	own, known := "", now
	if s.Evidence != nil {
		if known = s.Evidence(now); !known.IsZero() {
			own = s.Node
		}
	}
	spans, err := s.Store.Spans(ctx)
	if err != nil {
		return time.Time{}, NoAnswer, fmt.Errorf("read coverage: %w", err)
	}
	survey := monitor.SurveyOf(spans, now, own, known)
	if len(survey.Over) > 0 {
		if err := s.Store.RecordGaps(ctx, survey.Gaps, survey.Over); err != nil {
			return time.Time{}, NoAnswer, fmt.Errorf("record blind intervals: %w", err)
		}
	}
	pending, err := s.Store.PendingBlinds(ctx)
	if err != nil {
		return time.Time{}, NoAnswer, fmt.Errorf("read blind intervals: %w", err)
	}
	evidence, hold := s.proven(survey.Evidence, now)
	for _, blind := range pending {
		// What was missed before the interval is judged before it: a check that is spared
		// for it awaits a slot that may lie inside.
		if hold == "" && blind.From.Before(evidence) {
			switch _, next, err := s.judge(ctx, blind.From, now); {
			case err != nil:
				return time.Time{}, NoAnswer, fmt.Errorf("judge what came before a blind interval: %w", err)
			case next.Equal(now):
				return blind.From, "", nil // the interval is still pending
			}
		}
		if err := s.overlook(ctx, blind); err != nil {
			return time.Time{}, NoAnswer, fmt.Errorf("make a blind interval good: %w", err)
		}
	}
	return evidence, hold, nil
}

// proven returns up to when deadlines can be judged by what the nodes have proved, or
// why none can.
func (s *Scheduler) proven(evidence, now time.Time) (time.Time, Hold) {
	switch {
	case evidence.IsZero():
		return time.Time{}, NoNode
	case now.Sub(evidence) > monitor.BlindAfter:
		return time.Time{}, Stale
	case evidence.After(now.Add(-s.Settle)):
		return now.Add(-s.Settle), ""
	}
	return evidence, ""
}

// overlook applies a blind interval to every check that awaits something. A check
// that it was applied to is not changed by it again.
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
	s.stats.BlindNs.Add(int64(blind.To.Sub(blind.From)))
	return s.Store.SettleBlind(ctx, blind)
}

// digestEvery is how often digests are looked for when nothing was judged.
const digestEvery = 5 * time.Second

// digests owes a digest to the channels of checks that became unknown, once no more
// of their project may join them.
func (s *Scheduler) digests(ctx context.Context, now time.Time, judged int) error {
	if age := now.Sub(s.digested); judged == 0 && age >= 0 && age < digestEvery {
		return nil
	}
	waiting, err := s.Store.Unverified(ctx)
	if err != nil {
		return fmt.Errorf("find what could not be verified: %w", err)
	}
	for _, u := range waiting {
		if !u.Ready(now) {
			continue
		}
		queued, err := s.Store.QueueDigest(ctx, u, now)
		if err != nil {
			return fmt.Errorf("tell what could not be verified: %w", err)
		}
		if queued && s.Flipped != nil {
			s.Flipped()
		}
	}
	s.digested = now
	return nil
}
