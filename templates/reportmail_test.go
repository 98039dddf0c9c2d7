package templates_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/templates"
)

const week = 7 * 24 * time.Hour

// tally is how a check did in the last four weeks: how long it was down in each.
func tally(name string, alerts int, longest time.Duration, down ...time.Duration) monitor.Tally {
	t := monitor.Tally{Check: monitor.Check{Config: monitor.Config{Name: name}, State: monitor.State{NPings: 9}}, Alerts: alerts, Longest: longest}
	for i, d := range down {
		s := monitor.Share{Up: week - d, Down: d}
		switch {
		case d > 0 && i == 0:
			s.Falls = alerts
		case d > 0:
			s.Falls = 1
		}
		t.Shares = append(t.Shares, s)
	}
	return t
}

// fresh is a check that was never pinged.
func fresh(name string) monitor.Tally {
	return monitor.Tally{Check: monitor.Check{Config: monitor.Config{Name: name}}, Shares: make([]monitor.Share, 4)}
}

func reportInput(t *testing.T, projects ...templates.ReportProject) templates.ReportInput {
	t.Helper()
	in := templates.ReportInput{
		Every: account.Weekly, Zone: berlin(t), Projects: projects,
		Checks:   "https://rollcall.example/checks",
		StopPage: "https://rollcall.example/unsubscribe/report.x.y",
	}
	end := account.ReportEnd{Every: account.Weekly, Date: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)}
	for back := range 4 {
		from, to := end.Period(back, in.Zone)
		in.Periods = append(in.Periods, monitor.Period{From: from, To: to})
	}
	return in
}

func mixed(t *testing.T) templates.ReportInput {
	in := reportInput(t,
		templates.ReportProject{Name: "Production", Tallies: []monitor.Tally{
			tally("Database backup", 0, 0, 0, 0, 0, 0),
			tally("Invoices", 1, 68*time.Minute, 68*time.Minute, 0, 0, 0),
			tally("Offsite backup", 3, 6*time.Hour, 11*time.Hour+4*time.Minute, 33*time.Minute, 0, 0),
			tally("Photo library", 0, 0, 0, 0, 0, 0), fresh("Sitemap"),
		}},
		templates.ReportProject{Name: "Home lab", Tallies: []monitor.Tally{tally("Router config", 0, 0, 0, 0, 0, 0), fresh("Camera")}},
	)
	in.Blinds = []monitor.Blind{{From: instant(t, "2026-11-18T00:52:00Z"), To: instant(t, "2026-11-18T02:10:00Z")}}
	return in
}

func TestReportMail(t *testing.T) {
	one := templates.ReportProject{Name: "Production", Tallies: []monitor.Tally{tally("Invoices", 0, 0, 0, 0, 0, 0), tally("Backup", 0, 0, 0, time.Hour, 0, 0)}}
	monthly := reportInput(t, one)
	monthly.Every = account.Monthly
	for i := range monthly.Periods {
		from, to := account.ReportEnd{Every: account.Monthly, Date: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}.Period(i, monthly.Zone)
		monthly.Periods[i] = monitor.Period{From: from, To: to}
	}
	young := tally("Young", 0, 0, 0)
	young.Shares = append(young.Shares, make([]monitor.Share, 3)...)
	for name, tt := range map[string]struct {
		in      templates.ReportInput
		subject string
		calm    bool
		says    []string
	}{
		"report-mixed": {mixed(t), "Weekly report, 16–22 Nov 2026: 2 of 5 checks were down", false, []string{
			"Mon 16 Nov to Sun 22 Nov 2026: 4 outages, 12 h 12 min of downtime in all, 4 alarms. The week before: 1 outage, 33 min of downtime in all.",
			"- Offsite backup: Down for 11 h 4 min in 3 outages, the longest 6 h; 3 alarms. Up 93.41 % of the time, 99.67 % the week before.\n- Invoices: Down for 1 h 8 min; 1 alarm.",
			"- 2 other checks were up all the time.", "Never pinged\n- Sitemap, Camera", "Wed 18 Nov, 01:52, for 1 h 18 min", "Uptime of all checks\n16–22 Nov: 98.54 %",
			"26 Oct – 1 Nov: 100 %",
		}},
		"report-calm": {reportInput(t, one), "Weekly report, 16–22 Nov 2026: everything was up", true, []string{
			"everything was up, 2 checks, no alarms. The week before: 1 outage, 1 h of downtime in all.",
		}},
		"report-monthly": {monthly, "Monthly report, December 2026: everything was up", true, []string{"The month before: 1 outage", "\nSeptember: 100 %"}},
		"report-new": {reportInput(t, templates.ReportProject{Tallies: []monitor.Tally{young}}), "Weekly report, 16–22 Nov 2026: everything was up", true, []string{
			"everything was up, 1 check, no alarms. The week before: nothing was watched.", "9–15 Nov: –",
		}},
		"report-never": {reportInput(t, templates.ReportProject{Tallies: []monitor.Tally{fresh("Sitemap")}}), "Weekly report, 16–22 Nov 2026: nothing was watched", false, []string{"Never pinged\n- Sitemap"}},
	} {
		t.Run(name, func(t *testing.T) {
			m, owed := templates.NewReport(tt.in)
			if !owed || m.Subject != tt.subject || (m.Status == monitor.Up) != tt.calm || !m.OneClick {
				t.Errorf("%v, subject %q, status %q", owed, m.Subject, m.Status)
			}
			for _, said := range tt.says {
				if !strings.Contains(plain(m.Text()), said) {
					t.Errorf("it lacks %q", said)
				}
			}
			if t.Failed() {
				t.Log(m.Text())
			}
			html, err := m.HTML(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".html", html)
			golden(t, name+".txt", m.Text())
		})
	}
	if _, owed := templates.NewReport(reportInput(t, templates.ReportProject{Name: "Empty"})); owed {
		t.Error("a report about nothing")
	}
}

// A mail names so many checks and says how many more there are.
func TestLongReports(t *testing.T) {
	var many []monitor.Tally
	for i := range 60 {
		many = append(many, tally(fmt.Sprint("Job ", i), 1, time.Hour, time.Hour+time.Duration(i)*time.Second, 0, 0, 0), fresh(fmt.Sprint("New ", i)))
	}
	m, _ := templates.NewReport(reportInput(t, templates.ReportProject{Tallies: many}))
	text := plain(m.Text())
	if got := strings.Count(text, "- Job "); got != 50 {
		t.Errorf("%d checks are named", got)
	}
	if !strings.Contains(text, "- 10 more checks were down.") || !strings.Contains(text, "New 49 and 10 more") {
		t.Error(text)
	}
}

func TestReminderMail(t *testing.T) {
	down := func(name string, since string, reason monitor.Reason) templates.ReminderCheck {
		c := monitor.Check{Config: monitor.Config{Name: name, Grace: 15 * time.Minute}, State: monitor.State{
			Status: monitor.Down, Since: instant(t, since), Reason: reason, Due: instant(t, "2026-11-23T01:00:00Z"), LastExit: new(int64(1)),
		}}
		return templates.ReminderCheck{Check: c, Project: "Production"}
	}
	backup, invoices := down("Offsite backup", "2026-11-23T01:15:00Z", monitor.Silent), down("Invoices\r\nBcc: x", "2026-11-23T07:06:00Z", monitor.Failed)
	for name, tt := range map[string]struct {
		in      templates.ReminderInput
		subject string
	}{
		"reminder-one":  {templates.ReminderInput{Every: account.Hourly, Down: []templates.ReminderCheck{backup}}, "Still down: Offsite backup. Down since 02:15, for 7 h"},
		"reminder-two":  {templates.ReminderInput{Every: account.Daily, Down: []templates.ReminderCheck{backup, invoices}}, "Still down: 2 checks. The longest since 02:15, for 7 h"},
		"reminder-more": {templates.ReminderInput{Every: account.Daily, Down: []templates.ReminderCheck{backup, invoices}, More: true}, "Still down: more than 2 checks. The longest since 02:15, for 7 h"},
	} {
		tt.in.Clock, tt.in.Page, tt.in.StopPage = clock(t), "https://rollcall.example/checks", "https://rollcall.example/unsubscribe/reminder.x.y"
		m := templates.NewReminder(tt.in)
		if m.Subject != tt.subject {
			t.Errorf("%s: subject %q, want %q", name, m.Subject, tt.subject)
		}
		html, err := m.HTML(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(m.Text(), "\r") || strings.Contains(m.Text(), "\nBcc") {
			t.Errorf("%s: a name has two lines:\n%s", name, m.Text())
		}
		golden(t, name+".html", html)
		golden(t, name+".txt", m.Text())
	}
}

func TestRegularMailsArePlainHTML(t *testing.T) {
	m, _ := templates.NewReport(mixed(t))
	html, err := m.HTML(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, no := range []string{"<table", "var(--", "<svg", "<script", "<img"} {
		if strings.Contains(html, no) {
			t.Errorf("the mail contains %s", no)
		}
	}
	for tag := range strings.SplitSeq(html, "<") {
		if strings.Contains(tag, `class="`) && (!strings.Contains(tag, `style="`) || strings.Contains(tag, `style=""`)) {
			t.Errorf("<%s has a class and no style", tag)
		}
	}
}
