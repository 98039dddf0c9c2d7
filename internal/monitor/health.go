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
	Warned     int       // how many times the owners were told of it
}

// After returns the health after an attempt, which ended at now.
func (h Health) After(a Attempt, now time.Time) Health {
	switch {
	case a.OK:
		if soon := now.Add(Pace); h.Gate.After(soon) {
			h.Gate = soon
		}
		return Health{Channel: h.Channel, Gate: h.Gate}
	case a.Ours:
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
