package web_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/web"
)

func badForms() []row[*person] {
	return []row[*person]{
		{"U07", "forms of other sites", func(p *person) {
			b := p.signedIn()
			check := p.addCheck(p.project.ID, "Nightly")
			for _, headers := range [][]string{
				{"Sec-Fetch-Site", "cross-site"},
				{"Sec-Fetch-Site", "same-site"},
				{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "iframe"},
				{"Origin", "https://evil.example"},
				{"Origin", "null"},
				{"Origin", "http://localhost:1"},
			} {
				for _, path := range []string{"/checks", "/checks/" + check.UUID.String() + "/delete", "/logout", "/login", "/settings/keys", "/account/delete"} {
					p.saw(b.ask("POST", path, url.Values{"confirm": {"yes"}}, headers...), 403, "another site")
				}
			}
			// What a form can send as if it were JSON (CVE-2025-24358 and its like).
			p.saw(b.ask("POST", "/passkey/challenge", url.Values{`{"x":"`: {`"}`}}, "Content-Type", "text/plain", "Origin", "https://evil.example"), 403)
			p.saw(b.get("/checks/"+check.UUID.String()), 200)
		}},
		{"U08", "a form that is sent twice", func(p *person) {
			b := p.signedIn()
			form := newCheck("Nightly")
			path := "/checks/" + form.Get("uuid")
			var all sync.WaitGroup
			codes := make(chan int, 20)
			for range cap(codes) {
				all.Go(func() { codes <- b.ask("POST", "/checks", form).Code })
			}
			all.Wait()
			close(codes)
			for code := range codes {
				p.trial.tells("%d", code)
				if code != 303 {
					p.Errorf("answered %d", code)
				}
			}
			p.led(b.ask("POST", "/checks", form), path)
			checks, err := p.st.Checks(p.Context(), p.project.ID, 10)
			p.ok(err)
			if len(checks) != 1 {
				p.Errorf("%d checks were made", len(checks))
			}
			p.saw(b.ask("POST", "/checks", with(newCheck("x"), "uuid", "not one")), 400)
		}},
		{"U09", "a crawler", func(p *person) {
			check := p.addCheck(p.project.ID, "Nightly")
			b := p.signedIn()
			gets := map[string]bool{}
			for _, way := range web.Ways() {
				gets[way.Path] = gets[way.Path] || way.Method == "GET"
			}
			for _, way := range web.Ways() {
				if gets[way.Path] {
					continue
				}
				path := fill(way.Path, map[string]string{"id": check.UUID.String(), "n": "1", "token": "none"})
				for _, method := range []string{"GET", "HEAD"} {
					w := p.saw(b.ask(method, path, nil), 405)
					if w.Header().Get("Allow") != "OPTIONS, POST" {
						p.Errorf("%s %s: Allow %q", method, path, w.Header().Get("Allow"))
					}
				}
			}
			if again, err := p.st.CheckByID(p.Context(), check.ID); err != nil || again.Rev != check.Rev || again.Status != check.Status {
				p.Errorf("the check was changed: %+v, %v", again, err)
			}
		}},
		{"U17", "who may do less than when the page was opened", func(p *person) {
			check := p.addCheck(p.project.ID, "Nightly")
			member := p.in(p.T)
			member.user, _ = p.addAccount(fmt.Sprintf("member%d@example.org", p.trial.n), p.cheapHash(), "Own")
			p.ok(p.st.SetMember(p.Context(), p.project.ID, member.user.ID, account.Member))
			b := member.signedIn()
			pause, edit := "/checks/"+check.UUID.String()+"/pause", "/checks/"+check.UUID.String()
			p.led(b.post(pause), edit)
			p.ok(p.st.SetMember(p.Context(), p.project.ID, member.user.ID, account.ReadOnly))
			p.saw(b.post(edit+"/resume"), 403, notYourRole)
			p.saw(b.ask("POST", edit, newCheck("Mine")), 403, notYourRole)
			p.ok(p.st.RemoveMember(p.Context(), p.project.ID, member.user.ID))
			p.saw(b.post(edit+"/resume"), 404)
			p.saw(b.get(edit), 404)
			p.saw(b.post("/project", "project", idOf(p.project.ID)), 404)
		}},
		{"U18", "the last owner", func(p *person) {
			other, _ := p.addAccount(fmt.Sprintf("heir%d@example.org", p.trial.n), p.cheapHash(), "Own")
			p.ok(p.st.SetMember(p.Context(), p.project.ID, other.ID, account.Manager))
			b := p.signedIn()
			p.saw(b.post("/settings/team/leave", "confirm", "yes"), 409, "needs an owner")
			p.saw(b.post("/account/delete", "address", p.user.Email), 409, "has other members and no other owner")
			p.saw(b.post("/settings/team/members/"+idOf(p.user.ID)+"/role", "role", "member"), 403)
			p.saw(b.post("/settings/team/members/"+idOf(p.user.ID)+"/remove", "confirm", "yes"), 403)
			p.saw(b.get("/settings/team"), 200, "You are its only owner")
		}},
	}
}

// stays checks that a text changes no element and no attribute of any page, however
// it is written into everything that can carry text.
func (p *person) stays(text string) {
	p.Helper()
	plain := p.in(p.T)
	plain.user, plain.project = p.addAccount("plain-"+p.user.Email, p.cheapHash(), "Main")
	paths, tamePaths := p.furnish(text), plain.furnish(tame(text))
	b, tameBrowser := p.signedIn(), plain.signedIn()
	for i, path := range paths {
		got, want := b.get(path), tameBrowser.get(tamePaths[i])
		p.trial.tells("%d", got.Code)
		if got.Code != want.Code || got.Code >= 500 {
			p.Errorf("%s: %d, with plain text %d", path, got.Code, want.Code)
			continue
		}
		p.honest(got)
		if !strings.HasPrefix(got.Header().Get("Content-Type"), "text/html") {
			continue
		}
		if diff := cmp.Diff(plain.shape(path, want.Body.String()), p.shape(path, got.Body.String())); diff != "" {
			p.Errorf("%q changes %s:\n%s", text, path, diff)
		}
	}
}

// badTexts are texts that mean something to whoever takes them for anything but text.
func badTexts() []row[*person] {
	text := func(id, what, text string) row[*person] {
		return row[*person]{id, what, func(p *person) { p.stays(text) }}
	}
	return []row[*person]{
		text("U20", "a picture with a script", `<img src=x onerror=alert(1)> <!-- --> ]]>`),
		text("U21", "the ends of attributes", "\"><svg/onload=1> ' onmouseover='x `${1}` \" autofocus onfocus=\"x"),
		text("U22", "links that are scripts", "javascript:alert(1) [x](javascript:alert(1)) data:text/html,x vbscript:x"),
		text("U23", "the ends of elements", `</title></script><script>alert(1)</script> </textarea><style>*{}</style>`),
		text("U24", "templates", `{{7*7}}{%print%}#{} ${{7*7}} <%= 7*7 %> {{constructor}}`),
		text("U25", "text that is encoded already", `%3Cscript%3E &lt;b&gt;&#0;&#x3c;script&#x3e; \u003cscript\u003e`),
		// Nothing here takes a colour.
		text("U26", "styles", `;background:url(//evil) expression(alert(1)) </style>`),
	}
}

// everywhere sends a name to each form that takes one.
func (p *person) everywhere(name string, code int) {
	p.Helper()
	b := p.signedIn()
	for path, form := range map[string]url.Values{
		"/checks":           newCheck(name),
		"/channels":         {"kind": {"email"}, "name": {name}, "address": {"a@example.org"}},
		"/settings/project": {"name": {name}},
		"/projects":         {"name": {name}},
		"/settings/keys":    {"kind": {"ro"}, "name": {name}},
		"/status-pages":     {"title": {name}, "address": {"page-" + uuid.NewString()}, "scope": {"project"}},
	} {
		w := b.ask("POST", path, form)
		p.trial.tried++ // in no order
		p.honest(w)
		if w.Code != code {
			p.Errorf("%s takes the name %.60q with %d, want %d", path, name, w.Code, code)
		}
	}
}

func badNames() []row[*person] {
	return []row[*person]{
		{"U27", "text that turns round", func(p *person) {
			for _, name := range []string{"abc\u202egnp.exe", "a\u2066b\u2069", "a\u200fb", "\u061c"} {
				p.everywhere(name, 422)
			}
			b := p.signedIn()
			p.saw(b.ask("POST", "/checks", with(newCheck("x"), "tags", "a\u202eb")), 422)
			p.saw(b.ask("POST", "/checks", with(newCheck("x"), "description", "a\u202eb")), 422)
		}},
		{"U28", "names that cannot be seen, or not read", func(p *person) {
			for _, name := range []string{
				"z" + strings.Repeat("\u0301", 10_000), strings.Repeat("x", 101), "\u200b\u200b", "\ufeff", "\u2060x", "a\x00b", "a\nb", "\u2028", "\xff\xfe", "\xed\xa0\x80", "", "  \t ", "\x1b]0;x\a",
			} {
				p.everywhere(name, 422)
			}
			p.everywhere(strings.Repeat("x", 1<<20), 413)
		}},
		{"U29", "names that look the same", func(p *person) {
			b := p.signedIn()
			for _, name := range []string{"Caf\u00e9", "Cafe\u0301", "Café", "CAFÉ", "Саfé"} {
				form := newCheck(name)
				p.led(b.ask("POST", "/checks", form), "/checks/"+form.Get("uuid"))
			}
			checks, err := p.st.Checks(p.Context(), p.project.ID, 10)
			p.ok(err)
			same := 0
			for _, check := range checks {
				if check.Name == "Caf\u00e9" {
					same++
				}
			}
			if len(checks) != 5 || same != 3 {
				p.Errorf("of %d checks %d have the composed name", len(checks), same)
			}
			// A channel is chosen by its name, so that is there once.
			p.saw(b.post("/channels", "kind", "email", "name", "Caf\u00e9", "address", "a@example.org"), 303)
			p.saw(b.post("/channels", "kind", "email", "name", "Cafe\u0301", "address", "a@example.org"), 409)
		}},
		{"U30", "characters of many bytes", func(p *person) {
			b := p.signedIn()
			for _, name := range []string{strings.Repeat("👨‍👩‍👧 ", 16), strings.Repeat("𝕏", 100), strings.Repeat("字", 100), "🏴\u200d☠️"} {
				form := newCheck(name)
				p.led(b.ask("POST", "/checks", form), "/checks/"+form.Get("uuid"))
				p.saw(b.get("/checks/"+form.Get("uuid")), 200, strings.TrimSpace(name))
			}
			p.saw(b.ask("POST", "/checks", newCheck(strings.Repeat("𝕏", 101))), 422)
		}},
		// Nothing can be uploaded.
		{"U31", "files", func(p *person) {
			b := p.signedIn()
			const file = "--x\r\nContent-Disposition: form-data; name=\"name\"; filename=\"x.svg\"\r\nContent-Type: image/svg+xml\r\n\r\n<svg onload=\"alert(1)\"/>\r\n--x--\r\n"
			for path, code := range map[string]int{"/checks": 400, "/channels": 422, "/settings/project": 422, "/projects": 422} {
				w := b.send("POST", path, file, "Content-Type", "multipart/form-data; boundary=x")
				p.trial.tried++
				p.honest(w)
				if w.Code != code {
					p.Errorf("%s answered a file with %d, want %d", path, w.Code, code)
				}
			}
			for _, path := range p.furnish("A usual name of things") {
				if page := b.get(path).Body.String(); strings.Contains(page, `type="file"`) || strings.Contains(page, "multipart/") {
					p.Errorf("%s takes files", path)
				}
			}
		}},
		{"U32", "markup on a status page, and a name of its own", func(p *person) {
			b := p.signedIn()
			const markup = `<h1 onclick=x>Hi</h1><script>alert(1)</script>`
			address := "page-" + uuid.NewString()
			p.led(b.post("/status-pages", "title", markup, "address", address, "scope", "project", "text", markup), "/status-pages")
			p.addCheck(p.project.ID, markup)
			page := p.browser().get("/status/" + address).Body.String()
			if !strings.Contains(page, "&lt;script&gt;") || strings.Contains(page, "<h1 onclick") || strings.Contains(page, "alert(1)</script>") {
				p.Errorf("the page holds markup:\n%s", page)
			}
			p.saw(p.browser().ask("GET", "/status/"+address, nil, "Host", "status.customer.example"), 421)
		}},
		{"U33", "formulas", func(p *person) {
			b := p.signedIn()
			for _, name := range []string{`=HYPERLINK("http://evil")`, "+1+1", "-2+3", "@SUM(A1)", `"=x"`} {
				p.led(b.post("/settings/project", "name", name), "/settings")
			}
			w := b.ask("GET", "/settings/audit.csv", nil)
			p.saw(w, 200)
			rows, err := csv.NewReader(w.Body).ReadAll()
			p.ok(err)
			if len(rows) != 6 {
				p.Errorf("%d rows", len(rows))
			}
			for _, row := range rows {
				for _, cell := range row {
					if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
						p.Errorf("a spreadsheet would compute %q", cell)
					}
				}
			}
		}},
	}
}

func badReaders() []row[*person] {
	return []row[*person]{
		{"U34", "500 streams", func(p *person) {
			b := p.signedIn()
			codes := map[int]int{}
			var open []*reading
			for range 500 {
				r := b.stream(p.project.ID)
				<-r.began
				codes[r.code]++
				open = append(open, r)
			}
			for _, r := range open {
				r.stop()
				<-r.done
			}
			p.trial.tells("%v", codes)
			if codes[http.StatusOK] != web.StreamsEach || codes[http.StatusTooManyRequests] != 500-web.StreamsEach {
				p.Errorf("answers %v", codes)
			}
		}},
	}
}
