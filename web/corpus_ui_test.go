package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/internal/account"
)

// person is who looks at the pages, with an account and a project of their own.
type person struct {
	*site
	trial  *trial
	counts *counts // of both engines' stores
}

var heading = regexp.MustCompile(`(?s)<h1[^>]*>(.*?)</h1>`)

// saw notes an answer, and checks that it has the status that is wanted and carries
// what every page does.
func (p *person) saw(w *httptest.ResponseRecorder, code int, texts ...string) *httptest.ResponseRecorder {
	p.Helper()
	said := heading.FindStringSubmatch(w.Body.String())
	p.trial.tells("%d %s %q", w.Code, w.Header().Get("Location"), said)
	p.wants(w, code, texts...)
	p.honest(w)
	return w
}

// led is saw for who is led elsewhere.
func (p *person) led(w *httptest.ResponseRecorder, path string) {
	p.Helper()
	p.saw(w, http.StatusSeeOther)
	p.leads(w, path)
}

// honest checks what every answer of a page carries, whatever became of the request.
func (s *site) honest(w *httptest.ResponseRecorder) {
	s.Helper()
	header := w.Header()
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "Cross-Origin-Opener-Policy": "same-origin",
		"Cache-Control": "no-store", "Referrer-Policy": "", "Permissions-Policy": "camera=()", "X-Request-Id": "",
	} {
		if got := header.Get(name); !strings.HasPrefix(got, want) || got == "" {
			s.Errorf("%d has %s %q", w.Code, name, got)
		}
	}
	field, needed := map[int]string{405: "Allow", 413: "Connection", 429: "Retry-After", 503: "Retry-After", 303: "Location"}[w.Code]
	if needed && header.Get(field) == "" {
		s.Errorf("%d without %s", w.Code, field)
	}
	if w.Code >= 400 && !strings.HasPrefix(header.Get("Content-Type"), "text/html") {
		s.Errorf("%d is %s", w.Code, header.Get("Content-Type"))
	}
	for _, inside := range []string{"SQLSTATE", "SQL logic", "sqlite:", "pgconn", "jackc", ".go:"} {
		if w.Code >= 400 && strings.Contains(w.Body.String(), inside) {
			s.Errorf("the page tells of the inside:\n%s", w.Body)
		}
	}
}

func TestBadPageRequests(t *testing.T) {
	c := &counts{}
	begin := func(t *trial) *person { return &person{t.site, t, c} }
	corpus(t, "INPUT U: every bad request to a page or a log-in is answered as documented, alike on both engines", "U", 35,
		slices.Concat(badLogins(), badLinks(), badForms(), badTexts(), badNames(), badReaders()), begin, open, counting(c))
}

func badLogins() []row[*person] {
	return []row[*person]{
		{"U01", "what is no log-in", func(p *person) {
			var first string
			for _, email := range []string{
				p.user.Email, "nobody@example.org", "' OR 1=1--", "a\x00b@example.org", "a@b@c", "ïnes@exämple.org", `"quoted local"@x`, "", "\xff\xfe@example.org", "\xed\xa0\x80@example.org",
				strings.Repeat("a", 50_000), "%", "_", "a@b\r\nBcc: c@d",
			} {
				p.ahead.Add(int64(time.Hour)) // each is heard
				w := p.saw(p.browser().login(email, "not the password"), 422, "E-mail and password do not match.")
				page := withoutValue(w.Body.String())
				if first == "" {
					first = page
				}
				if page != first {
					p.Errorf("%.60q is answered differently", email)
				}
			}
			p.ahead.Add(int64(time.Hour))
			for _, secret := range []string{"", "\x00", "\xff", strings.Repeat("x", 100_000)} {
				p.saw(p.browser().login(p.user.Email, secret), 422, "E-mail and password do not match.")
			}
			p.saw(p.browser().login(p.user.Email, strings.Repeat("x", 1<<20)), 413)
			p.saw(p.browser().ask("POST", "/login", url.Values{}), 422)
		}},
		{"U02", "200 wrong passwords at once", func(p *person) {
			before := p.counts.users.Load()
			codes := map[int]int{}
			var mu sync.Mutex
			var all sync.WaitGroup
			for i := range 200 {
				all.Go(func() {
					b := p.browser()
					b.remote = fmt.Sprintf("203.0.113.%d:1", i)
					w := b.login(p.user.Email, "guess")
					mu.Lock()
					defer mu.Unlock()
					codes[w.Code]++
				})
			}
			all.Wait()
			p.trial.tells("%v", codes)
			// Who reaches the comparison has been looked for just before it.
			if compared := p.counts.users.Load() - before; compared > 10 || codes[422] > 10 || codes[422]+codes[429] != 200 {
				p.Errorf("%d reached the comparison: %v", compared, codes)
			}
			p.saw(p.browser().login(p.user.Email, password), 429, "Too many attempts")
		}},
		{"U03", "forwarded addresses that are made up", func(p *person) {
			heard, hash := 0, p.cheapHash()
			for i := range 40 {
				someone, _ := p.addAccount(fmt.Sprintf("someone%d@example.org", i), hash, "Main")
				form := url.Values{"email": {someone.Email}, "password": {"guess"}}
				forged := fmt.Sprintf("192.0.2.%d", i)
				w := p.browser().ask("POST", "/login", form, "X-Forwarded-For", forged, "Forwarded", "for="+forged, "X-Real-Ip", forged, "CF-Connecting-IP", forged)
				if w.Code == 422 {
					heard++
				}
			}
			p.trial.tells("%d were heard", heard)
			if heard != 30 {
				p.Errorf("%d were heard, want 30", heard)
			}
		}},
		{"U04", "who has an account", func(p *person) {
			for _, path := range []string{"/login/mail", "/signup"} {
				before := p.counts.users.Load()
				var answers []string
				for _, email := range []string{p.user.Email, fmt.Sprintf("nobody%d@example.org", p.trial.n)} {
					w := p.saw(p.browser().post(path, "email", email), 303)
					w.Header().Del("X-Request-Id")
					answers = append(answers, fmt.Sprint(w.Code, w.Header(), w.Body))
				}
				if answers[0] != answers[1] {
					p.Errorf("%s tells them apart:\n%s\n%s", path, answers[0], answers[1])
				}
				if p.counts.users.Load() != before {
					p.Errorf("%s looks for the account, which takes time", path)
				}
			}
			p.letters()
		}},
		{"U05", "a cookie that was planted", func(p *person) {
			b := p.browser()
			b.jar.SetCookies(p.base, []*http.Cookie{{Name: "rollcall", Value: account.NewToken()}})
			planted := b.cookie()
			p.led(b.login(p.user.Email, password), "/checks")
			p.led(p.browser().ask("GET", "/checks", nil, "Cookie", "rollcall="+planted), "/login?next=%2Fchecks")
			again := b.cookie()
			p.led(b.login(p.user.Email, password), "/checks")
			if planted == again || again == b.cookie() {
				p.Error("a token has stayed")
			}
			p.led(p.browser().ask("GET", "/checks", nil, "Cookie", "rollcall="+again), "/login?next=%2Fchecks")
		}},
		{"U06", "damaged cookies", func(p *person) {
			b := p.signedIn()
			good := b.cookie()
			flipped := "A" + good[1:]
			if flipped == good {
				flipped = "B" + good[1:]
			}
			for _, cookie := range []string{
				"rollcall=" + flipped, "rollcall=" + strings.Repeat("x", 4_000), `rollcall="%00"`, "rollcall=", strings.Repeat("a=b; ", 60) + "rollcall=nobody", "rollcall=nobody; rollcall=" + good,
				"rollcall=\xff", "rollcall=" + good + "x", "rollcall=" + good[:len(good)-1],
			} {
				p.led(p.browser().ask("GET", "/checks", nil, "Cookie", cookie), "/login?next=%2Fchecks")
			}
			p.saw(b.get("/checks"), 200)
			p.led(b.post("/logout"), "/login")
			p.led(p.browser().ask("GET", "/checks", nil, "Cookie", "rollcall="+good), "/login?next=%2Fchecks")
		}},
		{"U15", "where a log-in leads", func(p *person) {
			for _, next := range []string{"//evil", `/\evil`, "javascript:alert(1)", "/%0d%0aSet-Cookie:x=1", "https:evil", "/%09/evil", "/..//evil", "https://evil/", "\x00", "//evil@localhost:8000", "/%2F/evil", "\\\\evil"} {
				w := p.browser().post("/login", "email", p.user.Email, "password", password, "next", next)
				p.led(w, "/checks")
				b := p.signedIn()
				p.led(b.get("/login?next="+url.QueryEscape(next)), "/checks")
				p.led(b.post("/confirm", "password", password, "next", next), "/checks")
				p.ahead.Add(int64(time.Hour))
			}
		}},
		{"U16", "codes of an authenticator app", func(p *person) {
			owner := p.signedIn()
			secret, codes := owner.enrol()
			half := func() *browser {
				b := p.browser()
				p.led(b.login(p.user.Email, password), "/login/second")
				return b
			}
			p.later(time.Minute)
			one, other := half(), half()
			code := p.code(secret)
			p.led(one.post("/login/second", "code", code), "/checks")
			p.saw(other.post("/login/second", "code", code), 422)           // it was used
			p.saw(other.post("/login/second", "code", p.code(secret)), 422) // and is still the same one
			p.led(other.post("/login/second", "recovery", codes[0]), "/checks")
			p.later(time.Hour)
			third := half()
			p.saw(third.post("/login/second", "recovery", codes[0]), 422)
			answers := map[int]int{}
			for i := range 1_000 {
				answers[third.post("/login/second", "code", fmt.Sprintf("%06d", i)).Code]++
			}
			p.trial.tells("%v", answers)
			if answers[422] > 5 || answers[422]+answers[429] != 1_000 {
				p.Errorf("of 1,000 codes %v", answers)
			}
			p.led(third.get("/checks"), "/login?next=%2Fchecks")
		}},
		{"U35", "the way back after logging out", func(p *person) {
			b := p.signedIn()
			check := p.addCheck(p.project.ID, "Nightly")
			paths := []string{"/checks", "/checks/" + check.UUID.String(), "/account", "/settings", "/settings/keys"}
			for _, path := range paths {
				if got := p.saw(b.get(path), 200).Header().Get("Cache-Control"); got != "no-store" {
					p.Errorf("%s may be kept: %q", path, got)
				}
			}
			p.led(b.post("/logout"), "/login")
			for _, path := range paths {
				p.led(b.get(path), "/login?next="+url.QueryEscape(path))
			}
		}},
	}
}

// withoutValue is a page without what was typed into its field for an address.
func withoutValue(page string) string {
	before, after, _ := strings.Cut(page, `name="email" value="`)
	_, after, _ = strings.Cut(after, `"`)
	return before + after
}

func badLinks() []row[*person] {
	return []row[*person]{
		{"U10", "links that are over, cut or another's", func(p *person) {
			links := p.someLinks()
			for route, token := range links {
				for other := range links {
					for _, wrong := range []string{token[:len(token)-1], token + "x", strings.ToUpper(token[:1]) + strings.ToLower(token[1:]) + "-"} {
						p.saw(p.browser().post(strings.Replace(other, "{token}", wrong, 1), "email", "a@example.org", "password", password), 410)
					}
					if other != route {
						p.saw(p.browser().post(strings.Replace(other, "{token}", token, 1), "email", "a@example.org", "password", password), 410, "This link has ended")
					}
				}
			}
			path := "/login/" + links["/login/{token}"]
			if got := p.saw(p.browser().get(path), 200).Header().Get("Referrer-Policy"); got != "no-referrer" {
				p.Errorf("the link travels on: %q", got)
			}
			p.led(p.browser().post(path), "/checks")
			used := p.saw(p.browser().post(path), 410)
			p.ahead.Add(int64(2 * time.Hour))
			late := p.saw(p.browser().post("/signup/"+links["/signup/{token}"]), 410)
			if withoutTime(used.Body.String()) != withoutTime(late.Body.String()) {
				p.Error("a used link and a late one are told apart")
			}
		}},
		{"U11", "programs that look at links", func(p *person) {
			path := "/login/" + p.someLinks()["/login/{token}"]
			for range 5 {
				p.saw(p.browser().get(path), 200)
				p.saw(p.browser().ask("HEAD", path, nil), 200)
			}
			p.led(p.browser().post(path), "/checks")
		}},
		{"U12", "an invitation of somebody else", func(p *person) {
			guest, _ := p.addAccount(fmt.Sprintf("guest%d@example.org", p.trial.n), p.cheapHash(), "Theirs")
			link := p.linkOf(p.addInvitation(p.project.ID, guest.Email))
			other := p.in(p.T)
			other.user, _ = p.addAccount(fmt.Sprintf("stranger%d@example.org", p.trial.n), p.cheapHash(), "Strange")
			b := other.signedIn()
			p.saw(b.get(link), 200, "You are logged in as")
			p.saw(b.post(link), 403, "log out first")
			p.saw(p.browser().post(link, "password", password), 403)
			invited := p.in(p.T)
			invited.user = guest
			p.led(invited.signedIn().post(link), "/checks")
			members, err := p.st.Members(p.Context(), p.project.ID)
			p.ok(err)
			if len(members) != 2 {
				p.Errorf("members %+v", members)
			}
		}},
		// A project sends 20 invitations a day; the 21st is told so on the form, not by 429.
		{"U13", "50 invitations", func(p *person) {
			p.ok(p.st.RenameProject(p.Context(), p.project.ID, `Claim $500 http://evil.example <a href="http://evil.example">now</a>`))
			b := p.signedIn()
			codes := map[int]int{}
			for i := range 50 {
				w := b.post("/settings/team/invitations", "email", fmt.Sprintf("victim%d@example.org", i), "role", "member")
				codes[w.Code]++
			}
			p.trial.tells("%v", codes)
			if codes[303] != 20 || codes[422] != 30 {
				p.Errorf("answers %v, want 20 taken", codes)
			}
			for _, l := range p.letters() {
				if all := fmt.Sprintf("%+v", l.Mail); strings.Contains(all, "evil") || strings.Contains(strings.ReplaceAll(all, p.base.String(), ""), "://") {
					p.Errorf("the letter has a link of others: %s", all)
				}
			}
		}},
		{"U14", "another host in a request for a link", func(p *person) {
			for _, headers := range [][]string{{"X-Forwarded-Host", "evil.example"}, {"Forwarded", "host=evil.example"}, {"X-Original-Host", "evil.example", "X-Forwarded-Proto", "javascript"}} {
				p.led(p.browser().ask("POST", "/login/mail", url.Values{"email": {p.user.Email}}, headers...), "/login/mail")
				if page := p.letter().Page; !strings.HasPrefix(page, p.base.String()+"/login/") {
					p.Errorf("%v: link %s", headers, page)
				}
			}
			p.saw(p.browser().ask("POST", "/login/mail", url.Values{"email": {p.user.Email}}, "Host", "evil.example"), 421)
			if letters := p.letters(); len(letters) > 0 {
				p.Errorf("letters %+v", letters)
			}
		}},
		// The new address has to confirm; the old one is told.
		{"U19", "changing to an address that has an account", func(p *person) {
			known, _ := p.addAccount(fmt.Sprintf("known%d@example.org", p.trial.n), p.cheapHash(), "Known")
			b := p.signedIn()
			for _, email := range []string{known.Email, fmt.Sprintf("free%d@example.org", p.trial.n)} {
				p.led(b.post("/account/email", "email", email), "/account")
				p.saw(b.get("/account"), 200, "A link is on its way to "+email)
			}
			for _, l := range p.letters() {
				if l.owed && l.To == known.Email && strings.Contains(l.Page, "/account/email/") {
					p.Errorf("a link to take an address that is another's: %+v", l)
				}
			}
		}},
	}
}
