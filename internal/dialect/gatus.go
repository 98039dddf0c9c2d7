package dialect

import (
	"strings"
	"time"

	"rollcall/internal/monitor"
)

// Gatus reads a report to an external endpoint of Gatus:
//
//	POST /api/v1/endpoints/<group>_<name>/external?success=true|false[&error=<text>][&duration=10s]
//	Authorization: Bearer <ping key>
//
// The endpoint's key is the slug of a check, which has to exist. What is wrong is
// told in the order in which Gatus looks, but for a duration, which is looked at
// before the key is.
var Gatus = Format{
	Name:    "gatus",
	Methods: "POST",
	Paths:   []string{"/api/v1/endpoints/{key}/external"},
	Read: func(r Request) ([]Event, error) {
		var event Event
		event.Ping.Body = r.Body
		for _, success := range r.Query["success"] {
			switch {
			case success != "true" && success != "false":
				return nil, noSuccess
			case event.Ping.Signal != monitor.Fail:
				event.Ping.Signal = map[bool]monitor.Signal{true: monitor.Success, false: monitor.Fail}[success == "true"]
			}
		}
		if event.Ping.Signal == "" {
			return nil, noSuccess
		}
		token, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !isBearer {
			return nil, Refusal{Code: 401, Text: "invalid Authorization header"}
		}
		if blank(token) {
			return nil, Refusal{Code: 401, Text: "bearer token must not be empty"}
		}
		if event.Ping.Signal == monitor.Fail {
			event.Ping.Detail.Message = r.Query.Get("error")
		}
		if text := r.Query.Get("duration"); text != "" {
			duration, err := time.ParseDuration(text)
			if err != nil {
				return nil, Refusal{Code: 400, Text: "invalid duration; write it like 10s, 1m30s or 250ms"}
			}
			if event.Ping.Duration = monitor.ReportedDuration(duration.Seconds()); event.Ping.Duration == nil {
				event.Warning = "bad-duration"
			}
		}
		return []Event{event.bySlug(token, r.Path["key"], false)}, nil
	},
	Answer: func(o Outcome) Answer {
		if o == Stored {
			return Answer{Code: 200}
		}
		return Plainly(o)
	},
}

var noSuccess = Refusal{Code: 400, Text: "missing or invalid success query parameter"}
