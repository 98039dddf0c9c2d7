package account_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/internal/account"
	"rollcall/internal/fault"
)

func load(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestWhenReportsAreDue(t *testing.T) {
	const layout = "2006-01-02 15:04"
	for name, tt := range map[string]struct {
		zone   string
		report account.Every
		day    int
		now    string // in the zone
		next   string
		last   string
		from   string
		to     string
	}{
		"before nine on Monday":          {"Europe/Berlin", account.Weekly, 1, "2026-11-23 08:59", "2026-11-23 09:00", "weekly-2026-11-16", "2026-11-09 00:00", "2026-11-16 00:00"},
		"at nine on Monday":              {"Europe/Berlin", account.Weekly, 1, "2026-11-23 09:00", "2026-11-30 09:00", "weekly-2026-11-23", "2026-11-16 00:00", "2026-11-23 00:00"},
		"on Sunday":                      {"Europe/Berlin", account.Weekly, 1, "2026-11-22 23:59", "2026-11-23 09:00", "weekly-2026-11-16", "2026-11-09 00:00", "2026-11-16 00:00"},
		"every Sunday":                   {"Asia/Kolkata", account.Weekly, 7, "2026-11-23 08:59", "2026-11-29 09:00", "weekly-2026-11-22", "2026-11-15 00:00", "2026-11-22 00:00"},
		"a week with the spring change":  {"Europe/Berlin", account.Weekly, 1, "2026-03-30 12:00", "2026-04-06 09:00", "weekly-2026-03-30", "2026-03-23 00:00", "2026-03-30 00:00"},
		"a week with the autumn change":  {"America/New_York", account.Weekly, 1, "2026-11-02 12:00", "2026-11-09 09:00", "weekly-2026-11-02", "2026-10-26 00:00", "2026-11-02 00:00"},
		"before the first of a month":    {"Europe/Berlin", account.Monthly, 1, "2026-02-28 12:00", "2026-03-01 09:00", "monthly-2026-02-01", "2026-01-01 00:00", "2026-02-01 00:00"},
		"on the first of a year":         {"Pacific/Auckland", account.Monthly, 1, "2027-01-01 09:00", "2027-02-01 09:00", "monthly-2027-01-01", "2026-12-01 00:00", "2027-01-01 00:00"},
		"on the 28th":                    {"UTC", account.Monthly, 28, "2026-03-01 09:00", "2026-03-28 09:00", "monthly-2026-02-28", "2026-01-28 00:00", "2026-02-28 00:00"},
		"a day that has no midnight":     {"America/Santiago", account.Weekly, 7, "2026-09-06 10:00", "2026-09-13 09:00", "weekly-2026-09-06", "2026-08-30 00:00", "2026-09-06 01:00"},
		"when it is another day at home": {"Pacific/Kiritimati", account.Weekly, 1, "2026-11-23 09:30", "2026-11-30 09:00", "weekly-2026-11-23", "2026-11-16 00:00", "2026-11-23 00:00"},
	} {
		t.Run(name, func(t *testing.T) {
			zone := load(t, tt.zone)
			now, err := time.ParseInLocation(layout, tt.now, zone)
			if err != nil {
				t.Fatal(err)
			}
			n := account.Notices{Report: tt.report, Day: tt.day}
			if got := n.Plan(now, zone).NextReport.In(zone).Format(layout); got != tt.next {
				t.Errorf("the next is due %s, want %s", got, tt.next)
			}
			last := n.LastReport(now, zone)
			from, to := last.Period(0, zone)
			if got := []string{last.Name(), from.In(zone).Format(layout), to.In(zone).Format(layout)}; !slices.Equal(got, []string{tt.last, tt.from, tt.to}) {
				t.Errorf("the last is %v, want %v", got, []string{tt.last, tt.from, tt.to})
			}
		})
	}
}

// In every zone, whatever its clocks do: one who looks at any instants finds each
// report once, at nine in the morning, and their periods lie end to end.
func TestReportsComeOneAfterAnother(t *testing.T) {
	zones := []string{
		"UTC", "Europe/Berlin", "America/New_York", "America/Santiago", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia",
		"Pacific/Kiritimati", "Africa/Casablanca", "Asia/Kathmandu", "America/St_Johns", "Antarctica/Troll",
	}
	rapid.Check(t, func(r *rapid.T) {
		zone := load(t, rapid.SampledFrom(zones).Draw(r, "zone"))
		n := account.Notices{Report: rapid.SampledFrom([]account.Every{account.Weekly, account.Monthly}).Draw(r, "report")}
		n.Day = rapid.IntRange(1, map[account.Every]int{account.Weekly: 7, account.Monthly: account.LastDay}[n.Report]).Draw(r, "day")
		n.Reminder = rapid.SampledFrom([]account.Every{account.Hourly, account.Daily}).Draw(r, "reminder")
		now := time.Date(2026, 1, 1, 0, rapid.IntRange(0, 3*366*24*60).Draw(r, "minute"), 0, 0, time.UTC)

		planned := n.Plan(now, zone)
		next := planned.NextReport
		if !next.After(now) || next.In(zone).Hour() != account.NoticeHour || next.Sub(now) > 32*24*time.Hour {
			t.Fatalf("%v after %v", next.In(zone), now.In(zone))
		}
		before, at := n.LastReport(next.Add(-time.Microsecond), zone), n.LastReport(next, zone)
		if last := n.LastReport(now, zone); last != before || at == before || at.Due(zone) != next {
			t.Fatalf("last %v, just before the next %v, at it %v due %v", last, before, at, at.Due(zone))
		}
		_, end := before.Period(0, zone)
		begin, to := at.Period(0, zone)
		if older, then := at.Period(1, zone); end != begin || then != begin || !older.Before(then) || !begin.Before(to) || to.After(next) {
			t.Fatalf("%v to %v does not follow %v, or one before it %v to %v", begin, to, end, older, then)
		}

		remind := planned.NextReminder
		if slot := n.ReminderSlot(remind, zone); !remind.After(now) || slot != remind || n.ReminderSlot(remind.Add(-time.Microsecond), zone) == remind {
			t.Fatalf("reminded at %v after %v, whose slot is %v", remind, now, slot)
		}
		if n.Reminder == account.Daily && remind.In(zone).Hour() != account.NoticeHour || remind.Sub(now) > 26*time.Hour {
			t.Fatalf("reminded at %v", remind.In(zone))
		}
	})
}

// A server that was away sends the newest report alone, and one whose reader moved
// sends none twice.
func TestWhichReportIsOwed(t *testing.T) {
	berlin, honolulu := load(t, "Europe/Berlin"), load(t, "Pacific/Honolulu")
	planned := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC) // Monday, nine in Berlin
	for name, tt := range map[string]struct {
		now  time.Time
		zone *time.Location
		want string
	}{
		"before":                   {planned.Add(-time.Second), berlin, ""},
		"in time":                  {planned, berlin, "weekly-2026-11-23"},
		"days late":                {planned.Add(3 * 24 * time.Hour), berlin, "weekly-2026-11-23"},
		"weeks late":               {planned.Add(20 * 24 * time.Hour), berlin, "weekly-2026-12-07"},
		"moved west":               {planned, honolulu, ""},
		"moved west, in time then": {planned.Add(11 * time.Hour), honolulu, "weekly-2026-11-23"},
	} {
		n := account.Notices{Report: account.Weekly, Day: 1, NextReport: planned}
		got := ""
		if end, owed := n.OwesReport(tt.now, tt.zone); owed {
			got = end.Name()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestWhoIsReminded(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		oldest time.Time
		want   bool
	}{
		"of nothing":             {time.Time{}, false},
		"of what was just told":  {now.Add(-account.RemindAfter + time.Second), false},
		"of what was told":       {now.Add(-account.RemindAfter), true},
		"of what went down long": {now.AddDate(0, -1, 0), true},
	} {
		if got := account.Remind(tt.oldest, now); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestNoticesAreValid(t *testing.T) {
	for name, tt := range map[string]struct {
		n     account.Notices
		wrong []string
	}{
		"nothing asked for": {account.NewNotices(1), nil},
		"weekly":            {account.Notices{Report: account.Weekly, Day: 7, Reminder: account.Hourly}, nil},
		"monthly":           {account.Notices{Report: account.Monthly, Day: account.LastDay, Reminder: account.Daily}, nil},
		"eighth day":        {account.Notices{Report: account.Weekly, Day: 8, Reminder: account.Off}, []string{"day"}},
		"29th":              {account.Notices{Report: account.Monthly, Day: account.LastDay + 1, Reminder: account.Off}, []string{"day"}},
		"others' words":     {account.Notices{Report: account.Hourly, Reminder: account.Weekly}, []string{"reminder", "report"}},
	} {
		_, err := tt.n.Valid()
		var wrong fault.Invalid
		errors.As(err, &wrong)
		if got := slices.Sorted(maps.Keys(wrong)); !slices.Equal(got, tt.wrong) {
			t.Errorf("%s: wrong are %v, want %v", name, got, tt.wrong)
		}
	}
}

func TestStopTokens(t *testing.T) {
	n, other := account.NewNotices(1), account.NewNotices(2)
	token := n.StopToken(account.Reports)
	topic, name, ok := account.ReadStopToken(token)
	if !ok || topic != account.Reports || name != n.StopName() || !n.Stops(account.Reports, token) {
		t.Errorf("%q is of %s for %s, %v", token, name, topic, ok)
	}
	if strings.Contains(token, n.StopKey[16:]) {
		t.Error("the token holds what signs it")
	}
	forged := strings.Replace(token, "report.", "reminder.", 1)
	for name, wrong := range map[string]bool{
		"for another topic": n.Stops(account.Reminders, token),
		"forged topic":      n.Stops(account.Reminders, forged),
		"of somebody else":  other.Stops(account.Reports, token),
		"cut":               n.Stops(account.Reports, token[:len(token)-1]),
		"nothing":           n.Stops(account.Reports, ""),
	} {
		if wrong {
			t.Errorf("a token %s is taken", name)
		}
	}
	for _, text := range []string{"", "report", "report.short.x", "password." + n.StopName() + ".x", token + ".x"} {
		if _, _, ok := account.ReadStopToken(text); ok {
			t.Errorf("%q is read", text)
		}
	}
}
