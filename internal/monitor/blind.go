package monitor

import (
	"slices"
	"time"

	"rollcall/internal/schedule"
)

// Blind is a span of time in which Rollcall cannot prove that a ping could have
// reached it: its own outage. It is identified by From.
type Blind struct {
	From, To time.Time
	Cause    string
}

// The measures of the blind rule.
const (
	// BlindAfter is the longest gap between coverage marks that is not an outage, unless
	// the node knows that pings were lost in it.
	BlindAfter = 15 * time.Second
	// WarmUp is what a deadline gets on top of a blind interval, but see patient: clients
	// that were refused come again within it.
	WarmUp = 90 * time.Second
	// blindPatience, and twice the length of the interval up to patienceLimit, is how
	// long the next ping is waited for before a check becomes unknown; see patience.
	blindPatience = 10 * time.Minute
	patienceLimit = time.Hour
)

// Overlook is what a blind interval does to a check: nothing when neither the
// awaited ping nor the end of a run could have fallen inside. Otherwise deadlines
// are extended by the part of the wait that was blind and a warm-up, and to the next
// run that Rollcall will see when that is soon. Who is silent then is down if a run
// that would have been seen has been missed, and unknown if not; see Expire. Of
// outages that come one after the other only the blind time is made good; see patient.
// The same interval once more changes nothing.
func (c Check) Overlook(blind Blind) Change {
	if c.BlindFrom.Equal(blind.From) {
		return Change{Check: c, Unchanged: true}
	}
	doubt := false
	before := c
	c.Runs = slices.Clone(c.Runs)
	for i := range c.Runs {
		run := &c.Runs[i]
		limit := run.Start.Add(c.RunLimit() + run.Credit)
		if run.Open() && !run.Over && limit.After(blind.From) && run.Start.Before(blind.To) && blind.To.After(run.Unseen) {
			from, warmUp := blind.since(run.Unseen, run.Credit)
			run.Credit += blind.To.Sub(later(run.Start, from)) + warmUp
			run.Unseen, doubt = blind.To, true
		}
	}
	deadline, ok := c.scheduleDeadline()
	if ok && deadline.After(blind.From) && c.earliest().Before(blind.To) && blind.To.After(c.BlindTo) {
		from, warmUp := blind.since(c.BlindTo, c.Credit)
		waited := max(0, earlier(blind.To, deadline).Sub(later(from, c.Due)))
		extended := later(deadline.Add(waited+warmUp), blind.To)
		if blind.patient(c.Credit) {
			extended = later(extended, blind.To.Add(WarmUp))
			next := c.nextSeen(blind.To)
			if decides := next.Add(c.Grace); c.Status != Unknown && !next.IsZero() && decides.Sub(blind.To) <= blind.patience() {
				extended = later(extended, decides)
			}
		}
		c.Credit += extended.Sub(deadline)
		c.BlindTo, doubt = blind.To, true
	}
	if !doubt {
		return Change{Check: c, Unchanged: true}
	}
	c.BlindFrom = blind.From
	return Change{Check: c.wakeAt()}.recorded(before, blind.To, ByBlindness)
}

// since is from when on the interval is to be made good, and with which warm-up,
// where another one was made good up to the given time: of several nodes each has an
// interval of its own when their database is away, but a wait was blind once.
func (b Blind) since(madeGood time.Time, credit time.Duration) (from time.Time, warmUp time.Duration) {
	switch {
	case !madeGood.Before(b.From):
		return madeGood, 0
	case !b.patient(credit):
		return b.From, 0
	}
	return b.From, WarmUp
}

// patience is how long after the interval the next ping may be waited for.
func (b Blind) patience() time.Duration {
	return blindPatience + min(2*b.To.Sub(b.From), patienceLimit)
}

// patient reports whether a wait that was prolonged by so much already is to be
// prolonged by more than the blind time itself. If outages that come one after the
// other did that each time, a dead job would be hidden for as long as they come.
func (b Blind) patient(credit time.Duration) bool { return credit <= b.patience() }

// nextSeen is the first run after a blind interval of which no ping can have been
// lost in it; zero when there is none. The next ping of a plain period comes at
// most a period after the interval, whenever those inside were sent.
func (c Check) nextSeen(to time.Time) time.Time {
	sched, err := c.Schedule.Parse()
	if err != nil {
		return time.Time{}
	}
	if c.Schedule.Kind == schedule.Every {
		return to.Add(c.Schedule.Period)
	}
	next, _ := sched.Next(to)
	if next.Add(-earlyBy(sched, next)).Before(to) {
		next, _ = sched.Next(next)
	}
	return next
}

// earliest is when a ping for the awaited slot may come first. A plain period is
// counted from the last ping; if that came late, within its grace, the next comes as
// much before its time.
func (c Check) earliest() time.Time {
	sched, err := c.Schedule.Parse()
	if err != nil {
		return c.Due
	}
	if c.Schedule.Kind == schedule.Every {
		return c.Due.Add(-max(c.Grace, earlyBy(sched, c.Due)))
	}
	return c.Due.Add(-earlyBy(sched, c.Due))
}

// earlyBy is how long before its slot a ping still satisfies it.
func earlyBy(sched schedule.Schedule, slot time.Time) time.Duration {
	next, ok := sched.Next(slot)
	if !ok {
		return EarlyTolerance
	}
	return min(EarlyTolerance, next.Sub(slot)/10)
}

// overlooked returns the end of the blind interval in which the ping whose deadline
// has passed may have been lost, and whether the check is spared for it: not when it
// has missed a run that would have been seen, and not twice.
func (c Check) overlooked(d Deadline) (to time.Time, spared bool) {
	to = c.BlindTo
	if d.Reason == Overran {
		to = c.Runs[d.Run].Unseen
	}
	if to.IsZero() || c.Status == Down || c.Status == Unknown {
		return to, false
	}
	next := c.nextSeen(to)
	return to, next.IsZero() || next.Add(c.Grace).After(d.At)
}
