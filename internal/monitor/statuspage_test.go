package monitor_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
)

func statusPage(change func(*monitor.StatusPage)) monitor.StatusPage {
	p := monitor.StatusPage{Project: 1, Address: "northwind", Title: "Northwind", Scope: monitor.WholeProject}
	if change != nil {
		change(&p)
	}
	return p
}

func TestStatusPageIsValid(t *testing.T) {
	long := strings.Repeat
	for name, tt := range map[string]struct {
		change func(*monitor.StatusPage)
		wrong  []string
	}{
		"good":                   {nil, nil},
		"shortest address":       {func(p *monitor.StatusPage) { p.Address = long("a", monitor.AddressMin) }, nil},
		"longest address":        {func(p *monitor.StatusPage) { p.Address = long("a", monitor.AddressMax) }, nil},
		"short address":          {func(p *monitor.StatusPage) { p.Address = long("a", monitor.AddressMin-1) }, []string{"address"}},
		"long address":           {func(p *monitor.StatusPage) { p.Address = long("a", monitor.AddressMax+1) }, []string{"address"}},
		"path as address":        {func(p *monitor.StatusPage) { p.Address = "../api" }, []string{"address"}},
		"dots":                   {func(p *monitor.StatusPage) { p.Address = "north.json" }, []string{"address"}},
		"dash at the end":        {func(p *monitor.StatusPage) { p.Address = "north-" }, []string{"address"}},
		"ours":                   {func(p *monitor.StatusPage) { p.Address = "Login" }, []string{"address"}},
		"no title":               {func(p *monitor.StatusPage) { p.Title = " " }, []string{"title"}},
		"long title":             {func(p *monitor.StatusPage) { p.Title = long("ä", monitor.TitleLimit+1) }, []string{"title"}},
		"long description":       {func(p *monitor.StatusPage) { p.Description = long("ä", monitor.SummaryLimit+1) }, []string{"description"}},
		"turned text":            {func(p *monitor.StatusPage) { p.Title = "a\u202eb" }, []string{"title"}},
		"no tag":                 {func(p *monitor.StatusPage) { p.Scope = monitor.OneTag }, []string{"tag"}},
		"no scope":               {func(p *monitor.StatusPage) { p.Scope = "all" }, []string{"scope"}},
		"no such zone":           {func(p *monitor.StatusPage) { p.Zone = "Mars/Olympus" }, []string{"zone"}},
		"long name of a check":   {func(p *monitor.StatusPage) { p.Checks = names(long("ä", monitor.NameLimit+1)) }, []string{"names"}},
		"turned name of a check": {func(p *monitor.StatusPage) { p.Checks = names("a\u202eb") }, []string{"names"}},
	} {
		_, err := statusPage(tt.change).Valid()
		var wrong fault.Invalid
		errors.As(err, &wrong)
		if got := slices.Sorted(maps.Keys(wrong)); !slices.Equal(got, tt.wrong) {
			t.Errorf("%s: wrong are %v, want %v", name, got, tt.wrong)
		}
	}
}

func names(name string) map[monitor.CheckID]monitor.Appearance {
	return map[monitor.CheckID]monitor.Appearance{1: {Name: name}}
}

func TestStatusPageIsCanonical(t *testing.T) {
	got, err := statusPage(func(p *monitor.StatusPage) {
		p.Address, p.Title, p.Description, p.Zone = " NorthWind ", " Northwind ", "a\r\nb ", "europe/berlin"
		p.Scope, p.Tag = monitor.OneTag, "#prod"
		p.Checks = map[monitor.CheckID]monitor.Appearance{1: {}, 2: {Name: " Mail "}, 3: {Chosen: true}}
	}).Valid()
	want := statusPage(func(p *monitor.StatusPage) {
		p.Description, p.Zone, p.Scope, p.Tag = "a\nb", "Europe/Berlin", monitor.OneTag, "prod"
		p.Checks = map[monitor.CheckID]monitor.Appearance{2: {Name: "Mail"}, 3: {Chosen: true}}
	})
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// A page shows what was chosen, and of no other project.
func TestStatusPageShows(t *testing.T) {
	check := func(id monitor.CheckID, project monitor.ProjectID, tags ...string) monitor.Check {
		return monitor.Check{ID: id, Project: project, Config: monitor.Config{Name: "internal", Tags: tags}}
	}
	chosen := map[monitor.CheckID]monitor.Appearance{1: {Chosen: true, Name: "Public"}, 2: {Name: "Named only"}, 9: {Chosen: true}}
	for _, tt := range []struct {
		scope monitor.Scope
		want  []bool
	}{
		{monitor.WholeProject, []bool{true, true, false}},
		{monitor.OneTag, []bool{false, true, false}},
		{monitor.ChosenChecks, []bool{true, false, false}},
		{"", []bool{true, false, false}},
	} {
		page := statusPage(func(p *monitor.StatusPage) { p.Scope, p.Tag, p.Checks = tt.scope, "prod", chosen })
		for i, c := range []monitor.Check{check(1, 1, "web"), check(2, 1, "prod", "web"), check(9, 2, "prod")} {
			if got := page.Shows(c); got != tt.want[i] {
				t.Errorf("%q, check %d: %v", tt.scope, c.ID, got)
			}
		}
	}
	page := statusPage(func(p *monitor.StatusPage) { p.Tag, p.Grouped, p.Checks = "prod", true, chosen })
	if got := []string{page.NameOf(check(1, 1)), page.NameOf(check(3, 1)), page.GroupOf(check(2, 1, "prod", "web")), page.GroupOf(check(2, 1, "prod"))}; !slices.Equal(got, []string{"Public", "internal", "web", ""}) {
		t.Errorf("%q", got)
	}
	page.Grouped = false
	if got := page.GroupOf(check(2, 1, "web")); got != "" {
		t.Errorf("group %q of a page without groups", got)
	}
}
