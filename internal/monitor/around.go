package monitor

import (
	"slices"
	"time"
)

// Around is what is kept about a check and a span of time, usually a minute: all
// that Explain needs.
type Around struct {
	Check     Check
	Flips     []Flip     // the last one before, those dated or judged within, and the first after; the oldest first
	Decisions []Decision // those of these flips, and what was judged, or was due, within; the last before and the first after
	Pings     []Ping     // that happened within, the oldest first; without bodies
	Before    []Ping     // the last starts and ends that counted before, the newest first
	After     []Ping     // the first start or end that counted after
	Oldest    *Ping      // that is kept, no more than its number and time; nil: none is
	Blinds    []Blind    // that reach into the span
	Messages  []Message  // that the flips owed
	Acts      []Act      // of people on the check, within and when it was paused
	Channels  map[ChannelID]string
	Tells     int // to how many channels the check tells now
}

// Message is a delivery with its channel and what was tried.
type Message struct {
	Delivery
	Name     string // of the channel
	Kind     ChannelKind
	Attempts []Attempt
}

// Act is what somebody did to a check.
type Act struct {
	At   time.Time
	By   string
	Verb string // such as paused, resumed, edited
}

// within reports whether an instant lies in the span from one to another.
func within(t, from, to time.Time) bool { return !t.Before(from) && t.Before(to) }

// in returns the flips that were dated or judged within a span.
func (a Around) in(from, to time.Time) []Flip {
	return slices.DeleteFunc(slices.Clone(a.Flips), func(f Flip) bool {
		return !within(f.At, from, to) && !within(f.Judged, from, to)
	})
}

// standing returns the last flip that had been judged by an instant; nil when none
// is kept.
func (a Around) standing(by time.Time) *Flip {
	var last *Flip
	for i, f := range a.Flips {
		if f.Judged.Before(by) {
			last = &a.Flips[i]
		}
	}
	return last
}

// next returns the first flip that was judged at an instant or after; nil when there
// is none.
func (a Around) next(from time.Time) *Flip {
	for i, f := range a.Flips {
		if !f.Judged.Before(from) {
			return &a.Flips[i]
		}
	}
	return nil
}

// statusBy returns the status of the check just before an instant, and false when
// that is not kept any more.
func (a Around) statusBy(by time.Time) (Status, bool) {
	if f := a.standing(by); f != nil {
		return f.New, true
	}
	if f := a.next(by); f != nil {
		return f.Old, f.Rev == 1
	}
	return a.Check.Status, a.Check.Rev == 0
}

// decision returns the record of a flip; nil when there is none, as of those that
// are older than the records.
func (a Around) decision(f Flip) *Decision {
	for i, d := range a.Decisions {
		if d.About == OfFlip && d.Key == f.Rev {
			return &a.Decisions[i]
		}
	}
	return nil
}

// by returns who did something to the check at about the given time; "" when nobody
// is known.
func (a Around) by(verb string, at time.Time) string {
	who, least := "", time.Minute
	for _, act := range a.Acts {
		if far := act.At.Sub(at).Abs(); act.Verb == verb && far < least {
			who, least = act.By, far
		}
	}
	return who
}

// awaits is what a check waited for at some instant.
type awaits struct {
	due      time.Time // the slot; zero: none
	deadline time.Time // zero: none
	run      time.Time // start of the run that was open; zero: none is known
	let      Suppression
	edited   bool // told by settings that were changed since
}

// awaited returns what the check waited for at an instant at which it had the given
// status: as its row says when nothing has come since, otherwise as the rules say of
// the last ping or flip before.
func (a Around) awaited(at time.Time, status Status) awaits {
	c := a.Check
	edited := c.Updated.After(at)
	if len(a.After) == 0 && a.next(at) == nil && !edited && !slices.ContainsFunc(a.Pings, func(p Ping) bool { return p.At.After(at) }) {
		w := awaits{due: c.Due}
		for _, run := range c.Runs {
			if run.Open() && !run.Over {
				w.run = run.Start
			}
		}
		if d, ok := c.Deadline(); ok {
			w.deadline = d.At
		}
		return w
	}
	w := awaits{edited: edited}
	c.State = State{Status: status}
	since, ping := a.lastBefore(at)
	switch flip := a.standing(at.Add(time.Microsecond)); {
	case flip != nil && !flip.Judged.Before(since) && (status == Unknown || status == New && !since.IsZero()):
		c = c.expectAfter(flip.Judged)
	case ping == nil:
		return w
	case ping.Signal == Start:
		w.run = ping.At
		c.Runs = []Run{{Start: ping.At}}
		c = c.bind(ping.At, ping.At)
	default:
		slot := ping.reportedStart()
		if slot.IsZero() {
			slot = ping.At
		}
		c = c.bind(slot, ping.At)
	}
	w.due = c.Due
	if d, ok := c.Deadline(); ok {
		w.deadline = d.At
	}
	for _, d := range a.Decisions { // a deadline that was let go before is this one
		switch {
		case d.About != OfDeadline || d.Deadline.After(at) || !d.Until.After(at):
		case d.Suppressed != ByThreshold:
			w.deadline, w.let = d.Until, d.Suppressed
		case d.Judged.After(since): // that slot was missed, and the next is awaited
			w.deadline, w.due = d.Until, d.Until.Add(-c.Grace)
		}
	}
	return w
}

// lastBefore returns the last ping that counted by an instant, and when it came.
func (a Around) lastBefore(at time.Time) (time.Time, *Ping) {
	for i := len(a.Pings) - 1; i >= 0; i-- {
		if p := a.Pings[i]; !p.At.After(at) && p.Ignored == "" && p.Signal != Log {
			return p.Received(), &a.Pings[i]
		}
	}
	if len(a.Before) > 0 {
		return a.Before[0].Received(), &a.Before[0]
	}
	return time.Time{}, nil
}

// Judged returns the records of what was judged in a span, or had its deadline in it.
func (a Around) Judged(from, to time.Time) []Decision {
	return slices.DeleteFunc(slices.Clone(a.Decisions), func(d Decision) bool {
		return !within(d.Judged, from, to) && !within(d.Deadline, from, to)
	})
}
