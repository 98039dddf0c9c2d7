package monitor

import "time"

// Limits of what a channel is sent while its receiver fails.
const (
	// BreakerAfter is how many attempts in a row fail before the breaker of a channel
	// opens: from then on its oldest message alone is tried, and the others wait.
	BreakerAfter = 5
	// ProbeEvery is how often that one is tried at least while an alarm waits.
	ProbeEvery = time.Minute
	// RestMost is how long a receiver can have its channel left alone by Retry-After,
	// and RestPlain how long it is left alone when it is overloaded and says no time.
	RestMost  = time.Hour
	RestPlain = time.Minute
	// Pace is the time between two messages to a channel.
	Pace = 200 * time.Millisecond
	// WarnAfter and WarnAgain are for how long a channel takes nothing before the owners
	// of its project are told, and told once more.
	WarnAfter = 24 * time.Hour
	WarnAgain = 72 * time.Hour
	// OffAfter is for how long a channel takes nothing before it is switched off, when
	// OffAttempts failed in OffHours different hours.
	OffAfter    = 5 * 24 * time.Hour
	OffAttempts = 20
	OffHours    = 12
	// RedirectsTold is after how many redirects in a row a channel's page says where
	// they lead.
	RedirectsTold = 3
)

// Health is how a channel has fared since an attempt last succeeded. The zero
// health is that of a channel that did not fail.
type Health struct {
	Channel    ChannelID
	Failures   int       // attempts since the last success
	Hours      int       // different hours in which one of them failed
	Since      time.Time // when the first of them failed
	Failed     time.Time // when the last of them failed
	Opened     time.Time // when the breaker opened; zero: it is closed
	Gate       time.Time // nothing is sent before
	Redirects  int       // how many of the last answers in a row were redirects
	RedirectTo string    // the host that the last of them named
	Warned     Warning   // what the owners were told of it last
}

// Warning is what the owners of a project are told of a channel that fails.
type Warning int

// The warnings, in the order in which they are given. The last channel of a project
// that is on is never switched off.
const (
	NoWarning Warning = iota
	FailsForADay
	FailsForDays
	FailsAlone  // it would be switched off, were there another
	SwitchedOff // because it fails, or because its receiver is gone
)

// Failing is a channel that takes nothing, with what is said of it. It holds no
// secret.
type Failing struct {
	Health
	Project     ProjectID
	ProjectName string
	Name        string
	Kind        ChannelKind
	Disabled    string // as of Channel
	Last        bool   // no other channel of the project is on
}

// Due is the worst that there is to say of a channel at now.
func (f Failing) Due(now time.Time) Warning {
	fails := now.Sub(f.Since)
	switch {
	case f.Disabled != "":
		return SwitchedOff
	case f.Failures < BreakerAfter || fails < WarnAfter:
		return NoWarning
	case fails >= OffAfter && f.Failures >= OffAttempts && f.Hours >= OffHours:
		if f.Last {
			return FailsAlone
		}
		return SwitchedOff
	case fails >= WarnAgain:
		return FailsForDays
	}
	return FailsForADay
}

// Why a channel was switched off, in words.
const (
	FailedTooLong = "No message was taken for five days, whatever was tried."
	ReceiverGone  = "The receiver answered 410 Gone twice: it is not there any more."
)

// After returns the health after an attempt, which ended at now.
func (h Health) After(a Attempt, now time.Time) Health {
	switch {
	case a.OK:
		if soon := now.Add(Pace); h.Gate.After(soon) {
			h.Gate = soon
		}
		return Health{Channel: h.Channel, Gate: h.Gate}
	case a.Ours:
		if !h.Opened.IsZero() {
			h.Failed = now // the next probe is not to follow at once
		}
		return h
	}
	if h.Failures == 0 {
		h.Since = now
	}
	if h.Failures == 0 || hourOf(h.Failed) != hourOf(now) {
		h.Hours++
	}
	h.Failures++
	h.Failed = now
	if a.Redirect == "" {
		h.Redirects = 0
	} else {
		h.Redirects++
	}
	h.RedirectTo = a.Redirect
	if gate := now.Add(a.Rest); a.Rest > 0 && gate.After(h.Gate) {
		h.Gate = gate
	}
	if h.Opened.IsZero() && h.Failures >= BreakerAfter {
		h.Opened = now
	}
	return h
}

func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

// ProbeAt is when the oldest message of a channel is tried whose breaker is open:
// at its own next attempt, but soon when an alarm waits in the channel.
func (h Health) ProbeAt(next time.Time, alarm bool) time.Time {
	if soon := h.Failed.Add(ProbeEvery); alarm && soon.Before(next) {
		next = soon
	}
	if h.Gate.After(next) {
		return h.Gate
	}
	return next
}
