package schedule_test

import (
	"testing"
	"time"

	"rollcall/internal/schedule"
)

func FuzzCron(f *testing.F) {
	for _, expr := range []string{"* * * * *", "*/5 1-4 1,15,L,LW JAN-DEC MON#1,5L,7", "30 2 29 2 */7", "@daily", "TZ=UTC", "CRON_TZ= * * * *", "0-59/1000000000 * * * *", "1,,2 +5 *-5 ? H"} {
		f.Add(expr, "Europe/Dublin", int64(1_774_745_999))
	}
	f.Fuzz(func(t *testing.T, expr, zone string, now int64) {
		checkAny(t, cronIn(zone, expr), time.Unix(now, 0))
	})
}

func FuzzOnCalendar(f *testing.F) {
	for _, expr := range []string{"daily", "Mon..Fri,Sun *-*-1..7/2 *:0/15:30", "Sat 2026-02~3,5/2 1,2:3", "10:00 UTC\n11:00 Europe/Kiev", "2199-12-31 23:59:59", "*-02-30", "1000000000-1-1", "*:*/5", "10:00:00.5", "~~--::,,../"} {
		f.Add(expr, "America/Santiago", int64(1_788_667_199))
	}
	f.Fuzz(func(t *testing.T, expr, zone string, now int64) {
		checkAny(t, calendarIn(zone, expr), time.Unix(now, 0))
	})
}

// checkAny asks everything of a spec, which only must not panic, hang or
// contradict itself.
func checkAny(t *testing.T, spec schedule.Spec, now time.Time) {
	s, err := spec.Parse()
	if err != nil {
		if err.Error() == "" {
			t.Errorf("%+v is refused without a word", spec)
		}
		return
	}
	again, err := s.Spec().Parse()
	if err != nil || again.Spec() != s.Spec() {
		t.Errorf("%+v is stored as %+v, which reads as %+v, %v", spec, s.Spec(), again.Spec(), err)
	}
	if s.Words() == "" {
		t.Errorf("no words for %+v", spec)
	}
	if next, ok := s.Next(now); ok {
		if !next.After(now) {
			t.Errorf("%+v: Next(%v) = %v", spec, now, next)
		}
		if previous, ok := s.Previous(next.Add(1)); !ok || !previous.Equal(next) {
			t.Errorf("%+v: Previous just after %v = %v, %v", spec, next, previous, ok)
		}
	}
	s.ClockChange(now, now.AddDate(1, 0, 0))
}
