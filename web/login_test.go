package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/web"
)

func TestLogInAndOut(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	s.leads(b.get("/deliveries?state=dead"), "/login?next=%2Fdeliveries%3Fstate%3Ddead")
	s.wants(b.get("/login?next=%2Fdeliveries%3Fstate%3Ddead"), 200, `name="next" value="/deliveries?state=dead"`)
	s.leads(b.post("/login", "email", " Ines@Example.org ", "password", password, "next", "/deliveries?state=dead"), "/deliveries?state=dead")
	s.wants(b.get("/deliveries"), 200, "Deliveries · Main", "ines@example.org")
	s.leads(b.get("/login"), "/checks")

	old := b.cookie()
	s.leads(b.post("/logout"), "/login")
	if b.cookie() != "" {
		t.Error("the cookie is still there after logging out")
	}
	s.leads(b.ask("GET", "/checks", nil, "Cookie", "rollcall="+old), "/login?next=%2Fchecks")
}

func TestCookie(t *testing.T) {
	for _, test := range []struct{ base, name string }{
		{"http://localhost:8000", "rollcall"},
		{"https://rollcall.example", "__Host-rollcall"},
	} {
		base, err := url.Parse(test.base)
		if err != nil {
			t.Fatal(err)
		}
		s := newSite(t, func(c *web.Config) { c.BaseURL = base })
		w := s.browser().login("ines@example.org", password)
		cookies := w.Header().Values("Set-Cookie") // of the session and of the device
		if len(cookies) != 2 {
			t.Fatalf("cookies %q", cookies)
		}
		for _, got := range cookies {
			for _, part := range []string{"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="} {
				if !strings.Contains(got, part) {
					t.Errorf("cookie %q lacks %s", got, part)
				}
			}
			if !strings.HasPrefix(got, test.name) || strings.Contains(got, "Domain") {
				t.Errorf("cookie %q", got)
			}
			if secure := base.Scheme == "https"; strings.Contains(got, "Secure") != secure {
				t.Errorf("cookie %q, over https: %v", got, secure)
			}
		}
	}
}

// A token is stored as a hash, and whatever a browser brought along is worth
// nothing after it logged in.
func TestSessionIsNewAtLogIn(t *testing.T) {
	s := newSite(t)
	victim := s.signedIn()
	planted := victim.cookie()
	s.leads(victim.login("ines@example.org", password), "/checks")
	if victim.cookie() == planted {
		t.Error("the token is still the planted one")
	}
	s.leads(s.browser().ask("GET", "/checks", nil, "Cookie", "rollcall="+planted), "/login?next=%2Fchecks")
	if _, found, err := s.st.FindSession(t.Context(), victim.cookie(), s.now()); err != nil || found {
		t.Errorf("the token itself is in the database: %v %v", found, err)
	}
}

func TestDamagedCookiesAreNobody(t *testing.T) {
	s := newSite(t)
	good := s.signedIn().cookie()
	many := strings.Repeat("a=b; ", 60)
	for name, cookie := range map[string]string{
		"flipped":  "rollcall=" + strings.ToUpper(good[:1]) + strings.ToLower(good[1:]),
		"long":     "rollcall=" + strings.Repeat("x", 4000),
		"odd":      `rollcall="%00"`,
		"empty":    "rollcall=",
		"of many":  many + "rollcall=nobody",
		"repeated": "rollcall=nobody; rollcall=" + good,
	} {
		w := s.browser().ask("GET", "/checks", nil, "Cookie", cookie)
		if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/login") {
			t.Errorf("%s: answered %d %s", name, w.Code, w.Header().Get("Location"))
		}
	}
	s.wants(s.browser().ask("GET", "/checks", nil, "Cookie", many+"rollcall="+good), 200)
}

func TestSessionsEnd(t *testing.T) {
	const day = 24 * time.Hour
	s := newSite(t)
	b := s.signedIn()
	s.ahead.Store(int64(13 * day))
	s.wants(b.get("/channels"), 200)
	s.ahead.Store(int64(26 * day))
	s.wants(b.get("/channels"), 200)
	s.ahead.Store(int64(40*day + 2*time.Hour))
	s.leads(b.get("/channels"), "/login?next=%2Fchannels")

	b = s.signedIn()
	for d := 13 * day; d < 90*day; d += 13 * day {
		s.ahead.Store(int64(40*day + 2*time.Hour + d))
		s.wants(b.get("/channels"), 200)
	}
	s.ahead.Store(int64(40*day + 2*time.Hour + 90*day))
	s.leads(b.get("/channels"), "/login?next=%2Fchannels")
}

func TestWrongLogInsAllLookTheSame(t *testing.T) {
	s := newSite(t)
	nobody, err := s.st.CreateUser(t.Context(), account.User{Email: "none@example.org", Created: s.now()})
	s.ok(err)
	var first string
	for _, email := range []string{
		"ines@example.org", "else@example.org", nobody.Email, "' OR 1=1--", "a\x00b@example.org", "a@b@c", "ïnes@exämple.org", `"quoted local"@x`, "",
	} {
		w := s.browser().login(email, "not the password")
		s.wants(w, http.StatusUnprocessableEntity, "E-mail and password do not match.")
		_, body, _ := strings.Cut(w.Body.String(), `<h1>`)
		before, after, _ := strings.Cut(body, `name="email" value="`)
		_, after, _ = strings.Cut(after, `"`)
		if body = before + after; first == "" {
			first = body
		}
		if body != first {
			t.Errorf("%q is answered differently:\n%s\n%s", email, body, first)
		}
	}
	s.wants(s.browser().login("ines@example.org", ""), http.StatusUnprocessableEntity)
	s.wants(s.browser().login("ines@example.org", strings.Repeat("x", 1<<20)), http.StatusRequestEntityTooLarge)
}

// Comparing takes more than ten times as long as anything else in a log-in, so a
// missing comparison would show at once. The quickest of some is the least noisy.
func TestUnknownAccountsTakeAsLong(t *testing.T) {
	s := newSite(t)
	hash, err := web.HashPassword(password)
	s.ok(err)
	s.ok(s.st.SetPassword(t.Context(), s.user.ID, hash))
	quickest := map[string]time.Duration{}
	for range 6 {
		for _, email := range []string{"ines@example.org", "else@example.org"} {
			began := time.Now()
			s.browser().login(email, "not the password")
			if took := time.Since(began); quickest[email] == 0 || took < quickest[email] {
				quickest[email] = took
			}
		}
	}
	known, unknown := quickest["ines@example.org"], quickest["else@example.org"]
	if unknown < known/3 || known < unknown/3 {
		t.Errorf("a known account takes %v, an unknown one %v", known, unknown)
	}
}

func TestBruteForce(t *testing.T) {
	s := newSite(t)
	guess := func(i int, email string) (code int, after string) {
		b := s.browser()
		b.remote = fmt.Sprintf("198.51.100.%d:1", i%250)
		w := b.login(email, "guess")
		return w.Code, w.Header().Get("Retry-After")
	}
	var heard, refused int
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			code, after := guess(i, "ines@example.org")
			mu.Lock()
			defer mu.Unlock()
			switch {
			case code == http.StatusUnprocessableEntity:
				heard++
			case code == http.StatusTooManyRequests && after != "" && after != "0":
				refused++
			default:
				t.Errorf("answered %d, Retry-After %q", code, after)
			}
		})
	}
	all.Wait()
	if heard != 10 || refused != 190 {
		t.Errorf("%d tries were heard and %d refused, want 10 and 190", heard, refused)
	}
	if code, _ := guess(7, "else@example.org"); code != http.StatusUnprocessableEntity {
		t.Errorf("another account is answered %d", code)
	}
	s.wants(s.browser().login("ines@example.org", password), http.StatusTooManyRequests, "Too many attempts", "Try again in")
	s.ahead.Store(int64(6*time.Minute + time.Second))
	s.leads(s.browser().login("ines@example.org", password), "/checks")
	if code, _ := guess(8, "ines@example.org"); code != http.StatusUnprocessableEntity {
		t.Errorf("after a log-in that was right: %d", code)
	}
}

func TestBruteForceFromOneNetwork(t *testing.T) {
	for _, test := range []struct {
		name    string
		trusted []string
		remote  func(i int) string
		forward func(i int) string
		heard   int
	}{
		{"one address", nil, func(int) string { return "203.0.113.9:1" }, nil, 30},
		{"a /64", nil, func(i int) string { return fmt.Sprintf("[2001:db8::%x]:1", i+1) }, nil, 30},
		{"made-up forwarding", nil, func(int) string { return "203.0.113.9:1" }, func(i int) string { return fmt.Sprintf("192.0.2.%d", i) }, 30},
		{
			"made-up hops before a proxy",
			[]string{"10.0.0.0/8"},
			func(int) string { return "10.0.0.1:1" },
			func(i int) string { return fmt.Sprintf("192.0.2.%d, 203.0.113.9", i) }, 30,
		},
		{"clients of a proxy", []string{"10.0.0.0/8"}, func(int) string { return "10.0.0.1:1" }, func(i int) string { return fmt.Sprintf("192.0.2.%d", i) }, 40},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, func(c *web.Config) { c.TrustedProxies = prefixes(test.trusted...) })
			heard, hash := 0, s.cheapHash()
			for i := range 40 {
				b := s.browser()
				b.remote = test.remote(i)
				email := fmt.Sprintf("user%d@example.org", i)
				s.addAccount(email, hash, "Main")
				form := url.Values{"email": {email}, "password": {"guess"}}
				var headers []string
				if test.forward != nil {
					headers = []string{"X-Forwarded-For", test.forward(i)}
				}
				if b.ask("POST", "/login", form, headers...).Code == http.StatusUnprocessableEntity {
					heard++
				}
			}
			if heard != test.heard {
				t.Errorf("%d of 40 tries were heard, want %d", heard, test.heard)
			}
		})
	}
}

func TestWhereALogInLeads(t *testing.T) {
	for target, want := range map[string]string{
		"":                              "/checks",
		"/deliveries":                   "/deliveries",
		"/checks?tag=a%2Fb&q=x":         "/checks?tag=a%2Fb&q=x",
		"/checks/1#x":                   "/checks/1",
		"//evil":                        "/checks",
		"///evil":                       "/checks",
		"/\\evil":                       "/checks",
		"\\\\evil":                      "/checks",
		"https:evil":                    "/checks",
		"https://evil/x":                "/checks",
		"javascript:alert(1)":           "/checks",
		"/%09/evil":                     "/checks",
		"/%5Cevil":                      "/checks",
		"/..//evil":                     "/checks",
		"/a/../b":                       "/checks",
		"/%0d%0aSet-Cookie:x=1":         "/checks",
		"evil":                          "/checks",
		"/a%2F%2Fevil":                  "/checks",
		"/\t/evil":                      "/checks",
		"https://localhost:8000@evil/":  "/checks",
		"/checks?next=https://evil/%0a": "/checks?next=https://evil/%0a",
	} {
		if got := web.LocalPath(target); got != want {
			t.Errorf("%q leads to %q, want %q", target, got, want)
		}
	}
	s := newSite(t)
	s.leads(s.browser().post("/login", "email", "ines@example.org", "password", password, "next", "//evil"), "/checks")
	b := s.signedIn()
	s.leads(b.get("/login?next=https://evil/"), "/checks")
}

func TestFirstAccount(t *testing.T) {
	s := emptySite(t)
	link, err := web.SetupLink(t.Context(), s.st, s.base, s.now())
	s.ok(err)
	path, ok := strings.CutPrefix(link, "http://localhost:8000")
	if !ok {
		t.Fatalf("link %q", link)
	}
	b := s.browser()
	for range 5 { // scanners and link previews
		s.wants(b.get(path), 200, "The first account")
		s.wants(b.ask("HEAD", path, nil), 200)
	}
	w := b.post(path, "email", "not one", "password", "short")
	s.wants(w, http.StatusUnprocessableEntity, "Not saved: 2 fields need a change.", `value="not one"`,
		"E-mail is not one plain address", "Password is shorter than 12 characters")
	if got := w.Header().Get("Referrer-Policy"); got != "no-referrer" {
		t.Errorf("Referrer-Policy %q on a page with a token", got)
	}
	s.wants(b.post("/setup/"+account.NewToken(), "email", "a@example.org", "password", password), http.StatusGone)

	s.leads(b.post(path, "email", "Ops@Example.org", "password", password), "/checks")
	s.wants(b.get("/checks"), 200)
	user, err := s.st.UserByEmail(t.Context(), "ops@example.org")
	s.ok(err)
	projects, err := s.st.ProjectsOf(t.Context(), user.ID)
	s.ok(err)
	if len(projects) != 1 || projects[0].Name != "Main" || projects[0].Role != account.Owner {
		t.Fatalf("projects %+v", projects)
	}
	channels, err := s.st.Channels(t.Context(), projects[0].ID)
	s.ok(err)
	if len(channels) != 1 || channels[0].Kind != monitor.Email || channels[0].Settings.Address != "ops@example.org" {
		t.Errorf("channels %+v", channels)
	}

	s.wants(s.browser().get(path), http.StatusGone, "This link has ended")
	s.wants(s.browser().post(path, "email", "b@example.org", "password", password), http.StatusGone)
	if link, err := web.SetupLink(t.Context(), s.st, s.base, s.now()); link != "" || err != nil {
		t.Errorf("another link for a server with accounts: %q %v", link, err)
	}
	s.leads(s.browser().login("ops@example.org", password), "/checks")
}

func TestSetupLinksEnd(t *testing.T) {
	s := emptySite(t)
	first, err := web.SetupLink(t.Context(), s.st, s.base, s.now())
	s.ok(err)
	second, err := web.SetupLink(t.Context(), s.st, s.base, s.now())
	s.ok(err)
	path := func(link string) string { return strings.TrimPrefix(link, "http://localhost:8000") }
	s.wants(s.browser().get(path(first)), http.StatusGone)
	s.wants(s.browser().get(path(second)), 200)
	s.ahead.Store(int64(25 * time.Hour))
	s.wants(s.browser().get(path(second)), http.StatusGone)
}

// Of two who send the form at the same moment one gets the account.
func TestSetupLinkWorksOnce(t *testing.T) {
	s := emptySite(t)
	link, err := web.SetupLink(t.Context(), s.st, s.base, s.now())
	s.ok(err)
	path := strings.TrimPrefix(link, "http://localhost:8000")
	codes := make(chan int, 4)
	var all sync.WaitGroup
	for i := range cap(codes) {
		all.Go(func() {
			codes <- s.browser().post(path, "email", fmt.Sprintf("user%d@example.org", i), "password", password).Code
		})
	}
	all.Wait()
	close(codes)
	made := 0
	for code := range codes {
		switch code {
		case http.StatusSeeOther:
			made++
		case http.StatusGone:
		default:
			t.Errorf("answered %d", code)
		}
	}
	if made != 1 {
		t.Errorf("%d accounts were made", made)
	}
}
