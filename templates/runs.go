package templates

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"rollcall/internal/monitor"
)

// RunEnd is how one run of a check went.
type RunEnd struct {
	At   time.Time
	How  How
	Took *time.Duration // nil: its start is not known
	Exit *int64         // nil: none was reported
}

// How says how a run went.
type How string

// The ways a run can go.
const (
	Good    How = "good"
	Failed  How = "failed"
	Missed  How = "missed"   // nothing arrived
	NotSeen How = "not seen" // Rollcall was blind
	InWork  How = "running"
)

// withPresent adds to the runs of a check what its state says of the present one:
// that it is missing, was not seen, or goes on.
func withPresent(runs []RunEnd, c monitor.Check, now time.Time) []RunEnd {
	runs = slices.Clone(runs)
	switch {
	case c.Status == monitor.Down && c.Reason != monitor.Failed:
		runs = append(runs, RunEnd{At: c.Since, How: Missed})
	case c.Status == monitor.Unknown:
		runs = append(runs, RunEnd{At: c.Since, How: NotSeen})
	}
	if run, ok := openRun(c); ok {
		took := now.Sub(run.Start)
		runs = append(runs, RunEnd{At: run.Start, How: InWork, Took: &took})
	}
	return runs
}

// openRun returns the run of the check that has been going on for longest and is
// within its limit.
func openRun(c monitor.Check) (monitor.Run, bool) {
	var first monitor.Run
	for _, run := range c.Runs {
		if run.Open() && !run.Over && (first.Start.IsZero() || run.Start.Before(first.Start)) {
			first = run
		}
	}
	return first, !first.Start.IsZero()
}

// usual is the range that the durations of good runs mostly keep to.
type usual struct{ low, middle, high time.Duration }

// usualOf returns the 5th, 50th and 95th percentile of the good runs, and false
// when there are too few to speak of a usual duration.
func usualOf(runs []RunEnd) (usual, bool) {
	var took []time.Duration
	for _, r := range runs {
		if r.How == Good && r.Took != nil {
			took = append(took, *r.Took)
		}
	}
	if len(took) < 5 {
		return usual{}, false
	}
	slices.Sort(took)
	at := func(share float64) time.Duration { return took[int(math.Round(share*float64(len(took)-1)))] }
	return usual{at(0.05), at(0.5), at(0.95)}, true
}

// Path is one path of a drawing; Class says what it stands for.
type Path struct{ Class, D, Title string }

// Spark is the last runs of a check in the size of a word.
type Spark struct {
	Label string
	Paths []Path
}

// sparkRuns is how many runs a sparkline has room for.
const sparkRuns = 30

// sparkOf draws the newest runs, the newest at the right edge: one path for what
// went well, and one for each way in which a run did not.
func sparkOf(runs []RunEnd) Spark {
	runs = runs[max(0, len(runs)-sparkRuns):]
	if len(runs) == 0 {
		return Spark{Label: "no runs yet"}
	}
	var longest time.Duration
	for _, r := range runs {
		if r.How == Good && r.Took != nil {
			longest = max(longest, *r.Took)
		}
	}
	first := 5 * (sparkRuns - len(runs))
	var good, failed, missed, unseen, now strings.Builder
	fmt.Fprintf(&good, "M%d 10", first)
	for i, r := range runs {
		x := first + 5*i
		if r.How != Good {
			good.WriteString("h5")
		}
		switch r.How {
		case Good:
			h := sparkHeight(r.Took, longest)
			fmt.Fprintf(&good, "v-%dh3v%dh2", h, h)
		case Failed:
			fmt.Fprintf(&failed, "M%d 10v-2h3v2zm0-3v-7h3v7z", x)
		case Missed:
			fmt.Fprintf(&missed, "M%d.5 9.8v-9.6h2v9.6z", x)
		case NotSeen:
			fmt.Fprintf(&unseen, "M%d 10v-1h3v1zm0-2v-1h3v1zm0-2v-1h3v1zm0-2v-1h3v1zm0-2v-1h3v1z", x)
		case InWork:
			fmt.Fprintf(&now, "M%d 10v-2h3v2zm0-3v-2h3v2z", x)
		}
	}
	s := Spark{Label: "Last " + Count(int64(len(runs)), "run", "runs") + ": " + tally(runs)}
	for _, p := range []Path{
		{Class: "ok", D: good.String()},
		{Class: "bad", D: failed.String()},
		{Class: "gap", D: missed.String()},
		{Class: "blind", D: unseen.String()},
		{Class: "now", D: now.String()},
	} {
		if p.D != "" {
			s.Paths = append(s.Paths, p)
		}
	}
	return s
}

// sparkHeight is 1 to 8, relative to the longest of the runs; runs whose duration
// is not known are ticks of the same height.
func sparkHeight(took *time.Duration, longest time.Duration) int {
	if took == nil || longest == 0 {
		return 2
	}
	return max(1, int(math.Round(8*float64(*took)/float64(longest))))
}

// tally counts the runs by how they went: "27 good, 2 missed".
func tally(runs []RunEnd) string {
	counts := map[How]int{}
	for _, r := range runs {
		counts[r.How]++
	}
	var parts []string
	for _, how := range []How{Good, Failed, Missed, NotSeen, InWork} {
		if n := counts[how]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, how))
		}
	}
	return strings.Join(parts, ", ")
}
