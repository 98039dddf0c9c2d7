package dialect

import "rollcall/internal/monitor"

// Checkly reads a ping of a Checkly heartbeat monitor, whose token is imported:
//
//	/<token>
//	/heartbeats/ping/<token>
//
// The body is the job's output. As there, PUT and DELETE are no pings.
var Checkly = Format{
	Name:    "checkly",
	Methods: "GET, HEAD, POST",
	Paths:   []string{"/{token}", "/heartbeats/ping/{token}"},
	Read: func(r Request) ([]Event, error) {
		event := Event{}.byToken(r.Path["token"])
		event.Ping.Signal, event.Ping.Body = monitor.Success, r.Body
		return []Event{event}, nil
	},
}
