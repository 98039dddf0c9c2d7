package web_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/internal/account"
)

// Each test of this file makes an attack on accounts and sessions. Those on the
// password form and on forwarded addresses stand in login_test.go.

// Who guesses from everywhere does not keep the owner out of their own browser, and
// has no use for cookies of other accounts.
func TestGuessingDoesNotLockTheOwnerOut(t *testing.T) {
	s := newSite(t)
	s.addAccount("mallory@example.org", s.cheapHash(), "Theirs")
	own, theirs := s.browser(), s.browser()
	s.leads(own.login("ines@example.org", password), "/checks")
	own.post("/logout")
	s.leads(theirs.login("mallory@example.org", password), "/checks")
	forged := s.browser()
	forged.jar.SetCookies(s.base, []*http.Cookie{{Name: "rollcall-device", Value: account.NewToken()}})
	for _, attacker := range []*browser{s.browser(), theirs, forged} {
		for i := range 10 {
			attacker.remote = fmt.Sprintf("192.0.2.%d:1", i)
			attacker.login("ines@example.org", "guess")
		}
		s.wants(attacker.login("ines@example.org", password), http.StatusTooManyRequests)
	}
	s.wants(s.browser().login("ines@example.org", password), http.StatusTooManyRequests)
	for range 9 {
		s.wants(own.login("ines@example.org", "forgotten"), 422)
	}
	s.leads(own.login("ines@example.org", password), "/checks")
	for range 10 {
		s.wants(own.login("ines@example.org", "forgotten"), 422)
	}
	s.wants(own.login("ines@example.org", password), http.StatusTooManyRequests)
}

func TestLettersAreFew(t *testing.T) {
	for _, path := range []string{"/login/mail", "/signup"} {
		for _, test := range []struct {
			name    string
			address func(i int) string
			remote  func(i int) string
			taken   int
		}{
			{"to one mailbox", func(int) string { return "ines@example.org" }, func(i int) string { return fmt.Sprintf("192.0.2.%d:1", i) }, 5},
			{"to one mailbox in many ways", func(i int) string {
				return []string{"i.nes", "ines+1", "INES", "i.n.e.s+x", "ines"}[i%5] + "@example.org"
			}, func(i int) string { return fmt.Sprintf("192.0.2.%d:1", i) }, 5},
			{"from one network", func(i int) string { return fmt.Sprintf("user%d@example.org", i) }, func(i int) string { return fmt.Sprintf("[2001:db8::%x]:1", i+1) }, 20},
		} {
			t.Run(path+" "+test.name, func(t *testing.T) {
				s := newSite(t, open)
				var all sync.WaitGroup
				codes := make(chan int, 40)
				for i := range cap(codes) {
					all.Go(func() {
						b := s.browser()
						b.remote = test.remote(i)
						codes <- b.ask("POST", path, url.Values{"email": {test.address(i)}}, "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i)).Code
					})
				}
				all.Wait()
				close(codes)
				taken := 0
				for code := range codes {
					switch code {
					case http.StatusSeeOther:
						taken++
					case http.StatusTooManyRequests:
					default:
						t.Errorf("answered %d", code)
					}
				}
				if taken != test.taken || len(s.letters()) != test.taken {
					t.Errorf("%d letters were taken, want %d", taken, test.taken)
				}
			})
		}
	}
}

// Whatever cookie a browser brings to any way in is worth nothing afterwards.
func TestNoFixation(t *testing.T) {
	s := newSite(t, open)
	for name, enter := range map[string]func(*browser) *httptest.ResponseRecorder{
		"password": func(b *browser) *httptest.ResponseRecorder { return b.login("ines@example.org", password) },
		"link": func(b *browser) *httptest.ResponseRecorder {
			b.post("/login/mail", "email", "ines@example.org")
			return b.post(s.letter().link(s))
		},
		"sign-up": func(b *browser) *httptest.ResponseRecorder {
			b.post("/signup", "email", "new@example.org")
			return b.post(s.letter().link(s))
		},
		"proof": func(b *browser) *httptest.ResponseRecorder { return b.post("/confirm", "password", password) },
	} {
		victim := s.signedIn()
		planted := victim.cookie()
		s.leads(enter(victim), "/checks")
		if victim.cookie() == planted {
			t.Errorf("%s: the token is still the planted one", name)
		}
		s.leads(s.browser().ask("GET", "/checks", nil, "Cookie", "rollcall="+planted), "/login?next=%2Fchecks")
		s.wants(victim.get("/checks"), 200)
	}
}

// slowly sends a form after something else has happened: its session is found
// before, and saved after it.
type slowly struct {
	io.Reader
	first func()
}

func (r *slowly) Read(p []byte) (int, error) {
	if r.first != nil {
		r.first()
		r.first = nil
	}
	return r.Reader.Read(p)
}

// A thief who keeps a request open while the owner logs them out is out.
func TestARequestUnderWayKeepsNoSessionAlive(t *testing.T) {
	s := newSite(t)
	for name, end := range map[string]func(hash string) error{
		"ended":            func(hash string) error { return s.st.EndSessionOf(t.Context(), s.user.ID, hash) },
		"all ended":        func(string) error { return s.st.EndSessionsOf(t.Context(), s.user.ID) },
		"another password": func(string) error { return s.st.SetPassword(t.Context(), s.user.ID, s.cheapHash()) },
	} {
		thief := s.signedIn()
		token := thief.cookie()
		body := "project=" + idOf(s.project.ID)
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/project", &slowly{strings.NewReader(body), func() { s.ok(end(account.HashKey(token))) }})
		r.Host = s.base.Host
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(&http.Cookie{Name: "rollcall", Value: token})
		s.handler.ServeHTTP(httptest.NewRecorder(), r)
		if w := s.browser().ask("GET", "/checks", nil, "Cookie", "rollcall="+token); w.Code != http.StatusSeeOther {
			t.Errorf("%s: the session came back: %d", name, w.Code)
		}
	}
}

// Proving again who one is does not make a session last longer in all.
func TestProofDoesNotLengthenASession(t *testing.T) {
	const day = 24 * time.Hour
	s := newSite(t)
	b := s.signedIn()
	for d := 13 * day; d < 90*day; d += 13 * day {
		s.ahead.Store(int64(d))
		s.leads(b.post("/confirm", "password", password), "/checks")
	}
	s.ahead.Store(int64(90 * day))
	s.leads(b.get("/checks"), "/login?next=%2Fchecks")
}

// What somebody finds in a stolen copy of the database lets them in nowhere.
func TestADumpHoldsNothingToLogInWith(t *testing.T) {
	s := newSite(t, open)
	b := s.signedIn()
	secrets := map[string]string{"session": b.cookie()}
	for _, cookie := range b.jar.Cookies(s.base) {
		secrets[cookie.Name] = cookie.Value
	}
	b.post("/login/mail", "email", "ines@example.org")
	b.post("/signup", "email", "new@example.org")
	b.post("/account/email", "email", "else@example.org")
	b.post("/confirm/mail")
	for _, l := range s.letters() {
		secret := l.code()
		if l.Kind != account.LetterCode {
			link, _, _ := strings.Cut(l.link(s), "?")
			secret = link[strings.LastIndexByte(link, '/')+1:]
		}
		secrets[string(l.Kind)] = strings.ReplaceAll(secret, " ", "")
	}
	if len(secrets) != 7 {
		t.Fatalf("secrets %v", secrets)
	}
	for table, rows := range s.dump() {
		all := strings.Join(rows, "\n")
		for name, secret := range secrets {
			if strings.Contains(all, secret) {
				t.Errorf("%s holds the secret of %s", table, name)
			}
		}
		if strings.Contains(all, password) {
			t.Errorf("%s holds a password", table)
		}
	}
}

// Everything sensitive asks again, and a form that comes too late changes nothing.
func TestSensitiveChangesAskAgain(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	s.ahead.Store(int64(11 * time.Minute))
	before := s.dump()
	for _, path := range []string{"/account/email", "/account/password", "/account/password/remove", "/account/delete"} {
		form := url.Values{"email": {"else@example.org"}, "password": {"another long sentence"}, "address": {"ines@example.org"}}
		s.leads(b.ask("POST", path, form, "Referer", s.base.String()+"/account"), "/confirm?next=%2Faccount")
	}
	s.leads(b.get("/account/export"), "/confirm?next=%2Faccount%2Fexport")
	if page := b.get("/account").Body.String(); strings.Contains(page, `action="/account/delete"`) || !strings.Contains(page, "/confirm?next=%2Faccount") {
		t.Error("the page offers what would be asked about")
	}
	for table, rows := range s.dump() {
		if fmt.Sprint(rows) != fmt.Sprint(before[table]) {
			t.Errorf("%s is changed", table)
		}
	}
	s.leads(b.post("/confirm", "password", password, "next", "/account/export"), "/account/export")
	s.wants(b.get("/account/export"), 200)
}

// Codes are few to guess; who guesses passwords from outside does not use up the
// tries of who is in.
func TestProofsAreFew(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	for i := range 10 {
		attacker := s.browser()
		attacker.remote = fmt.Sprintf("192.0.2.%d:1", i)
		attacker.login("ines@example.org", "guess")
	}
	codes := make(chan int, 40)
	var all sync.WaitGroup
	token := b.cookie()
	for i := range cap(codes) {
		all.Go(func() {
			form := url.Values{"mailed": {fmt.Sprintf("%08d", i)}}
			codes <- s.browser().ask("POST", "/confirm", form, "Cookie", "rollcall="+token).Code
		})
	}
	all.Wait()
	close(codes)
	heard := 0
	for code := range codes {
		if code == 422 {
			heard++
		}
	}
	if heard != 10 {
		t.Errorf("%d guesses were heard", heard)
	}
	s.wants(b.post("/confirm", "password", password), http.StatusTooManyRequests)
}

// A code is its user's alone.
func TestCodesOfOthersAreWrong(t *testing.T) {
	s := newSite(t)
	s.addAccount("mallory@example.org", s.cheapHash(), "Theirs")
	b, mallory := s.signedIn(), s.browser()
	mallory.login("mallory@example.org", password)
	b.post("/confirm/mail")
	code := s.letter().code()
	s.wants(mallory.post("/confirm", "mailed", code), 422)
	s.leads(b.post("/confirm", "mailed", code), "/checks")
	s.wants(b.post("/confirm", "mailed", code), 422) // it was used
	b.post("/confirm/mail")
	code = s.letter().code()
	s.ahead.Store(int64(16 * time.Minute))
	s.wants(b.post("/confirm", "mailed", code), 422) // its time is over
}

// Wherever a way in leads, it leads to a page of ours.
func TestEveryWayInLeadsHome(t *testing.T) {
	for _, target := range []string{"//evil", "/\\evil", "https:evil", "/%09/evil", "/..//evil", "javascript:alert(1)", "/%0d%0aSet-Cookie:x=1"} {
		s := newSite(t)
		b := s.browser()
		b.post("/login/mail", "email", "ines@example.org", "next", target)
		letter := s.letter()
		if strings.Contains(letter.Page, "evil") || strings.Contains(letter.Page, "alert") {
			t.Errorf("%q stands in the letter: %s", target, letter.Page)
		}
		s.leads(b.post(letter.link(s), "next", target), "/checks")
		s.leads(b.post("/confirm", "password", password, "next", target), "/checks")
		s.leads(b.post("/confirm/mail", "next", target), "/confirm?sent=1&next=%2Fchecks")
	}
}

// What is typed, or said by a browser, stays text on every page.
func TestHostileTextOnAccountPages(t *testing.T) {
	const hostile = `"><svg/onload=alert(1)>'{{7*7}}`
	s := newSite(t, open)
	b := s.browser()
	b.ask("POST", "/login", url.Values{"email": {"ines@example.org"}, "password": {password}}, "User-Agent", hostile, "X-Forwarded-For", hostile)
	escaped := url.QueryEscape(hostile)
	for name, w := range map[string]*httptest.ResponseRecorder{
		"account":         b.get("/account"),
		"address":         b.post("/account/email", "email", hostile),
		"zone":            b.post("/account/zone", "zone", hostile),
		"delete":          b.post("/account/delete", "address", hostile),
		"confirm":         b.get("/confirm?next=" + escaped + "&sent=1"),
		"confirmed":       b.post("/confirm", "password", "wrong", "next", hostile),
		"log-in":          s.browser().get("/login?next=" + escaped),
		"wrong log-in":    s.browser().post("/login", "email", hostile, "password", hostile, "next", hostile),
		"mailed log-in":   s.browser().post("/login/mail", "email", hostile, "next", hostile),
		"sign-up":         s.browser().post("/signup", "email", hostile),
		"link":            s.browser().get("/login/" + s.someLinks()["/login/{token}"] + "?next=" + escaped),
		"made-up link":    s.browser().get("/login/" + url.PathEscape(hostile)),
		"made-up sign-up": s.browser().get("/signup/" + url.PathEscape(hostile)),
	} {
		if page := w.Body.String(); w.Code >= 500 || strings.Contains(page, "<svg/onload") || strings.Contains(page, `'{{7`) && strings.Contains(page, `"><svg/`) {
			t.Errorf("%s: %d\n%s", name, w.Code, page)
		}
	}
}
