package monitor_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

func hourly(grace time.Duration) monitor.Config {
	return monitor.Config{Name: "job", Grace: grace, Schedule: schedule.Spec{Kind: schedule.Every, Period: time.Hour}}
}

// successes are pings at the given minutes, newest first.
func successes(minutes ...int) []monitor.Ping {
	var pings []monitor.Ping
	for _, m := range minutes {
		pings = append([]monitor.Ping{{At: at(m), Signal: monitor.Success}}, pings...)
	}
	return pings
}

func TestRehearsal(t *testing.T) {
	failed := successes(0, 60, 90)
	failed[1].Signal = monitor.Fail
	paused := []monitor.Flip{
		{At: at(300), Old: monitor.Paused, New: monitor.New, Reason: monitor.ByPerson},
		{At: at(70), Old: monitor.Up, New: monitor.Paused, Reason: monitor.ByPerson},
	}
	for name, tt := range map[string]struct {
		config monitor.Config
		past   monitor.Past
		now    int
		alerts []int // minutes
		down   time.Duration
		pings  int
	}{
		"nothing happened":         {hourly(time.Minute), monitor.Past{}, 60, nil, 0, 0},
		"always in time":           {hourly(10 * time.Minute), monitor.Past{Pings: successes(0, 60, 125, 180)}, 190, nil, 0, 4},
		"with less patience":       {hourly(2 * time.Minute), monitor.Past{Pings: successes(0, 60, 125, 180)}, 190, []int{122}, 3 * time.Minute, 4},
		"still down":               {hourly(2 * time.Minute), monitor.Past{Pings: successes(0, 60)}, 190, []int{122}, 68 * time.Minute, 2},
		"a reported failure":       {hourly(time.Hour), monitor.Past{Pings: failed}, 100, []int{60}, 30 * time.Minute, 3},
		"while somebody paused it": {hourly(2 * time.Minute), monitor.Past{Pings: successes(0, 60, 310), Flips: paused}, 320, nil, 0, 3},
		"while Rollcall was blind": {
			hourly(2 * time.Minute),
			monitor.Past{Pings: successes(0, 60, 165), Blinds: []monitor.Blind{{From: at(110), To: at(160)}}},
			170, nil, 0, 3,
		},
		"what came before is left out": {hourly(2 * time.Minute), monitor.Past{Pings: successes(-900, -600, 0, 60)}, 100, nil, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var want []time.Time
			for _, m := range tt.alerts {
				want = append(want, at(m))
			}
			got := monitor.Rehearse(tt.config, tt.past, day, at(tt.now))
			if !slices.EqualFunc(got.Alerts, want, time.Time.Equal) || got.Down != tt.down || got.Pings != tt.pings {
				t.Errorf("%+v, want alerts %v, %v down, %d pings", got, want, tt.down, tt.pings)
			}
		})
	}
}

// With the settings that it had, a rehearsal tells what was told.
func TestARehearsalOfTheSameSettingsTellsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config := hourly(time.Duration(rapid.IntRange(1, 90).Draw(t, "grace")) * time.Minute)
		if rapid.Bool().Draw(t, "cron") {
			config.Schedule = schedule.Spec{Kind: schedule.Cron, Expr: "*/40 * * * *", Zone: "UTC"}
		}
		c := monitor.Create(monitor.Check{Config: config}, day)
		var past monitor.Past
		var told []time.Time
		now := day
		follow := func(change monitor.Change) {
			c = change.Check
			if change.Ping != nil {
				past.Pings = append([]monitor.Ping{*change.Ping}, past.Pings...)
			}
			if change.Flip != nil {
				past.Flips = append([]monitor.Flip{*change.Flip}, past.Flips...)
				if change.Flip.New == monitor.Down {
					told = append(told, change.Flip.At)
				}
			}
		}
		expire := func() {
			for d, ok := c.Deadline(); ok && !d.At.After(now); d, ok = c.Deadline() {
				follow(c.Expire(d.At, d.At))
			}
		}
		follow(c.Receive(monitor.Ping{At: now, Signal: monitor.Success}))
		for range rapid.IntRange(0, 30).Draw(t, "events") {
			// later than a repetition of the same end, which is not kept
			now = now.Add(time.Duration(rapid.IntRange(3, 200).Draw(t, "minutes")) * time.Minute)
			expire()
			switch event := rapid.SampledFrom([]string{"success", "fail", "start", "pause", "resume"}).Draw(t, "event"); event {
			case "pause":
				follow(c.Pause(now))
			case "resume":
				if change, err := c.Resume(now); err == nil {
					follow(change)
				}
			default:
				follow(c.Receive(monitor.Ping{At: now, Signal: monitor.Signal(event), RunID: rapid.SampledFrom([]string{"", "a"}).Draw(t, "run")}))
			}
		}
		if got := monitor.Rehearse(config, past, day, now); !slices.EqualFunc(got.Alerts, told, time.Time.Equal) {
			t.Fatalf("alerts at %v, told at %v", got.Alerts, told)
		}
	})
}
