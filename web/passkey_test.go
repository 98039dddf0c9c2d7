package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/internal/account"
	"rollcall/web"
)

// keyed is a site with a passkey of its account.
func keyed(t *testing.T, change ...func(*web.Config)) (*site, *device) {
	t.Helper()
	s := newSite(t, change...)
	d := s.device()
	b := s.signedIn()
	s.wants(b.addPasskey(d, " Work  laptop "), 200, `{"next":"/account/security"}`)
	s.wants(b.get("/account/security"), 200, "The passkey Work laptop was added.", "Work laptop", "never used", "You have no recovery codes.")
	return s, d
}

func TestAPasskeyAloneLetsIn(t *testing.T) {
	s, d := keyed(t)
	b := s.browser()
	s.wants(b.get("/login?next=/deliveries"), 200, `data-passkey="use" data-next="/deliveries"`)
	before := b.cookie()
	s.wants(b.usePasskey(d, "/deliveries"), 200, `{"next":"/deliveries"}`)
	s.wants(b.get("/deliveries"), 200, "ines@example.org")
	if b.cookie() == before {
		t.Error("the token is the one of the challenge")
	}
	s.wants(s.browser().usePasskey(d, "//evil"), 200, `{"next":"/checks"}`)

	s.ok(s.st.SetPassword(t.Context(), s.user.ID, "")) // an account needs no password for it
	s.wants(s.browser().usePasskey(d, ""), 200)
}

func TestAPasskeyIsASecondStep(t *testing.T) {
	s, d := keyed(t)
	b := s.browser()
	s.leads(b.post("/login", "email", "ines@example.org", "password", password, "next", "/channels"), "/login/second")
	s.wants(b.get("/login/second"), 200, `data-passkey="use"`, "does not run")
	d.flags = present // after the password it need not know whose finger it is
	s.wants(b.usePasskey(d, "/ignored"), 200, `{"next":"/channels"}`)
	s.wants(b.get("/channels"), 200)

	s.later(11 * time.Minute)
	s.leads(b.post("/account/security/codes"), "/confirm?next=%2F")
	s.wants(b.usePasskey(d, "/account/security"), http.StatusForbidden) // alone it must know
	d.flags = present | verified
	s.wants(b.usePasskey(d, "/account/security"), 200, `{"next":"/account/security"}`)
	s.wants(b.post("/account/security/codes"), 200, "Your recovery codes.")
}

// Every way in which the answer of a passkey can be wrong.
func TestPasskeysAreChecked(t *testing.T) {
	for name, bend := range map[string]func(*site, *device){
		"another key":              func(s *site, d *device) { d.key = s.device().key },
		"another credential":       func(_ *site, d *device) { d.id = []byte("unknown") },
		"another user":             func(_ *site, d *device) { d.handle = []byte("2") },
		"no user":                  func(_ *site, d *device) { d.handle = nil },
		"another origin":           func(_ *site, d *device) { d.origin = "https://evil.example" },
		"our name, another port":   func(_ *site, d *device) { d.origin = "http://localhost:8001" },
		"another server's":         func(_ *site, d *device) { d.party = "evil.example" },
		"framed":                   func(_ *site, d *device) { d.cross = true },
		"not verified":             func(_ *site, d *device) { d.flags = present },
		"nobody there":             func(_ *site, d *device) { d.flags = verified },
		"made instead of answered": func(_ *site, d *device) { d.kind = "webauthn.create" },
		"a damaged signature":      func(_ *site, d *device) { d.damage = true },
		"a copy that counts less":  func(_ *site, d *device) { d.counter -= 2 },
		"a copy that counts not":   func(_ *site, d *device) { d.counter = ^uint32(0) },
	} {
		t.Run(name, func(t *testing.T) {
			s, d := keyed(t)
			d.counter = 5
			s.wants(s.browser().usePasskey(d, ""), 200)
			bend(s, d)
			b := s.browser()
			w := b.usePasskey(d, "")
			s.wants(w, http.StatusForbidden, `"error":`)
			s.leads(b.get("/checks"), "/login?next=%2Fchecks")
		})
	}
}

func TestChallengesAreAnsweredOnceAndInTime(t *testing.T) {
	s, d := keyed(t)
	for name, run := range map[string]func(b *browser, answer string) int{
		"at once": func(b *browser, answer string) int { return b.tell("/passkey/answer", answer).Code },
		"again": func(b *browser, answer string) int {
			s.wants(b.tell("/passkey/answer", answer), 200)
			s.leads(b.post("/logout"), "/login")
			return b.tell("/passkey/answer", answer).Code
		},
		"after a wrong answer": func(b *browser, answer string) int {
			b.tell("/passkey/answer", `{}`)
			return b.tell("/passkey/answer", answer).Code
		},
		"after another challenge": func(b *browser, answer string) int {
			s.wants(b.tell("/passkey/challenge", "{}"), 200)
			return b.tell("/passkey/answer", answer).Code
		},
		"in another browser": func(_ *browser, answer string) int { return s.browser().tell("/passkey/answer", answer).Code },
		"once signed in": func(b *browser, answer string) int {
			s.leads(b.login("else@example.org", password), "/checks")
			return b.tell("/passkey/answer", answer).Code
		},
		"as a new passkey": func(b *browser, answer string) int {
			s.leads(b.login("else@example.org", password), "/checks")
			return b.tell("/account/security/passkeys", `{"name":"x","credential":`+answer+`}`).Code
		},
		"too late": func(b *browser, answer string) int {
			s.later(5*time.Minute + time.Second)
			return b.tell("/passkey/answer", answer).Code
		},
	} {
		if _, err := s.st.UserByEmail(t.Context(), "else@example.org"); err != nil {
			s.addAccount("else@example.org", s.cheapHash(), "Other")
		}
		b := s.browser()
		w := b.tell("/passkey/challenge", "{}")
		s.wants(w, 200)
		want := http.StatusForbidden
		if name == "at once" {
			want = 200
		}
		if got := run(b, d.answer(s, w.Body.String())); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
}

// A passkey of one proves nothing about another.
func TestPasskeysOfOthers(t *testing.T) {
	s, d := keyed(t)
	s.addAccount("else@example.org", s.cheapHash(), "Other")
	b := s.browser()
	s.leads(b.login("else@example.org", password), "/checks")
	own := s.device()
	s.wants(b.addPasskey(own, "Own"), 200)
	s.wants(b.addPasskey(d, "Theirs"), http.StatusConflict, "belongs to an account already")
	s.later(11 * time.Minute)
	s.wants(b.usePasskey(d, ""), http.StatusForbidden)
	s.leads(b.get("/account/security/totp"), "/confirm?next=%2Faccount%2Fsecurity%2Ftotp")

	half := s.browser()
	s.leads(half.login("else@example.org", password), "/login/second")
	s.wants(half.usePasskey(d, ""), http.StatusForbidden)
	s.leads(half.get("/checks"), "/login?next=%2Fchecks")
	s.wants(half.usePasskey(own, ""), 200)
}

func TestPasskeysAreRemoved(t *testing.T) {
	s, d := keyed(t)
	b, other := s.browser(), s.browser()
	s.wants(b.usePasskey(d, ""), 200)
	s.wants(other.usePasskey(d, ""), 200)
	second := s.device()
	s.wants(b.addPasskey(second, "Phone"), 200)
	s.leads(other.get("/checks"), "/login?next=%2Fchecks")
	factors, err := s.st.Factors(t.Context(), s.user.ID)
	s.ok(err)
	remove := func(name string) string {
		at := slices.IndexFunc(factors.Passkeys, func(p account.Passkey) bool { return p.Name == name })
		return "/account/security/passkeys/" + idOf(factors.Passkeys[at].ID) + "/remove"
	}
	s.wants(b.post("/account/security/passkeys/999/remove"), http.StatusNotFound)
	s.leads(b.post(remove("Work laptop")), "/account/security")
	s.wants(b.get("/account/security"), 200, "The passkey Work laptop was removed.", "Phone")
	s.wants(s.browser().usePasskey(d, ""), http.StatusForbidden)
	s.leads(b.post(remove("Phone")), "/account/security")
	s.leads(s.browser().login("ines@example.org", password), "/checks")
	if got := fmt.Sprint(s.notices()); got != "[passkey_added passkey_added passkey_removed passkey_removed]" {
		t.Errorf("notices %s", got)
	}
}

func TestTheLastWayInStays(t *testing.T) {
	s, d := keyed(t, func(c *web.Config) { c.MailConfigured = false })
	s.ok(s.st.SetPassword(t.Context(), s.user.ID, ""))
	b := s.browser()
	s.wants(b.usePasskey(d, ""), 200)
	factors, err := s.st.Factors(t.Context(), s.user.ID)
	s.ok(err)
	s.wants(b.post("/account/security/passkeys/"+idOf(factors.Passkeys[0].ID)+"/remove"), http.StatusConflict, "You could not log in any more without it.")
	s.wants(b.get("/account/security"), 200, "Work laptop")
}

// The endpoints of the script take JSON from our own pages and nothing else.
func TestPasskeysTakeJSONOnly(t *testing.T) {
	s, _ := keyed(t)
	for _, path := range []string{"/passkey/challenge", "/passkey/answer", "/account/security/passkeys/challenge", "/account/security/passkeys"} {
		b := s.browser()
		s.addAccount("of"+strings.ReplaceAll(path, "/", "-")+"@example.org", s.cheapHash(), "Own")
		s.leads(b.login("of"+strings.ReplaceAll(path, "/", "-")+"@example.org", password), "/checks")
		for name, test := range map[string]struct {
			body    string
			headers []string
			code    int
		}{
			"a form":         {"{}", []string{"Content-Type", "application/x-www-form-urlencoded"}, http.StatusBadRequest},
			"text":           {"{}", []string{"Content-Type", "text/plain"}, http.StatusBadRequest},
			"no JSON":        {"{", nil, http.StatusBadRequest},
			"another site":   {"{}", []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
			"a sibling site": {"{}", []string{"Sec-Fetch-Site", "same-site"}, http.StatusForbidden},
			"a novel":        {`{"next":"` + strings.Repeat("x", web.FormLimit) + `"}`, nil, http.StatusRequestEntityTooLarge},
		} {
			w := b.tell(path, test.body, test.headers...)
			if name == "no JSON" && path == "/passkey/answer" {
				test.code = http.StatusForbidden // there was no challenge either
			}
			if w.Code != test.code {
				t.Errorf("%s, %s: %d, want %d\n%s", path, name, w.Code, test.code, w.Body)
			}
			var said struct{ Error string }
			if test.headers == nil && (json.Unmarshal(w.Body.Bytes(), &said) != nil || said.Error == "") {
				t.Errorf("%s, %s: the script is answered %s", path, name, w.Body)
			}
		}
	}
}

func TestNamesOfPasskeys(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	for _, name := range []string{"", " ", "a\x00b", strings.Repeat("x", 61)} {
		s.wants(b.addPasskey(s.device(), name), http.StatusUnprocessableEntity, `"error":"Name `)
	}
	s.wants(b.addPasskey(s.device(), "<b>Bold</b>"), 200)
	s.wants(b.get("/account/security"), 200, "&lt;b&gt;Bold&lt;/b&gt;")
}

// Browsers know passkeys for names, over https or on the same machine.
func TestPasskeysNeedAName(t *testing.T) {
	for base, want := range map[string]bool{
		"https://rollcall.example": true, "http://localhost:8000": true, "https://rollcall.example:8443": true,
		"http://rollcall.example": false, "https://192.0.2.1": false, "http://127.0.0.1:8000": false, "https://[2001:db8::1]": false,
	} {
		s := newSite(t, func(c *web.Config) {
			base, err := url.Parse(base)
			if err != nil {
				t.Fatal(err)
			}
			c.BaseURL = base
		})
		b := s.signedIn()
		if got := strings.Contains(s.browser().get("/login").Body.String(), "data-passkey"); got != want {
			t.Errorf("%s: the log-in page offers passkeys: %v", base, got)
		}
		if got := strings.Contains(b.get("/account/security").Body.String(), `data-passkey="make"`); got != want {
			t.Errorf("%s: the page Security offers passkeys: %v", base, got)
		}
		code := http.StatusForbidden
		if want {
			code = 200
		}
		if w := b.tell("/account/security/passkeys/challenge", "{}"); w.Code != code {
			t.Errorf("%s: a challenge is answered %d", base, w.Code)
		}
	}
}

func TestChallengesAreLimited(t *testing.T) {
	s := newSite(t)
	heard := 0
	for range 40 {
		if s.browser().tell("/passkey/challenge", "{}").Code == http.StatusOK {
			heard++
		}
	}
	if heard != 30 {
		t.Errorf("%d challenges, want 30", heard)
	}
}
