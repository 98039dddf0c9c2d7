package templates_test

import (
	"fmt"
	"strings"
	"testing"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/templates"
)

// boardJob is a check of a status page, in a status since a time of the 23rd.
func boardJob(t *testing.T, id monitor.CheckID, name string, status monitor.Status, since string, tags ...string) monitor.Check {
	t.Helper()
	return monitor.Check{
		ID: id, Project: 1, Created: instant(t, "2026-11-01T12:00:00Z"),
		Config: monitor.Config{Name: name, Tags: tags},
		State:  monitor.State{Status: status, Since: instant(t, "2026-11-23T"+since+"Z"), NPings: 1},
	}
}

func boardInput(t *testing.T, checks ...monitor.Check) templates.BoardInput {
	t.Helper()
	return templates.BoardInput{
		Page: monitor.StatusPage{Project: 1, Title: "Northwind", Description: "Scheduled jobs", Scope: monitor.WholeProject, Grouped: true, History: true},
		Path: "/status/northwind", Checks: checks, Since: instant(t, "2026-08-25T22:00:00Z"),
		Blinds: []monitor.Blind{{From: instant(t, "2026-11-14T00:52:00Z"), To: instant(t, "2026-11-14T02:10:00Z"), Cause: "the process was not running"}},
		Flips: map[monitor.CheckID][]monitor.Flip{
			1: {{Rev: 3, At: instant(t, "2026-11-23T01:15:00Z"), Old: monitor.Up, New: monitor.Down, Reason: monitor.Silent}},
			2: {
				{Rev: 3, At: instant(t, "2026-11-06T05:48:00Z"), Old: monitor.Down, New: monitor.Up, Reason: monitor.Succeeded},
				{Rev: 2, At: instant(t, "2026-11-06T01:15:00Z"), Old: monitor.Up, New: monitor.Down, Reason: monitor.Overran},
			},
			3: {
				{Rev: 3, At: instant(t, "2026-11-20T05:48:00Z"), Old: monitor.Down, New: monitor.Paused, Reason: monitor.ByPerson},
				{Rev: 2, At: instant(t, "2026-11-20T01:15:00Z"), Old: monitor.Up, New: monitor.Down, Reason: monitor.Failed},
			},
		},
	}
}

func TestBoard(t *testing.T) {
	in := boardInput(t,
		boardJob(t, 1, "Offsite <b>backup</b>", monitor.Down, "01:15:00", "backups"),
		boardJob(t, 2, "Database backup", monitor.Up, "05:48:00", "backups"),
		boardJob(t, 3, "Invoices", monitor.Paused, "05:48:00"),
	)
	in.Page.Checks = map[monitor.CheckID]monitor.Appearance{3: {Name: "Bills"}}
	goldenPage(t, "board.html", templates.BoardView(templates.BoardOf(door(t, ""), in)))
	in.Page.History, in.Page.Grouped = false, false
	goldenPage(t, "board-brief.html", templates.BoardView(templates.BoardOf(door(t, ""), in)))
	goldenPage(t, "board-empty.html", templates.BoardView(templates.BoardOf(door(t, ""), boardInput(t))))
}

func TestBoardVerdicts(t *testing.T) {
	up, busy := boardJob(t, 1, "A", monitor.Up, "05:00:00"), boardJob(t, 2, "B", monitor.Up, "05:00:00")
	busy.Runs = []monitor.Run{{Start: instant(t, "2026-11-23T08:00:00Z")}}
	late := boardJob(t, 3, "C", monitor.Up, "05:00:00")
	late.Due = instant(t, "2026-11-23T08:00:00Z")
	down := func(name string) monitor.Check { return boardJob(t, 4, name, monitor.Down, "01:15:00") }
	unknown, paused := boardJob(t, 5, "E", monitor.Unknown, "01:15:00"), boardJob(t, 6, "F", monitor.Paused, "01:15:00")
	fresh := boardJob(t, 7, "G", monitor.New, "01:15:00")
	fresh.NPings = 0
	for name, tt := range map[string]struct {
		checks   []monitor.Check
		status   monitor.Status
		head     string
		sentence string
	}{
		"nothing":             {nil, monitor.New, "No job is shown here yet", ""},
		"one":                 {[]monitor.Check{up}, monitor.Up, "The job is up", ""},
		"one that is down":    {[]monitor.Check{down("D")}, monitor.Down, "The job is down", "D since 02:15."},
		"all up, one busy":    {[]monitor.Check{up, busy}, monitor.Up, "All 2 jobs are up", ""},
		"some not watched":    {[]monitor.Check{up, paused, fresh}, monitor.Up, "All jobs that are watched are up", "1 is up, 1 is paused, 1 is new."},
		"none watched":        {[]monitor.Check{paused}, monitor.Paused, "No job is watched at present", "1 is paused."},
		"none reported":       {[]monitor.Check{fresh, fresh}, monitor.New, "No job has reported yet", "2 are new."},
		"late":                {[]monitor.Check{up, late}, monitor.Late, "1 of 2 jobs is late", "C. 1 is up."},
		"not known":           {[]monitor.Check{up, late, unknown}, monitor.Unknown, "1 of 3 jobs is not known", "E since 02:15. 1 is late, 1 is up."},
		"two down":            {[]monitor.Check{down("X"), up, down("Y")}, monitor.Down, "2 of 3 jobs are down", "X since 02:15, Y since 02:15. 1 is up."},
		"more than are named": {[]monitor.Check{down("V"), down("W"), down("X"), down("Y"), down("Z")}, monitor.Down, "5 of 5 jobs are down", "V since 02:15, W since 02:15, X since 02:15, and 2 more."},
		"of no other project": {[]monitor.Check{{ID: 9, Project: 2, Config: monitor.Config{Name: "Theirs"}}}, monitor.New, "No job is shown here yet", ""},
	} {
		b := templates.BoardOf(door(t, ""), boardInput(t, tt.checks...))
		if b.Status != tt.status || b.Head != tt.head || b.Sentence != tt.sentence {
			t.Errorf("%s: %s, %q, %q; want %s, %q, %q", name, b.Status, b.Head, b.Sentence, tt.status, tt.head, tt.sentence)
		}
	}
}

// A page lists so many jobs; what is down is among them however late it comes.
func TestLongBoards(t *testing.T) {
	var checks []monitor.Check
	for i := range templates.BoardJobs + 3 {
		checks = append(checks, boardJob(t, monitor.CheckID(100+i), fmt.Sprint("Job ", i), monitor.Up, "05:00:00", "web"))
	}
	checks = append(checks, boardJob(t, 999, "The last one", monitor.Down, "05:00:00", "web"))
	b := templates.BoardOf(door(t, ""), boardInput(t, checks...))
	if n := len(b.Groups[0].Jobs); n != templates.BoardJobs || b.Left != 4 {
		t.Errorf("%d jobs are listed, %d are not", n, b.Left)
	}
	if b.Groups[0].Jobs[0].Name != "The last one" || b.Head != fmt.Sprintf("1 of %d jobs is down", templates.BoardJobs+4) {
		t.Errorf("first %q, %q", b.Groups[0].Jobs[0].Name, b.Head)
	}
	if html := plain(rendered(t, templates.BoardView(b))); !strings.Contains(html, "4 more jobs are not listed") || len(html) > 700_000 {
		t.Errorf("a page of %d bytes", len(html))
	}
}

func TestStatusPagesOfAProject(t *testing.T) {
	page := templates.StatusPagesPage{Page: frame(t, "Status pages", "/status-pages"), Base: "https://rollcall.example", Pages: []monitor.StatusPage{
		{ID: 4, Address: "northwind", Title: "Northwind", Scope: monitor.OneTag, Tag: "prod"},
		{ID: 5, Address: "k3v9x", Title: "Inside", Scope: monitor.WholeProject, Unlisted: true},
	}}
	page.Role = account.Manager
	goldenPage(t, "statuspages.html", templates.StatusPages(page))
	form := templates.StatusPageForm{
		Page: frame(t, "Edit a status page", "/status-pages"), Base: "https://rollcall.example", Zone: "Europe/Berlin", Zones: []string{"Europe/Berlin", "UTC"}, Tags: []string{"prod"},
		Form:   monitor.StatusPage{ID: 4, Address: "x", Title: "Northwind", Scope: monitor.ChosenChecks, History: true},
		Checks: []templates.StatusPageCheck{{ID: 1, Title: "Offsite backup", Appearance: monitor.Appearance{Chosen: true, Name: "Backup"}}, {ID: 2, Title: "Invoices"}},
		Left:   3, Wrong: map[string]string{"address": "is taken; choose another one"}, Problems: []templates.Problem{{ID: "address", Label: "Address", Words: "is taken; choose another one"}},
	}
	goldenPage(t, "statuspage-edit.html", templates.StatusPageEdit(form))
}

func TestBadgesPage(t *testing.T) {
	page := templates.BadgesPage{
		Page: frame(t, "Badges", "/status-pages"), Of: "tag:a]\"<b>", Three: true, Tags: []string{"a]\"<b>"}, Checks: []templates.BadgeCheck{{UUID: "5f0b1c9e", Title: "Offsite backup"}},
		Label: "a]\"<b>", Local: "/badge/k/s/a.svg", SVG: "https://rollcall.example/badge/k/s/a.svg", JSON: "https://rollcall.example/badge/k/s/a.json", Shields: "https://rollcall.example/badge/k/s/a.shields",
	}
	page.Role = account.Owner
	goldenPage(t, "badges.html", templates.Badges(page))
}

func TestNoticesPage(t *testing.T) {
	page := templates.NoticesPage{
		Page: frame(t, "Reports and reminders", ""), NoMail: true,
		Asked: account.Notices{Report: account.Weekly, Day: 2, Reminder: account.Off, NextReport: instant(t, "2026-11-24T08:00:00Z")},
		Told:  []templates.NoticeProject{{ID: 1, Name: "Production", Told: true}, {ID: 2, Name: "Staging"}},
	}
	goldenPage(t, "notices.html", templates.Notices(page))
	for name, p := range map[string]templates.SubscriptionPage{
		"subscribed":   {Topic: account.Reminders, Every: account.Hourly},
		"unsubscribed": {Topic: account.Reports, Every: account.Off, Done: true},
	} {
		p.Page, p.Path = door(t, "Reports"), "/unsubscribe/x"
		goldenPage(t, name+".html", templates.Subscription(p))
	}
}
