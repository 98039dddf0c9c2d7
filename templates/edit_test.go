package templates_test

import (
	"strings"
	"testing"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/templates"
)

func TestEdit(t *testing.T) {
	spec := schedule.Spec{Kind: schedule.Cron, Expr: "30 2 28 * *", Zone: "Europe/Berlin"}
	sched, err := spec.Parse()
	if err != nil {
		t.Fatal(err)
	}
	form := templates.FormOf(monitor.Config{
		Name: "Ledger close", Slug: "ledger-close", Tags: []string{"billing", "finance"}, Schedule: spec, Grace: 5 * time.Minute,
		Description: "Ask Tomas before running it twice: it posts entries.",
		Filter:      monitor.Filter{On: true, Fail: "<ERROR>"}, PostOnly: true,
	})
	form.Slug = "Ledger Close"
	const words = "takes up to 100 of a–z, 0–9, - and _"
	page := templates.EditPage{
		Page: frame(t, "Edit Ledger close", "/checks"), Check: "2b9a6c1e-7f04-4d8d-8a55-0c3e9d71f6aa", Exists: true, Name: "Ledger close",
		Form: form, Wrong: map[string]string{"slug": words}, FreeSlug: "ledger-close",
		Problems: []templates.Problem{{ID: "slug", Label: "Slug", Words: words}},
		SlugBase: "https://rollcall.example/ping/PING-KEY/", Zones: []string{"Europe/Berlin", "UTC"},
		Channels: []templates.ChannelChoice{
			{ID: "1", Name: "Finance on call", Kind: monitor.Email, Target: "finance-oncall@northwind.example", Chosen: true, Proved: instant(t, "2026-11-23T07:06:01Z")},
			{ID: "2", Name: "PagerDuty hook", Kind: monitor.Webhook, Target: "events.northwind.example", Off: true},
		},
		Preview: templates.PreviewOf(sched, clock(t)),
	}
	goldenPage(t, "edit.html", templates.Edit(page))
}

func TestNewCheck(t *testing.T) {
	spec := schedule.Spec{Kind: schedule.Every, Period: 90 * time.Minute}
	page := templates.EditPage{
		Page: frame(t, "New check", "/checks"), Check: "2b9a6c1e-7f04-4d8d-8a55-0c3e9d71f6aa",
		Form:     templates.FormOf(monitor.Config{Schedule: spec, Grace: time.Hour}),
		SlugBase: "https://rollcall.example/ping/PING-KEY/",
		Preview:  templates.Preview{Wrong: "Every is missing; a number, or a length of time such as 5m."},
	}
	goldenPage(t, "new.html", templates.Edit(page))
}

func TestFormOf(t *testing.T) {
	limit := 26*time.Hour + 3*time.Second
	config := monitor.Config{Schedule: schedule.Spec{Kind: schedule.Every, Period: 90 * time.Minute}, Grace: 61 * time.Second, MaxRuntime: &limit}
	form := templates.FormOf(config)
	if form.Every != "90" || form.Unit != "minutes" || form.Grace != "1 min 1 s" || form.Limit != "1 day 2 h 3 s" || form.Kind != templates.KindEvery {
		t.Errorf("%+v", form)
	}
	calendar := templates.FormOf(monitor.Config{Schedule: schedule.Spec{Kind: schedule.OnCalendar, Expr: "Sun 04:00", Zone: "UTC"}})
	if calendar.Kind != templates.KindCalendar || calendar.Calendar != "Sun 04:00" || calendar.CalendarZone != "UTC" || calendar.Limit != "" || calendar.Grace != "0 s" {
		t.Errorf("%+v", calendar)
	}
}

func TestPreview(t *testing.T) {
	for _, test := range []struct {
		spec schedule.Spec
		want []string
	}{
		{schedule.Spec{Kind: schedule.Every, Period: 5 * time.Second}, []string{"09:14:36", "in 5 s", "09:14:56"}},
		{schedule.Spec{Kind: schedule.Every, Period: time.Hour}, []string{"10:14<", "in 60 min", "as if one came now. Times in Europe/Berlin."}},
		{schedule.Spec{Kind: schedule.Cron, Expr: "30 2 * * *", Zone: "Europe/Berlin"}, []string{"Tue 24 Nov 2026, 02:30", "Times in Europe/Berlin.", "28 Mar 2027"}},
		{schedule.Spec{Kind: schedule.OnCalendar, Expr: "2027-01-01", Zone: "UTC"}, []string{"Fri 1 Jan 2027, 00:00"}},
	} {
		sched, err := test.spec.Parse()
		if err != nil {
			t.Fatal(err)
		}
		at := clock(t)
		html := plain(rendered(t, templates.SchedulePreview(templates.PreviewOf(sched, at))))
		for _, want := range test.want {
			if !strings.Contains(html, want) {
				t.Errorf("%s %s: the preview lacks %q\n%s", test.spec.Kind, test.spec.Expr, want, html)
			}
		}
	}
}
