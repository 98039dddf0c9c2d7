package templates

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

// words are the statuses as people read them.
var words = map[monitor.Status]string{
	monitor.New: "New", monitor.Up: "Up", monitor.Late: "Late", monitor.Down: "Down",
	monitor.Paused: "Paused", monitor.Running: "Running", monitor.Unknown: "Unknown",
}

// StatusWord is the status as people read it.
func StatusWord(s monitor.Status) string { return words[s] }

// Loud reports whether a status asks for attention.
func Loud(s monitor.Status) bool {
	return s == monitor.Down || s == monitor.Late || s == monitor.Unknown
}

// Verdict is the status of one check with its explanation.
type Verdict struct {
	Status monitor.Status
	Word   string
	Since  time.Time // zero: it is not said
	// Sentence says what was expected, what came instead, and the last good thing.
	Sentence string
	Ruler    []Point // for a check that is down
}

// Point is a moment on the ruler of a verdict.
type Point struct {
	At   time.Time
	Kind string // what begins here: "", "due", "grace" or "down"
	What string
}

// WhyOf says in one line why a check needs attention, and nothing when it does not.
func WhyOf(c monitor.Check, clock Clock) string {
	shown := c.Shown(clock.Now)
	switch {
	case c.Trouble != "":
		return "It cannot be judged: " + c.Trouble + "."
	case Loud(shown):
		return strings.TrimSpace(stateWords(c, shown, clock) + " " + badWords(c))
	}
	return badWords(c)
}

// badWords say how many bad results a check has that is not down for them.
func badWords(c monitor.Check) string {
	if !c.Tolerated() {
		return ""
	}
	return fmt.Sprintf("%d of %d bad results in a row.", c.FailStreak, c.TakesDown())
}

// stateWords says what was expected and what came instead.
func stateWords(c monitor.Check, shown monitor.Status, clock Clock) string {
	switch {
	case shown == monitor.Late:
		words := "Expected by " + clock.At(c.Due) + "."
		if deadline, ok := c.Deadline(); ok {
			words += " Alerts at " + clock.At(deadline.At) + "."
		}
		return words
	case shown == monitor.Unknown:
		return "Rollcall was blind when it was due, " + clock.At(dueBefore(c)) + "."
	case c.Reason == monitor.Silent:
		return fmt.Sprintf("Expected by %s, grace %s. Nothing arrived.", clock.At(c.Due), Duration(c.Grace))
	case c.Reason == monitor.Overran:
		for _, run := range c.Runs {
			if run.Over {
				return fmt.Sprintf("Run started %s, limit %s, has not ended.", clock.At(run.Start), Duration(c.RunLimit()))
			}
		}
		return fmt.Sprintf("A run passed its limit of %s and has not ended.", Duration(c.RunLimit()))
	}
	words := "Reported a failure"
	if c.LastExit != nil {
		words = fmt.Sprintf("Reported exit status %d", *c.LastExit)
	}
	if c.LastDuration != nil {
		words += " after " + Duration(*c.LastDuration)
	}
	if c.FailStreak > 1 {
		words += ", " + Often(c.FailStreak) + " in a row"
	}
	return words + "."
}

// dueBefore is the slot whose missing made the check unknown.
func dueBefore(c monitor.Check) time.Time {
	if sched, err := c.Schedule.Parse(); err == nil && c.Schedule.Kind != schedule.Every {
		if due, ok := sched.Previous(c.Since); ok {
			return due
		}
	}
	return c.Since
}

// VerdictOf explains the status of a check. The flip is its latest, nil when there
// was none yet.
func VerdictOf(c monitor.Check, flip *monitor.Flip, runs []RunEnd, clock Clock) Verdict {
	v := Verdict{Status: c.Shown(clock.Now)}
	v.Word = StatusWord(v.Status)
	var said []string
	switch v.Status {
	case monitor.Down:
		v.Since = c.Since
		said = []string{stateWords(c, v.Status, clock), lastGood(c, clock)}
		v.Ruler = rulerOf(c, flip, clock)
	case monitor.Late:
		said = []string{stateWords(c, v.Status, clock), lastGood(c, clock)}
	case monitor.Unknown:
		v.Since = c.Since
		said = []string{stateWords(c, v.Status, clock), "Nobody was alerted.", lastGood(c, clock)}
	case monitor.Paused:
		v.Since = c.Since
		said = []string{"Nothing is expected, and nobody is told.", "The next ping starts the watch again."}
		if c.ManualResume {
			said[1] = "Pings are ignored until somebody resumes it."
		}
	case monitor.Running:
		run, _ := openRun(c)
		v.Since = run.Start
		said = []string{leftWords(run, runs, clock), lastGood(c, clock)}
	case monitor.New:
		said = []string{newWords(c, clock)}
	default:
		said = []string{lastGood(c, clock), nextWords(c, clock)}
	}
	said = append(said, badWords(c))
	if c.Trouble != "" {
		said = append([]string{"It cannot be judged: " + c.Trouble + "."}, said...)
	}
	said = slices.DeleteFunc(said, func(words string) bool { return words == "" })
	v.Sentence = strings.Join(said, " ")
	return v
}

func newWords(c monitor.Check, clock Clock) string {
	switch {
	case c.Due.IsZero():
		return "It is never late before its first ping."
	case c.Tolerated():
		return lastGood(c, clock) + " " + nextWords(c, clock)
	}
	return "Resumed, no ping since then. Expected by " + clock.At(c.Due) + "."
}

func nextWords(c monitor.Check, clock Clock) string {
	next := c.NextExpected(clock.Now)
	if next.IsZero() {
		return ""
	}
	return "Next by " + clock.At(next) + "."
}

// leftWords says for how long a run usually goes on.
func leftWords(run monitor.Run, runs []RunEnd, clock Clock) string {
	u, ok := usualOf(runs)
	if !ok {
		return "It has been running for " + Duration(clock.Now.Sub(run.Start)) + "."
	}
	return "Usually done after " + Duration(u.middle) + "."
}

// lastGood says when the check last succeeded, and how long that took when it was
// the last thing it did.
func lastGood(c monitor.Check, clock Clock) string {
	switch {
	case c.LastSuccess.IsZero():
		return "It has never succeeded."
	case c.LastDuration != nil && c.LastSuccess.Equal(c.LastPing):
		return fmt.Sprintf("Last success %s, took %s.", clock.At(c.LastSuccess), Duration(*c.LastDuration))
	}
	return "Last success " + clock.At(c.LastSuccess) + "."
}

// rulerOf lays out how a check came to be down, from its last success until now.
func rulerOf(c monitor.Check, flip *monitor.Flip, clock Clock) []Point {
	var points []Point
	cause := c.Reason
	if flip != nil && flip.New == monitor.Down {
		cause = flip.Reason
	}
	if !c.LastSuccess.IsZero() && c.LastSuccess.Before(c.Since) {
		points = append(points, Point{c.LastSuccess, "", "last success"})
	}
	what := "failure reported"
	switch cause {
	case monitor.Silent:
		what = "grace over"
		if flip != nil && flip.Facts.Due != nil {
			points = append(points, Point{monitor.FromMicros(flip.Facts.Due), "due", "expected"})
		}
	case monitor.Overran:
		what = "limit of the run over"
		if flip != nil && flip.Facts.Start != nil {
			points = append(points, Point{monitor.FromMicros(flip.Facts.Start), "due", "run started"})
		}
	}
	return append(points,
		Point{c.Since, "grace", what},
		Point{clock.Now, "down", "now, " + Duration(clock.Now.Sub(c.Since).Truncate(time.Second)) + " down"})
}

// scheduleWords says when a check is expected, as its list and its page do.
func scheduleWords(spec schedule.Spec) string {
	sched, err := spec.Parse()
	if err != nil {
		return spec.Expr
	}
	return Capital(sched.Words())
}
