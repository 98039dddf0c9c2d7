package monitor

import (
	"slices"
	"time"

	"rollcall/internal/schedule"
)

// Receive is what a ping does to a check. A ping always counts; whether it also
// moves the check depends on the rules about paused checks, methods and
// keywords, in that order.
func (c Check) Receive(p Ping) Change {
	before := c
	p.Ignored = c.ignores(p)
	if p.Ignored == "" {
		p = c.Filter.apply(p)
	}
	c.Runs = c.remembered(p.At)
	if p.Ignored == "" && c.repeats(p) {
		c = c.alive(p)
		return Change{Check: c.wakeBy(), Outcome: Duplicate}.byPing(before, p)
	}

	c.NPings++
	p.N = c.NPings
	change := Change{Outcome: Recorded}
	var kept bool
	if c.Burst, kept = c.Burst.count(p); !kept {
		c.Coalesced++
		change.Outcome = Coalesced
	}
	if p.Ignored != "" {
		if kept {
			change.Outcome = Ignore
		}
	} else if p.late() {
		c, change.Flip = c.recall(&p)
	} else {
		c, change.Flip = c.move(&p)
	}
	if kept {
		change.Ping = &p
	}
	change.Check = c.wakeBy()
	return change.byPing(before, p)
}

// move takes the check where the ping's signal leads.
func (c Check) move(p *Ping) (Check, *Flip) {
	c.LastSignal = p.Signal
	switch p.Signal {
	case Success:
		return c.succeed(p)
	case Fail:
		return c.fail(p)
	case Start:
		return c.start(*p), nil
	}
	return c, nil
}

func (c Check) ignores(p Ping) Ignored {
	switch {
	case c.Status == Paused && c.ManualResume:
		return IgnoredPaused
	case c.PostOnly && p.Method != "POST" && p.Scheme != Mail:
		return IgnoredMethod
	}
	return ""
}

// repeats reports whether p says once more what the same run has just said: a
// client that saw no answer asks again.
func (c Check) repeats(p Ping) bool {
	if p.RunID == "" || p.Signal == Log {
		return false
	}
	open := c.find(p.RunID, true)
	if p.Signal == Start {
		return open >= 0 && p.At.Sub(c.Runs[open].Start) < DuplicateWindow
	}
	ended := c.find(p.RunID, false)
	return open < 0 && ended >= 0 && c.Runs[ended].Ended == p.Signal
}

// find returns the index of the open, or of the ended, run with the given id, or -1.
func (c Check) find(id string, open bool) int {
	return slices.IndexFunc(c.Runs, func(r Run) bool { return r.ID == id && r.Open() == open })
}

// remembered returns the runs without those that ended too long ago to matter.
func (c Check) remembered(now time.Time) []Run {
	var runs []Run
	for _, r := range c.Runs {
		if r.Open() || now.Sub(r.End) < DuplicateWindow {
			runs = append(runs, r)
		}
	}
	return runs
}

// alive moves the deadline for a repeated ping: it proves life though it does
// not count.
func (c Check) alive(p Ping) Check {
	if p.Signal == Success && c.Status == Up {
		c.LastPing = later(c.LastPing, p.At)
		c.LastSuccess = c.LastPing
		return c.bind(c.LastPing, c.LastPing)
	}
	return c
}

func (c Check) succeed(p *Ping) (Check, *Flip) {
	at := later(c.LastPing, p.At)
	c, start := c.end(p)
	if c.Status == Down {
		c.overrun(p.Received()) // as if the scheduler had come by first, for which it is no news
	}
	c.LastPing, c.LastSuccess, c.LastExit, c.LastDuration = at, at, p.Exit, p.Duration
	streak := c.FailStreak
	c.FailStreak = 0
	missed := c.Due
	slot := start
	if slot.IsZero() {
		slot = at
	}
	before := c
	c = c.bind(slot, at)
	if c.Status == Up {
		c.Reason = Succeeded
		return c, nil
	}
	// What was told as down is told as up again. A first ping, and the end of a
	// pause, are no news to anybody.
	due := c.Due
	c.Due = missed
	c, flip := c.flip(Up, Succeeded, at, p.Received(), before.Status == Down)
	c.Due = due
	flip.Facts.fill(*p, start, streak)
	return c, flip
}

func (c Check) fail(p *Ping) (Check, *Flip) {
	at := later(c.LastPing, p.At)
	c, start := c.end(p)
	c.LastPing, c.LastExit, c.LastDuration = at, p.Exit, p.Duration
	c.FailStreak++
	slot := start
	if slot.IsZero() {
		slot = at
	}
	c = c.bind(slot, at)
	to, tell := Down, true
	switch {
	case c.Status == Down:
		c.Reason = Failed // the status stands; what is shown is the newer reason
		return c, nil
	case c.FailStreak >= c.TakesDown():
	case c.Status == Paused:
		to, tell = New, false // any ping ends a pause
	default:
		return c, nil
	}
	c, flip := c.flip(to, Failed, at, p.Received(), tell)
	flip.Facts.fill(*p, start, c.FailStreak)
	return c, flip
}

// fill adds what is known of the run that caused a flip.
func (f *Facts) fill(p Ping, start time.Time, streak int) {
	f.Exit, f.Start, f.Streak, f.PingN, f.Duration = p.Exit, Micros(start), streak, p.N, nil
	if p.Duration != nil {
		us := p.Duration.Microseconds()
		f.Duration = &us
	}
}

// start opens a run, unless the check is paused. One that was just ended is not opened again: its start
// came late. A second start without a run id restarts the anonymous run.
func (c Check) start(p Ping) Check {
	at := later(c.LastStart, p.At)
	if i := c.find(p.RunID, false); p.RunID != "" && i >= 0 && p.At.Sub(c.Runs[i].End) < ReorderWindow {
		return c
	}
	c.LastStart = at
	if c.Status == Paused {
		return c // it expects nothing, so it does not wait for this run either
	}
	runs := slices.DeleteFunc(slices.Clone(c.Runs), func(r Run) bool { return r.ID == p.RunID })
	runs = append(runs, Run{ID: p.RunID, Start: p.At})
	c.Runs = runs[max(0, len(runs)-MaxRuns):]
	if c.Due.IsZero() {
		return c // a new check learns its schedule from its first end
	}
	return c.bind(p.At, at)
}

// end closes the run that p ends and returns when that run started: as was seen, or
// as the duration that the job reports says; zero when neither is known. A run id names the run. Without one the anonymous
// run ends, or, when there is none, every open run: nobody can say which was
// meant, and a run left open would raise an alarm over a job that reported.
func (c Check) end(p *Ping) (Check, time.Time) {
	c.Runs = slices.Clone(c.Runs)
	if i := c.find(p.RunID, true); i >= 0 {
		run := &c.Runs[i]
		run.End, run.Ended = p.At, p.Signal
		if p.Duration == nil {
			took := max(0, p.At.Sub(run.Start))
			p.Duration = &took
		}
		return c, run.Start
	}
	if p.RunID != "" {
		// Its start was lost or is still on its way: remember that it has ended.
		c.Runs = append(c.Runs, Run{ID: p.RunID, End: p.At, Ended: p.Signal})
		c.Runs = c.Runs[max(0, len(c.Runs)-MaxRuns):]
		return c, p.reportedStart()
	}
	for i := range c.Runs {
		if c.Runs[i].Open() {
			c.Runs[i].End, c.Runs[i].Ended = p.At, p.Signal
		}
	}
	return c, p.reportedStart()
}

// reportedStart is when the run of a ping began by the duration that the job
// reports; zero when it reports none.
func (p Ping) reportedStart() time.Time {
	if p.Duration == nil {
		return time.Time{}
	}
	return p.At.Add(-*p.Duration)
}

// bind satisfies the slot that a run at the given instant belongs to and sets
// Due to the next one. The instant is the run's start when that is known; now
// is the time of the ping itself.
//
// Slots never move back: a ping before the awaited slot leaves it awaited,
// unless it came so shortly before that it can only be meant for it. A slot that
// is already over by now is not awaited again.
func (c Check) bind(slot, now time.Time) Check {
	sched, err := c.Schedule.Parse()
	if err != nil {
		c.Due, c.Trouble = time.Time{}, err.Error()
		return c
	}
	c.Trouble = ""
	before := c.Due
	if c.Schedule.Kind == schedule.Every {
		c.Due = time.Time{} // while a run is open, its limit is the deadline
		if !c.Running() {
			c.Due = now.Add(c.Schedule.Period)
		}
	} else {
		c.Due = awaited(sched, c.Due, slot)
		if !c.Due.IsZero() && !c.Due.Add(c.Grace).After(now) {
			c.Due, _ = sched.Next(now)
		}
	}
	if !c.Due.Equal(before) {
		c = c.expect(c.Due)
	}
	return c
}

// awaited returns the slot that is awaited after a run at the given instant,
// when due was awaited before it.
func awaited(sched schedule.Schedule, due, run time.Time) time.Time {
	if !due.After(run) {
		next, _ := sched.Next(run)
		return next
	}
	if next, ok := sched.Next(due); ok && due.Sub(run) <= earlyBy(sched, due) {
		return next
	}
	return due
}

// wakeBy moves Wake forward in time only: to an earlier deadline than the one the
// scheduler would wake for. A later deadline costs no write to the index.
func (c Check) wakeBy() Check {
	if d, ok := c.Deadline(); ok && (c.Wake.IsZero() || d.At.Before(c.Wake)) {
		c.Wake = d.At
	}
	return c
}

// wakeAt sets Wake to the next deadline exactly.
func (c Check) wakeAt() Check {
	d, _ := c.Deadline()
	c.Wake = d.At
	return c
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
