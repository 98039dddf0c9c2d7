package dialect_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/dialect"
	"rollcall/internal/monitor"
)

// workflowRun is a delivery of GitHub, with what stands around the fields that count.
func workflowRun(action, conclusion, event string) string {
	if conclusion != "null" {
		conclusion = `"` + conclusion + `"`
	}
	return fmt.Sprintf(`{"action":%q,"workflow_run":{"id":30433642,"name":"Nightly","node_id":"x","head_branch":"main","head_sha":"acb5","path":".github/workflows/nightly.yml",`+
		`"display_title":"Nightly","run_number":562,"event":%q,"status":"completed","conclusion":%s,"workflow_id":159038,"html_url":"https://github.com/o/r/actions/runs/30433642",`+
		`"pull_requests":[],"created_at":"2026-11-23T02:00:11Z","updated_at":"2026-11-23T02:03:41Z","run_attempt":2,"run_started_at":"2026-11-23T02:00:11Z"},`+
		`"workflow":{"id":159038},"repository":{"full_name":"o/r"},"sender":{"login":"u"}}`, action, event, conclusion)
}

func hubSignature(key, body string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// hooked is one event of a signed delivery, without its signature check.
func hooked(run string, signal monitor.Signal, took *time.Duration, message string) dialect.Event {
	return dialect.Event{Token: token, Ping: monitor.Ping{Signal: signal, RunID: run, Duration: took, Detail: monitor.Detail{Message: message}}}
}

// readHook reads a delivery, which has to be one event with a signature check.
func readHook(t *testing.T, format dialect.Format, w wire) (dialect.Event, func(string) bool) {
	t.Helper()
	events, err := w.as(format)
	if err != nil || len(events) != 1 || events[0].Signed == nil {
		t.Fatalf("%s %s: %+v, %v", w.line, w.body, events, err)
	}
	signed := events[0].Signed
	events[0].Signed = nil
	return events[0], signed
}

func TestGitHub(t *testing.T) {
	const (
		at     = "POST /hooks/github/" + token
		header = "X-GitHub-Event: workflow_run\nContent-Type: application/json"
		link   = " https://github.com/o/r/actions/runs/30433642"
	)
	took := lasted(210 * time.Second)
	for _, c := range []struct {
		line, body string
		want       dialect.Event
	}{
		{at, workflowRun("in_progress", "null", "schedule"), hooked("30433642-2", monitor.Start, nil, "Nightly #562: in_progress"+link)},
		{at, workflowRun("completed", "success", "schedule"), hooked("30433642-2", monitor.Success, took, "Nightly #562: success"+link)},
		{at, workflowRun("completed", "neutral", "schedule"), hooked("30433642-2", monitor.Success, took, "Nightly #562: neutral"+link)},
		{at, workflowRun("completed", "skipped", "schedule"), hooked("30433642-2", monitor.Log, took, "Nightly #562: skipped"+link)},
		{at, workflowRun("completed", "failure", "schedule"), hooked("30433642-2", monitor.Fail, took, "Nightly #562: failure"+link)},
		{at, workflowRun("completed", "cancelled", "schedule"), hooked("30433642-2", monitor.Fail, took, "Nightly #562: cancelled"+link)},
		{at, workflowRun("completed", "timed_out", "schedule"), hooked("30433642-2", monitor.Fail, took, "Nightly #562: timed_out"+link)},
		{at, workflowRun("completed", "startup_failure", "schedule"), hooked("30433642-2", monitor.Fail, took, "Nightly #562: startup_failure"+link)},
		{at, workflowRun("completed", "null", "schedule"), hooked("30433642-2", monitor.Fail, took, "Nightly #562: "+link)},
		{at + "?event=any&branch=main", workflowRun("completed", "success", "push"), hooked("30433642-2", monitor.Success, took, "Nightly #562: success"+link)},
		{at + "?event=push", workflowRun("completed", "success", "push"), hooked("30433642-2", monitor.Success, took, "Nightly #562: success"+link)},
		{at + "?workflow=nightly.yml", workflowRun("in_progress", "null", "schedule"), hooked("30433642-2", monitor.Start, nil, "Nightly #562: in_progress"+link)},
		{at + "?workflow=Nightly", workflowRun("in_progress", "null", "schedule"), hooked("30433642-2", monitor.Start, nil, "Nightly #562: in_progress"+link)},
		{at, `{"action":"completed","workflow_run":{"id":7,"event":"schedule","conclusion":"success","run_started_at":5}}`, hooked("7-1", monitor.Success, nil, " #0: success ")},
	} {
		got, signed := readHook(t, dialect.GitHub, wire{line: c.line, header: header + "\nX-Hub-Signature-256: " + hubSignature(key, c.body), body: c.body})
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", c.line, c.body, diff)
		}
		if !signed(key) || signed("another") || signed("") {
			t.Errorf("%s %s: the signature is not checked", c.line, c.body)
		}
	}
	ignored := func(why string) dialect.Refusal { return dialect.Refusal{Code: 200, Text: "ignored: " + why} }
	run := workflowRun("completed", "success", "push")
	noRun := dialect.Refusal{Code: 400, Text: "the body is not a workflow_run of GitHub"}
	readAs(t, dialect.GitHub, []wire{
		{line: at, header: "X-GitHub-Event: ping", body: `{"zen":"x"}`, refuse: dialect.Refusal{Code: 200, Text: "pong: workflow runs are taken when the webhook's secret is the last part of this address"}},
		{line: at, header: "X-GitHub-Event: push", body: `{}`, refuse: ignored("the event is not workflow_run")},
		{line: at, body: run, refuse: ignored("the event is not workflow_run")},
		{line: at, header: header, body: run, refuse: ignored("event is not schedule")},
		{line: at + "?event=schedule", header: header, body: run, refuse: ignored("event is not schedule")},
		{line: at + "?event=any&branch=release", header: header, body: run, refuse: ignored("the branch is not release")},
		{line: at + "?event=any&workflow=other.yml", header: header, body: run, refuse: ignored("the workflow is not the one asked for")},
		{line: at, header: header, body: workflowRun("requested", "null", "schedule"), refuse: ignored("the run has not started")},
		{line: at, header: header, body: "", refuse: noRun},
		{line: at, header: header, body: `{"action":"completed"}`, refuse: noRun},
		{line: at, header: header, body: run[:400], refuse: noRun},
	})
	_, err := dialect.GitHub.Read(dialect.Request{Header: http.Header{"X-Github-Event": {"workflow_run"}}, Body: []byte(run), Cut: true})
	var refusal dialect.Refusal
	if errors.As(err, &refusal); refusal.Code != 413 || refusal.Text != "the body is longer than 1048576 bytes" {
		t.Errorf("cut off: %v", err)
	}
}

func TestGitHubSignature(t *testing.T) {
	const at = "POST /hooks/github/" + token
	body := workflowRun("completed", "success", "schedule")
	for signature, want := range map[string]bool{
		hubSignature(key, body):                      true,
		strings.ToUpper(hubSignature(key, body)[7:]): true,
		hubSignature(key, body+" "):                  false,
		hubSignature("", body):                       false,
		hubSignature(key, body)[:70]:                 false,
		"":                                           false,
		"sha256=":                                    false,
		"sha256=zz":                                  false,
		strings.Replace(hubSignature(key, body), "sha256", "md5", 1): false,
	} {
		_, signed := readHook(t, dialect.GitHub, wire{line: at, header: "X-GitHub-Event: workflow_run\nX-Hub-Signature-256: " + signature, body: body})
		if signed(key) != want {
			t.Errorf("%q: %v, want %v", signature, signed(key), want)
		}
		if signed("") {
			t.Errorf("%q: accepted without a key", signature)
		}
	}
	// GitHub's other content type: what is signed is the form, not the JSON in it.
	form := "payload=" + url.QueryEscape(body)
	got, signed := readHook(t, dialect.GitHub, wire{
		line: at, body: form,
		header: "X-GitHub-Event: workflow_run\nContent-Type: application/x-www-form-urlencoded\nX-Hub-Signature-256: " + hubSignature(key, form),
	})
	if got.Ping.Signal != monitor.Success || !signed(key) {
		t.Errorf("a form: %+v", got)
	}
	want := dialect.Answer{Code: 401, Text: "X-Hub-Signature-256 is missing or wrong: the webhook's secret is the last part of this address"}
	if got := dialect.GitHub.Answer(dialect.Unsigned); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	answersAs(t, dialect.GitHub, plainOK, plainNotFound, plainTryAgain)
}
