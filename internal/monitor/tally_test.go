package monitor_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/monitor"
)

func TestTally(t *testing.T) {
	told := func(f monitor.Flip) monitor.Flip {
		f.Tell = true
		return f
	}
	const min = time.Minute
	periods := []monitor.Period{{From: at(60), To: at(120)}, {From: at(0), To: at(60)}, {From: at(-60), To: at(0)}}
	flips := []monitor.Flip{ // newest first
		told(turn(6, 130, monitor.Up, monitor.Down)), // after the newest period
		turn(5, 110, monitor.Down, monitor.Up),
		told(turn(4, 100, monitor.Up, monitor.Down)),
		turn(3, 80, monitor.Down, monitor.Up),
		turn(2, 50, monitor.Up, monitor.Down), // into it, told before it or to nobody
		turn(1, 10, monitor.New, monitor.Up),
	}
	check := monitor.Check{Created: day, State: monitor.State{Status: monitor.Down}}
	got := monitor.TallyOf(check, flips, []monitor.Blind{{From: at(70), To: at(75)}}, at(-60), periods)
	want := monitor.Tally{
		Check: check, Alerts: 1, Longest: 20 * min,
		Shares: []monitor.Share{
			{Up: 30 * min, Down: 25 * min, Blind: 5 * min, Falls: 2},
			{Up: 40 * min, Down: 10 * min, Idle: 10 * min, Falls: 1},
			{},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if short := monitor.TallyOf(check, flips[:4], nil, at(80), periods); short.Shares[1].Counted() || short.Share().Up != 30*min {
		t.Errorf("what is not known is counted: %+v", short.Shares)
	}
	if future := monitor.TallyOf(check, nil, nil, at(500), periods); future.Share() != (monitor.Share{}) {
		t.Errorf("%+v", future)
	}
}
