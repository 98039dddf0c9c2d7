package templates_test

import (
	"strings"
	"testing"
	"time"

	"rollcall/templates"
)

// plain replaces no-break spaces, so that the tables can be read; where they
// belong has a test of its own.
func plain(text string) string { return strings.ReplaceAll(text, "\u00a0", " ") }

func berlin(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// clock stands at Monday 23 November 2026, 09:14:31 in Berlin.
func clock(t *testing.T) templates.Clock {
	return templates.Clock{Now: time.Date(2026, 11, 23, 8, 14, 31, 0, time.UTC), Zone: berlin(t)}
}

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0 s"},
		{time.Microsecond, "under 0.01 s"},
		{12 * time.Millisecond, "0.01 s"},
		{400 * time.Millisecond, "0.4 s"},
		{1580 * time.Millisecond, "1.6 s"},
		{2980 * time.Millisecond, "3 s"},
		{3 * time.Second, "3 s"},
		{9960 * time.Millisecond, "10 s"},
		{41*time.Second + 300*time.Millisecond, "41 s"},
		{59*time.Second + 600*time.Millisecond, "1 min"},
		{time.Minute + 5*time.Second, "1 min 5 s"},
		{5 * time.Minute, "5 min"},
		{21*time.Minute + 58*time.Second, "21 min 58 s"},
		{time.Hour + 34*time.Minute + 59*time.Second, "1 h 34 min"},
		{24*time.Hour + 15*time.Minute, "24 h 15 min"},
		{50 * time.Hour, "2 days 2 h"},
		{365 * 24 * time.Hour, "365 days"},
		{-90 * time.Second, "–1 min 30 s"},
	} {
		if got := plain(templates.Duration(c.d)); got != c.want {
			t.Errorf("Duration(%v) = %q, want %q", c.d, got, c.want)
		}
	}
}

func TestNumberAndUnitStayTogether(t *testing.T) {
	if got, want := templates.Duration(21*time.Minute+58*time.Second), "21\u00a0min\u00a058\u00a0s"; got != want {
		t.Errorf("Duration = %q, want %q", got, want)
	}
	c := clock(t)
	if got, want := c.Relative(c.Now.Add(-9*time.Minute)), "9\u00a0min\u00a0ago"; got != want {
		t.Errorf("Relative = %q, want %q", got, want)
	}
}

func TestRelative(t *testing.T) {
	c := clock(t)
	for _, test := range []struct {
		from time.Duration
		want string
	}{
		{0, "now"},
		{-400 * time.Millisecond, "now"},
		{-22 * time.Second, "22 s ago"},
		{-510 * time.Second, "9 min ago"},
		{-73 * time.Minute, "73 min ago"},
		{-99*time.Minute - 40*time.Second, "2 h ago"},
		{-31 * time.Hour, "31 h ago"},
		{41 * time.Hour, "in 2 days"},
		{-40*24*time.Hour - 7*time.Hour, "40 days ago"},
		{50 * time.Minute, "in 50 min"},
		{17*time.Hour + 46*time.Minute, "in 18 h"},
		{21 * 24 * time.Hour, "in 21 days"},
	} {
		if got := plain(c.Relative(c.Now.Add(test.from))); got != test.want {
			t.Errorf("Relative(%v) = %q, want %q", test.from, got, test.want)
		}
	}
	if got, want := c.Relative(time.Time{}), "never"; got != want {
		t.Errorf("Relative(zero) = %q, want %q", got, want)
	}
	if got, want := plain(c.Overdue(c.Now.Add(-7*time.Hour-14*time.Minute))), "7 h overdue"; got != want {
		t.Errorf("Overdue = %q, want %q", got, want)
	}
}

func TestTimesOnAPage(t *testing.T) {
	c := clock(t)
	at := func(day, hour, minute int) time.Time {
		return time.Date(2026, 11, day, hour, minute, 5, 0, c.Zone)
	}
	for _, test := range []struct{ name, got, want string }{
		{"today", c.At(at(23, 2, 15)), "02:15"},
		{"today, to the second", c.AtSecond(at(23, 2, 15)), "02:15:05"},
		{"yesterday", c.At(at(22, 2, 25)), "yesterday 02:25"},
		{"tomorrow", c.At(at(24, 2, 0)), "tomorrow 02:00"},
		{"another day", c.At(at(26, 2, 0)), "Thu 26 Nov, 02:00"},
		{"another year", c.At(time.Date(2025, 11, 14, 2, 30, 0, 0, c.Zone)), "Fri 14 Nov 2025, 02:30"},
		{"never", c.At(time.Time{}), "never"},
		{"a date", c.Date(at(23, 2, 15)), "Mon 23 Nov, 02:15"},
		{"recent, in hours", c.Recent(at(23, 3, 38)), "6 h ago"},
		{"recent, yesterday", c.Recent(at(22, 2, 25)), "yesterday 02:25"},
		{"recent, last night", c.Recent(at(22, 23, 59)), "yesterday 23:59"},
		{"recent, days ago", c.Recent(at(20, 2, 25)), "3 days ago"},
		{"an interval", c.Interval(at(14, 1, 52), at(14, 3, 10)), "Sat 14 Nov, 01:52–03:10"},
		{"an interval over midnight", c.Interval(at(22, 23, 52), at(23, 0, 10)), "yesterday 23:52 – 00:10"},
		{"a heading of today", c.Day(at(23, 2, 15)), "Today, Monday 23 November"},
		{"a heading of yesterday", c.Day(at(22, 2, 15)), "Yesterday, Sunday 22 November"},
		{"a heading", c.Day(at(15, 2, 15)), "Sunday 15 November"},
		{"a short day", c.ShortDay(at(9, 2, 15)), "9 Nov"},
		{"a short today", c.ShortDay(at(23, 0, 0)), "today"},
		{"in full", c.Full(at(23, 2, 15)), "Mon 23 Nov 2026, 02:15:05 CET (01:15 UTC)"},
		{"in full, in UTC", templates.Clock{Now: c.Now, Zone: time.UTC}.Full(at(23, 2, 15)), "Mon 23 Nov 2026, 01:15:05 UTC"},
		{"for machines", templates.Machine(at(23, 2, 15)), "2026-11-23T01:15:05Z"},
	} {
		if got := plain(test.got); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// The day before a change of clocks is 25 hours long and still yesterday.
func TestYesterdayIsACalendarDay(t *testing.T) {
	zone := berlin(t)
	c := templates.Clock{Now: time.Date(2026, 10, 26, 0, 10, 0, 0, zone), Zone: zone}
	if got, want := c.At(time.Date(2026, 10, 25, 0, 20, 0, 0, zone)), "yesterday 00:20"; got != want {
		t.Errorf("At = %q, want %q", got, want)
	}
}

func TestShareIsNeverRoundedUp(t *testing.T) {
	for _, c := range []struct {
		part, whole time.Duration
		want        string
	}{
		{0, time.Hour, "0 %"},
		{0, 0, "–"},
		{time.Hour, time.Hour, "100 %"},
		{90*24*time.Hour - time.Microsecond, 90 * 24 * time.Hour, "99.99 %"},
		{983 * time.Second, 1000 * time.Second, "98.30 %"},
		{2 * time.Second, 3 * time.Second, "66.66 %"},
	} {
		if got := plain(templates.Share(c.part, c.whole)); got != c.want {
			t.Errorf("Share(%v, %v) = %q, want %q", c.part, c.whole, got, c.want)
		}
	}
}

func TestCounts(t *testing.T) {
	for _, test := range []struct{ name, got, want string }{
		{"zero", templates.Count(0, "ping", "pings"), "no pings"},
		{"one", templates.Count(1, "ping", "pings"), "1 ping"},
		{"many", templates.Count(1204, "ping", "pings"), "1,204 pings"},
		{"millions", templates.Count(1234567, "ping", "pings"), "1,234,567 pings"},
		{"once", templates.Often(1), "once"},
		{"twice", templates.Often(2), "twice"},
		{"often", templates.Often(11), "11 times"},
		{"bytes", templates.Size(640), "640 B"},
		{"no bytes", templates.Size(0), "0 B"},
		{"kilobytes", templates.Size(2100), "2.1 kB"},
		{"many kilobytes", templates.Size(100_000), "100 kB"},
		{"nearly a megabyte", templates.Size(999_800), "1.0 MB"},
		{"1st", templates.Ordinal(1), "1st"},
		{"2nd", templates.Ordinal(22), "22nd"},
		{"3rd", templates.Ordinal(3), "3rd"},
		{"11th", templates.Ordinal(11), "11th"},
		{"113th", templates.Ordinal(113), "113th"},
		{"capital", templates.Capital("état"), "État"},
		{"nothing to capitalise", templates.Capital(""), ""},
	} {
		if got := plain(test.got); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
