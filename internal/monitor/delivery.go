package monitor

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// DeliveryKind says what a delivery is about.
type DeliveryKind string

// The kinds of delivery.
const (
	ForFlip DeliveryKind = "flip"
	ForTest DeliveryKind = "test" // somebody pressed Test on a channel
	// ForBlind tells which checks could not be verified after a blind interval.
	ForBlind DeliveryKind = "blind"
	// ForDigest tells what a storm owes to a channel.
	ForDigest DeliveryKind = "digest"
	// ForChannel tells that another channel of the project takes nothing.
	ForChannel DeliveryKind = "channel"
)

// DeliveryState is how far a delivery has come.
type DeliveryState string

// The states. Pending and Sending will go on by themselves; Sent and Dead are
// ends, and a Dead delivery can be replayed. A Merged one is told by another, its
// digest or that of its end, and what becomes of it is what becomes of that.
const (
	Pending DeliveryState = "pending"
	Sending DeliveryState = "sending" // leased by an alerter
	Sent    DeliveryState = "sent"
	Dead    DeliveryState = "dead"
	Merged  DeliveryState = "merged"
)

// Delivery is one message owed to one channel. For a flip it is identified by
// (Check, Rev, Channel).
type Delivery struct {
	ID      DeliveryID
	Project ProjectID
	Channel ChannelID
	Kind    DeliveryKind
	Check   CheckID // of a flip; 0 for others
	Rev     int64   // of a flip; 0 for others
	// Digest is the delivery that tells a Merged one, also when that is the one about
	// its end; 0 for others.
	Digest   DeliveryID
	State    DeliveryState
	Attempts int // made so far
	// Tries counts the attempts of the present round; a replay begins a new one.
	Tries   int
	Created time.Time
	NextAt  time.Time // of the next attempt; zero once it has ended
	// Planned is when a delivery would be tried next that is tried now to find out
	// whether its channel takes messages again; zero for others.
	Planned time.Time
	Ended   time.Time // when it was sent or given up
	Answer  string    // of the last attempt, in words
	Code    *int      // of the last attempt; nil when there was no answer
}

// WithEnd reports whether what the delivery was to tell is told with its end; see
// TellTogether. A digest takes nothing that was tried.
func (d Delivery) WithEnd() bool { return d.State == Merged && d.Attempts > 0 }

// TellTogether reports whether an alarm and its end, which follow one another on a
// channel that people read, are told by one message: when the alarm was tried in vain
// and waits, and the end was not tried yet. What was never tried may still go at once.
func TellTogether(kind ChannelKind, alarm, end Delivery, was, is Status) bool {
	return kind.ForPeople() && alarm.State == Pending && alarm.Attempts > 0 && was == Down &&
		end.State == Pending && end.Attempts == 0 && is == Up && end.Rev == alarm.Rev+1
}

// Attempt is one try to deliver. It is identified by (Delivery, N).
type Attempt struct {
	Delivery DeliveryID
	N        int // 1 for the first
	Started  time.Time
	Took     time.Duration
	OK       bool
	Code     *int   // HTTP status or SMTP reply; nil when there was no answer
	Answer   string // what was answered or went wrong; holds no secret

	// What follows is for the health of the channel, and not kept with the attempt.
	Probe    bool          // it was made to find out whether the channel takes messages again
	Ours     bool          // it failed for a reason that has nothing to do with the channel
	Redirect string        // the host that the receiver would have had us ask
	Rest     time.Duration // for which the channel is to be left alone
}

// MessageID is the stable public name of a delivery: every attempt and every
// replay carries it, so a receiver can tell a repetition. The check's UUID makes
// it unique among installations without giving the UUID away.
func MessageID(check uuid.UUID, d Delivery) string {
	name := fmt.Sprintf("%s/%d/%d", check, d.Rev, d.Channel)
	if d.Kind != ForFlip {
		name = fmt.Sprintf("%s/%d/%d/%d", d.Kind, d.Channel, d.ID, d.Created.UnixMicro())
	}
	sum := sha256.Sum256([]byte(name))
	return "msg_" + hex.EncodeToString(sum[:16])
}

// Verdict is what an answer means for the delivery.
type Verdict int

// The verdicts. The zero verdict retries: what is not understood is not lost.
const (
	Retry  Verdict = iota // the whole schedule
	Doubt                 // probably a wrong setting: the short schedule, about 30 minutes
	Done                  // delivered
	Refuse                // final at once
	Gone                  // 410: confirmed by one probe, then the channel is disabled
	Barred                // the address may not be reached: looked up once more, then final
)

// Result is the outcome of one attempt as a channel reports it.
type Result struct {
	Verdict    Verdict
	Code       *int
	Answer     string
	RetryAfter time.Duration // asked for by the receiver; 0: not asked
	Overloaded bool          // the receiver cannot take more now, whatever it is sent
	Redirect   string        // the host that the receiver would have us ask; "" for none
	Ours       bool          // it says nothing about the receiver, which was not reached or not asked
}

// ForAlarm returns the result for a message that tells that something is down: a
// receiver cannot postpone it as far as others.
func (r Result) ForAlarm() Result {
	r.RetryAfter = min(r.RetryAfter, alarmAfterCap)
	return r
}

// Rest is for how long the whole channel is left alone after a result, when the
// message itself is tried again after the given pause.
func (r Result) Rest(pause time.Duration) time.Duration {
	switch {
	case !r.Overloaded:
		return 0
	case r.RetryAfter > 0:
		return min(r.RetryAfter, RestMost)
	}
	return min(max(0, pause), RestPlain)
}

// retryDelays are the pauses after each failed attempt; when they are used up the
// delivery is a dead letter, about a day after it was decided.
var retryDelays = [...]time.Duration{
	3 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 3 * time.Minute,
	10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour,
	4 * time.Hour, 8 * time.Hour, 8 * time.Hour,
}

// Bounds of the retry rules.
const (
	doubtTries    = 8                // attempts that a probably wrong setting gets
	goneProbe     = time.Minute      // between a first 410 and the attempt that confirms it
	barredPause   = 10 * time.Minute // in which a name may get another address
	retryAfterCap = 24 * time.Hour   // a receiver cannot postpone a message for longer
	alarmAfterCap = time.Hour        // nor an alarm for longer than this
	jitterPercent = 20               // of each delay, up or down
)

// Settle returns the delivery after an attempt that ended at now, and whether its
// channel is to be disabled because its receiver is gone. An attempt that was made
// ahead of its time, to find out about the channel, uses up none of the schedule.
func (d Delivery) Settle(r Result, now time.Time) (Delivery, bool) {
	if planned := d.Planned; !planned.IsZero() {
		d.Planned = time.Time{}
		switch r.Verdict {
		case Retry, Doubt, Barred:
			d.Attempts++
			d.Answer, d.Code = r.Answer, r.Code
			d.State, d.NextAt = Pending, now
			if planned.After(now) {
				d.NextAt = planned
			}
			return d, false
		}
	}
	barredBefore := d.Tries > 0 && d.Answer == r.Answer
	goneBefore := d.Code != nil && *d.Code == codeGone
	d.Attempts++
	d.Tries++
	d.Answer, d.Code = r.Answer, r.Code
	d.NextAt = time.Time{}
	if r.Verdict == Done {
		d.State, d.Ended = Sent, now
		return d, false
	}
	var delay time.Duration
	switch {
	case r.Verdict == Gone && !goneBefore:
		delay = goneProbe
	case r.Verdict == Barred && !barredBefore && d.Tries <= len(retryDelays):
		delay = barredPause
	case r.Verdict == Gone, r.Verdict == Refuse, r.Verdict == Barred,
		r.Verdict == Doubt && d.Tries >= doubtTries, d.Tries > len(retryDelays):
		d.State, d.Ended = Dead, now
		return d, r.Verdict == Gone
	default:
		delay = max(d.jitter(retryDelays[d.Tries-1]), min(r.RetryAfter, retryAfterCap))
	}
	d.State, d.NextAt = Pending, now.Add(delay)
	return d, false
}

// codeGone is the HTTP status by which a receiver says that it is gone for good.
const codeGone = 410

// Replay returns the delivery with a new round of attempts that begins now. Its
// message id and content stay what they were.
func (d Delivery) Replay(now time.Time) Delivery {
	d.State, d.Tries, d.NextAt, d.Ended = Pending, 0, now, time.Time{}
	return d
}

// jitter spreads a delay by up to jitterPercent, the same way each time it is
// asked about the same attempt, so that receivers are not called in step.
func (d Delivery) jitter(delay time.Duration) time.Duration {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d/%d/%d", d.Check, d.ID, d.Attempts))
	share := time.Duration(int(sum[0])*2*jitterPercent/255 - jitterPercent)
	return delay + delay*share/100
}

// GiveUp returns a delivery that waits as a dead letter, because a person decided so.
func (d Delivery) GiveUp(words string, now time.Time) Delivery {
	d.State, d.NextAt, d.Ended, d.Answer = Dead, time.Time{}, now, words
	return d
}
