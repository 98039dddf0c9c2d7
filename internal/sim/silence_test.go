package sim_test

import (
	"fmt"
	"time"
)

// silence judges a flip that the passing of time caused. It returns what is wrong.
func (o *oracle) silence(f flip) (kind, words string) {
	if o.status == "down" || o.status == "paused" {
		return "FALSE", fmt.Sprintf("it is %s and became %s of itself", o.status, f.new)
	}
	var passed, blind bool
	kind, words = "FALSE", "nothing is awaited"
	fits := func(first, last time.Time, put bool) {
		switch {
		case first.After(f.judged):
			if !passed {
				kind, words = "EARLY", fmt.Sprintf("judged at %s, the deadline is %s", clock(f.judged), clock(first))
			}
			return
		case passed && kind == "":
		case o.late(last, f.judged):
			kind, words = "LATE", fmt.Sprintf("judged at %s, the deadline was %s", clock(f.judged), clock(last))
		default:
			kind = ""
		}
		passed, blind = true, blind || put
	}
	if first, last, ok := o.deadline(); ok && f.reason != "overrun" {
		fits(first, last, o.blind)
	}
	for _, r := range o.runs {
		if first, last, ok := o.runDeadline(r); ok && f.reason != "timeout" {
			fits(first, last, r.credit.most > 0)
		}
	}
	switch {
	case o.vague:
		kind = ""
	case passed && f.new == "unknown" && (!blind || o.status == "unknown"):
		kind, words = "FALSE", "unknown without an outage"
	case passed && f.new != "unknown" && o.status != "unknown" && o.heardOf(f): // nobody is spared twice
		kind, words = "FALSE", "the job had reported while Rollcall was blind"
	case kind == "" && f.new == "down" && o.bad+1 < o.takes, kind == "" && f.new == tolerated && o.bad+1 >= o.takes:
		kind, words = "COUNT", fmt.Sprintf("%s at bad result %d of %d in a row", f.new, o.bad+1, o.takes)
	}
	if f.new != "unknown" {
		o.bad++
	}
	if f.new == tolerated {
		o.tolerate(f)
		return kind, words
	}
	o.judgeRuns(f.judged)
	o.status = f.new
	if f.new == "unknown" {
		o.await(time.Time{})
		if o.await(o.next(o.back)); o.period > 0 { // the first that was not in the dark
			o.due = o.back.Add(o.period)
		}
		o.credit.most = max(0, o.next(f.judged).Sub(o.due))
	} else {
		if o.misses == nil {
			o.misses = map[int64]time.Time{}
		}
		o.misses[f.rev] = f.at
	}
	return kind, words
}

// heardOf reports whether the alarm would not have been, had Rollcall heard what
// it was told while it was blind.
func (o *oracle) heardOf(f flip) bool {
	for _, s := range o.swallowed {
		switch {
		case !s.surely || s.signal != "success" || s.at.After(f.at):
		case f.reason == "timeout" && (o.due.IsZero() || s.at.Before(o.due.Add(-max(o.grace, tooEarly)))): // out of rhythm
		case f.reason == "timeout" && f.at.Before(o.satisfied(o.due, s.at).Add(o.grace)):
			return true
		case f.reason == "overrun":
			// One that was told before is not what is told now. One of which only a start
			// that came late is known is waited for as long as is promised then.
			r := o.find(s.run, true)
			if r != nil && !r.over && !r.late {
				return true
			}
		}
	}
	return false
}

// late reports whether a deadline is judged too late, though somebody was there to judge.
func (o *oracle) late(deadline, judged time.Time) bool {
	return judged.Sub(latest(deadline, o.away)) > lateBound
}

// overdue returns the deadline that ought to have been judged long ago.
func (o *oracle) overdue(now time.Time) (time.Time, bool) {
	if o.vague || o.status == "down" || o.status == "paused" {
		return time.Time{}, false
	}
	if _, last, ok := o.deadline(); ok && o.late(last, now) {
		return last, true
	}
	for _, r := range o.runs {
		if _, last, ok := o.runDeadline(r); ok && o.late(last, now) {
			return last, true
		}
	}
	return time.Time{}, false
}
