package monitor_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/internal/monitor"
)

func TestIncidents(t *testing.T) {
	failed := func(rev int64, minutes int, from monitor.Status) monitor.Flip {
		f := turn(rev, minutes, from, monitor.Down)
		f.Reason = monitor.Failed
		return f
	}
	corrects := func(f monitor.Flip, rev int64) monitor.Flip {
		f.Reason, f.Facts.Corrects = monitor.Corrected, rev
		return f
	}
	for name, tt := range map[string]struct {
		status monitor.Status
		flips  []monitor.Flip // newest first
		want   []monitor.Incident
	}{
		"never down": {monitor.Up, []monitor.Flip{turn(1, 10, monitor.New, monitor.Up)}, nil},
		"one that is over": {
			monitor.Up,
			[]monitor.Flip{turn(2, 40, monitor.Down, monitor.Up), failed(1, 30, monitor.Up)},
			[]monitor.Incident{{From: at(30), To: at(40), Reason: monitor.Failed, After: monitor.Up}},
		},
		"one that goes on": {
			monitor.Down,
			[]monitor.Flip{failed(1, 30, monitor.Up)},
			[]monitor.Incident{{From: at(30), Reason: monitor.Failed}},
		},
		"one that was ended by a pause, and another": {
			monitor.Down,
			[]monitor.Flip{failed(3, 50, monitor.Paused), turn(2, 40, monitor.Down, monitor.Paused), failed(1, 30, monitor.Up)},
			[]monitor.Incident{{From: at(50), Reason: monitor.Failed}, {From: at(30), To: at(40), Reason: monitor.Failed, After: monitor.Paused}},
		},
		"one that began earlier": {
			monitor.Up,
			[]monitor.Flip{turn(9, 40, monitor.Down, monitor.Up)},
			[]monitor.Incident{{From: at(20), To: at(40), After: monitor.Up}},
		},
		"down all the time": {monitor.Down, nil, []monitor.Incident{{From: at(20)}}},
		"an alarm that was taken back": {
			monitor.Up, []monitor.Flip{corrects(turn(2, 40, monitor.Down, monitor.Up), 1), failed(1, 30, monitor.Up)}, nil,
		},
		"an alarm that was taken back while the check was down for another reason": {
			monitor.Down,
			[]monitor.Flip{corrects(turn(2, 40, monitor.Down, monitor.Down), 1), failed(1, 30, monitor.Up)},
			[]monitor.Incident{{From: at(40), Reason: monitor.Corrected}},
		},
		"an alarm within a downtime": {
			monitor.Down,
			[]monitor.Flip{failed(2, 35, monitor.Down), failed(1, 30, monitor.Up)},
			[]monitor.Incident{{From: at(30), Reason: monitor.Failed}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			check := monitor.Check{Created: day, State: monitor.State{Status: tt.status}}
			if diff := cmp.Diff(tt.want, monitor.Incidents(check, tt.flips, at(20))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What lies of all incidents in a span is the time that the ledger counts as down
// when nothing was blind.
func TestIncidentsAddUpToTheDowntime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		status, minute := monitor.New, 0
		var flips []monitor.Flip
		for range rapid.IntRange(0, 12).Draw(t, "flips") {
			next := rapid.SampledFrom([]monitor.Status{monitor.New, monitor.Up, monitor.Down, monitor.Paused, monitor.Unknown}).Draw(t, "status")
			minute += rapid.IntRange(0, 90).Draw(t, "after")
			flips = append([]monitor.Flip{turn(int64(len(flips)+1), minute, status, next)}, flips...)
			status = next
		}
		end := at(minute + 30)
		check := monitor.Check{Created: day, State: monitor.State{Status: status}}
		var sum time.Duration
		for _, i := range monitor.Incidents(check, flips, day) {
			sum += i.Within(day, end)
		}
		if want := monitor.Uptime(check, flips, nil, day, end).Down; sum != want {
			t.Fatalf("incidents of %v, want %v: %+v", sum, want, flips)
		}
	})
}
