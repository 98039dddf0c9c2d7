package web_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/pgtest"
	"rollcall/internal/store"
	"rollcall/web"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const (
	rwKey      = "hcw_abcdefghijklmnopqrstuvwxyz01"
	roKey      = "hcr_abcdefghijklmnopqrstuvwxyz01"
	foreignKey = "hcw_zzzzzzzzzzzzzzzzzzzzzzzzzzzz"
)

// api is the management API on a listening server, and a project with two channels.
type api struct {
	*site
	url    string
	client *http.Client
	ops    monitor.Channel
	hook   monitor.Channel
	other  account.Project
}

func newAPI(t *testing.T) *api {
	t.Helper()
	return listen(newSite(t))
}

// postgresAPI is the same on PostgreSQL.
func postgresAPI(t *testing.T) *api {
	t.Helper()
	return listen(postgresSite(t))
}

func listen(s *site) *api {
	s.Helper()
	server := httptest.NewServer(s.handler)
	s.Cleanup(server.Close)
	a := &api{site: s, url: server.URL, client: server.Client()}
	a.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	_, a.other = s.addAccount("tomas@example.org", "", "Other")
	for hash, of := range map[string]struct {
		project monitor.ProjectID
		kind    account.KeyKind
	}{
		rwKey: {s.project.ID, account.KeyReadWrite}, roKey: {s.project.ID, account.KeyReadOnly},
		foreignKey: {a.other.ID, account.KeyReadWrite},
	} {
		s.addKey(of.project, of.kind, hash)
	}
	a.ops, a.hook = s.addChannel(s.project.ID, "Ops"), s.addChannel(s.project.ID, "Hook")
	return a
}

// addKey lets a project have a key of this text.
func (s *site) addKey(project monitor.ProjectID, kind account.KeyKind, text string) {
	s.Helper()
	_, err := s.st.PutKey(s.Context(), account.Key{Project: project, Kind: kind, Name: account.FirstKey, Created: s.now()}.Of(text))
	s.ok(err)
}

// reply is an answer of the API.
type reply struct {
	*testing.T
	code   int
	header http.Header
	body   []byte
	closed bool // the connection, after it
}

// ask sends a request with a key; headers come in pairs.
func (a *api) ask(key, method, path, body string, headers ...string) reply {
	a.Helper()
	var sent io.Reader
	if body != "" {
		sent = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(a.Context(), method, a.url+path, sent)
	a.ok(err)
	if key != "" {
		r.Header.Set("X-Api-Key", key)
		a.secrets.use(key)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	response, err := a.client.Do(r)
	a.ok(err)
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	a.ok(err)
	return reply{a.T, response.StatusCode, response.Header, read, response.Close}
}

func (a *api) get(path string, headers ...string) reply {
	a.Helper()
	return a.ask(rwKey, http.MethodGet, path, "", headers...)
}

func (a *api) post(path, body string, headers ...string) reply {
	a.Helper()
	return a.ask(rwKey, http.MethodPost, path, body, headers...)
}

// is ends the test unless the answer has a status.
func (w reply) is(code int) reply {
	w.Helper()
	if w.code != code {
		w.Fatalf("answered %d, want %d\n%s", w.code, code, w.body)
	}
	return w
}

// doc is the answer as JSON.
func (w reply) doc() map[string]any {
	w.Helper()
	var doc map[string]any
	if err := json.Unmarshal(w.body, &doc); err != nil {
		w.Fatalf("%v\n%s", err, w.body)
	}
	return doc
}

// refused checks that the answer is a problem with the text that old clients read.
func (w reply) refused(code int, text string) {
	w.Helper()
	w.is(code)
	if got := w.header.Get("Content-Type"); got != "application/problem+json" {
		w.Errorf("Content-Type is %q", got)
	}
	doc := w.doc()
	if challenge := w.header.Get("WWW-Authenticate"); code == 401 && !strings.HasPrefix(challenge, `Bearer realm="api"`) {
		w.Errorf("WWW-Authenticate is %q", challenge)
	}
	if doc["error"] != text || doc["status"] != float64(code) || doc["type"] != "about:blank" || doc["title"] == "" || doc["detail"] == "" {
		w.Errorf("the problem is %s, want the error %q", w.body, text)
	}
}

// has checks members of the answer.
func (w reply) has(pairs ...any) reply {
	w.Helper()
	doc := w.doc()
	for i := 0; i+1 < len(pairs); i += 2 {
		name, want := pairs[i].(string), pairs[i+1]
		if n, ok := want.(int); ok {
			want = float64(n)
		}
		if diff := cmp.Diff(want, doc[name]); diff != "" {
			w.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	return w
}

// at is where the API has a check.
func at(check monitor.Check, more string) string {
	return "/api/v3/checks/" + check.UUID.String() + more
}

// report stores a ping of a check.
func (a *api) report(check monitor.Check, ping monitor.Ping) {
	a.Helper()
	results, err := a.st.Transitions(a.Context(), []store.Step{{
		Ref: store.Ref{ID: check.ID}, Decide: func(c monitor.Check) monitor.Change { return c.Receive(ping) },
	}})
	a.ok(err)
	a.ok(results[0].Err)
}

func (a *api) change(check monitor.Check, change func(*monitor.Config)) monitor.Check {
	a.Helper()
	results, err := a.st.Transitions(a.Context(), []store.Step{{
		Ref: store.Ref{ID: check.ID},
		Decide: func(c monitor.Check) monitor.Change {
			config := c.Config
			change(&config)
			return c.Reconfigure(config, a.now())
		},
	}})
	a.ok(err)
	return results[0].Change.Check
}

// Every text by which Healthchecks refuses a key, in the order in which it looks.
func TestAPIKeys(t *testing.T) {
	a := newAPI(t)
	check := a.addCheck(a.project.ID, "Nightly")
	list, one := "/api/v3/checks/", at(check, "")
	for _, test := range []struct {
		name, method, path, body string
		header                   []string
		code                     int
		text                     string
	}{
		{"no key", "GET", list, "", nil, 401, "missing api key"},
		{"a short key", "GET", list, "", []string{"X-Api-Key", "short"}, 401, "missing api key"},
		{"a key with spaces", "GET", list, "", []string{"X-Api-Key", "hcw_abcdefghijk lmnopqrstuvwxyz"}, 401, "missing api key"},
		{"an unknown key", "GET", list, "", []string{"X-Api-Key", strings.Repeat("x", 32)}, 401, "wrong api key"},
		{"two Authorization fields", "GET", list, "", []string{"Authorization", "Bearer " + rwKey, "Authorization", "Bearer " + rwKey}, 401, "missing api key"},
		{"a key in the address", "GET", list + "?api_key=" + rwKey, "", nil, 401, "missing api key"},
		{"a read-only key that would change something", "POST", one, "{}", []string{"X-Api-Key", roKey}, 401, "wrong api key"},
		{"a read-only key that would see pings", "GET", one + "/pings/", "", []string{"X-Api-Key", roKey}, 401, "wrong api key"},
		{"a read-only key that would see channels", "GET", "/api/v3/channels/", "", []string{"X-Api-Key", roKey}, 401, "wrong api key"},
		{"a read-only key that would delete", "DELETE", one, "", []string{"X-Api-Key", roKey}, 401, "wrong api key"},
		{"X-Api-Key wins over the body", "POST", list, `{"api_key":"` + rwKey + `"}`, []string{"X-Api-Key", roKey}, 401, "wrong api key"},
		{"JSON is read before the key", "POST", list, `{`, nil, 400, "could not parse request body"},
		{"and is an object", "POST", list, `[]`, nil, 400, "json validation error: value is not an object"},
		{"a key that is no text", "POST", list, `{"api_key":12345678901234567890123456789012}`, nil, 401, "missing api key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer := a.ask("", test.method, test.path, test.body, test.header...)
			answer.refused(test.code, test.text)
		})
	}
	for name, header := range map[string][]string{
		"X-Api-Key":                      {"X-Api-Key", rwKey},
		"Authorization":                  {"Authorization", "Bearer " + rwKey},
		"authorization in lower case":    {"Authorization", "bearer " + rwKey},
		"a read-only key":                {"X-Api-Key", roKey},
		"X-Api-Key beside Authorization": {"X-Api-Key", rwKey, "Authorization", "Basic xyz"},
	} {
		t.Run(name, func(*testing.T) { a.ask("", http.MethodGet, list, "", header...).is(200) })
	}
	t.Run("the body", func(*testing.T) {
		a.ask("", http.MethodPost, list, `{"name":"By body","api_key":"`+rwKey+`"}`).is(201)
	})
}

// What every address answers before a handler is asked.
func TestAPITransport(t *testing.T) {
	a := newAPI(t)
	check := a.addCheck(a.project.ID, "Nightly")
	one := "/checks/" + check.UUID.String()
	for _, test := range []struct {
		method, path string
		code         int
		location     string
		allow        string
	}{
		{"GET", "/api/v1/checks", 301, "/api/v1/checks/", ""},
		{"POST", "/api/v2/checks", 301, "/api/v2/checks/", ""},
		{"GET", "/api/v3/checks?tag=a&tag=b%20c", 301, "/api/v3/checks/?tag=a&tag=b%20c", ""},
		{"GET", "/api/v3/channels", 301, "/api/v3/channels/", ""},
		{"GET", "/api/v3/badges", 301, "/api/v3/badges/", ""},
		{"GET", "/api/v3" + one + "/pings", 301, "/api/v3" + one + "/pings/", ""},
		{"GET", "/api/v3" + one + "/flips", 301, "/api/v3" + one + "/flips/", ""},
		{"GET", "/api/v3" + one + "/", 404, "", ""},
		{"GET", "/api/v3" + one + "/pause/", 404, "", ""},
		{"GET", "/api/v3/status", 200, "", ""},
		{"GET", "/api/v3", 404, "", ""},
		{"GET", "/api/v4/checks/", 404, "", ""},
		{"GET", "/api/v3/nothing/", 404, "", ""},
		{"HEAD", "/api/v3/checks/", 200, "", ""},
		{"OPTIONS", "/api/v3/checks", 204, "", ""},
		{"OPTIONS", "/api/v3/checks/", 204, "", "GET, HEAD, OPTIONS, POST"},
		{"OPTIONS", "/api/v3" + one, 204, "", "DELETE, GET, HEAD, OPTIONS, POST"},
		{"PUT", "/api/v3/checks/", 405, "", "GET, HEAD, OPTIONS, POST"},
		{"GET", "/api/v3" + one + "/pause", 405, "", "OPTIONS, POST"},
		{"POST", "/api/v3/checks/" + strings.Repeat("0a", 20), 405, "", "GET, HEAD, OPTIONS"},
		{"GET", "/api/v3/notifications/" + check.UUID.String() + "/status", 405, "", "OPTIONS, POST"},
		{"TRACE", "/api/v3/checks/", 405, "", "GET, HEAD, OPTIONS, POST"},
	} {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			answer := a.ask(rwKey, test.method, test.path, "").is(test.code)
			if got := answer.header.Get("Location"); got != test.location {
				t.Errorf("Location is %q, want %q", got, test.location)
			}
			if got := answer.header.Get("Allow"); got != test.allow {
				t.Errorf("Allow is %q, want %q", got, test.allow)
			}
			if test.path == "/api/v4/checks/" {
				return // an address of nothing: a page says so
			}
			for name, want := range map[string]string{
				"Access-Control-Allow-Origin": "*", "Access-Control-Max-Age": "600", "X-Content-Type-Options": "nosniff",
			} {
				if got := answer.header.Get(name); got != want {
					t.Errorf("%s is %q", name, got)
				}
			}
			if allowed := answer.header.Get("Access-Control-Allow-Headers"); !strings.Contains(allowed, "X-Api-Key") || !strings.Contains(allowed, "Content-Type") {
				t.Errorf("Access-Control-Allow-Headers is %q", allowed)
			}
			if answer.header.Get("X-Request-Id") == "" || len(answer.header.Values("Set-Cookie")) > 0 {
				t.Errorf("header is %v", answer.header)
			}
			if test.method == http.MethodHead && len(answer.body) > 0 {
				t.Error("an answer to HEAD has a body")
			}
		})
	}
	a.ask(rwKey, "PUT", "/api/v3/checks/", "").refused(405, "method not allowed")
	a.ask(rwKey, "GET", "/api/v3/checks/"+check.UUID.String(), "", "Host", "rebound.example").is(200)
	if big := a.post("/api/v3/checks/", `{"desc":"`+strings.Repeat("x", 1<<20)+`"}`); big.code != 413 || !bytes.Contains(big.body, []byte("1048576 bytes")) {
		t.Errorf("a large body: %d %s", big.code, big.body)
	}
	if got, want := a.ask(rwKey, "HEAD", at(check, ""), "").header.Get("ETag"), a.get(at(check, "")).header.Get("ETag"); got != want || got == "" {
		t.Errorf("ETag of HEAD is %s, of GET %s", got, want)
	}
}

func TestAPIRateLimit(t *testing.T) {
	a := newAPI(t)
	a.ahead.Store(int64(time.Hour))
	last := reply{}
	for range 600 {
		last = a.get("/api/v3/channels/").is(200)
	}
	if policy := last.header.Get("RateLimit-Policy"); policy != `"key";q=600;w=60` {
		t.Errorf("RateLimit-Policy is %s", policy)
	}
	if left := last.header.Get("RateLimit"); !strings.HasPrefix(left, `"key";r=`) {
		t.Errorf("RateLimit is %s", left)
	}
	for range 200 { // what came back meanwhile
		if last = a.get("/api/v3/channels/"); last.code == 429 {
			break
		}
	}
	last.refused(429, "too many requests")
	if last.header.Get("Retry-After") != "1" || !strings.HasPrefix(last.header.Get("RateLimit"), `"key";r=0;t=`) {
		t.Errorf("header is %v", last.header)
	}
	a.ask(roKey, "GET", "/api/v3/checks/", "").is(200) // the other key
	a.ask(foreignKey, "GET", "/api/v3/checks/", "").is(200)
}

// Metrics know a route by its name, not by its pattern or the check in it.
func TestAPIRouteNames(t *testing.T) {
	seen := map[string]bool{}
	var mu sync.Mutex
	a := listen(newSite(t, func(c *web.Config) {
		c.Observe = func(route, _ string, _ int, _ time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			seen[route] = true
		}
	}))
	check := a.addCheck(a.project.ID, "Nightly")
	a.get(at(check, "/flips"))
	a.get(at(check, "")).is(200)
	a.stranger(a.local(a.get(at(check, "")).doc()["badge_url"])).is(200)
	mu.Lock()
	defer mu.Unlock()
	for _, name := range []string{"/api/{version}/checks/{check}/flips/", "/api/{version}/checks/{check}", "/b/{states}/{badge}.{format}"} {
		if !seen[name] {
			t.Errorf("%s is not among %v", name, seen)
		}
	}
}

// Who tries many keys is told to wait; whose key is right is not.
func TestAPIWrongKeysAreSlow(t *testing.T) {
	a := newAPI(t)
	code := 0
	for i := range 200 {
		code = a.ask(strings.Repeat("x", 29)+string("0123456789"[i%10])+"yz", "GET", "/api/v3/checks/", "").code
		if code == 429 {
			break
		}
	}
	if code != 429 {
		t.Errorf("200 wrong keys were answered, the last with %d", code)
	}
	a.get("/api/v3/checks/").is(200)
}
