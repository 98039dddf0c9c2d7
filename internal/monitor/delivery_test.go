package monitor_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"rollcall/internal/monitor"
)

func code(n int) *int { return &n }

func TestADeliveryIsTriedForAboutADay(t *testing.T) {
	d := monitor.Delivery{ID: 7, Check: 1, State: monitor.Pending}
	now := day
	var pauses []time.Duration
	for d.State == monitor.Pending {
		next, disable := d.Settle(monitor.Result{Verdict: monitor.Retry, Code: code(503), Answer: "503"}, now)
		if disable {
			t.Fatal("a failing receiver is not disabled")
		}
		if next.State == monitor.Pending {
			pauses = append(pauses, next.NextAt.Sub(now))
			now = next.NextAt
		}
		d = next
	}
	if d.State != monitor.Dead || d.Attempts != 14 || !d.NextAt.IsZero() || d.Ended != now {
		t.Errorf("ended as %+v", d)
	}
	if total := now.Sub(day); total < 19*time.Hour || total > 29*time.Hour {
		t.Errorf("given up after %v, want about a day", total)
	}
	if first := pauses[0]; first < 2400*time.Millisecond || first > 3600*time.Millisecond {
		t.Errorf("first pause %v, want 3 s ± 20 %%", first)
	}
	again := d.Replay(now)
	if again.State != monitor.Pending || again.NextAt != now || again.Tries != 0 || again.Attempts != 14 || !again.Ended.IsZero() {
		t.Errorf("replayed as %+v", again)
	}
}

func TestWhatAnAnswerMeans(t *testing.T) {
	type answer = monitor.Result
	for _, c := range []struct {
		name     string
		answers  []answer
		state    monitor.DeliveryState
		disabled bool
	}{
		{"taken", []answer{{Verdict: monitor.Done}}, monitor.Sent, false},
		{"taken at the second try", []answer{{Verdict: monitor.Retry}, {Verdict: monitor.Done}}, monitor.Sent, false},
		{"refused for good", []answer{{Verdict: monitor.Refuse}}, monitor.Dead, false},
		{"gone once", []answer{{Verdict: monitor.Gone, Code: code(410)}}, monitor.Pending, false},
		{"gone, confirmed", []answer{{Verdict: monitor.Gone, Code: code(410)}, {Verdict: monitor.Gone, Code: code(410)}}, monitor.Dead, true},
		{"gone once, then back", []answer{{Verdict: monitor.Gone, Code: code(410)}, {Verdict: monitor.Done, Code: code(200)}}, monitor.Sent, false},
		{"gone, failing, gone", []answer{{Verdict: monitor.Gone, Code: code(410)}, {Verdict: monitor.Retry, Code: code(500)}, {Verdict: monitor.Gone, Code: code(410)}}, monitor.Pending, false},
		{"not allowed once", []answer{{Verdict: monitor.Barred, Answer: "blocked: 10.0.0.1"}}, monitor.Pending, false},
		{"not allowed twice", []answer{{Verdict: monitor.Barred, Answer: "blocked: 10.0.0.1"}, {Verdict: monitor.Barred, Answer: "blocked: 10.0.0.1"}}, monitor.Dead, false},
		{"not allowed after a failure", []answer{{Verdict: monitor.Retry, Answer: "500"}, {Verdict: monitor.Barred, Answer: "blocked: 10.0.0.1"}}, monitor.Pending, false},
		{"seven times 404", repeat(answer{Verdict: monitor.Doubt}, 7), monitor.Pending, false},
		{"eight times 404", repeat(answer{Verdict: monitor.Doubt}, 8), monitor.Dead, false},
	} {
		d := monitor.Delivery{State: monitor.Pending}
		disabled := false
		for _, r := range c.answers {
			d, disabled = d.Settle(r, day)
		}
		if d.State != c.state || disabled != c.disabled || d.Attempts != len(c.answers) {
			t.Errorf("%s: %s, disabled %v, %d attempts", c.name, d.State, disabled, d.Attempts)
		}
	}
}

func repeat(r monitor.Result, n int) []monitor.Result {
	all := make([]monitor.Result, n)
	for i := range all {
		all[i] = r
	}
	return all
}

func TestRetryAfterOnlyEverDelaysAndWithinBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		asked := time.Duration(rapid.Int64().Draw(t, "asked"))
		d := monitor.Delivery{ID: monitor.DeliveryID(rapid.Int64().Draw(t, "id")), Attempts: rapid.IntRange(0, 12).Draw(t, "attempts")}
		d.Tries = d.Attempts
		plain, _ := d.Settle(monitor.Result{}, day)
		result := monitor.Result{RetryAfter: asked}
		for most, result := range map[time.Duration]monitor.Result{24 * time.Hour: result, time.Hour: result.ForAlarm()} {
			got, _ := d.Settle(result, day)
			if got.NextAt.Before(plain.NextAt) || got.NextAt.After(plain.NextAt) && got.NextAt.After(day.Add(most)) {
				t.Fatalf("asked for %v: next at %v, without it %v", asked, got.NextAt, plain.NextAt)
			}
		}
	})
}

func TestMessageIDIsStableAndUnique(t *testing.T) {
	check := uuid.New()
	d := monitor.Delivery{ID: 9, Kind: monitor.ForFlip, Check: 1, Rev: 2, Channel: 3}
	id := monitor.MessageID(check, d)
	d.Attempts, d.ID, d.State = 5, 10, monitor.Sending
	if got := monitor.MessageID(check, d); got != id {
		t.Errorf("an attempt changed the id from %s to %s", id, got)
	}
	seen := map[string]bool{id: true}
	for _, other := range []monitor.Delivery{
		{Kind: monitor.ForFlip, Rev: 3, Channel: 3},
		{Kind: monitor.ForFlip, Rev: 2, Channel: 4},
		{Kind: monitor.ForTest, ID: 1, Channel: 3},
		{Kind: monitor.ForTest, ID: 2, Channel: 3},
	} {
		if id := monitor.MessageID(check, other); seen[id] {
			t.Errorf("%+v shares an id", other)
		} else {
			seen[id] = true
		}
	}
	if id == monitor.MessageID(uuid.New(), d) {
		t.Error("two checks share an id")
	}
}
