package dialect

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	"rollcall/internal/monitor"
)

// HookLimit is how many bytes of a webhook of GitHub or GitLab are read. GitHub's
// signature is over all of it, so that a longer one cannot be verified.
const HookLimit = 1 << 20

// GitHub reads the webhook of GitHub Actions, event workflow_run, whose secret is the
// last part of its address:
//
//	/hooks/github/<uuid or imported token>[?event=any][&branch=main][&workflow=nightly.yml]
//
// It takes the runs that a schedule began, unless it is asked for those of another
// event or of any.
var GitHub = Format{
	Name:    "github",
	Methods: "POST",
	Paths:   []string{"/hooks/github/{token}"},
	Limit:   HookLimit,
	Read:    readGitHub,
	Answer:  func(o Outcome) Answer { return hookAnswer(o, "X-Hub-Signature-256 is missing or wrong") },
}

// workflowRun is what counts of a delivery.
type workflowRun struct {
	Action string `json:"action"`
	Run    struct {
		ID         int64  `json:"id"`
		Attempt    int64  `json:"run_attempt"`
		Number     int64  `json:"run_number"`
		Name       string `json:"name"`
		Path       string `json:"path"` // of the workflow's file
		Event      string `json:"event"`
		Branch     string `json:"head_branch"`
		Conclusion string `json:"conclusion"`
		Started    string `json:"run_started_at"`
		Updated    string `json:"updated_at"`
		URL        string `json:"html_url"`
	} `json:"workflow_run"`
}

func readGitHub(r Request) ([]Event, error) {
	switch kind := r.Header.Get("X-GitHub-Event"); {
	case kind == "ping":
		return nil, Refusal{Code: 200, Text: "pong: workflow runs are taken when the webhook's secret is the last part of this address"}
	case kind != "workflow_run":
		return nil, ignored("the event is not workflow_run")
	case r.Cut:
		return nil, notReadable(r, HookLimit, "")
	}
	payload := r.Body
	if r.isForm() {
		payload = []byte(Query(string(r.Body)).Get("payload"))
	}
	var hook workflowRun
	if err := object(payload, &hook); err != nil || hook.Run.ID == 0 {
		return nil, notReadable(r, HookLimit, "a workflow_run of GitHub")
	}
	run := hook.Run
	if why := skipped(r.Query, "event", run.Event, run.Branch); why != "" {
		return nil, ignored(why)
	}
	if want := r.Query.Get("workflow"); want != "" && want != run.Name && want != run.Path && want != path.Base(run.Path) {
		return nil, ignored("the workflow is not the one asked for")
	}
	event := Event{}.byToken(r.Path["token"])
	event.Signed = hubSigned(r.Body, r.Header.Get("X-Hub-Signature-256"))
	event.Ping.RunID = fmt.Sprintf("%d-%d", run.ID, max(1, run.Attempt))
	said := hook.Action
	switch hook.Action {
	case "in_progress":
		event.Ping.Signal = monitor.Start
	case "completed":
		said = run.Conclusion
		event.Ping.Signal = concluded(run.Conclusion)
		event.Ping.Duration = between(run.Started, run.Updated)
	default: // "requested": it waits, and may be skipped
		return nil, ignored("the run has not started")
	}
	event.Ping.Detail.Message = fmt.Sprintf("%s #%d: %s %s", run.Name, run.Number, said, run.URL)
	return []Event{event}, nil
}

// concluded is what the end of a workflow run means. One that was skipped has done
// nothing, good or bad. Words that are not known are no success.
func concluded(conclusion string) monitor.Signal {
	switch conclusion {
	case "success", "neutral":
		return monitor.Success
	case "skipped":
		return monitor.Log
	}
	return monitor.Fail
}

// between is the time from one RFC 3339 time to another; nil when it is not known.
func between(from, to string) *time.Duration {
	began, err := time.Parse(time.RFC3339, from)
	if err != nil {
		return nil
	}
	ended, err := time.Parse(time.RFC3339, to)
	if err != nil {
		return nil
	}
	return monitor.ReportedDuration(ended.Sub(began).Seconds())
}

// skipped says why a run is none of those that the address asks for; "" when it
// is. By default they are what a schedule began, on any branch.
func skipped(query url.Values, parameter, origin, branch string) string {
	want := "schedule"
	if query.Has(parameter) {
		want = query.Get(parameter)
	}
	switch {
	case want != "any" && want != origin:
		return fmt.Sprintf("%s is not %.40s", parameter, want)
	case query.Get("branch") != "" && query.Get("branch") != branch:
		return fmt.Sprintf("the branch is not %.100s", query.Get("branch"))
	}
	return ""
}

// ignored answers a delivery that is no report. It is no error: the sender has
// done nothing wrong, and stops sending after too many of those.
func ignored(why string) Refusal { return Refusal{Code: 200, Text: "ignored: " + why} }

// hubSigned checks "sha256=" and the HMAC of the body.
func hubSigned(body []byte, signature string) func(string) bool {
	given, err := hex.DecodeString(strings.TrimPrefix(signature, "sha256="))
	return func(key string) bool {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write(body)
		return err == nil && key != "" && hmac.Equal(given, mac.Sum(nil))
	}
}

func hookAnswer(o Outcome, unsigned string) Answer {
	if o == Unsigned {
		return Answer{Code: 401, Text: unsigned + ": the webhook's secret is the last part of this address"}
	}
	return Plainly(o)
}
