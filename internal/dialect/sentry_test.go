package dialect_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rollcall/internal/dialect"
	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

// sentryJSON is how Sentry's clients are refused.
func sentryJSON(code int, detail string) dialect.Refusal {
	return dialect.Refusal{Code: code, Text: fmt.Sprintf(`{"detail":%q}`, detail), Type: jsonType}
}

const noSentryKey = "no key: the project's ping key belongs into the DSN, or into the path, sentry_key or X-Sentry-Auth"

func TestSentryCheckIn(t *testing.T) {
	const (
		at    = "/api/42/cron/nightly"
		keyed = at + "/" + key
		auth  = "X-Sentry-Auth: Sentry sentry_version=7, sentry_client=x/1, sentry_key=" + key
		json  = "Content-Type: application/json"
	)
	success, start, fail := monitor.Ping{Signal: monitor.Success}, monitor.Ping{Signal: monitor.Start}, monitor.Ping{Signal: monitor.Fail}
	in := func(run string, p monitor.Ping) monitor.Ping { p.RunID = run; return p }
	from := func(environment string, p monitor.Ping) monitor.Ping { p.Detail.Environment = environment; return p }
	said := func(message string, p monitor.Ping) monitor.Ping { p.Detail.Message = message; return p }
	took := func(d time.Duration, p monitor.Ping) monitor.Ping { p.Duration = &d; return p }
	nightly := func(p monitor.Ping) []dialect.Event {
		return []dialect.Event{{PingKey: key, Slug: "nightly", Title: "nightly", Ping: p}}
	}
	warn := func(warning string, p monitor.Ping) []dialect.Event {
		events := nightly(p)
		events[0].Warning = warning
		return events
	}
	const run = "a7a6a19ef2884ffabe7999ebd4b269d3"
	readAs(t, dialect.SentryCheckIn, []wire{
		{line: "GET " + keyed + "/?status=ok", want: nightly(success)},
		{line: "POST " + keyed + "?status=in_progress", want: nightly(start)},
		{line: "GET " + keyed + "?status=error", want: nightly(fail)},
		{line: "GET " + keyed + "?status=OK", want: nightly(success)},
		// The key beside the path.
		{line: "POST " + at + "/?status=ok", header: auth, want: nightly(success)},
		{line: "POST " + at + "?status=ok&sentry_key=" + key, want: nightly(success)},
		{line: "POST " + at + "?status=ok", header: strings.Replace(auth, "Sentry ", "", 1), want: nightly(success)},
		{line: "POST " + at + "?status=ok", refuse: sentryJSON(401, noSentryKey)},
		{line: "POST " + at + "?status=ok", header: "X-Sentry-Auth: Sentry sentry_version=7", refuse: sentryJSON(401, noSentryKey)},
		// Runs: with dashes or without, and the nil id, which is none.
		{line: "GET " + keyed + "?status=ok&check_in_id=" + run, want: nightly(in(run, success))},
		{line: "GET " + keyed + "?status=ok&check_in_id=A7A6A19E-F288-4FFA-BE79-99EBD4B269D3", want: nightly(in(run, success))},
		{line: "GET " + keyed + "?status=ok&check_in_id=00000000000000000000000000000000", want: nightly(success)},
		{line: "GET " + keyed + "?status=ok&check_in_id=" + uuid.Nil.String(), want: nightly(success)},
		{line: "GET " + keyed + "?status=ok&check_in_id=run-1", want: nightly(in("run-1", success))},
		{line: "GET " + keyed + "?status=ok&check_in_id=run%201", want: warn("bad-rid", success)},
		// What else there is.
		{line: "GET " + keyed + "?status=ok&environment=staging&duration=1.5", want: nightly(from("staging", took(1500*time.Millisecond, success)))},
		{line: "GET " + keyed + "?status=in_progress&duration=1.5", want: nightly(start)},
		{line: "GET " + keyed + "?status=ok&duration=long", want: warn("bad-duration", success)},
		{line: "POST " + keyed, header: json, body: `{"status":"error","check_in_id":"` + run + `","environment":"prod","duration":0.25,"contexts":{"trace":{"trace_id":"x"}}}`, want: nightly(in(run, from("prod", took(250*time.Millisecond, fail))))},
		{line: "POST " + keyed + "?environment=prod", header: json + "; charset=utf-8", body: `{"status":"ok","monitor_slug":"other","release":"app@1.2","duration":null}`, want: nightly(from("prod", said("release app@1.2", success)))},
		{line: "POST " + keyed, header: json, body: `{"status":"ok","duration":"2","check_in_id":7,"environment":[]}`, want: nightly(took(2*time.Second, success))},
		{line: "POST " + keyed + "?status=ok", header: json, want: nightly(success)},
		{line: "POST " + keyed + "?status=ok", body: "output", want: nightly(success)},
		// A status that is not known is no success.
		{line: "GET " + keyed + "?status=missed", want: warn("bad-status", said("status missed", monitor.Ping{Signal: monitor.Log}))},
		{line: "GET " + keyed + "?status=failure", want: warn("bad-status", said("status failure", fail))},
		{line: "GET " + keyed, refuse: sentryJSON(400, "status is missing; it is in_progress, ok or error")},
		{line: "POST " + keyed, header: json, body: `{}`, refuse: sentryJSON(400, "status is missing; it is in_progress, ok or error")},
		{line: "POST " + keyed, header: json, body: `{"status":`, refuse: sentryJSON(400, "the body is not JSON")},
		{line: "GET /api/42/cron/%20/" + key + "?status=ok", refuse: sentryJSON(400, "the monitor's slug is missing")},
	})
	answersAs(
		t, dialect.SentryCheckIn,
		dialect.Answer{Code: 202},
		dialect.Answer(sentryJSON(404, "no project has this key, or it has no check with this slug: make the check, or send a monitor_config with the check-in")),
		dialect.Answer(sentryJSON(503, "try again")),
	)
	if got := dialect.SentryCheckIn.Answer(dialect.Created); got.Code != 202 || got.Text != "" {
		t.Errorf("a check that was made: %+v", got)
	}
	if !dialect.SentryCheckIn.Unthrottled || !dialect.SentryEnvelope.Unthrottled {
		t.Error("an SDK that gets 429 holds back the check-ins of every monitor")
	}
}

func TestSentryMonitorConfig(t *testing.T) {
	minutes := func(n time.Duration) *time.Duration { n *= time.Minute; return &n }
	cron := func(expr, zone string) schedule.Spec {
		return schedule.Spec{Kind: schedule.Cron, Expr: expr, Zone: zone}
	}
	every := func(d time.Duration) schedule.Spec { return schedule.Spec{Kind: schedule.Every, Period: d} }
	had := monitor.Config{Name: "Nightly", Slug: "nightly", Tags: []string{"db"}, Schedule: every(time.Hour), Grace: 10 * time.Minute}
	limited := had
	limited.MaxRuntime = minutes(7)
	patient := limited
	patient.Threshold = new(5)
	tolerant := func(c monitor.Config, n int) monitor.Config { c.Threshold = &n; return c }
	set := func(from monitor.Config, spec schedule.Spec, grace, limit time.Duration) monitor.Config {
		from.Schedule, from.Grace, from.MaxRuntime = spec, grace*time.Minute, minutes(limit)
		return from
	}
	for _, c := range []struct {
		text string
		from monitor.Config
		want monitor.Config
	}{
		{`{"schedule":{"type":"crontab","value":"0 2 * * *"},"checkin_margin":5,"max_runtime":30,"timezone":"Europe/Riga","failure_issue_threshold":2,"recovery_threshold":1,"owner":"team:1"}`, had, tolerant(set(had, cron("0 2 * * *", "Europe/Riga"), 5, 30), 2)},
		{`{"schedule":{"type":"crontab","value":"@daily"},"failure_issue_threshold":null}`, patient, set(patient, cron("@daily", ""), 10, 7)},
		{`{"schedule":{"type":"crontab","value":"@daily"},"failure_issue_threshold":720}`, patient, tolerant(set(had, cron("@daily", ""), 10, 7), 720)},
		{`{"schedule":{"type":"crontab","value":"@daily"},"failure_issue_threshold":0}`, patient, tolerant(set(had, cron("@daily", ""), 10, 7), 1)},
		{`{"schedule":{"type":"crontab","value":"@daily"}}`, had, set(had, cron("@daily", ""), 10, 30)},
		{`{"schedule":{"type":"crontab","value":"@daily"},"timezone":null,"max_runtime":null}`, limited, set(had, cron("@daily", ""), 10, 7)},
		{`{"schedule":{"type":"interval","value":10,"unit":"minute"},"checkin_margin":0,"max_runtime":0}`, had, set(had, every(10*time.Minute), 1, 1)},
		{`{"schedule":{"type":"interval","value":2,"unit":"hour"},"timezone":"UTC"}`, had, set(had, every(2*time.Hour), 10, 30)},
		{`{"schedule":{"type":"interval","value":1,"unit":"day"},"checkin_margin":2.5}`, limited, set(had, every(24*time.Hour), 0, 7)},
		{`{"schedule":{"type":"interval","value":1,"unit":"week"}}`, had, set(had, every(7*24*time.Hour), 10, 30)},
		{`{"schedule":{"type":"interval","value":1,"unit":"month"}}`, had, set(had, every(31*24*time.Hour), 10, 30)},
		{`{"schedule":{"type":"interval","value":1,"unit":"year"}}`, had, set(had, every(365*24*time.Hour), 10, 30)},
	} {
		if strings.Contains(c.text, "2.5") {
			c.want.Grace = 150 * time.Second
		}
		event := configured(t, c.text)
		if event.Warning != "" || event.Configure == nil || !event.Create {
			t.Errorf("%s: %+v", c.text, event)
			continue
		}
		if diff := cmp.Diff(c.want, event.Configure(c.from)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.text, diff)
		}
		if _, err := event.Configure(c.from).Valid(); err != nil {
			t.Errorf("%s: %v", c.text, err)
		}
	}
	// Settings that cannot be are left out, and the check-in counts.
	for text, words := range map[string]string{
		`{}`: `schedule type "" is neither crontab nor interval`,
		`{"schedule":{"type":"solar","value":"dawn"}}`:                                                  `schedule type "solar" is neither crontab nor interval`,
		`{"schedule":{"type":"crontab","value":"61 * * * *"}}`:                                          "schedule ",
		`{"schedule":{"type":"crontab","value":5}}`:                                                     "schedule ",
		`{"schedule":{"type":"crontab","value":"0 2 * * *"},"timezone":"Mars/Phobos"}`:                  "timezone ",
		`{"schedule":{"type":"interval","value":10,"unit":"fortnight"}}`:                                "period ",
		`{"schedule":{"type":"interval","value":-1,"unit":"hour"}}`:                                     "period ",
		`{"schedule":{"type":"interval","value":1e300,"unit":"year"}}`:                                  "period ",
		`{"schedule":{"type":"interval","value":"ten","unit":"minute"}}`:                                "period ",
		`{"schedule":{"type":"interval","value":1,"unit":"day"},"checkin_margin":1e18}`:                 "grace ",
		`{"schedule":{"type":"interval","value":1,"unit":"day"},"checkin_margin":1,"max_runtime":1e18}`: "max_runtime ",
		`{"schedule":{"type":"interval","value":1,"unit":"day"},"failure_issue_threshold":721}`:         "threshold ",
		`{"schedule":{"type":"interval","value":1,"unit":"day"},"failure_issue_threshold":1e300}`:       "threshold ",
	} {
		event := configured(t, text)
		if event.Warning != "bad-monitor-config" || event.Configure != nil || !event.Create || event.Ping.Signal != monitor.Success {
			t.Errorf("%s: %+v", text, event)
		}
		if got := event.Ping.Detail.Message; !strings.HasPrefix(got, "monitor_config was left out: "+words) {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// configured reads a check-in with a monitor_config.
func configured(t *testing.T, config string) dialect.Event {
	t.Helper()
	events, err := wire{
		line: "POST /api/42/cron/nightly/" + key, header: "Content-Type: application/json",
		body: `{"status":"ok","monitor_config":` + config + `}`,
	}.as(dialect.SentryCheckIn)
	if err != nil || len(events) != 1 {
		t.Fatalf("%s: %v, %v", config, events, err)
	}
	return events[0]
}

// FuzzSentryCheckIn: nothing panics, what is understood names a check and has a
// signal, only the word ok is a success, and settings that are taken are valid.
func FuzzSentryCheckIn(f *testing.F) {
	f.Add("/api/42/cron/nightly/"+key+"/", "status=ok&check_in_id=a7a6a19ef2884ffabe7999ebd4b269d3&duration=1.5", "", "")
	f.Add("/api/x/cron/a%20b", "sentry_key="+key, "Sentry sentry_key=k,", `{"status":"in_progress","monitor_config":{"schedule":{"type":"interval","value":10,"unit":"minute"}}}`)
	f.Add("/api/42/cron/x", "", "sentry_key=k", `{"status":"error","duration":null,"monitor_config":{"schedule":{"type":"crontab","value":"0 2 * * *"},"checkin_margin":5,"timezone":"UTC"}}`)
	f.Fuzz(func(t *testing.T, path, query, auth, body string) {
		path, _, _ = strings.Cut(path, "?")
		w := wire{line: "POST " + path + "?" + query, body: body}
		if !strings.ContainsAny(auth, "\r\n") {
			w.header = "X-Sentry-Auth: " + auth
		}
		if body != "" {
			w.header += "\nContent-Type: application/json"
		}
		events, err := w.as(dialect.SentryCheckIn)
		if err != nil || len(events) != 1 {
			if errors.As(err, new(dialect.Refusal)) || len(dialect.Find([]dialect.Format{dialect.SentryCheckIn}, path)) != 1 {
				return
			}
			t.Fatalf("%q: %v, %v", path, events, err)
		}
		sound(t, events[0])
		if e := events[0]; e.Ping.Signal == monitor.Success && !strings.Contains(strings.ToLower(dialect.Query(query).Get("status")+body), "ok") && !strings.Contains(body, `\u`) {
			t.Fatalf("%q %q is a success", query, body)
		}
	})
}

// sound fails the test when an event of Sentry's is not one that can be stored.
func sound(t *testing.T, e dialect.Event) {
	t.Helper()
	switch {
	case e.Slug == "" || len(e.Slug) > monitor.SlugLimit || e.Ping.Signal == "":
		t.Fatalf("%+v", e)
	case e.Ping.RunID != "" && !monitor.ValidRunID(e.Ping.RunID):
		t.Fatalf("run id %q", e.Ping.RunID)
	case e.Configure != nil:
		if _, err := e.Configure(monitor.Provisioned(uuid.Nil, "x", "", nil).Config).Valid(); err != nil {
			t.Fatalf("settings that are not valid: %v", err)
		}
	}
}
