package templates

import (
	"net/url"

	"rollcall/docs"
	"rollcall/internal/schedule"
)

// DocsPage is a page of the documentation, or its index.
type DocsPage struct {
	Page
	Chapters []docs.Chapter
	Doc      docs.Page   // zero on the index
	Query    string      // that was searched for; "" shows the contents
	Hits     []docs.Hit  // of the query
	Play     *Playground // of the page about schedules
	API      []APIGroup  // of the page about the API
}

// APIGroup is the operations under one heading.
type APIGroup struct {
	ID, Name   string
	Operations []APIOperation
}

// APIOperation is one thing that programs can ask for.
type APIOperation struct {
	Method, Path string
	Key          string // which key it asks for, in words
	Summary      string
	Query        []Fact // parameters and what they mean
	Takes        []Fact // members of the request
	Answer       string // the members of the answer in short; "" is a text
}

// chapter is the heading under which the page stands.
func (p DocsPage) chapter() string {
	for _, chapter := range p.Chapters {
		for _, page := range chapter.Pages {
			if page.Name == p.Doc.Name {
				return chapter.Title
			}
		}
	}
	return ""
}

// next is the page to read after this one; zero after the last.
func (p DocsPage) next() docs.Page {
	found := false
	for _, chapter := range p.Chapters {
		for _, page := range chapter.Pages {
			if found {
				return page
			}
			found = page.Name == p.Doc.Name
		}
	}
	return docs.Page{}
}

// headings are those of the second level: the page's own index.
func (p DocsPage) headings() []docs.Section {
	var list []docs.Section
	for _, section := range p.Doc.Sections {
		if section.Level == 2 {
			list = append(list, section)
		}
	}
	return list
}

// Playground shows what an expression means.
type Playground struct {
	Expr, Zone string
	Zones      []string // to choose from
	Kind       string   // the language that it was read as, in words
	Preview    Preview
	// Repair is what was probably meant by an expression, or a zone, that is wrong.
	Repair *Repair
}

// Repair is a suggestion that can be read.
type Repair struct{ Expr, Zone string }

// Path is where the page shows the suggestion.
func (r Repair) Path() string {
	return docs.Path + "/schedules?" + url.Values{"expr": {r.Expr}, "zone": {r.Zone}}.Encode() + "#playground"
}

// playedTimes is how many times the playground shows.
const playedTimes = 10

// PlayOf is what a schedule means, for the playground.
func PlayOf(s schedule.Schedule, clock Clock) Preview { return previewOf(s, clock, playedTimes) }

func (p Playground) expr() Field {
	return Field{
		ID: "expr", Label: "Expression", Value: p.Expr, Mono: true,
		Hint:  "Cron, OnCalendar, or a length of time such as 15 min.",
		Attrs: attrs("autocomplete", "off", "spellcheck", "false", "maxlength", "1000"),
	}
}

func (p Playground) zone() Field {
	return Field{ID: "zone", Label: "Time zone", Value: p.Zone, Attrs: attrs("autocomplete", "off", "spellcheck", "false", "list", "zones", "maxlength", "100")}
}

// ServiceName is what people call the service whose dialect it is.
func ServiceName(dialect string) string { return services[dialect] }
