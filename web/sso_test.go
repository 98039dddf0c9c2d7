package web_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollcall/internal/account"
	"rollcall/web"
)

// there begins a visit to the provider and returns where it leads.
func (b *browser) there(path string, pairs ...string) string {
	b.Helper()
	w := b.post(path, pairs...)
	b.wants(w, 200, "Northwind SSO")
	address, ok := strings.CutPrefix(w.Header().Get("Refresh"), "0; url=")
	if !ok {
		b.Fatalf("Refresh is %q", w.Header().Get("Refresh"))
	}
	return address
}

// back comes back from the provider.
func (b *browser) back(address string) *httptest.ResponseRecorder {
	b.Helper()
	path, ok := strings.CutPrefix(address, b.base.String())
	if !ok || !strings.HasPrefix(path, "/login/sso/callback?") {
		b.Fatalf("led back to %q", address)
	}
	return b.ask("GET", path, nil, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate")
}

func (b *browser) sso(p *idp, next string) *httptest.ResponseRecorder {
	b.Helper()
	return b.back(p.authorize(b.T, b.there("/login/sso", "next", next)))
}

func ines() map[string]any {
	return map[string]any{"email": "Ines@example.org", "email_verified": true}
}

func TestSingleSignOn(t *testing.T) {
	p := newIDP(t)
	s := newSite(t, p.known())
	s.wants(s.browser().get("/login"), 200, "Continue with Northwind SSO")
	p.is("user-1", ines())
	b := s.browser()
	s.leads(b.sso(p, "/deliveries"), "/deliveries")
	s.wants(b.get("/deliveries"), 200, "ines@example.org")
	if got := fmt.Sprint(s.notices()); got != "[sso_linked]" {
		t.Errorf("notices %s", got)
	}

	// From now on it is known by its subject, whatever its address.
	p.is("user-1", map[string]any{"email": "changed@example.org"})
	other := s.browser()
	s.leads(other.sso(p, "//evil"), "/checks")
	s.wants(other.get("/account/security"), 200, "Northwind SSO", "ines@example.org,")
	s.wants(b.get("/checks"), 200) // a log-in is no change

	factors, err := s.st.Factors(t.Context(), s.user.ID)
	s.ok(err)
	s.wants(other.post("/account/security/sso/999/remove"), http.StatusNotFound)
	s.leads(other.post("/account/security/sso/"+idOf(factors.Identities[0].ID)+"/remove"), "/account/security")
	s.leads(b.get("/checks"), "/login?next=%2Fchecks")
	s.wants(s.browser().sso(p, ""), http.StatusForbidden)
}

// Single sign-on is a first step like any other, and links nothing before the second.
func TestSingleSignOnAsksForTheSecondStep(t *testing.T) {
	p := newIDP(t)
	s := newSite(t, p.known())
	owner := s.signedIn()
	secret, _ := owner.enrol()
	p.is("user-1", ines())
	b := s.browser()
	s.leads(b.sso(p, "/channels"), "/login/second")
	s.wants(owner.get("/account/security"), 200, "Link Northwind SSO")
	s.later(30 * time.Second)
	s.leads(b.post("/login/second", "code", s.code(secret)), "/channels")
	s.wants(b.get("/account/security"), 200, "Unlink")
}

// Who comes for the first time is found by an address that was verified.
func TestWhoSingleSignOnFinds(t *testing.T) {
	for name, test := range map[string]struct {
		says   map[string]any
		signUp bool
		code   int
		words  string
	}{
		"verified":               {ines(), false, http.StatusSeeOther, ""},
		"verified as a text":     {map[string]any{"email": "ines@example.org", "email_verified": "true"}, false, http.StatusSeeOther, ""},
		"not verified":           {map[string]any{"email": "ines@example.org", "email_verified": false}, true, 403, "was verified"},
		"not said to be":         {map[string]any{"email": "ines@example.org"}, true, 403, "was verified"},
		"falsely verified":       {map[string]any{"email": "ines@example.org", "email_verified": 1}, true, 403, "was verified"},
		"no address":             {map[string]any{"email_verified": true}, true, 403, "was verified"},
		"no plain address":       {map[string]any{"email": "Ines <ines@example.org>", "email_verified": true}, true, 403, "was verified"},
		"unknown":                {map[string]any{"email": "new@example.org", "email_verified": true}, false, 403, "Nobody here has the address new@example.org."},
		"unknown, with sign-up":  {map[string]any{"email": "new@example.org", "email_verified": true}, true, http.StatusSeeOther, ""},
		"address of no evidence": {map[string]any{"email": "ines@example.org\r\nx", "email_verified": true}, true, 403, "was verified"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newIDP(t)
			s := newSite(t, p.known(func(c *web.SSO) { c.SignUp = test.signUp }))
			p.is("user-1", test.says)
			b := s.browser()
			s.wants(b.sso(p, ""), test.code, test.words)
			if test.code != http.StatusSeeOther {
				s.leads(b.get("/checks"), "/login?next=%2Fchecks")
				return
			}
			s.wants(b.get("/checks"), 200, strings.ToLower(test.says["email"].(string)))
			s.leads(b.post("/logout"), "/login")
			p.is("user-1", map[string]any{}) // known by now
			s.leads(b.sso(p, ""), "/checks")
		})
	}
}

// Every way in which what comes back can be false.
func TestSingleSignOnIsChecked(t *testing.T) {
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	claim := func(name string, value any) func(*idp) {
		return func(p *idp) { p.says[name] = value }
	}
	query := func(change func(url.Values)) func(string) string {
		return func(address string) string {
			u, _ := url.Parse(address)
			q := u.Query()
			change(q)
			u.RawQuery = q.Encode()
			return u.String()
		}
	}
	for name, test := range map[string]struct {
		bend func(*idp)
		path func(string) string
	}{
		"another state":       {path: query(func(q url.Values) { q.Set("state", strings.Repeat("x", 32)) })},
		"no state":            {path: query(func(q url.Values) { q.Del("state") })},
		"another code":        {path: query(func(q url.Values) { q.Set("code", "made up") })},
		"no code":             {path: query(func(q url.Values) { q.Del("code") })},
		"another issuer":      {path: query(func(q url.Values) { q.Set("iss", "https://evil.example") })},
		"an error":            {path: query(func(q url.Values) { q.Set("error", "access_denied") })},
		"a bad error":         {path: query(func(q url.Values) { q.Set("error", "<b>Call 0900 now</b>") })},
		"another nonce":       {bend: claim("nonce", "another")},
		"no nonce":            {bend: claim("nonce", nil)},
		"another audience":    {bend: claim("aud", "somebody-else")},
		"no audience":         {bend: claim("aud", nil)},
		"for others too":      {bend: claim("aud", []string{clientID, "somebody-else"})},
		"made for another":    {bend: func(p *idp) { p.says["aud"], p.says["azp"] = []string{clientID, "x"}, "x" }},
		"another issuer says": {bend: claim("iss", "https://evil.example")},
		"expired":             {bend: claim("exp", time.Now().Add(-time.Minute).Unix())},
		"of the future":       {bend: claim("nbf", time.Now().Add(time.Hour).Unix())},
		"no subject":          {bend: claim("sub", "")},
		"alg none": {bend: func(p *idp) {
			p.sign = func(header, claims map[string]any) string {
				header["alg"] = "none"
				return unsigned(header, claims) + "."
			}
		}},
		"signed with the public key": {bend: func(p *idp) {
			p.sign = func(header, claims map[string]any) string {
				header["alg"] = "HS256"
				text := unsigned(header, claims)
				mac := hmac.New(sha256.New, p.key.N.Bytes())
				mac.Write([]byte(text))
				return text + "." + b64(mac.Sum(nil))
			}
		}},
		"signed with another key": {bend: func(p *idp) {
			other := &idp{key: foreign}
			p.sign = other.signed
		}},
		"changed after it was signed": {bend: func(p *idp) {
			p.sign = func(header, claims map[string]any) string {
				parts := strings.Split(p.signed(header, claims), ".")
				body, _ := base64.RawURLEncoding.DecodeString(parts[1])
				parts[1] = b64([]byte(strings.Replace(string(body), "user-1", "user-2", 1)))
				return strings.Join(parts, ".")
			}
		}},
		"no token": {bend: func(p *idp) { p.sign = func(_, _ map[string]any) string { return "" } }},
	} {
		t.Run(name, func(t *testing.T) {
			p := newIDP(t)
			s := newSite(t, p.known())
			p.is("user-1", ines())
			if test.bend != nil {
				test.bend(p)
			}
			b := s.browser()
			address := p.authorize(t, b.there("/login/sso"))
			if test.path != nil {
				address = test.path(address)
			}
			w := b.back(address)
			s.wants(w, http.StatusForbidden)
			if strings.Contains(w.Body.String(), "0900") {
				t.Error("the page repeats what anybody could write into the address")
			}
			s.leads(b.get("/checks"), "/login?next=%2Fchecks")
			if !strings.Contains(s.log.String(), "single sign-on refused") && test.path == nil {
				t.Error("the log does not say why")
			}
			if strings.Contains(s.log.String(), clientSecret) {
				t.Error("the log holds the secret")
			}
		})
	}
}

func TestVisitsToTheProvider(t *testing.T) {
	p := newIDP(t)
	s := newSite(t, p.known())
	p.is("user-1", ines())
	visit := func() (*browser, string) {
		b := s.browser()
		b.remote = fmt.Sprintf("198.51.100.%d:1", s.kicks.Add(1))
		return b, p.authorize(t, b.there("/login/sso"))
	}

	b, address := visit()
	s.wants(s.browser().back(address), http.StatusForbidden, "was not begun in this browser") // of another browser
	s.leads(b.back(address), "/checks")
	s.wants(b.back(address), http.StatusForbidden, "or it has come back before") // again

	b, address = visit()
	s.later(10*time.Minute + time.Second)
	s.wants(b.back(address), http.StatusForbidden)

	// A code that was used up is worth nothing in a visit of one's own.
	b, address = visit()
	stolen := regexp.MustCompile(`code=([^&]+)`).FindStringSubmatch(address)[1]
	thief, own := visit()
	s.wants(thief.back(regexp.MustCompile(`code=[^&]+`).ReplaceAllString(own, "code="+stolen)), http.StatusForbidden, "did not accept its own answer")
	s.wants(b.back(address), http.StatusForbidden)

	// Somebody logs in in between: the visit is not theirs.
	b, address = visit()
	s.addAccount("else@example.org", s.cheapHash(), "Other")
	s.leads(b.login("else@example.org", password), "/checks")
	s.wants(b.back(address), http.StatusForbidden, "was not begun in this browser")
	s.wants(b.get("/checks"), 200, "else@example.org")
}

func TestLinking(t *testing.T) {
	p := newIDP(t)
	s := newSite(t, p.known())
	p.is("user-7", map[string]any{"email": "other@elsewhere.example"}) // linked by who they are here, not by address
	b, second := s.signedIn(), s.signedIn()
	s.wants(b.get("/account/security"), 200, "Link Northwind SSO")
	s.leads(b.back(p.authorize(t, b.there("/account/security/sso"))), "/account/security")
	s.wants(b.get("/account/security"), 200, "You can log in with Northwind SSO now.", "other@elsewhere.example")
	s.leads(second.get("/checks"), "/login?next=%2Fchecks")
	s.leads(s.browser().sso(p, ""), "/checks")

	// It is nobody else's, and no log-in turns into a link of another account.
	s.addAccount("else@example.org", s.cheapHash(), "Other")
	other := s.browser()
	s.leads(other.login("else@example.org", password), "/checks")
	s.wants(other.back(p.authorize(t, other.there("/account/security/sso"))), http.StatusConflict, "is linked already")
	p.is("user-8", map[string]any{})
	address := p.authorize(t, other.there("/account/security/sso"))
	s.leads(other.login("ines@example.org", password), "/checks")
	s.wants(other.back(address), http.StatusForbidden)
	s.leads(other.post("/logout"), "/login")
	s.wants(other.back(address), http.StatusForbidden)
	if _, err := s.st.Identity(t.Context(), p.URL, "user-8"); err == nil {
		t.Error("an identity was linked")
	}
}

// Who has nothing but single sign-on proves by a new log-in there who they are.
func TestConfirmingBySingleSignOn(t *testing.T) {
	p := newIDP(t)
	s := newSite(t, p.known(func(c *web.SSO) { c.SignUp = true }))
	p.is("user-9", map[string]any{"email": "only@example.org", "email_verified": true})
	b := s.browser()
	s.leads(b.sso(p, ""), "/checks")
	s.later(11 * time.Minute)
	s.leads(b.get("/account/security/totp"), "/confirm?next=%2Faccount%2Fsecurity%2Ftotp")
	w := b.get("/confirm?next=%2Faccount%2Fsecurity")
	s.wants(w, 200, "Continue with Northwind SSO")
	if strings.Contains(w.Body.String(), `name="password"`) {
		t.Error("a password is asked for that there is not")
	}
	confirm := func() string { return b.there("/confirm/sso", "next", "/account/security") }
	for name, says := range map[string]map[string]any{
		"an old log-in there": {"auth_time": s.now().Add(-time.Hour).Unix()},
		"one without a time":  {"auth_time": nil},
		"somebody else":       {"sub": "user-10"},
	} {
		p.is("user-9", says)
		address := confirm()
		if !strings.Contains(address, "prompt=login") || !strings.Contains(address, "max_age=0") {
			t.Errorf("asked at %s", address)
		}
		if w := b.back(p.authorize(t, address)); w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", name, w.Code)
		}
		s.leads(b.get("/account/security/totp"), "/confirm?next=%2Faccount%2Fsecurity%2Ftotp")
	}
	p.is("user-9", map[string]any{"auth_time": s.now().Unix()})
	s.leads(b.back(p.authorize(t, confirm())), "/account/security")
	s.leads(b.get("/account/security/totp"), "/account/security")
	user, err := s.st.UserByEmail(t.Context(), "only@example.org")
	s.ok(err)
	if projects, err := s.st.ProjectsOf(t.Context(), user.ID); err != nil || len(projects) != 1 || projects[0].Role != account.Owner {
		t.Errorf("projects %+v %v", projects, err)
	}
}

// The provider may be away; it is asked again as soon as it is needed.
func TestTheProviderMayBeAway(t *testing.T) {
	p := newIDP(t)
	p.dead.Store(true)
	s := newSite(t, p.known())
	p.is("user-1", ines())
	s.wants(s.browser().get("/login"), 200, "Continue with Northwind SSO")
	s.wants(s.browser().post("/login/sso"), http.StatusBadGateway, "No answer from Northwind SSO", "try again in a moment")
	if !strings.Contains(s.log.String(), "503 Service Unavailable") {
		t.Errorf("the log does not say why: %s", s.log)
	}
	p.dead.Store(false)
	b := s.browser()
	address := p.authorize(t, b.there("/login/sso"))
	p.dead.Store(true)
	s.wants(b.back(address), http.StatusBadGateway)
	p.dead.Store(false)
	s.leads(b.sso(p, ""), "/checks")

	none := newSite(t)
	for _, path := range []string{"/login/sso", "/login/sso/callback"} {
		none.wants(none.browser().ask(map[bool]string{true: "POST", false: "GET"}[path == "/login/sso"], path, url.Values{}), http.StatusNotFound)
	}
	if page := none.browser().get("/login").Body.String(); strings.Contains(page, "Continue with") {
		t.Error("a provider is offered that there is not")
	}
}
