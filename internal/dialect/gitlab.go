package dialect

import (
	"crypto/subtle"
	"fmt"
	"strconv"

	"rollcall/internal/monitor"
)

// GitLab reads the webhook of GitLab's pipelines, whose secret token is the last
// part of its address:
//
//	/hooks/gitlab/<uuid or imported token>[?source=any][&branch=main]
//
// It takes the pipelines that a schedule began, unless it is asked for those of
// another source or of any.
var GitLab = Format{
	Name:    "gitlab",
	Methods: "POST",
	Paths:   []string{"/hooks/gitlab/{token}"},
	Limit:   HookLimit,
	Read:    readGitLab,
	Answer:  func(o Outcome) Answer { return hookAnswer(o, "X-Gitlab-Token is missing or wrong") },
}

// pipeline is what counts of a delivery. It stands before the list of jobs, which
// can be long.
type pipeline struct {
	ID       int64    `json:"id"`
	Name     string   `json:"name"`
	Branch   string   `json:"ref"`
	Source   string   `json:"source"`
	Status   string   `json:"status"`
	Duration *float64 `json:"duration"` // seconds; null before the end
	URL      string   `json:"url"`
}

func readGitLab(r Request) ([]Event, error) {
	if r.Header.Get("X-Gitlab-Event") != "Pipeline Hook" {
		return nil, ignored("the event is not Pipeline Hook")
	}
	var kind string
	var run pipeline
	if err := leading(r.Body, map[string]any{"object_kind": &kind, "object_attributes": &run}); err != nil || kind != "pipeline" || run.ID == 0 {
		return nil, notReadable(r, HookLimit, "a pipeline of GitLab")
	}
	if why := skipped(r.Query, "source", run.Source, run.Branch); why != "" {
		return nil, ignored(why)
	}
	event := Event{}.byToken(r.Path["token"])
	given := []byte(r.Header.Get("X-Gitlab-Token"))
	event.Signed = func(key string) bool { return key != "" && subtle.ConstantTimeCompare(given, []byte(key)) == 1 }
	event.Ping.RunID = strconv.FormatInt(run.ID, 10)
	switch run.Status {
	case "running":
		event.Ping.Signal = monitor.Start
	case "success":
		event.Ping.Signal = monitor.Success
	case "failed", "canceled":
		event.Ping.Signal = monitor.Fail
	case "skipped":
		event.Ping.Signal = monitor.Log
	default: // created, pending, manual, canceling and the like
		return nil, ignored("the pipeline neither starts nor ends")
	}
	if run.Duration != nil && event.Ping.Signal.Ends() {
		event.Ping.Duration = monitor.ReportedDuration(*run.Duration)
	}
	name := run.Name
	if name == "" {
		name = "pipeline"
	}
	event.Ping.Detail.Message = fmt.Sprintf("%s #%d: %s %s", name, run.ID, run.Status, run.URL)
	return []Event{event}, nil
}
