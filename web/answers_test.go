package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/account"
	"rollcall/internal/prove"
	"rollcall/web"
)

// The table of answers says for every route what it answers in situations that end
// badly. It is kept as it was looked at, in testdata; ANSWERS=write writes it anew.
const answersFile = "testdata/answers.txt"

// answers collects the table.
type answers struct {
	*testing.T
	lines []string
	tried int
}

// line begins the line of a route; add goes on with it.
func (a *answers) line(method, path, access string) {
	a.lines = append(a.lines, fmt.Sprintf("%-6s %s (%s):", method, path, access))
}

func (a *answers) add(situation string, code int) {
	a.tried++
	said := fmt.Sprintf(" %s %d,", situation, code)
	if line := &a.lines[len(a.lines)-1]; !strings.HasSuffix(*line, said) {
		*line += said
	}
}

// kept compares with what was looked at.
func (a *answers) kept() {
	a.Helper()
	for i, line := range a.lines {
		a.lines[i] = strings.TrimSuffix(line, ",")
	}
	got := strings.Join(a.lines, "\n") + "\n"
	if os.Getenv("ANSWERS") == "write" {
		if err := os.WriteFile(answersFile, []byte(got), 0o644); err != nil {
			a.Fatal(err)
		}
	}
	want, err := os.ReadFile(answersFile)
	if err != nil {
		a.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		a.Errorf("routes answer otherwise than before (ANSWERS=write when it is right):\n%s", diff)
	}
}

// Every route is asked in every situation that ends badly, and answers with the
// status, the fields and the kind of body that it should.
func TestEveryRouteAnswersHonestly(t *testing.T) {
	a := &answers{T: t}
	a.pages(newStaff(t))
	a.programs(newAPI(t))
	a.kept()
	prove.Report(t, "ANSWERS: every route says honestly what is wrong, in every situation", a.tried, violations(t))
}

// violations is 1 when the test has failed, 0 otherwise.
func violations(t *testing.T) int {
	if t.Failed() {
		return 1
	}
	return 0
}

// aboutOneself begins the routes that may change who uses them, or end their session.
var aboutOneself = []string{"/logout", "/login", "/setup", "/signup", "/passkey", "/account", "/confirm", "/invitations", "/settings/team/leave"}

func (a *answers) pages(f *staff) {
	owner, reader := f.as(account.Owner), f.as(account.ReadOnly)
	// whose is a browser that the next request may spoil, with somebody in it who has
	// the role.
	whose := func(way web.Way, role account.Role, usual *browser) *browser {
		if way.Method == "GET" || !slices.ContainsFunc(aboutOneself, func(begin string) bool { return strings.HasPrefix(way.Path, begin) }) {
			return usual
		}
		f.ahead.Add(int64(time.Hour)) // for the tries at log-ins
		fresh := f.in(f.T)
		user, err := f.st.CreateUser(f.Context(), account.User{Email: account.NewToken() + "@example.org", PasswordHash: f.cheapHash(), Created: f.now()})
		f.ok(err)
		f.ok(f.st.SetMember(f.Context(), f.project.ID, user.ID, role))
		fresh.user = user
		return fresh.signedIn()
	}
	for _, way := range web.Ways() {
		path := someIDs(way.Path)
		see := func(situation string, w *httptest.ResponseRecorder) *httptest.ResponseRecorder {
			a.add(situation, w.Code)
			a.honest(f, way, situation, w)
			return w
		}
		a.line(way.Method, way.Path, way.Access)
		out := see("signed out", f.browser().ask(way.Method, path, url.Values{}))
		switch {
		case !way.NeedsSession:
		case way.Method == "GET":
			f.leads(out, "/login?next="+url.QueryEscape(path))
		default:
			f.wants(out, http.StatusForbidden, "You are logged out")
		}
		see("nothing there", whose(way, account.Owner, owner).ask(way.Method, path, url.Values{}))
		see("may only read", whose(way, account.ReadOnly, reader).ask(way.Method, path, url.Values{}))
		f.wants(see("other method", owner.ask("PATCH", path, nil)), http.StatusMethodNotAllowed)
		see("other host", owner.ask(way.Method, path, nil, "Host", "evil.example"))
		if way.Method == "GET" {
			a.head(f, owner, path)
			continue
		}
		if way.Path != "/unsubscribe/{token}" { // mail programs use that one
			for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "same-site", "Content-Type", "text/plain"}} {
				f.wants(see("other site", owner.ask("POST", path, url.Values{"x": {"y"}}, headers...)), http.StatusForbidden, "another site")
			}
		}
		see("damaged", owner.send("POST", path, "a=%zz&b", "Content-Type", "application/x-www-form-urlencoded"))
		see("large", owner.send("POST", path, strings.Repeat("x", web.FormLimit+1), "Content-Type", "application/x-www-form-urlencoded"))
	}
}

// honest checks what an answer in a situation carries, and where it leads.
func (a *answers) honest(f *staff, way web.Way, situation string, w *httptest.ResponseRecorder) {
	a.Helper()
	if w.Code >= 500 {
		a.Errorf("%s %s, %s: %d", way.Method, way.Path, situation, w.Code)
	}
	public := way.Access == "crowd" && w.Code < 500
	if !public && !strings.Contains(w.Header().Get("Content-Type"), "json") {
		f.honest(w)
	}
	if w.Code/100 != 3 {
		return
	}
	to := w.Header().Get("Location")
	if _, known := wayOf(offered{"GET", to}); !known || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
		a.Errorf("%s %s, %s: leads to %q, which is no page", way.Method, way.Path, situation, to)
	}
}

// head checks that HEAD is answered as GET, without a body.
func (a *answers) head(f *staff, b *browser, path string) {
	a.Helper()
	get, head := b.get(path), b.ask("HEAD", path, nil)
	for _, changing := range []string{"X-Request-Id", "Set-Cookie", "Content-Length", "Retry-After", "Date"} {
		get.Header().Del(changing)
		head.Header().Del(changing)
	}
	if diff := cmp.Diff(get.Header(), head.Header()); diff != "" || get.Code != head.Code {
		a.Errorf("HEAD %s: %d, GET %d\n%s", path, head.Code, get.Code, diff)
	}
	a.tried++
}

// patterns are what a part of a path may be.
var patterns = regexp.MustCompile(`:[^{}]*(?:\{[^{}]*\}[^{}]*)*\}`)

func (a *answers) programs(p *api) {
	check := p.addCheck(p.project.ID, "Nightly")
	large := `{"name":"` + strings.Repeat("x", web.APIBodyLimit) + `"}`
	for _, way := range web.APIWays() {
		key, access := "", "no key"
		switch {
		case way.Read:
			key, access = rwKey, "any key"
		case way.Write:
			key, access = rwKey, "read-write key"
		}
		path := inBraces.ReplaceAllStringFunc(way.Path, func(part string) string {
			switch {
			case strings.HasPrefix(part, "{unique"):
				return strings.Repeat("0a", 20)
			case strings.HasPrefix(part, "{key:"):
				return strings.Repeat("0a", 8)
			case strings.HasPrefix(part, "{sign"):
				return "00000000"
			case strings.HasPrefix(part, "{states"):
				return "2"
			case strings.HasPrefix(part, "{format"):
				return "svg"
			case strings.Contains(part, "[0-9a-f]"):
				return "5f0b1c9e-6d43-4a4e-9a53-0d2f6c1f7a11"
			}
			return "999999"
		})
		mine := strings.Replace(path, "5f0b1c9e-6d43-4a4e-9a53-0d2f6c1f7a11", check.UUID.String(), 1)
		see := func(situation, key, method, path, body string) reply {
			w := p.ask(key, method, path, body)
			a.add(situation, w.code)
			if w.code >= 500 {
				a.Errorf("%s %s, %s: %d %s", way.Method, way.Path, situation, w.code, w.body)
			}
			if w.code >= 400 && !strings.HasPrefix(w.header.Get("Content-Type"), "image/") {
				w.honest()
			}
			return w
		}
		a.line(way.Method, patterns.ReplaceAllString(way.Path, "}"), access)
		if key != "" {
			see("no key", "", way.Method, path, "").is(401)
			see("wrong key", strings.Repeat("x", 32), way.Method, path, "").is(401)
		}
		see("nothing there", key, way.Method, path, "")
		if way.Write {
			see("may only read", roKey, way.Method, path, "").is(401)
		}
		if strings.Contains(way.Path, "{check:") {
			see("another's", foreignKey, way.Method, mine, "").is(403)
		}
		see("other method", key, "PATCH", path, "").is(405)
		if way.Method == "POST" {
			see("damaged", key, "POST", path, `{"a":`)
			see("large", key, "POST", path, large).is(413)
		}
		if get := p.ask(key, "GET", mine, ""); way.Method == "GET" {
			head := p.ask(key, "HEAD", mine, "")
			if head.code != get.code || len(head.body) > 0 || (head.header.Get("ETag") == "") != (get.header.Get("ETag") == "") || head.header.Get("Content-Type") != get.header.Get("Content-Type") {
				a.Errorf("HEAD %s: %d %v, GET %d %v", mine, head.code, head.header, get.code, get.header)
			}
		}
	}
}
