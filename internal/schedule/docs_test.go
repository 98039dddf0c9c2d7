package schedule_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"rollcall/internal/doctest"
	"rollcall/internal/schedule"
)

func TestDocsHaveExamples(t *testing.T) {
	doctest.Holds(t, "schedules.md", "cron", examples(t, schedule.Cron,
		"* * * * *", "*/5 * * * *", "0 * * * *", "30 6 * * *", "0 9-17 * * 1-5", "30 6 * * MON-FRI", "0 3 * * 0", "0 0,12 * * *",
		"0 4 1 * *", "0 4 L * *", "0 18 LW * *", "0 4 1 1,7 *", "0 12 * * MON#1", "0 12 * * 5L", "0 0 1-7 * 1",
		"@hourly", "@daily", "@weekly", "@monthly", "@yearly"))
	doctest.Holds(t, "schedules.md", "oncalendar", examples(t, schedule.OnCalendar,
		"hourly", "daily", "*:0/15", "*-*-* 03:00:00", "Mon..Fri 06:30", "Sat,Sun 10:00", "Mon *-*-01..07 12:00",
		"*-*~01 23:00", "*-01,07-01 04:00", "*-*-* 09..17:00/30", "2027-12-24 18:00", "Mon..Fri 06:30 Europe/Riga"))
	for name := range schedule.Nicknames {
		if _, err := (schedule.Spec{Kind: schedule.Cron, Expr: name}).Parse(); err != nil {
			t.Error(err)
		}
	}
}

// examples is a table of expressions, each with a link that tries it, and of what
// they mean.
func examples(t *testing.T, kind schedule.Kind, exprs ...string) string {
	t.Helper()
	var rows [][]string
	for _, expr := range exprs {
		sched, err := schedule.Spec{Kind: kind, Expr: expr}.Parse()
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		if got := schedule.Detect(expr); got != kind {
			t.Errorf("%s would be read as %s", expr, got)
		}
		link := "?" + url.Values{"expr": {expr}}.Encode() + "#playground"
		rows = append(rows, []string{fmt.Sprintf("[`%s`](%s)", expr, link), strings.ReplaceAll(sched.Words(), "|", "")})
	}
	return doctest.Table([]string{"expression", "means"}, rows...)
}

func TestDocsSayTheLimits(t *testing.T) {
	doctest.Holds(t, "schedules.md", "schedules", doctest.Limits(
		doctest.Limit{"period", doctest.Time(schedule.MinPeriod) + " to " + doctest.Time(schedule.MaxPeriod) + ", in whole seconds", "refused"},
		doctest.Limit{"cron expression", fmt.Sprintf("one line of %d characters", schedule.MaxCronLength), "refused"},
		doctest.Limit{"OnCalendar", fmt.Sprintf("%d lines, %s characters in all", schedule.MaxCalendarLines, doctest.Number(schedule.MaxCalendarLength)), "refused"},
		doctest.Limit{"years", fmt.Sprintf("%d to %d", schedule.FirstYear, schedule.LastYear), "no times"},
	))
}
