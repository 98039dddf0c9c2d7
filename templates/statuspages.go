package templates

import (
	"fmt"
	"strconv"

	"rollcall/internal/monitor"
)

// StatusPagesPage lists the public status pages of a project.
type StatusPagesPage struct {
	Page
	Base  string
	Pages []monitor.StatusPage
}

func statusPagePath(id monitor.StatusPageID) string {
	return "/status-pages/" + strconv.FormatInt(int64(id), 10)
}

// scopeWords says which checks a page shows.
func scopeWords(p monitor.StatusPage) string {
	switch p.Scope {
	case monitor.WholeProject:
		return "All checks of the project"
	case monitor.OneTag:
		return "Checks with the tag " + p.Tag
	}
	return "Chosen checks"
}

// StatusPageForm is a form for a public status page.
type StatusPageForm struct {
	Page
	Form     monitor.StatusPage
	Base     string
	Zone     string // the server's
	Zones    []string
	Tags     []string
	Checks   []StatusPageCheck
	Left     int // checks that the form does not list
	Wrong    map[string]string
	Problems []Problem
}

// StatusPageCheck is a check that can be chosen.
type StatusPageCheck struct {
	ID    int64
	Title string
	monitor.Appearance
}

func (c StatusPageCheck) id() string { return strconv.FormatInt(c.ID, 10) }

func (p StatusPageForm) path() string {
	if p.Form.ID == 0 {
		return "/status-pages"
	}
	return statusPagePath(p.Form.ID)
}

func (p StatusPageForm) field(id, label, value string) Field {
	return Field{ID: id, Label: label, Value: value, Error: complaint(label, p.Wrong[id])}
}

func (p StatusPageForm) title() Field {
	f := p.field("title", "Title", p.Form.Title)
	f.Attrs = attrs("required", "", "maxlength", strconv.Itoa(monitor.TitleLimit))
	f.Hint = "Such as the name of your company or service."
	return f
}

func (p StatusPageForm) description() Field {
	f := p.field("description", "Description", p.Form.Description)
	f.Optional = true
	return f
}

func (p StatusPageForm) address() Field {
	f := p.field("address", "Address", p.Form.Address)
	f.Mono = true
	f.Hint = fmt.Sprintf("Behind %s/status/. %d to %d of a–z, 0–9 and dashes.", p.Base, monitor.AddressMin, monitor.AddressMax)
	f.Attrs = attrs("required", "", "autocapitalize", "off", "spellcheck", "false")
	return f
}

func (p StatusPageForm) tag() Field {
	f := p.field("tag", "Tag", p.Form.Tag)
	f.Attrs = attrs("list", "tags")
	f.Hint = "New checks with this tag appear by themselves."
	return f
}

func (p StatusPageForm) zone() Field {
	f := p.field("zone", "Time zone", p.Form.Zone)
	f.Optional, f.Holder = true, p.Zone
	f.Attrs = attrs("list", "zones")
	f.Hint = "Of its days and times."
	return f
}

// scope is one of the choices of what a page shows.
type scope struct {
	value monitor.Scope
	name  string
}

func scopes() []scope {
	return []scope{{monitor.ChosenChecks, "Chosen checks"}, {monitor.OneTag, "One tag"}, {monitor.WholeProject, "Whole project"}}
}
