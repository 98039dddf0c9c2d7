package schedule_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/internal/schedule"
)

// crond plays Debian's cron: it wakes at every real minute, looks at the wall
// and decides what to run. It shares nothing with the package under test.
type crond struct {
	fields [5]string
	loc    *time.Location
}

// run returns the instants at which the job ran from start on and before end.
// At start no change of the clocks may be less than three hours ago.
func (c crond) run(start, end time.Time) (ran []time.Time) {
	wild := strings.HasPrefix(c.fields[0], "*") || strings.HasPrefix(c.fields[1], "*")
	virtual := c.wall(start) - 1
	for now := start; now.Before(end); now = now.Add(time.Minute) {
		running := c.wall(now)
		runs := false
		switch jump := running - virtual; {
		case jump == 1, jump > 180, jump <= -180: // as always, or the clock was set
			runs = c.wants(running)
			virtual = running
		case jump > 1: // put forward: wildcard jobs for now, others for all that was skipped
			runs = wild && c.wants(running)
			for virtual < running {
				virtual++
				runs = runs || !wild && c.wants(virtual)
			}
		default: // put back: wildcard jobs only, until the wall has caught up
			runs = wild && c.wants(running)
		}
		if runs {
			ran = append(ran, now)
		}
	}
	return ran
}

// wall is the minute that the wall clock shows, counted as if in UTC.
func (c crond) wall(now time.Time) int64 {
	return (now.Unix() + int64(offset(now, c.loc))) / 60
}

func offset(now time.Time, loc *time.Location) int {
	_, seconds := now.In(loc).Zone()
	return seconds
}

func (c crond) wants(wall int64) bool {
	t := time.Unix(wall*60, 0).UTC()
	date, weekday := c.wantsDate(t), c.wantsWeekday(t)
	day := date || weekday
	if strings.HasPrefix(c.fields[2], "*") || strings.HasPrefix(c.fields[4], "*") {
		day = date && weekday
	}
	return day && fieldHas(c.fields[0], t.Minute(), 0, 59) && fieldHas(c.fields[1], t.Hour(), 0, 23) && fieldHas(c.fields[3], int(t.Month()), 1, 12)
}

func (c crond) wantsDate(t time.Time) bool {
	last := time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC)
	lastWork := last
	for lastWork.Weekday() == time.Saturday || lastWork.Weekday() == time.Sunday {
		lastWork = lastWork.AddDate(0, 0, -1)
	}
	for item := range strings.SplitSeq(c.fields[2], ",") {
		if item == "L" && t.Day() == last.Day() || item == "LW" && t.Day() == lastWork.Day() || fieldHas(item, t.Day(), 1, 31) {
			return true
		}
	}
	return false
}

func (c crond) wantsWeekday(t time.Time) bool {
	weekday := int(t.Weekday())
	is := func(field string) bool {
		return fieldHas(field, weekday, 0, 7) || weekday == 0 && fieldHas(field, 7, 0, 7)
	}
	for item := range strings.SplitSeq(c.fields[4], ",") {
		if day, nth, ok := strings.Cut(item, "#"); ok {
			if is(day) && fmt.Sprint((t.Day()-1)/7+1) == nth {
				return true
			}
		} else if day, ok := strings.CutSuffix(item, "L"); ok {
			if is(day) && t.AddDate(0, 0, 7).Month() != t.Month() {
				return true
			}
		} else if is(item) {
			return true
		}
	}
	return false
}

var numbersOfNames = strings.NewReplacer("JAN", "1", "JUN", "6", "DEC", "12", "sun", "0", "Mon", "1", "FRI", "5", "SAT", "6")

// fieldHas counts through every item of a field, looking for the value.
func fieldHas(field string, value, low, high int) bool {
	for item := range strings.SplitSeq(numbersOfNames.Replace(field), ",") {
		values, stepText, stepped := strings.Cut(item, "/")
		first, last, ranged := strings.Cut(values, "-")
		from, err := strconv.Atoi(first)
		to := from
		switch {
		case first == "*":
			from, to = low, high
		case err != nil:
			continue
		case ranged:
			to, _ = strconv.Atoi(last)
		case stepped:
			to = high
		}
		step := 1
		if stepped {
			step, _ = strconv.Atoi(stepText)
		}
		for n := from; n <= to; n += step {
			if n == value {
				return true
			}
		}
	}
	return false
}

// drawField makes up a field from numbers that are likely to meet a change of
// the clocks, and from words of its own.
func drawField(t *rapid.T, name string, low, high int, words ...string) string {
	if rapid.IntRange(0, 2).Draw(t, name+" is a star") == 0 {
		return rapid.SampledFrom([]string{"*", "*", "*/2", "*/3", "*/7"}).Draw(t, name)
	}
	number := rapid.IntRange(low, high)
	item := rapid.Custom(func(t *rapid.T) string {
		a, b := number.Draw(t, "a"), number.Draw(t, "b")
		a, b = min(a, b), max(a, b)
		step := rapid.IntRange(1, high-low+1).Draw(t, "step")
		return rapid.SampledFrom(append([]string{
			fmt.Sprint(a), fmt.Sprint(b), fmt.Sprintf("%d-%d", a, b), fmt.Sprintf("%d-%d/%d", a, b, step), fmt.Sprintf("%d/%d", a, step),
		}, words...)).Draw(t, "item")
	})
	return strings.Join(rapid.SliceOfN(item, 1, 3).Draw(t, name), ",")
}

func drawCron(t *rapid.T) string {
	hour := drawField(t, "hour", 0, 23)
	if rapid.Bool().Draw(t, "near a change") {
		hour = drawField(t, "hour", 0, 3, "22-23", "23", "1-4")
	}
	return strings.Join([]string{
		drawField(t, "minute", 0, 59, "0,30", "15"), hour,
		drawField(t, "date", 1, 31, "L", "LW"),
		drawField(t, "month", 1, 12, "JAN", "JUN-DEC", "1-12"),
		drawField(t, "weekday", 0, 7, "sun", "Mon-FRI", "SATL", "5L", "Mon#1", "7#3", "0-7"),
	}, " ")
}

// drawChange picks an instant at which a zone's clocks are changed, and any
// instant for a zone that has none in the year drawn.
func drawChange(t *rapid.T, firstYear int) (*time.Location, time.Time) {
	name := rapid.SampledFrom(append([]string{
		"America/New_York", "Europe/Berlin", "Europe/Dublin", "Australia/Lord_Howe", "America/Santiago", "Asia/Beirut",
		"Africa/Cairo", "Africa/Casablanca", "Antarctica/Troll", "Antarctica/Casey", "Pacific/Apia", "America/Goose_Bay",
	}, schedule.Zones()...)).Draw(t, "zone")
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	year := rapid.IntRange(firstYear, 2060).Draw(t, "year")
	var changes []time.Time
	hour := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	for ; hour.Year() == year; hour = hour.Add(time.Hour) {
		if offset(hour, loc) != offset(hour.Add(time.Hour), loc) {
			changes = append(changes, hour)
		}
	}
	if len(changes) == 0 {
		changes = []time.Time{time.Date(year, 12, 30, 0, 0, 0, 0, time.UTC)}
	}
	return loc, rapid.SampledFrom(changes).Draw(t, "change")
}

// TestCronAgainstCrond compares with cron itself, played minute by minute.
func TestCronAgainstCrond(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		expr := drawCron(t)
		loc, change := drawChange(t, 1973)
		s, err := cronIn(loc.String(), expr).Parse()
		if err != nil {
			t.Skip("never comes")
		}
		start := change.Add(-time.Duration(rapid.IntRange(4, 60).Draw(t, "hours before")) * time.Hour)
		end := start.Add(4 * 24 * time.Hour)
		if offset(start, loc) != offset(start.Add(-4*time.Hour), loc) {
			t.Skip("another change is too near")
		}
		want := crond{[5]string(strings.Fields(expr)), loc}.run(start, end)
		if diff := cmp.Diff(written(want, loc), written(s.Between(start, end, 10_000), loc)); diff != "" {
			t.Fatalf("%s in %s (-cron +ours):\n%s", expr, loc, diff)
		}
		checkSearch(t, s, want, start, end)
	})
}

// checkSearch asks from somewhere between start and end, where the slots are
// known.
func checkSearch(t *rapid.T, s schedule.Schedule, slots []time.Time, start, end time.Time) {
	now := start.Add(time.Duration(rapid.Int64Range(0, int64(end.Sub(start))).Draw(t, "now")))
	if len(slots) > 0 && rapid.Bool().Draw(t, "at a slot") {
		now = rapid.SampledFrom(slots).Draw(t, "slot")
	}
	next, ok := s.Next(now)
	previous, hasPrevious := s.Previous(now)
	for i, slot := range slots {
		if slot.After(now) {
			if !ok || !next.Equal(slot) {
				t.Fatalf("Next(%v) = %v, %v, want %v", now, next, ok, slot)
			}
			if i > 0 && slots[i-1].Before(now) && (!hasPrevious || !previous.Equal(slots[i-1])) {
				t.Fatalf("Previous(%v) = %v, %v, want %v", now, previous, hasPrevious, slots[i-1])
			}
			return
		}
	}
	if ok && next.Before(end) {
		t.Fatalf("Next(%v) = %v, want none before %v", now, next, end)
	}
}
