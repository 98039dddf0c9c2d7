package dialect

import (
	"bytes"
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"rollcall/internal/monitor"
)

// AppSignal reads check-ins of AppSignal. The identifier is the slug of a check, which
// is made when it is new:
//
//	/check_ins/json?api_key=<ping key>&environment=…&hostname=…
//	{"check_in_type": "cron", "identifier": …, "digest": …, "kind": "start|finish", "timestamp": …}
//	{"check_in_type": "heartbeat", "identifier": …, "timestamp": …}
//
// with one event a line, or plainly
//
//	/check_ins/cron?api_key=<ping key>&identifier=…[&kind=start|finish][&digest=…]
//	/check_ins/heartbeats?api_key=<ping key>&identifier=…
//
// The digest is the run id.
var AppSignal = Format{
	Name:    "appsignal",
	Methods: "GET, HEAD, POST, PUT",
	Paths:   []string{"/check_ins/json", "/check_ins/cron", "/check_ins/heartbeats"},
	Limit:   1 << 20,
	Read: func(r Request) ([]Event, error) {
		if blank(r.Query.Get("api_key")) {
			return nil, noAPIKey
		}
		if r.Pattern == "/check_ins/json" {
			return r.appSignalBatch()
		}
		said := url.Values{"identifier": r.Query["identifier"]}
		if r.Pattern == "/check_ins/cron" {
			said["kind"], said["digest"] = r.Query["kind"], r.Query["digest"]
		}
		if blank(said.Get("identifier")) {
			return nil, Refusal{Code: 400, Text: "give the identifier of the check-in as identifier"}
		}
		event := r.appSignalEvent(said)
		event.Ping.Body = r.Body
		return []Event{event}, nil
	},
	Answer: func(o Outcome) Answer {
		if o == Unknown { // an unknown identifier is made into a check, so it is the key
			return Answer(noAPIKey)
		}
		return Plainly(o)
	},
}

// AppSignalEvents is how many events one request may hold. AppSignal's clients send
// every ten seconds what there is.
const AppSignalEvents = 1000

var noAPIKey = Refusal{Code: 401, Text: "api_key is missing or unknown; give the project's ping key"}

// appSignalBatch reads a body with one event a line. A start and its finish that
// were sent together arrive at the same instant; how long the run took is then told
// by their timestamps.
func (r Request) appSignalBatch() ([]Event, error) {
	if r.Cut {
		return nil, tooManyEvents
	}
	var events []Event
	warning := ""
	started := map[string]float64{} // when, by run, in seconds since 1970 by the client's clock
	for line := range bytes.SplitSeq(r.Body, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		said, bad := memberTexts(line, "")
		if blank(said.Get("identifier")) {
			warning = "bad-line"
			continue
		}
		if len(events) == AppSignalEvents {
			return nil, tooManyEvents
		}
		event := r.appSignalEvent(said)
		event.Warning = cmp.Or(event.Warning, bad)
		run := event.Slug + " " + event.Ping.RunID
		at, _ := strconv.ParseFloat(said.Get("timestamp"), 64)
		if start, ok := started[run]; ok && event.Ping.Signal.Ends() && at > 0 {
			event.Ping.Duration = monitor.ReportedDuration(at - start)
		}
		if event.Ping.Signal == monitor.Start && at > 0 {
			started[run] = at
		}
		events = append(events, event)
	}
	if len(events) == 0 {
		return nil, Refusal{Code: 400, Text: "no line of the body is a JSON object with an identifier"}
	}
	last := &events[len(events)-1]
	last.Warning = cmp.Or(last.Warning, warning)
	return events, nil
}

var tooManyEvents = Refusal{Code: 413, Text: fmt.Sprintf("nothing was stored: one request may hold %d events in %d bytes; send several", AppSignalEvents, 1<<20)}

// appSignalEvent is one event, with what its request says of all of them.
func (r Request) appSignalEvent(said url.Values) Event {
	event := Event{}.bySlug(r.Query.Get("api_key"), said.Get("identifier"), true)
	event.Ping.Detail.Environment = r.Query.Get("environment")
	event.Ping.Detail.Host = r.Query.Get("hostname")
	event.Ping.Signal = monitor.Success
	for _, kind := range said["kind"] {
		switch kind = strings.ToLower(strings.TrimSpace(kind)); {
		case saysFailure(kind):
			event.Ping.Signal = monitor.Fail
		case kind == "start" && event.Ping.Signal == monitor.Success:
			event.Ping.Signal = monitor.Start
		case kind != "" && kind != "start" && kind != "finish" && event.Ping.Signal == monitor.Success:
			event.Ping.Signal, event.Warning = monitor.Log, "bad-kind"
		}
	}
	if digest := said.Get("digest"); monitor.ValidRunID(digest) {
		event.Ping.RunID = digest
	} else if digest != "" {
		event.Warning = "bad-digest"
	}
	return event
}
