package monitor_test

import (
	"testing"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

// A job whose ping was lost in an outage is due again a period later. The outage and
// the warm-up are over by then, and yet its silence in between means nothing.
func TestAfterAnOutageTheNextPingDecides(t *testing.T) {
	began := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	at := func(minutes float64) time.Time { return began.Add(time.Duration(minutes * float64(time.Minute))) }
	c := monitor.Create(monitor.Check{Config: monitor.Config{
		Name: "job", Grace: time.Minute, Schedule: schedule.Spec{Kind: schedule.Every, Period: 20 * time.Minute},
	}}, at(0))
	c = c.Receive(monitor.Ping{At: at(0), Signal: monitor.Success}).Check
	c = c.Overlook(monitor.Blind{From: at(19.9), To: at(29.9)}).Check // the ping of minute 20 is lost
	if got := c.Expire(at(39.9), at(39.9)).Check.Status; got != monitor.Up {
		t.Errorf("%s before the ping of minute 40, want up", got)
	}
	if got := c.Expire(at(52), at(52)).Check.Status; got != monitor.Down {
		t.Errorf("%s when that did not come either, want down", got)
	}
}

// A job that ran late the last time is early for a period that is counted from then.
func TestAPingThatWasLostBeforeItWasDueIsNoFailure(t *testing.T) {
	began := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	c := monitor.Create(monitor.Check{Config: monitor.Config{
		Name: "job", Grace: 40 * time.Minute, Schedule: schedule.Spec{Kind: schedule.Every, Period: 6 * time.Hour},
	}}, began)
	late := began.Add(30 * time.Minute)
	c = c.Receive(monitor.Ping{At: late, Signal: monitor.Success}).Check
	regular := began.Add(6 * time.Hour) // half an hour before it is due
	c = c.Overlook(monitor.Blind{From: regular.Add(-5 * time.Minute), To: regular.Add(5 * time.Minute)}).Check
	at := regular.Add(3 * time.Hour)
	if got := c.Expire(at, at).Check.Status; got != monitor.Unknown {
		t.Errorf("%s, want unknown: its ping may have been lost", got)
	}
}

// Each of several nodes has a blind interval of its own when their database is away.
// The wait was blind once all the same.
func TestWhatSeveralNodesMissedAtOnceIsMadeGoodOnce(t *testing.T) {
	began := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	limit := 20 * time.Minute
	c := monitor.Create(monitor.Check{Config: monitor.Config{
		Name: "job", Grace: 30 * time.Minute, MaxRuntime: &limit, Schedule: schedule.Spec{Kind: schedule.Cron, Expr: "0 0,12 * * *", Zone: "UTC"},
	}}, began)
	c = c.Receive(monitor.Ping{At: began, Signal: monitor.Success}).Check
	noon := began.Add(12 * time.Hour)
	running := c.Receive(monitor.Ping{At: noon.Add(-10 * time.Minute), Signal: monitor.Start, RunID: "a"}).Check
	outage := monitor.Blind{From: noon.Add(-3 * time.Minute), To: noon.Add(2 * time.Hour)}
	other := monitor.Blind{From: outage.From.Add(2 * time.Second), To: outage.To}
	back := monitor.Blind{From: outage.From.Add(4 * time.Second), To: outage.To.Add(3 * time.Second)}
	for _, before := range []monitor.Check{c, running} {
		once := before.Overlook(outage).Check
		want, _ := once.Deadline()
		twice := once.Overlook(other).Check
		if got, _ := twice.Deadline(); !got.At.Equal(want.At) {
			t.Errorf("the deadline %v is %v after the second node's interval", want.At, got.At)
		}
		if got, _ := twice.Overlook(back).Check.Deadline(); got.At.Sub(want.At) != 3*time.Second {
			t.Errorf("the deadline %v is %v after the third's, which was 3 s longer", want.At, got.At)
		}
	}
}

// A run whose end was never seen is judged also while one outage follows the other.
func TestRepeatedOutagesHideNoRun(t *testing.T) {
	limit := 20 * time.Minute
	c := monitor.Create(monitor.Check{Config: monitor.Config{
		Name: "job", Grace: time.Hour, MaxRuntime: &limit, Schedule: schedule.Spec{Kind: schedule.Every, Period: 24 * time.Hour},
	}}, day)
	c = c.Receive(monitor.Ping{At: day, Signal: monitor.Start, RunID: "a"}).Check
	for at := day; c.Status != monitor.Unknown; at = at.Add(80 * time.Second) {
		if d, ok := c.Deadline(); ok && d.At.Before(at) {
			c = c.Expire(at, at).Check
		}
		c = c.Overlook(monitor.Blind{From: at, To: at.Add(20 * time.Second)}).Check
		if at.Sub(day) > time.Hour {
			t.Fatalf("still %s after an hour; the run may take %v", c.Status, limit)
		}
	}
}
