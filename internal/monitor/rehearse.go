package monitor

import (
	"slices"
	"time"
)

// Past is what is known of a check's history: each list newest first, as far back as
// it was kept.
type Past struct {
	Pings  []Ping
	Flips  []Flip // by which people paused and resumed it
	Blinds []Blind
}

// Rehearsal is what settings would have made of the past.
type Rehearsal struct {
	From   time.Time   // of the first ping that was replayed; zero: there was none
	Pings  int         // that were replayed
	Alerts []time.Time // the downs that would have been told, the oldest first
	Down   time.Duration
}

// happening is one thing of the past at its time.
type happening struct {
	at     time.Time
	decide func(Check) Change
}

// Rehearse replays the past since an instant by the rules, as if the check had had
// other settings. Keywords are not looked for again: what is kept of a ping is what
// they made of it.
func Rehearse(to Config, past Past, since, now time.Time) Rehearsal {
	to.Filter = Filter{}
	events, r := past.events(since)
	if r.Pings == 0 {
		return r
	}
	c := Create(Check{Config: to}, r.From)
	fell := time.Time{}
	follow := func(change Change) {
		c = change.Check
		switch flip := change.Flip; {
		case flip == nil:
		case flip.New == Down && flip.Old != Down:
			r.Alerts, fell = append(r.Alerts, flip.At), flip.At
		case flip.Old == Down && flip.New != Down:
			r.Down += flip.At.Sub(fell)
		}
	}
	expire := func(until time.Time) {
		for deadline, ok := c.Deadline(); ok && !deadline.At.After(until); deadline, ok = c.Deadline() {
			follow(c.Expire(deadline.At, deadline.At))
		}
	}
	for _, e := range events {
		expire(e.at)
		follow(e.decide(c))
	}
	expire(now)
	if c.Status == Down {
		r.Down += now.Sub(fell)
	}
	return r
}

// events puts the past since an instant into one row, the oldest first.
func (past Past) events(since time.Time) ([]happening, Rehearsal) {
	var r Rehearsal
	var events []happening
	for _, p := range slices.Backward(past.Pings) {
		if p.Received().Before(since) || p.Ignored == IgnoredFilter {
			continue
		}
		p.Ignored = ""
		if r.Pings++; r.Pings == 1 {
			r.From = p.Received()
		}
		events = append(events, happening{p.Received(), func(c Check) Change { return c.Receive(p) }})
	}
	for _, f := range past.Flips {
		switch {
		case f.At.Before(r.From) || f.Reason != ByPerson:
		case f.New == Paused:
			events = append(events, happening{f.At, func(c Check) Change { return c.Pause(f.At) }})
		case f.Old == Paused:
			events = append(events, happening{f.At, func(c Check) Change {
				change, err := c.Resume(f.At)
				if err != nil {
					return Change{Check: c}
				}
				return change
			}})
		}
	}
	for _, b := range past.Blinds {
		if b.From.After(r.From) {
			events = append(events, happening{b.From, func(c Check) Change { return c.Overlook(b) }})
		}
	}
	slices.SortStableFunc(events, func(a, b happening) int { return a.at.Compare(b.at) })
	return events, r
}
