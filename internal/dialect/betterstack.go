package dialect

import (
	"rollcall/internal/monitor"
)

// BetterStack reads a heartbeat of Better Stack, formerly Better Uptime, whose token
// is imported:
//
//	/api/v1/heartbeat/<token>[/fail|/<exit status>]
//
// The body is the job's output.
var BetterStack = Format{
	Name:    "betterstack",
	Methods: "GET, HEAD, POST, PUT",
	Paths:   []string{"/api/v1/heartbeat/{token}", "/api/v1/heartbeat/{token}/{result}"},
	Read: func(r Request) ([]Event, error) {
		event := Event{}.byToken(r.Path["token"])
		event.Ping.Body = r.Body
		switch result := r.Path["result"]; {
		case saysFailure(result):
			event.Ping.Signal = monitor.Fail
		case result == "" || wholeNumber.MatchString(result):
			event.ended([]string{result})
		default:
			return nil, notFound
		}
		return []Event{event}, nil
	},
}
