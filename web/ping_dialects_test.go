package web_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rollcall/internal/dialect"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/web"
)

// said is what of a stored ping a job has said.
type said struct {
	Signal   monitor.Signal
	Exit     *int64
	Duration *time.Duration
	RunID    string
	Body     string
	Detail   monitor.Detail
}

// dialed is a request as curl sends it, and what becomes of it. In its words, TOKEN
// is an imported token of the check, UUID its address and KEY the project's ping key;
// the check's slug is the name of the dialect.
type dialed struct {
	request string // "POST /path"
	header  string // "Name: value"
	body    string
	code    int
	answer  string
	stored  *said // nil: nothing
}

const (
	ok      = `{"ok":true}`
	unknown = `{"ok":false,"msg":"Monitor not found or not active."}`
	noKey   = "api_key is missing or unknown; give the project's ping key"
	curled  = "Content-Type: application/x-www-form-urlencoded"
)

var dialects = map[string][]dialed{
	"deadmanssnitch": {
		{request: "GET /TOKEN", code: 202, answer: "Got it, thanks!", stored: &said{Signal: monitor.Success}},
		{request: "GET /UUID?m=by+uuid", code: 202, answer: "Got it, thanks!", stored: &said{Signal: monitor.Success, Detail: monitor.Detail{Message: "by uuid"}}},
		{request: "GET /TOKEN/?s=2&m=disk+full", code: 202, answer: "Got it, thanks!", stored: &said{Signal: monitor.Fail, Exit: number(2), Detail: monitor.Detail{Message: "disk full"}}},
		{request: "POST /TOKEN", header: curled, body: "s=1", code: 202, answer: "Got it, thanks!", stored: &said{Signal: monitor.Fail, Exit: number(1)}},
		{request: "GET /UUID?s=1%25zz%", code: 202, answer: "Got it, thanks!", stored: &said{Signal: monitor.Fail}},
		{request: "GET /c0ffee1234", code: 404, answer: "404 page not found\n"},
		{request: "GET /" + lost + "?s=1", code: 404, answer: "not found"},
		{request: "DELETE /TOKEN", code: 405, answer: "method not allowed; use GET, HEAD, POST or PUT"},
	},
	"kuma": {
		{request: "GET /api/push/TOKEN?status=up&msg=OK&ping=", code: 200, answer: ok, stored: &said{Signal: monitor.Success, Detail: monitor.Detail{Message: "OK"}}},
		{request: "GET /api/push/UUID/?ping=12.5", code: 200, answer: ok, stored: &said{Signal: monitor.Success, Detail: monitor.Detail{Metrics: map[string]float64{"ping": 12.5}}}},
		{request: "PATCH /api/push/TOKEN?status=Down&msg=no%20route", code: 200, answer: ok, stored: &said{Signal: monitor.Fail, Detail: monitor.Detail{Message: "no route"}}},
		{request: "GET /api/push/TOKEN?status=down%zz", code: 200, answer: ok, stored: &said{Signal: monitor.Fail}},
		{request: "GET /api/push/nosuchtoken1", code: 404, answer: unknown},
		{request: "GET /api/push/" + lost, code: 404, answer: unknown},
		{request: "OPTIONS /api/push/TOKEN", code: 204},
	},
	"gatus": {
		{request: "POST /api/v1/endpoints/gatus/external?success=true&duration=1.5s", header: "Authorization: Bearer KEY", code: 200, stored: &said{Signal: monitor.Success, Duration: length(1500 * time.Millisecond)}},
		{request: "POST /api/v1/endpoints/gatus/external/?success=false&error=disk+full", header: "Authorization: Bearer KEY", code: 200, stored: &said{Signal: monitor.Fail, Detail: monitor.Detail{Message: "disk full"}}},
		{request: "POST /api/v1/endpoints/gatus/external", header: "Authorization: Bearer KEY", code: 400, answer: "missing or invalid success query parameter"},
		{request: "POST /api/v1/endpoints/gatus/external?success=true", code: 401, answer: "invalid Authorization header"},
		{request: "POST /api/v1/endpoints/core_other/external?success=true", header: "Authorization: Bearer KEY", code: 404, answer: "not found"},
		{request: "POST /api/v1/endpoints/gatus/external?success=true", header: "Authorization: Bearer wrong", code: 404, answer: "not found"},
		{request: "GET /api/v1/endpoints/gatus/external?success=true", header: "Authorization: Bearer KEY", code: 405, answer: "method not allowed; use POST"},
	},
	"betterstack": {
		{request: "GET /api/v1/heartbeat/TOKEN", code: 200, answer: "OK", stored: &said{Signal: monitor.Success}},
		{request: "POST /api/v1/heartbeat/TOKEN/3", header: curled, body: "no such file", code: 200, answer: "OK", stored: &said{Signal: monitor.Fail, Exit: number(3), Body: "no such file"}},
		{request: "HEAD /api/v1/heartbeat/UUID/FAIL/", code: 200, stored: &said{Signal: monitor.Fail}},
		{request: "GET /api/v1/heartbeat/TOKEN/0", code: 200, answer: "OK", stored: &said{Signal: monitor.Success, Exit: number(0)}},
		{request: "GET /api/v1/heartbeat/nosuchtoken1", code: 404, answer: "not found"},
		{request: "GET /api/v1/heartbeat/TOKEN/whatever", code: 404, answer: "not found"},
	},
	"ohdear": {
		{request: "GET /TOKEN", code: 200, answer: "OK", stored: &said{Signal: monitor.Success}},
		{request: "POST /TOKEN/starting", header: "Content-Type: application/json", body: "{}", code: 200, answer: "OK", stored: &said{Signal: monitor.Start, Body: "{}"}},
		{request: "POST /TOKEN/finished", body: `{"runtime":12.5,"exit_code":0,"memory":1024}`, code: 200, answer: "OK", stored: &said{
			Signal: monitor.Success, Exit: number(0), Duration: length(12500 * time.Millisecond),
			Body: `{"runtime":12.5,"exit_code":0,"memory":1024}`, Detail: monitor.Detail{Metrics: map[string]float64{"memory": 1024}},
		}},
		{request: "POST /UUID/failed", body: `{"failure_message":"disk full"}`, code: 200, answer: "OK", stored: &said{
			Signal: monitor.Fail, Body: `{"failure_message":"disk full"}`, Detail: monitor.Detail{Message: "disk full"},
		}},
		{request: "POST /nosuchtoken1/failed", body: "{}", code: 404, answer: "404 page not found\n"},
		{request: "POST /" + lost + "/failed", code: 404, answer: "not found"},
		{request: "GET /TOKEN/whatever", code: 404, answer: "404 page not found\n"},
	},
	"checkly": {
		{request: "GET /TOKEN", code: 200, answer: "OK", stored: &said{Signal: monitor.Success}},
		{request: "POST /heartbeats/ping/TOKEN/", body: "12 rows", code: 200, answer: "OK", stored: &said{Signal: monitor.Success, Body: "12 rows"}},
		{request: "GET /heartbeats/ping/UUID", code: 200, answer: "OK", stored: &said{Signal: monitor.Success}},
		{request: "PUT /TOKEN", code: 405, answer: "method not allowed; use GET, HEAD or POST"},
		{request: "GET /heartbeats/ping/" + lost, code: 404, answer: "not found"},
	},
	"cronhub": {
		{request: "GET /start/TOKEN", code: 200, answer: "OK", stored: &said{Signal: monitor.Start}},
		{request: "DELETE /fail/TOKEN", code: 200, answer: "OK", stored: &said{Signal: monitor.Fail}},
		{request: "POST /finish/UUID", body: "12 rows", code: 200, answer: "OK", stored: &said{Signal: monitor.Success, Body: "12 rows"}},
		{request: "GET /ping/TOKEN/", code: 200, answer: "OK", stored: &said{Signal: monitor.Success}},
		{request: "GET /ping/nosuchtoken1", code: 404, answer: "not found"},
		{request: "GET /fail/" + lost, code: 404, answer: "not found"},
	},
	"honeybadger": {
		{request: "GET /v1/check_in/TOKEN", code: 200, answer: "OK", stored: &said{Signal: monitor.Success}},
		{request: "POST /v1/check_in/KEY/Honeybadger", header: "Content-Type: application/json", body: `{"check_in":{"status":"error","duration":1500,"stderr":"disk full","exit_code":3}}`, code: 200, answer: "OK", stored: &said{
			Signal: monitor.Fail, Exit: number(3), Duration: length(1500 * time.Millisecond), Body: "disk full",
		}},
		{request: "POST /v1/check_in/TOKEN", body: `{"check_in":{"stdout":"` + strings.Repeat("x", 150_000) + `","status":"Error"}}`, code: 200, answer: "OK", stored: &said{
			Signal: monitor.Fail, Body: strings.Repeat("x", monitor.BodyLimit),
		}},
		{request: "GET /v1/check_in/KEY/other", code: 404, answer: "not found"},
		{request: "GET /v1/check_in/wrong/honeybadger", code: 404, answer: "not found"},
		{request: "GET /v1/check_in/KEY/%F0%9F%98%80", code: 404, answer: "not found"},
	},
	"appsignal": {
		{request: "POST /check_ins/json?api_key=KEY&environment=staging&hostname=web1", body: `{"identifier":"appsignal","digest":"ab12","kind":"start","timestamp":1700000000,"check_in_type":"cron"}`, code: 200, answer: "OK", stored: &said{
			Signal: monitor.Start, RunID: "ab12", Detail: monitor.Detail{Environment: "staging", Host: "web1"},
		}},
		{request: "GET /check_ins/cron?api_key=KEY&identifier=AppSignal&kind=finish&digest=r2", code: 200, answer: "OK", stored: &said{Signal: monitor.Success, RunID: "r2"}},
		{request: "GET /check_ins/heartbeats?api_key=KEY&identifier=appsignal", code: 200, answer: "OK", stored: &said{Signal: monitor.Success}},
		{request: "GET /check_ins/heartbeats?api_key=KEY&identifier=new%20worker", code: 201, answer: "Created"},
		{request: "GET /check_ins/heartbeats?api_key=wrong&identifier=appsignal", code: 401, answer: noKey},
		{request: "POST /check_ins/json?api_key=KEY", body: "{}", code: 400, answer: "no line of the body is a JSON object with an identifier"},
	},
	"opsgenie": {
		{request: "GET /v2/heartbeats/opsgenie/ping", header: "Authorization: GenieKey KEY", code: 202, answer: "PONG", stored: &said{Signal: monitor.Success}},
		{request: "PATCH /v2/heartbeats/Opsgenie/ping/?apiKey=KEY", code: 202, answer: "PONG", stored: &said{Signal: monitor.Success}},
		{request: "GET /v2/heartbeats/other/ping", header: "Authorization: GenieKey KEY", code: 404, answer: "No check of this name"},
		{request: "GET /v2/heartbeats/opsgenie/ping", header: "Authorization: GenieKey wrong", code: 404, answer: "No check of this name"},
		{request: "GET /v2/heartbeats/opsgenie/ping", code: 401, answer: "Give the project's ping key"},
		{request: "GET /v2/heartbeats/%20/ping?apiKey=KEY", code: 404, answer: "No check of this name"},
	},
	"statuscake": {
		{request: "GET /?PK=KEY&TestID=statuscake&time=0", code: 200, answer: "OK", stored: &said{Signal: monitor.Success, Detail: monitor.Detail{Metrics: map[string]float64{"time": 0}}}},
		{request: "GET /?PK=KEY&TestID=123456", code: 404, answer: "not found"},
		{request: "GET /?PK=wrong&TestID=statuscake", code: 404, answer: "not found"},
		{request: "GET /?PK=KEY", code: 400, answer: "give the project's ping key as PK and the slug of the check as TestID"},
		{request: "GET /", code: 404, answer: "404 page not found\n"},
		{request: "GET /?TestID=statuscake", code: 404, answer: "404 page not found\n"},
	},
}

// lost is an address of a check that there is not.
const lost = "0badc0de-0000-4000-8000-000000000000"

func number(n int64) *int64 { return &n }

func length(d time.Duration) *time.Duration { return &d }

// newestSaid returns what the newest ping of a check says, and how many there are.
func (e *endpoint) newestSaid(c monitor.Check) (said, int) {
	e.t.Helper()
	pings := e.pings(c)
	if len(pings) == 0 {
		return said{}, 0
	}
	p, err := e.st.Ping(e.t.Context(), c.ID, pings[0].N)
	if err != nil {
		e.t.Fatal(err)
	}
	return said{p.Signal, p.Exit, p.Duration, p.RunID, string(p.Body), p.Detail}, len(pings)
}

func (e *endpoint) importToken(c monitor.Check, token monitor.Token) {
	e.t.Helper()
	if err := e.st.AddToken(e.t.Context(), c.ID, token); err != nil {
		e.t.Fatal(err)
	}
}

func TestDialects(t *testing.T) {
	e := newEndpoint(t)
	for name, calls := range dialects {
		check := e.newCheck(name)
		token := name + "-T0ken"
		e.importToken(check, monitor.Token{Dialect: name, Text: token})
		words := strings.NewReplacer("TOKEN", token, "UUID", check.UUID.String(), "KEY", e.project.PingKey)
		for _, c := range calls {
			_, before := e.newestSaid(check)
			method, path, _ := strings.Cut(words.Replace(c.request), " ")
			var header []string
			if name, value, ok := strings.Cut(words.Replace(c.header), ": "); ok {
				header = []string{name, value}
			}
			answer, body := e.ask(method, path, strings.NewReader(c.body), header...)
			asIs := body == c.answer || name == "opsgenie" && strings.Contains(body, c.answer) // which has an id of its own
			if answer.StatusCode != c.code || !asIs {
				t.Errorf("%s: %d %q, want %d %q", c.request, answer.StatusCode, body, c.code, c.answer)
			}
			got, after := e.newestSaid(check)
			if c.stored == nil {
				if after != before {
					t.Errorf("%s: stored %+v", c.request, got)
				}
				continue
			}
			want := *c.stored
			want.Detail.Dialect = name
			if want.Duration == nil {
				got.Duration = nil // as measured from a start
			}
			if diff := cmp.Diff(want, got); diff != "" || after != before+1 {
				t.Errorf("%s: %d pings after %d (-want +got):\n%.500s", c.request, after, before, diff)
			}
		}
	}
}

// A start and its finish that are sent together are one run of known length, and both
// are answered for at once.
func TestABatchIsStoredAsAWhole(t *testing.T) {
	e := newEndpoint(t)
	batch := `{"identifier":"nightly","digest":"ab12","kind":"start","timestamp":1700000000,"check_in_type":"cron"}
{"identifier":"nightly","digest":"ab12","kind":"finish","timestamp":1700000004,"check_in_type":"cron"}
nonsense
{"identifier":"worker","timestamp":1700000004,"check_in_type":"heartbeat"}`
	answer, body := e.ask("POST", "/check_ins/json?api_key="+e.project.PingKey, strings.NewReader(batch))
	if answer.StatusCode != 201 || body != "Created" || answer.Header.Get("Ping-Warning") != "bad-line" {
		t.Errorf("%d %q %v", answer.StatusCode, body, answer.Header)
	}
	checks, err := e.st.Checks(t.Context(), e.project.ID, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		if want := map[string]int64{"nightly": 2, "worker": 1}[c.Slug]; c.NPings != want || c.Status != monitor.Up || c.Running() {
			t.Errorf("%s: %d pings, %s, running %v; want %d", c.Slug, c.NPings, c.Status, c.Running(), want)
		}
		if c.Slug == "nightly" && (c.LastDuration == nil || *c.LastDuration != 4*time.Second) {
			t.Errorf("took %v, want 4 s", c.LastDuration)
		}
	}
}

// Several services give out UUIDs as tokens. Imported ones go on to work at every
// address that takes a UUID, the plain ones included.
func TestAUUIDMayBeImported(t *testing.T) {
	e := newEndpoint(t)
	const token = "3e1b9a60-7f52-4c0d-9d5e-1a2b3c4d5e6f"
	e.importToken(e.check, monitor.Token{Dialect: "cronhub", Text: token})
	for _, path := range []string{
		"/ping/" + token, "/start/" + token, "/finish/" + strings.ToUpper(token), "/" + token, "/" + token + "/fail",
		"/" + token + "/failed", "/heartbeats/ping/" + token, "/api/v1/heartbeat/" + token, "/api/push/" + token,
	} {
		before := len(e.pings(e.check))
		if answer, body := e.ask("GET", path, nil); answer.StatusCode != 200 || len(e.pings(e.check)) != before+1 {
			t.Errorf("%s: %d %q", path, answer.StatusCode, body)
		}
	}
}

func TestDialectsSayWhenToComeAgain(t *testing.T) {
	pings := web.NewPings(web.PingConfig{Ingest: away{fault.Unavailable}, Now: time.Now})
	for path, want := range map[string]string{
		"/" + lost + "?s=1":                            "try again",
		"/" + lost + "/finished":                       "try again",
		"/api/push/" + lost:                            `{"ok":false,"msg":"Could not be stored now. Try again."}`,
		"/api/v1/heartbeat/" + lost:                    "try again",
		"/heartbeats/ping/" + lost:                     "try again",
		"/start/" + lost:                               "try again",
		"/v1/check_in/key/slug":                        "try again",
		"/check_ins/heartbeats?api_key=k&identifier=x": "try again",
		"/?PK=key&TestID=1":                            "try again",
		"/v2/heartbeats/x/ping?apiKey=key":             `{"message":"Could not be stored now. Try again."`,
	} {
		w := httptest.NewRecorder()
		pings.Before(nil).ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != 503 || !strings.HasPrefix(w.Body.String(), want) || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %q %v", path, w.Code, w.Body, w.Header())
		}
	}
}

// Nothing that a client sends makes a dialect panic, redirect, or fail on our side.
func TestHostileRequests(t *testing.T) {
	long := strings.Repeat("x", 5000)
	parts := []string{"%00", "%FF%FE", "..%2F..", long, "%F0%9F%98%80", "-1", "99999999999999999999", "%27%20OR%201=1", uuid.NewString()}
	queries := []string{
		"", "%zz", strings.Repeat("a=b&", 10_000) + "status=down", "status=%00&msg=%ff&s=%00&m=%00&kind=%00&digest=%00&identifier=%00",
		"success=true&ping=NaN&duration=Inf&runtime=-1&exit_code=1e999&time=-Inf&s=1e400", "PK=%00&TestID=" + long + "&api_key=%FF&identifier=%ff&apiKey=%00",
		"success=true&state=%00&series=" + long + "&metric=a:NaN&metric=:&env=%ff&host=%00&stamp=-1&status=ok&check_in_id=" + long,
	}
	bodies := []string{
		"", "\x00\xff\xfe", "{", strings.Repeat(`{"a":`, 100_000), `{"check_in":{"duration":1e999,"exit_code":-1e999,"status":"\u0000\ud800"}}`,
		`{"runtime":NaN,"memory":1e400,"exit_code":[[]]}`, strings.Repeat("{\"identifier\":\"\\u0000x\"}\n", 1200), "s=%00&m=%zz;",
	}
	for _, format := range dialect.Formats() {
		t.Run(format.Name, func(t *testing.T) {
			e := newEndpoint(t)
			method, _, _ := strings.Cut(strings.TrimPrefix(format.Methods, "GET, HEAD, "), ",")
			for _, pattern := range format.Paths {
				for i := range max(len(parts), len(queries), len(bodies)) {
					path := variable.ReplaceAllString(pattern, parts[i%len(parts)])
					query, body := queries[i%len(queries)], bodies[i%len(bodies)]
					answer, text := e.ask(method, path+"?"+query, strings.NewReader(body),
						"Authorization", "Bearer \xff"+e.project.PingKey, "Content-Type", "application/x-www-form-urlencoded; \xff")
					if answer.StatusCode/100 != 2 && answer.StatusCode/100 != 4 {
						t.Errorf("%s %.80s?%.80s %.80s: %d %.200s", method, path, query, body, answer.StatusCode, text)
					}
				}
			}
			if answer, _ := e.ask("GET", "/ping/"+e.check.UUID.String(), nil); answer.StatusCode != 200 {
				t.Errorf("afterwards: %d", answer.StatusCode)
			}
		})
	}
}
