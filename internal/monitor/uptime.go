package monitor

import (
	"math/bits"
	"slices"
	"time"
)

// Share is how a check did in a span of time. Its parts add up to the part of the
// span in which the check was there and its history is known.
type Share struct {
	Up    time.Duration
	Down  time.Duration
	Blind time.Duration // Rollcall could not see, or does not know for that reason; not counted
	Idle  time.Duration // new or paused; not counted
	Falls int           // how many downtimes reach into the span
}

// Counted reports whether any of the time counts: without it there is no share.
func (s Share) Counted() bool { return s.Up+s.Down > 0 }

// Whole is the length of all parts.
func (s Share) Whole() time.Duration { return s.Up + s.Down + s.Blind + s.Idle }

// Hundredths is the share of the counted time that the check was up, in hundredths
// of a percent, rounded down: 10,000 means never down. It is 0 when nothing counts.
func (s Share) Hundredths() int {
	if !s.Counted() {
		return 0
	}
	high, low := bits.Mul64(uint64(s.Up), 10_000)
	hundredths, _ := bits.Div64(high, low, uint64(s.Up+s.Down))
	return int(hundredths)
}

// Uptime says how a check did between two instants; see [LedgerOf], which is for
// those who ask about several spans.
func Uptime(c Check, flips []Flip, blinds []Blind, from, to time.Time) Share {
	return LedgerOf(c, flips, blinds, from, to).Share(from, to)
}

// Ledger is which status a check had when, with the time in which Rollcall was
// blind taken out.
type Ledger struct {
	spans  []span  // in the order of time, without gaps
	blinds []Blind // merged, in the order of time
}

type span struct {
	from, to time.Time
	status   Status
}

// LedgerOf makes the ledger of a check from one instant to another, such as now.
// Flips are given newest first, all since from at least; blind intervals in any
// order. An alarm that a late report has taken back is no downtime.
func LedgerOf(c Check, flips []Flip, blinds []Blind, from, to time.Time) Ledger {
	from = later(from, c.Created)
	refuted := map[int64]bool{}
	for _, f := range flips {
		if f.Facts.Corrects != 0 {
			refuted[f.Facts.Corrects] = true
		}
	}
	l := Ledger{blinds: merged(blinds)}
	status, end := c.Status, to
	for _, f := range flips {
		if refuted[f.Rev] {
			status = Up
		}
		l.add(later(f.At, from), end, status)
		status, end = f.Old, earlier(end, later(f.At, from))
	}
	l.add(from, end, status)
	slices.Reverse(l.spans)
	return l
}

// add puts a span before those that were added until now.
func (l *Ledger) add(from, to time.Time, status Status) {
	n := len(l.spans)
	switch {
	case !from.Before(to):
	case n > 0 && l.spans[n-1].status == status:
		l.spans[n-1].from = from
	default:
		l.spans = append(l.spans, span{from, to, status})
	}
}

// Begin is the instant at which the ledger begins; zero when it holds nothing.
func (l Ledger) Begin() time.Time {
	if len(l.spans) == 0 {
		return time.Time{}
	}
	return l.spans[0].from
}

// Share says how the check did between two instants. What lies outside of the
// ledger adds nothing.
func (l Ledger) Share(from, to time.Time) Share {
	var s Share
	first, _ := slices.BinarySearchFunc(l.spans, from, func(s span, at time.Time) int { return s.to.Compare(at) })
	for _, span := range l.spans[first:] {
		begin, end := later(span.from, from), earlier(span.to, to)
		if !span.from.Before(to) {
			break
		}
		if !begin.Before(end) {
			continue
		}
		blind := l.blind(begin, end)
		seen := end.Sub(begin) - blind
		s.Blind += blind
		switch {
		case span.status == Up:
			s.Up += seen
		case span.status == Unknown:
			s.Blind += seen
		case span.status != Down:
			s.Idle += seen
		case seen > 0:
			s.Down += seen
			s.Falls++
		}
	}
	return s
}

// blind is for how much of a span Rollcall could not see.
func (l Ledger) blind(from, to time.Time) time.Duration {
	var sum time.Duration
	first, _ := slices.BinarySearchFunc(l.blinds, from, func(b Blind, at time.Time) int { return b.To.Compare(at) })
	for _, b := range l.blinds[first:] {
		if !b.From.Before(to) {
			break
		}
		sum += max(0, earlier(b.To, to).Sub(later(b.From, from)))
	}
	return sum
}

// merged returns intervals in the order of time that do not overlap.
func merged(blinds []Blind) []Blind {
	sorted := slices.SortedFunc(slices.Values(blinds), func(a, b Blind) int { return a.From.Compare(b.From) })
	var apart []Blind
	for _, b := range sorted {
		if n := len(apart); n > 0 && !b.From.After(apart[n-1].To) {
			apart[n-1].To = later(apart[n-1].To, b.To)
			continue
		}
		apart = append(apart, b)
	}
	return apart
}

// Spell is a part of the calendar and how a check did in it.
type Spell struct {
	From, To time.Time // whole, also beyond creation and now
	Share
}

// Days divides the ledger into calendar days of a zone: the given number of them, of
// which the last is that of now.
func (l Ledger) Days(n int, now time.Time, zone *time.Location) []Spell {
	y, m, d := now.In(zone).Date()
	return l.spells(n, func(back int) time.Time { return time.Date(y, m, d+1-back, 0, 0, 0, 0, zone) })
}

// Months is Days for calendar months.
func (l Ledger) Months(n int, now time.Time, zone *time.Location) []Spell {
	y, m, _ := now.In(zone).Date()
	return l.spells(n, func(back int) time.Time { return time.Date(y, m+1-time.Month(back), 1, 0, 0, 0, 0, zone) })
}

// spells returns the last n parts of the calendar, the oldest first, as their
// boundaries divide time. One that the ledger knows nothing of is left out.
func (l Ledger) spells(n int, boundary func(back int) time.Time) []Spell {
	var list []Spell
	for back := n; back > 0; back-- {
		from, to := boundary(back), boundary(back-1)
		if share := l.Share(from, to); share.Whole() > 0 {
			list = append(list, Spell{from, to, share})
		}
	}
	return list
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
