package monitor

import (
	"slices"
	"time"
)

// Incident is one downtime of a check.
type Incident struct {
	From   time.Time
	To     time.Time // zero while it goes on
	Reason Reason    // "" when it began before what is known
	After  Status    // what the check was afterwards; "" while it goes on
}

// Within returns how much of the incident lies between two instants.
func (i Incident) Within(from, to time.Time) time.Duration {
	end := to
	if !i.To.IsZero() {
		end = earlier(end, i.To)
	}
	return max(0, end.Sub(later(i.From, from)))
}

// Incidents lists the downtimes of a check, the newest first. Flips are given
// newest first, all since from at least; a downtime that began earlier is dated
// from there. An alarm that a late report has taken back is none.
func Incidents(c Check, flips []Flip, from time.Time) []Incident {
	refuted := map[int64]bool{}
	for _, f := range flips {
		refuted[f.Facts.Corrects] = true
	}
	var list []Incident
	status := c.Status
	if n := len(flips); n > 0 {
		status = flips[n-1].Old
	}
	if status == Down {
		list = append(list, Incident{From: later(from, c.Created)})
	}
	for _, f := range slices.Backward(flips) {
		before := status
		if status = f.New; refuted[f.Rev] {
			status = Up
		}
		switch n := len(list) - 1; {
		case before == Down && status != Down:
			list[n].To, list[n].After = f.At, status
			if !list[n].From.Before(f.At) {
				list = list[:n]
			}
		case before != Down && status == Down:
			list = append(list, Incident{From: f.At, Reason: f.Reason})
		}
	}
	slices.Reverse(list)
	return list
}
