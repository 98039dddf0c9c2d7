package web_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// program is a client of the API with keys of its own, and what is another's.
type program struct {
	*api
	trial       *trial
	rw, ro, foe string // keys; the last is another project's
}

func newProgram(t *trial) *program {
	t.Helper()
	server := httptest.NewServer(t.handler)
	t.Cleanup(server.Close)
	key := func(kind string) string { return fmt.Sprintf("hc%s_%028d", kind, t.n) }
	p := &program{api: &api{site: t.site, url: server.URL, client: server.Client()}, trial: t, rw: key("w"), ro: key("r"), foe: key("f")}
	p.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	_, p.other = t.addAccount(fmt.Sprintf("other%d@example.org", t.n), "", "Other")
	t.addKey(t.project.ID, account.KeyReadWrite, p.rw)
	t.addKey(t.project.ID, account.KeyReadOnly, p.ro)
	t.addKey(p.other.ID, account.KeyReadWrite, p.foe)
	return p
}

// path of the API's newest version.
func v3(path string) string { return "/api/v3/" + path }

// asks sends a request, and checks that the answer has the status that is wanted and
// is honest.
func (p *program) asks(key string, code int, method, path, body string, header ...string) reply {
	p.Helper()
	w := p.ask(key, method, path, body, header...)
	p.trial.tells("%s %.200s %.200s: %d %s", method, path, body, w.code, w.body)
	if w.code != code {
		p.Fatalf("%s %.200s with %.200q: answered %d, want %d\n%.2000s", method, path, body, w.code, code, w.body)
	}
	w.honest()
	return w
}

func (p *program) gets(code int, path string, header ...string) reply {
	p.Helper()
	return p.asks(p.rw, code, http.MethodGet, path, "", header...)
}

func (p *program) posts(code int, path, body string, header ...string) reply {
	p.Helper()
	return p.asks(p.rw, code, http.MethodPost, path, body, header...)
}

// said is the answer without the request that it names, whose id is random letters.
func (w reply) said() string {
	return strings.ReplaceAll(string(w.body), w.header.Get("X-Request-Id"), "")
}

// honest checks what every answer of the API carries, and every refusal.
func (w reply) honest() {
	w.Helper()
	for _, inside := range []string{"SQLSTATE", "SQL logic", "sqlite", "pgconn", "jackc", ".go:", "10.0.0."} {
		if strings.Contains(w.said(), inside) {
			w.Errorf("the answer tells of the inside: %s", w.body)
		}
	}
	if w.header.Get("X-Content-Type-Options") != "nosniff" || w.header.Get("X-Request-Id") == "" || len(w.header.Values("Set-Cookie")) > 0 {
		w.Errorf("header %v", w.header)
	}
	if w.code < 400 {
		return
	}
	doc := w.doc()
	if w.header.Get("Content-Type") != "application/problem+json" || doc["status"] != float64(w.code) || doc["type"] != "about:blank" ||
		doc["title"] != http.StatusText(w.code) || doc["detail"] == "" || doc["error"] == "" {
		w.Errorf("no honest problem: %v %s", w.header, w.body)
	}
	if repeated := w.header.Get("Idempotent-Replayed") != ""; !repeated && doc["instance"] != "urn:request:"+w.header.Get("X-Request-Id") {
		w.Errorf("the problem is about %v, the answer to %s", doc["instance"], w.header.Get("X-Request-Id"))
	}
	field, needed := map[int]string{401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After", 503: "Retry-After"}[w.code]
	if needed && w.header.Get(field) == "" {
		w.Errorf("%d without %s", w.code, field)
	}
}

// points checks that a refusal points to a member.
func (w reply) points(pointer string) {
	w.Helper()
	faults, _ := w.doc()["errors"].([]any)
	for _, f := range faults {
		if one := f.(map[string]any); one["pointer"] == pointer && one["detail"] != "" {
			return
		}
	}
	w.Errorf("nothing points to %s: %s", pointer, w.body)
}

// refuses posts bodies of which a member is wrong, to who makes a check and who
// changes one.
func (p *program) refuses(pointer string, bodies ...string) {
	p.Helper()
	check := p.addCheck(p.project.ID, "Stays "+uuid.NewString())
	for _, body := range bodies {
		p.posts(400, v3("checks/"), body).points(pointer)
		p.posts(400, at(check, ""), body).points(pointer)
	}
	if again, err := p.st.CheckByID(p.Context(), check.ID); err != nil || !again.Config.Equal(check.Config) {
		p.Errorf("the check was changed: %v", err)
	}
}

// takes posts a check that is taken, and returns it.
func (p *program) takes(body string) map[string]any {
	p.Helper()
	return p.posts(201, v3("checks/"), body).doc()
}

// each makes one body of a member for each value.
func each(member string, values ...string) []string {
	var bodies []string
	for _, value := range values {
		bodies = append(bodies, fmt.Sprintf(`{"%s":%s}`, member, value))
	}
	return bodies
}

// soon fails when something took so long that a few of it would stop a server.
func (p *program) soon(what string, do func()) {
	p.Helper()
	began := time.Now()
	do()
	if took := time.Since(began); took > 10*time.Second { // a machine may be busy
		p.Errorf("%s took %v", what, took)
	}
}

func quoted(text string) string { return `"` + text + `"` }

func TestBadAPIRequests(t *testing.T) {
	corpus(t, "INPUT A: every bad API request is answered as documented, alike on both engines", "A", 38,
		slices.Concat(badKeys(), badBodies(), badMembers(), badQueries(), badMoments()), newProgram)
}

func badKeys() []row[*program] {
	return []row[*program]{
		{"A01", "no key or a bad one", func(p *program) {
			for _, header := range [][]string{
				nil,
				{"X-Api-Key", ""},
				{"X-Api-Key", "short"},
				{"X-Api-Key", strings.Repeat("x", 32)},
				{"X-Api-Key", p.rw[:20] + " " + p.rw[21:]},
				{"Authorization", "Bearer " + p.rw, "Authorization", "Bearer " + p.rw},
				{"Authorization", "Basic " + p.rw},
				{"Authorization", "Bearer"},
				{"X-Api-Key", strings.ToUpper(p.rw)},
				{"X-Api-Key", strings.Repeat("é", 16)},
				{"X-Api-Key", p.project.PingKey},
			} {
				w := p.asks("", 401, "GET", v3("checks/"), "", header...)
				wrong := strings.Contains(string(w.body), "wrong api key")
				if got := w.header.Get("WWW-Authenticate"); !strings.HasPrefix(got, `Bearer realm="api"`) || strings.Contains(got, "invalid_token") != wrong {
					p.Errorf("%q: WWW-Authenticate %q", header, got)
				}
			}
		}},
		// A key that may not is told what Healthchecks tells it: 401, not 403.
		{"A02", "a key that may only read", func(p *program) {
			check := p.addCheck(p.project.ID, "Nightly")
			for _, more := range []string{"", "/pause", "/resume"} {
				p.asks(p.ro, 401, "POST", at(check, more), `{"name":"x"}`)
			}
			p.asks(p.ro, 401, "POST", v3("checks/"), `{"name":"x"}`)
			p.asks(p.ro, 401, "DELETE", at(check, ""), "")
			p.asks(p.ro, 200, "GET", at(check, ""), "")
		}},
		// As at Healthchecks, who knows the UUID of another project's check is told so:
		// they can ping it anyway. What has a number or a derived id is not there.
		{"A03", "what is another team's", func(p *program) {
			theirs := p.addCheck(p.other.ID, "Theirs")
			for _, more := range []string{"", "/pings/", "/flips/"} {
				p.gets(403, at(theirs, more))
			}
			p.asks(p.rw, 403, "DELETE", at(theirs, ""), "")
			p.gets(404, at(monitor.Check{UUID: uuid.New()}, ""))
			channel := p.addChannel(p.other.ID, "Theirs")
			delivery, err := p.st.EnqueueTest(p.Context(), p.other.ID, channel.ID, p.now())
			p.ok(err)
			for _, pair := range [][2]string{
				{"channels/" + channel.UUID().String(), "channels/" + uuid.NewString()},
				{"deliveries/" + idOf(delivery), "deliveries/99999999"},
			} {
				theirs := pair[0]
				if a, b := p.gets(404, v3(theirs)), p.gets(404, v3(pair[1])); a.said() != b.said() {
					p.Errorf("%s and nothing are told apart:\n%s\n%s", theirs, a.body, b.body)
				}
			}
			p.posts(404, v3("projects/"+idOf(p.other.ID)), `{"name":"Mine"}`)
			p.posts(404, v3("deliveries/"+idOf(delivery)+"/replay"), "")
		}},
		{"A30", "a key in the address", func(p *program) {
			p.secrets.use(p.rw)
			for _, query := range []string{"?api_key=", "?X-Api-Key=", "?key="} {
				p.asks("", 401, "GET", v3("checks/")+query+p.rw, "")
				p.asks("", 401, "POST", v3("checks/")+query+p.rw, `{"name":"x"}`)
			}
			if strings.Contains(p.log.String(), p.rw) {
				p.Error("the log holds the key")
			}
		}},
		// Any page may ask, as at Healthchecks: it needs the key itself, which no browser
		// sends along.
		{"A31", "a page of another site", func(p *program) {
			for _, key := range []string{"", p.rw} {
				code := map[string]int{"": 401, p.rw: 200}[key]
				w := p.asks(key, code, "GET", v3("checks/"), "", "Origin", "https://evil.example", "Cookie", "rollcall=x")
				if w.header.Get("Access-Control-Allow-Credentials") != "" || w.header.Get("Access-Control-Allow-Origin") != "*" {
					p.Errorf("header %v", w.header)
				}
			}
		}},
	}
}

func badBodies() []row[*program] {
	return []row[*program]{
		// An empty body is no member at all, as at Healthchecks.
		{"A04", "what is no JSON object", func(p *program) {
			for _, body := range []string{"{", "null", "[]", `"x"`, "{}{}", "{} x", " ", "5", "true", "nul", `{"a":}`, `{"name":"a",}`, "\xff", "{\"name\":\"\xff\"}", "<a/>", "name=x"} {
				p.posts(400, v3("checks/"), body)
			}
			p.takes("")
		}},
		// A body may be larger than of most: a file of checks comes this way too.
		{"A05", "a large body", func(p *program) {
			limit := 1 << 20
			fill := func(size int) string { return `{"desc":"` + strings.Repeat("x", size-11) + `"}` }
			w := p.posts(413, v3("checks/"), fill(limit+1))
			if !w.closed {
				p.Error("the connection is kept for the rest of a body that nobody reads")
			}
			p.posts(400, v3("checks/"), fill(limit)).points("#/desc")
		}},
		// The body is JSON whatever the type says, as at Healthchecks: curl -d says that
		// it is a form.
		{"A06", "types of bodies", func(p *program) {
			for _, kind := range []string{"text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data", "nonsense", ""} {
				p.posts(201, v3("checks/"), `{"name":"x"}`, "Content-Type", kind)
				p.posts(400, v3("checks/"), `<name>x</name>`, "Content-Type", kind)
			}
		}},
		{"A07", "types of answers", func(p *program) {
			for _, accept := range []string{"text/html", "image/*", "nonsense", "application/json;q=0"} {
				if w := p.gets(200, v3("checks/"), "Accept", accept); w.header.Get("Content-Type") != "application/json" {
					p.Errorf("Accept %s: %v", accept, w.header)
				}
			}
		}},
		{"A08", "a member that occurs twice", func(p *program) {
			for _, body := range []string{`{"name":"a","name":"b"}`, `{"timeout":60,"name":"a","timeout":61}`, `{"name":"a","\u006eame":"b"}`} {
				p.posts(400, v3("checks/"), body)
			}
		}},
		{"A09", "deep nesting", func(p *program) {
			for _, body := range []string{
				`{"name":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`, strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 9_000),
				`{"unique":` + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000) + `}`, `{"tokens":` + strings.Repeat(`[{"dialect":`, 4_000) + `}`,
			} {
				p.soon("nesting", func() { p.posts(400, v3("checks/"), body) })
			}
		}},
		// Members that nobody knows are passed over, as at Healthchecks, so that a document
		// can be changed and sent back. They change nothing.
		{"A20", "members that are not for clients", func(p *program) {
			const all = `{"name":"x","is_admin":true,"n_pings":5,"status":"down","last_ping":"2020-01-01T00:00:00Z","uuid":"7b1c4a8e-1d4c-4b43-9d9f-0c4d3a1e5f60","id":1,"project":1,"team":2,"created":0}`
			doc := p.takes(all)
			id, _ := doc["uuid"].(string)
			check, err := p.st.Check(p.Context(), p.project.ID, uuid.MustParse(id))
			p.ok(err)
			w := p.posts(200, at(check, ""), all)
			w.has("n_pings", 0, "status", "new", "last_ping", nil, "uuid", id)
		}},
		{"A28", "methods that are not taken", func(p *program) {
			check := p.addCheck(p.project.ID, "Nightly")
			patch := `[{"op":"test","path":"/id","value":1},{"op":"move","from":"/name","path":"/id"}]`
			for _, method := range []string{"PATCH", "PUT", "TRACE", "FOO"} {
				w := p.asks(p.rw, 405, method, at(check, ""), patch, "Content-Type", "application/json-patch+json")
				if w.header.Get("Allow") != "DELETE, GET, HEAD, OPTIONS, POST" {
					p.Errorf("Allow %q", w.header.Get("Allow"))
				}
			}
			p.posts(400, at(check, ""), patch, "Content-Type", "application/json-patch+json")
		}},
		{"A29", "another method in a field", func(p *program) {
			check := p.addCheck(p.project.ID, "Nightly")
			for _, name := range []string{"X-HTTP-Method-Override", "X-Http-Method", "X-Method-Override"} {
				p.gets(200, at(check, ""), name, "DELETE")
				p.posts(200, at(check, "")+"?_method=DELETE", "{}", name, "DELETE")
			}
			p.gets(200, at(check, ""))
		}},
		{"A32", "a GET with a body", func(p *program) {
			check := p.addCheck(p.project.ID, "Nightly")
			for _, body := range []string{`{"name":"Other"}`, "{", strings.Repeat("x", 100_000)} {
				p.asks(p.rw, 200, "GET", at(check, ""), body).has("name", "Nightly")
			}
		}},
		{"A35", "encodings of JSON", func(p *program) {
			if name := p.takes("\ufeff{\"name\":\"With a mark\"}")["name"]; name != "With a mark" {
				p.Errorf("name %q", name)
			}
			for _, body := range []string{"\xff\xfe{\x00}\x00", "\xfe\xff\x00{\x00}", "{\x00}\x00", "\ufeff\ufeff{}", "\x1f\x8b\x08"} {
				p.posts(400, v3("checks/"), body)
			}
		}},
	}
}

func badMembers() []row[*program] {
	const mega = "a long word "
	return []row[*program]{
		// A mistake in a member is 400 at Healthchecks; the pointer is ours.
		{"A10", "numbers", func(p *program) {
			wrong := []string{"1e400", "-1", "0", "59", "1.5", `"60"`, "true", "null", "[]", "{}", "9223372036854775808", "31536001", "6e1", "-0", strings.Repeat("9", 10_000)}
			p.refuses("#/timeout", each("timeout", wrong...)...)
			for _, right := range []string{"60", "31536000"} {
				p.takes(each("timeout", right)[0])
			}
		}},
		{"A11", "spans", func(p *program) {
			p.refuses("#/grace", each("grace", "31536001", "59", "1e400")...)
			p.refuses("#/max_runtime", each("max_runtime", "0", "31536001", `"x"`, "true")...)
			p.refuses("#/threshold", each("threshold", "0", "721", "1.5", `"x"`, "true")...)
		}},
		// A name may be empty here, as at Healthchecks; on pages it is asked for.
		{"A12", "names", func(p *program) {
			p.refuses("#/name", each("name", quoted(strings.Repeat("é", 101)), `"\u0000"`, `"a\u0000b"`, `"\ud800"`, `"\udc00\ud800"`, `"a\nb"`, `"\u202egnp.exe"`, `"\u200b"`, "5", "null",
				quoted(strings.Repeat("\u0301", 10_000)), quoted(strings.Repeat(mega, 20_000)))...)
			p.posts(400, v3("checks/"), "{\"name\":\"a\x00b\"}")
			for _, name := range []string{strings.Repeat("𝕏", 100), strings.Repeat("字", 100), "Äpfel & Öl", "'; DROP TABLE checks; --", "%_\\", strings.Repeat("\U0001f469\u200d", 4) + "\U0001f469"} {
				if got := p.takes(fmt.Sprintf(`{"name":%q}`, name))["name"]; got != name {
					p.Errorf("%q became %q", name, got)
				}
			}
			for _, name := range []string{"", "   "} {
				if got := p.takes(`{"name":` + quoted(name) + `}`)["name"]; got != "" {
					p.Errorf("%q became %q", name, got)
				}
			}
		}},
		{"A13", "tags", func(p *program) {
			many := make([]string, 1000)
			for i := range many {
				many[i] = fmt.Sprint("tag", i)
			}
			p.refuses("#/tags", each("tags", quoted(strings.Join(many, " ")), quoted(strings.Repeat("t", 2048)), `"a,b"`, `"a\u0007b"`, `"\u202e"`, `["a"]`, "null", `"\u0000"`, `"\ud800"`)...)
			if tags := p.takes(`{"tags":" a\nb\t#c a "}`)["tags"]; tags != "a b c" {
				p.Errorf("tags %q", tags)
			}
		}},
		{"A14", "cron expressions", func(p *program) {
			wrong := []string{
				"* * * *", "60 * * * *", "*/0 * * * *", "0 0 31 2 *", "0 0 30 2 *", "@reboot", "0-59/1000000000 * * * *", strings.Repeat("1,", 2_500) + "1 * * * *", "0 0 L-40 * *",
				"TZ=UTC * * * * *", "CRON_TZ=UTC 0 0 * * *", "TZ=UTC", "", " ", "* * * * * * *", "5-1 * * * *", "a b c d e", `\u0000 * * * *`, "0 0 * * MON#6", "0 0 0 * *", "99999999999999999999 * * * *",
			}
			for _, expr := range wrong {
				p.soon(expr, func() { p.refuses("#/schedule", each("schedule", quoted(expr))...) })
			}
			p.takes(each("schedule", quoted("0 0 29 2 *"))[0])
		}},
		{"A15", "zones", func(p *program) {
			for _, zone := range []string{"Mars/Phobos", "../../etc/passwd", "/etc/localtime", "UTC+25", "posixrules", "", "Local", `Europe/Riga\u0000`, "Europe/Riga/", " ", strings.Repeat("Z", 10_000), "Europe/../UTC"} {
				p.refuses("#/tz", fmt.Sprintf(`{"name":"x","schedule":"* * * * *","tz":"%s"}`, zone))
			}
			for _, zone := range []string{"Europe/Riga", "UTC", "EST5EDT", "Etc/GMT+12"} {
				p.takes(fmt.Sprintf(`{"name":"x","schedule":"* * * * *","tz":"%s"}`, zone))
			}
		}},
		{"A16", "calendar expressions", func(p *program) {
			for _, expr := range []string{"1000000000-01-01", "*-02-30", "*-*-* 25:00", "Foo *-*-*", "*-*~40", "*:0/0"} {
				p.soon(expr, func() { p.refuses("#/schedule", each("schedule", quoted(expr))...) })
			}
			for _, expr := range []string{"*-02-29 03:00", "2020-01-01"} { // a date that is over is one
				p.takes(each("schedule", quoted(expr))[0])
			}
		}},
		// Without a slug a check has none.
		{"A17", "slugs", func(p *program) {
			p.refuses("#/slug", each("slug", `"Nightly"`, `"a b"`, `".."`, `"a/b"`, quoted(strings.Repeat("s", 300)), `"é"`, `"a\u0000"`, `"%2e"`, "5", "null")...)
			first := p.takes(`{"slug":"nightly"}`)
			if w := p.posts(409, v3("checks/"), `{"slug":"nightly"}`); !strings.Contains(string(w.body), first["uuid"].(string)) {
				p.Errorf("it is not said whose it is: %s", w.body)
			}
			p.takes(`{"slug":""}`)
			p.takes(`{"slug":""}`)
		}},
		{"A18", "channels of others", func(p *program) {
			theirs := p.addChannel(p.other.ID, "Theirs").UUID().String()
			for _, id := range []string{theirs, uuid.NewString(), "Theirs", "\\u0000", "a,,b", ","} {
				p.refuses("#/channels", each("channels", quoted(id))...)
			}
			a, b := p.posts(400, v3("checks/"), each("channels", quoted(theirs))[0]), p.posts(400, v3("checks/"), each("channels", quoted(uuid.NewString()))[0])
			if sameWords(string(a.body)) != sameWords(string(b.body)) {
				p.Errorf("another's channel and none are told apart:\n%s\n%s", a.body, b.body)
			}
		}},
		{"A33", "the same slug in two projects", func(p *program) {
			p.takes(`{"slug":"nightly"}`)
			p.asks(p.foe, 201, "POST", v3("checks/"), `{"slug":"nightly"}`)
			p.gets(200, v3("checks/")+"?slug=nightly")
		}},
		{"A34", "addresses of webhooks", func(p *program) {
			for _, address := range []string{
				"ftp://x.example", "file:///etc/passwd", "gopher://x", "//x/", "http:x", "http:///x", "", "http://user:pass@x.example/",
				"http://[::1", "http://x.example/#f", "javascript:alert(1)", "http://a b/", "http://" + strings.Repeat("a", 3_000) + ".example/", "http://x.example/\\u0000", "http://x.example/\\r\\nX: y",
				"http://example.com#@127.0.0.1/", "http://127.0.0.1\\\\@example.com", "http://127.0.0.1%2f@example.com/",
			} {
				p.posts(400, v3("channels/"), `{"kind":"webhook","name":"x","url":"`+address+`"}`).points("#/url")
			}
			for _, address := range []string{"a@b\\nBcc: c@d", "a@b, c@d", `\"x\\r\\n\"@b`, strings.Repeat("a", 300) + "@b.example", "", "a", "@", "a@b@c"} {
				p.posts(400, v3("channels/"), `{"kind":"email","name":"x","address":"`+address+`"}`).points("#/address")
			}
		}},
	}
}

func badQueries() []row[*program] {
	return []row[*program]{
		// If-Match is asked for nowhere: clients of Healthchecks do not know it.
		{"A19", "a change that came too late", func(p *program) {
			check := p.addCheck(p.project.ID, "Nightly")
			tag := p.gets(200, at(check, "")).header.Get("ETag")
			p.posts(200, at(check, ""), `{"name":"First"}`, "If-Match", tag)
			for _, stale := range []string{tag, `"x"`, "nonsense", `W/"x"`} {
				p.posts(412, at(check, ""), `{"name":"Second"}`, "If-Match", stale)
				p.posts(412, at(check, "/pause"), "", "If-Match", stale)
				p.asks(p.rw, 412, "DELETE", at(check, ""), "", "If-Match", stale)
			}
			p.gets(200, at(check, "")).has("name", "First")
			p.posts(200, at(check, ""), `{"name":"Third"}`)
		}},
		{"A21", "keys of requests", func(p *program) {
			once := func(code int, key, body string) reply {
				return p.posts(code, v3("checks/"), body, "Idempotency-Key", key)
			}
			first := once(201, `"k1"`, `{"name":"Once"}`)
			again := once(201, `k1`, `{"name":"Once"}`)
			if string(first.body) != string(again.body) || again.header.Get("Idempotent-Replayed") != "true" {
				p.Errorf("repeated: %v\n%s\n%s", again.header, first.body, again.body)
			}
			once(422, "k1", `{"name":"Twice"}`)
			for _, key := range []string{strings.Repeat("k", 256), `""`, "two words", "ümlaut"} {
				once(400, key, `{"name":"Once"}`)
			}
			codes := p.together(20, func(int) reply {
				return p.ask(p.rw, "POST", v3("checks/"), `{"name":"At once"}`, "Idempotency-Key", "k2")
			})
			checks, err := p.st.Checks(p.Context(), p.project.ID, 100)
			p.ok(err)
			if codes[201]+codes[409] != 20 || len(checks) != 2 {
				p.Errorf("%v, %d checks", codes, len(checks))
			}
		}},
		// What cannot be a page is 400, as all that is wrong with a request.
		{"A22", "parts of lists", func(p *program) {
			p.addCheck(p.project.ID, "Mine")
			p.addCheck(p.other.ID, "Theirs")
			for _, list := range []string{"checks/", "deliveries/", "events/"} {
				for _, limit := range []string{"-1", "0", "1e9", "abc", "99999999999999999999", "1.5", "%00", "%D9%A1"} {
					p.gets(400, v3(list)+"?limit="+limit)
				}
			}
			for _, cursor := range []string{"x", "%00", "YWZ0ZXI6LTE", "YWZ0ZXI6", "YWZ0ZXI6OTk5OTk5OTk5OTk5OTk5OTk5OTk5", strings.Repeat("A", 10_000)} {
				p.gets(400, v3("checks/")+"?limit=1&cursor="+cursor)
				p.gets(400, v3("deliveries/")+"?cursor="+cursor)
			}
			p.gets(400, v3("events/")+"?after=-1")
			p.gets(400, v3("events/")+"?after=x")
			p.ask(p.foe, "POST", v3("checks/"), `{"name":"Second of theirs"}`).is(201)
			theirs := p.ask(p.foe, "GET", v3("checks/")+"?limit=1", "").is(200)
			if w := p.ask(p.rw, "GET", v3("checks/")+"?limit=9&cursor="+theirs.doc()["next_cursor"].(string), ""); w.code != 200 || strings.Contains(string(w.body), "Theirs") {
				p.Errorf("another project's cursor leads into it: %s", w.body)
			}
		}},
		{"A23", "words that mean something to a database", func(p *program) {
			p.takes(`{"name":"Percent","tags":"100% under_score Umlaut"}`)
			for _, tag := range []string{
				"%00", "'%3B%20DROP%20TABLE%20checks%3B--", "%25", "%25%25%25%25%25%25%25%25", "_", "100_", "under-score", "umlaut", "%ff%fe", "%ed%a0%80", strings.Repeat("%25", 2_000),
				"%E2%80%8B", "*", "[a-z]", "(", "%5C", "UMLAUT", "u%CC%88",
			} {
				p.soon(tag, func() {
					for _, name := range []string{"tag", "slug"} {
						if w := p.gets(200, v3("checks/")+"?"+name+"="+tag); len(w.doc()["checks"].([]any)) != 0 {
							p.Errorf("%s=%s finds %s", name, tag, w.body)
						}
					}
				})
			}
			if w := p.gets(200, v3("checks/")+"?tag=100%25&tag=under_score"); len(w.doc()["checks"].([]any)) != 1 {
				p.Errorf("not found: %s", w.body)
			}
		}},
		{"A24", "ids of nothing", func(p *program) {
			check := p.addCheck(p.project.ID, "Nightly")
			id := check.UUID.String()
			for _, name := range []string{
				"-1", "0", strings.Repeat("9", 41), strings.ToUpper(id), "{" + id + "}", "urn:uuid:" + id, strings.ReplaceAll(id, "-", ""), "%2e%2e", "..", "%D9%A1", "%00", "%ff", id + "%0a", id + "%20", "a%2Fb", "'",
			} {
				p.gets(404, v3("checks/"+name))
				p.gets(404, v3("channels/"+name))
				p.gets(404, v3("deliveries/"+name))
				p.gets(404, at(check, "/pings/"+name+"/body"))
				p.posts(404, v3("checks/"+name+"/pause"), "")
			}
			p.gets(404, at(check, "/pings/99999999999999999999/body"))
		}},
		{"A25", "times", func(p *program) {
			check := p.addCheck(p.project.ID, "Nightly")
			for _, name := range []string{"start", "end", "seconds"} {
				for _, value := range []string{"9999999999999", "-1", "2026-02-30", "infinity", "NaN", "9224318016000", "300000-01-01", "99999999999999999999", "1.5", "%00"} { // the sixth is in the year 294277
					p.gets(400, at(check, "/flips/")+"?"+name+"="+value)
				}
			}
			for _, value := range []string{"9223372036854775807", "9000000000000000000", "0"} {
				if w := p.ask(p.rw, "GET", v3("events/")+"?after="+value, ""); w.code != 200 {
					p.Errorf("after=%s: %d %s", value, w.code, w.body)
				}
			}
			p.gets(400, v3("events/")+"?after=9223372036854775808")
		}},
		// The pace is 600 in a minute.
		{"A26", "a thousand requests", func(p *program) {
			var last reply
			codes := map[int]int{}
			for range 1_000 {
				last = p.ask(p.rw, "POST", v3("checks/"), `{"name":5}`)
				codes[last.code]++
				if last.code == 429 {
					break
				}
			}
			last.honest()
			p.trial.tells("the last was answered %d", last.code)
			if codes[429] != 1 || codes[400] < 600 || !strings.HasPrefix(last.header.Get("RateLimit"), `"key";r=0;t=`) || last.header.Get("RateLimit-Policy") != `"key";q=600;w=60` {
				p.Errorf("%v, %v", codes, last.header)
			}
			p.asks(p.foe, 201, "POST", v3("checks/"), `{"name":"x"}`)
		}},
		// Nothing is sold here; whoever runs the server may set a limit.
		{"A27", "more checks than allowed", func(p *program) {
			one := 1
			p.st.Bound(store.Limits{Checks: &one})
			defer p.st.Bound(store.Limits{})
			p.takes(`{"name":"First"}`)
			p.posts(403, v3("checks/"), `{"name":"Second"}`)
			p.asks(p.foe, 201, "POST", v3("checks/"), `{"name":"Theirs"}`)
		}},
	}
}

func badMoments() []row[*program] {
	return []row[*program]{
		// The answer to DELETE is the check, as at Healthchecks.
		{"A36", "200 that delete one check at once", func(p *program) {
			check := p.addCheck(p.project.ID, "Nightly")
			codes := p.together(200, func(int) reply { return p.ask(p.rw, "DELETE", at(check, ""), "") })
			p.trial.tells("%v", codes)
			if codes[200] != 1 || codes[404] != 199 {
				p.Errorf("answers: %v", codes)
			}
		}},
		// A check takes its history along. The message that was being sent arrives, and
		// its sender is told that its delivery is gone.
		{"A37", "deleting a check whose alert is being sent", func(p *program) {
			channel := p.addChannel(p.project.ID, "Desk")
			check := p.addCheck(p.project.ID, "Nightly", channel.ID)
			p.report(check, monitor.Ping{At: p.now(), Signal: monitor.Success})
			p.report(check, monitor.Ping{At: p.now().Add(time.Second), Signal: monitor.Fail})
			p.ahead.Add(int64(2 * time.Second))
			leased, err := p.st.LeaseDeliveries(p.Context(), store.Lease{Now: p.now(), Until: p.now().Add(time.Minute), Limit: 100, PerChannel: 100})
			p.ok(err)
			at1 := slices.IndexFunc(leased, func(d store.Dispatch) bool { return d.Delivery.Channel == channel.ID })
			if at1 < 0 {
				p.Fatal("nothing is to be sent")
			}
			p.asks(p.rw, 200, "DELETE", at(check, ""), "")
			after, _ := leased[at1].Delivery.Settle(monitor.Result{Verdict: monitor.Done}, p.now())
			err = p.st.RecordAttempt(p.Context(), monitor.Attempt{Delivery: after.ID, N: after.Attempts, Started: p.now()}, after, "")
			p.trial.tells("%v", err)
			if !errors.Is(err, fault.Conflict) {
				p.Errorf("recorded: %v", err)
			}
			p.gets(404, at(check, ""))
		}},
		// The copy of an account is what is as large; TestACopyIsWrittenAsItIsRead has it
		// with as many pings. A list of the API ends by itself.
		{"A38", "a long history", func(p *program) {
			check := p.addCheck(p.project.ID, "Busy")
			steps := make([]store.Step, 1_200)
			for i := range steps {
				ping := monitor.Ping{At: p.now().Add(time.Duration(i) * time.Second), Signal: monitor.Success}
				steps[i] = store.Step{Ref: store.Ref{ID: check.ID}, Decide: func(c monitor.Check) monitor.Change { return c.Receive(ping) }}
			}
			_, err := p.st.Transitions(p.Context(), steps)
			p.ok(err)
			if n := len(p.gets(200, at(check, "/pings/")).doc()["pings"].([]any)); n != 1_000 {
				p.Errorf("%d pings are listed", n)
			}
		}},
	}
}
