package web_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/alerter"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/templates"
	"rollcall/web"
)

// sent is a letter as it would be mailed.
type sent struct {
	account.Letter
	templates.Mail
	owed bool
}

// link is the path of the link in a letter.
func (l sent) link(s *site) string {
	s.Helper()
	path, ok := strings.CutPrefix(l.Page, s.base.String())
	if !ok {
		s.Fatalf("the link %q leads elsewhere", l.Page)
	}
	return path
}

// letters puts everything that is in the queue into words, as the postman does.
func (s *site) letters() []sent {
	s.Helper()
	leased, err := s.st.LeaseLetters(s.Context(), s.now(), s.now().Add(time.Minute), 100)
	s.ok(err)
	writers := alerter.AccountLetters(s.st, s.base.String())
	writers[account.LetterInvitation] = alerter.InvitationLetter(s.st, s.base.String())
	writers[account.FactorsChanged] = alerter.FactorsLetter(s.base.String())
	var all []sent
	for _, l := range leased {
		mail, err := writers[l.Kind](s.Context(), l, s.now())
		if err != nil && err != alerter.ErrNotOwed {
			s.Fatal(err)
		}
		all = append(all, sent{l, mail, err == nil})
		s.secrets.use(path.Base(mail.Page))
		s.ok(s.st.RecordLetter(s.Context(), l, l.Settle(monitor.Result{Verdict: monitor.Done}, s.now())))
	}
	return all
}

// letter is the one letter that is owed.
func (s *site) letter() sent {
	s.Helper()
	var owed []sent
	for _, l := range s.letters() {
		if l.owed {
			owed = append(owed, l)
		}
	}
	if len(owed) != 1 {
		s.Fatalf("%d letters are owed: %+v", len(owed), owed)
	}
	return owed[0]
}

// code is the code in a letter.
func (l sent) code() string { return l.Title }

// someLinks are links of every kind that can be used, by the route that they lead to.
func (s *site) someLinks() map[string]string {
	s.Helper()
	setup := account.NewToken()
	s.ok(s.st.PutToken(s.Context(), "setup", account.HashKey(setup), s.now().Add(time.Hour)))
	links := map[string]string{"/setup/{token}": setup}
	for route, purpose := range map[string]account.Purpose{
		"/login/{token}": account.ForLogin, "/signup/{token}": account.ForSignup, "/account/email/{token}": account.ForEmail,
	} {
		links[route] = account.NewToken()
		link := store.Link{
			Purpose: purpose, Hash: account.HashKey(links[route]), User: s.user.ID, Email: "new@example.org", Expires: s.now().Add(time.Hour),
		}
		if purpose == account.ForSignup {
			link.User = 0
		}
		s.ok(s.st.PutLink(s.Context(), link))
	}
	return links
}

// dump is every row of every table, as somebody reads it who has the file.
func (s *site) dump() map[string][]string {
	s.Helper()
	db, err := sql.Open("sqlite", "file:"+s.path+"?mode=ro")
	s.ok(err)
	defer db.Close()
	tables := texts(s, db, "SELECT name FROM sqlite_schema WHERE type = 'table'")
	all := map[string][]string{}
	for _, table := range tables {
		columns := texts(s, db, "SELECT 'coalesce(quote(' || name || '),'''')' FROM pragma_table_info('"+table+"')")
		all[table] = texts(s, db, "SELECT "+strings.Join(columns, " || '|' || ")+" FROM "+table)
	}
	return all
}

func texts(s *site, db *sql.DB, query string) []string {
	s.Helper()
	rows, err := db.Query(query)
	s.ok(err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var text string
		s.ok(rows.Scan(&text))
		all = append(all, text)
	}
	s.ok(rows.Err())
	return all
}

func open(c *web.Config) { c.SignupOpen = true }

func TestSignUp(t *testing.T) {
	s := newSite(t, open)
	b := s.browser()
	s.wants(b.get("/login"), 200, `<a href="/signup">Sign up</a>`)
	s.wants(b.get("/signup"), 200, "Sign up")
	s.wants(b.post("/signup", "email", "not one"), 422, "not one plain address", `value="not one"`)
	s.leads(b.post("/signup", "email", " New@Example.org "), "/signup/mail")
	s.wants(b.get("/signup/mail"), 200, "Look into your mailbox")
	letter := s.letter()
	if letter.To != "new@example.org" || letter.Subject != "Make your Rollcall account" {
		t.Fatalf("letter %+v", letter)
	}
	path := letter.link(s)
	for range 5 { // scanners and link previews
		w := b.get(path)
		s.wants(w, 200, "It belongs to new@example.org")
		if w.Header().Get("Referrer-Policy") != "no-referrer" {
			t.Error("the page with the token sends a referrer")
		}
		s.wants(b.ask("HEAD", path, nil), 200)
	}
	s.wants(b.post(path, "password", "password1234"), 422, "one of the first that anybody would try")
	s.leads(b.post(path, "password", password), "/checks")
	s.wants(b.get("/checks"), 200, "new@example.org")
	user, err := s.st.UserByEmail(t.Context(), "new@example.org")
	s.ok(err)
	projects, err := s.st.ProjectsOf(t.Context(), user.ID)
	s.ok(err)
	channels, err := s.st.Channels(t.Context(), projects[0].ID)
	s.ok(err)
	if len(projects) != 1 || len(channels) != 1 || channels[0].Settings.Address != "new@example.org" {
		t.Errorf("projects %+v, channels %+v", projects, channels)
	}
	s.wants(s.browser().get(path), http.StatusGone, "This link has ended")
	s.wants(s.browser().post(path), http.StatusGone)
	s.leads(s.browser().login("new@example.org", password), "/checks")
}

// Without a password one logs in by mailed links.
func TestSignUpWithoutPassword(t *testing.T) {
	s := newSite(t, open)
	b := s.browser()
	b.post("/signup", "email", "new@example.org")
	s.leads(b.post(s.letter().link(s), "password", ""), "/checks")
	s.wants(b.get("/account"), 200, "None is set", "Set a password")
	s.wants(s.browser().login("new@example.org", ""), 422)
	other := s.browser()
	s.leads(other.post("/login/mail", "email", "new@example.org"), "/login/mail")
	s.leads(other.post(s.letter().link(s)), "/checks")
}

func TestSignUpOfWhoHasAnAccountLogsIn(t *testing.T) {
	s := newSite(t, open)
	b := s.browser()
	s.leads(b.post("/signup", "email", "ines@example.org"), "/signup/mail")
	letter := s.letter()
	if !strings.Contains(letter.Text(), "You have an account already.") {
		t.Fatalf("letter %s", letter.Text())
	}
	s.leads(b.post(letter.link(s)), "/checks")
	s.wants(b.get("/checks"), 200, "ines@example.org")
}

func TestSignUpCanBeClosed(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	if page := b.get("/login").Body.String(); strings.Contains(page, "/signup") || !strings.Contains(page, "rollcall user add") {
		t.Error("the log-in page offers to sign up")
	}
	links := s.someLinks()
	for _, w := range []int{
		b.get("/signup").Code, b.post("/signup", "email", "new@example.org").Code,
		b.get("/signup/" + links["/signup/{token}"]).Code, b.post("/signup/"+links["/signup/{token}"], "password", password).Code,
	} {
		if w != http.StatusNotFound {
			t.Errorf("answered %d", w)
		}
	}
	if letters := s.letters(); len(letters) != 0 {
		t.Errorf("letters %+v", letters)
	}
}

func TestLogInByMail(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	s.wants(b.get("/login"), 200, "Mail me a link instead")
	s.wants(b.post("/login/mail", "email", "nobody"), 422, "not one plain address")
	s.leads(b.post("/login/mail", "email", "Ines@Example.org", "next", "/deliveries?state=dead"), "/login/mail")
	s.wants(b.get("/login/mail"), 200, "If there is an account with that address")
	if s.kicks.Load() != 1 {
		t.Errorf("%d kicks", s.kicks.Load())
	}
	path := s.letter().link(s)
	s.wants(b.get(path), 200, "You are about to log in as ines@example.org.", `value="/deliveries?state=dead"`)
	token, _, _ := strings.Cut(path, "?")
	s.leads(b.post(token, "next", "/deliveries?state=dead"), "/deliveries?state=dead")
	s.wants(b.get("/checks"), 200)
}

func TestServerWithoutMail(t *testing.T) {
	s := newSite(t, func(c *web.Config) { c.MailConfigured = false })
	b := s.signedIn()
	if strings.Contains(s.browser().get("/login").Body.String(), "Mail me") {
		t.Error("a link is offered")
	}
	s.wants(s.browser().post("/login/mail", "email", "ines@example.org"), http.StatusConflict, "sends no mail")
	s.wants(b.get("/account"), 200, "cannot find out whether another address is yours")
	s.wants(b.post("/account/password/remove"), http.StatusConflict, "sends no mail")
	s.wants(b.post("/account/email", "email", "else@example.org"), http.StatusConflict)
	s.leads(b.post("/account/password", "password", "another long sentence"), "/account")
	if letters := s.letters(); len(letters) != 0 {
		t.Errorf("letters %+v", letters)
	}
}

func TestChangeOfAddress(t *testing.T) {
	s := newSite(t)
	b, other := s.signedIn(), s.signedIn()
	s.wants(b.post("/account/email", "email", "nothing"), 422, "Not saved: one field needs a change.", `value="nothing"`)
	s.wants(b.post("/account/email", "email", "INES@example.org"), 422, "is the one that the account has")
	s.leads(b.post("/account/email", "email", "Ines@New.example"), "/account")
	s.wants(b.get("/account"), 200, "A link is on its way to ines@new.example")
	letter := s.letter()
	if letter.To != "ines@new.example" {
		t.Fatalf("letter to %s", letter.To)
	}
	path, phone := letter.link(s), s.browser() // the mail is read on another device
	s.wants(phone.get(path), 200, "The account of ines@example.org gets the address ines@new.example")
	if _, err := s.st.UserByEmail(t.Context(), "ines@example.org"); err != nil {
		t.Error("looking at the link changed the address")
	}
	s.leads(phone.post(path), "/account")
	s.wants(phone.get("/account"), 200, "ines@new.example")
	notice := s.letter()
	if notice.To != "ines@example.org" || notice.Subject != "Your account has another address" {
		t.Errorf("notice %+v", notice)
	}
	for _, was := range []*browser{b, other} {
		s.leads(was.get("/account"), "/login?next=%2Faccount")
	}
	s.wants(phone.post(path), http.StatusGone)
	s.wants(s.browser().login("ines@example.org", password), 422)
	s.leads(s.browser().login("ines@new.example", password), "/checks")
}

func TestPasswords(t *testing.T) {
	s := newSite(t)
	b, other := s.signedIn(), s.signedIn()
	for typed, want := range map[string]string{
		"":                  "is missing",
		"short":             "shorter than 12",
		"password1234":      "first that anybody would try",
		"ines-example-2026": "first that anybody would try",
	} {
		s.wants(b.post("/account/password", "password", typed), 422, want)
	}
	before := b.cookie()
	s.leads(b.post("/account/password", "password", "another long sentence"), "/account")
	s.wants(b.get("/account"), 200, "The password is changed.", "It is set.")
	if b.cookie() == before {
		t.Error("the session has the token from before")
	}
	s.leads(other.get("/checks"), "/login?next=%2Fchecks")
	s.wants(s.browser().login("ines@example.org", password), 422)
	s.leads(s.browser().login("ines@example.org", "another long sentence"), "/checks")
	if notice := s.letter(); notice.Subject != "Your password was changed" || notice.To != "ines@example.org" {
		t.Errorf("notice %+v", notice)
	}
	s.leads(b.post("/account/password/remove"), "/account")
	s.wants(b.get("/account"), 200, "None is set")
	s.wants(s.browser().login("ines@example.org", "another long sentence"), 422)
	s.letter()
}

// Who has no password is asked by mail.
func TestProofByCode(t *testing.T) {
	s := newSite(t)
	s.ok(s.st.SetPassword(t.Context(), s.user.ID, ""))
	b := s.browser()
	b.post("/login/mail", "email", "ines@example.org")
	s.leads(b.post(s.letter().link(s)), "/checks")
	s.ahead.Store(int64(11 * time.Minute))
	s.leads(b.ask("POST", "/account/password", url.Values{"password": {"another long sentence"}}, "Referer", s.base.String()+"/account"), "/confirm?next=%2Faccount")
	page := b.get("/confirm?next=%2Faccount")
	s.wants(page, 200, "Mail me a code")
	if strings.Contains(page.Body.String(), `type="password"`) {
		t.Error("a password is asked for that there is not")
	}
	s.leads(b.post("/confirm/mail", "next", "/account"), "/confirm?sent=1&next=%2Faccount")
	code := s.letter().code()
	s.wants(b.get("/confirm?sent=1&next=%2Faccount"), 200, "Code from the mail", "Mail me another code")
	s.wants(b.post("/confirm", "mailed", "00000000", "next", "/account"), 422, "That is not the code")
	before := b.cookie()
	s.leads(b.post("/confirm", "mailed", " "+code+" ", "next", "/account"), "/account")
	if b.cookie() == before {
		t.Error("the session may do more, and has the token from before")
	}
	s.leads(b.post("/account/password", "password", "another long sentence"), "/account")
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.remote = "[2001:db8:aa:bb::1]:1"
	b.ask("POST", "/login", url.Values{"email": {"ines@example.org"}, "password": {password}},
		"User-Agent", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Safari/605.1.15")
	other := s.browser()
	other.ask("POST", "/login", url.Values{"email": {"ines@example.org"}, "password": {password}},
		"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
	s.wants(b.get("/account"), 200, "Safari on macOS", "this one", "Firefox on Linux", "from 198.51.100.x", "from 2001:db8:aa::/48")

	list, err := s.st.SessionsOf(t.Context(), s.user.ID, s.now().Add(-time.Hour))
	s.ok(err)
	theirs := list[0].Hash
	if list[0].Browser != "Firefox on Linux" {
		theirs = list[1].Hash
	}
	stranger, _ := s.addAccount("else@example.org", s.cheapHash(), "Other")
	foreign := s.browser()
	foreign.login(stranger.Email, password)
	s.wants(foreign.post("/account/sessions/end", "session", theirs), http.StatusNotFound)
	s.wants(other.get("/checks"), 200)
	s.leads(b.post("/account/sessions/end", "session", theirs), "/account")
	s.leads(other.get("/checks"), "/login?next=%2Fchecks")
	s.wants(b.get("/account"), 200, "That browser is logged out.")

	third := s.signedIn()
	s.leads(b.post("/account/sessions/end-all"), "/login")
	for _, was := range []*browser{b, third} {
		s.leads(was.get("/checks"), "/login?next=%2Fchecks")
	}
	s.wants(foreign.get("/checks"), 200)
}

func TestBrowsersInWords(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36":                "Chrome on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0":  "Edge on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile Safari/604": "Safari on iPhone",
		"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36":          "Chrome on Android",
		"curl/8.14.1":     "curl",
		"<script>alert()": "An unknown browser",
		"":                "An unknown browser",
	} {
		if got := web.BrowserOf(agent); got != want {
			t.Errorf("%q is %q, want %q", agent, got, want)
		}
	}
	for ip, want := range map[string]string{
		"203.0.113.14": "203.0.113.x", "::ffff:203.0.113.14": "203.0.113.x", "2001:db8:aa:bb:cc::1": "2001:db8:aa::/48", "fe80::1%eth0": "fe80::/48", "pipe": "",
	} {
		if got := web.Vicinity(ip); got != want {
			t.Errorf("%q is near %q, want %q", ip, got, want)
		}
	}
}

func TestZoneOfAPerson(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	s.wants(b.get("/checks"), 200, "Times in UTC")
	s.wants(b.post("/account/zone", "zone", "Atlantis"), 422, "is not a time zone", `value="Atlantis"`)
	s.leads(b.post("/account/zone", "zone", "europe/riga"), "/account")
	s.wants(b.get("/checks"), 200, "Times in Europe/Riga")
	s.leads(b.post("/account/zone", "zone", ""), "/account")
	s.wants(b.get("/checks"), 200, "Times in UTC")
}

// A copy holds what is the person's, of what they own all, and nothing that opens
// anything.
func TestCopyOfAnAccount(t *testing.T) {
	s := newSite(t)
	other, theirs := s.addAccount("else@example.org", s.cheapHash(), "Theirs")
	s.ok(s.st.SetMember(t.Context(), theirs.ID, s.user.ID, account.Member))
	s.addCheck(theirs.ID, "Not mine to take")
	hook, err := s.st.CreateChannel(t.Context(), monitor.Channel{
		Project: s.project.ID, Name: "Hook", Kind: monitor.Webhook, Created: s.now(),
		Settings: monitor.Settings{URL: "https://hooks.example/T0/SECRETPATH", Secret: "whsec_c2FtcGxlLXNlY3JldC1mb3ItcGljdHVyZXMhISE="},
	})
	s.ok(err)
	check := s.addCheck(s.project.ID, `Quote " and =HYPERLINK()`, hook.ID)
	var steps []store.Step
	for i := range 2500 {
		p := monitor.Ping{At: s.now().Add(time.Duration(i) * time.Second), Signal: monitor.Success, RunID: fmt.Sprint("run", i), Body: []byte("OUTPUT")}
		if i%2 == 1 {
			p.Signal = monitor.Fail
		}
		steps = append(steps, store.Step{Ref: store.Ref{ID: check.ID}, Decide: func(c monitor.Check) monitor.Change { return c.Receive(p) }})
	}
	_, err = s.st.Transitions(t.Context(), steps)
	s.ok(err)
	b := s.signedIn()
	w := b.get("/account/export")
	s.wants(w, 200)
	if got := w.Header().Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="rollcall-20`) {
		t.Errorf("Content-Disposition %q", got)
	}
	var doc struct {
		Account     struct{ Email string }
		Sessions    []struct{ Browser string }
		Memberships []struct{ Project, Role string }
		Projects    []struct {
			Name     string
			Channels []struct{ Name, To string }
			Checks   []struct {
				Settings struct {
					Name     string
					Channels []string
				}
				Flips, Pings []json.RawMessage
			}
		}
	}
	s.ok(json.Unmarshal(w.Body.Bytes(), &doc))
	if doc.Account.Email != "ines@example.org" || len(doc.Sessions) != 1 || len(doc.Memberships) != 2 || len(doc.Projects) != 1 {
		t.Fatalf("%+v", doc)
	}
	mine := doc.Projects[0]
	if mine.Name != "Main" || len(mine.Checks) != 1 || mine.Channels[0].To != "hooks.example" {
		t.Fatalf("%+v", mine)
	}
	if got := mine.Checks[0]; len(got.Pings) != 2500 || len(got.Flips) != 2500 || got.Settings.Channels[0] != "Hook" || got.Settings.Name != check.Name {
		t.Errorf("%d pings, %d flips, %+v", len(got.Pings), len(got.Flips), got.Settings)
	}
	for _, secret := range []string{
		check.UUID.String(), s.project.PingKey, s.project.BadgeKey, "SECRETPATH", "whsec_", "$argon2id", "OUTPUT", "Not mine", other.Email, account.HashKey(b.cookie()),
	} {
		if strings.Contains(w.Body.String(), secret) {
			t.Errorf("the copy holds %q", secret)
		}
	}
	for range 4 {
		s.wants(b.get("/account/export"), 200)
	}
	s.wants(b.get("/account/export"), http.StatusTooManyRequests)
}

func TestAccountIsDeleted(t *testing.T) {
	s := newSite(t)
	other, _ := s.addAccount("else@example.org", s.cheapHash(), "Other")
	s.addCheck(s.project.ID, "Nightly")
	b := s.signedIn()
	s.wants(b.get("/account"), 200, "Deleted with it, because nobody else is a member: <b>Main</b>")
	s.wants(b.post("/account/delete", "address", "ines"), 422, "is not the one of this account", `value="ines"`)

	s.ok(s.st.SetMember(t.Context(), s.project.ID, other.ID, account.Manager))
	s.wants(b.get("/account"), 200, "You are the only owner of Main")
	s.wants(b.post("/account/delete", "address", "ines@example.org"), http.StatusConflict, "Main has other members and no other owner")
	s.wants(b.get("/checks"), 200, "Nightly")
	s.ok(s.st.RemoveMember(t.Context(), s.project.ID, other.ID))

	s.leads(b.post("/account/delete", "address", " Ines@example.org "), "/login")
	s.leads(b.get("/checks"), "/login?next=%2Fchecks")
	if goodbye := s.letter(); goodbye.To != "ines@example.org" || goodbye.Subject != "Your account is deleted" {
		t.Errorf("letter %+v", goodbye)
	}
	for table, rows := range s.dump() {
		for _, row := range rows {
			if table != "letters" && strings.Contains(row, "ines@example.org") {
				t.Errorf("%s still holds %s", table, row)
			}
		}
	}
}
