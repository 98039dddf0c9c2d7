package dialect

import "rollcall/internal/monitor"

// Kuma reads a push of Uptime Kuma, whose token is imported:
//
//	/api/push/<token>[?status=up|down][&msg=<text>][&ping=<milliseconds>]
//
// by any method. Every status that is not exactly "up" is down; none, or an empty
// one, is up. The ping is how long the watched thing took to answer and not how long
// the job ran, which a schedule looks at; so it is kept as a metric.
var Kuma = Format{
	Name:    "kuma",
	Methods: anyMethod,
	Paths:   []string{"/api/push/{token}"},
	Read: func(r Request) ([]Event, error) {
		event := Event{}.byToken(r.Path["token"])
		event.Ping.Signal, event.Ping.Body = monitor.Success, r.Body
		for _, status := range r.Query["status"] {
			if status != "" && status != "up" {
				event.Ping.Signal = monitor.Fail
			}
		}
		event.Ping.Detail.Message = r.Query.Get("msg")
		event.measured("ping", r.Query.Get("ping"))
		return []Event{event}, nil
	},
	Answer: func(o Outcome) Answer {
		switch o {
		case Stored, Created:
			return Answer{Code: 200, Text: `{"ok":true}`, Type: jsonType}
		case TryAgain: // Kuma answers 404 here too, on which clients give up
			return Answer{Code: 503, Text: `{"ok":false,"msg":"Could not be stored now. Try again."}`, Type: jsonType}
		}
		return Answer{Code: 404, Text: `{"ok":false,"msg":"Monitor not found or not active."}`, Type: jsonType}
	},
}

// anyMethod is what formats take that do not look at the method.
const anyMethod = "GET, HEAD, POST, PUT, PATCH, DELETE"
