package sim_test

import "time"

// The rules as docs/statuses.md and docs/signals.md have them, once more.
const (
	blindAfter = 15 * time.Second // a shorter gap is no outage
	markEvery  = 5 * time.Second  // so much may be blind before it
	warmUp     = 90 * time.Second
	repeated   = 2 * time.Minute  // within which the same end of a run is one
	reordered  = 5 * time.Second  // within which a start may come after its end
	settling   = time.Minute      // that a late report gives to what is overdue
	tooEarly   = time.Minute      // before its slot a ping still satisfies it
	soon       = 10 * time.Minute // until the next ping, and twice the outage up to
	soonAtMost = time.Hour
	expelled   = time.Minute // after which a silent process is not waited for
	lateBound  = expelled + 15*time.Second
)

// oracle is what one check ought to be. Where Rollcall was blind, how long a
// deadline is put off depends on when it noticed; then there is a first and a last
// instant at which it may pass.
type oracle struct {
	plan
	grace, limit  time.Duration
	takes         int // bad results in a row that take it down
	bad           int // of them so far
	status        string
	due           time.Time // the slot that is awaited
	credit        window
	made          time.Time // up to when outages have been made good to what is awaited
	blind         bool      // one may have swallowed the ping that is awaited
	back          time.Time // from the last outage
	away          time.Time // until then nobody could judge
	runs          []run
	last, started time.Time // end, and start
	vague         bool      // it cannot be told; nothing is demanded until a person resets it
	swallowed     []said    // what came while nobody could hear it
	misses        map[int64]time.Time
	told          []outage // in the order in which they were made good
}

// outage is a time in which Rollcall was blind, from one instant on perhaps and from
// another surely.
type outage struct{ perhaps, surely, to time.Time }

// window is what a deadline is put off by: at least, and at most.
type window struct{ least, most time.Duration }

type run struct {
	id         string
	start, end time.Time
	how        string // it ended
	over       bool
	credit     window
	made       time.Time
	late       bool      // its start was reported late
	heard      time.Time // when what is known last of it was received
}

// said is a ping as its sender knows it.
type said struct {
	at     time.Time // when it happened
	came   time.Time // when it was received
	signal string
	run    string
	surely bool // for what was swallowed: Rollcall was surely blind then
	// counted: Rollcall took it for a new one, which it may when what it repeats was
	// received longer ago than repeated.
	counted bool
}

// flip is a change that is expected of Rollcall, or that it made.
type flip struct {
	old, new, reason string
	at, judged       time.Time
	rev, corrects    int64
	told             bool
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// deadline of the awaited slot, the first and the last that it can be.
func (o *oracle) deadline() (first, last time.Time, ok bool) {
	if o.due.IsZero() || o.status == "down" || o.status == "paused" {
		return first, last, false
	}
	at := o.due.Add(o.grace)
	return at.Add(o.credit.least), at.Add(o.credit.most), true
}

func (o *oracle) runDeadline(r run) (first, last time.Time, ok bool) {
	at := r.start.Add(o.limit)
	return at.Add(r.credit.least), at.Add(r.credit.most), r.end.IsZero() && !r.over
}

func (o *oracle) running() bool {
	for _, r := range o.runs {
		if r.end.IsZero() && !r.over {
			return true
		}
	}
	return false
}

func (o *oracle) find(id string, open bool) *run {
	for i := range o.runs {
		if o.runs[i].id == id && o.runs[i].end.IsZero() == open {
			return &o.runs[i]
		}
	}
	return nil
}

// ping returns the flip that a ping has to cause, nil for none, and whether it says
// again what was said, so that it does not count.
func (o *oracle) ping(p said) (f *flip, again bool) {
	var kept []run
	for _, r := range o.runs {
		if r.end.IsZero() || p.at.Sub(r.end) < repeated {
			kept = append(kept, r)
		}
	}
	o.runs = kept
	if o.status == "down" {
		o.judgeRuns(p.came)
	}
	if since, again := o.repeats(p); again && !(p.counted && p.came.Sub(since) >= repeated) {
		if p.signal == "success" && o.status == "up" {
			o.last = latest(o.last, p.at)
			o.bind(o.last, o.last)
		}
		return nil, true
	}
	if late := !p.at.Equal(p.came); !late {
		return o.move(p), false
	} else if p.at.Before(o.last) {
		if p.run != "" && (p.signal == "success" || p.signal == "fail") {
			o.end(p)
			o.bind(o.last, o.last)
		}
	} else {
		f = o.move(p)
	}
	o.putOff(p.came.Add(settling))
	return f, false
}

// repeats reports whether p says what its run has said before, and when that came.
func (o *oracle) repeats(p said) (since time.Time, again bool) {
	if p.run == "" || p.signal == "log" {
		return since, false
	}
	open, ended := o.find(p.run, true), o.find(p.run, false)
	if p.signal == "start" {
		if open == nil {
			return since, false
		}
		return open.heard, p.at.Sub(open.start) < repeated
	}
	if open != nil || ended == nil {
		return since, false
	}
	return ended.heard, ended.how == p.signal
}

func (o *oracle) move(p said) *flip {
	switch p.signal {
	case "start":
		o.start(p)
		return nil
	case "log":
		return nil
	}
	ref := o.end(p)
	o.last = latest(o.last, p.at)
	if o.bad++; p.signal == "success" {
		o.bad = 0
	}
	if ref.IsZero() {
		ref = o.last
	}
	o.bind(ref, o.last)
	to := map[string]string{"success": "up", "fail": "down"}[p.signal]
	switch {
	case to == "up" || o.bad >= o.takes:
	case o.status == "paused":
		to = "new"
	default:
		return nil
	}
	if o.status == to {
		return nil
	}
	f := &flip{old: o.status, new: to, told: to == "down" || o.status == "down"}
	o.status = to
	return f
}

func (o *oracle) start(p said) {
	if ended := o.find(p.run, false); o.status == "paused" || p.run != "" && ended != nil && p.at.Sub(ended.end) < reordered {
		return
	}
	o.started = latest(o.started, p.at)
	var others []run
	for _, r := range o.runs {
		if r.id != p.run {
			others = append(others, r)
		}
	}
	o.runs = append(others, run{id: p.run, start: p.at, heard: p.came, late: !p.at.Equal(p.came)})
	if !o.due.IsZero() {
		o.bind(p.at, o.started)
	}
}

// end closes the run that p ends and returns when it started, zero if that is not known.
func (o *oracle) end(p said) time.Time {
	if r := o.find(p.run, true); r != nil {
		r.end, r.how, r.heard = p.at, p.signal, p.came
		return r.start
	}
	if p.run != "" {
		o.runs = append(o.runs, run{id: p.run, end: p.at, how: p.signal, heard: p.came})
		return time.Time{}
	}
	for i := range o.runs {
		if o.runs[i].end.IsZero() {
			o.runs[i].end, o.runs[i].how = p.at, p.signal
		}
	}
	return time.Time{}
}

// satisfied returns the slot that is awaited after a run at the given time.
func (o *oracle) satisfied(due, ran time.Time) time.Time {
	if o.period > 0 {
		return ran.Add(o.period)
	}
	if !due.After(ran) {
		return o.next(ran)
	}
	if after := o.next(due); due.Sub(ran) <= min(tooEarly, after.Sub(due)/10) {
		return after
	}
	return due
}

func (o *oracle) bind(ran, now time.Time) {
	switch {
	case o.period > 0 && o.running():
		o.await(time.Time{})
	case o.period > 0:
		o.await(now.Add(o.period))
	default:
		due := o.satisfied(o.due, ran)
		if !due.Add(o.grace).After(now) {
			due = o.next(now)
		}
		o.await(due)
	}
}

func (o *oracle) await(due time.Time) {
	if !due.Equal(o.due) {
		o.due, o.credit, o.made, o.blind, o.swallowed = due, window{}, time.Time{}, false, nil
	}
}

// putOff moves deadlines to a time, those that are earlier.
func (o *oracle) putOff(to time.Time) {
	later := func(w window, base time.Time) window {
		return window{max(w.least, to.Sub(base)), max(w.most, to.Sub(base))}
	}
	if _, _, ok := o.deadline(); ok {
		o.credit = later(o.credit, o.due.Add(o.grace))
	}
	for i := range o.runs {
		r := &o.runs[i]
		if _, _, ok := o.runDeadline(*r); ok {
			r.credit = later(r.credit, r.start.Add(o.limit))
		}
	}
}

func (o *oracle) pause() *flip {
	if o.status == "paused" {
		return nil
	}
	f := &flip{old: o.status, new: "paused"}
	o.status, o.runs, o.bad, o.vague = "paused", nil, 0, false
	o.await(time.Time{})
	return f
}

func (o *oracle) resume(now time.Time) *flip {
	o.status = "new"
	if !o.last.IsZero() {
		o.await(o.next(now))
	}
	return &flip{old: "paused", new: "new"}
}

func (o *oracle) edit(to plan, grace, limit time.Duration, takes int, now time.Time) {
	from := o.plan
	o.plan, o.grace, o.limit, o.takes = to, grace, limit, takes
	changed := from.period != to.period || from.expr != to.expr || from.zone != to.zone
	if changed && !o.due.IsZero() {
		o.await(time.Time{})
		o.bind(o.last, now)
		if o.period > 0 && !o.due.IsZero() { // from the last ping or from the edit: both are fair
			if sooner := o.last.Add(o.period); sooner.Add(o.grace).After(now) && sooner.Before(o.due) {
				o.credit.most, o.due = o.due.Sub(sooner), sooner
			}
		}
	}
	if first, last, ok := o.deadline(); ok && !last.After(now) {
		o.await(time.Time{})
		o.await(o.next(now))
	} else if ok && !first.After(now) {
		o.vague = true
	}
	if o.period > 0 && o.running() {
		o.await(time.Time{})
	}
	o.judgeRuns(now)
}

func (o *oracle) judgeRuns(now time.Time) {
	for i := range o.runs {
		first, last, ok := o.runDeadline(o.runs[i])
		switch {
		case !ok || first.After(now):
		case last.After(now):
			o.vague = true
		default:
			o.runs[i].over = true
		}
	}
}

// outage tells that Rollcall was blind, perhaps from one time on and surely from
// another, until it noticed. What several processes missed at once was one wait.
func (o *oracle) outage(perhaps, surely, to time.Time) {
	o.told = append(o.told, outage{perhaps, surely, to})
	o.back = to
	if to.After(surely) {
		o.away = to
	} else { // another process was there, and said when this one is not waited for
		o.back = to.Add(-markEvery)
	}
	sure := to.After(surely)
	// most lets the part of the wait since base that was blind not count, least only
	// that nobody is told before clients have come again.
	more := func(w *window, made *time.Time, base, until, first, last time.Time, sure bool) bool {
		if !last.After(perhaps) || !to.After(*made) {
			return false
		}
		waited := max(0, until.Sub(latest(base, latest(perhaps, *made))))
		warm := warmUp
		if w.most > patience(to.Sub(perhaps)) { // what was prolonged so far may get no more than what was blind
			warm = 0
		}
		w.most += latest(last.Add(waited), to).Add(warmUp).Sub(last)
		switch {
		case !sure || !first.After(surely):
		case made.Before(perhaps):
			w.least += latest(first, to).Add(warm).Sub(first)
		default: // one outage with the last
			w.least += latest(first, to.Add(warm)).Sub(first)
		}
		*made = to
		return true
	}
	for i := range o.runs {
		r := &o.runs[i]
		if first, last, ok := o.runDeadline(*r); ok {
			more(&r.credit, &r.made, r.start, to, first, last, sure)
		}
	}
	early := tooEarly
	if o.period > 0 {
		early = max(early, o.grace) // the last one may have been as late
	}
	first, last, ok := o.deadline()
	sureOf := sure && o.due.Add(-tooEarly).Before(to)
	if ok && o.due.Add(-early).Before(to) && more(&o.credit, &o.made, o.due, earliest(to, last), first, last, sureOf) {
		o.blind = true
		// The first ping that cannot have been lost decides, when that is soon.
		if o.next(to).Add(o.grace).Sub(to) <= patience(to.Sub(perhaps)) {
			o.credit.most = max(o.credit.most, o.next(to.Add(tooEarly)).Sub(o.due))
		}
	}
	for i := range o.swallowed {
		s := &o.swallowed[i]
		s.surely = s.surely || sure && !s.came.Before(surely) && !s.came.After(to)
	}
}

// patience is for how long after an outage the next ping is waited for, and up to which
// a wait that was prolonged gets more than what was blind.
func patience(blind time.Duration) time.Duration { return soon + min(2*blind, soonAtMost) }

func clock(t time.Time) string { return t.Format("Jan 2 15:04:05.000") }
