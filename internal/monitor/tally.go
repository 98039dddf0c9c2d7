package monitor

import "time"

// Period is a span of time from one instant up to another.
type Period struct{ From, To time.Time }

// Tally is how a check did in a period and in those before it.
type Tally struct {
	Check  Check
	Shares []Share // by period, the newest first
	// Of the newest period.
	Alerts  int           // how often somebody was told that it was down
	Longest time.Duration // the longest downtime, as far as it lies within
}

// Share is how the check did in the newest period.
func (t Tally) Share() Share { return t.Shares[0] }

// TallyOf sums up periods, of which there is at least one, the newest first. Flips
// are given newest first, all since the given time.
func TallyOf(c Check, flips []Flip, blinds []Blind, since time.Time, periods []Period) Tally {
	newest, oldest := periods[0], periods[len(periods)-1]
	from := later(since, oldest.From)
	ledger := LedgerOf(c, flips, blinds, from, later(newest.To, from))
	t := Tally{Check: c}
	for _, p := range periods {
		t.Shares = append(t.Shares, ledger.Share(p.From, p.To))
	}
	for _, f := range flips {
		if f.Tell && f.New == Down && !f.Judged.Before(newest.From) && f.Judged.Before(newest.To) {
			t.Alerts++
		}
	}
	for _, i := range Incidents(c, flips, from) {
		t.Longest = max(t.Longest, i.Within(newest.From, newest.To))
	}
	return t
}
