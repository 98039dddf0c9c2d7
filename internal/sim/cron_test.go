package sim_test

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// plan is when a job is expected: a period, or the slots of a cron line.
type plan struct {
	period time.Duration
	expr   string
	zone   string
	slots  []time.Time
}

// next is the first slot after t.
func (p plan) next(t time.Time) time.Time {
	if p.period > 0 {
		if whole := t.Truncate(time.Second); !whole.Equal(t) {
			t = whole.Add(time.Second)
		}
		return t.Add(p.period)
	}
	i, _ := slices.BinarySearchFunc(p.slots, t, func(slot, t time.Time) int {
		if slot.After(t) {
			return 1
		}
		return -1
	})
	if i == len(p.slots) {
		return time.Time{}
	}
	return p.slots[i]
}

// walked keeps what crond has walked through, since lives that begin on the same day
// share it.
var walked sync.Map

// cronPlan walks every minute of the days around a life as Debian's cron does: a
// job at a fixed time that was skipped when clocks went forward runs at once, one
// that comes again when they go back does not; one with a star goes by the wall.
func cronPlan(expr, zone string, from time.Time, span time.Duration) plan {
	key := expr + zone + from.String() + span.String()
	if known, ok := walked.Load(key); ok {
		return known.(plan)
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	fields := strings.Fields(expr)
	star := fields[0][0] == '*' || fields[1][0] == '*'
	wall := func(t time.Time) int64 {
		_, offset := t.In(loc).Zone()
		return (t.Unix() + int64(offset)) / 60
	}
	p := plan{expr: expr, zone: zone}
	seen := wall(from) - 1 // up to which minute of the wall jobs have run
	for t := from; t.Before(from.Add(span)); t = t.Add(time.Minute) {
		minute, runs := wall(t), false
		switch {
		case minute == seen+1:
			runs, seen = matches(fields, minute), minute
		case minute > seen:
			for runs = star && matches(fields, minute); seen < minute; {
				seen++
				runs = runs || !star && matches(fields, seen)
			}
		default:
			runs = star && matches(fields, minute)
		}
		if runs {
			p.slots = append(p.slots, t)
		}
	}
	walked.Store(key, p)
	return p
}

// matches reads minute, hour, day of month, month and weekday of a wall's minute.
// The lines used here restrict the day in one of the two ways only.
func matches(fields []string, wall int64) bool {
	if !inField(fields[0], int(wall%60)) || !inField(fields[1], int(wall/60%24)) { // as nearly always
		return false
	}
	t := time.Unix(wall*60, 0).UTC()
	return inField(fields[2], t.Day()) && inField(fields[3], int(t.Month())) && inField(fields[4], int(t.Weekday()))
}

func inField(field string, value int) bool {
	for item := range strings.SplitSeq(field, ",") {
		low, high, isRange := strings.Cut(item, "-")
		step, stepped := strings.CutPrefix(item, "*/")
		switch {
		case item == "*", stepped && value%number(step) == 0:
			return true
		case stepped:
		case isRange && number(low) <= value && value <= number(high), !isRange && number(item) == value:
			return true
		}
	}
	return false
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}
