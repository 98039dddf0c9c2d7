package monitor_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/internal/monitor"
)

func TestFiveFailuresInARowOpenTheBreaker(t *testing.T) {
	h := monitor.Health{Channel: 3}
	for i := range monitor.BreakerAfter {
		if !h.Opened.IsZero() {
			t.Fatalf("open after %d failures", i)
		}
		h = h.After(monitor.Attempt{}, day.Add(time.Duration(i)*25*time.Minute))
	}
	last := day.Add(4 * 25 * time.Minute)
	want := monitor.Health{Channel: 3, Failures: 5, Hours: 2, Since: day, Failed: last, Opened: last}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Error(diff)
	}
	ours := h
	ours.Failed = last.Add(time.Minute)
	if got := h.After(monitor.Attempt{Ours: true}, last.Add(time.Minute)); got != ours {
		t.Errorf("a failure of our own makes it %+v", got)
	}
	if got := (monitor.Health{Failures: 3}).After(monitor.Attempt{Ours: true}, last); got != (monitor.Health{Failures: 3}) {
		t.Errorf("a failure of our own makes it %+v", got)
	}
	later := h.After(monitor.Attempt{}, last.Add(30*time.Hour))
	if later.Opened != last || later.Since != day || later.Hours != 3 {
		t.Errorf("after another failure %+v", later)
	}
	if got, want := h.After(monitor.Attempt{OK: true}, last.Add(time.Minute)), (monitor.Health{Channel: 3}); got != want {
		t.Errorf("a success leaves %+v", got)
	}
}

func TestAProbeIsMadeInTime(t *testing.T) {
	h := monitor.Health{Failures: 7, Failed: day, Opened: day}
	minute := day.Add(time.Minute)
	for _, c := range []struct {
		name  string
		gate  time.Time
		next  time.Time
		alarm bool
		want  time.Time
	}{
		{"by the schedule", time.Time{}, day.Add(8 * time.Hour), false, day.Add(8 * time.Hour)},
		{"ahead of it while an alarm waits", time.Time{}, day.Add(8 * time.Hour), true, minute},
		{"by the schedule when that is sooner", time.Time{}, day.Add(3 * time.Second), true, day.Add(3 * time.Second)},
		{"not before the receiver wants it", day.Add(time.Hour), day.Add(8 * time.Hour), true, day.Add(time.Hour)},
		{"not before the receiver wants it, nor the schedule", day.Add(time.Hour), day.Add(8 * time.Hour), false, day.Add(8 * time.Hour)},
	} {
		h.Gate = c.gate
		if got := h.ProbeAt(c.next, c.alarm); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestAReceiverRestsWhenItIsOverloaded(t *testing.T) {
	for _, c := range []struct {
		name   string
		result monitor.Result
		pause  time.Duration
		want   time.Duration
	}{
		{"500", monitor.Result{RetryAfter: time.Minute}, time.Minute, 0},
		{"503", monitor.Result{Overloaded: true}, 3 * time.Second, 3 * time.Second},
		{"503, late in the schedule", monitor.Result{Overloaded: true}, 8 * time.Hour, monitor.RestPlain},
		{"503, given up", monitor.Result{Overloaded: true}, -time.Hour, 0},
		{"429 that says when", monitor.Result{Overloaded: true, RetryAfter: 10 * time.Minute}, time.Second, 10 * time.Minute},
		{"429 that says a day", monitor.Result{Overloaded: true, RetryAfter: 24 * time.Hour}, time.Second, monitor.RestMost},
	} {
		if got := c.result.Rest(c.pause); got != c.want {
			t.Errorf("%s rests for %s, want %s", c.name, got, c.want)
		}
	}
	long := monitor.Health{}.After(monitor.Attempt{Rest: time.Hour}, day)
	if got := long.After(monitor.Attempt{Rest: time.Second}, day); got.Gate != day.Add(time.Hour) {
		t.Errorf("a shorter rest ends a longer one at %s", got.Gate)
	}
	if got := long.After(monitor.Attempt{OK: true}, day); got.Gate != day.Add(monitor.Pace) {
		t.Errorf("after a success it rests until %s", got.Gate)
	}
}

func TestProbesUseUpNoAttempts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		planned := day.Add(time.Duration(rapid.Int64Range(-1_000_000_000, int64(8*time.Hour)).Draw(t, "planned")))
		d := monitor.Delivery{ID: 7, Attempts: 9, Tries: rapid.IntRange(1, 13).Draw(t, "tries"), State: monitor.Sending, Planned: planned}
		verdict := rapid.SampledFrom([]monitor.Verdict{monitor.Retry, monitor.Doubt, monitor.Barred}).Draw(t, "verdict")
		got, gone := d.Settle(monitor.Result{Verdict: verdict, Answer: "no"}, day)
		want := d
		want.Planned, want.State, want.Attempts, want.Answer, want.NextAt = time.Time{}, monitor.Pending, 10, "no", planned
		if planned.Before(day) {
			want.NextAt = day
		}
		if diff := cmp.Diff(want, got); diff != "" || gone {
			t.Fatal(diff)
		}
		if sent, _ := d.Settle(monitor.Result{Verdict: monitor.Done}, day); sent.State != monitor.Sent || !sent.Planned.IsZero() {
			t.Fatalf("a probe that was taken is %+v", sent)
		}
	})
}
