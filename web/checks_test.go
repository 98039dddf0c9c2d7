package web_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/templates"
)

// receive lets a ping arrive at a check by its rules, through the door.
func (s *site) receive(check monitor.Check, p monitor.Ping) monitor.Change {
	s.Helper()
	if p.At.IsZero() {
		p.At = s.now()
	}
	p.Method, p.Scheme, p.BodySize = http.MethodPost, "https", int64(len(p.Body))
	return s.change(check, func(c monitor.Check) monitor.Change { return c.Receive(p) })
}

func (s *site) change(check monitor.Check, decide func(monitor.Check) monitor.Change) monitor.Change {
	s.Helper()
	results, err := s.st.Transitions(s.Context(), []store.Step{{Ref: store.Ref{ID: check.ID}, Decide: decide}})
	s.ok(err)
	s.ok(results[0].Err)
	s.live.Changed(check.Project)
	return results[0].Change
}

// poll asks for what is new as htmx does.
func (b *browser) poll(path, seen string) (html, reswap string) {
	b.Helper()
	w := b.ask(http.MethodGet, path, nil, "HX-Request", "true", templates.SeenHeader, seen)
	if w.Code != http.StatusOK {
		b.Fatalf("polling %s answered %d\n%s", path, w.Code, w.Body)
	}
	return w.Body.String(), w.Header().Get("HX-Reswap")
}

var seenInPage = regexp.MustCompile(`Rollcall-Seen&#34;:&#34;([^&]+)&#34;|data-seen="([^"]+)" data-versions="([^"]+)"`)

// seenBy is what a page says that it shows.
func (s *site) seenBy(html string) string {
	s.Helper()
	m := seenInPage.FindStringSubmatch(html)
	if m == nil {
		s.Fatalf("the page does not say what it shows\n%s", html)
	}
	return m[1] + m[2] + m[3]
}

func TestANewProjectShowsHowToMakeItsFirstCheck(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	w := b.get("/checks")
	s.wants(w, http.StatusOK, "Your first check", "A check has an address of its own")
	if _, reswap := b.poll("/checks", s.seenBy(w.Body.String())); reswap != "none" {
		t.Errorf("nothing happened, and the page is swapped: %q", reswap)
	}
	s.addCheck(s.project.ID, "Nightly")
	refresh := b.ask(http.MethodGet, "/checks", nil, "HX-Request", "true", templates.SeenHeader, templates.SeenEmpty)
	if got := refresh.Header().Get("HX-Refresh"); got != "true" {
		t.Errorf("the first check appeared: HX-Refresh is %q", got)
	}
}

// The page of a project whose one check was never pinged stays while nothing happens.
func TestTheFirstCheckWaitsOnItsPage(t *testing.T) {
	s := newSite(t)
	s.ok(s.st.DeleteProject(t.Context(), s.project.ID))
	b := s.signedIn()
	s.leads(b.post("/projects", "name", "Second"), "/checks")
	w := b.get("/checks")
	s.wants(w, http.StatusOK, "Your first check", "/ping/")
	page, reswap := b.poll("/checks", s.seenBy(w.Body.String()))
	if reswap != "none" || strings.Contains(page, `id="facets"`) || strings.Contains(page, `id="list"`) {
		t.Errorf("nothing happened, and the page is swapped: %q\n%s", reswap, page)
	}
}

func TestTheListShowsWhatIsGoingOn(t *testing.T) {
	s := newSite(t)
	down, up := s.addCheck(s.project.ID, "Nightly & backup"), s.addCheck(s.project.ID, "Queue")
	s.receive(up, monitor.Ping{Signal: monitor.Success})
	s.receive(down, monitor.Ping{Signal: monitor.Fail, Exit: new(int64(3))})
	b := s.signedIn()
	s.wants(b.get("/checks"), http.StatusOK,
		"<title>1 down · Checks · Main</title>", "favicon-down.", "Needs attention", "Nightly &amp; backup",
		"Reported exit status 3.", "Every hour", "Last 1 run: 1 failed", "/checks/"+up.UUID.String())
	s.wants(b.get("/checks?status=up"), http.StatusOK, "Queue")
	if page := b.get("/checks?status=up").Body.String(); strings.Contains(page, "Nightly") {
		t.Error("a filter lets through what it should not")
	}
	s.wants(b.get("/checks?q=nothing"), http.StatusOK, "No check matches “nothing”.")
}

// A browser that shows the list already is sent the frame, and the rows that say
// something else; other rows, or another order, are sent whole.
func TestTheListIsLive(t *testing.T) {
	s := newSite(t)
	check, other := s.addCheck(s.project.ID, "Nightly"), s.addCheck(s.project.ID, "Hourly")
	b := s.signedIn()
	seen := s.seenBy(b.get("/checks").Body.String())
	html, reswap := b.poll("/checks", seen)
	if reswap != "none" || strings.Contains(html, "<tr") || !strings.Contains(html, `id="foot"`) {
		t.Errorf("nothing happened: HX-Reswap %q\n%s", reswap, html)
	}
	s.receive(check, monitor.Ping{Signal: monitor.Success})
	html, reswap = b.poll("/checks", seen)
	if reswap != "none" || !strings.Contains(html, `<tr id="c-`+check.UUID.String()) || strings.Contains(html, other.UUID.String()) ||
		!strings.Contains(html, "1 good") || !strings.Contains(html, `id="facets"`) {
		t.Errorf("a ping: HX-Reswap %q\n%s", reswap, html)
	}
	s.receive(check, monitor.Ping{Signal: monitor.Fail})
	html, reswap = b.poll("/checks", seen)
	if reswap != "" || !strings.Contains(html, "<title>1 down · Checks · Main</title>") || !strings.Contains(html, "Reported a failure.") {
		t.Errorf("a check went down: HX-Reswap %q\n%s", reswap, html)
	}
	if s.seenBy(html) == seen {
		t.Error("another list has the same name")
	}
}

func TestRowsAreDrawnWhenTheyAreScrolledTo(t *testing.T) {
	s := newSite(t)
	for i := range 3 {
		s.addCheck(s.project.ID, fmt.Sprintf("Job %d", i))
	}
	b := s.signedIn()
	html, reswap := b.poll("/checks?rows=1-3", "")
	if got := strings.Count(html, `hx-swap-oob="true"`); reswap != "none" || got != 2 || !strings.Contains(html, "no runs yet") {
		t.Errorf("%d rows, HX-Reswap %q\n%s", got, reswap, html)
	}
	if html, _ := b.poll("/checks?rows=3-900", ""); strings.Contains(html, "<tr") {
		t.Errorf("there are no such rows\n%s", html)
	}
	for _, rows := range []string{"x", "3", "3-2", "-1-2", "5-5"} {
		s.wants(b.ask(http.MethodGet, "/checks?rows="+rows, nil, "HX-Request", "true"), http.StatusNotFound)
	}
	s.wants(b.get("/checks?rows=1-3"), http.StatusOK, "<h1>Checks</h1>", "Job 0") // without script it is the list
}

func TestChecksOfOtherProjectsAreNotShown(t *testing.T) {
	s := newSite(t)
	_, other := s.addAccount("eve@example.org", "", "Theirs")
	check := s.addCheck(other.ID, "Secret job")
	s.receive(check, monitor.Ping{Signal: monitor.Success, Body: []byte("secret")})
	b := s.signedIn()
	path := "/checks/" + check.UUID.String()
	for _, get := range []string{path, path + "/pings/1", path + "/pings/1/body", "/go/" + monitor.PageKey(check.UUID)} {
		s.wants(b.get(get), http.StatusNotFound)
	}
	for _, post := range []string{path + "/pause", path + "/resume", path + "/delete"} {
		s.wants(b.post(post, "confirm", "yes"), http.StatusNotFound)
	}
	if page := b.get("/checks").Body.String(); strings.Contains(page, "Secret job") {
		t.Error("the list shows a check of another project")
	}
	if _, err := s.st.Check(t.Context(), other.ID, check.UUID); err != nil {
		t.Errorf("the check is gone: %v", err)
	}
}

func TestLinksOfMailsLeadToTheCheck(t *testing.T) {
	s := newSite(t)
	check := s.addCheck(s.project.ID, "Nightly")
	link := "/go/" + monitor.PageKey(check.UUID)
	s.leads(s.signedIn().get(link), "/checks/"+check.UUID.String())
	s.leads(s.browser().get(link), "/login?next="+"%2Fgo%2F"+monitor.PageKey(check.UUID))
	s.wants(s.signedIn().get("/go/0123456789abcdef0123"), http.StatusNotFound)
}

func TestACheckHasAPage(t *testing.T) {
	s := newSite(t)
	channel := s.addChannel(s.project.ID, "Night shift")
	check := s.addCheck(s.project.ID, "Nightly", channel.ID)
	b := s.signedIn()
	path := "/checks/" + check.UUID.String()
	s.wants(b.get(path), http.StatusOK, "Waiting for the first ping", "It is never late before its first ping.",
		"http://localhost:8000/ping/<wbr>"+check.UUID.String(), "/ping/<wbr>PING-KEY/nightly", "same as grace: 1 min")
	at := s.now().Add(-10 * time.Minute)
	s.receive(check, monitor.Ping{At: at, Signal: monitor.Start, RunID: "r1"})
	s.receive(check, monitor.Ping{At: at.Add(30 * time.Second), Signal: monitor.Fail, RunID: "r1", Exit: new(int64(0x80)), Body: []byte("<b>two</b>\nlines")})
	s.wants(b.get(path), http.StatusOK, "Down since", "Reported exit status 128 after 30 s.", "Run failed", "30 s",
		"&lt;b&gt;two&lt;/b&gt;\nlines", "Output, 2 lines, 16 B", "Night shift", "is being told")
	for _, show := range []string{"pings", "changes", "alerts", "nonsense"} {
		s.wants(b.get(path+"?show="+show+"&before=1-1-1-1"), http.StatusOK, "Timeline")
	}
}

func TestTheTimelineOfACheckIsLive(t *testing.T) {
	s := newSite(t)
	check := s.addCheck(s.project.ID, "Nightly")
	b := s.signedIn()
	path := "/checks/" + check.UUID.String()
	seen := s.seenBy(b.get(path).Body.String())
	if html, reswap := b.poll(path, seen); reswap != "none" || strings.Contains(html, "timeline") {
		t.Errorf("nothing happened: HX-Reswap %q\n%s", reswap, html)
	}
	s.receive(check, monitor.Ping{Signal: monitor.Success})
	html, reswap := b.poll(path, seen)
	if reswap != "" || !strings.Contains(html, `id="timeline"`) || !strings.Contains(html, `id="verdict"`) || strings.Contains(html, "Waiting for") {
		t.Errorf("the first ping: HX-Reswap %q\n%s", reswap, html)
	}
}

// A timeline goes back in pages, each below the last, until the first ping.
func TestTheTimelineHasPages(t *testing.T) {
	s := newSite(t)
	check := s.addCheck(s.project.ID, "Nightly")
	at := s.now().Add(-3 * time.Hour)
	for i := range 100 {
		s.receive(check, monitor.Ping{At: at.Add(time.Duration(i) * time.Minute), Signal: monitor.Log, Body: []byte{byte('a' + i%26)}})
	}
	b := s.signedIn()
	older := regexp.MustCompile(`href="([^"]*before=[^"#]*)`)
	path, pages, pings := "/checks/"+check.UUID.String(), 0, 0
	for path != "" {
		w := b.get(strings.ReplaceAll(path, "&amp;", "&"))
		s.wants(w, http.StatusOK)
		pages, pings = pages+1, pings+strings.Count(w.Body.String(), "/pings/")
		path = ""
		if m := older.FindStringSubmatch(w.Body.String()); m != nil {
			path = m[1]
		}
	}
	if pages != 2 || pings != 100 {
		t.Errorf("%d pings on %d pages, want 100 on 2", pings, pages)
	}
}

func TestPauseAndResume(t *testing.T) {
	s := newSite(t)
	check := s.addCheck(s.project.ID, "Nightly")
	b := s.signedIn()
	path := "/checks/" + check.UUID.String()
	status := func() monitor.Status {
		c, err := s.st.Check(t.Context(), s.project.ID, check.UUID)
		s.ok(err)
		return c.Status
	}
	for _, step := range []struct {
		post string
		want monitor.Status
		says string
	}{
		{"/pause", monitor.Paused, "Resume"},
		{"/pause", monitor.Paused, "Resume"}, // once more is no mistake
		{"/resume", monitor.New, "Pause"},
		{"/resume", monitor.New, "Pause"},
	} {
		s.leads(b.post(path+step.post), path)
		if got := status(); got != step.want {
			t.Errorf("after %s it is %s, want %s", step.post, got, step.want)
		}
		s.wants(b.get(path), http.StatusOK, step.says+"</button>")
	}
}

func TestDeletingNeedsItsTick(t *testing.T) {
	s := newSite(t)
	check := s.addCheck(s.project.ID, "Nightly")
	b := s.signedIn()
	path := "/checks/" + check.UUID.String()
	s.wants(b.post(path+"/delete"), http.StatusUnprocessableEntity, "needs the tick that confirms it")
	s.wants(b.get(path), http.StatusOK, "Yes, delete Nightly")
	s.leads(b.post(path+"/delete", "confirm", "yes"), "/checks")
	s.wants(b.get("/checks"), http.StatusOK, "Deleted Nightly.")
	s.wants(b.get(path), http.StatusNotFound)
}

// A stranger wrote the body of a ping: nothing in it may act, wherever it is shown.
func TestBodiesAreInert(t *testing.T) {
	s := newSite(t)
	check := s.addCheck(s.project.ID, "Nightly")
	body := "<script>alert(1)</script>\x00\xff"
	s.receive(check, monitor.Ping{Signal: monitor.Success, Body: []byte(body)})
	b := s.signedIn()
	path := "/checks/" + check.UUID.String() + "/pings/1"
	s.wants(b.get(path), http.StatusOK, "&lt;script&gt;alert(1)&lt;/script&gt;␀\uFFFD", "POST over https")
	w := b.get(path + "/body")
	if got := w.Body.String(); w.Code != http.StatusOK || got != body {
		t.Errorf("the body is %q, status %d", got, w.Code)
	}
	for header, want := range map[string]string{
		"Content-Type":            "text/plain; charset=utf-8",
		"X-Content-Type-Options":  "nosniff",
		"Content-Disposition":     `attachment; filename="nightly-ping-1.txt"`,
		"Content-Security-Policy": "default-src 'none'; sandbox",
		"Cache-Control":           "no-store",
	} {
		if got := w.Header().Get(header); got != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
	for _, n := range []string{"2", "0", "-1", "x"} {
		s.wants(b.get("/checks/"+check.UUID.String()+"/pings/"+n+"/body"), http.StatusNotFound)
	}
}
