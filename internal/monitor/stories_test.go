package monitor_test

import (
	"testing"
	"time"

	"rollcall/internal/monitor"
)

func limit(d time.Duration) func(*monitor.Config) {
	return func(c *monitor.Config) { c.MaxRuntime = &d }
}

func manual(c *monitor.Config)   { c.ManualResume = true }
func postOnly(c *monitor.Config) { c.PostOnly = true }

func keywords(c *monitor.Config) {
	c.Filter = monitor.Filter{On: true, Fail: "error, FATAL", Success: "done", Start: "begin"}
}

func TestStories(t *testing.T) {
	for _, s := range []struct {
		name  string
		check monitor.Check
		lines string
	}{
		{"a job that reports in time stays up, and nobody is told of its first ping", check(t, "1h", "5m"), `
			00:10 judge       | new   due –
			00:30 success     | up    due 01:30 quiet kept success
			01:29 success     | up    due 02:29 kept n 2`},

		{"silence past the deadline is told, dated at the deadline; so is the recovery", check(t, "1h", "5m"), `
			00:00 success     | up    due 01:00 quiet
			01:00 judge       | up
			01:00:01 judge    | late
			01:04:59 judge    | late
			01:05:30 judge    | down  timeout told at 01:05 streak 1
			01:06 judge       | down
			03:00 success     | up    told at 03:00 due 04:00 streak 0`},

		{"a failure is told at once, with its exit status", check(t, "1h", "5m"), `
			00:00 success     | up    quiet
			00:10 exit 3      | down  fail told streak 1
			00:20 exit 0      | up    told success streak 0`},

		{"the first ping is a failure", check(t, "1h", "5m"), `
			00:10 fail        | down  told fail`},

		{"failing again while down changes the reason, not the status", check(t, "1h", "5m"), `
			00:00 success     | up    quiet
			01:05 judge       | down  told timeout
			01:06 fail        | down  fail streak 2
			01:07 fail        | down  fail streak 3`},

		{"a log changes nothing", check(t, "1h", "5m"), `
			00:00 success     | up    quiet due 01:00
			00:30 log         | up    due 01:00 kept n 2`},

		{"a run that overran while the check was down is no news when it is up, whoever came first", check(t, "1h", "15m"), `
			00:00 success     | up    quiet due 01:00
			00:10 start a     | running
			00:11 fail b      | down  told fail
			00:24:50 start c  | down
			00:25:01 success c | up   told due 01:25:01
			00:25:02 judge    | up    due 01:25:01`},

		{"a run is measured and closes with its end", check(t, "0 2 * * *", "15m"), `
			02:00:05 start a  | running kept due –
			02:05:05 success a | up   quiet took 5m due 1@02:00 idle`},

		{"a duration of zero is a duration", check(t, "1h", "5m"), `
			00:00 start a     | running
			00:00 success a   | up    quiet took 0s`},

		{"an end without a start has no duration", check(t, "1h", "5m"), `
			00:00 success a   | up    quiet took unknown`},

		{"a run over its limit is told, and its late end turns the check green again", check(t, "0 2 * * *", "15m", limit(45*time.Minute)), `
			02:00 success     | up    quiet due 1@02:00
			1@02:00:10 start a | running due 2@02:00
			1@02:20 judge     | running
			1@02:45:10 judge  | down  overrun told at 1@02:45:10 idle
			1@03:00 judge     | down
			1@03:10:10 success a | up told took 1h10m due 2@02:00`},

		{"a start within the grace answers for its slot; the limit of the run is its own", check(t, "0 2 * * *", "15m", limit(3*time.Hour)), `
			02:00 success     | up    quiet
			1@02:14 start     | running due 2@02:00
			1@04:00 judge     | running
			1@04:30 success   | up    took 2h16m due 2@02:00`},

		{"while a run of a plain period is open its limit is the deadline", check(t, "1h", "5m", limit(2*time.Hour)), `
			00:00 success     | up    quiet due 01:00
			01:00 start       | running due –
			02:30 judge       | running
			02:45 success     | up    due 03:45 took 1h45m`},

		{"several runs at once, each with its own end", check(t, "1h", "10m"), `
			00:00 start a     | running
			00:05 start b     | running
			00:06 success a   | running quiet took 6m
			00:07 success b   | up    took 2m
			00:08 start a     | running
			00:18 judge       | down  overrun told`},

		{"a run started while down is supervised", check(t, "1h", "5m"), `
			00:00 fail        | down  told
			00:10 start       | down  running
			00:15 judge       | down  overrun idle streak 2
			00:16 success     | up    told took 6m`},

		{"a new check whose first run never ends", check(t, "1h", "5m"), `
			00:00 start       | running
			00:05 judge       | down  overrun told at 00:05`},

		{"an end without a run id ends whatever is open", check(t, "1h", "5m"), `
			00:00 start a     | running
			00:01 success     | up    quiet idle took unknown`},

		{"a failure of another run leaves the first one open", check(t, "1h", "10m"), `
			00:00 start a     | running
			00:01 fail b      | down  told running
			00:02 success a   | up    told took 2m idle`},

		{"a client that asks again is not counted twice", check(t, "1h", "5m"), `
			00:00 start a     | running n 1
			00:00:02 start a  | running n 1 duplicate
			00:00:10 success a | up   quiet n 2
			00:00:20 success a | up   n 2 duplicate due 01:00:20
			00:05 success a   | up    n 3 kept due 01:05`},

		{"a start that arrives after its end opens nothing", check(t, "1h", "5m"), `
			00:00:01 success a | up   quiet
			00:00:01.1 start a | up   idle kept
			00:10 start a     | running`},

		{"a second start without a run id restarts the run", check(t, "1h", "5m"), `
			00:00 start       | running
			00:04 start       | running
			00:06 judge       | running
			00:09 judge       | down  told at 00:09 overrun`},

		{"a ping shortly before its slot is meant for it", check(t, "0 * * * *", "5m"), `
			00:00:20 success  | up    quiet due 01:00
			00:59:30 success  | up    due 02:00
			00:59:50 success  | up    due 02:00
			01:00:30 success  | up    due 02:00`},

		{"early means at most a tenth of the gap between slots", check(t, "*/5 * * * *", "1m"), `
			00:00 success     | up    quiet due 00:05
			00:04:25 success  | up    due 00:05
			00:04:31 success  | up    due 00:10`},

		{"a late ping answers for the slot it missed, not for the next one", check(t, "* * * * *", "5m"), `
			00:00:55 success  | up    quiet due 00:01
			00:01:56 success  | up    due 00:02`},

		{"a slot belongs to the run that started for it, so one that was skipped is missed", check(t, "0 * * * *", "15m", limit(2*time.Hour)), `
			00:00 start a     | running
			00:05 success a   | up    quiet due 01:00
			01:00:05 start b  | running due 02:00
			02:05 success b   | late  due 02:00
			02:15 judge       | down  timeout told at 02:15
			02:20 success     | up    told due 03:00`},

		{"paused: a ping starts the watch again, quietly", check(t, "1h", "5m"), `
			00:00 success     | up    quiet
			00:10 pause       | paused quiet due – person
			00:11 pause       | paused
			05:00 judge       | paused
			06:00 success     | up    quiet due 07:00`},

		{"paused: a failure is told", check(t, "1h", "5m"), `
			00:00 success     | up    quiet
			00:10 pause       | paused quiet
			06:00 fail        | down  told`},

		{"paused: a run that starts is not waited for", check(t, "1h", "5m"), `
			00:00 success     | up    quiet
			00:10 pause       | paused quiet
			00:20 start a     | paused idle
			02:00 judge       | paused
			02:05 success a   | up    quiet due 03:05`},

		{"paused with manual resume: pings are kept and do nothing", check(t, "1h", "5m", manual), `
			00:00 success     | up    quiet
			00:10 pause       | paused quiet
			06:00 fail        | paused ignored n 2
			06:01 start       | paused ignored idle n 3
			07:00 resume      | new   quiet due 08:00
			08:05 judge       | down  timeout told`},

		{"resume of a check that never pinged waits for its first ping", check(t, "1h", "5m"), `
			00:10 pause       | paused quiet
			00:20 resume      | new   quiet due –
			9@00:00 judge     | new`},

		{"POST only: what a link scanner fetches is kept and does nothing", check(t, "1h", "5m", postOnly), `
			00:00 get         | new   ignored n 1
			00:01 success     | up    quiet n 2`},

		{"keywords decide, failure before success before start", check(t, "1h", "5m", keywords), `
			00:00 says done   | up    quiet
			00:01 says begin  | running
			00:02 says done, with an error | down told took 1m
			00:03 says nothing known | down ignored n 4
			00:04 says all done | up  told`},

		{"a flood is counted and not kept; other signals in the same second are", check(t, "1h", "5m"), `
			00:00 success     | up    quiet kept n 1
			00:00 success     | up    kept n 2
			00:00 success     | up    kept n 3
			00:00 success     | up    kept n 4
			00:00 success     | up    kept n 5
			00:00 success     | up    kept n 6
			00:00 success     | up    kept n 7
			00:00 success     | up    kept n 8
			00:00 success     | up    kept n 9
			00:00 success     | up    kept n 10
			00:00 success     | up    coalesced n 11
			00:00 start       | running kept n 12
			00:00 success     | up    coalesced n 13 took 0s
			00:00 fail        | down  kept told n 14
			00:00 success     | up    coalesced told n 15
			00:00:01 success  | up    kept n 16`},
	} {
		t.Run(s.name, func(t *testing.T) { story(t, s.check, s.lines) })
	}
}

func TestARunIDMakesEveryPingOfAFloodCount(t *testing.T) {
	c := check(t, "1h", "5m")
	for i := range 50 {
		change := c.Receive(monitor.Ping{At: day, Signal: monitor.Success, RunID: string(rune('A' + i))})
		if change.Ping == nil {
			t.Fatalf("ping %d was not kept", i+1)
		}
		c = change.Check
	}
	if got := len(c.Runs); got > monitor.MaxRuns {
		t.Errorf("%d runs remembered, want at most %d", got, monitor.MaxRuns)
	}
}
