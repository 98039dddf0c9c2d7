package templates_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/templates"
)

var (
	hashedName = regexp.MustCompile(`(/static/[a-z-]+)\.[0-9a-f]{12}\.`)
	symbols    = regexp.MustCompile(`(?s)<svg hidden>.*?</svg>`)
)

// rendered is a component as HTML.
func rendered(t *testing.T, c templ.Component) string {
	t.Helper()
	var html strings.Builder
	if err := c.Render(t.Context(), &html); err != nil {
		t.Fatal(err)
	}
	return html.String()
}

// goldenPage compares a page with its golden file, an element a line, without what
// is the same on all pages and without the hashes of the static files.
func goldenPage(t *testing.T, name string, c templ.Component) {
	t.Helper()
	html := symbols.ReplaceAllString(rendered(t, c), "")
	html = hashedName.ReplaceAllString(html, "$1.")
	golden(t, name, strings.ReplaceAll(html, "><", ">\n<")+"\n")
}

// frame is the frame of a page in the project Production at 09:14:31 in Berlin.
func frame(t *testing.T, title, here string) templates.Page {
	t.Helper()
	at := clock(t)
	return templates.Page{
		Title: title, Here: here, User: "ines.marten@northwind.example", Project: "Production", Role: account.Owner,
		Projects: []templates.ProjectState{
			{ID: 1, Name: "Production", Current: true, Status: monitor.Down, Words: "2 down", Down: 2},
			{ID: 2, Name: "Staging", Status: monitor.Up, Words: "9 up"},
		},
		Worst: monitor.Down, Down: 2, Clock: at, JudgedUpTo: at.Now,
		Blind:   &monitor.Blind{From: instant(t, "2026-11-14T00:52:00Z"), To: instant(t, "2026-11-14T02:10:00Z"), Cause: "the process was not running"},
		Version: "1.0",
	}
}

// door is the frame for who is not signed in.
func door(t *testing.T, title string) templates.Page {
	t.Helper()
	at := clock(t)
	return templates.Page{Title: title, Clock: at, JudgedUpTo: at.Now, Version: "1.0"}
}

func TestLogin(t *testing.T) {
	goldenPage(t, "login.html", templates.Login(templates.LoginPage{
		Page: door(t, "Log in"), Email: "ines@northwind.example", Next: "/deliveries", Error: "E-mail and password do not match.",
		Ways: templates.Ways{Passkeys: true, SSO: "Northwind SSO"},
	}))
}

func TestSetup(t *testing.T) {
	goldenPage(t, "setup.html", templates.Setup(templates.SetupPage{
		Page: door(t, "The first account"), Token: "81sjuqlpxs5tal0a05q67exiwxsz0ddj", Email: "ines",
		Problems: []templates.Problem{{ID: "email", Label: "E-mail", Words: "is not one plain address, such as you@example.org"}},
		Wrong:    map[string]string{"email": "is not one plain address, such as you@example.org"},
	}))
}

func TestErrorPage(t *testing.T) {
	page := frame(t, "Something is wrong here", "")
	page.Flash = "Saved."
	goldenPage(t, "error.html", templates.ErrorPage(templates.FaultPage{
		Page: page, What: "An error inside Rollcall stopped this request.", RequestID: "J6BW6XBYX7LRH6STLJLFLPIYCZ", Back: "/checks", BackWords: "Back to the checks",
	}))
}

func TestSettings(t *testing.T) {
	goldenPage(t, "settings.html", templates.Settings(templates.SettingsPage{
		Page: frame(t, "Settings", "/settings"), Base: "https://rollcall.example",
	}))
}

func TestKeys(t *testing.T) {
	made := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	goldenPage(t, "keys.html", templates.Keys(templates.KeysPage{
		Page: frame(t, "Keys", "/settings"), Base: "https://rollcall.example", Kind: account.KeyPing, Name: "web-1", Fresh: "0fpmbuc5oa6itqh9oraxni",
		List: []account.Key{
			{ID: 1, Kind: account.KeyReadWrite, Name: "first", Created: made},
			{ID: 2, Kind: account.KeyPing, Name: "web-1", Ending: "axni", By: "ines@example.org", Created: made, Used: made.Add(time.Hour)},
		},
	}))
}

func TestFrame(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*templates.Page)
		want   []string
		not    string
	}{
		{"down", func(*templates.Page) {}, []string{
			"<title>2 down · Channels · Production</title>", `<a href="/channels" aria-current="page">`, ">IM</span>",
			"Last blind interval:", "09:14:31", "Times in Europe/Berlin",
		}, ""},
		{
			"well", func(p *templates.Page) { p.Worst, p.Down, p.Blind = monitor.Up, 0, nil },
			[]string{"<title>Channels · Production</title>"},
			"blind interval",
		},
		{"nothing judged yet", func(p *templates.Page) { p.JudgedUpTo = time.Time{} }, []string{"No deadline has been judged yet."}, ""},
		{"alerts are delayed", func(p *templates.Page) { p.Delayed = p.Now }, []string{"Alerts have been delayed since", "None is lost"}, ""},
		{"nobody", func(p *templates.Page) { p.User = "" }, []string{"<title>Channels · Rollcall</title>"}, "<nav"},
		{"odd name", func(p *templates.Page) { p.User = "+@example.org" }, []string{`<span class="avatar" aria-hidden="true"></span>`}, ""},
		{"hostile name", func(p *templates.Page) { p.Title = "</title><script>x</script>" }, []string{"&lt;/title&gt;&lt;script&gt;"}, "<script>x"},
	} {
		t.Run(test.name, func(t *testing.T) {
			page := frame(t, "Channels", "/channels")
			test.change(&page)
			html := rendered(t, templates.Layout(page))
			for _, want := range test.want {
				if !strings.Contains(html, want) {
					t.Errorf("the page lacks %q\n%s", want, html)
				}
			}
			if test.not != "" && strings.Contains(html, test.not) {
				t.Errorf("the page has %q", test.not)
			}
		})
	}
}

func TestProjectState(t *testing.T) {
	type counts = map[monitor.Status]int
	for _, test := range []struct {
		counts counts
		want   templates.ProjectState
	}{
		{nil, templates.ProjectState{Status: monitor.New, Words: "no checks"}},
		{counts{monitor.Up: 2}, templates.ProjectState{Status: monitor.Up, Words: "2 up"}},
		{counts{monitor.Up: 1, monitor.Late: 1}, templates.ProjectState{Status: monitor.Late, Words: "1 late"}},
		{counts{monitor.Up: 1, monitor.Late: 1, monitor.Down: 2}, templates.ProjectState{Status: monitor.Down, Words: "2 down", Down: 2}},
	} {
		if got := templates.ProjectStateOf(test.counts); got != test.want {
			t.Errorf("%+v, want %+v", got, test.want)
		}
	}
}
