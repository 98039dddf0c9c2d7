package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"golang.org/x/net/html"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/web"
)

// newCheck is the form for a new check, filled in well.
func newCheck(name string) url.Values {
	return url.Values{
		"uuid": {uuid.NewString()}, "name": {name}, "kind": {"every"}, "every": {"1"}, "unit": {"days"}, "grace": {"1 h"},
		"cron": {""}, "cron_zone": {"UTC"}, "calendar": {""}, "calendar_zone": {"UTC"},
	}
}

func with(form url.Values, pairs ...string) url.Values {
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

func TestSpans(t *testing.T) {
	for _, test := range []struct {
		text string
		unit time.Duration
		want time.Duration
		ok   bool
	}{
		{"90 s", 0, 90 * time.Second, true},
		{"15 min", 0, 15 * time.Minute, true},
		{"2 h", 0, 2 * time.Hour, true},
		{"5m", 0, 5 * time.Minute, true},
		{"1h30m", 0, 90 * time.Minute, true},
		{"1 day 2 hours", 0, 26 * time.Hour, true},
		{"2 Weeks", 0, 14 * 24 * time.Hour, true},
		{"0 s", 0, 0, true},
		{"5", time.Minute, 5 * time.Minute, true},
		{"5m", time.Hour, 5 * time.Minute, true},
		{"0", time.Minute, 0, true},
		{"5", 0, 0, false},
		{"1h 5", time.Minute, 0, false},
		{"", time.Minute, 0, false},
		{"m", 0, 0, false},
		{"-5 m", 0, 0, false},
		{"1.5 h", 0, 0, false},
		{"5 fortnights", 0, 0, false},
		{"99999999999999999999 s", 0, 0, false},
		{"9223372036 s", 0, 0, false},
		{"٥ m", 0, 0, false},
	} {
		got, ok := web.ParseSpan(test.text, test.unit)
		if ok != test.ok || ok && got != test.want {
			t.Errorf("%q (%v): %v %v, want %v %v", test.text, test.unit, got, ok, test.want, test.ok)
		}
	}
}

func TestSlugs(t *testing.T) {
	for name, want := range map[string]string{
		"Nightly backup": "nightly-backup", "  DB → S3!  ": "db-s3", "a_b--c": "a_b-c", "Ünï": "n", "": "", "→": "",
		strings.Repeat("ab ", 50): strings.Trim(strings.Repeat("ab-", 34)[:100], "-"),
	} {
		if got := web.SlugOf(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}

func TestMakeAndEditACheck(t *testing.T) {
	s := newSite(t)
	desk, night := s.addChannel(s.project.ID, "Desk"), s.addChannel(s.project.ID, "Night")
	b := s.signedIn()
	page := b.get("/checks/new")
	s.wants(page, 200, "Every day", `value="`+idOf(desk.ID)+`" checked`, `value="`+idOf(night.ID)+`" checked`)

	form := newCheck("Nightly backup")
	form["channel"] = []string{idOf(desk.ID), idOf(night.ID)}
	form = with(form, "tags", "db #prod db", "description", "Call Ines.\r\nTwice.", "kind", "cron", "cron", " 0  3 * * * ", "cron_zone", "Europe/Riga", "grace", "30m", "limit", "2 h", "threshold", "3",
		"keywords", "on", "kw_fail", "ERROR", "others_fail", "on", "post_only", "on", "manual_resume", "on")
	w := b.ask("POST", "/checks", form)
	id := uuid.MustParse(form.Get("uuid"))
	s.leads(w, "/checks/"+id.String())
	check, err := s.st.Check(t.Context(), s.project.ID, id)
	s.ok(err)
	limit := 2 * time.Hour
	want := monitor.Config{
		Name: "Nightly backup", Slug: "nightly-backup", Description: "Call Ines.\nTwice.", Tags: []string{"db", "prod"},
		Schedule: schedule.Spec{Kind: schedule.Cron, Expr: "0 3 * * *", Zone: "Europe/Riga"},
		Grace:    30 * time.Minute, MaxRuntime: &limit, Threshold: new(3), ManualResume: true, PostOnly: true,
		Filter: monitor.Filter{On: true, Fail: "ERROR", Default: monitor.Fail},
	}
	if diff := cmp.Diff(want, check.Config); diff != "" {
		t.Error(diff)
	}
	if check.Status != monitor.New {
		t.Errorf("status %s", check.Status)
	}

	edit := "/checks/" + id.String() + "/edit"
	s.wants(b.get(edit), 200, "Edit Nightly backup", `value="30 min"`, `value="2 h"`, `name="threshold" value="3"`, `value="Europe/Riga"`, "Call Ines.\nTwice.", `value="db prod"`,
		`name="manual_resume" checked`, `name="post_only" checked`, `name="keywords" checked`, `name="others_fail" checked`)
	form = with(form, "name", "Nightly", "slug", "", "limit", "", "threshold", "", "kind", "calendar", "calendar", "*-*-28 02:30:00\nSun 04:00", "calendar_zone", "Europe/Berlin")
	form["channel"] = []string{idOf(night.ID)}
	for _, off := range []string{"keywords", "others_fail", "post_only", "manual_resume", "kw_fail"} {
		form.Del(off)
	}
	s.leads(b.ask("POST", "/checks/"+id.String(), form), "/checks/"+id.String())
	check, err = s.st.Check(t.Context(), s.project.ID, id)
	s.ok(err)
	if check.Name != "Nightly" || check.Slug != "" || check.MaxRuntime != nil || check.Threshold != nil || check.Schedule.Kind != schedule.OnCalendar || check.ManualResume || check.PostOnly || check.Filter.On {
		t.Errorf("edited: %+v", check.Config)
	}
	told, err := s.st.AssignedChannels(t.Context(), check.ID)
	s.ok(err)
	if diff := cmp.Diff([]monitor.ChannelID{night.ID}, told); diff != "" {
		t.Error(diff)
	}
	s.wants(b.get("/checks"), 200, "Saved.")
	form.Del("channel")
	s.leads(b.ask("POST", "/checks/"+id.String(), form), "/checks/"+id.String())
	if told, err = s.st.AssignedChannels(t.Context(), check.ID); err != nil || len(told) != 0 {
		t.Errorf("told %v %v", told, err)
	}
}

// A form that is saved as it was shown changes nothing.
func TestSavingWithoutAChange(t *testing.T) {
	s := newSite(t)
	channel := s.addChannel(s.project.ID, "Desk")
	b := s.signedIn()
	limit, second := 26*time.Hour+3*time.Second, time.Second
	for _, config := range []monitor.Config{
		{Name: "a", Schedule: schedule.Spec{Kind: schedule.Every, Period: 90 * time.Minute}, Grace: 61 * time.Second},
		{Name: "b", Schedule: schedule.Spec{Kind: schedule.Every, Period: time.Second}, Grace: 365 * 24 * time.Hour, MaxRuntime: &second, Threshold: new(1)},
		{
			Name: "c <b>", Slug: "c", Description: "two\nlines", Tags: []string{"x", "y&z"}, Grace: time.Hour, MaxRuntime: &limit,
			Schedule:     schedule.Spec{Kind: schedule.Cron, Expr: "*/5 1-3 * * MON", Zone: "Asia/Kathmandu"},
			ManualResume: true, PostOnly: true, Filter: monitor.Filter{On: true, Fail: "a, b", Success: "ok", Start: "go", Default: monitor.Fail},
		},
		{Name: "d", Grace: time.Hour, Schedule: schedule.Spec{Kind: schedule.OnCalendar, Expr: "Sun 04:00:00\n*-*-28 02:30:00", Zone: "Europe/Berlin"}},
	} {
		config, err := config.Valid()
		s.ok(err)
		check, err := s.st.CreateCheck(t.Context(), monitor.Create(monitor.Check{UUID: uuid.New(), Project: s.project.ID, Config: config}, s.now()), []monitor.ChannelID{channel.ID})
		s.ok(err)
		path := "/checks/" + check.UUID.String()
		s.leads(b.ask("POST", path, shownForm(t, b.get(path+"/edit"))), path)
		saved, err := s.st.Check(t.Context(), s.project.ID, check.UUID)
		s.ok(err)
		if diff := cmp.Diff(config, saved.Config); diff != "" {
			t.Errorf("%s:\n%s", config.Name, diff)
		}
		if told, err := s.st.AssignedChannels(t.Context(), check.ID); err != nil || len(told) != 1 {
			t.Errorf("%s tells %v, %v", config.Name, told, err)
		}
	}
}

// shownForm is what a browser would send of the form of a page.
func shownForm(t *testing.T, w *httptest.ResponseRecorder) url.Values {
	t.Helper()
	page, err := html.Parse(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{}
	var list string // name of the select that the options are of
	for node := range page.Descendants() {
		attr := map[string]string{}
		for _, a := range node.Attr {
			attr[a.Key] = a.Val
		}
		_, checked := attr["checked"]
		_, selected := attr["selected"]
		switch {
		case node.Type != html.ElementNode:
		case node.Data == "input" && (attr["type"] == "checkbox" || attr["type"] == "radio"):
			value, ok := attr["value"]
			if !ok {
				value = "on"
			}
			if checked {
				form.Add(attr["name"], value)
			}
		case node.Data == "input":
			form.Add(attr["name"], attr["value"])
		case node.Data == "textarea":
			text := ""
			if node.FirstChild != nil {
				text = node.FirstChild.Data
			}
			form.Add(attr["name"], strings.ReplaceAll(text, "\n", "\r\n"))
		case node.Data == "select":
			list = attr["name"]
		case node.Data == "option" && selected:
			form.Add(list, node.FirstChild.Data)
		}
	}
	return form
}

func TestFormSentTwiceMakesOneCheck(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	form := newCheck("Nightly")
	s.leads(b.ask("POST", "/checks", form), "/checks/"+form.Get("uuid"))
	s.leads(b.ask("POST", "/checks", form), "/checks/"+form.Get("uuid"))
	checks, err := s.st.Checks(t.Context(), s.project.ID, 10)
	s.ok(err)
	if len(checks) != 1 {
		t.Errorf("%d checks", len(checks))
	}
	s.wants(b.ask("POST", "/checks", with(newCheck("x"), "uuid", "not one")), http.StatusBadRequest)
}

func TestSlugsOfForms(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	first, same, asked := newCheck("Nightly"), newCheck("Nightly"), with(newCheck("Other"), "slug", "nightly")
	s.leads(b.ask("POST", "/checks", first), "/checks/"+first.Get("uuid"))
	s.leads(b.ask("POST", "/checks", same), "/checks/"+same.Get("uuid")) // its own proposal is taken: it has none
	s.wants(b.ask("POST", "/checks", asked), http.StatusUnprocessableEntity, "Slug is taken by another check of this project.", `value="Other"`)
	s.wants(b.ask("POST", "/checks/"+same.Get("uuid"), with(same, "slug", "nightly")), http.StatusUnprocessableEntity, "is taken by another check")

	wrong := with(newCheck("Ledger close"), "slug", "Ledger Close")
	s.wants(b.ask("POST", "/checks", wrong), http.StatusUnprocessableEntity, "Use ledger-close", `value="Ledger Close"`)
	s.leads(b.ask("POST", "/checks", with(wrong, "use_slug", "ledger-close")), "/checks/"+wrong.Get("uuid"))
	check, err := s.st.Check(t.Context(), s.project.ID, uuid.MustParse(wrong.Get("uuid")))
	s.ok(err)
	if check.Slug != "ledger-close" {
		t.Errorf("slug %q", check.Slug)
	}
}

// Whatever is wrong, the form comes back with all that was typed, and says it
// twice: above and beside the field.
func TestBadFormsLoseNothing(t *testing.T) {
	s := newSite(t)
	desk := s.addChannel(s.project.ID, "Desk")
	b := s.signedIn()
	form := with(newCheck(""), "tags", "a,b", "description", "Line one\nline two", "kind", "cron", "cron", "61 * * * *", "cron_zone", "Mars/Olympus",
		"every", "77", "unit", "minutes", "calendar", "*-*-31", "grace", "soon", "limit", "5 parsecs", "kw_success", "done <ok>", "post_only", "on", "channel", idOf(desk.ID))
	w := b.ask("POST", "/checks", form)
	s.wants(w, http.StatusUnprocessableEntity, "Not saved: 6 fields need a change.",
		`<a href="#name">Name</a> is missing`, `<a href="#tags">Tags</a>`, `<a href="#cron">Cron expression</a>`, `<a href="#cron_zone">Time zone</a>`,
		`<a href="#grace">Grace</a> is not a length of time`, `<a href="#limit">Run limit</a> is not a length of time`,
		`id="name-error"`, `id="grace-error"`, `aria-describedby="grace-error grace-hint"`,
		`value="a,b"`, "Line one\nline two</textarea>", `value="61 * * * *"`, `value="Mars/Olympus"`, `value="77"`, "<option selected>minutes</option>", "*-*-31</textarea>",
		`value="soon"`, `value="5 parsecs"`, `value="done &lt;ok&gt;"`, `name="post_only" checked`, `value="`+idOf(desk.ID)+`" checked`, `value="cron" checked`,
		`value="`+form.Get("uuid")+`"`)
	for _, test := range []struct {
		name  string
		pairs []string
		want  string
	}{
		{"no period", []string{"every", ""}, `<a href="#every">Every</a> is missing`},
		{"period of 0", []string{"every", "0"}, `<a href="#every">Every</a> must be`},
		{"no grace", []string{"grace", ""}, `<a href="#grace">Grace</a> is missing`},
		{"grace of 0", []string{"grace", "0 s"}, `<a href="#grace">Grace</a> must be`},
		{"limit of 0", []string{"limit", "0 s"}, `<a href="#limit">Run limit</a> must be`},
		{"grace of years", []string{"grace", "366 days"}, `<a href="#grace">Grace</a> must be`},
		{"impossible date", []string{"kind", "cron", "cron", "0 0 31 2 *"}, `<a href="#cron">Cron expression</a>`},
		{"no calendar", []string{"kind", "calendar", "calendar", ""}, `<a href="#calendar">OnCalendar</a>`},
		{"no kind", []string{"kind", "sometimes"}, "is of no known kind"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := s.in(t)
			b := &browser{site: s, jar: b.jar, remote: b.remote}
			s.wants(b.ask("POST", "/checks", with(newCheck("Nightly"), test.pairs...)), http.StatusUnprocessableEntity, test.want)
		})
	}
	checks, err := s.st.Checks(t.Context(), s.project.ID, 10)
	s.ok(err)
	if len(checks) != 0 {
		t.Errorf("%d checks were made", len(checks))
	}
}

func TestLargeForms(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	w := b.ask("POST", "/checks", with(newCheck("x"), "description", strings.Repeat("x", 1<<20)))
	s.wants(w, http.StatusRequestEntityTooLarge, "Too large")
	if w.Header().Get("Connection") != "close" {
		t.Error("the connection is kept for the rest of a form that nobody reads")
	}
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/checks", strings.NewReader("name=x"))
	r.Host, r.ContentLength = s.base.Host, 99_999_999
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := httptest.NewRecorder()
	s.handler.ServeHTTP(answer, r)
	s.wants(answer, http.StatusRequestEntityTooLarge)
	s.wants(b.ask("POST", "/checks", nil, "Content-Type", "application/x-www-form-urlencoded; charset=%%"), http.StatusBadRequest)
}

func TestPreview(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	w := b.get("/schedule/preview?kind=cron&cron=30+2+28+*+*&cron_zone=Europe/Berlin")
	s.wants(w, 200, `id="preview"`, "02:30", "Times in Europe/Berlin.")
	if n := strings.Count(w.Body.String(), "<time"); n != 5 {
		t.Errorf("%d due times\n%s", n, w.Body)
	}
	if strings.Contains(w.Body.String(), "<html") {
		t.Error("the live part is a whole page")
	}
	s.wants(b.get("/schedule/preview?kind=cron&cron=0+3+*+*+*&cron_zone=Mars/Olympus"), 200, "Time zone")
	s.wants(b.get("/schedule/preview?kind=cron&cron=nonsense&cron_zone=UTC"), 200, "Cron expression")
	s.wants(b.get("/schedule/preview?kind=every&every=5m&unit=days"), 200, "Every 5 min", "Counted from the last ping")
	s.wants(b.get("/schedule/preview"), 200, "of no known kind")

	form := with(newCheck("Nightly"), "kind", "cron", "cron", "0 3 * * *", "preview", "1")
	s.wants(b.ask("POST", "/checks", form), 200, "03:00", `value="Nightly"`)
	if checks, err := s.st.Checks(t.Context(), s.project.ID, 10); err != nil || len(checks) != 0 {
		t.Errorf("a preview made %d checks, %v", len(checks), err)
	}
}

// Names are text, whatever they are made of.
func TestHostileTextStaysText(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	shape := func(w *httptest.ResponseRecorder) map[string]int {
		s.Helper()
		if w.Code >= 500 {
			t.Fatalf("answered %d", w.Code)
		}
		page, err := html.Parse(w.Body)
		s.ok(err)
		found := map[string]int{}
		for node := range page.Descendants() {
			if node.Type != html.ElementNode {
				continue
			}
			found[node.Data]++
			for _, attr := range node.Attr {
				if strings.HasPrefix(attr.Key, "on") || attr.Key != "value" && strings.HasPrefix(attr.Val, "javascript:") {
					t.Errorf("attribute %s=%q", attr.Key, attr.Val)
				}
			}
		}
		return found
	}
	filled := func(text string) url.Values {
		return with(newCheck(text), "slug", text, "tags", "t", "description", text, "kind", text, "every", text, "unit", text, "cron", text, "cron_zone", text,
			"calendar", text, "calendar_zone", text, "grace", text, "limit", text, "kw_fail", text, "kw_success", text, "kw_start", text)
	}
	baseline := shape(b.ask("POST", "/checks", filled("x y")))
	for _, text := range []string{
		`<img src=x onerror=alert(1)>`, `"><svg/onload=1>`, `' onmouseover='x`, "`${1}`", `javascript:alert(1)`,
		`</title></script><script>alert(1)</script>`, `</textarea><script>x</script>`, `{{7*7}}{%print%}#{}`, `%3Cscript%3E`, `=HYPERLINK("http://evil")`, "&lt;b&gt;&#0;",
	} {
		if diff := cmp.Diff(baseline, shape(b.ask("POST", "/checks", filled(text)))); diff != "" {
			t.Errorf("%q changes the page:\n%s", text, diff)
		}
		form := newCheck(text)
		s.leads(b.ask("POST", "/checks", form), "/checks/"+form.Get("uuid"))
		got := shape(b.get("/checks/" + form.Get("uuid") + "/edit"))
		if got["script"] != baseline["script"] || got["img"] != 0 || got["b"] > baseline["b"] {
			t.Errorf("%q on the form of a stored check: %v", text, got)
		}
	}
	for name, text := range map[string]string{
		"direction": "abc\u202egnp.exe", "control": "a\x00b", "long": strings.Repeat("x", 101), "combining": "z" + strings.Repeat("\u0301", 10_000), "not UTF-8": "\xff\xfe",
	} {
		if w := b.ask("POST", "/checks", newCheck(text)); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	family := newCheck(strings.Repeat("👨‍👩‍👧 ", 16)) // 96 characters
	s.leads(b.ask("POST", "/checks", family), "/checks/"+family.Get("uuid"))
}

// A link to a check of another of one's projects works, and shows that project.
func TestChecksOfAllOnesProjects(t *testing.T) {
	s := newSite(t)
	other, err := s.st.CreateProject(t.Context(), projectNamed("Staging"), s.user.ID)
	s.ok(err)
	check := s.addCheck(other.ID, "Theirs")
	b := s.signedIn()
	s.wants(b.get("/checks/"+check.UUID.String()+"/edit"), 200, "Edit Theirs · Staging")
	s.wants(b.get("/channels"), 200, "Channels · Main")
	s.leads(b.post("/project", "project", idOf(other.ID)), "/checks")
	s.wants(b.get("/channels"), 200, "Channels · Staging")
}
