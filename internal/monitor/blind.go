package monitor

import (
	"slices"
	"time"
)

// Blind is a span of time in which Rollcall cannot prove that a ping could have
// reached it: its own outage. The scheduler records one before it judges again.
type Blind struct {
	From, To time.Time
	Cause    string
}

// The measures of the blind rule.
const (
	// BlindAfter is the longest gap between coverage marks that is not an outage.
	BlindAfter = 15 * time.Second
	// WarmUp is what a deadline gets on top of the length of a blind interval:
	// clients that were refused come again within it.
	WarmUp = 90 * time.Second
)

// Overlook is what a blind interval does to a check: nothing when neither the
// awaited ping nor the end of a run could have fallen inside. Otherwise deadlines
// are extended by its length and a warm-up. That is all when the next ping is due
// soon; it decides. When the only ping for a long time may have been missed, the
// check is marked, so that its deadline makes it unknown instead of down.
func (c Check) Overlook(blind Blind) Change {
	c.Runs = slices.Clone(c.Runs)
	for i := range c.Runs {
		run := &c.Runs[i]
		if limit := run.Start.Add(c.RunLimit() + run.Credit); run.Open() && !run.Over && limit.After(blind.From) {
			run.Credit += blind.To.Sub(later(run.Start, blind.From)) + WarmUp
		}
	}
	deadline, ok := c.scheduleDeadline()
	if ok && deadline.After(blind.From) && c.Due.Add(-EarlyTolerance).Before(blind.To) {
		if c.Status != Unknown && !c.soonAgain(blind) {
			c.Reason = Overlooked
		}
		c.Credit += blind.To.Sub(blind.From) + WarmUp
	}
	return Change{Check: c.wakeAt()}
}

// soonAgain reports whether a ping that was missed is followed by another one
// before long.
func (c Check) soonAgain(blind Blind) bool {
	sched, err := c.Schedule.Parse()
	if err != nil {
		return false
	}
	next, ok := sched.Next(c.Due)
	return ok && next.Sub(c.Due)+c.Grace <= 2*blind.To.Sub(blind.From)+10*time.Minute
}

// overlooked reports whether the ping whose deadline has passed may have been sent
// while Rollcall was blind. A check that is unknown already is not spared twice.
func (c Check) overlooked(d Deadline) bool {
	switch {
	case c.Status == Down, c.Status == Unknown:
		return false
	case d.Reason == Overran:
		return c.Runs[d.Run].Credit > 0
	}
	return c.Reason == Overlooked
}
