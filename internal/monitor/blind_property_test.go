package monitor_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/internal/monitor"
	"rollcall/internal/prove"
	"rollcall/internal/schedule"
)

// A job and an outage, played out second by second. What is expected is said by what
// the job really did, not by the rules: a job that runs on time is never told down, and
// one that has died is told by the first run that could have been seen.
func TestBlindProperties(t *testing.T) {
	var healthy, falsely, dead, hidden, unknown, longer int
	trial := func(t *rapid.T) {
		j := drawJob(t)
		from := j.first.Add(j.delay + time.Duration(rapid.Int64Range(1, int64(2*j.period/time.Second)).Draw(t, "outage after"))*time.Second)
		long := time.Duration(rapid.OneOf(rapid.Int64Range(16, 300), rapid.Int64Range(300, 4*3600), rapid.Int64Range(4*3600, 40*3600)).Draw(t, "outage")) * time.Second
		blind := monitor.Blind{From: from, To: from.Add(long)}
		dies := rapid.Bool().Draw(t, "dies")
		p := j.play(dies, blind)
		if dies {
			dead++
			// The first run after the outage of which every ping would have been seen.
			by := j.runAfter(blind.To.Add(monitor.EarlyTolerance)).Add(j.grace + monitor.WarmUp + 2*time.Second)
			if j.cron == "" {
				by = blind.To.Add(j.period + j.grace + monitor.WarmUp + 2*time.Second)
			}
			by = by.Add(time.Duration(j.threshold-1) * j.period)
			if p.downs != 1 || p.down.After(by) {
				hidden++
				t.Errorf("dead, told %d times, at %v, want by %v", p.downs, p.down, by)
			}
		} else {
			healthy++
			if p.downs > 0 {
				falsely++
				t.Errorf("healthy, told down at %v; blind from %v to %v", p.down, blind.From, blind.To)
			}
		}
		if p.unknown > 0 {
			unknown++
			if p.unknown > time.Duration(j.threshold)*j.period+j.grace+monitor.WarmUp {
				longer++
				t.Errorf("unknown for %v, which is longer than %v and %v", p.unknown, j.period, j.grace)
			}
		}
	}
	for range prove.Scale(10, 300) { // a hundred each
		rapid.Check(t, trial)
	}
	prove.Report(t, "FALSE: a blind interval takes no healthy job down", healthy, falsely)
	prove.Report(t, "BOUND: a blind interval hides no dead job beyond the first run that could be seen", dead, hidden)
	prove.Report(t, "BOUND: a check is unknown for one period and grace at most, and one period more for each bad result that it tolerates", unknown, longer)
}

// Outages may come one after the other, as from a server that dies again and again. A
// job that has died is told all the same while they go on.
func TestRepeatedOutagesHideNoDeadJob(t *testing.T) {
	dead, hidden := 0, 0
	trial := func(t *rapid.T) {
		j := drawJob(t)
		long := time.Duration(rapid.Int64Range(16, 120).Draw(t, "outage")) * time.Second
		pause := time.Duration(rapid.Int64Range(int64(long/time.Second), 600).Draw(t, "pause")) * time.Second
		var blinds []monitor.Blind
		from := j.first.Add(j.delay + time.Duration(rapid.Int64Range(1, int64(j.period/time.Second)).Draw(t, "outage after"))*time.Second)
		// At least half of the time is seen. Each verdict is preceded by one of "unknown"
		// at most, and takes no more than the patience of an hour beside the blind time.
		by := from.Add(2 * time.Duration(j.threshold+1) * (2*j.period + j.grace + 2*time.Hour))
		for at := from; at.Before(by); at = at.Add(long + pause) {
			blinds = append(blinds, monitor.Blind{From: at, To: at.Add(long)})
		}
		dead++
		if p := j.play(true, blinds...); p.downs != 1 || p.down.After(by) {
			hidden++
			t.Errorf("dead, told %d times, at %v, want by %v", p.downs, p.down, by)
		}
	}
	for range prove.Scale(1, 30) {
		rapid.Check(t, trial)
	}
	prove.Report(t, "BOUND: outages that come one after the other hide no dead job", dead, hidden)
}

// timetable is a job as it really is.
type timetable struct {
	first  time.Time // run
	period time.Duration
	grace  time.Duration
	delay  time.Duration // of its ping after the start of a run
	cron   string        // "" for a plain period
	// threshold is how many bad results take its check down.
	threshold int
}

func drawJob(t *rapid.T) timetable {
	j := rapid.SampledFrom([]timetable{
		{period: time.Minute},
		{period: 5 * time.Minute},
		{period: time.Hour},
		{period: 6 * time.Hour},
		{period: 24 * time.Hour},
		{period: 10 * time.Minute, cron: "*/10 * * * *"},
		{period: time.Hour, cron: "17 * * * *"},
		{period: 24 * time.Hour, cron: "30 2 * * *"},
	}).Draw(t, "job")
	j.first = day.Add(map[string]time.Duration{"*/10 * * * *": 0, "17 * * * *": 17 * time.Minute, "30 2 * * *": 150 * time.Minute}[j.cron])
	j.grace = time.Duration(rapid.Int64Range(1, int64(min(j.period, 4*time.Hour)/time.Second)).Draw(t, "grace")) * time.Second
	j.delay = time.Duration(rapid.Int64Range(0, int64(j.grace/time.Second)-1).Draw(t, "delay")) * time.Second
	if j.cron == "" {
		j.delay = 0
	}
	j.threshold = rapid.IntRange(1, 4).Draw(t, "threshold")
	return j
}

func (j timetable) runAfter(at time.Time) time.Time {
	run := j.first
	if at.After(run) {
		run = run.Add(at.Sub(run) / j.period * j.period)
	}
	for !run.After(at) {
		run = run.Add(j.period)
	}
	return run
}

// played is what became of the check.
type played struct {
	downs   int
	down    time.Time
	unknown time.Duration
}

// play lets the job ping, except inside the outages and after it has died in the
// first, and the scheduler come by as soon as something is due.
func (j timetable) play(dies bool, blinds ...monitor.Blind) played {
	spec := schedule.Spec{Kind: schedule.Every, Period: j.period}
	if j.cron != "" {
		spec = schedule.Spec{Kind: schedule.Cron, Expr: j.cron, Zone: "UTC"}
	}
	c := monitor.Create(monitor.Check{ID: 1, Config: monitor.Config{Name: "job", Schedule: spec, Grace: j.grace, Threshold: &j.threshold}}, day)
	var p played
	var since time.Time
	take := func(change monitor.Change) {
		if f := change.Flip; f != nil {
			if f.New == monitor.Down {
				p.downs++
				p.down = f.Judged
			}
			if f.Old == monitor.Unknown {
				p.unknown = f.Judged.Sub(since)
			}
			since = f.Judged
		}
		c = change.Check
	}
	first, last := blinds[0].From, blinds[len(blinds)-1].To
	ping := j.first.Add(j.delay)
	end := last.Add(time.Duration(j.threshold+2)*j.period + 2*j.grace + 2*time.Hour)
	for now := j.first; now.Before(end); {
		for len(blinds) > 0 && !now.Before(blinds[0].To) {
			take(c.Overlook(blinds[0]))
			if again := c.Overlook(blinds[0]); !again.Unchanged {
				p.downs += 100 // it was made good twice
			}
			blinds = blinds[1:]
		}
		sees := len(blinds) == 0 || now.Before(blinds[0].From)
		if !now.Before(ping) {
			if sees && !(dies && !now.Before(first)) {
				take(c.Receive(monitor.Ping{At: now, Signal: monitor.Success, Method: "POST"}))
			}
			ping = ping.Add(j.period)
		}
		if d, ok := c.Deadline(); ok && sees && !now.Before(d.At) {
			take(c.Expire(now, now))
		}
		now = j.next(now, c, ping, blinds)
	}
	return p
}

// next is the next instant at which something happens.
func (j timetable) next(now time.Time, c monitor.Check, ping time.Time, blinds []monitor.Blind) time.Time {
	instants := []time.Time{ping}
	if d, ok := c.Deadline(); ok {
		instants = append(instants, d.At)
	}
	if len(blinds) > 0 {
		instants = append(instants, blinds[0].From, blinds[0].To)
	}
	var next time.Time
	for _, at := range instants {
		if at.After(now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	if ping.After(now) && !next.IsZero() {
		return next
	}
	return now.Add(time.Second)
}
