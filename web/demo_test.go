package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"rollcall/internal/monitor"
	"rollcall/templates"
	"rollcall/web"
)

// shown is a demonstration to which one mail and one webhook have come.
type shown struct {
	check    atomic.Int64 // monitor.CheckID
	refusing atomic.Bool
}

func (d *shown) Tour() templates.Tour {
	return templates.Tour{Email: "ines@example.org", Password: password, Check: monitor.CheckID(d.check.Load()), Name: "Reports", Ping: "http://localhost:8000/ping/x"}
}

func (d *shown) Mails() []templates.CaughtMail {
	return []templates.CaughtMail{{
		N: 7, Subject: "Down: <b>Reports</b>", Text: "<script>text()</script>",
		HTML: "<html><head><title>x</title></head><body><script>page()</script><a href=\"/checks\">go</a></body></html>",
	}}
}

func (d *shown) Hooks() []templates.CaughtHook {
	return []templates.CaughtHook{{N: 3, About: "check.down, Reports", Body: "<script>body()</script>", Tried: 1, Code: 204}}
}

func (d *shown) Refuse(on bool) { d.refusing.Store(on) }
func (d *shown) Refusing() bool { return d.refusing.Load() }

// demonstrated is a site with a demonstration and its check.
func demonstrated(t *testing.T) (*site, *shown) {
	t.Helper()
	d := &shown{}
	s := newSite(t, func(c *web.Config) { c.Demo = d })
	d.check.Store(int64(s.addCheck(s.project.ID, "Reports").ID))
	return s, d
}

func TestOnlyADemonstrationHasItsPages(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	for _, path := range []string{"/demo", "/demo/inbox", "/demo/inbox/7/html", "/demo/webhooks"} {
		s.wants(b.get(path), http.StatusNotFound)
	}
	s.wants(b.post("/demo/webhooks", "answer", "503"), http.StatusNotFound)
	if page := b.get("/checks").Body.String(); strings.Contains(page, "/demo") {
		t.Error("the navigation of a real server leads to a demonstration")
	}
}

func TestWhoIsNewGetsInByTheTour(t *testing.T) {
	s, _ := demonstrated(t)
	b := s.browser()
	tour := b.get("/demo")
	s.wants(tour, http.StatusOK, "Look at the checks", "Reports falls silent", "http://localhost:8000/ping/")
	fields := regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`).FindAllStringSubmatch(tour.Body.String(), -1)
	if len(fields) != 2 {
		t.Fatalf("fields %q", fields)
	}
	s.leads(b.post("/login", fields[0][1], fields[0][2], fields[1][1], fields[1][2]), "/checks")
	s.wants(b.get("/checks"), http.StatusOK, `href="/demo"`)
	s.wants(b.get("/demo"), http.StatusOK, "Open the checks", `aria-label="Project"`)
}

func TestPagesOfADemonstration(t *testing.T) {
	s, _ := demonstrated(t)
	for who, b := range map[string]*browser{"signed out": s.browser(), "signed in": s.signedIn()} {
		for path, text := range map[string]string{
			"/demo/inbox":      `<a id="mail-7" href="/demo/inbox/7">Down: &lt;b&gt;Reports&lt;/b&gt;</a>`,
			"/demo/inbox/7":    "&lt;script&gt;text()&lt;/script&gt;",
			"/demo/webhooks":   `<a id="hook-3" href="/demo/webhooks/3">check.down, Reports</a>`,
			"/demo/webhooks/3": "&lt;script&gt;body()&lt;/script&gt;",
		} {
			t.Log(who, path)
			s.wants(b.get(path), http.StatusOK, text)
		}
		for _, path := range []string{"/demo/inbox/8", "/demo/inbox/x", "/demo/inbox/8/html", "/demo/webhooks/0", "/demo/none"} {
			t.Log(who, path)
			s.wants(b.get(path), http.StatusNotFound)
		}
	}
}

func TestTheTourOutlivesItsCheck(t *testing.T) {
	s, d := demonstrated(t)
	d.check.Store(1 << 40)
	s.wants(s.browser().get("/demo"), http.StatusOK, "Somebody deleted it.")
}

// A mail may hold anything: its page runs nothing, loads nothing, and belongs to no
// origin, however it is opened.
func TestThePageOfAMailIsHarmless(t *testing.T) {
	s, _ := demonstrated(t)
	w := s.browser().get("/demo/inbox/7/html")
	s.wants(w, http.StatusOK, `<head><base target="_top">`, "<script>page()</script>")
	rules := strings.Split(w.Header().Get("Content-Security-Policy"), "; ")
	want := []string{
		"default-src 'none'", "style-src 'unsafe-inline'", "img-src data:", "form-action 'none'", "base-uri 'none'",
		"frame-ancestors 'self'", "sandbox allow-top-navigation-by-user-activation",
	}
	if got := strings.Join(rules, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("the policy is\n%s", got)
	}
	frame := s.browser().get("/demo/inbox/7")
	if got := frame.Header().Get("Content-Security-Policy"); !strings.HasSuffix(got, "; frame-src 'self'") || strings.Contains(got, "unsafe") {
		t.Errorf("the policy around it is %s", got)
	}
	s.wants(frame, http.StatusOK, `sandbox="allow-top-navigation-by-user-activation"`)
}

func TestTheReceiverIsToldToFail(t *testing.T) {
	s, d := demonstrated(t)
	b := s.browser()
	for _, answer := range []string{"503", "204"} {
		s.leads(b.post("/demo/webhooks", "answer", answer), "/demo/webhooks")
		if got := d.Refusing(); got != (answer == "503") {
			t.Errorf("told %s, refusing %v", answer, got)
		}
	}
	w := b.ask(http.MethodPost, "/demo/webhooks", map[string][]string{"answer": {"503"}}, "Sec-Fetch-Site", "cross-site")
	s.wants(w, http.StatusForbidden)
	if d.Refusing() {
		t.Error("another site's page told the receiver to fail")
	}
}

func TestTheTourChangesWhileItIsLookedAt(t *testing.T) {
	s, _ := demonstrated(t)
	b := s.browser()
	w := b.ask(http.MethodGet, "/demo", nil, "HX-Request", "true")
	s.wants(w, http.StatusOK, `id="tour"`, `id="foot"`)
	seen := regexp.MustCompile(`Rollcall-Seen&#34;:&#34;([0-9a-f]{16})`).FindStringSubmatch(w.Body.String())
	if len(seen) != 2 {
		t.Fatalf("it does not say what it shows:\n%s", w.Body)
	}
	again := b.ask(http.MethodGet, "/demo", nil, "HX-Request", "true", templates.SeenHeader, seen[1])
	if got := again.Header().Get("HX-Reswap"); got != "none" || strings.Contains(again.Body.String(), `id="tour"`) {
		t.Errorf("what is shown already is sent again (%q):\n%s", got, again.Body)
	}
}
