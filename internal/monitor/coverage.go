package monitor

import (
	"fmt"
	"slices"
	"time"
)

// Span is a stretch of time in which one node that takes pings could store them: it
// committed a mark at least every BlindAfter.
type Span struct {
	Node      string // a process on a host; a new one at the same address is the same node
	Since, At time.Time
	Resumed   time.Time // when the node began another one; zero: it has not
	Stopped   bool      // it ended on purpose: the node had stopped taking pings
	Cause     string    // why it ended, when the node knows that pings were lost: however short the gap
}

// ExpelAfter is how long a node may be silent before it is not waited for any more.
const ExpelAfter = time.Minute

// live reports whether the span may go on.
func (s Span) live(now time.Time) bool {
	return !s.Stopped && s.Resumed.IsZero() && now.Sub(s.At) <= ExpelAfter
}

// Survey is what the spans of all nodes say together.
type Survey struct {
	// Evidence is up to when every ping that reached any node is stored; zero: unknown.
	Evidence time.Time
	Gaps     []Blind // in which pings may have been lost
	Over     []Span  // that are settled by this, and need not be kept
}

// SurveyOf says up to when there is evidence, and what is missing before that. The
// node own knows more than its marks say when they are fresh: the given evidence.
func SurveyOf(spans []Span, now time.Time, own string, evidence time.Time) Survey {
	var s Survey
	bound := func(at time.Time) {
		if s.Evidence.IsZero() || at.Before(s.Evidence) {
			s.Evidence = at
		}
	}
	alive := false
	for _, span := range spans {
		if span.live(now) {
			alive = true
			if span.Node == own && now.Sub(span.At) <= BlindAfter {
				bound(evidence)
			} else {
				bound(span.At)
			}
			continue
		}
		to, settled := span.coveredAgain(spans)
		if !settled {
			bound(span.At)
			continue
		}
		s.Over = append(s.Over, span)
		if gap := to.Sub(span.At); gap > BlindAfter || gap > 0 && span.Cause != "" {
			s.Gaps = append(s.Gaps, Blind{From: span.At, To: to, Cause: span.why()})
		}
	}
	if !alive {
		s.Evidence = time.Time{}
	}
	s.Gaps = distinct(s.Gaps)
	return s
}

// coveredAgain is when the pings that would have gone to the node of a span that is
// over had somewhere else to go: at once when it stopped on purpose, otherwise when
// it was back, or was expelled. It is not settled while there is no node to go to.
func (s Span) coveredAgain(spans []Span) (to time.Time, settled bool) {
	expelled := s.At.Add(ExpelAfter)
	from := expelled
	switch {
	case s.Stopped:
		from = s.At
	case !s.Resumed.IsZero():
		from = earlier(s.Resumed, expelled)
	}
	for _, other := range spans {
		at := later(from, other.Since)
		if other == s || other.At.Before(at) || other.Stopped && other.At.Equal(at) {
			continue // a node that stops at that instant takes nothing over
		}
		if !settled || at.Before(to) {
			to, settled = at, true
		}
	}
	return to, settled
}

func (s Span) why() string {
	switch {
	case s.Stopped:
		return "Rollcall was restarted"
	case s.Cause != "":
		return s.Cause
	case s.Resumed.IsZero():
		return fmt.Sprintf("the node %s fell silent", s.Node)
	}
	return "Rollcall was not running"
}

// distinct returns intervals in the order of time, one for each From. Where one begins
// with the end of another they are one: a node that was away may prove a single instant
// before it is back, that up to which it had stored what waited.
func distinct(gaps []Blind) []Blind {
	slices.SortFunc(gaps, func(a, b Blind) int {
		if c := a.From.Compare(b.From); c != 0 {
			return c
		}
		return b.To.Compare(a.To)
	})
	gaps = slices.CompactFunc(gaps, func(a, b Blind) bool { return a.From.Equal(b.From) })
	var joined []Blind
	for _, gap := range gaps {
		if last := len(joined) - 1; last >= 0 && joined[last].To.Equal(gap.From) {
			joined[last].To = gap.To
			continue
		}
		joined = append(joined, gap)
	}
	return joined
}
