package schedule_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/fault"
	"rollcall/internal/schedule"
)

func every(period time.Duration) schedule.Spec {
	return schedule.Spec{Kind: schedule.Every, Period: period}
}

func cronIn(zone, expr string) schedule.Spec {
	return schedule.Spec{Kind: schedule.Cron, Expr: expr, Zone: zone}
}

func calendarIn(zone, expr string) schedule.Spec {
	return schedule.Spec{Kind: schedule.OnCalendar, Expr: expr, Zone: zone}
}

func repeatLine(line string, times int) string {
	return strings.TrimSuffix(strings.Repeat(line+"\n", times), "\n")
}

func parse(t testing.TB, spec schedule.Spec) schedule.Schedule {
	t.Helper()
	s, err := spec.Parse()
	if err != nil {
		t.Fatalf("%+v: %v", spec, err)
	}
	return s
}

func at(t testing.TB, rfc3339 string) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339, rfc3339)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

// written shows slots as the wall clocks of their zone do.
func written(slots []time.Time, loc *time.Location) []string {
	var texts []string
	for _, slot := range slots {
		texts = append(texts, slot.In(loc).Format("2006-01-02 15:04 -0700"))
	}
	return texts
}

func TestEvery(t *testing.T) {
	s := parse(t, every(90*time.Second))
	noon := at(t, "2026-11-23T12:00:00Z")

	if next, ok := s.Next(noon); !ok || !next.Equal(noon.Add(90*time.Second)) {
		t.Errorf("Next = %v, %v", next, ok)
	}
	if previous, ok := s.Previous(noon); !ok || !previous.Equal(noon.Add(-90*time.Second)) {
		t.Errorf("Previous = %v, %v", previous, ok)
	}
	if next, _ := s.Next(noon.Add(time.Millisecond)); !next.Equal(noon.Add(91 * time.Second)) {
		t.Errorf("Next after a fraction of a second = %v, sooner than a period or not a whole second", next)
	}
	want := []time.Time{noon, noon.Add(90 * time.Second), noon.Add(180 * time.Second)}
	if diff := cmp.Diff(want, s.Between(noon, noon.Add(270*time.Second), 100)); diff != "" {
		t.Errorf("Between (-want +got):\n%s", diff)
	}
	if got := s.Between(noon, noon.Add(time.Hour), 2); len(got) != 2 {
		t.Errorf("Between with limit 2 = %v", got)
	}
	if got := s.ClockChange(at(t, "2026-01-01T00:00:00Z"), at(t, "2027-01-01T00:00:00Z")); got != nil {
		t.Errorf("ClockChange = %q", got)
	}
}

func TestSpec(t *testing.T) {
	for _, c := range []struct{ in, want schedule.Spec }{
		{every(time.Minute), every(time.Minute)},
		{schedule.Spec{Kind: schedule.Every, Period: time.Second, Expr: "x", Zone: "Mars/Phobos"}, every(time.Second)},
		{cronIn("", "  5  0 * *  MON "), cronIn("UTC", "5 0 * * MON")},
		{cronIn("Europe/Kiev", "@Daily"), cronIn("Europe/Kyiv", "@Daily")},
		{cronIn("us/eastern", "* * * * *"), cronIn("America/New_York", "* * * * *")},
		{cronIn("Europe/Bratislava", "* * * * *"), cronIn("Europe/Bratislava", "* * * * *")},
		{cronIn("EST5EDT", "* * * * *"), cronIn("America/New_York", "* * * * *")},
		{calendarIn("Zulu", "\n daily \r\n\n Mon  10:00 CET\n"), calendarIn("UTC", "daily\nMon 10:00 CET")},
	} {
		s := parse(t, c.in)
		if diff := cmp.Diff(c.want, s.Spec()); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.in, diff)
		}
		if again := parse(t, s.Spec()).Spec(); again != s.Spec() {
			t.Errorf("%+v becomes %+v when parsed again", s.Spec(), again)
		}
		if zone := s.Spec().Zone; zone != "" && s.Location().String() != zone {
			t.Errorf("Location = %v, want %s", s.Location(), zone)
		}
	}
}

func TestZeroSchedule(t *testing.T) {
	var s schedule.Schedule
	now := at(t, "2026-11-23T12:00:00Z")
	if next, ok := s.Next(now); ok {
		t.Errorf("Next = %v", next)
	}
	if previous, ok := s.Previous(now); ok {
		t.Errorf("Previous = %v", previous)
	}
	if got := s.Between(now, now.Add(time.Hour), 10); got != nil {
		t.Errorf("Between = %v", got)
	}
	if s.Location() != time.UTC || s.Words() != "Never" || s.ClockChange(now, now.AddDate(1, 0, 0)) != nil {
		t.Errorf("Location %v, Words %q", s.Location(), s.Words())
	}
}

func TestDetect(t *testing.T) {
	for text, want := range map[string]schedule.Kind{
		"* * * * *":                            schedule.Cron,
		"  0 2  * * MON-FRI\n":                 schedule.Cron,
		"@daily":                               schedule.Cron,
		" @every 5m":                           schedule.Cron,
		"daily":                                schedule.OnCalendar,
		"Mon *-*-* 02:00 UTC":                  schedule.OnCalendar,
		"*-*-* 02:00\nMon *-*-* 03:00":         schedule.OnCalendar, // five words, two lines
		"* * * *":                              schedule.OnCalendar,
		"":                                     schedule.OnCalendar,
		"0 0 * * * *":                          schedule.OnCalendar,
		"Mon..Fri 2026-01-01 10:00:00 Etc/UTC": schedule.OnCalendar,
	} {
		if got := schedule.Detect(text); got != want {
			t.Errorf("Detect(%q) = %s, want %s", text, got, want)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		spec   schedule.Spec
		fields string
	}{
		{schedule.Spec{}, "schedule"},
		{every(0), "period"},
		{every(-time.Minute), "period"},
		{every(time.Second - 1), "period"},
		{every(1500 * time.Millisecond), "period"},
		{every(365*24*time.Hour + time.Second), "period"},
		{cronIn("Mars/Phobos", "60 * * * *"), "schedule timezone"},
		{cronIn("Mars/Phobos", "0 * * * *"), "timezone"},
		{cronIn("../../etc/passwd", "0 * * * *"), "timezone"},
		{cronIn("/usr/share/zoneinfo/UTC", "0 * * * *"), "timezone"},
		{cronIn("UTC+25", "0 * * * *"), "timezone"},
		{cronIn("posixrules", "0 * * * *"), "timezone"},
		{cronIn("Local", "0 * * * *"), "timezone"},
		{cronIn("Factory", "0 * * * *"), "timezone"},
		{calendarIn("right/UTC", "daily"), "timezone"},
	} {
		checkRefused(t, c.spec, c.fields)
	}
	for _, expr := range []string{
		"", " ", "* * * *", "* * * * * *", "0 0 0 * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * 0 *", "* * * * 8",
		"*/0 * * * *", "*/61 * * * *", "0-59/1000000000 * * * *", "*/99999999999999999999 * * * *", "99999999999999999999 * * * *",
		"1,,2 * * * *", ",1 * * * *", "1, * * * *", "+5 * * * *", "-5 * * * *", "*-5 * * * *", "5-* * * * *", "** * * * *", "*5 * * * *", "1-2-3 * * * *",
		"1/2/3 * * * *", "*/ * * * *", "/5 * * * *", "5- * * * *", "10-5 * * * *", "? * * * *", "0 0 ? * *", "H * * * *", "x * * * *", "5x * * * *", "1.5 * * * *",
		"TZ=UTC", "CRON_TZ=UTC", "TZ=", "TZ=UTC * * * *", "TZ=UTC * * * * *", "TZ=UTC 0 0 * *", "a=b * * * *",
		"@reboot", "@every 5m", "@every 0s", "@", "@dailyy", "@daily 1", "@daily\n@daily", "0 0 * * *\n0 1 * * *",
		"0 0 15W * *", "0 0 L-3 * *", "L-40 * * * *", "L * * * *", "0 L * * *", "0 0 * L *", "0 0 * * L", "0 0 WL * *", "0 0 LL * *", "0 0 3L * *",
		"0 0 * * FRI-MON", "0 0 * * 5-1", "0 0 * * 7-1", "0 0 * * FRI-SUN", "0 0 * * 1#0", "0 0 * * 1#6", "0 0 * * 1#", "0 0 * * #1", "0 0 * * 8#1", "0 0 * * 1#1#1", "0 0 * * MON#-1",
		"0 0 * * MON-FRI#1", "0 0 * * 8L", "0 0 * * MONDAY", "0 0 * JANUARY *", "JAN * * * *", "0 0 * MON *", "0 0 * * JAN", "0 0 * * MO",
		"0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 30,31 FEB *",
		strings.Repeat("0,", 2500) + "0 * * * *", "0 0 * *\x00 *", "0 0 * * \xff",
	} {
		checkRefused(t, cronIn("Europe/Riga", expr), "schedule")
	}
	for _, expr := range []string{
		"", "\n", "5", "*", "x", "0 0 * * *", "@1700000000", "@daily", "+5:00", "24:00", "10:60", "10:10:60", "10:00:00.5", "10:00:00.0", "1:2:3:4", "10:", ":10",
		"*:*/5", "*/2:00", "*:0/0", "*:5/90", "*:50/10", "*:1,,2", "*:1,", "*:,1", "*,1:00", "1,*:00", "*:5..1", "*:1..2..3", "*:0/99999999999999999999", "*:-5", "*:0/+5",
		"1000000000-1-1", "1969-1-1", "2200-1-1", "0-1-1-1", "1-", "-1", "2026~1~1", "2026~1-1", "*-13-1", "*-0-1", "*-1-0", "*-1-32", "*-*~0", "*-*~29", "*-*~3..1", "*-*~7/7", "2190/10-1-1",
		"*-02-30", "*-04-31", "2199-12-31 23:00 America/New_York", "2026-02-29", "2026-03-08 02:30 America/New_York", "Mon 2026-11-24",
		"Sat..Mon", "Mon..", "..Mon", "Mon..Tue..Wed", "Mon,,Tue", ",Mon", "Mo", "Mond 10:00", "Mon 10", "Mon Tue", "Mon, Tue 10:00", "10:00 Mon", "10:00 2026-01-01", "*-*-* *-*-*",
		"*-*-*T10:00", "10:00 Mars/Phobos", "10:00 Local", "10:00 posixrules", "10:00 ../UTC", "UTC", "weekly Mon", "daily daily", "daily\nnever", "10:00\n*-02-30",
		repeatLine("daily", 11), strings.Repeat(" ", 1001) + "daily", "10:0\x00", "10:00 \xff",
	} {
		checkRefused(t, calendarIn("Europe/Riga", expr), "schedule")
	}
}

func checkRefused(t *testing.T, spec schedule.Spec, fields string) {
	t.Helper()
	s, err := spec.Parse()
	var invalid fault.Invalid
	if !errors.As(err, &invalid) {
		t.Errorf("%.60q in %q became %q (%v), want it refused", spec.Expr, spec.Zone, s.Words(), err)
		return
	}
	if got := strings.Join(slices.Sorted(maps.Keys(invalid)), " "); got != fields {
		t.Errorf("%.60q in %q: at fault are %s, want %s", spec.Expr, spec.Zone, got, fields)
	}
	for field, words := range invalid {
		if len(words) < 10 || len(words) > 300 {
			t.Errorf("%.60q in %q: %s %q helps nobody", spec.Expr, spec.Zone, field, words)
		}
	}
}
