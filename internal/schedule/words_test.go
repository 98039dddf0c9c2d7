package schedule_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"rollcall/internal/schedule"
)

func TestWords(t *testing.T) {
	for _, c := range []struct {
		spec schedule.Spec
		want string
	}{
		{every(1 * time.Second), "Every second"},
		{every(60 * time.Second), "Every minute"},
		{every(90 * time.Second), "Every 1 minute and 30 seconds"},
		{every(300 * time.Second), "Every 5 minutes"},
		{every(3600 * time.Second), "Every hour"},
		{every(5400 * time.Second), "Every 1 hour and 30 minutes"},
		{every(90061 * time.Second), "Every 1 day, 1 hour, 1 minute and 1 second"},
		{every(86400 * time.Second), "Every day"},
		{every(604800 * time.Second), "Every 7 days"},
		{every(31536000 * time.Second), "Every 365 days"},
		{cronIn("UTC", "* * * * *"), "Every minute"},
		{cronIn("UTC", "*/5 * * * *"), "Every 5 minutes"},
		{cronIn("UTC", "*/10 * * * *"), "Every 10 minutes"},
		{cronIn("UTC", "1-59/2 * * * *"), "Every 2 minutes from :01"},
		{cronIn("UTC", "5-59/10 * * * *"), "Every 10 minutes from :05"},
		{cronIn("UTC", "*/7 * * * *"), "Every 7th minute from 0 to 56 past every hour"},
		{cronIn("UTC", "0 * * * *"), "Every hour"},
		{cronIn("UTC", "5 * * * *"), "Every hour at :05"},
		{cronIn("UTC", "3,17,44 * * * *"), "Every hour at :03, :17 and :44"},
		{cronIn("UTC", "0,30 * * * *"), "Every 30 minutes"},
		{cronIn("UTC", "1,2,3,7,9 * * * *"), "At minutes 1 to 3, 7 and 9 past every hour"},
		{cronIn("UTC", "0 */2 * * *"), "Every 2 hours"},
		{cronIn("UTC", "5 */6 * * *"), "Every 6 hours at :05"},
		{cronIn("UTC", "0 */12 * * *"), "Every day at 00:00 and 12:00"},
		{cronIn("UTC", "0 */5 * * *"), "Every 5 hours from 00:00 to 20:00"},
		{cronIn("UTC", "30 1-23/2 * * *"), "Every 2 hours from 01:30 to 23:30"},
		{cronIn("UTC", "*/15 9-17 * * *"), "Every 15 minutes from 09:00 to 17:45"},
		{cronIn("UTC", "*/15 9 * * *"), "Every 15 minutes from 09:00 to 09:45"},
		{cronIn("UTC", "* 9-17 * * *"), "Every minute from 09:00 to 17:59"},
		{cronIn("UTC", "* 9,12,17 * * *"), "Every minute past hours 9, 12 and 17"},
		{cronIn("UTC", "0 9-17 * * 1-5"), "Every hour from 09:00 to 17:00 on weekdays"},
		{cronIn("UTC", "0,15,30 9-17 * * 1-5"), "At minutes 0, 15 and 30 past hours 9 to 17 on weekdays"},
		{cronIn("UTC", "0 8,12,16 * * *"), "Every 4 hours from 08:00 to 16:00"},
		{cronIn("UTC", "0 8,9,13 * * *"), "Every day at 08:00, 09:00 and 13:00"},
		{cronIn("UTC", "0 2 * * *"), "Every day at 02:00"},
		{cronIn("UTC", "30 2,14 * * *"), "Every day at 02:30 and 14:30"},
		{cronIn("UTC", "@hourly"), "Every hour"},
		{cronIn("UTC", "@daily"), "Every day at 00:00"},
		{cronIn("UTC", "@weekly"), "Sundays at 00:00"},
		{cronIn("UTC", "@monthly"), "Monthly on day 1 at 00:00"},
		{cronIn("UTC", "@yearly"), "Yearly on 1 Jan at 00:00"},
		{cronIn("UTC", "30 6 * * 1-5"), "Weekdays at 06:30"},
		{cronIn("UTC", "0 1 * * 0"), "Sundays at 01:00"},
		{cronIn("UTC", "0 1 * * 7"), "Sundays at 01:00"},
		{cronIn("UTC", "0 1 * * 6,0"), "Weekends at 01:00"},
		{cronIn("UTC", "15 0 * * 1,4"), "Mon and Thu at 00:15"},
		{cronIn("UTC", "0 0 * * 1-4"), "Mon to Thu at 00:00"},
		{cronIn("UTC", "0 0 * * FRI,SAT,SUN"), "Fri to Sun at 00:00"},
		{cronIn("UTC", "30 2 14 * *"), "Monthly on day 14 at 02:30"},
		{cronIn("UTC", "0 0 1,15 * *"), "On days 1 and 15 of the month at 00:00"},
		{cronIn("UTC", "0 0 1-7 * *"), "On days 1 to 7 of the month at 00:00"},
		{cronIn("UTC", "0 0 1-7 * 1"), "On days 1 to 7 of the month and on Mondays at 00:00"},
		{cronIn("UTC", "0 0 */2 * 1"), "On Mondays that fall on every 2nd day from 1 to 31 of the month at 00:00"},
		{cronIn("UTC", "0 0 13 * 5"), "On day 13 of the month and on Fridays at 00:00"},
		{cronIn("UTC", "0 0 L * *"), "Monthly on the last day at 00:00"},
		{cronIn("UTC", "0 0 1,L * *"), "On day 1 and the last day of the month at 00:00"},
		{cronIn("UTC", "0 0 LW * *"), "Monthly on the last working day at 00:00"},
		{cronIn("UTC", "0 0 * * 5L"), "Monthly on the last Friday at 00:00"},
		{cronIn("UTC", "0 0 * * MON#1"), "Monthly on the first Monday at 00:00"},
		{cronIn("UTC", "0 0 * * MON#1,MON#3"), "Monthly on the first Monday and the third Monday at 00:00"},
		{cronIn("UTC", "0 0 * * SUN,MON#1"), "On Sundays and the first Monday of the month at 00:00"},
		{cronIn("UTC", "0 0 * 1,7 MON#1"), "On the first Monday of Jan and Jul at 00:00"},
		{cronIn("UTC", "*/10 * * * SAT#2"), "Every 10 minutes on the second Saturday of the month"},
		{cronIn("UTC", "0 0 1 */3 *"), "On day 1 of Jan, Apr, Jul and Oct at 00:00"},
		{cronIn("UTC", "0 0 29 2 *"), "On 29 Feb at 00:00"},
		{cronIn("UTC", "0 0 31 12 *"), "Yearly on 31 Dec at 00:00"},
		{cronIn("UTC", "0 0 31 * *"), "On day 31 of the month at 00:00"},
		{cronIn("UTC", "0 0 * * MON#5"), "On the fifth Monday of the month at 00:00"},
		{cronIn("UTC", "0 0 * 6-8 *"), "Every day from Jun to Aug at 00:00"},
		{cronIn("UTC", "0 0 * 12 1-5"), "Weekdays in Dec at 00:00"},
		{cronIn("UTC", "*/10 * * 6-8 0,6"), "Every 10 minutes on weekends from Jun to Aug"},
		{cronIn("UTC", "*/30 * 1 * *"), "Every 30 minutes on day 1 of the month"},
		{cronIn("UTC", "0 4 1 6 1"), "On day 1 and on Mondays, in Jun at 04:00"},
		{cronIn("UTC", "0 12 1-31 * 1"), "Every day at 12:00"},
		{calendarIn("UTC", "minutely"), "Every minute"},
		{calendarIn("UTC", "hourly"), "Every hour"},
		{calendarIn("UTC", "daily"), "Every day at 00:00"},
		{calendarIn("UTC", "weekly"), "Mondays at 00:00"},
		{calendarIn("UTC", "quarterly"), "On day 1 of Jan, Apr, Jul and Oct at 00:00"},
		{calendarIn("UTC", "*:*:*"), "Every second"},
		{calendarIn("UTC", "*:*:0/10"), "Every 10 seconds"},
		{calendarIn("UTC", "*:*:5/10"), "Every 10 seconds from second 5"},
		{calendarIn("UTC", "*:*:30"), "Every minute at second 30"},
		{calendarIn("UTC", "*:*:0,7"), "At seconds 0 and 7 of every minute past every hour"},
		{calendarIn("UTC", "*:0/15:30"), "At second 30 of minutes 0, 15, 30 and 45 past every hour"},
		{calendarIn("UTC", "Mon..Fri 10:30:15"), "Weekdays at 10:30:15"},
		{calendarIn("UTC", "2026-03-05 05:40"), "Once, on 5 Mar 2026 at 05:40"},
		{calendarIn("UTC", "2026-03-05 *:0/20"), "Every 20 minutes on 5 Mar 2026"},
		{calendarIn("UTC", "2026..2028-*-* 00:00"), "Every day at 00:00, in years 2026 to 2028"},
		{calendarIn("UTC", "20/2-1-1"), "Yearly on 1 Jan at 00:00, in every 2nd year from 2020 to 2198"},
		{calendarIn("UTC", "*-*~1"), "Monthly on the last day at 00:00"},
		{calendarIn("UTC", "*-*~1..3"), "On the last 3 days of the month at 00:00"},
		{calendarIn("UTC", "*-02~03"), "On the 3rd last day of Feb at 00:00"},
		{calendarIn("UTC", "Mon *-05~07/1"), "On Mondays that fall on the last 7 days of May at 00:00"},
		{calendarIn("UTC", "Mon *-*-1..7 02:00"), "On Mondays that fall on days 1 to 7 of the month at 02:00"},
		{calendarIn("UTC", "daily America/New_York"), "Every day at 00:00 (America/New_York)"},
		{calendarIn("UTC", "Mon..Fri 08:00\nSat,Sun 10:00"), "Weekdays at 08:00; weekends at 10:00"},
		{calendarIn("UTC", "12:00 UTC\n12:00 Europe/Kiev"), "Every day at 12:00; every day at 12:00 (Europe/Kyiv)"},
	} {
		if got := parse(t, c.spec).Words(); got != c.want {
			t.Errorf("%q %v\n got %s\nwant %s", c.spec.Expr, c.spec.Period, got, c.want)
		}
	}
}

// TestWordsTellSchedulesApart tries combinations of all that has a phrase of
// its own: two schedules that differ must not read alike.
func TestWordsTellSchedulesApart(t *testing.T) {
	type heard struct {
		expr  string
		slots []time.Time
	}
	said := map[string]heard{}
	hear := func(spec schedule.Spec) {
		s, err := spec.Parse()
		if err != nil {
			return // such as 31 February
		}
		var slots []time.Time
		for now := at(t, "2027-01-01T00:00:00Z"); now.Year() < 2029; now = now.Add(97*time.Hour + 7*time.Minute) {
			if slot, ok := s.Next(now); ok {
				slots = append(slots, slot)
			}
		}
		words := s.Words()
		if before, ok := said[words]; ok && !slices.Equal(before.slots, slots) {
			t.Errorf("%q and %q are both %q", before.expr, spec.Expr, words)
		}
		said[words] = heard{spec.Expr, slots}
	}
	product := func(lists ...string) [][]string {
		all := [][]string{nil}
		for _, list := range lists {
			var longer [][]string
			for _, head := range all {
				for item := range strings.FieldsSeq(list) {
					longer = append(longer, append(slices.Clone(head), item))
				}
			}
			all = longer
		}
		return all
	}
	minutes := "* 0 1 30 0,30 0,15 */15 5/15 */20 */7 1-59/2 0-20 0-20,40 5,6,7 1,2,3,4,5,7"
	hours := "* 0 9 0,12 */2 1-23/2 */5 */8 9-17 0-22 9,12,17 8,12,16 22-23 1,2,3,5,6,7,8"
	dates := "* 1 31 1,15 1-7 */2 2-31/2 L LW 1,L 1-31"
	months := "* 1 2 */3 6-8 1,2 1-11"
	weekdays := "* 0 1-5 0,6 1,4 1-4 MON#1 MON#1,MON#2 5L SUN,5L */2 0-6 2,3,4,5,6,7"
	for _, days := range []string{"* * *", "1 6 1"} {
		for _, clock := range product(minutes, hours) {
			hear(cronIn("UTC", clock[0]+" "+clock[1]+" "+days))
		}
	}
	for _, clock := range []string{"0 3", "*/15 *", "0 9-17", "2 4,5,6,7,8,9,11"} {
		for _, days := range product(dates, months, weekdays) {
			hear(cronIn("UTC", clock+" "+strings.Join(days, " ")))
		}
	}
	for _, clock := range product("* 0 0,30 0/15 0..20", "* 0 30 0/15 0..20", "* 0 30 0,30 0/10 5/10 0/7 0..5") {
		hear(calendarIn("UTC", strings.Join(clock, ":")))
	}
	for _, date := range product("* 2027 2028 2027,2028 2027/2", "* 1 6 6..8", "-* -1 -1..7 ~1 ~2 ~1..2 ~1..7 ~7/2 ~2,5") {
		for _, weekday := range []string{"", "Mon ", "Mon..Fri "} {
			hear(calendarIn("UTC", weekday+date[0]+"-"+date[1]+date[2]+" 03:00"))
		}
	}
	if len(said) < 3000 {
		t.Errorf("only %d phrases were compared", len(said))
	}
}

func TestWordsForAnySchedule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchedule(t)
		words := s.Words()
		if words == "" || words != strings.TrimSpace(words) || strings.HasSuffix(words, ".") || !unicode.IsUpper(rune(words[0])) {
			t.Fatalf("%+v is %q", s.Spec(), words)
		}
		for _, odd := range []string{"  ", " ,", "%!", " and and ", " 0th", "from to", " at at "} {
			if strings.Contains(words, odd) {
				t.Fatalf("%+v is %q", s.Spec(), words)
			}
		}
		if s.Spec().Expr != "" && strings.Contains(words, s.Spec().Expr) {
			t.Fatalf("%+v is only repeated: %q", s.Spec(), words)
		}
	})
}
