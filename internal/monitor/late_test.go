package monitor_test

import (
	"testing"
	"time"

	"rollcall/internal/monitor"
)

// What jobs report late, because nobody could be reached when it happened.
func TestLateStories(t *testing.T) {
	for _, s := range []struct {
		name  string
		check monitor.Check
		lines string
	}{
		{"the job had run: the alarm is corrected, and the check was never down", check(t, "0 * * * *", "15m"), `
			01:00:10 success a  | up    quiet due 02:00
			02:15 judge         | down  timeout told at 02:15
			02:40 late 02:05 success b | up told corrects 2 at 02:15 due 03:00 kept n 2 success`},

		{"reports of several hours come one after another, and nobody is woken in between", check(t, "0 * * * *", "15m"), `
			01:00:10 success    | up    quiet due 02:00
			02:15 judge         | down  timeout told
			05:30 late 02:01 success | late told corrects 2 due 03:00
			05:30:01 judge      | late
			05:30:02 late 03:01 success | late due 04:00
			05:30:03 late 04:01 success | late due 05:00
			05:30:04 late 05:01 success | up due 06:00`},

		{"no more reports follow: what is missing is told after all", check(t, "0 * * * *", "15m"), `
			01:00:10 success    | up    quiet due 02:00
			02:15 judge         | down  timeout told
			05:30 late 02:01 success | late told corrects 2 due 03:00
			05:30:59 judge      | late
			05:31 judge         | down  timeout told at 05:31`},

		{"it has been up again since: those who were alarmed are told that it was nothing", check(t, "0 * * * *", "15m"), `
			01:00:10 success    | up    quiet due 02:00
			02:15 judge         | down  timeout told
			03:00:05 success    | up    told due 04:00
			03:20 late 02:03 success | up told corrects 2 due 04:00 success at 03:20
			03:21 late 02:03 success | up due 04:00`},

		{"a period begins with any ping, so one in the middle of it refutes the alarm too", check(t, "1h", "5m"), `
			00:00 success       | up    quiet
			01:05 judge         | down  timeout told
			01:10 late 00:40 success | up told corrects 2 due 01:40`},

		{"what is older than the last report of a period refutes nothing", check(t, "1h", "5m"), `
			00:00 success       | up    quiet
			01:05 judge         | down  timeout told
			03:00 success       | up    told
			03:10 late 00:20 success | up due 04:00`},

		{"a late failure does not refute the alarm; what is shown is the newer reason", check(t, "0 * * * *", "15m"), `
			01:00:10 success    | up    quiet due 02:00
			02:15 judge         | down  timeout told
			02:40 late 02:05 fail | down fail`},

		{"a failure that nobody heard of is told when it is heard of", check(t, "0 * * * *", "15m"), `
			01:00:10 success    | up    quiet due 02:00
			02:10 late 02:05 fail | down fail told at 02:05`},

		{"a failure before the last good run is history", check(t, "0 * * * *", "15m"), `
			02:00:10 success    | up    quiet due 03:00
			02:10 late 01:55 fail | up  success due 03:00 kept n 2`},

		{"a report of a run that came too late for its slot refutes nothing", check(t, "0 * * * *", "15m"), `
			01:00:10 success    | up    quiet due 02:00
			02:15 judge         | down  timeout told
			02:40 late 02:20 success | up told success at 02:20 corrects 0`},

		{"the run had started in time: its late end refutes the alarm about the slot", check(t, "0 * * * *", "15m", limit(2*time.Hour)), `
			01:00:10 success    | up    quiet due 02:00
			02:15 judge         | down  timeout told
			03:40 late 02:01 start b | down running
			03:40:01 late 03:30 success b | up told corrects 2 took 1h29m`},

		{"a run that seemed to overrun had ended in time", check(t, "1h", "5m"), `
			00:00 success       | up    quiet
			00:30 start a       | running
			00:35 judge         | down  overrun told
			00:50 late 00:33 success a | up told corrects 2 took 3m at 00:35`},

		{"a late end of an earlier run closes it and leaves the later one alone", check(t, "1h", "10m"), `
			00:00 success       | up    quiet
			00:10 start a       | running
			00:12 start b       | running
			00:15 success b     | running
			00:16 late 00:13 success a | up idle due 01:15 kept took 3m`},

		{"paused with manual resume: a late report is kept and does nothing", check(t, "1h", "5m", manual), `
			00:00 success       | up    quiet
			00:10 pause         | paused quiet
			02:00 late 00:05 success | paused ignored n 2`},
	} {
		t.Run(s.name, func(t *testing.T) { story(t, s.check, s.lines) })
	}
}

func TestMissesAreForgotten(t *testing.T) {
	c := check(t, "1h", "5m")
	c = c.Receive(monitor.Ping{At: day, Signal: monitor.Success}).Check
	for range 2 * monitor.MaxMisses {
		deadline, _ := c.Deadline()
		c = c.Expire(deadline.At, deadline.At).Check
		c = c.Receive(monitor.Ping{At: deadline.At.Add(time.Hour), Signal: monitor.Success}).Check
	}
	if got := len(c.Misses); got != monitor.MaxMisses {
		t.Fatalf("%d misses remembered, want %d", got, monitor.MaxMisses)
	}
	c = c.Receive(monitor.Ping{At: day.Add(2 * monitor.BackdateLimit), Signal: monitor.Success}).Check
	deadline, _ := c.Deadline()
	c = c.Expire(deadline.At, deadline.At).Check
	if got := len(c.Misses); got != 1 {
		t.Errorf("%d misses remembered after %v, want the new one alone", got, monitor.BackdateLimit)
	}
}

func TestADurationThatAJobReports(t *testing.T) {
	took := 40 * time.Minute
	c := check(t, "0 * * * *", "15m")
	c = story(t, c, `
		01:00:10 success | up quiet due 02:00`)
	// It began before the slot's grace was over, so it answers for the slot.
	change := c.Receive(monitor.Ping{At: clock(t, "02:41"), Signal: monitor.Success, Duration: &took})
	if got, want := change.Check.Due, clock(t, "03:00"); !got.Equal(want) {
		t.Errorf("due %v, want %v", got, want)
	}
	if got := change.Check.LastDuration; got == nil || *got != took {
		t.Errorf("took %v, want %v", got, took)
	}
	// What the job measured stands before what we saw of it.
	c = change.Check.Receive(monitor.Ping{At: clock(t, "03:00"), Signal: monitor.Start}).Check
	zero := time.Duration(0)
	c = c.Receive(monitor.Ping{At: clock(t, "03:00:02"), Signal: monitor.Success, Duration: &zero}).Check
	if got := c.LastDuration; got == nil || *got != 0 {
		t.Errorf("took %v, want 0s", got)
	}
}

func TestKeywordsInMails(t *testing.T) {
	for _, c := range []struct {
		filter  monitor.Filter
		subject string
		text    string
		want    monitor.Signal
		ignored monitor.Ignored
	}{
		{monitor.Filter{On: true, Fail: "error"}, "error", "error", monitor.Success, ""}, // it is about HTTP
		{monitor.Filter{Subject: true, Fail: "error"}, "error", "fine", monitor.Fail, ""},
		{monitor.Filter{Subject: true, Fail: "error"}, "fine", "error", monitor.Success, monitor.IgnoredFilter},
		{monitor.Filter{Mail: true, Fail: "error"}, "fine", "error", monitor.Fail, ""},
		{monitor.Filter{Subject: true, Mail: true, Fail: "error", Success: "ok"}, "ok", "an error", monitor.Fail, ""},
		{monitor.Filter{Subject: true, Default: monitor.Fail}, "fine", "", monitor.Fail, ""},
	} {
		job := check(t, "1h", "5m", func(config *monitor.Config) { config.Filter, config.PostOnly = c.filter, true })
		change := job.Receive(monitor.Ping{
			At: day, Signal: monitor.Success, Scheme: monitor.Mail, Body: []byte("error"),
			Mail: &monitor.MailText{Subject: c.subject, Text: []byte(c.text)},
		})
		if got := change.Ping; got.Ignored != c.ignored || got.Ignored == "" && got.Signal != c.want {
			t.Errorf("%+v, %q, %q: %s %s", c.filter, c.subject, c.text, got.Signal, got.Ignored)
		}
	}
}
