package dialect

import "rollcall/internal/monitor"

// Cronhub reads a ping of Cronhub, whose token is imported:
//
//	/ping/<token>
//	/start/<token>
//	/finish/<token>
//	/fail/<token>
//
// by any method. The body is the job's output. A ping to a UUID is one of our own
// addresses and answered as such.
var Cronhub = Format{
	Name:    "cronhub",
	Methods: anyMethod,
	Paths:   []string{"/ping/{token}", "/start/{token}", "/finish/{token}", "/fail/{token}"},
	Read: func(r Request) ([]Event, error) {
		event := Event{}.byToken(r.Path["token"])
		event.Ping.Signal, event.Ping.Body = monitor.Success, r.Body
		switch r.Pattern {
		case "/start/{token}":
			event.Ping.Signal = monitor.Start
		case "/fail/{token}":
			event.Ping.Signal = monitor.Fail
		}
		return []Event{event}, nil
	},
}
