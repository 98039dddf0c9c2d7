package alerter

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"rollcall/internal/failpoint"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/outbound"
	"rollcall/internal/store"
)

// Sender sends through one kind of channel.
type Sender interface {
	// Send makes one attempt and says what came of it. It ends when ctx does.
	Send(ctx context.Context, m Message) Outcome
}

// Outcome is the result of an attempt and its class, which metrics count by: ok,
// 3xx, 4xx and 5xx for an answer, else a class of package outbound.
type Outcome struct {
	monitor.Result
	Class outbound.Class
}

// The classes of what was answered.
const (
	classOK outbound.Class = "ok"
	// classPanic is a mistake in a Sender.
	classPanic outbound.Class = "panic"
)

// Message is one attempt to deliver one thing.
type Message struct {
	store.Dispatch
	ID      string        // the same for every attempt and replay
	Ping    *monitor.Ping // that caused the flip, or the last one before it; nil when it is not kept
	Attempt int           // 1 for the first
	Now     time.Time     // when the attempt began
	BaseURL string
}

// DecidedAt is when it was decided that the message is owed: when the flip was
// judged, a digest was queued, or a test was asked for.
func (m Message) DecidedAt() time.Time {
	if m.Flip != nil {
		return m.Flip.Judged
	}
	return m.Delivery.Created
}

// CheckPage is the address of the check's page; "" when it is about none.
func (m Message) CheckPage() string {
	if m.Flip == nil {
		return ""
	}
	return m.BaseURL + "/go/" + monitor.PageKey(m.Check)
}

// DigestPage is the address of the page that lists all that a digest tells.
func (m Message) DigestPage() string {
	return fmt.Sprintf("%s/deliveries?digest=%d", m.BaseURL, m.Delivery.ID)
}

// ChannelPage is the address of the page on which the channel can be changed.
func (m Message) ChannelPage() string {
	return fmt.Sprintf("%s/channels#channel-%d", m.BaseURL, m.Channel.ID)
}

// Limits of one attempt.
const (
	webhookLimit = 15 * time.Second
	emailLimit   = 30 * time.Second
)

func attemptLimit(kind monitor.ChannelKind) time.Duration {
	if kind == monitor.Email {
		return emailLimit
	}
	return webhookLimit
}

// attempt sends one delivery and records what came of it.
func (a *Alerter) attempt(ctx context.Context, d leased) {
	started := a.Now()
	m := Message{
		Dispatch: d.Dispatch, ID: monitor.MessageID(d.Check, d.Delivery),
		Attempt: d.Delivery.Attempts + 1, Now: started, BaseURL: a.BaseURL,
	}
	a.stats.begun(d.Dispatch)
	m.Ping = a.ping(ctx, d.Flip)
	outcome := a.send(ctx, m)
	if ctx.Err() != nil && outcome.Verdict != monitor.Done { // cut off by the stop, which is no fault of the receiver
		a.putBack(ctx, d, a.Now())
		return
	}
	failpoint.Here("alerter.after_answer")
	ended := a.Now()
	a.stats.count(d.Channel.Kind, outcome.Class, ended.Sub(started))

	result := outcome.Result
	if d.Alarm() {
		result = result.ForAlarm()
	}
	if d.Channel.Disabled != "" && result.Verdict != monitor.Done {
		result.Verdict = monitor.Refuse // a test of a channel that is switched off is made once
	}
	after, gone := d.Delivery.Settle(result, ended)
	record := monitor.Attempt{
		Delivery: d.Delivery.ID, N: m.Attempt, Started: started, Took: ended.Sub(started),
		OK: result.Verdict == monitor.Done, Code: result.Code, Answer: result.Answer,
		Probe: !d.Delivery.Planned.IsZero(), Ours: result.Ours, Redirect: result.Redirect,
		Rest: result.Rest(after.NextAt.Sub(ended)),
	}
	disable := ""
	if gone {
		disable = monitor.ReceiverGone
	}
	if outcome.Verdict == monitor.Done && d.Flip != nil && a.Delivered != nil {
		a.Delivered(d.Channel.Kind, ended.Sub(d.Flip.At))
	}
	a.stats.ended(d.Dispatch, after, gone)
	a.record(context.WithoutCancel(ctx), record, after, disable, d.until)
}

// ping returns the ping that a flip tells about. A message without its output is
// better than none, so that it cannot be read is no reason to wait.
func (a *Alerter) ping(ctx context.Context, f *monitor.Flip) *monitor.Ping {
	if f == nil || f.Facts.PingN == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	ping, err := a.Pings.Ping(ctx, f.Check, f.Facts.PingN)
	if err != nil {
		if !errors.Is(err, fault.NotFound) {
			a.Log.Warn("alert sent without its output", "check", f.Check, "err", err)
		}
		return nil
	}
	return &ping
}

// send makes the attempt within its limit. A Sender that panics has failed.
func (a *Alerter) send(ctx context.Context, m Message) (out Outcome) {
	defer func() {
		if p := recover(); p != nil {
			a.Log.Error("sender panicked", "kind", m.Channel.Kind, "delivery", m.Delivery.ID, "panic", p, "stack", string(debug.Stack()))
			out = ours(Outcome{monitor.Result{Verdict: monitor.Retry, Answer: "Rollcall failed to compose or send the message."}, classPanic})
		}
	}()
	sender, ok := a.Senders[m.Channel.Kind]
	if !ok {
		return ours(doubt("this server sends no messages of kind " + string(m.Channel.Kind)))
	}
	ctx, cancel := context.WithTimeout(ctx, attemptLimit(m.Channel.Kind))
	defer cancel()
	return sender.Send(ctx, m)
}

// record writes the attempt. A lease that was lost means that another process has
// recorded this attempt, or this one did and was not told: there is nothing left to do.
func (a *Alerter) record(ctx context.Context, record monitor.Attempt, after monitor.Delivery, disable string, until time.Time) {
	err := whileLeased(ctx, a.Now, until, func(ctx context.Context) error {
		err := failpoint.Err("alerter.before_record")
		if err == nil {
			err = a.Store.RecordAttempt(ctx, record, after, disable)
		}
		failpoint.Here("alerter.after_record")
		return err
	})
	switch {
	case err == nil:
		if a.Changed != nil {
			a.Changed(after.Project)
		}
	case errors.Is(err, fault.Conflict):
		a.Log.Info("lease of a delivery lost", "delivery", after.ID, "attempt", record.N)
	default:
		a.Log.Error("attempt not recorded; the message will be repeated", "delivery", after.ID, "attempt", record.N, "err", err)
	}
}

// whileLeased records what became of something that was leased. While the database is
// away it tries again for as long as the lease lasts, since what is not recorded is
// sent again.
func whileLeased(ctx context.Context, now func() time.Time, until time.Time, record func(context.Context) error) error {
	for pause := 250 * time.Millisecond; ; pause *= 2 {
		once, cancel := context.WithTimeout(ctx, storeLimit)
		err := record(once)
		cancel()
		if !errors.Is(err, fault.Unavailable) || now().Add(pause).After(until) {
			return err
		}
		<-time.After(pause)
	}
}

// putBack gives a lease back without an attempt. What was to be tried ahead of its
// time goes back to that.
func (a *Alerter) putBack(ctx context.Context, d leased, until time.Time) {
	if planned := d.Delivery.Planned; planned.After(until) {
		until = planned
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeLimit)
	defer cancel()
	if err := a.Store.PostponeDelivery(ctx, d.Delivery, until); err != nil && !errors.Is(err, fault.Conflict) {
		a.Log.Warn("delivery not put back; its lease will run out", "delivery", d.Delivery.ID, "err", err)
	}
}
