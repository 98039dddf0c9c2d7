package dialect_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/dialect"
	"rollcall/internal/monitor"
)

// pipeline is a delivery of GitLab.
func pipeline(status, source, duration string) string {
	return fmt.Sprintf(`{"object_kind":"pipeline","object_attributes":{"id":31,"iid":3,"name":null,"ref":"master","tag":false,"sha":"bcbb","source":%q,"status":%q,"detailed_status":"passed",`+
		`"stages":["build"],"created_at":"2026-11-23 02:00:11 UTC","finished_at":"2026-11-23 02:01:14 UTC","duration":%s,"queued_duration":1,"url":"https://gitlab.example.org/g/p/-/pipelines/31"},`+
		`"user":{"id":1},"project":{"id":1},"commit":{},"builds":[{"id":380,"status":"success"}]}`, source, status, duration)
}

func TestGitLab(t *testing.T) {
	const (
		at     = "POST /hooks/gitlab/" + token
		kind   = "X-Gitlab-Event: Pipeline Hook\nContent-Type: application/json"
		header = kind + "\nX-Gitlab-Token: " + key
		link   = " https://gitlab.example.org/g/p/-/pipelines/31"
	)
	took := lasted(63 * time.Second)
	long := pipeline("success", "schedule", "63")
	for _, c := range []struct {
		line, body string
		want       dialect.Event
	}{
		{at, pipeline("running", "schedule", "null"), hooked("31", monitor.Start, nil, "pipeline #31: running"+link)},
		{at, long, hooked("31", monitor.Success, took, "pipeline #31: success"+link)},
		{at, pipeline("failed", "schedule", "63"), hooked("31", monitor.Fail, took, "pipeline #31: failed"+link)},
		{at, pipeline("canceled", "schedule", "null"), hooked("31", monitor.Fail, nil, "pipeline #31: canceled"+link)},
		{at, pipeline("skipped", "schedule", "null"), hooked("31", monitor.Log, nil, "pipeline #31: skipped"+link)},
		{at + "?source=any", pipeline("success", "push", "63"), hooked("31", monitor.Success, took, "pipeline #31: success"+link)},
		{at + "?source=push&branch=master", pipeline("success", "push", "-1"), hooked("31", monitor.Success, nil, "pipeline #31: success"+link)},
		{at, strings.Replace(long, `"name":null`, `"name":"Nightly"`, 1), hooked("31", monitor.Success, took, "Nightly #31: success"+link)},
		// The list of jobs can be longer than what is read.
		{at, long[:strings.Index(long, `"builds"`)+20], hooked("31", monitor.Success, took, "pipeline #31: success"+link)},
	} {
		got, signed := readHook(t, dialect.GitLab, wire{line: c.line, header: header, body: c.body})
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", c.line, c.body, diff)
		}
		if !signed(key) || signed("another") || signed("") {
			t.Errorf("%s %s: the token is not checked", c.line, c.body)
		}
	}
	if _, signed := readHook(t, dialect.GitLab, wire{line: at, header: kind, body: long}); signed(key) || signed("") {
		t.Error("accepted without a token")
	}
	ignored := func(why string) dialect.Refusal { return dialect.Refusal{Code: 200, Text: "ignored: " + why} }
	neither := ignored("the pipeline neither starts nor ends")
	noPipeline := dialect.Refusal{Code: 400, Text: "the body is not a pipeline of GitLab"}
	readAs(t, dialect.GitLab, []wire{
		{line: at, header: "X-Gitlab-Event: Push Hook", body: `{}`, refuse: ignored("the event is not Pipeline Hook")},
		{line: at, header: header, body: pipeline("success", "push", "63"), refuse: ignored("source is not schedule")},
		{line: at + "?branch=main", header: header, body: long, refuse: ignored("the branch is not main")},
		{line: at, header: header, body: pipeline("pending", "schedule", "null"), refuse: neither},
		{line: at, header: header, body: pipeline("manual", "schedule", "null"), refuse: neither},
		{line: at, header: header, body: pipeline("canceling", "schedule", "null"), refuse: neither},
		{line: at, header: header, body: "", refuse: noPipeline},
		{line: at, header: header, body: `{"object_kind":"build","object_attributes":{"id":1}}`, refuse: noPipeline},
		{line: at, header: header, body: long[:100], refuse: noPipeline},
	})
	want := dialect.Answer{Code: 401, Text: "X-Gitlab-Token is missing or wrong: the webhook's secret is the last part of this address"}
	if got := dialect.GitLab.Answer(dialect.Unsigned); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	answersAs(t, dialect.GitLab, plainOK, plainNotFound, plainTryAgain)
}
