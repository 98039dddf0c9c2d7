package monitor

import (
	"slices"
	"time"
)

// Expire judges a check whose Wake has come. The evidence is the instant up to
// which every accepted ping is known to be stored; now is the time of judging.
// A deadline that has passed by the evidence takes the check down, dated at the
// deadline, or makes it unknown if its ping may have come while Rollcall was
// blind; then the first run that will be seen is awaited. A deadline that was moved
// in the meantime only sets the next Wake.
func (c Check) Expire(evidence, now time.Time) Change {
	deadline, ok := c.Deadline()
	if !ok || evidence.Before(deadline.At) {
		woken := c.wakeAt()
		return Change{Check: woken, Unchanged: woken.Wake.Equal(c.Wake)}
	}
	before := c
	blindTo, unseen := c.overlooked(deadline)
	miss := Miss{Rev: c.Rev + 1, By: deadline.At, Due: c.Due}
	if deadline.Reason == Overran {
		run := c.Runs[deadline.Run]
		miss.Due, miss.RunID, miss.Start = time.Time{}, run.ID, run.Start
	}
	c.Runs = c.remembered(now)
	overran := c.overrun(evidence)

	change := Change{}
	switch {
	case unseen:
		c, change.Flip = c.flip(Unknown, Overlooked, deadline.At, now, false)
		change.Flip.Facts.Blind = Micros(c.BlindFrom)
		c = c.expect(c.nextSeen(blindTo))
	case c.Status == Down:
		c.FailStreak++
		c.Reason = deadline.Reason // the status stands; what is shown is the newer reason
	default:
		c.FailStreak++
		c, change.Flip = c.flip(Down, deadline.Reason, deadline.At, now, true)
		if deadline.Reason == Overran {
			change.Flip.Facts.Start = Micros(overran)
		}
		c.Misses = c.missed(miss, now)
	}
	change.Check = c.wakeAt()
	return change.recorded(before, now, ByDown)
}

// overrun marks the runs whose limit has passed, so that each is judged once, and
// returns the start of the one that passed it first.
func (c *Check) overrun(evidence time.Time) time.Time {
	var first time.Time
	c.Runs = slices.Clone(c.Runs)
	for i := range c.Runs {
		run := &c.Runs[i]
		limit := run.Start.Add(c.RunLimit() + run.Credit)
		if !run.Open() || run.Over || evidence.Before(limit) {
			continue
		}
		run.Over = true
		if first.IsZero() || run.Start.Before(first) {
			first = run.Start
		}
	}
	return first
}
