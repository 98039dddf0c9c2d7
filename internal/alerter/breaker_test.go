package alerter_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"rollcall/internal/alerter"
	"rollcall/internal/monitor"
	"rollcall/internal/prove"
)

// live lets time pass, with a tick whenever something can be sent.
func (w *world) live(until time.Time) {
	w.Helper()
	for range 20_000 {
		w.tick()
		next := must(w.store.NextDelivery(w.Context()))(w.T)
		if next.IsZero() || next.After(until) {
			w.set(until)
			return
		}
		if next.After(w.Now()) {
			w.set(next)
		}
	}
	w.Fatal("the outbox goes round in circles")
}

// sent is one attempt as a receiver sees it.
type sent struct {
	at    time.Time
	id    monitor.DeliveryID
	alarm bool
	out   monitor.Result
}

// moody is a receiver whose answers change.
type moody struct {
	answer monitor.Result
	sent   []sent
	heard  []monitor.Warning // of other channels
}

func (m *moody) Send(_ context.Context, message alerter.Message) alerter.Outcome {
	if f := message.Failing; f != nil {
		m.heard = append(m.heard, f.Warned)
	}
	m.sent = append(m.sent, sent{message.Now, message.Delivery.ID, message.Alarm(), m.answer})
	return alerter.Outcome{Result: m.answer}
}

var (
	takes    = monitor.Result{Verdict: monitor.Done, Answer: "200 OK"}
	refuses  = monitor.Result{Verdict: monitor.Doubt, Answer: "404 Not Found"}
	breaks   = monitor.Result{Verdict: monitor.Retry, Answer: "500 Internal Server Error"}
	silent   = monitor.Result{Verdict: monitor.Retry, Answer: "no answer in time"}
	overload = monitor.Result{Verdict: monitor.Retry, Answer: "503 Service Unavailable", Overloaded: true}
	later    = monitor.Result{Verdict: monitor.Retry, Answer: "429 Too Many Requests", Overloaded: true, RetryAfter: 3 * time.Minute}
)

// A receiver goes through moods while flips are owed to it. Whatever happens, it gets
// at most five messages in a second; once five attempts in a row have failed only the
// oldest message is tried, at least once a minute while an alarm waits unless the
// receiver asked for more; what is tried ahead of its time uses up no attempt; and in
// the end everything is told or a dead letter, the oldest first.
func TestBreaker(t *testing.T) {
	trials, wrong := prove.Scale(6, 400), 0
	for seed := range trials {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			if !breakerHolds(t, uint64(seed)) {
				wrong++
			}
		})
	}
	prove.Report(t, "BREAKER: a receiver that fails gets its oldest message alone, an alarm within a minute, and never more than 5 requests in a second", trials, wrong)
}

func breakerHolds(t *testing.T, seed uint64) bool {
	rng := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(t)
	m := &moody{answer: takes}
	w.alerter.Senders[monitor.Webhook] = m
	hook := w.webhook("http://moody.example")
	moods := []monitor.Result{takes, refuses, breaks, breaks, silent, overload, later}
	for range 8 {
		m.answer = moods[rng.IntN(len(moods))]
		for range rng.IntN(4) {
			if rng.IntN(2) == 0 {
				w.fail(w.check(hook))
			} else {
				w.recover(hook)
			}
			w.live(w.Now().Add(time.Duration(rng.IntN(1500)) * time.Millisecond))
		}
		w.live(w.Now().Add(time.Duration(rng.IntN(45)) * time.Minute))
	}
	m.answer = takes
	healed := len(m.sent)
	w.drain()

	rows := map[monitor.DeliveryID]monitor.Delivery{}
	for _, d := range w.deliveries() {
		rows[d.ID] = d.Delivery
		if d.State != monitor.Sent && d.State != monitor.Dead || d.Tries > 14 {
			t.Errorf("delivery %d is %s after %d tries", d.ID, d.State, d.Tries)
		}
	}
	failures, probes := 0, 0
	for i, s := range m.sent {
		if i >= 5 && s.at.Sub(m.sent[i-5].at) < time.Second {
			t.Errorf("6 messages from %s to %s", m.sent[i-5].at, s.at)
		}
		if failures >= monitor.BreakerAfter {
			probes++
			for id, d := range rows {
				if id < s.id && d.Created.Before(s.at) && (d.Ended.IsZero() || d.Ended.After(s.at)) {
					t.Errorf("%d is tried at %s, and %d is older", s.id, s.at, id)
				}
			}
			before := m.sent[i-1]
			if waited := s.at.Sub(before.at); before.alarm && before.out.RetryAfter == 0 && before.out.Verdict != monitor.Refuse && s.id == before.id && waited > monitor.ProbeEvery {
				t.Errorf("an alarm waited from %s to %s", before.at, s.at)
			}
		}
		if failures++; s.out.Verdict == monitor.Done {
			failures = 0
		}
		if i > healed && s.id < m.sent[i-1].id {
			t.Errorf("%d goes after %d", s.id, m.sent[i-1].id)
		}
	}
	tries := 0
	for _, d := range rows {
		tries += d.Tries
	}
	if len(m.sent) > tries+probes {
		t.Errorf("%d messages, of which %d are of schedules and at most %d probes", len(m.sent), tries, probes)
	}
	return !t.Failed()
}

// What an alarm to a receiver that never takes it comes to in two hours: how many
// attempts of its schedule, how many probes besides, the longest pause, and how it ends.
func TestAlarmsInTheZoo(t *testing.T) {
	animals := []animal{
		{name: "500", answers: status(500)},
		{name: "404", answers: status(404)},
		{name: "410", answers: status(410)},
		{name: "503", answers: status(503)},
		{name: "503, Retry-After 120", answers: waiting(503, "120")},
		{name: "502, Retry-After 600", answers: waiting(502, "600")},
		{name: "429, Retry-After a day", answers: waiting(429, "86400")},
		{name: "429, Retry-After garbage", answers: waiting(429, "soon")},
		{name: "500, Retry-After 600", answers: waiting(500, "600")},
		{name: "302", answers: redirect("http://169.254.169.254/latest")},
		{name: "end after the request", answers: raw("", false)},
		{name: "private address", url: "http://10.0.0.1"},
	}
	var lines strings.Builder
	fmt.Fprintf(&lines, "%-28s%6s%8s  %-14s%-8s%s\n", "receiver", "tries", "probes", "longest pause", "state", "channel")
	for _, a := range animals {
		w := newWorld(t)
		answers := a.answers
		if answers == nil {
			answers = status(200)
		}
		url := a.url
		if url == "" {
			url = receive(t, answers).URL
		}
		send := alerter.Webhook(keeperOut().Client(), "1.2.3")
		var at []time.Time
		w.alerter.Senders[monitor.Webhook] = sender(func(ctx context.Context, m alerter.Message) alerter.Outcome {
			at = append(at, m.Now)
			return send.Send(ctx, m)
		})
		hook := w.webhook(url)
		w.fail(w.check(hook))
		w.live(w.Now().Add(2 * time.Hour))
		d := w.only()
		var longest time.Duration
		for i := range at[1:] {
			longest = max(longest, at[i+1].Sub(at[i]))
		}
		channel := "goes on"
		if must(w.store.Channel(t.Context(), w.project.ID, hook.ID))(t).Disabled != "" {
			channel = "disabled"
		}
		if len(at) != d.Attempts {
			t.Errorf("%s: %d requests, %d attempts", a.name, len(at), d.Attempts)
		}
		fmt.Fprintf(&lines, "%-28s%6d%8d  %-14s%-8s%s\n", a.name, d.Tries, d.Attempts-d.Tries, longest.Round(time.Minute), d.State, channel)
	}
	check(t, "alarms.txt", lines.String())
}

// A channel that was switched off gets nothing but the tests that people send, each
// of them once.
func TestADisabledChannelGetsNothing(t *testing.T) {
	w := newWorld(t)
	m := &moody{answer: breaks}
	w.alerter.Senders[monitor.Webhook] = m
	hook := w.webhook("http://moody.example")
	c := w.check(hook)
	w.fail(c)
	w.tick()
	hook.Disabled = "it is gone"
	if err := w.store.EditChannel(t.Context(), hook); err != nil {
		t.Fatal(err)
	}
	w.succeed(c)
	w.live(w.Now().Add(48 * time.Hour))
	if len(m.sent) != 1 {
		t.Errorf("%d messages, want the one of before", len(m.sent))
	}
	must(w.store.EnqueueTest(t.Context(), w.project.ID, hook.ID, w.Now()))(t)
	w.live(w.Now().Add(48 * time.Hour))
	if len(m.sent) != 2 {
		t.Errorf("%d messages, want one test", len(m.sent)-1)
	}
}
