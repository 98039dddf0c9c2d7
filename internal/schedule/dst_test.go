package schedule_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/schedule"
)

// The slots around changes of the clocks, worked out by hand from Debian cron's
// rules and from what systemd 252 answers.
func TestClockChanges(t *testing.T) {
	for _, c := range []struct {
		why      string
		spec     schedule.Spec
		from, to string
		want     []string
	}{
		{
			"a fixed time in the gap runs right after it",
			cronIn("America/New_York", "30 2 * * *"), "2026-03-07T00:00:00-05:00", "2026-03-10T00:00:00-04:00",
			[]string{"2026-03-07 02:30 -0500", "2026-03-08 03:00 -0400", "2026-03-09 02:30 -0400"},
		},
		{
			"several times in the gap are one run",
			cronIn("America/New_York", "0,15,30 2,3 * * *"), "2026-03-08T00:00:00-05:00", "2026-03-09T00:00:00-04:00",
			[]string{"2026-03-08 03:00 -0400", "2026-03-08 03:15 -0400", "2026-03-08 03:30 -0400"},
		},
		{
			"a range of hours is fixed, too",
			cronIn("America/New_York", "30 1-4 * * *"), "2026-03-08T00:00:00-05:00", "2026-03-09T00:00:00-04:00",
			[]string{"2026-03-08 01:30 -0500", "2026-03-08 03:00 -0400", "2026-03-08 03:30 -0400", "2026-03-08 04:30 -0400"},
		},
		{
			"a wildcard hour follows real time through the gap",
			cronIn("America/New_York", "30 */2 * * *"), "2026-03-08T00:00:00-05:00", "2026-03-08T07:00:00-04:00",
			[]string{"2026-03-08 00:30 -0500", "2026-03-08 04:30 -0400", "2026-03-08 06:30 -0400"},
		},
		{
			"a fixed time in the overlap runs once, the first time",
			cronIn("America/New_York", "30 1 * * *"), "2026-10-31T00:00:00-04:00", "2026-11-03T00:00:00-05:00",
			[]string{"2026-10-31 01:30 -0400", "2026-11-01 01:30 -0400", "2026-11-02 01:30 -0500"},
		},
		{
			"a wildcard hour runs in both passes",
			cronIn("America/New_York", "30 * * * *"), "2026-11-01T00:00:00-04:00", "2026-11-01T03:00:00-05:00",
			[]string{"2026-11-01 00:30 -0400", "2026-11-01 01:30 -0400", "2026-11-01 01:30 -0500", "2026-11-01 02:30 -0500"},
		},
		{
			"a wildcard minute does, even at a fixed hour",
			cronIn("America/New_York", "*/30 1 * * *"), "2026-11-01T00:00:00-04:00", "2026-11-01T03:00:00-05:00",
			[]string{"2026-11-01 01:00 -0400", "2026-11-01 01:30 -0400", "2026-11-01 01:00 -0500", "2026-11-01 01:30 -0500"},
		},
		{
			"no slot in the past when asked in the second pass",
			cronIn("Europe/Riga", "30 3 * * *"), "2023-10-29T01:10:00Z", "2023-10-31T00:00:00Z",
			[]string{"2023-10-30 03:30 +0200"},
		},
		{
			"nor by systemd's rules",
			calendarIn("Europe/Riga", "*:0/30"), "2023-10-29T01:10:00Z", "2023-10-29T03:00:00Z",
			[]string{"2023-10-29 04:00 +0200", "2023-10-29 04:30 +0200"},
		},
		{
			"Berlin in spring",
			cronIn("Europe/Berlin", "5 2 * * *"), "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z",
			[]string{"2026-03-29 03:00 +0200", "2026-03-30 02:05 +0200"},
		},
		{
			"Berlin in autumn",
			cronIn("Europe/Berlin", "5 2 * * *"), "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z",
			[]string{"2026-10-25 02:05 +0200", "2026-10-26 02:05 +0100"},
		},
		{
			"Lord Howe's half hour gap",
			cronIn("Australia/Lord_Howe", "15 2 * * *"), "2026-10-03T00:00:00Z", "2026-10-05T00:00:00Z",
			[]string{"2026-10-04 02:30 +1100", "2026-10-05 02:15 +1100"},
		},
		{
			"Lord Howe's half hour overlap",
			cronIn("Australia/Lord_Howe", "*/20 1-2 * * *"), "2026-04-04T14:00:00Z", "2026-04-04T16:30:00Z",
			[]string{"2026-04-05 01:00 +1100", "2026-04-05 01:20 +1100", "2026-04-05 01:40 +1100", "2026-04-05 01:40 +1030", "2026-04-05 02:00 +1030", "2026-04-05 02:20 +1030", "2026-04-05 02:40 +1030"},
		},
		{
			"Cairo has no midnight",
			cronIn("Africa/Cairo", "0 0 * * *"), "2026-04-23T00:00:00Z", "2026-04-25T00:00:00Z",
			[]string{"2026-04-24 01:00 +0300", "2026-04-25 00:00 +0300"},
		},
		{
			"Cairo's late evening comes twice",
			cronIn("Africa/Cairo", "30 23 * * 4"), "2026-10-29T00:00:00Z", "2026-11-01T00:00:00Z",
			[]string{"2026-10-29 23:30 +0300"},
		},
		{
			"Beirut has no midnight",
			cronIn("Asia/Beirut", "0,30 0 * * 7"), "2026-03-28T00:00:00Z", "2026-03-30T00:00:00Z",
			[]string{"2026-03-29 01:00 +0300"},
		},
		{
			"Santiago has none, and the day before comes to its end twice",
			cronIn("America/Santiago", "0 0 * * *"), "2026-09-05T12:00:00Z", "2026-09-07T12:00:00Z",
			[]string{"2026-09-06 01:00 -0300", "2026-09-07 00:00 -0300"},
		},
		{
			"no slot goes back in Santiago",
			cronIn("America/Santiago", "0 0,23 * * *"), "2026-04-04T12:00:00Z", "2026-04-06T03:30:00Z",
			[]string{"2026-04-04 23:00 -0300", "2026-04-05 00:00 -0400", "2026-04-05 23:00 -0400"},
		},
		{
			"Troll skips two hours",
			cronIn("Antarctica/Troll", "0,30 1,2 * * *"), "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z",
			[]string{"2026-03-29 03:00 +0200", "2026-03-30 01:00 +0200", "2026-03-30 01:30 +0200", "2026-03-30 02:00 +0200", "2026-03-30 02:30 +0200"},
		},
		{
			"and repeats two",
			cronIn("Antarctica/Troll", "30 1,2 * * *"), "2026-10-24T12:00:00Z", "2026-10-26T00:00:00Z",
			[]string{"2026-10-25 01:30 +0200", "2026-10-25 02:30 +0200"},
		},
		{
			"Dublin's winter is its daylight saving time, negative",
			cronIn("Europe/Dublin", "30 1 * * *"), "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z",
			[]string{"2026-10-25 01:30 +0100", "2026-10-26 01:30 +0000"},
		},
		{
			"Dublin in spring",
			cronIn("Europe/Dublin", "30 1 * * *"), "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z",
			[]string{"2026-03-29 02:00 +0100", "2026-03-30 01:30 +0100"},
		},
		{
			"Casablanca puts its clocks back for Ramadan",
			cronIn("Africa/Casablanca", "30 2 * * *"), "2026-02-14T12:00:00Z", "2026-02-16T12:00:00Z",
			[]string{"2026-02-15 02:30 +0100", "2026-02-16 02:30 +0000"},
		},
		{
			"and forward again",
			cronIn("Africa/Casablanca", "30 2 * * *"), "2026-03-21T12:00:00Z", "2026-03-23T12:00:00Z",
			[]string{"2026-03-22 03:00 +0100", "2026-03-23 02:30 +0100"},
		},
		{
			"Casey put its clocks back by three hours, for which cron makes up",
			cronIn("Antarctica/Casey", "30 1 * * *"), "2010-03-04T00:00:00+11:00", "2010-03-06T00:00:00+08:00",
			[]string{"2010-03-04 01:30 +1100", "2010-03-05 01:30 +1100"},
		},
		{
			"but not when they are put forward by as much",
			cronIn("Antarctica/Casey", "30 1 * * *"), "2020-10-03T00:00:00+08:00", "2020-10-06T00:00:00+11:00",
			[]string{"2020-10-03 01:30 +0800", "2020-10-05 01:30 +1100"},
		},
		{
			"Apia had no 30 December in 2011, which nobody makes up for",
			cronIn("Pacific/Apia", "30 2 * * *"), "2011-12-29T00:00:00-10:00", "2012-01-02T00:00:00+14:00",
			[]string{"2011-12-29 02:30 -1000", "2011-12-31 02:30 +1400", "2012-01-01 02:30 +1400"},
		},
		{
			"nor does systemd",
			calendarIn("Pacific/Apia", "02:30"), "2011-12-29T00:00:00-10:00", "2012-01-02T00:00:00+14:00",
			[]string{"2011-12-29 02:30 -1000", "2011-12-31 02:30 +1400", "2012-01-01 02:30 +1400"},
		},
		{
			"systemd skips a time in the gap",
			calendarIn("America/New_York", "02:30"), "2026-03-07T00:00:00-05:00", "2026-03-10T00:00:00-04:00",
			[]string{"2026-03-07 02:30 -0500", "2026-03-09 02:30 -0400"},
		},
		{
			"the last day of a leap year beyond the zone's table",
			cronIn("America/New_York", "0 12 * * *"), "2040-12-30T00:00:00-05:00", "2041-01-02T00:00:00-05:00",
			[]string{"2040-12-30 12:00 -0500", "2040-12-31 12:00 -0500", "2041-01-01 12:00 -0500"},
		},
		{
			"29 February",
			cronIn("Europe/Berlin", "0 4 29 2 *"), "2026-01-01T00:00:00Z", "2036-01-01T00:00:00Z",
			[]string{"2028-02-29 04:00 +0100", "2032-02-29 04:00 +0100"},
		},
		{
			"no 29 February in 2100",
			cronIn("UTC", "0 4 29 2 *"), "2096-01-01T00:00:00Z", "2106-01-01T00:00:00Z",
			[]string{"2096-02-29 04:00 +0000", "2104-02-29 04:00 +0000"},
		},
		{
			"the 31st comes in seven months",
			cronIn("UTC", "0 4 31 * *"), "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z",
			[]string{
				"2026-01-31 04:00 +0000", "2026-03-31 04:00 +0000", "2026-05-31 04:00 +0000", "2026-07-31 04:00 +0000",
				"2026-08-31 04:00 +0000", "2026-10-31 04:00 +0000", "2026-12-31 04:00 +0000",
			},
		},
		{
			"day fields: either will do when both are restricted",
			cronIn("UTC", "0 0 13 * 5"), "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z",
			[]string{"2026-11-06 00:00 +0000", "2026-11-13 00:00 +0000", "2026-11-20 00:00 +0000", "2026-11-27 00:00 +0000"},
		},
		{
			"both must fit when one begins with a star",
			cronIn("UTC", "0 0 */2 * 1"), "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z",
			[]string{"2026-11-09 00:00 +0000", "2026-11-23 00:00 +0000"},
		},
		{
			"Sunday is 7, in ranges and with steps",
			cronIn("UTC", "0 0 * * 3-7/2"), "2026-11-22T00:00:00Z", "2026-11-29T00:00:00Z",
			[]string{"2026-11-22 00:00 +0000", "2026-11-25 00:00 +0000", "2026-11-27 00:00 +0000"},
		},
		{
			"the last day, the last working day and the last Friday",
			cronIn("UTC", "0 0 L,LW * 5L"), "2026-05-15T00:00:00Z", "2026-06-15T00:00:00Z",
			[]string{"2026-05-29 00:00 +0000", "2026-05-31 00:00 +0000"},
		},
		{
			"the first Monday and the fifth Sunday",
			cronIn("UTC", "0 0 * * MON#1,0#5"), "2026-05-01T00:00:00Z", "2026-06-15T00:00:00Z",
			[]string{"2026-05-04 00:00 +0000", "2026-05-31 00:00 +0000", "2026-06-01 00:00 +0000"},
		},
		{
			"the first Monday on its latest date",
			cronIn("UTC", "0 0 * * MON#1"), "2026-12-01T00:00:00Z", "2026-12-31T00:00:00Z",
			[]string{"2026-12-07 00:00 +0000"},
		},
		{
			"a weekday's step reaches Sunday",
			cronIn("UTC", "0 0 * * 5/2"), "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z",
			[]string{"2026-11-27 00:00 +0000", "2026-11-29 00:00 +0000"},
		},
		{
			"a step from a value",
			cronIn("UTC", "5/20 0 1 1 *"), "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z",
			[]string{"2026-01-01 00:05 +0000", "2026-01-01 00:25 +0000", "2026-01-01 00:45 +0000"},
		},
		{
			"lines and their own zones are united",
			calendarIn("Europe/Berlin", "12:00\n12:00 Europe/London\n11:00 UTC"), "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z",
			[]string{"2026-11-22 12:00 +0100", "2026-11-22 13:00 +0100"},
		},
	} {
		s := parse(t, c.spec)
		from, to := at(t, c.from), at(t, c.to)
		if diff := cmp.Diff(c.want, written(s.Between(from, to, 100), s.Location())); diff != "" {
			t.Errorf("%s: %s in %s (-want +got):\n%s", c.why, c.spec.Expr, c.spec.Zone, diff)
		}
		var back []time.Time
		for slot, ok := s.Previous(to); ok && !slot.Before(from); slot, ok = s.Previous(slot) {
			back = append(back, slot)
		}
		slices.Reverse(back)
		if diff := cmp.Diff(c.want, written(back, s.Location())); diff != "" {
			t.Errorf("%s: %s in %s, backwards (-want +got):\n%s", c.why, c.spec.Expr, c.spec.Zone, diff)
		}
	}
}

func TestClockChange(t *testing.T) {
	year := func(spec schedule.Spec) []string {
		return parse(t, spec).ClockChange(at(t, "2026-01-01T00:00:00Z"), at(t, "2027-01-01T00:00:00Z"))
	}
	for _, c := range []struct {
		spec schedule.Spec
		want []string
	}{
		{cronIn("Europe/Berlin", "30 2 * * *"), []string{
			"On 29 Mar 2026 02:30 does not exist; it runs at 03:00.",
			"On 25 Oct 2026 02:30 comes twice; it runs once, the first time.",
		}},
		{cronIn("Europe/Berlin", "0,30 2 * * *"), []string{
			"On 29 Mar 2026 02:00 and 02:30 do not exist; they run once, at 03:00.",
			"On 25 Oct 2026 02:00 and 02:30 come twice; they run once, the first time.",
		}},
		{cronIn("Europe/Berlin", "*/10 2 * * *"), []string{
			"On 29 Mar 2026 the 6 times from 02:00 to 02:50 do not exist; they do not run.",
			"On 25 Oct 2026 the 6 times from 02:00 to 02:50 come twice; they run both times.",
		}},
		{cronIn("Europe/Berlin", "0 */2 * * *"), []string{
			"On 29 Mar 2026 02:00 does not exist; it does not run.",
			"On 25 Oct 2026 02:00 comes twice; it runs both times.",
		}},
		{cronIn("Europe/Berlin", "*/5 * * * *"), nil},
		{cronIn("Europe/Berlin", "7 * * * *"), nil},
		{cronIn("Europe/Berlin", "0 4 * * *"), nil},
		{cronIn("Europe/Berlin", "30 2 * * 1-6"), nil},
		{cronIn("UTC", "30 2 * * *"), nil},
		{cronIn("Asia/Kolkata", "30 2 * * *"), nil},
		{cronIn("Australia/Lord_Howe", "*/30 * * * *"), nil},
		{cronIn("Australia/Lord_Howe", "0 * * * *"), []string{
			"On 4 Oct 2026 02:00 does not exist; it does not run.",
		}},
		{cronIn("Africa/Cairo", "0 0 * * *"), []string{
			"On 24 Apr 2026 00:00 does not exist; it runs at 01:00.",
		}},
		{calendarIn("Europe/Berlin", "02:30"), []string{
			"On 29 Mar 2026 02:30 does not exist; it does not run.",
			"On 25 Oct 2026 02:30 comes twice; it runs once, the first time.",
		}},
		{calendarIn("Europe/Berlin", "*:0/30"), []string{
			"On 25 Oct 2026 02:00 and 02:30 come twice; they run once, the first time.",
		}},
		{calendarIn("Europe/Berlin", "02:00:15\n01:30 America/New_York"), []string{
			"On 29 Mar 2026 02:00:15 does not exist; it does not run.",
			"On 25 Oct 2026 02:00:15 comes twice; it runs once, the first time.",
			"On 1 Nov 2026 01:30 comes twice; it runs once, the first time.",
		}},
		{calendarIn("Europe/Berlin", "02:30\n02:30 Europe/Paris"), []string{ // one sentence for both lines
			"On 29 Mar 2026 02:30 does not exist; it does not run.",
			"On 25 Oct 2026 02:30 comes twice; it runs once, the first time.",
		}},
	} {
		if diff := cmp.Diff(c.want, year(c.spec)); diff != "" {
			t.Errorf("%s in %s (-want +got):\n%s", c.spec.Expr, c.spec.Zone, diff)
		}
	}

	s := parse(t, cronIn("Europe/Berlin", "30 2 * * *"))
	change := at(t, "2026-03-29T01:00:00Z")
	if got := s.ClockChange(change, change.Add(1)); len(got) != 1 {
		t.Errorf("a change at from itself: %q", got)
	}
	if got := s.ClockChange(change.AddDate(0, -1, 0), change); got != nil {
		t.Errorf("a change at to itself: %q", got)
	}
	if got := s.ClockChange(at(t, "1900-01-01T00:00:00Z"), at(t, "2300-01-01T00:00:00Z")); len(got) != 4 {
		t.Errorf("all changes: %q, want 4", got)
	}
	if got := parse(t, cronIn("Pacific/Apia", "30 2 * * *")).ClockChange(at(t, "2011-12-01T00:00:00Z"), at(t, "2012-01-01T00:00:00Z")); !cmp.Equal(got, []string{"On 30 Dec 2011 02:30 does not exist; it does not run."}) {
		t.Errorf("Apia: %q", got)
	}
}
