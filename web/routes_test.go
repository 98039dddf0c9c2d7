package web_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/web"
)

var variable = regexp.MustCompile(`\{(\w+)\}`)

// fill puts values into a route's path.
func fill(path string, values map[string]string) string {
	return variable.ReplaceAllStringFunc(path, func(name string) string { return values[strings.Trim(name, "{}")] })
}

// someIDs fills any route so that it names nothing that exists.
func someIDs(path string) string {
	id := "999999"
	if strings.HasPrefix(path, "/checks") {
		id = "5f0b1c9e-6d43-4a4e-9a53-0d2f6c1f7a11"
	}
	return fill(path, map[string]string{"id": id, "n": "1", "key": "0123456789abcdef0123", "token": "none", "page": "signals", "address": "nowhere"})
}

func TestRoutesThatForgetTheirAccessAreRefused(t *testing.T) {
	s := newSite(t)
	if !web.RefusesZeroAccess(web.Config{Store: s.st}) {
		t.Error("a route without an access was taken")
	}
}

func TestALivePartNeedsASession(t *testing.T) {
	s := newSite(t)
	w := s.browser().ask("GET", "/checks", nil, "HX-Request", "true")
	if w.Code != http.StatusForbidden || w.Header().Get("HX-Refresh") != "true" {
		t.Errorf("a live part without a session: %d %v", w.Code, w.Header())
	}
}

// What belongs to another project looks exactly like what never was.
func TestForeignThingsAreNotThere(t *testing.T) {
	s := newSite(t)
	_, other := s.addAccount("else@example.org", "", "Other")
	colleague, _ := s.addAccount("colleague@example.org", "", "Third")
	s.ok(s.st.SetMember(t.Context(), other.ID, colleague.ID, account.Member))
	invitation := s.addInvitation(other.ID, "guest@example.org")
	check := s.addCheck(other.ID, "Theirs")
	channel := s.addChannel(other.ID, "Their desk")
	key, err := s.st.AddKey(t.Context(), account.Key{Project: other.ID, Kind: account.KeyPing, Name: "theirs", Created: s.now()}.Of("theirs"))
	s.ok(err)
	dead := s.addDead(channel)
	page := s.addStatusPage(other.ID, nil)
	b := s.signedIn()
	tried := 0
	for _, way := range web.Ways() {
		if !way.NeedsSession || !strings.Contains(way.Path, "{") {
			continue
		}
		theirs := map[string]string{"n": "1", "key": monitor.PageKey(check.UUID)}
		switch {
		case strings.HasPrefix(way.Path, "/checks"):
			theirs["id"] = check.UUID.String()
		case strings.HasPrefix(way.Path, "/channels"):
			theirs["id"] = idOf(channel.ID)
		case strings.HasPrefix(way.Path, "/deliveries"):
			theirs["id"] = idOf(dead)
		case strings.HasPrefix(way.Path, "/status-pages"):
			theirs["id"] = idOf(page.ID)
		case strings.HasPrefix(way.Path, "/settings/keys"):
			theirs["id"] = idOf(key.ID)
		case strings.HasPrefix(way.Path, "/account/"):
			continue // is the person's own, whatever their projects
		case strings.HasPrefix(way.Path, "/settings/team/members"):
			theirs["id"] = idOf(colleague.ID)
		case strings.HasPrefix(way.Path, "/settings/team/invitations"):
			theirs["id"] = idOf(invitation.ID)
		case strings.Contains(way.Path, "{id}"):
			t.Errorf("%s %s: name a thing of another project here", way.Method, way.Path)
		}
		tried++
		form := url.Values{"name": {"x"}, "role": {"member"}, "confirm": {"yes"}, "uuid": {uuid.NewString()}, "kind": {"every"}, "every": {"1"}, "grace": {"1 h"}}
		foreign := b.ask(way.Method, fill(way.Path, theirs), form)
		random := b.ask(way.Method, someIDs(way.Path), form)
		if foreign.Code != http.StatusNotFound || random.Code != http.StatusNotFound {
			t.Errorf("%s %s: %d for another project's, %d for nothing", way.Method, way.Path, foreign.Code, random.Code)
			continue
		}
		if diff := cmp.Diff(withoutTime(random.Body.String()), withoutTime(foreign.Body.String())); diff != "" {
			t.Errorf("%s %s tells them apart:\n%s", way.Method, way.Path, diff)
		}
	}
	if tried < 10 {
		t.Errorf("only %d routes name a thing", tried)
	}
	form := newCheck("Mine")
	form.Set("channel", idOf(channel.ID))
	s.wants(b.ask("POST", "/checks", form), http.StatusNotFound)
	s.wants(b.post("/project", "project", idOf(other.ID)), http.StatusNotFound)
	s.wants(b.get("/deliveries?check="+check.UUID.String()), http.StatusNotFound)
	if page := b.get("/deliveries?open=" + idOf(dead)).Body.String(); strings.Contains(page, "550") {
		t.Error("another project's attempts are shown")
	}
}

var clockTime = regexp.MustCompile(`<time.*?</time>`)

func withoutTime(page string) string { return clockTime.ReplaceAllString(page, "") }

func TestMethods(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	methods := map[string][]string{}
	for _, way := range web.Ways() {
		methods[way.Path] = append(methods[way.Path], way.Method)
	}
	for path, known := range methods {
		allow := []string{"OPTIONS"}
		for _, method := range known {
			allow = append(allow, method)
			if method == "GET" {
				allow = append(allow, "HEAD")
			}
		}
		slices.Sort(allow)
		want := strings.Join(allow, ", ")
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW", "OPTIONS"} {
			if method != "OPTIONS" && slices.Contains(allow, method) {
				continue
			}
			w := b.ask(method, someIDs(path), nil)
			code := http.StatusMethodNotAllowed
			if method == "OPTIONS" {
				code = http.StatusNoContent
			}
			if w.Code != code || w.Header().Get("Allow") != want {
				t.Errorf("%s %s: %d, Allow %q, want %d, %q", method, path, w.Code, w.Header().Get("Allow"), code, want)
			}
		}
	}
}

// A crawler that is signed in follows every link there is.
func TestLookingChangesNothing(t *testing.T) {
	s := newSite(t, func(c *web.Config) { c.SignupOpen = true })
	channel := s.addChannel(s.project.ID, "Desk")
	check := s.addCheck(s.project.ID, "Nightly", channel.ID)
	dead := s.addDead(channel)
	public := s.addStatusPage(s.project.ID, nil)
	notices := account.NewNotices(s.user.ID)
	notices.Report = account.Weekly
	s.ok(s.st.SetNotices(t.Context(), notices))
	b := s.signedIn()
	links := s.someLinks()
	before := s.dump()
	for _, way := range web.Ways() {
		id := check.UUID.String()
		switch {
		case strings.HasPrefix(way.Path, "/channels"):
			id = idOf(channel.ID)
		case strings.HasPrefix(way.Path, "/deliveries"):
			id = idOf(dead)
		case strings.HasPrefix(way.Path, "/status-pages"):
			id = idOf(public.ID)
		}
		path := fill(way.Path, map[string]string{"id": id, "n": "1", "key": monitor.PageKey(check.UUID), "token": links[way.Path], "page": "signals", "address": public.Address})
		if strings.HasPrefix(way.Path, "/unsubscribe/") {
			path = fill(way.Path, map[string]string{"token": notices.StopToken(account.Reports)})
		}
		for _, method := range []string{"GET", "HEAD"} {
			w := b.ask(method, path, nil)
			if way.Method == "GET" && w.Code >= 400 && !strings.HasSuffix(way.Path, "/{token}") && way.Path != "/login/sso/callback" && !strings.Contains(way.Path, "/pings/") {
				t.Errorf("%s %s: %d", method, path, w.Code)
			}
		}
	}
	if diff := cmp.Diff(before, s.dump()); diff != "" {
		t.Errorf("looking changed something:\n%s", diff)
	}
	if n := s.kicks.Load(); n != 0 {
		t.Errorf("%d deliveries were announced", n)
	}
	s.wants(b.get("/checks"), 200, "Nightly")
}

// broken is a store of which some methods fail in their own way.
type broken struct {
	store.Store
	with func() error
}

func (b broken) Channels(context.Context, monitor.ProjectID) ([]store.ChannelUse, error) {
	return nil, b.with()
}

func TestHeadersOnEveryAnswer(t *testing.T) {
	var trouble func() error
	s := newSite(t, func(c *web.Config) { c.Store = broken{c.Store, func() error { return trouble() }} })
	b := s.signedIn()
	const secret = "read tcp 10.0.0.7:5432"
	unknown := errors.New(secret)
	for _, test := range []struct {
		name  string
		err   error
		panic bool
		ask   func() (int, http.Header, string)
		code  int
	}{
		{"page", nil, false, look(b, "GET", "/channels"), 200},
		{"head", nil, false, look(b, "HEAD", "/channels"), 200},
		{"redirect", nil, false, look(b, "GET", "/"), 303},
		{"log-in", nil, false, look(s.browser(), "GET", "/login"), 200},
		{"no such page", nil, false, look(b, "GET", "/nowhere"), 404},
		{"no such check", nil, false, look(b, "GET", "/checks/"+uuid.NewString()), 404},
		{"method", nil, false, look(b, "DELETE", "/checks"), 405},
		{"options", nil, false, look(b, "OPTIONS", "/checks"), 204},
		{"other site", nil, false, look(b, "POST", "/checks", "Sec-Fetch-Site", "cross-site"), 403},
		{"other host", nil, false, look(b, "GET", "/checks", "Host", "evil.example"), 421},
		{"damaged form", nil, false, look(b, "POST", "/checks"), 400},
		{"database away", fmt.Errorf("%w: %s", fault.Unavailable, secret), false, look(b, "GET", "/channels"), 503},
		{"unknown error", unknown, false, look(b, "GET", "/channels"), 500},
		{"panic", unknown, true, look(b, "GET", "/channels"), 500},
		{"link", nil, false, look(b, "GET", "/setup/none"), 410},
		{"static file that is not there", nil, false, look(b, "GET", "/static/none.css"), 404},
	} {
		t.Run(test.name, func(t *testing.T) {
			trouble = func() error {
				if test.panic {
					panic(test.err)
				}
				return test.err
			}
			code, header, body := test.ask()
			if code != test.code {
				t.Fatalf("answered %d, want %d\n%s", code, test.code, body)
			}
			for name, want := range map[string]string{
				"Content-Security-Policy":    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
				"X-Content-Type-Options":     "nosniff",
				"Cross-Origin-Opener-Policy": "same-origin",
			} {
				if got := header.Get(name); got != want {
					t.Errorf("%s: %q", name, got)
				}
			}
			if got := header.Get("Referrer-Policy"); got != "same-origin" && got != "no-referrer" {
				t.Errorf("Referrer-Policy %q", got)
			}
			if !strings.HasPrefix(header.Get("Cache-Control"), "no-store") {
				t.Errorf("Cache-Control %q", header.Get("Cache-Control"))
			}
			if header.Get("Strict-Transport-Security") != "" {
				t.Error("http announces https")
			}
			if test.code == 503 && header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			if id := header.Get("X-Request-Id"); test.code == 500 && (id == "" || !strings.Contains(body, id) || !strings.Contains(s.log.String(), id)) {
				t.Errorf("request id %q is not on the page and in the log", id)
			}
			if strings.Contains(body, secret) || strings.Contains(body, ".go") {
				t.Errorf("the page shows what is inside:\n%s", body)
			}
		})
	}
	if !strings.Contains(s.log.String(), secret) {
		t.Error("the log lacks the error itself")
	}
}

func look(b *browser, method, path string, headers ...string) func() (int, http.Header, string) {
	return func() (int, http.Header, string) {
		w := b.ask(method, path, nil, headers...)
		return w.Code, w.Header(), w.Body.String()
	}
}

func TestHTTPSIsAnnounced(t *testing.T) {
	s := newSite(t, func(c *web.Config) { c.BaseURL = &url.URL{Scheme: "https", Host: "rollcall.example"} })
	if got := s.browser().get("/login").Header().Get("Strict-Transport-Security"); got != "max-age=31536000; includeSubDomains" {
		t.Errorf("Strict-Transport-Security %q", got)
	}
}

func TestOtherSitesCannotPost(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	for name, headers := range map[string][]string{
		"cross-site":            {"Sec-Fetch-Site", "cross-site"},
		"same-site":             {"Sec-Fetch-Site", "same-site"},
		"framed":                {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "iframe"},
		"old browser":           {"Origin", "https://evil.example"},
		"null origin":           {"Origin", "null"},
		"same name, other port": {"Origin", "http://localhost:1"},
	} {
		for _, path := range []string{"/checks", "/logout", "/settings/keys", "/login"} {
			w := b.ask("POST", path, url.Values{"name": {"x"}}, headers...)
			if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "another site") {
				t.Errorf("%s, POST %s: %d", name, path, w.Code)
			}
		}
	}
	for name, headers := range map[string][]string{
		"page":        {"Sec-Fetch-Site", "same-origin", "Origin", "http://localhost:8000"},
		"old browser": {"Origin", "http://localhost:8000"},
		"program":     {},
	} {
		if w := b.ask("POST", "/settings/keys", url.Values{"kind": {"ro"}, "name": {name}}, headers...); w.Code != http.StatusOK {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

func TestHosts(t *testing.T) {
	s := newSite(t, func(c *web.Config) { c.BaseURL = &url.URL{Scheme: "https", Host: "rollcall.example"} })
	for host, code := range map[string]int{
		"rollcall.example": 200, "Rollcall.Example:443": 200, "rollcall.example.": 200, "localhost:8000": 200,
		"127.0.0.1:8000": 200, "[::1]:8000": 200, "192.168.1.5": 200,
		"evil.example": 421, "rollcall.example.evil.example": 421, "rebind.evil": 421, "127.0.0.1.evil.example": 421,
	} {
		if w := s.browser().ask("GET", "/login", nil, "Host", host); w.Code != code {
			t.Errorf("Host %s: %d, want %d", host, w.Code, code)
		}
	}
}

func TestPingsPassUntouched(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/ping", "/ping/", "//ping/x", "/ping/x/", "///ping//x/../y", "/ping/a%2Fb?rid=1"} {
		for _, method := range []string{"GET", "POST", "OPTIONS", "DELETE"} {
			w := s.browser().ask(method, path, nil, "Host", "anything", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")
			if w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("X-Request-Id") != "" {
				t.Errorf("%s %s: %d %q %v", method, path, w.Code, w.Body, w.Header())
			}
		}
	}
	for _, path := range []string{"/pings/x", "/pingx", "/x/ping"} {
		if w := s.browser().get(path); w.Code != http.StatusNotFound || strings.HasPrefix(w.Body.String(), "ping") {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
}

func TestOddPathsAreNoRedirects(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	for _, path := range []string{"//checks", "/checks/", "/a/../checks", "/checks//", "/%63hecks/../x"} {
		if w := b.get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d to %q", path, w.Code, w.Header().Get("Location"))
		}
	}
}

func TestAnswersAreCompressed(t *testing.T) {
	s := newSite(t)
	w := s.signedIn().ask("GET", "/channels", nil, "Accept-Encoding", "gzip")
	if w.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("headers %v", w.Header())
	}
	plain, err := gzip.NewReader(w.Body)
	s.ok(err)
	page, err := io.ReadAll(plain)
	s.ok(err)
	if !strings.Contains(string(page), "Add a channel") {
		t.Errorf("page %s", page)
	}
}

func TestRequestsAreObserved(t *testing.T) {
	type seen struct {
		Route, Method string
		Code          int
	}
	var all []seen
	s := newSite(t, func(c *web.Config) {
		c.Observe = func(route, method string, code int, _ time.Duration) { all = append(all, seen{route, method, code}) }
	})
	b := s.browser()
	b.get("/checks/" + uuid.NewString())
	b.get("/nowhere")
	b.ask("PUT", "/login", nil)
	b.ask("BREW", "/login", nil)
	want := []seen{{"/checks/{id}", "GET", 303}, {"none", "GET", 404}, {"/login", "PUT", 405}, {"/login", "other", 405}}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
}
