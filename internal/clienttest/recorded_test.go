package clienttest_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"rollcall/internal/monitor"
)

// sent is a request as it stands on the wire, and its answer.
type sent struct {
	line   string // "POST /path?query"
	header string // "Name: value", one a line
	body   string
	code   int
	answer string
}

// send sends requests one after another and never follows a redirect.
func (s *site) send(t *testing.T, requests ...sent) {
	t.Helper()
	for _, r := range requests {
		method, target, _ := strings.Cut(r.line, " ")
		request, err := http.NewRequestWithContext(t.Context(), method, s.URL(target), strings.NewReader(r.body))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(r.header) {
			name, value, _ := strings.Cut(line, ":")
			request.Header.Set(name, strings.TrimSpace(value))
		}
		answer, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != r.code || string(text) != r.answer {
			t.Errorf("%s was answered %d %q, want %d %q", r.line, answer.StatusCode, text, r.code, r.answer)
		}
	}
}

const unknownToSentry = `{"detail":"no project has this key, or it has no check with this slug: make the check, or send a monitor_config with the check-in"}`

// testRecorded sends the requests of clients that cannot be installed here, and of
// people who use curl.
func testRecorded(t *testing.T, s *site) {
	const cronitor = "/ping/" + pingKey + "/CliJob"
	s.send(
		t,
		// cronitor-cli
		sent{line: "GET " + cronitor + "?state=run&try=1&stamp=1795419916.123&msg=backup.sh+--all&host=db1&series=1795419916.123&env=prod", code: 201, answer: "Created"},
		sent{line: "GET " + cronitor + "?state=fail&try=1&stamp=1795419929.468&msg=disk+full%0Agiving+up+%5Bexit+status+3%5D&host=db1&duration=12.345&series=1795419916.123&status_code=3&metric=length%3A4096&env=prod", code: 200, answer: "OK"},
		sent{line: "GET " + cronitor + "?state=fail&try=2&stamp=1795419929.468&msg=disk+full%0Agiving+up+%5Bexit+status+3%5D&host=db1&duration=12.345&series=1795419916.123&status_code=3&metric=length%3A4096&env=prod", code: 200, answer: "OK"},
		// dkron
		sent{line: "GET /p/" + pingKey + "/dkron-job?host=NODE&message=Job+run+by+Dkron&series=EXECKEY&state=run", code: 201, answer: "Created"},
		sent{line: "GET /p/" + pingKey + "/dkron-job?host=NODE&message=Job+run+by+Dkron&series=EXECKEY&state=complete", code: 200, answer: "OK"},
		// cronitor-kubernetes
		sent{line: "POST /ping/" + pingKey + "/pod?state=logs&message=BackoffLimitExceeded&series=7a1c&exit_code=137&env=k8s&host=node-1&stamp=1795419916.1&metric=duration:2", code: 201, answer: "Created"},
		// Cronitor's anonymous form, with a token that was imported
		sent{line: "GET /" + imported + "/run?series=a", code: 200, answer: "OK"},
		sent{line: "GET /" + imported + "?state=complete&series=a", code: 200, answer: "OK"},
		sent{line: "GET /" + checkID + "?state=fail", code: 200, answer: "OK"},
		// runitor
		sent{line: "POST /" + checkID + "/start?rid=0ab3c1f2-5d5e-4a0a-9d58-6f0b1b9a3c11", header: "Content-Type: text/plain", code: 200, answer: "OK"},
		sent{line: "POST /" + pingKey + "/known/3?rid=0ab3c1f2-5d5e-4a0a-9d58-6f0b1b9a3c11&create=1", header: "Content-Type: text/plain", body: "output", code: 200, answer: "OK"},
		// Sentry's check-in over HTTP
		sent{line: "GET /api/42/cron/http-job/" + pingKey + "/?status=ok", code: 404, answer: unknownToSentry},
		sent{line: "POST /api/42/cron/http-job", header: "X-Sentry-Auth: Sentry sentry_key=" + pingKey + "\nContent-Type: application/json", body: `{"status":"in_progress","monitor_config":{"schedule":{"type":"crontab","value":"@daily"},"timezone":"Mars/Phobos"}}`, code: 202},
		sent{line: "GET /api/42/cron/http-job/" + pingKey + "/?status=ok&duration=0.5", code: 202},
		// Alertmanager with a payload of its user's own
		sent{line: "POST /ping/" + pingKey + "/watchdog", header: "Content-Type: application/json", body: `{"status":"firing"}`, code: 200, answer: "OK"},
		sent{line: "POST /alertmanager/" + pingKey + "/watchdog?resolved=fail", body: `{"status":"resolved","alerts":[],"commonLabels":{"alertname":"Watchdog"},"externalURL":"http://am:9093"}`, code: 200, answer: "OK"},
		sent{line: "POST /alertmanager/" + pingKey + "/nobody", body: `{"status":"firing"}`, code: 404, answer: "not found"},
		// An address of our own, whatever its query says
		sent{line: "GET /ping/" + pingKey + "/known/fail?state=complete", code: 200, answer: "OK"},
		sent{line: "GET /alertmanager/" + pingKey + "/watchdog", code: 405, answer: "method not allowed; use POST"},
	)
	// An SDK that got 429 would hold back what it has to say of known monitors.
	for range 150 {
		s.send(t, sent{line: "GET /api/42/cron/nobody/" + pingKey + "/?status=ok", code: 404, answer: unknownToSentry})
	}
	failed := "disk full\ngiving up [exit status 3]"
	for slug, want := range map[string][]ping{
		"clijob": {
			{Signal: monitor.Start, Run: "run 1", Detail: monitor.Detail{Dialect: "cronitor", Message: "backup.sh --all", Environment: "prod", Host: "db1"}},
			{Signal: monitor.Fail, Run: "run 1", Exit: "3", Took: 12300 * time.Millisecond, Body: failed, Detail: monitor.Detail{
				Dialect: "cronitor", Message: strings.ReplaceAll(failed, "\n", " "), Environment: "prod", Host: "db1", Metrics: map[string]float64{"length": 4096},
			}},
		},
		"dkron-job": {
			{Signal: monitor.Start, Run: "run 1", Detail: monitor.Detail{Dialect: "cronitor", Message: "Job run by Dkron", Host: "NODE"}},
			{Signal: monitor.Success, Run: "run 1", Detail: monitor.Detail{Dialect: "cronitor", Message: "Job run by Dkron", Host: "NODE"}},
		},
		"pod": {{Signal: monitor.Log, Run: "run 1", Exit: "137", Took: 2 * time.Second, Detail: monitor.Detail{Dialect: "cronitor", Message: "BackoffLimitExceeded", Environment: "k8s", Host: "node-1"}}},
		"known": {
			{Signal: monitor.Start, Run: "run 1", Detail: monitor.Detail{Dialect: "cronitor"}},
			{Signal: monitor.Success, Run: "run 1", Detail: monitor.Detail{Dialect: "cronitor"}},
			{Signal: monitor.Fail, Detail: monitor.Detail{Dialect: "cronitor"}},
			{Signal: monitor.Start, Run: "run 2", Detail: monitor.Detail{Dialect: "healthchecks"}},
			{Signal: monitor.Fail, Run: "run 2", Exit: "3", Body: "output", Detail: monitor.Detail{Dialect: "healthchecks"}},
			{Signal: monitor.Fail},
		},
		"http-job": {
			{Signal: monitor.Start, Detail: monitor.Detail{Dialect: "sentry", Message: "monitor_config was left out: timezone \"Mars/Phobos\" is not a time zone; use a name such as Europe/Berlin or UTC"}},
			{Signal: monitor.Success, Took: 500 * time.Millisecond, Detail: monitor.Detail{Dialect: "sentry"}},
		},
		"watchdog": {
			{Signal: monitor.Success, Body: `{"status":"firing"}`},
			{Signal: monitor.Fail, Detail: monitor.Detail{Dialect: "alertmanager", Message: "Watchdog resolved", Host: "am:9093"}},
		},
	} {
		if diff := difference(want, s.pings(t, slug)); diff != "" {
			t.Errorf("%s keeps (-want +got):\n%s", slug, diff)
		}
	}
}

// testWebhooks: GitHub and GitLab prove that they know the address, and
// nothing of those who do not is kept.
func testWebhooks(t *testing.T, s *site) {
	const (
		github   = "POST /hooks/github/" + hooked
		gitlab   = "POST /hooks/gitlab/" + hooked
		nobody   = "ffffffff-ffff-4fff-8fff-ffffffffffff"
		pipeline = `{"object_kind":"pipeline","object_attributes":{"id":31,"source":"schedule","ref":"main","status":"failed","duration":63,"url":"https://gitlab.example.org/p/31"}}`
	)
	run := func(action, conclusion string) string {
		return fmt.Sprintf(`{"action":%q,"workflow_run":{"id":7,"run_attempt":1,"run_number":5,"name":"Nightly","event":"schedule","head_branch":"main","conclusion":%s,`+
			`"run_started_at":"2026-11-23T02:00:00Z","updated_at":"2026-11-23T02:01:00Z","html_url":"https://github.com/o/r/actions/runs/7"}}`, action, conclusion)
	}
	sign := func(key, body string) string {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(body))
		return "X-GitHub-Event: workflow_run\nContent-Type: application/json\nX-Hub-Signature-256: sha256=" + hex.EncodeToString(mac.Sum(nil))
	}
	start, end := run("in_progress", "null"), run("completed", `"success"`)
	const (
		noSignature = "X-Hub-Signature-256 is missing or wrong: the webhook's secret is the last part of this address"
		noToken     = "X-Gitlab-Token is missing or wrong: the webhook's secret is the last part of this address"
		gitlabEvent = "X-Gitlab-Event: Pipeline Hook\n"
	)
	s.send(
		t,
		sent{line: github, header: "X-GitHub-Event: ping", body: `{"zen":"x"}`, code: 200, answer: "pong: workflow runs are taken when the webhook's secret is the last part of this address"},
		sent{line: github, header: sign(hooked, start), body: start, code: 200, answer: "OK"},
		sent{line: github, header: sign(hooked, end), body: end, code: 200, answer: "OK"},
		sent{line: github, header: sign("wrong", end), body: end, code: 401, answer: noSignature},
		sent{line: github, header: sign(hooked, start), body: end, code: 401, answer: noSignature},
		sent{line: github, header: "X-GitHub-Event: workflow_run", body: end, code: 401, answer: noSignature},
		sent{line: github + "?branch=release", header: sign(hooked, end), body: end, code: 200, answer: "ignored: the branch is not release"},
		sent{line: "POST /hooks/github/" + nobody, header: sign(hooked, end), body: end, code: 404, answer: "not found"},
		sent{line: github, header: sign(hooked, end), body: end + strings.Repeat(" ", 1<<20), code: 413, answer: "the body is longer than 1048576 bytes"},
		sent{line: gitlab, header: gitlabEvent + "X-Gitlab-Token: " + hooked, body: pipeline, code: 200, answer: "OK"},
		sent{line: gitlab, header: gitlabEvent + "X-Gitlab-Token: wrong", body: pipeline, code: 401, answer: noToken},
		sent{line: gitlab, header: gitlabEvent, body: pipeline, code: 401, answer: noToken},
	)
	want := []ping{
		{Signal: monitor.Start, Run: "run 1", Detail: monitor.Detail{Dialect: "github", Message: "Nightly #5: in_progress https://github.com/o/r/actions/runs/7"}},
		{Signal: monitor.Success, Run: "run 1", Took: time.Minute, Detail: monitor.Detail{Dialect: "github", Message: "Nightly #5: success https://github.com/o/r/actions/runs/7"}},
		{Signal: monitor.Fail, Run: "run 2", Took: 63 * time.Second, Detail: monitor.Detail{Dialect: "gitlab", Message: "pipeline #31: failed https://gitlab.example.org/p/31"}},
	}
	if diff := difference(want, s.pings(t, "hooked")); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}
