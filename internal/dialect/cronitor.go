package dialect

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/internal/monitor"
)

// Cronitor reads telemetry of Cronitor:
//
//	/p/<ping key>/<monitor>[?state=<state>]   and the same at /ping/
//	/<token>[/<state>|?state=<state>]         whose token is imported
//
// A monitor that is not known is made. The states are run, complete, fail, ok,
// tick and logs; none is a tick, or what the exit status says. A body is kept as
// the job's output, and so is a message of several lines.
var Cronitor = Format{
	Name:    "cronitor",
	Methods: "GET, HEAD, POST, PUT",
	Paths:   []string{"/p/{key}/{monitor}", atPing, "/{token}", "/{token}/{state}"},
	Read:    readCronitor,
}

const atPing = "/ping/{key}/{monitor}" // which looks like one of ours

func readCronitor(r Request) ([]Event, error) {
	var event Event
	state := r.Query.Get("state")
	if token := r.Path["token"]; token != "" {
		event = event.byToken(token)
		state = cmp.Or(r.Path["state"], state)
	} else {
		if r.Pattern == atPing && !telemetry(r.Query) {
			return nil, refusalOfOurs(r.Path["key"], r.Path["monitor"])
		}
		event = event.bySlug(r.Path["key"], r.Path["monitor"], true)
		if event.Slug == "" {
			return nil, notFound
		}
	}
	event.Ping.Body = r.Body
	event.readState(strings.ToLower(state), r.Query)
	event.readTelemetry(r.Query)
	return []Event{event}, nil
}

// telemetry reports whether a query is one of Cronitor's clients. An address at
// /ping/ without any of it is a misspelt one of ours.
func telemetry(query url.Values) bool {
	return slices.ContainsFunc(
		[]string{"state", "stamp", "series", "message", "msg", "metric", "duration", "status_code", "exit_code", "host", "env"},
		query.Has)
}

// refusalOfOurs says what is wrong with an address of our own form.
func refusalOfOurs(key, slug string) error {
	if _, err := Healthchecks("/ping/"+url.PathEscape(key)+"/"+url.PathEscape(slug), ""); err != nil {
		return err
	}
	return notFound
}

// readState takes the signal, and the run that it is about. A word that is not
// known is no success: it may have meant a failure.
func (e *Event) readState(state string, query url.Values) {
	code := strings.TrimSpace(cmp.Or(query.Get("status_code"), query.Get("exit_code")))
	said, exit, err := monitor.ExitSignal(code)
	if err == nil {
		e.Ping.Exit = &exit
	} else if code != "" {
		said, e.Warning = monitor.Fail, "bad-status-code"
	}
	e.Ping.Signal = monitor.Success
	switch state {
	case "run":
		e.Ping.Signal = monitor.Start
	case "fail":
		e.Ping.Signal = monitor.Fail
	case "logs":
		e.Ping.Signal = monitor.Log
	case "":
		e.Ping.Signal = cmp.Or(said, monitor.Success)
	case "ok":
		return // a person's reset: it ends whatever runs
	case "complete", "tick":
	default:
		e.Ping.Signal, e.Warning = unknownWord(state), "bad-state"
	}
	if e.Ping.RunID = query.Get("series"); e.Ping.RunID != "" && !monitor.ValidRunID(e.Ping.RunID) {
		e.Ping.RunID = fingerprint(e.Ping.RunID)
	}
}

// unknownWord is what a state means that a format does not have.
func unknownWord(state string) monitor.Signal {
	if saysFailure(state) {
		return monitor.Fail
	}
	return monitor.Log
}

// readTelemetry takes what the job says beyond its state.
func (e *Event) readTelemetry(query url.Values) {
	detail := &e.Ping.Detail
	detail.Message = cmp.Or(query.Get("message"), query.Get("msg"))
	detail.Host, detail.Environment = query.Get("host"), query.Get("env")
	if len(e.Ping.Body) == 0 && strings.Contains(strings.TrimSpace(detail.Message), "\n") {
		e.Ping.Body = []byte(detail.Message)
	}
	took := query.Get("duration")
	for _, metric := range query["metric"] {
		at := strings.LastIndexByte(metric, ':')
		value, err := strconv.ParseFloat(metric[at+1:], 64)
		switch {
		case at <= 0 || err != nil:
			e.Warning = cmp.Or(e.Warning, "bad-metric")
		case metric[:at] == "duration":
			took = cmp.Or(took, metric[at+1:])
		default:
			if detail.Metrics == nil {
				detail.Metrics = map[string]float64{}
			}
			detail.Metrics[metric[:at]] = value
		}
	}
	if e.Ping.Signal != monitor.Start {
		e.took(took, time.Second)
	}
}
