package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/web"
)

// addStatusPage makes a page that shows the given checks, or its whole project.
func (s *site) addStatusPage(project monitor.ProjectID, checks map[monitor.CheckID]monitor.Appearance) monitor.StatusPage {
	s.Helper()
	page := monitor.StatusPage{
		Project: project, Address: account.NewToken(), Title: "Northwind", Scope: monitor.WholeProject, History: true, Grouped: true, Created: s.now(), Checks: checks,
	}
	if checks != nil {
		page.Scope = monitor.ChosenChecks
	}
	page, err := s.st.CreateStatusPage(s.Context(), page)
	s.ok(err)
	return page
}

// fullSite is a project with a page on which one of two checks appears.
func fullSite(t *testing.T) (*site, monitor.StatusPage) {
	t.Helper()
	s := newSite(t)
	s.ahead.Store(int64(-3 * 24 * time.Hour))
	channel := s.addChannel(s.project.ID, "Secret desk")
	shown, hidden := s.addCheck(s.project.ID, "Internal name", channel.ID), s.addCheck(s.project.ID, "Hidden check", channel.ID)
	for _, c := range []monitor.Check{shown, hidden} {
		s.change(c, func(c monitor.Check) monitor.Change {
			config := c.Config
			config.Description, config.Tags = "the runbook", []string{"mail"}
			return c.Reconfigure(config, s.now())
		})
		s.receive(c, monitor.Ping{At: s.now(), Signal: monitor.Success, RemoteAddr: "203.0.113.99", UserAgent: "secret-agent", Body: []byte("secret output")})
		s.receive(c, monitor.Ping{At: s.now().Add(time.Hour), Signal: monitor.Fail, Exit: new(int64(77))})
	}
	s.ok(s.st.AddBlind(t.Context(), monitor.Blind{From: s.now().Add(2 * time.Hour), To: s.now().Add(3 * time.Hour), Cause: "secret cause"}))
	page := s.addStatusPage(s.project.ID, map[monitor.CheckID]monitor.Appearance{shown.ID: {Chosen: true, Name: "Mail <b>delivery</b>"}})
	s.ahead.Store(0)
	return s, page
}

func TestStatusPageIsForAnybody(t *testing.T) {
	s, page := fullSite(t)
	w := s.browser().get("/status/" + page.Address)
	s.wants(w, 200, "Northwind", "The job is down", "Mail &lt;b&gt;delivery&lt;/b&gt; went down", "It reported a failure.", "Not observed", "not counted", "Times in UTC", "<h2>Mail</h2>")
	for name, want := range map[string]string{
		"Cache-Control": "public, max-age=10", "Set-Cookie": "", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "",
		"X-Content-Type-Options": "nosniff", "Content-Type": "text/html; charset=utf-8",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if vary := w.Header().Values("Vary"); slices.Contains(vary, "Cookie") {
		t.Errorf("Vary %v: the answer is the same for all", vary)
	}
	again := s.browser().ask("GET", "/status/"+page.Address, nil, "If-None-Match", w.Header().Get("ETag"))
	if again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Errorf("asked again: %d", again.Code)
	}
	if signedIn := s.signedIn().get("/status/" + page.Address); signedIn.Body.String() != w.Body.String() || signedIn.Header().Get("Set-Cookie") != "" {
		t.Error("who is signed in gets another page, or a cookie")
	}
	for _, path := range []string{"/status/", "/status/x", "/status/" + strings.Repeat("x", 100_000), "/status/" + page.Address + "x", "/status/" + strings.ToUpper(page.Address), "/status/%00", "/status/" + page.Address + ".json.json"} {
		if w := s.browser().get(path); w.Code != http.StatusNotFound || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%.40s: %d", path, w.Code)
		}
	}

	page.Unlisted, page.History, page.Grouped, page.Zone = true, false, false, "Europe/Berlin"
	s.ok(s.st.EditStatusPage(t.Context(), page))
	s.ahead.Store(int64(11 * time.Second))
	w = s.browser().get("/status/" + page.Address)
	s.wants(w, 200, "The job is down", "Times in Europe/Berlin")
	if got := w.Header().Get("X-Robots-Tag"); got != "noindex" {
		t.Errorf("X-Robots-Tag %q", got)
	}
	for _, no := range []string{"What happened", "<svg class=\"strip\"", "<h2>Mail</h2>", " %"} {
		if strings.Contains(w.Body.String(), no) {
			t.Errorf("a page without history and groups has %q", no)
		}
	}
}

func TestStatusPageAsJSON(t *testing.T) {
	s, page := fullSite(t)
	w := s.browser().get("/status/" + page.Address + ".json")
	s.wants(w, 200)
	for name, want := range map[string]string{"Content-Type": "application/json", "Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=10"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	var doc struct {
		Title, Status, Summary, Zone string
		Jobs                         []struct {
			Name, Group, Status string
			Since               *string
			Uptime              *float64
			Days                []struct {
				Date     string
				Up, Down int64
				NotSeen  int64 `json:"not_observed"`
			}
		}
		Events []struct {
			Type, Job, From string
			To              *string
		}
	}
	s.ok(json.Unmarshal(w.Body.Bytes(), &doc))
	if len(doc.Jobs) != 1 || len(doc.Jobs[0].Days) < 3 || len(doc.Events) != 2 {
		t.Fatalf("%s", w.Body)
	}
	job := doc.Jobs[0]
	got := []any{doc.Title, doc.Status, doc.Summary, doc.Zone, job.Name, job.Group, job.Status, *job.Uptime > 1 && *job.Uptime < 2, doc.Events[0].Type, doc.Events[1].Type, doc.Events[1].Job, doc.Events[1].To == nil}
	want := []any{"Northwind", "down", "The job is down", "UTC", "Mail <b>delivery</b>", "mail", "down", true, "not_observed", "down", "Mail <b>delivery</b>", true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\n%s", diff, w.Body)
	}
	var blind int64
	for _, d := range job.Days {
		blind += d.NotSeen
	}
	if blind != 3600 && blind != 3599 { // whole seconds of each day, and it may go over midnight
		t.Errorf("%d s were not observed", blind)
	}
}

var token = regexp.MustCompile(`[0-9A-Za-z_-]{4,}`)

// A stranger reads the page, and tries everything on it everywhere else.
func TestNothingOnAStatusPageLeadsFurther(t *testing.T) {
	s, page := fullSite(t)
	checks, err := s.st.Checks(t.Context(), s.project.ID, 10)
	s.ok(err)
	html := s.browser().get("/status/" + page.Address).Body.String()
	both := html + s.browser().get("/status/"+page.Address+".json").Body.String()
	secrets := []string{
		"Internal name", "internal-name", "Hidden check", "Secret desk", "desk@example.org", "ines@example.org", "Main", "runbook",
		"secret output", "secret-agent", "203.0.113.99", "secret cause", "77", s.project.PingKey, s.project.BadgeKey, s.project.BadgeKey[:16],
	}
	for _, c := range checks {
		secrets = append(secrets, c.UUID.String(), monitor.PageKey(c.UUID), c.Slug)
	}
	for _, secret := range secrets {
		if pattern := regexp.MustCompile(`\b` + regexp.QuoteMeta(secret) + `\b`); pattern.MatchString(stripped(both)) {
			t.Errorf("the page tells %q", secret)
		}
	}

	tokens := token.FindAllString(stripped(both), -1)
	slices.Sort(tokens)
	tokens = slices.Compact(tokens)
	if !slices.Contains(tokens, page.Address) || len(tokens) < 30 {
		t.Fatalf("the tokens of the page are %v", tokens)
	}
	var tried int
	for _, tok := range tokens {
		for _, path := range []string{
			"/ping/%s", "/ping/%s/fail", "/checks/%s", "/checks/%s/edit", "/go/%s", "/channels/%s", "/deliveries/%s", "/status-pages/%s", "/setup/%s", "/unsubscribe/%s",
			"/api/v3/checks/%s", "/api/v3/checks/%s/pings/", "/api/v3/checks/%s/flips/", "/b/2/%s.svg", "/badge/%s/%[1]s.svg", "/projects/%s/metrics/%[1]s", "/projects/x/metrics/%s",
		} {
			at := fmt.Sprintf(path, url.PathEscape(tok))
			tried++
			w := s.browser().get(at)
			refused := w.Code >= 400 && w.Code < 500 || w.Code == http.StatusSeeOther && strings.HasPrefix(w.Header().Get("Location"), "/login")
			// Pings are stored elsewhere in these tests: a well-formed name of a check is 503.
			if !refused && (w.Code != http.StatusServiceUnavailable || uuid.Validate(tok) == nil) {
				t.Errorf("GET %s: %d", at, w.Code)
			}
		}
		if w := s.browser().ask("GET", "/api/v3/checks/", nil, "X-Api-Key", tok); w.Code != http.StatusUnauthorized && w.Code != http.StatusTooManyRequests {
			t.Errorf("the key %s: %d", tok, w.Code)
		}
	}
	if tried < 300 {
		t.Errorf("tried %d addresses", tried)
	}
}

// stripped is a page without what is the same on all of them: the head and the symbols.
func stripped(html string) string {
	_, body, ok := strings.Cut(html, "</symbol></svg>")
	if !ok {
		return html
	}
	return regexp.MustCompile(` d="[^"]*"`).ReplaceAllString(body, "")
}

// counted counts how often status pages are read.
type counted struct {
	store.Store
	reads *atomic.Int64
	hold  chan struct{}
}

func (c counted) StatusPageAt(ctx context.Context, address string) (monitor.StatusPage, error) {
	c.reads.Add(1)
	<-c.hold
	return c.Store.StatusPageAt(ctx, address)
}

// However many look at a page, it is drawn once in ten seconds, also when the first
// of them goes away.
func TestACrowdCostsAsMuchAsOneReader(t *testing.T) {
	var reads atomic.Int64
	hold := make(chan struct{})
	s := newSite(t, func(c *web.Config) { c.Store = counted{c.Store, &reads, hold} })
	frozen := s.now()
	stop := func(later time.Duration) { s.ahead.Store(int64(time.Until(frozen.Add(later)))) }
	page := s.addStatusPage(s.project.ID, nil)
	look := func() {
		if w := s.browser().get("/status/" + page.Address); w.Code != 200 {
			t.Errorf("%d", w.Code)
		}
	}
	var crowd sync.WaitGroup
	for range 100 {
		crowd.Go(look)
	}
	close(hold)
	crowd.Wait()
	stop(9 * time.Second)
	look()
	if n := reads.Load(); n < 1 || n > 3 { // who came after it was drawn finds it kept
		t.Errorf("a crowd of 100 read the page %d times", n)
	}
	before := reads.Load()
	stop(20 * time.Second)
	look()
	look()
	if n := reads.Load() - before; n != 1 {
		t.Errorf("drawn %d times after it was old", n)
	}
	stop(0) // the clock was put back: what is kept is from the future
	look()
	if n := reads.Load() - before; n != 2 {
		t.Errorf("drawn %d times after the clock was put back", n)
	}
}

func TestKeptStatusPagesAreBounded(t *testing.T) {
	if kept, limit := web.KeptBoards(1_000); kept > limit || kept == 0 {
		t.Errorf("%d pages are kept, at most %d should be", kept, limit)
	}
}

func statusForm(change func(url.Values)) url.Values {
	form := url.Values{
		"title": {"Northwind"}, "description": {"Our jobs."}, "address": {"northwind-" + uuid.NewString()[:8]}, "scope": {"chosen"}, "history": {"1"},
	}
	if change != nil {
		change(form)
	}
	return form
}

func TestStatusPagesAreMadeAndEdited(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	one, two := s.addCheck(s.project.ID, "One"), s.addCheck(s.project.ID, "Two")
	s.wants(b.get("/status-pages"), 200, "No status page yet", `href="/status-pages/new"`)
	s.wants(b.get("/status-pages/new"), 200, "One", "Two", "cannot be guessed")

	form := statusForm(func(f url.Values) {
		f.Set("check", idOf(one.ID))
		f.Set("name-"+idOf(one.ID), "Mail")
		f.Set("name-"+idOf(two.ID), "")
	})
	address := form.Get("address")
	s.leads(b.ask("POST", "/status-pages", form), "/status-pages")
	s.wants(b.get("/status-pages"), 200, "Saved.", "http://localhost:8000/status/"+address, "Chosen checks")
	pages, err := s.st.StatusPages(t.Context(), s.project.ID)
	s.ok(err)
	page, err := s.st.StatusPage(t.Context(), s.project.ID, pages[0].ID)
	s.ok(err)
	if diff := cmp.Diff(map[monitor.CheckID]monitor.Appearance{one.ID: {Chosen: true, Name: "Mail"}}, page.Checks); diff != "" || page.Unlisted || !page.History {
		t.Errorf("%+v\n%s", page, diff)
	}
	at := "/status-pages/" + idOf(page.ID)
	s.wants(b.get(at), 200, `value="Mail"`, "Look at it")
	s.wants(s.browser().get("/status/"+address), 200, "Mail")

	moved := statusForm(func(f url.Values) { f.Set("scope", "project") })
	s.leads(b.ask("POST", at, moved), "/status-pages")
	s.wants(s.browser().get("/status/"+address), 404)
	s.wants(s.browser().get("/status/"+moved.Get("address")), 200, "Two", "Mail")
	s.leads(b.post(at+"/delete"), "/status-pages")
	s.wants(s.browser().get("/status/"+moved.Get("address")), 404)
	s.wants(b.get(at), 404)
}

func TestStatusPagesThatAreNotSaved(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	taken := s.addStatusPage(s.project.ID, nil)
	for name, tt := range map[string]struct {
		change func(url.Values)
		words  string
	}{
		"no title":      {func(f url.Values) { f.Set("title", "") }, "Title is what readers see first"},
		"taken address": {func(f url.Values) { f.Set("address", taken.Address) }, "Address is taken"},
		"our own name":  {func(f url.Values) { f.Set("address", "login") }, "would be taken for a page of Rollcall"},
		"no tag":        {func(f url.Values) { f.Set("scope", "tag") }, "Tag is needed"},
		"strange scope": {func(f url.Values) { f.Set("scope", "all") }, "Jobs</a> is not known"},
		"strange zone":  {func(f url.Values) { f.Set("zone", "Mars") }, "is not a time zone"},
		"turned name":   {func(f url.Values) { f.Set("name-1", "a\u202eb") }, "contains characters that cannot be shown"},
	} {
		t.Run(name, func(t *testing.T) {
			w := b.ask("POST", "/status-pages", statusForm(tt.change))
			s.wants(w, http.StatusUnprocessableEntity, tt.words, "Not saved")
		})
	}
	for i := range monitor.StatusPagesLimit - 1 {
		s.leads(b.ask("POST", "/status-pages", statusForm(func(f url.Values) { f.Set("address", fmt.Sprint("page-", i)) })), "/status-pages")
	}
	s.wants(b.ask("POST", "/status-pages", statusForm(nil)), http.StatusConflict, "at most 20 status pages")
	s.wants(b.get("/status-pages"), 200, "at most 20 status pages")
}

// Who may not manage a project sees its pages and badges, and can change nothing.
func TestStatusPagesOfWhoMayNotManage(t *testing.T) {
	s := newSite(t)
	page := s.addStatusPage(s.project.ID, nil)
	guest, err := s.st.CreateUser(t.Context(), account.User{Email: "guest@example.org", PasswordHash: s.cheapHash(), Created: s.now()})
	s.ok(err)
	s.ok(s.st.SetMember(t.Context(), s.project.ID, guest.ID, account.Member))
	b := s.browser()
	b.login("guest@example.org", password)
	for _, path := range []string{"/status-pages", "/badges"} {
		w := b.get(path)
		s.wants(w, 200)
		for _, no := range []string{"/status-pages/new", "/status-pages/" + idOf(page.ID), "/badges/key"} {
			if strings.Contains(w.Body.String(), `"`+no+`"`) {
				t.Errorf("%s offers %s", path, no)
			}
		}
	}
	for _, ask := range []string{"GET /status-pages/new", "GET /status-pages/1", "POST /status-pages", "POST /status-pages/1", "POST /status-pages/1/delete", "POST /badges/key"} {
		method, path, _ := strings.Cut(ask, " ")
		s.wants(b.ask(method, path, url.Values{}), http.StatusForbidden)
	}
}

// An open page asks for news by itself, as often as it says, and breaks no policy.
func TestStatusPageIsLiveInABrowser(t *testing.T) {
	s := served(t)
	check := s.addCheck(s.project.ID, "Nightly")
	s.receive(check, monitor.Ping{Signal: monitor.Success})
	page := s.addStatusPage(s.project.ID, nil)
	tab := chromium(t)
	do(t, tab, chromedp.Navigate(s.base.String()+"/status/"+page.Address), chromedp.WaitReady("#main"))
	truth(t, tab, `document.querySelector("#verdict").innerText === "The job is up" && document.title.startsWith("Northwind: The job is up")`)
	s.ahead.Store(int64(time.Minute))
	s.receive(check, monitor.Ping{Signal: monitor.Fail})
	// Nobody waits for a minute, after which the browser's own copy is old: the same
	// element, more often.
	truth(t, tab, `window.reloading ||= (fetch(location.pathname, { cache: "reload" }).then(r => r.text()).then(() => { window.reloaded = true }), true)`)
	truth(t, tab, `window.reloaded === true`)
	truth(t, tab, `(() => { const now = document.querySelector("#main"), soon = now.cloneNode(true)
		window.updated = document.querySelector("#foot time").innerText
		soon.setAttribute("hx-trigger", "every 100ms"); now.replaceWith(soon); htmx.process(soon); return true })()`)
	truth(t, tab, `document.querySelector("#verdict").innerText === "The job is down"`)
	truth(t, tab, `document.querySelector("#foot time").innerText !== window.updated && document.querySelectorAll("#main, #foot").length === 2`)
	truth(t, tab, `document.querySelector("#main").getAttribute("hx-trigger") === "every 60s" && breaches.length === 0`)
}
