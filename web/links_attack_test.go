package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/store"
	"rollcall/web"
)

// Each test of this file makes an attack on mailed links.

// blindfolded is a store that does not find accounts by their address.
type blindfolded struct {
	store.Store
	test *testing.T
}

func (b blindfolded) UserByEmail(context.Context, string) (account.User, error) {
	b.test.Error("the form looks for the account")
	return account.User{}, fault.NotFound
}

// The forms that mail do the same work for every address: none of them looks for
// the account. So neither the answer nor its time can tell.
func TestMailedLinksDoNotTellWhoHasAnAccount(t *testing.T) {
	s := newSite(t, open, func(c *web.Config) { c.Store = blindfolded{c.Store, t} })
	hash := s.cheapHash()
	for i := range 3 {
		s.addAccount(fmt.Sprintf("known%d@example.org", i), hash, "Main")
	}
	for _, path := range []string{"/login/mail", "/signup"} {
		var first string
		for i := range 3 {
			for _, who := range []string{"known", "other"} {
				b := s.browser()
				b.remote = fmt.Sprintf("192.0.2.%d:1", i)
				w := b.post(path, "email", fmt.Sprintf("%s%d@example.org", who, i))
				w.Header().Del("X-Request-Id")
				answer := fmt.Sprint(w.Code, w.Header(), w.Body)
				if first == "" {
					first = answer
				}
				if answer != first {
					t.Errorf("%s tells them apart:\n%s\n%s", path, answer, first)
				}
			}
		}
	}
	owed := 0
	for _, l := range s.letters() {
		if l.owed {
			owed++
		}
	}
	if owed != 3+6 { // log-in letters to who has an account, sign-up letters to all
		t.Errorf("%d letters are owed", owed)
	}
}

// Changing to an address that somebody has looks like changing to any other.
func TestChangeOfAddressDoesNotTellWhoHasAnAccount(t *testing.T) {
	s := newSite(t)
	s.addAccount("known@example.org", s.cheapHash(), "Main")
	b := s.signedIn()
	for _, email := range []string{"known@example.org", "other@example.org"} {
		s.leads(b.post("/account/email", "email", email), "/account")
		s.wants(b.get("/account"), 200, "A link is on its way to "+email)
	}
	if letter := s.letter(); letter.To != "other@example.org" {
		t.Errorf("letter to %s", letter.To)
	}
}

// A link is good once, for one purpose, in time, and for a POST alone.
func TestLinksAreGoodOnce(t *testing.T) {
	s := newSite(t, open)
	links := s.someLinks()
	for route, token := range links {
		for other := range links {
			path := strings.Replace(other, "{token}", token, 1)
			for _, broken := range []string{path + "x", path[:len(path)-1], strings.ToUpper(token[:1]) + token[1:]} {
				if !strings.HasPrefix(broken, "/") {
					broken = strings.Replace(other, "{token}", broken, 1)
				}
				if broken == path {
					continue
				}
				s.wants(s.browser().post(broken, "email", "a@example.org", "password", password), http.StatusGone)
			}
			if other != route {
				s.wants(s.browser().get(path), http.StatusGone, "This link has ended")
				s.wants(s.browser().post(path, "email", "a@example.org", "password", password), http.StatusGone)
			}
		}
	}
	for _, route := range []string{"/login/{token}", "/signup/{token}", "/account/email/{token}"} {
		path := strings.Replace(route, "{token}", links[route], 1)
		for range 5 {
			s.wants(s.browser().ask("HEAD", path, nil), 200)
			s.wants(s.browser().get(path), 200)
		}
		if w := s.browser().post(path); w.Code != http.StatusSeeOther && w.Code != http.StatusConflict {
			t.Errorf("%s: %d\n%s", route, w.Code, w.Body)
		}
		if route != "/account/email/{token}" {
			s.wants(s.browser().post(path), http.StatusGone)
		}
	}
	late := s.someLinks()
	s.ahead.Store(int64(time.Hour + time.Second))
	for _, route := range []string{"/login/{token}", "/signup/{token}", "/account/email/{token}"} {
		s.wants(s.browser().get(strings.Replace(route, "{token}", late[route], 1)), http.StatusGone)
		s.wants(s.browser().post(strings.Replace(route, "{token}", late[route], 1)), http.StatusGone)
	}
}

func TestMailedLinksEndInTime(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.post("/login/mail", "email", "ines@example.org")
	path := s.letter().link(s)
	s.ahead.Store(int64(29 * time.Minute))
	s.wants(b.get(path), 200)
	s.ahead.Store(int64(31 * time.Minute))
	s.wants(b.get(path), http.StatusGone)
	s.wants(b.post(path), http.StatusGone)
}

// Of several who press the button at the same moment one gets in, and the other
// links to the same address end.
func TestOneLinkLetsOneIn(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.post("/login/mail", "email", "ines@example.org")
	b.post("/login/mail", "email", "ines@example.org")
	letters := s.letters()
	codes := make(chan int, 8)
	var all sync.WaitGroup
	for range cap(codes) {
		all.Go(func() { codes <- s.browser().post(letters[0].link(s)).Code })
	}
	all.Wait()
	close(codes)
	in := 0
	for code := range codes {
		if code == http.StatusSeeOther {
			in++
		}
	}
	if in != 1 {
		t.Errorf("%d got in", in)
	}
	s.wants(b.post(letters[1].link(s)), http.StatusGone)
}

// Another password or address ends the links and the browsers of before.
func TestOldLinksEndWithThePassword(t *testing.T) {
	s := newSite(t)
	thief := s.browser()
	thief.post("/login/mail", "email", "ines@example.org")
	path := s.letter().link(s)
	s.leads(s.signedIn().post("/account/password", "password", "another long sentence"), "/account")
	s.wants(thief.post(path), http.StatusGone)
}

// The host of a link is that of the configuration, whatever a request says.
func TestLinksLeadHome(t *testing.T) {
	s := newSite(t)
	for _, headers := range [][]string{
		{"X-Forwarded-Host", "evil.example"},
		{"Forwarded", "host=evil.example"},
		{"X-Forwarded-Proto", "javascript", "X-Original-Host", "evil.example"},
		{"Host", "127.0.0.1:1"},
	} {
		w := s.browser().ask("POST", "/login/mail", url.Values{"email": {"ines@example.org"}}, headers...)
		s.leads(w, "/login/mail")
		if page := s.letter().Page; !strings.HasPrefix(page, s.base.String()+"/login/") {
			t.Errorf("%v: link %s", headers, page)
		}
	}
	s.wants(s.browser().ask("POST", "/login/mail", url.Values{"email": {"ines@example.org"}}, "Host", "evil.example"), http.StatusMisdirectedRequest)
	if letters := s.letters(); len(letters) > 0 {
		t.Errorf("letters %+v", letters)
	}
}

// A letter that waited while its account was moved or deleted is not sent.
func TestLettersOfAccountsThatAreGone(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	b.post("/confirm/mail")
	b.post("/account/email", "email", "else@example.org")
	b.post("/login/mail", "email", "ines@example.org")
	s.ok(s.st.DeleteAccount(t.Context(), s.user.ID))
	for _, l := range s.letters() {
		if l.owed {
			t.Errorf("a letter is sent: %+v", l)
		}
	}
}
