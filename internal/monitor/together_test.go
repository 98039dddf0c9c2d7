package monitor_test

import (
	"strings"
	"testing"
	"time"

	"rollcall/internal/monitor"
)

func TestTellTogether(t *testing.T) {
	alarm := monitor.Delivery{Rev: 4, State: monitor.Pending, Attempts: 2}
	end := monitor.Delivery{Rev: 5, State: monitor.Pending}
	for _, test := range []struct {
		name string
		kind monitor.ChannelKind
		with func(alarm, end *monitor.Delivery)
		was  monitor.Status
		is   monitor.Status
		want bool
	}{
		{"tried in vain", monitor.Email, func(_, _ *monitor.Delivery) {}, monitor.Down, monitor.Up, true},
		{"to a program", monitor.Webhook, func(_, _ *monitor.Delivery) {}, monitor.Down, monitor.Up, false},
		{"not tried yet", monitor.Email, func(a, _ *monitor.Delivery) { a.Attempts = 0 }, monitor.Down, monitor.Up, false},
		{"being sent", monitor.Email, func(a, _ *monitor.Delivery) { a.State = monitor.Sending }, monitor.Down, monitor.Up, false},
		{"sent", monitor.Email, func(a, _ *monitor.Delivery) { a.State = monitor.Sent }, monitor.Down, monitor.Up, false},
		{"given up", monitor.Email, func(a, _ *monitor.Delivery) { a.State = monitor.Dead }, monitor.Down, monitor.Up, false},
		{"its end was tried", monitor.Email, func(_, e *monitor.Delivery) { e.Attempts = 1 }, monitor.Down, monitor.Up, false},
		{"its end is being sent", monitor.Email, func(_, e *monitor.Delivery) { e.State = monitor.Sending }, monitor.Down, monitor.Up, false},
		{"the end of another", monitor.Email, func(_, e *monitor.Delivery) { e.Rev = 7 }, monitor.Down, monitor.Up, false},
		{"an end that could not be told", monitor.Email, func(a, _ *monitor.Delivery) { a.Rev = 6 }, monitor.Down, monitor.Up, false},
		{"a correction of an earlier alarm", monitor.Email, func(_, _ *monitor.Delivery) {}, monitor.Up, monitor.Up, false},
	} {
		alarm, end := alarm, end
		test.with(&alarm, &end)
		if got := monitor.TellTogether(test.kind, alarm, end, test.was, test.is); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

// Of an alarm that is told with its end it is said which message tells it.
func TestExplainWithEnd(t *testing.T) {
	p := &past{check: check(t, "0 * * * *", "10m")}
	for _, at := range []string{"01:00", "02:30"} {
		if at == "02:30" {
			p.then(p.check.Expire(clock(t, "02:10"), clock(t, "02:10")))
		}
		p.then(p.check.Receive(monitor.Ping{Signal: monitor.Success, At: clock(t, at), Method: "POST"}))
	}
	alarm, end := &p.messages[0], &p.messages[1]
	alarm.State, alarm.Digest, alarm.Delivery.Attempts, alarm.Tries, alarm.Answer = monitor.Merged, 9, 3, 3, "451 come again"
	end.ID, end.Created, end.Ended = 9, clock(t, "02:30"), clock(t, "02:30").Add(time.Second)
	got := p.explained(t, "02:10", "08:00")
	for _, want := range []string{
		"No message of its own was sent: another message tells of it",
		"Ops room: It was not taken in 3 attempts before the check was up again, so one message tells both: message 9 of the log says what became of it. Its last answer: “451 come again”.",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not said in\n%s", want, got)
		}
	}
	if got, want := p.explained(t, "02:30", "08:00"), "A message was sent, and its channel took it."; !strings.HasPrefix(got, want) {
		t.Errorf("of the end it is said: %s", got)
	}
	p.messages = p.messages[:1]
	from := clock(t, "02:10")
	for _, fate := range monitor.Explain(p.around(from, from.Add(time.Minute)), from, from.Add(time.Minute), clock(t, "08:00"), plainly{}).Fates {
		if fate.Suppressed != monitor.ToldElsewhere {
			t.Errorf("suppressed by %q", fate.Suppressed)
		}
	}
}
