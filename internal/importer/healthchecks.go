package importer

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"rollcall/internal/schedule"
)

// healthcheck is a check as the management API of Healthchecks shows it.
type healthcheck struct {
	Name, Slug, Tags, Desc string
	UUID                   string
	Timeout                *int64
	Schedule, TZ           string
	Grace                  int64
	MaxRuntime             *int64 `json:"max_runtime"` // of another Rollcall
	Threshold              *int   `json:"threshold"`   // likewise
	Status                 string
	ManualResume           bool `json:"manual_resume"`
	Methods                string
	StartKw                string `json:"start_kw"`
	SuccessKw              string `json:"success_kw"`
	FailureKw              string `json:"failure_kw"`
	FilterSubject          bool   `json:"filter_subject"`
	FilterBody             bool   `json:"filter_body"`
	FilterHTTPBody         bool   `json:"filter_http_body"`
	FilterDefaultFail      bool   `json:"filter_default_fail"`
}

// ReadHealthchecks reads the documents of checks, as the management API of
// Healthchecks or of another Rollcall shows them. With a read-write key they tell
// the UUIDs, which are kept: the jobs then go on with another host in their
// addresses.
func ReadHealthchecks(documents []json.RawMessage) (Import, error) {
	var found Import
	var docs []healthcheck
	for n, document := range documents {
		var doc healthcheck
		if err := json.Unmarshal(document, &doc); err != nil {
			found.note(fmt.Sprintf("check %d", n+1), "not imported: it is not what Healthchecks shows: %s", oneLine(err.Error(), 200))
			continue
		}
		docs = append(docs, doc)
	}
	checks := make([]Check, len(docs))
	taken := slugs{}
	for i, doc := range docs {
		checks[i] = doc.check()
		if doc.Slug == "" {
			continue // those that have one first: jobs may ping by it
		}
		if checks[i].Slug = taken.take(doc.Slug, doc.Name); checks[i].Slug != doc.Slug {
			found.note(checks[i].Name, "its slug is another one's too, and is %s here: change the address of jobs that ping by slug", checks[i].Slug)
		}
	}
	var withUUID, withoutUUID bool
	for i, c := range checks {
		if c.Slug == "" {
			c.Slug = taken.take(c.Name, "check")
		}
		if docs[i].Status == "paused" {
			found.notePaused(c)
		}
		if _, err := found.add(c.Name, c); err != nil {
			return found, err
		}
		withUUID, withoutUUID = withUUID || c.UUID != "", withoutUUID || c.UUID == ""
	}
	if withUUID {
		found.note("", "the checks keep their UUIDs: in the ping addresses of the jobs, only the host changes")
	}
	if withoutUUID {
		found.note("", "the API key does not tell the UUIDs, so the ping addresses are new ones; with a read-write key the old ones are kept")
	}
	return found, nil
}

// notePaused says what becomes of a check that is paused where it comes from.
func (i *Import) notePaused(c Check) {
	i.note(c.Name, "is paused there, and is watched here from its first ping on; rollcall checks pause %s pauses it", c.Slug)
}

func (h healthcheck) check() Check {
	c := Check{
		Name: cmp.Or(oneLine(h.Name, nameLimit), oneLine(h.Slug, nameLimit), "unnamed"), Description: h.Desc, Tags: strings.Fields(h.Tags),
		Schedule: schedule.Spec{Kind: schedule.Detect(h.Schedule), Expr: h.Schedule, Zone: h.TZ},
		Grace:    seconds(h.Grace), UUID: h.UUID,
		Rules: &Rules{
			ManualResume: h.ManualResume, PostOnly: h.Methods == "POST",
			Start: h.StartKw, Success: h.SuccessKw, Failure: h.FailureKw,
			Subject: h.FilterSubject, Body: h.FilterBody, HTTPBody: h.FilterHTTPBody, DefaultFail: h.FilterDefaultFail,
		},
	}
	if h.Timeout != nil {
		c.Schedule = schedule.Spec{Kind: schedule.Every, Period: seconds(*h.Timeout)}
	}
	c.Threshold = h.Threshold
	if h.MaxRuntime != nil {
		c.MaxRuntime = new(seconds(*h.MaxRuntime))
	}
	return c
}

// seconds is a span that cannot overflow: what is too long stays too long.
func seconds(n int64) time.Duration {
	const most = int64(2 * longestSpan / time.Second)
	return time.Duration(min(max(n, 0), most)) * time.Second
}
