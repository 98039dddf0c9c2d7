package templates_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/monitor"
	"rollcall/templates"
)

// calendarOf is the calendar of a check that was made three days ago, at noon.
func calendarOf(t *testing.T, status monitor.Status, blinds []monitor.Blind, flips ...monitor.Flip) templates.Calendar {
	t.Helper()
	clock := templates.Clock{Now: instant(t, "2026-11-23T08:00:00Z"), Zone: time.UTC}
	check := monitor.Check{Created: instant(t, "2026-11-20T12:00:00Z"), State: monitor.State{Status: status}}
	return templates.CalendarOf(monitor.LedgerOf(check, flips, blinds, check.Created, clock.Now), time.Time{}, clock)
}

func flipAt(t *testing.T, at string, from, to monitor.Status) monitor.Flip {
	t.Helper()
	return monitor.Flip{At: instant(t, at), Old: from, New: to}
}

func TestCalendarDays(t *testing.T) {
	for name, test := range map[string]struct {
		calendar templates.Calendar
		label    string
		titles   []string
		classes  string
	}{
		"a check that nobody pinged": {
			calendarOf(t, monitor.New, nil), "The last 4 days: 0 up, 0 with downtime, 4 not counted",
			[]string{"Fri 20 Nov: not watched", "Sat 21 Nov: not watched", "Sun 22 Nov: not watched", "Mon 23 Nov: not watched"},
			"idle idle idle idle",
		},
		"one that went down and came back": {
			calendarOf(t, monitor.Up, nil, flipAt(t, "2026-11-22T06:00:00Z", monitor.Down, monitor.Up), flipAt(t, "2026-11-21T23:00:00Z", monitor.Up, monitor.Down),
				flipAt(t, "2026-11-20T18:00:00Z", monitor.New, monitor.Up)),
			"The last 4 days: 2 up, 2 with downtime, 0 not counted",
			[]string{"Fri 20 Nov: up, not watched for 6 h", "Sat 21 Nov: down 1 h, 95.83 % up", "Sun 22 Nov: down 6 h, 75.00 % up", "Mon 23 Nov: up"},
			"up part part up",
		},
		"one that is down all day": {
			calendarOf(t, monitor.Down, nil, flipAt(t, "2026-11-21T00:00:00Z", monitor.Up, monitor.Down)), "The last 4 days: 1 up, 3 with downtime, 0 not counted",
			[]string{"Fri 20 Nov: up", "Sat 21 Nov: down 24 h, 0 % up", "Sun 22 Nov: down 24 h, 0 % up", "Mon 23 Nov: down 8 h, 0 % up"},
			"up down down down",
		},
		"one that was not seen": {
			calendarOf(t, monitor.Up, []monitor.Blind{
				{From: instant(t, "2026-11-21T00:00:00Z"), To: instant(t, "2026-11-22T02:00:00Z")},
				{From: instant(t, "2026-11-23T01:00:00Z"), To: instant(t, "2026-11-23T01:00:20Z")},
			}),
			"The last 4 days: 2 up, 0 with downtime, 2 not counted",
			[]string{"Fri 20 Nov: up", "Sat 21 Nov: Rollcall did not see 24 h", "Sun 22 Nov: up, Rollcall did not see 2 h", "Mon 23 Nov: up, Rollcall did not see 20 s"},
			"up blind blind up",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var titles, classes []string
			for _, sq := range test.calendar.Squares {
				titles, classes = append(titles, plain(sq.Title)), append(classes, sq.Class)
			}
			if diff := cmp.Diff(test.titles, titles); diff != "" {
				t.Errorf("titles (-want +got):\n%s", diff)
			}
			if got := strings.Join(classes, " "); got != test.classes {
				t.Errorf("classes %s, want %s", got, test.classes)
			}
			if got := plain(test.calendar.Label); got != test.label {
				t.Errorf("label %q, want %q", got, test.label)
			}
		})
	}
}

// A bad day is filled from below by its share of downtime, but by a third at least.
func TestCalendarFillsBadDays(t *testing.T) {
	flips := func(back string) []monitor.Flip {
		return []monitor.Flip{flipAt(t, back, monitor.Down, monitor.Up), flipAt(t, "2026-11-21T00:00:00Z", monitor.Up, monitor.Down)}
	}
	for back, want := range map[string]string{
		"2026-11-21T00:01:00Z": "M0 116h14v1a3", // 4 of 14
		"2026-11-21T12:00:00Z": "M0 113h14v4a3", // 7 of 14
		"2026-11-21T23:59:00Z": "M0 107h14v10a3",
	} {
		c := calendarOf(t, monitor.Up, nil, flips(back)...)
		if got := c.Squares[1].Fill; !strings.HasPrefix(got, want) {
			t.Errorf("down until %s: %s, want %s…", back, got, want)
		}
	}
}

func TestCalendarMonths(t *testing.T) {
	clock := templates.Clock{Now: instant(t, "2026-11-23T08:00:00Z"), Zone: time.UTC}
	check := monitor.Check{Created: instant(t, "2025-10-07T12:00:00Z"), State: monitor.State{Status: monitor.Up}}
	flips := []monitor.Flip{
		flipAt(t, "2026-11-02T00:00:00Z", monitor.Down, monitor.Up), flipAt(t, "2026-10-31T00:00:00Z", monitor.Up, monitor.Down),
		flipAt(t, "2026-09-30T00:00:00Z", monitor.Paused, monitor.Up), flipAt(t, "2026-08-01T00:00:00Z", monitor.Up, monitor.Paused),
	}
	c := templates.CalendarOf(monitor.LedgerOf(check, flips, nil, instant(t, "2025-12-10T00:00:00Z"), clock.Now), instant(t, "2025-12-10T00:00:00Z"), clock)
	var got []string
	for _, m := range append(c.Months, c.Earlier...) {
		got = append(got, plain(strings.Join([]string{m.Month, m.Up, m.Down, m.Uncounted}, " | ")))
	}
	want := []string{
		"November so far | 95.52 % | once, 24 h | ",
		"October | 96.77 % | once, 24 h | ",
		"September | 100 % | none | 29 days not counted",
		"August | – | none | 31 days not counted",
		"July | 100 % | none | ", "June | 100 % | none | ", "May | 100 % | none | ", "April | 100 % | none | ",
		"March | 100 % | none | ", "February | 100 % | none | ", "January | 100 % | none | ",
		"December 2025 from 10th | 100 % | none | ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("months (-want +got):\n%s", diff)
	}
	if len(c.Months) != 4 || !strings.Contains(c.Cut, "since Wed 10 Dec 2025") {
		t.Errorf("%d months are shown; %q", len(c.Months), c.Cut)
	}
}
