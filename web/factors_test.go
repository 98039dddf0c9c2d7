package web_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"rollcall/internal/account"
	"rollcall/web"
)

var (
	shownKey  = regexp.MustCompile(`secret=([A-Z2-7]{32})`)
	shownCode = regexp.MustCompile(`<li><code>([a-z0-9-]{19})</code></li>`)
)

// enrol sets an authenticator app up and returns its secret and the recovery codes.
func (b *browser) enrol() (secret string, codes []string) {
	b.Helper()
	b.leads(b.post("/account/security/totp/new"), "/account/security/totp")
	found := shownKey.FindStringSubmatch(b.get("/account/security/totp").Body.String())
	if found == nil {
		b.Fatal("the page shows no key")
	}
	w := b.post("/account/security/totp", "code", b.code(found[1]))
	b.wants(w, 200, "The authenticator app is set up.", "Your recovery codes.")
	for _, code := range shownCode.FindAllStringSubmatch(w.Body.String(), -1) {
		codes = append(codes, code[1])
	}
	if len(codes) != account.RecoveryCodes {
		b.Fatalf("%d recovery codes are shown", len(codes))
	}
	for _, secret := range append(codes, found[1]) {
		b.secrets.use(secret)
	}
	return found[1], codes
}

// code is the code of this moment.
func (s *site) code(secret string) string {
	s.Helper()
	code, err := totp.GenerateCode(secret, s.now())
	s.ok(err)
	return code
}

// later moves the clock of the site to the next code.
func (s *site) later(d time.Duration) { s.ahead.Add(int64(d)) }

// notices returns what people were told of, the oldest first.
func (s *site) notices() (all []account.FactorEvent) {
	s.Helper()
	letters, err := s.st.LeaseLetters(s.Context(), s.now(), s.now().Add(time.Minute), 100)
	s.ok(err)
	for _, l := range letters {
		var n account.FactorNotice
		s.ok(json.Unmarshal([]byte(l.Data), &n))
		if l.Kind != account.FactorsChanged || l.To != "ines@example.org" || n.At.IsZero() {
			s.Errorf("letter %+v", l)
		}
		all = append(all, n.What)
	}
	return all
}

func TestAnAuthenticatorAppIsASecondStep(t *testing.T) {
	s := newSite(t)
	b, other := s.signedIn(), s.signedIn()
	before := b.cookie()
	s.wants(b.get("/account/security"), 200, "Set up an app", "They stand in for a second factor, and you have none.")
	s.leads(b.get("/account/security/totp"), "/account/security")
	secret, codes := b.enrol()
	if b.cookie() == before {
		t.Error("the session goes on under the same token")
	}
	s.wants(b.get("/account/security"), 200, "10 codes are left.")
	s.leads(other.get("/checks"), "/login?next=%2Fchecks")
	s.leads(s.browser().ask("GET", "/checks", nil, "Cookie", "rollcall="+before), "/login?next=%2Fchecks")
	if got := fmt.Sprint(s.notices()); got != "[totp_added]" || s.kicks.Load() == 0 {
		t.Errorf("notices %s, %d kicks", got, s.kicks.Load())
	}

	b = s.browser()
	s.leads(b.post("/login", "email", "ines@example.org", "password", password, "next", "/deliveries"), "/login/second")
	half := b.cookie()
	s.wants(b.get("/login/second"), 200, "ines@example.org", `name="code"`, `name="recovery"`)
	s.leads(b.get("/login"), "/login/second")
	s.wants(b.post("/login/second", "code", s.code(secret)), http.StatusUnprocessableEntity, "was used already") // at the enrolment
	s.later(30 * time.Second)
	code := s.code(secret)
	s.leads(b.post("/login/second", "code", code), "/deliveries")
	if b.cookie() == half {
		t.Error("the second step left the token as it was")
	}
	s.wants(b.get("/deliveries"), 200)
	s.leads(s.browser().ask("GET", "/login/second", nil, "Cookie", "rollcall="+half), "/login")

	again := s.browser()
	s.leads(again.login("ines@example.org", password), "/login/second")
	s.wants(again.post("/login/second", "code", code), http.StatusUnprocessableEntity, "was used already")
	s.leads(again.post("/login/second", "recovery", " "+strings.ToUpper(codes[3])), "/checks")
	third := s.browser()
	s.leads(third.login("ines@example.org", password), "/login/second")
	s.wants(third.post("/login/second", "recovery", codes[3]), http.StatusUnprocessableEntity, "none of the recovery codes")
	s.wants(again.get("/account/security"), 200, "9 codes are left.")

	s.leads(again.post("/account/security/totp/remove"), "/account/security")
	s.wants(again.get("/account/security"), 200, "The authenticator app was removed.", "you have none")
	s.leads(b.get("/checks"), "/login?next=%2Fchecks")
	s.leads(s.browser().login("ines@example.org", password), "/checks")
	if got := fmt.Sprint(s.notices()); got != "[code_used totp_removed]" {
		t.Errorf("notices %s", got)
	}
}

func TestRecoveryCodesAreMadeAnew(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	s.wants(b.post("/account/security/codes"), http.StatusConflict, "you have none")
	_, codes := b.enrol()
	w := b.post("/account/security/codes")
	s.wants(w, 200, "Your recovery codes.")
	fresh := shownCode.FindStringSubmatch(w.Body.String())[1]
	for code, want := range map[string]int{codes[0]: http.StatusUnprocessableEntity, fresh: http.StatusSeeOther} {
		b := s.browser()
		b.login("ines@example.org", password)
		if got := b.post("/login/second", "recovery", code).Code; got != want {
			t.Errorf("a code is answered %d, want %d", got, want)
		}
	}
}

// Who is half logged in can do nothing at all but the second step.
func TestHalfALogInIsNone(t *testing.T) {
	s := newSite(t)
	s.signedIn().enrol()
	for _, way := range web.Ways() {
		if !way.NeedsSession {
			continue
		}
		b := s.browser()
		s.leads(b.login("ines@example.org", password), "/login/second")
		path := someIDs(way.Path)
		w := b.ask(way.Method, path, url.Values{})
		switch {
		case way.Method == "GET":
			s.leads(w, "/login?next="+url.QueryEscape(path))
		case w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "You are logged out"):
			t.Errorf("%s %s: %d", way.Method, path, w.Code)
		}
		s.accountsForget(b)
	}
	b := s.browser()
	b.login("ines@example.org", password)
	s.later(5*time.Minute + time.Second)
	s.leads(b.get("/login/second"), "/login")
	s.leads(b.post("/login/second", "code", "000000"), "/login")
	s.wants(b.get("/login"), 200, "Password")
}

// accountsForget ends a half session; the tries of the password come back with time.
func (s *site) accountsForget(b *browser) {
	s.Helper()
	s.leads(b.post("/logout"), "/login")
	s.later(6 * time.Minute)
}

// Logging in as one while another is signed in leaves nothing of the other.
func TestHalfALogInEndsTheSessionBefore(t *testing.T) {
	s := newSite(t)
	s.signedIn().enrol()
	s.addAccount("else@example.org", s.cheapHash(), "Other")
	b := s.browser()
	s.leads(b.login("else@example.org", password), "/checks")
	s.leads(b.login("ines@example.org", password), "/login/second")
	s.leads(b.get("/checks"), "/login?next=%2Fchecks")
}

func TestCodesCannotBeGuessed(t *testing.T) {
	for _, field := range []string{"code", "recovery"} {
		s := newSite(t)
		secret, _ := s.signedIn().enrol()
		var browsers []*browser
		for range 5 {
			b := s.browser()
			s.leads(b.login("ines@example.org", password), "/login/second")
			browsers = append(browsers, b)
		}
		var mu sync.Mutex
		counts := map[int]int{}
		var all sync.WaitGroup
		for i := range 100 {
			b := &browser{site: s, jar: browsers[i%5].jar, remote: fmt.Sprintf("198.51.100.%d:1", i)}
			all.Go(func() {
				w := b.post("/login/second", field, fmt.Sprintf("%06d", i))
				mu.Lock()
				defer mu.Unlock()
				counts[w.Code]++
				if w.Code == http.StatusTooManyRequests && w.Header().Get("Retry-After") == "" {
					t.Error("no Retry-After")
				}
			})
		}
		all.Wait()
		if counts[http.StatusUnprocessableEntity] != 5 || counts[http.StatusTooManyRequests] != 95 {
			t.Errorf("%s: %v, want 5 heard and 95 refused", field, counts)
		}
		s.later(30 * time.Second)
		s.wants(browsers[0].post("/login/second", "code", s.code(secret)), http.StatusTooManyRequests)
		s.later(3 * time.Minute)
		s.leads(browsers[0].post("/login/second", "code", s.code(secret)), "/checks")
	}
}

// Of many who send the same code at once one is let in.
func TestACodeLetsOneIn(t *testing.T) {
	s := newSite(t)
	secret, codes := s.signedIn().enrol()
	for _, field := range []string{"code", "recovery"} {
		s.later(15 * time.Minute)
		value := codes[0]
		if field == "code" {
			value = s.code(secret)
		}
		var mu sync.Mutex
		in := 0
		var all sync.WaitGroup
		for range 4 {
			b := s.browser()
			s.leads(b.login("ines@example.org", password), "/login/second")
			all.Go(func() {
				if b.post("/login/second", field, value).Code == http.StatusSeeOther {
					mu.Lock()
					defer mu.Unlock()
					in++
				}
			})
		}
		all.Wait()
		if in != 1 {
			t.Errorf("%s: %d were let in", field, in)
		}
	}
}

// What is sensitive asks who one is after ten minutes; a code answers that too.
func TestFactorsAskAgain(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	secret, _ := b.enrol()
	s.later(11 * time.Minute)
	for _, path := range []string{"totp/new", "totp", "totp/remove", "codes", "passkeys/challenge", "passkeys", "passkeys/1/remove", "sso", "sso/1/remove"} {
		w := b.ask("POST", "/account/security/"+path, url.Values{}, "Referer", "http://localhost:8000/account/security")
		s.leads(w, "/confirm?next=%2Faccount%2Fsecurity")
	}
	s.leads(b.get("/account/security/totp"), "/confirm?next=%2Faccount%2Fsecurity%2Ftotp")
	s.wants(b.get("/confirm?next=/account/security"), 200, `name="code"`, `name="password"`)
	s.wants(b.post("/confirm", "code", "000000", "next", "/account/security"), http.StatusUnprocessableEntity, "That is not the code", `value="/account/security"`)
	before := b.cookie()
	s.leads(b.post("/confirm", "code", s.code(secret), "next", "//evil"), "/checks")
	if b.cookie() == before {
		t.Error("the token is the old one")
	}
	s.leads(b.post("/account/security/totp/remove"), "/account/security")
}

// A session lives for so long, however often its token is renewed.
func TestANewTokenIsNoLongerLife(t *testing.T) {
	const day = 24 * time.Hour
	s := newSite(t)
	b := s.signedIn()
	for range 8 {
		s.later(11 * day)
		s.leads(b.post("/confirm", "password", password, "next", "/checks"), "/checks")
	}
	s.later(2*day + time.Minute)
	s.leads(b.get("/checks"), "/login?next=%2Fchecks")
}

func TestTheSetUpPage(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	s.leads(b.post("/account/security/totp/new"), "/account/security/totp")
	w := b.get("/account/security/totp")
	s.wants(w, 200, `src="data:image/png;base64,`, "otpauth://totp/Rollcall:ines@example.org?")
	key := shownKey.FindStringSubmatch(w.Body.String())[1]
	grouped := regexp.MustCompile(`(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}`).FindString(html.UnescapeString(strings.ReplaceAll(w.Body.String(), "<wbr>", "")))
	if strings.ReplaceAll(grouped, " ", "") != key {
		t.Errorf("the key is %q in the picture and %q beside it", key, grouped)
	}
	s.wants(b.get("/account/security/totp"), 200, key) // as often as one looks
	s.wants(b.post("/account/security/totp", "code", "123"), http.StatusUnprocessableEntity, key)
	s.leads(b.post("/account/security/totp/new"), "/account/security/totp")
	s.wants(b.post("/account/security/totp", "code", s.code(key)), http.StatusUnprocessableEntity) // of a key that was replaced
	s.leads(s.browser().login("ines@example.org", password), "/checks")                            // nothing was set up yet
	b.enrol()
	s.wants(b.post("/account/security/totp/new"), http.StatusConflict, "There is an authenticator app already.")
	s.leads(b.post("/account/security/totp", "code", "123456"), "/account/security")
}
