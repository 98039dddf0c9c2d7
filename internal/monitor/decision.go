package monitor

import (
	"maps"
	"slices"
	"time"
)

// Decision is the record of one judgement about a check: what was expected, what
// was seen, when it was judged, what came of it, and by which rule nobody was told.
// The rules make it, and it is written with the change that it is about. An ordinary
// ping that comes in time leaves none. It is identified by (Check, About, Key).
type Decision struct {
	Check CheckID
	About Matter
	Key   int64 // the rev of a flip, the number of a ping, a deadline in unix microseconds

	Judged   time.Time
	Arrived  time.Time // when the ping came that was judged; zero: none came
	Ping     int64     // its number; 0: none, or one that was not counted
	Deadline time.Time // that had passed by then; zero: none had
	Due      time.Time // the slot that was awaited, or the start of the run that overran; zero: nothing was
	Seen     time.Time // the last success or failure known before; zero: none

	Was, Is    Status
	Reason     Reason
	Tell       bool
	Suppressed Suppression // why there was no message to send; "" when there was one
	Until      time.Time   // the deadline that came instead of one that was let go; zero: none did
	Corrects   int64       // the rev of the flip that a late report showed to be wrong; 0: none
	// Bad is which bad result in a row it was of the Of that take the check down; 0: it
	// was none.
	Bad, Of int

	// Filled in by the store, which knows the channels at that time, in the order of
	// their ids: those that were owed a message, and those that were not for they were
	// disabled.
	Owed, Off []ChannelID
}

// Matter is what a decision is about.
type Matter string

// The matters.
const (
	OfFlip     Matter = "flip"
	OfDeadline Matter = "deadline" // that passed, or would have, without a change of status
	OfPing     Matter = "ping"     // that was ignored, or a failure that changed no status
)

// Suppression is a rule by which no message was sent.
type Suppression string

// The suppressions. What each means in words is in suppressionWords.
const (
	ByPause         Suppression = "paused"
	ByFilter        Suppression = "filtered"
	ByBlindness     Suppression = "blind"
	ByDown          Suppression = "already down"
	ByThreshold     Suppression = "below threshold"
	NoNews          Suppression = "no news"
	ByAnswer        Suppression = "answered"
	ByEdit          Suppression = "edited"
	NoChannel       Suppression = "no channel"
	ChannelDisabled Suppression = "channel disabled"
	ToldElsewhere   Suppression = "merged"
)

// recorded adds to a change the record of what was decided on the check before it.
// A deadline of before that had passed by now and is none any more without a flip
// was let go by the given rule. For an ordinary ping it looks at the deadline only.
func (ch Change) recorded(before Check, now time.Time, letGo Suppression) Change {
	deadline, passed := before.Deadline()
	passed = passed && !now.Before(deadline.At)
	ignored := ch.Ping != nil && ch.Ping.Ignored != ""
	bad := ch.Check.FailStreak > before.FailStreak
	reported := bad && ch.Check.NPings > before.NPings
	if reported && before.Status == Down && ch.Outcome == Coalesced {
		return ch // of a flood there may be no end
	}
	if ch.Flip == nil && !ignored && !bad && (!passed || ch.Check.faces(deadline)) {
		return ch // one that is awaited still is judged when the scheduler comes by
	}
	d := &Decision{
		Check: before.ID, Judged: now, Seen: before.LastPing, Due: before.Due,
		Was: before.Status, Is: ch.Check.Status, Reason: ch.Check.Reason,
	}
	if passed {
		d.Deadline = deadline.At
		if deadline.Reason == Overran {
			d.Due = before.Runs[deadline.Run].Start
		}
	}
	if ch.Ping != nil {
		d.Ping = ch.Ping.N
	}
	if bad {
		d.Bad, d.Of = ch.Check.FailStreak, ch.Check.TakesDown()
	}
	switch f := ch.Flip; {
	case f != nil:
		d.About, d.Key, d.Tell, d.Corrects = OfFlip, f.Rev, f.Tell, f.Facts.Corrects
		d.Is, d.Reason, d.Suppressed = f.New, f.Reason, f.suppressed()
	case ignored:
		d.About, d.Key, d.Suppressed = OfPing, ch.Ping.N, ch.Ping.Ignored.suppressed()
	case reported:
		d.About, d.Key, d.Suppressed = OfPing, ch.Check.NPings, ch.Check.spares()
		d.Ping, d.Reason = ch.Check.NPings, Failed
	default:
		d.About, d.Key, d.Suppressed = OfDeadline, deadline.At.UnixMicro(), letGo
		if bad {
			d.Reason = deadline.Reason
		}
		if after, awaited := ch.Check.Deadline(); awaited {
			d.Until = after.At
		}
	}
	ch.Decision = d
	return ch
}

// spares says by which rule nobody is told of a bad result that changed no status.
func (c Check) spares() Suppression {
	if c.Status == Down {
		return ByDown
	}
	return ByThreshold
}

// faces reports whether the next deadline of the check is the given one.
func (c Check) faces(d Deadline) bool {
	next, ok := c.Deadline()
	return ok && next.At.Equal(d.At) && next.Reason == d.Reason
}

// byPing adds the record of what a ping did.
func (ch Change) byPing(before Check, p Ping) Change {
	ch = ch.recorded(before, p.Received(), ByAnswer)
	if d := ch.Decision; d != nil {
		d.Arrived, d.Judged = p.Received(), later(p.Received(), p.Stored)
	}
	return ch
}

// suppressed says why a flip is not told; "" when it is.
func (f Flip) suppressed() Suppression {
	switch {
	case f.Tell:
		return ""
	case f.New == Paused:
		return ByPause
	case f.New == Unknown:
		return ByBlindness
	case f.Reason == Failed:
		return ByThreshold
	}
	return NoNews
}

func (i Ignored) suppressed() Suppression {
	if i == IgnoredPaused {
		return ByPause
	}
	return ByFilter
}

// Lag is how long it took to notice what was decided: from the deadline that passed,
// or the arrival of the ping, until it was judged. It is false for what a person did
// and for what changed nothing.
func (d Decision) Lag() (time.Duration, bool) {
	var since time.Time
	switch {
	case d.About != OfFlip:
	case !d.Arrived.IsZero():
		since = d.Arrived
	case d.Reason != ByPerson:
		since = d.Deadline
	}
	return max(0, d.Judged.Sub(since)), !since.IsZero()
}

// Silenced lists every suppression of a decision by name: that of the rule, or those
// of the channels.
func (d Decision) Silenced() []Suppression {
	var list []Suppression
	if d.Suppressed != "" {
		list = append(list, d.Suppressed)
	}
	if d.Tell && len(d.Off) > 0 {
		list = append(list, ChannelDisabled)
	}
	if d.Tell && len(d.Owed)+len(d.Off) == 0 {
		list = append(list, NoChannel)
	}
	return list
}

// Suppressions lists every suppression, by name.
func Suppressions() []Suppression { return slices.Sorted(maps.Keys(suppressionWords)) }

// Words say why nobody was told.
func (s Suppression) Words() string { return suppressionWords[s] }
