package monitor

import (
	"slices"
	"time"

	"rollcall/internal/schedule"
)

// Miss is a deadline that passed in silence and was told. It is remembered for as
// long as a late report may still show that the job had done its work.
type Miss struct {
	Rev   int64     `json:"rev"`           // of the flip that told it
	By    time.Time `json:"by"`            // the deadline
	Due   time.Time `json:"due,omitzero"`  // the slot that was missed; zero for a run
	RunID string    `json:"run,omitempty"` // of the run that overran
	Start time.Time `json:"start,omitzero"`
}

// The measures of the rule about late reports.
const (
	// MaxMisses is how many misses of one check are remembered, the newest ones.
	MaxMisses = 5
	// LateSettle is what a deadline that has passed meanwhile gets after a late
	// report: the next one is probably on its way.
	LateSettle = time.Minute
)

// late reports whether the ping tells of something that happened before it came.
func (p Ping) late() bool { return !p.Detail.Arrived.IsZero() }

// recall is what a late report does. When nothing newer is known it moves the check
// as it would have done in time. Otherwise it only ends its run. If it shows that a
// miss was none, the alarm is corrected for those who got it.
func (c Check) recall(p *Ping) (Check, *Flip) {
	refuted := c.refutes(*p)
	var flip *Flip
	if p.At.Before(c.LastPing) {
		if p.RunID != "" && p.Signal.Ends() {
			c, _ = c.end(p)
			c = c.bind(c.LastPing, c.LastPing) // a plain period begins when no run is open
		}
	} else {
		c, flip = c.move(p)
	}
	c = c.awaitMore(p.Received())
	if refuted < 0 {
		return c, flip
	}
	miss := c.Misses[refuted]
	c.Misses = slices.Delete(slices.Clone(c.Misses), refuted, refuted+1)
	if flip == nil { // it has been up again for other reasons since
		since, reason := c.Since, c.Reason
		c, flip = c.flip(c.Status, Corrected, p.Received(), p.Received(), true)
		c.Since, c.Reason = since, reason
		flip.Facts.fill(*p, time.Time{}, c.FailStreak)
	}
	flip.Reason, flip.Facts.Corrects = Corrected, miss.Rev
	flip.Facts.Alarm, flip.Facts.Ran = Micros(miss.By), Micros(p.At)
	return c, flip
}

// refutes returns the index of the miss that a late success shows to be none, or -1.
func (c Check) refutes(p Ping) int {
	if p.Signal != Success {
		return -1
	}
	ran := p.At
	if i := c.find(p.RunID, true); i >= 0 {
		ran = c.Runs[i].Start
	}
	sched, err := c.Schedule.Parse()
	return slices.IndexFunc(c.Misses, func(m Miss) bool {
		switch {
		case m.Due.IsZero():
			return m.RunID == p.RunID && p.At.After(m.Start) && !p.At.After(m.By)
		case err != nil || ran.After(m.By):
			return false
		case c.Schedule.Kind == schedule.Every && !p.At.Before(c.LastPing):
			return true // a period begins with any ping, and this one is judged anew
		}
		return !awaited(sched, m.Due, ran).Equal(m.Due)
	})
}

// awaitMore gives deadlines that had passed by now a little longer.
func (c Check) awaitMore(now time.Time) Check {
	until := now.Add(LateSettle)
	if at, ok := c.scheduleDeadline(); ok && at.Before(until) {
		c.Credit += until.Sub(at)
	}
	c.Runs = slices.Clone(c.Runs)
	for i := range c.Runs {
		run := &c.Runs[i]
		if limit := run.Start.Add(c.RunLimit() + run.Credit); run.Open() && !run.Over && limit.Before(until) {
			run.Credit += until.Sub(limit)
		}
	}
	return c
}

// missed remembers a miss that has just been told, and forgets those that no
// report can be about any more.
func (c Check) missed(m Miss, now time.Time) []Miss {
	misses := append(slices.Clone(c.Misses), m)
	misses = slices.DeleteFunc(misses, func(m Miss) bool { return now.Sub(m.By) > BackdateLimit })
	return misses[max(0, len(misses)-MaxMisses):]
}
