package sim_test

import (
	"time"

	"rollcall/internal/monitor"
)

// tolerated is what became of a check whose bad result is one of fewer than take it down.
const tolerated = "tolerated"

// tolerance draws how many bad results in a row take a check down; nil as most people
// have it.
func (w *world) tolerance() *int {
	if w.chance(55) {
		return nil
	}
	n := 1 + w.rng.IntN(4)
	return &n
}

// takesDown is how many a setting means.
func takesDown(threshold *int) int {
	if threshold == nil {
		return 1
	}
	return *threshold
}

// toleratedBy returns what a judgement leaves of a bad result that took nobody down, nil
// when it was none.
func toleratedBy(change monitor.Change) *flip {
	d := change.Decision
	if d == nil || d.About != monitor.OfDeadline || d.Bad == 0 || d.Was == monitor.Down {
		return nil
	}
	return &flip{old: string(d.Was), new: tolerated, reason: string(d.Reason), at: d.Deadline, judged: d.Judged}
}

// tolerate awaits what comes after a bad result that did not take the check down: a run
// over its limit is waited for no longer, and after a missed slot comes the next, or the
// first that could be seen.
func (o *oracle) tolerate(f flip) {
	if f.reason == "overrun" {
		o.overran(f.at)
		return
	}
	slot, blind := f.at.Add(-o.grace), o.blind // put off as far as it was
	after := []time.Time{o.next(slot)}
	if o.period > 0 {
		after[0] = slot.Add(o.period)
	}
	switch {
	case blind && o.period > 0:
		after = append(after, o.back.Add(o.period))
	case blind:
		after = append(after, o.next(o.back), o.next(o.back.Add(tooEarly)))
	}
	o.await(time.Time{})
	o.await(after[0])
	for _, at := range after[1:] {
		if at.After(slot) {
			first, last := earliest(o.due, at), latest(o.due.Add(o.credit.most), at)
			o.due, o.credit.most = first, last.Sub(first)
		}
	}
	told := o.told
	o.told = nil
	for _, out := range told { // the miss was before it, and what is awaited now is not
		switch {
		case !out.to.After(f.at):
		case out.perhaps.Before(f.at):
			o.vague = true
		default:
			o.outage(out.perhaps, out.surely, out.to)
		}
	}
}

// overran ends the wait for a run. When several may be meant it cannot be told which.
func (o *oracle) overran(at time.Time) {
	var over *run
	for i := range o.runs {
		if first, last, ok := o.runDeadline(o.runs[i]); ok && !first.After(at) && !last.Before(at) {
			o.vague = o.vague || over != nil
			over = &o.runs[i]
		}
	}
	if over == nil {
		o.vague = true
		return
	}
	over.over = true
	if o.due.IsZero() {
		o.bind(over.start, at)
	}
}
