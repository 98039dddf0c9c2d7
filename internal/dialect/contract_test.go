package dialect_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rollcall/internal/dialect"
	"rollcall/internal/monitor"
)

// wire is a request as it stands on the wire, and what it says.
type wire struct {
	line   string // "POST /path?query"
	header string // "Name: value", one a line
	body   string
	want   []dialect.Event
	refuse dialect.Refusal
}

const (
	form  = "Content-Type: application/x-www-form-urlencoded"
	key   = "p1ngk3yp1ngk3yp1ngk3y0"
	token = "imported-T0ken"
)

// pinged is one event of a check that a token names.
func pinged(p monitor.Ping) []dialect.Event { return []dialect.Event{{Token: token, Ping: p}} }

// warned is one event in which something was left out.
func warned(warning string, p monitor.Ping) []dialect.Event {
	return []dialect.Event{{Token: token, Ping: p, Warning: warning}}
}

func exited(n int64) *int64 { return &n }

func lasted(d time.Duration) *time.Duration { return &d }

// as reads a request in one format, which has to claim its address.
func (w wire) as(format dialect.Format) ([]dialect.Event, error) {
	method, target, _ := strings.Cut(w.line, " ")
	path, query, _ := strings.Cut(target, "?")
	matches := dialect.Find([]dialect.Format{format}, path)
	if len(matches) != 1 || !slices.Contains(strings.Split(format.Methods, ", "), method) {
		return nil, errors.New("the format does not claim it")
	}
	header := http.Header{}
	for line := range strings.Lines(w.header) {
		name, value, _ := strings.Cut(line, ":")
		header.Add(name, strings.TrimSpace(value))
	}
	var body []byte
	if w.body != "" {
		body = []byte(w.body)
	}
	return format.Read(dialect.Request{
		Method: method, Pattern: matches[0].Pattern, Path: matches[0].Path, Query: dialect.Query(query), Header: header, Body: body,
	})
}

func readAs(t *testing.T, format dialect.Format, wires []wire) {
	t.Helper()
	for _, w := range wires {
		got, err := w.as(format)
		if w.refuse.Code != 0 {
			var refusal dialect.Refusal
			if errors.As(err, &refusal); refusal != w.refuse {
				t.Errorf("%s %s: %+v, %v; want %v", w.line, w.body, got, err, w.refuse)
			}
			continue
		}
		if diff := cmp.Diff(w.want, got); err != nil || diff != "" {
			t.Errorf("%s %s: %v (-want +got):\n%s", w.line, w.body, err, diff)
		}
	}
}

// answersAs compares the answers to Stored, Unknown and TryAgain.
func answersAs(t *testing.T, format dialect.Format, want ...dialect.Answer) {
	t.Helper()
	answer := format.Answer
	if answer == nil {
		answer = dialect.Plainly
	}
	for i, outcome := range []dialect.Outcome{dialect.Stored, dialect.Unknown, dialect.TryAgain} {
		if got := answer(outcome); got != want[i] {
			t.Errorf("outcome %d: %+v, want %+v", outcome, got, want[i])
		}
	}
}

var (
	plainOK       = dialect.Answer{Code: 200, Text: "OK"}
	plainNotFound = dialect.Answer{Code: 404, Text: "not found"}
	plainTryAgain = dialect.Answer{Code: 503, Text: "try again"}
)

const jsonType = "application/json; charset=utf-8"

func TestATokenIsAUUIDOrImported(t *testing.T) {
	for text, want := range map[string]dialect.Event{
		id:                              {UUID: uuid.MustParse(id)},
		strings.ToUpper(id):             {UUID: uuid.MustParse(id)},
		"c9b1a1c2d3":                    {Token: "c9b1a1c2d3"},
		strings.ReplaceAll(id, "-", ""): {Token: strings.ReplaceAll(id, "-", "")},
		"%00":                           {},
		"%FF%FE":                        {},
		strings.Repeat("x", 101):        {},
	} {
		want.Ping.Signal = monitor.Success
		readAs(t, dialect.Kuma, []wire{{line: "GET /api/push/" + text, want: []dialect.Event{want}}})
	}
}

func TestAPingKeyThatCannotBeOneNamesNoCheck(t *testing.T) {
	for _, key := range []string{"%00", "%FF", "a%20b", "%27;--", strings.Repeat("k", 101)} {
		readAs(t, dialect.AppSignal, []wire{{
			line: "GET /check_ins/heartbeats?identifier=x&api_key=" + key,
			want: []dialect.Event{{Slug: "x", Title: "x", Ping: monitor.Ping{Signal: monitor.Success}}},
		}})
	}
}

// Every address is claimed by one format, unless it begins with a token; then its
// owner decides.
func TestFind(t *testing.T) {
	for path, want := range map[string]string{
		"/api/push/T":                       "kuma",
		"//API/Push//T/":                    "kuma",
		"/api/v1/endpoints/core_x/external": "gatus",
		"/api/v1/heartbeat/T":               "betterstack",
		"/api/v1/heartbeat/T/fail":          "betterstack",
		"/T/starting":                       "ohdear",
		"/heartbeats/ping/T":                "checkly",
		"/ping/T":                           "cronhub",
		"/start/T":                          "cronhub",
		"/finish/T":                         "cronhub",
		"/fail/T":                           "cronhub",
		"/v1/check_in/T":                    "honeybadger",
		"/v1/check_in/K/slug":               "honeybadger",
		"/check_ins/json":                   "appsignal",
		"/check_ins/cron":                   "appsignal",
		"/check_ins/heartbeats":             "appsignal",
		"/v2/heartbeats/db%2Fbackup/ping":   "opsgenie",
		"/p/K/job":                          "cronitor",
		"/ping/K/my%20job/":                 "cronitor",
		"/api/42/cron/slug/K/":              "sentry",
		"/api/42/cron/slug":                 "sentry",
		"/api/42/envelope/":                 "sentry",
		"/alertmanager/K/slug":              "alertmanager",
		"/hooks/github/T":                   "github",
		"/hooks/gitlab/T":                   "gitlab",
		"/":                                 "statuscake",
		"//":                                "statuscake",
	} {
		matches := dialect.Find(dialect.Formats(), path)
		if len(matches) == 0 || matches[0].Name != want {
			t.Errorf("%s: %v, want %s", path, matches, want)
		}
	}
	for _, path := range []string{"/api/push/a/b", "/%zz", "/a/b/c/d/e/f"} {
		if matches := dialect.Find(dialect.Formats(), path); len(matches) > 0 {
			t.Errorf("%s: claimed by %s", path, matches[0].Name)
		}
	}
}

func TestQueryLeavesNothingOut(t *testing.T) {
	for text, want := range map[string]map[string][]string{
		"":                   {},
		"&&":                 {},
		"a=1&a=2&b":          {"a": {"1", "2"}, "b": {""}},
		"status=down;x=y":    {"status": {"down;x=y"}},
		"status=down%zz":     {"status": {"down%zz"}},
		"m=50%25+done%0A&%=": {"m": {"50% done\n"}, "%": {""}},
	} {
		if diff := cmp.Diff(want, map[string][]string(dialect.Query(text))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	if got := dialect.Query(strings.Repeat("a=b&", 20_000) + "status=down").Get("status"); got != "down" {
		t.Errorf("after 20,000 others: %q", got)
	}
}
