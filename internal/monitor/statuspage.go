package monitor

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/schedule"
)

// StatusPageID is the row identity of a status page.
type StatusPageID int64

// Scope says which checks of its project a status page shows.
type Scope string

// The scopes.
const (
	WholeProject Scope = "project"
	OneTag       Scope = "tag"
	ChosenChecks Scope = "chosen"
)

// StatusPage is a page that anybody may look at who knows its address. It shows
// nothing of a check but what stands here, its status, and its history if that is
// wanted.
type StatusPage struct {
	ID          StatusPageID
	Project     ProjectID
	Address     string // unique on the server
	Title       string
	Description string
	Scope       Scope
	Tag         string // of OneTag
	Zone        string // of its days and times; "" is the server's
	Grouped     bool   // by the first tag of each check
	History     bool   // shows how it went, not only how it is
	Unlisted    bool   // asks search engines to leave it out
	Created     time.Time
	Checks      map[CheckID]Appearance // what was said about single checks
}

// Appearance is how one check appears on a status page.
type Appearance struct {
	Chosen bool   // by ChosenChecks
	Name   string // in public; "" is the check's own
}

// Limits of status pages. Lengths are in characters.
const (
	StatusPagesLimit = 20 // of one project
	TitleLimit       = 100
	SummaryLimit     = 1_000
	AddressMin       = 4
	AddressMax       = 64
)

var addressPattern = regexp.MustCompile(`^[a-z0-9]+(?:-[a-z0-9]+)*$`)

// reserved are addresses that readers would take for pages of Rollcall itself.
var reserved = []string{
	"about", "account", "admin", "badge", "badges", "billing", "confirm", "docs", "health", "help", "index", "invite", "login", "logout",
	"password", "ping", "rollcall", "security", "settings", "setup", "static", "status", "support", "system", "unsubscribe",
}

// Valid returns the page in its canonical form, or a fault.Invalid that says for
// every field what is wrong with it.
func (p StatusPage) Valid() (StatusPage, error) {
	wrong := fault.Invalid{}
	p.Address = strings.ToLower(strings.TrimSpace(p.Address))
	switch {
	case len(p.Address) < AddressMin || len(p.Address) > AddressMax || !addressPattern.MatchString(p.Address):
		wrong["address"] = fmt.Sprintf("takes %d to %d of a–z, 0–9 and single dashes", AddressMin, AddressMax)
	case slices.Contains(reserved, p.Address):
		wrong["address"] = "would be taken for a page of Rollcall itself"
	}
	p.Title = ValidName(wrong, "title", p.Title, TitleLimit)
	if p.Title == "" {
		wrong["title"] = "is what readers see first; it needs one"
	}
	p.Description = strings.TrimSpace(strings.ReplaceAll(p.Description, "\r\n", "\n"))
	checkText(wrong, "description", p.Description, SummaryLimit)
	p.Tag = strings.TrimPrefix(strings.TrimSpace(p.Tag), "#")
	checkText(wrong, "tag", p.Tag, TagLimit)
	switch p.Scope {
	case WholeProject, ChosenChecks:
		p.Tag = ""
	case OneTag:
		if p.Tag == "" {
			wrong["tag"] = "is needed to show the checks that have it"
		}
	default:
		wrong["scope"] = "is not known"
	}
	if p.Zone = strings.TrimSpace(p.Zone); p.Zone != "" {
		zone, err := schedule.Zone(p.Zone)
		if err != nil {
			wrong["zone"] = err.Error()
		} else {
			p.Zone = zone.String()
		}
	}
	kept := map[CheckID]Appearance{}
	for id, a := range p.Checks {
		a.Name = ValidName(wrong, "names", a.Name, NameLimit)
		if a != (Appearance{}) {
			kept[id] = a
		}
	}
	p.Checks = kept
	return p, wrong.OrNil()
}

// Shows reports whether the page shows a check.
func (p StatusPage) Shows(c Check) bool {
	switch {
	case c.Project != p.Project:
		return false
	case p.Scope == WholeProject:
		return true
	case p.Scope == OneTag:
		return slices.Contains(c.Tags, p.Tag)
	}
	return p.Checks[c.ID].Chosen
}

// NameOf is what a check is called on the page.
func (p StatusPage) NameOf(c Check) string { return cmp.Or(p.Checks[c.ID].Name, c.Title()) }

// GroupOf is the tag under which the page lists a check; "" when it is under none.
func (p StatusPage) GroupOf(c Check) string {
	if !p.Grouped {
		return ""
	}
	for _, tag := range c.Tags {
		if tag != p.Tag {
			return tag
		}
	}
	return ""
}
