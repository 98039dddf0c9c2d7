package templates

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Chart draws how long the last runs took, newest at the right edge.
type Chart struct {
	Label string
	Note  string // the usual range, or why there is none
	Width int    // of the drawing
	Timed bool   // at least one duration is known; otherwise there is no axis
	Grid  []int  // heights of lines
	Band  *Band
	Paths []Path
	Ys    []string // the axis, from the top
	Xs    []string
	Rows  []ChartRow
}

// has reports whether a run went in this way.
func (c Chart) has(how How) bool {
	return slices.ContainsFunc(c.Rows, func(r ChartRow) bool { return r.How == how })
}

// Band is the usual range.
type Band struct{ Top, Height int }

// ChartRow is a run as the table behind the chart has it.
type ChartRow struct {
	At     Said
	How    How
	Result string
	Took   string
}

// The measures of the drawing. It is stretched to its place; its text is not part of it.
const (
	chartRuns   = 60
	chartHeight = 150
	slotWidth   = 10
	barWidth    = 6
)

// chartOf draws the newest runs; limit is how long one of them may take.
func chartOf(runs []RunEnd, limit time.Duration, clock Clock) Chart {
	runs = runs[max(0, len(runs)-chartRuns):]
	if len(runs) == 0 {
		return Chart{}
	}
	var longest time.Duration
	for _, r := range runs {
		if r.Took != nil {
			longest = max(longest, *r.Took)
		}
	}
	c := Chart{
		Label: "Duration of the last " + Count(int64(len(runs)), "run", "runs") + ": " + tally(runs),
		Timed: longest > 0,
	}
	scale := scaleFor(longest)
	u, known := usualOf(runs)
	switch {
	case !c.Timed:
		c.Note = "no start signal, so durations are not known"
	case known:
		c.Note = "usually " + between(u.low, u.high) + ", limit " + Duration(limit)
		top := scale.height(u.high)
		c.Band = &Band{chartHeight - top, max(2, top-scale.height(u.low))}
	default:
		c.Note = "limit " + Duration(limit)
	}
	if c.Timed {
		c.Ys = scale.labels()
		for i := range scale.steps {
			c.Grid = append(c.Grid, i*chartHeight/scale.steps)
		}
	}
	usualHeight := chartHeight * 3 / 5
	if known {
		usualHeight = scale.height(u.middle)
	}
	slots := slotsFor(len(runs))
	c.Width = slots * slotWidth
	first := slots - len(runs)
	var caps strings.Builder
	for i, r := range runs {
		x := (first+i)*slotWidth + (slotWidth-barWidth)/2
		height := usualHeight
		if r.Took != nil && c.Timed {
			height = scale.height(*r.Took)
		}
		p := bar(r.How, x, height)
		p.Title = clock.Date(r.At) + ": " + runWords(r)
		c.Paths = append(c.Paths, p)
		if r.How == Good {
			fmt.Fprintf(&caps, "M%d %dh%d", x, chartHeight-height+1, barWidth)
		}
		c.Rows = append(c.Rows, ChartRow{clock.say(clock.Date(r.At), r.At), r.How, resultWords(r), tookWords(r)})
	}
	c.Paths = append(c.Paths, Path{Class: "cap", D: caps.String()})
	c.Xs = moments(runs, slots, clock)
	return c
}

// slotsFor is how many runs the drawing has room for, so that a few do not get lost.
func slotsFor(runs int) int {
	for _, slots := range []int{15, 30} {
		if runs <= slots {
			return slots
		}
	}
	return chartRuns
}

// bar draws one run at x: good ones are bodies under a cap, failed ones have a cut
// near the foot like "!", missing ones are empty, and what was not seen is hatched.
func bar(how How, x, height int) Path {
	switch how {
	case Failed:
		return Path{Class: "bad", D: fmt.Sprintf("M%d 150v-8h6v8zm0-13v-%dh6v%dz", x, max(8, height-13), max(8, height-13))}
	case Missed:
		return Path{Class: "gap", D: fmt.Sprintf("M%d 149.5V%dh6V149.5z", x, chartHeight-height)}
	case NotSeen:
		return Path{Class: "blind", D: fmt.Sprintf("M%d 150V0h10v150z", x-2)}
	case InWork:
		return Path{Class: "now", D: fmt.Sprintf("M%d 150v-%dh6v%dz", x, height, height)}
	}
	return Path{Class: "ok", D: fmt.Sprintf("M%d 150v-%dh6v%dz", x, height, height)}
}

// scale is the axis of durations.
type scale struct {
	step  time.Duration
	steps int
}

// scaleFor returns the finest axis of round steps that reaches longest in at most four.
func scaleFor(longest time.Duration) scale {
	steps := []time.Duration{
		100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
		day, 2 * day, 5 * day, 10 * day, 30 * day, 100 * day,
	}
	for _, step := range steps {
		if n := int((longest + step - 1) / step); n <= 4 {
			return scale{step, max(1, n)}
		}
	}
	return scale{365 * day, int(longest/(365*day)) + 1}
}

func (s scale) height(d time.Duration) int {
	whole := s.step * time.Duration(s.steps)
	return min(chartHeight-1, max(2, int(float64(d)/float64(whole)*chartHeight)))
}

// labels names the lines from the top; only the first one has its unit.
func (s scale) labels() []string {
	size, name := time.Second, "s"
	switch {
	case s.step >= day:
		size, name = day, "days"
	case s.step >= time.Hour:
		size, name = time.Hour, "h"
	case s.step >= time.Minute:
		size, name = time.Minute, "min"
	}
	var labels []string
	for i := s.steps; i >= 0; i-- {
		labels = append(labels, strconv.FormatFloat(float64(s.step*time.Duration(i))/float64(size), 'g', 4, 64))
	}
	labels[0] += nbsp + name
	return labels
}

// moments are the five labels under the chart, as exact as its span needs them.
func moments(runs []RunEnd, slots int, clock Clock) []string {
	label := clock.ShortDay
	switch span := runs[len(runs)-1].At.Sub(runs[0].At); {
	case span < day:
		label = clock.TimeOfDay
	case span < 7*day:
		label = func(t time.Time) string { return clock.local(t).Format("Mon 15:04") }
	}
	labels := make([]string, 5)
	for i := range labels {
		if at := i*(slots-1)/4 - (slots - len(runs)); at >= 0 {
			labels[i] = label(runs[at].At)
		}
	}
	return labels
}

// between says a range: "19 to 24 min", "50 s to 2 min".
func between(low, high time.Duration) string {
	a, b := roughly(low), roughly(high)
	if a == b {
		return a
	}
	number, unit, _ := strings.Cut(a, nbsp)
	if _, other, _ := strings.Cut(b, nbsp); other == unit {
		a = number
	}
	return a + " to " + b
}

// roughly is Span, and below ten seconds Duration.
func roughly(d time.Duration) string {
	if d < 10*time.Second {
		return Duration(d)
	}
	return Span(d)
}

func runWords(r RunEnd) string {
	words := resultWords(r)
	if r.Took != nil {
		words += ", " + Duration(*r.Took)
	}
	return words
}

func resultWords(r RunEnd) string {
	switch r.How {
	case Failed:
		if r.Exit != nil {
			return fmt.Sprintf("failed, exit status %d", *r.Exit)
		}
		return "failed"
	case Missed:
		return "nothing arrived"
	case NotSeen:
		return "not seen, Rollcall was blind"
	case InWork:
		return "running"
	}
	return "success"
}

func tookWords(r RunEnd) string {
	if r.Took == nil {
		return "–"
	}
	return Duration(*r.Took)
}
