package schedule_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// calendarVectors are answers of systemd 252, for where systemd is not and as a
// second opinion on where it is: the first slots after a time.
var calendarVectors = []struct{ expr, after, slots string }{
	{"daily", "2026-01-01T00:00:00Z", ""},
}

var (
	errRefused = errors.New("refused")
	errGaveUp  = errors.New("gave up") // "Resource deadlock avoided", in some midnight gaps
)

// systemd asks systemd itself.
func systemd(t rapid.TB, expr string, after time.Time, iterations int) (slots []time.Time, err error) {
	t.Helper()
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Fatal("systemd-analyze is missing, install it: apt-get install systemd")
	}
	cmd := exec.Command(path, "calendar", fmt.Sprint("--iterations=", iterations), "--base-time="+after.UTC().Format("2006-01-02 15:04:05 UTC"), expr)
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil && strings.Contains(string(out), "Failed to parse calendar"):
		return nil, errRefused
	case err != nil && strings.Contains(string(out), "deadlock"):
		return nil, errGaveUp
	case err != nil:
		t.Fatalf("systemd-analyze: %v: %s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		label, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if label != "Next elapse" && !strings.HasPrefix(label, "Iter. #") || value == "never" {
			continue
		}
		slot, err := time.Parse("Mon 2006-01-02 15:04:05 MST", value)
		if err != nil {
			t.Fatalf("systemd-analyze says %q: %v", line, err)
		}
		slots = append(slots, slot)
	}
	return slots, nil
}

func TestCalendarVectors(t *testing.T) {
	for _, v := range calendarVectors {
		after := at(t, v.after)
		var want []time.Time
		for slot := range strings.FieldsSeq(v.slots) {
			want = append(want, at(t, slot))
		}
		got := parse(t, calendarIn("UTC", v.expr)).Between(after.Add(1), after.AddDate(100, 0, 0), max(len(want), 3))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s after %s (-want +got):\n%s", v.expr, v.after, diff)
		}
		if answer, err := systemd(t, v.expr, after, max(len(want), 3)); !cmp.Equal(want, answer) {
			t.Errorf("%s after %s: systemd itself says %v (%v), not %v", v.expr, v.after, answer, err, want)
		}
	}
}

// drawItems makes up a list for a place in a date or time, now and then a wrong
// one. Repetitions without an end go on evenly into the next day or hour: any
// others make systemd 252 skip the first, which its manual knows nothing of.
func drawItems(t *rapid.T, name string, low, high int) string {
	if rapid.IntRange(0, 2).Draw(t, name+" is a star") == 0 {
		return "*"
	}
	number := rapid.IntRange(low, high)
	item := rapid.Custom(func(t *rapid.T) string {
		a, b, step := number.Draw(t, "a"), number.Draw(t, "b"), rapid.IntRange(1, high-low).Draw(t, "step")
		if rapid.IntRange(0, 9).Draw(t, "in order") > 0 {
			a, b = min(a, b), max(a, b)
		}
		if name == "second" && a == b { // systemd wants two at least, of seconds only
			a, b = low, high
		}
		even := step
		for (high+1-a)%even != 0 {
			even--
		}
		return rapid.SampledFrom([]string{
			fmt.Sprint(a), fmt.Sprintf("%02d", b), fmt.Sprintf("%d..%d", a, b), fmt.Sprintf("%d/%d", a, even), fmt.Sprintf("%d..%d/%d", a, b, step),
		}).Draw(t, "item")
	})
	return strings.Join(rapid.SliceOfN(item, 1, 3).Draw(t, name), ",")
}

func drawCalendar(t *rapid.T) string {
	if rapid.IntRange(0, 9).Draw(t, "shorthand") == 0 {
		return rapid.SampledFrom([]string{"minutely", "Hourly", "daily", "weekly", "monthly", "quarterly", "semiannually", "yearly", "annually"}).Draw(t, "word")
	}
	var words []string
	if rapid.IntRange(0, 2).Draw(t, "has weekdays") == 0 {
		weekday := rapid.SampledFrom([]string{"Mon", "tue", "Wednesday", "Thu..Sat", "SUN", "Mon..Fri", "Sat-Sun", "Fri..Mon", "Sun..Sun"})
		words = append(words, strings.Join(rapid.SliceOfN(weekday, 1, 3).Draw(t, "weekdays"), ","))
	}
	if rapid.Bool().Draw(t, "has date") {
		date := drawItems(t, "month", 1, 12)
		if rapid.IntRange(0, 3).Draw(t, "from the end") == 0 {
			date += "~" + drawItems(t, "day", 1, 22) // of a list, systemd 252 takes 28, 25 and 22 days at most
		} else {
			date += "-" + drawItems(t, "day", 1, 31)
		}
		if rapid.Bool().Draw(t, "has year") {
			date = drawItems(t, "year", 2024, 2032) + "-" + date
		}
		words = append(words, date)
	}
	if len(words) == 0 || rapid.IntRange(0, 3).Draw(t, "has time") > 0 {
		hours := drawItems(t, "hour", 0, 23)
		if rapid.Bool().Draw(t, "near a change") {
			hours = drawItems(t, "hour", 0, 4)
		}
		clock := hours + ":" + drawItems(t, "minute", 0, 59)
		if rapid.IntRange(0, 3).Draw(t, "has seconds") == 0 {
			clock += ":" + drawItems(t, "second", 0, 59)
		}
		words = append(words, clock)
	}
	return strings.Join(words, " ")
}

// secondPass reports whether the wall clock has shown the same before.
func secondPass(now time.Time, loc *time.Location) bool {
	for back := 30 * time.Minute; back <= 8*time.Hour; back += 30 * time.Minute {
		if time.Duration(offset(now.Add(-back), loc)-offset(now, loc))*time.Second == back {
			return true
		}
	}
	return false
}

// puzzling reports whether between after and the last of the slots the C library
// misleads systemd: clocks put forward at the end of a daylight saving time, as
// in Dublin and Casablanca, for which systemd drops the rest of the day; and
// clocks put back while no daylight saving time ends, or for dates counted from
// the month's end, where it takes either pass of a time that comes twice.
func puzzling(loc *time.Location, fromEnd bool, after time.Time, slots []time.Time) bool {
	end := after
	for _, slot := range slots {
		end = time.Unix(max(end.Unix(), slot.Unix()), 0)
	}
	for day := after.AddDate(0, 0, -1); day.Before(end); day = day.AddDate(0, 0, 1) {
		tomorrow := day.AddDate(0, 0, 1)
		change, before, now := offset(tomorrow, loc)-offset(day, loc), day.In(loc).IsDST(), tomorrow.In(loc).IsDST()
		if change > 0 && before && !now || change < 0 && (before == now || fromEnd) {
			return true
		}
	}
	return false
}

// TestCalendarAgainstSystemd compares with systemd, except from within a second
// pass, where we differ on purpose.
func TestCalendarAgainstSystemd(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		expr := drawCalendar(rt)
		loc, change := drawChange(rt)
		after := change.Add(time.Duration(rapid.IntRange(-40*60, 20*60).Draw(rt, "minutes after the change")) * time.Minute)
		if secondPass(after, loc) {
			rt.Skip("in a second pass")
		}
		line := expr + " " + loc.String()
		want, refusal := systemd(rt, line, after, 6)
		if refusal == errGaveUp {
			rt.Skip(line)
		}
		s, err := calendarIn("UTC", line).Parse()
		if err != nil && refusal == nil && len(want) == 0 && strings.Contains(err.Error(), "never") {
			return // systemd accepts what can never come
		}
		if (refusal != nil) != (err != nil) {
			rt.Fatalf("%s: to systemd %v, to us %v", line, refusal, err)
		}
		got := s.Between(after.Add(1), after.AddDate(200, 0, 0), 6)
		if puzzling(loc, strings.Contains(expr, "~"), after, slices.Concat(got, want)) {
			rt.Skip(line)
		}
		if !cmp.Equal(written(want, loc), written(got, loc)) {
			rt.Fatalf("%s after %v (-systemd +ours):\n%s", line, after.In(loc), cmp.Diff(written(want, loc), written(got, loc)))
		}
		for i, slot := range want[:max(len(want)-1, 0)] {
			if previous, ok := s.Previous(want[i+1]); !ok || !previous.Equal(slot) {
				rt.Fatalf("%s: Previous(%v) = %v, %v, want %v", line, want[i+1], previous, ok, slot)
			}
		}
	})
}
