package monitor_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

// Whatever happens to a check, in whatever order, some things always hold.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		runtime := time.Duration(rapid.IntRange(1, 7200).Draw(t, "runtime")) * time.Second
		config := monitor.Config{
			Name:         "job",
			Grace:        time.Duration(rapid.IntRange(1, 3600).Draw(t, "grace")) * time.Second,
			ManualResume: rapid.Bool().Draw(t, "manual"),
			Threshold:    drawThreshold(t),
			Schedule: rapid.SampledFrom([]schedule.Spec{
				{Kind: schedule.Every, Period: time.Minute},
				{Kind: schedule.Every, Period: 5 * time.Hour},
				{Kind: schedule.Cron, Expr: "*/7 * * * *", Zone: "UTC"},
				{Kind: schedule.Cron, Expr: "30 2 * * *", Zone: "Europe/Berlin"},
			}).Draw(t, "schedule"),
		}
		if rapid.Bool().Draw(t, "limited") {
			config.MaxRuntime = &runtime
		}
		c := monitor.Create(monitor.Check{ID: 1, Config: config}, day)
		now := day
		var bad counter
		for step := range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(4*time.Hour)).Draw(t, "pause")).Truncate(time.Microsecond))
			before := c
			change, event := randomEvent(t, c, now)
			c = change.Check
			if err := broken(before, change, now); err != nil {
				t.Fatalf("step %d, %s at %v: %v\nbefore %+v\nafter  %+v", step, event, now, err, before.State, c.State)
			}
			if err := bad.wrong(before, change, event, now); err != nil {
				t.Fatalf("step %d, %s at %v, %d bad results: %v\nbefore %+v\nafter  %+v", step, event, now, bad, err, before.State, c.State)
			}
		}
	})
}

func randomEvent(t *rapid.T, c monitor.Check, now time.Time) (monitor.Change, string) {
	event := rapid.SampledFrom([]string{"success", "success", "fail", "start", "start", "log", "judge", "judge", "pause", "resume", "blind", "late"}).Draw(t, "event")
	switch event {
	case "judge":
		return c.Expire(now, now), event
	case "pause":
		return c.Pause(now), event
	case "blind":
		return c.Overlook(monitor.Blind{From: now.Add(-20 * time.Minute), To: now}), event
	case "resume":
		if change, err := c.Resume(now); err == nil {
			return change, event
		}
		return monitor.Change{Check: c, Unchanged: true}, event
	}
	id := rapid.SampledFrom([]string{"", "", "a", "b", "c"}).Draw(t, "run")
	ping := monitor.Ping{Signal: monitor.Signal(event), RunID: id}
	if event == "late" {
		ping.Signal = rapid.SampledFrom([]monitor.Signal{monitor.Success, monitor.Fail, monitor.Start, monitor.Log}).Draw(t, "signal")
		ping.Age = time.Duration(rapid.Int64Range(1, int64(10*time.Hour)).Draw(t, "age"))
	}
	return c.Receive(ping.Dated(now)), event + " " + id
}

// broken says which rule a change breaks.
func broken(before monitor.Check, change monitor.Change, now time.Time) error {
	c := change.Check
	deadline, awaits := c.Deadline()
	late := change.Ping != nil && !change.Ping.Detail.Arrived.IsZero()
	correction := change.Flip != nil && change.Flip.Reason == monitor.Corrected
	switch flip := change.Flip; {
	case flip == nil && c.Status != before.Status:
		return fmt.Errorf("%s became %s without a flip", before.Status, c.Status)
	case flip == nil && c.Rev != before.Rev:
		return fmt.Errorf("rev %d became %d without a flip", before.Rev, c.Rev)
	case correction && (!late || flip.Facts.Corrects < 1 || flip.Facts.Corrects >= flip.Rev || !flip.Tell):
		return fmt.Errorf("correction %+v", flip)
	case flip != nil && (flip.Old == flip.New && !correction || flip.Old != before.Status || flip.New != c.Status || flip.Rev != before.Rev+1 || c.Rev != flip.Rev):
		return fmt.Errorf("flip does not fit: %+v", flip)
	case flip != nil && (flip.At.After(now) || flip.Judged != now):
		return fmt.Errorf("flip dated %v, judged %v", flip.At, flip.Judged)
	case flip != nil && flip.Tell && flip.New != monitor.Down && flip.Old != monitor.Down && !correction:
		return fmt.Errorf("told of %s → %s", flip.Old, flip.New)
	case flip != nil && flip.New == monitor.Down && !flip.Tell:
		return fmt.Errorf("a down that is not told")
	case awaits && (c.Wake.IsZero() || c.Wake.After(deadline.At)):
		return fmt.Errorf("wakes at %v, after the deadline %v", c.Wake, deadline.At)
	case (c.Status == monitor.Up || c.Status == monitor.Unknown) && !awaits:
		return fmt.Errorf("%s and nothing is awaited", c.Status)
	case late && awaits && c.Status == monitor.Up && !deadline.At.After(now):
		return fmt.Errorf("overdue at once after a late report: deadline %v", deadline.At)
	case flip != nil && flip.At.Before(before.Since):
		return fmt.Errorf("flip dated %v, before the last one at %v", flip.At, before.Since)
	case len(c.Misses) > monitor.MaxMisses:
		return fmt.Errorf("%d misses", len(c.Misses))
	case len(c.Runs) > monitor.MaxRuns:
		return fmt.Errorf("%d runs", len(c.Runs))
	case change.Ping != nil && (change.Ping.N != c.NPings || c.NPings != before.NPings+1):
		return fmt.Errorf("ping %d of %d, before %d", change.Ping.N, c.NPings, before.NPings)
	case change.Ping != nil && change.Ping.Duration != nil && *change.Ping.Duration < 0:
		return fmt.Errorf("duration %v", *change.Ping.Duration)
	case change.Ping != nil && change.Ping.Signal == monitor.Success && change.Ping.Ignored == "" && c.Status != monitor.Up && !late:
		return fmt.Errorf("%s after a success", c.Status)
	case change.Ping != nil && change.Ping.Signal == monitor.Success && change.Ping.Ignored == "" && awaits && !deadline.At.After(now) && deadline.Reason == monitor.Silent:
		return fmt.Errorf("overdue at once: deadline %v", deadline.At)
	}
	return nil
}
