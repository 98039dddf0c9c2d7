package monitor

import (
	"slices"
	"time"

	"rollcall/internal/schedule"
)

// Expire judges a check whose Wake has come. The evidence is the instant up to
// which every accepted ping is known to be stored; now is the time of judging.
// A deadline that has passed by the evidence takes the check down, dated at the
// deadline, or makes it unknown if its ping may have come while Rollcall was
// blind; then the first run that will be seen is awaited. A miss that does not take
// it down yet makes the check await the next slot. A deadline that was moved in the
// meantime only sets the next Wake.
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
	if unseen {
		c.overrun(evidence)
		c.spareDoubted()
	} else {
		c.overrun(deadline.At) // another run that is over its limit is a bad result of its own
		c.FailStreak++
	}

	change := Change{}
	switch {
	case unseen:
		c, change.Flip = c.flip(Unknown, Overlooked, deadline.At, now, false)
		change.Flip.Facts.Blind = Micros(c.BlindFrom)
		c = c.expect(c.nextSeen(blindTo))
	case c.Status == Down:
		c.Reason = deadline.Reason // the status stands; what is shown is the newer reason
	case c.Tolerated():
		c = c.awaitAfter(deadline, miss.Start)
	default:
		c, change.Flip = c.flip(Down, deadline.Reason, deadline.At, now, true)
		change.Flip.Facts.Start = Micros(miss.Start)
		c.Misses = c.missed(miss, now)
	}
	change.Check = c.wakeAt()
	return change.recorded(before, now, change.Check.spares())
}

// awaitAfter awaits the slot after one whose miss did not take the check down, which
// after a blind interval is the first that is seen. A run that is over its limit keeps
// the slot that is awaited; a check that waited for nothing else learns its next one
// as from a failure.
func (c Check) awaitAfter(missed Deadline, started time.Time) Check {
	if missed.Reason == Overran {
		if c.Due.IsZero() {
			c = c.bind(started, missed.At)
		}
		return c
	}
	slot := c.Due.Add(c.Credit) // what passed within the credit is the same miss
	if !c.BlindTo.IsZero() {
		if seen := c.nextSeen(c.BlindTo); seen.After(slot) {
			return c.expect(seen)
		}
	}
	if c.Schedule.Kind == schedule.Every {
		return c.expect(slot.Add(c.Schedule.Period))
	}
	return c.expectAfter(slot)
}

// spareDoubted lets the open runs be whose ends may have been lost: a check is unknown
// once for all that was in doubt, and the next slot decides.
func (c *Check) spareDoubted() {
	c.Runs = slices.Clone(c.Runs)
	for i := range c.Runs {
		if run := &c.Runs[i]; run.Open() && !run.Unseen.IsZero() {
			run.Over = true
		}
	}
}

// overrun marks the runs whose limit has passed, so that each is judged once.
func (c *Check) overrun(evidence time.Time) {
	c.Runs = slices.Clone(c.Runs)
	for i := range c.Runs {
		run := &c.Runs[i]
		limit := run.Start.Add(c.RunLimit() + run.Credit)
		if !run.Open() || run.Over || evidence.Before(limit) {
			continue
		}
		run.Over = true
	}
}
