package monitor

import (
	"slices"
	"time"
)

// Latencies is how long it took to notice what happened in a project, and to tell it.
type Latencies struct {
	Detection Spread // from a deadline, or the arrival of a ping, to the judging
	Delivery  Spread // from the judging to the first success, of the messages that had one
	Waiting   int    // messages of that time that have not been taken yet
	Dead      int    // those that were given up and never taken
}

// Spread sums up spans of time. Without any, which is Count 0, there is nothing to say.
type Spread struct {
	Count              int
	P50, P90, P99, Max time.Duration
}

// SpreadOf sums up spans: a percentile is the smallest span that as many percent of
// all do not exceed.
func SpreadOf(spans []time.Duration) Spread {
	n := len(spans)
	if n == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(spans))
	rank := func(percent int) time.Duration { return sorted[(n*percent+99)/100-1] }
	return Spread{Count: n, P50: rank(50), P90: rank(90), P99: rank(99), Max: sorted[n-1]}
}
