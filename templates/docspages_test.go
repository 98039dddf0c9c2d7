package templates_test

import (
	"testing"

	"rollcall/docs"
	"rollcall/internal/schedule"
	"rollcall/templates"
)

// manual is a documentation of two pages.
func manual() []docs.Chapter {
	section := func(level int, id, title string) docs.Section {
		return docs.Section{Level: level, ID: id, Title: title}
	}
	return []docs.Chapter{{Title: "Watch jobs", Pages: []docs.Page{
		{
			Name: "signals", Title: "Signals", Summary: "A job reports by calling an address.", Lead: "<p>A job reports by <b>calling</b> an address.</p>",
			Parts:    []docs.Part{{HTML: `<h2 id="by-name">By name</h2>`}, {Code: "curl -fsS https://rollcall.example/ping/a"}},
			Sections: []docs.Section{section(1, "", "Signals"), section(2, "by-name", "By name"), section(3, "deep", "Deep")},
		},
		{Name: "schedules", Title: "Schedules", Summary: "A check says when its job should report.", Lead: "<p>A check says when.</p>"},
	}}}
}

func TestDocumentationPages(t *testing.T) {
	page := templates.DocsPage{Page: frame(t, "Documentation", docs.Path), Chapters: manual()}
	goldenPage(t, "docs.html", templates.DocsIndex(page))
	page.Doc = page.Chapters[0].Pages[0]
	goldenPage(t, "docs-page.html", templates.Docs(page))

	sched, err := schedule.Spec{Kind: schedule.Cron, Expr: "30 2 * * *", Zone: "Europe/Berlin"}.Parse()
	if err != nil {
		t.Fatal(err)
	}
	page.Doc = page.Chapters[0].Pages[1]
	page.Play = &templates.Playground{Expr: "30 2 * * *", Zone: "Europe/Berlin", Zones: []string{"Europe/Berlin"}, Kind: "a cron expression", Preview: templates.PlayOf(sched, clock(t))}
	goldenPage(t, "docs-schedules.html", templates.Docs(page))

	page.Doc, page.Play, page.Query = docs.Page{}, nil, "unicorn"
	goldenPage(t, "docs-none.html", templates.DocsIndex(page))
}
