package dialect

import (
	"net/url"
	"time"

	"rollcall/internal/monitor"
)

// OhDear reads a ping of Oh Dear's scheduled task monitoring, whose token is imported:
//
//	/<token>
//	/<token>/starting
//	/<token>/finished  {"runtime": <seconds>, "exit_code": <n>, "memory": <bytes>}
//	/<token>/failed    {"failure_message": <text>}
//
// The members of the object may also stand in the query.
var OhDear = Format{
	Name:    "ohdear",
	Methods: "GET, HEAD, POST, PUT",
	Paths:   []string{"/{token}", "/{token}/starting", "/{token}/finished", "/{token}/failed"},
	Read: func(r Request) ([]Event, error) {
		event := Event{}.byToken(r.Path["token"])
		var said url.Values
		said, event.Warning = memberTexts(r.Body, "")
		for name, values := range r.Query {
			said[name] = append(said[name], values...)
		}
		event.Ping.Body = r.Body
		event.Ping.Detail.Message = said.Get("failure_message")
		event.measured("memory", said.Get("memory"))
		switch r.Pattern {
		case "/{token}/starting":
			event.Ping.Signal = monitor.Start
			return []Event{event}, nil
		case "/{token}/failed":
			event.Ping.Signal = monitor.Fail
		}
		event.ended(said["exit_code"])
		event.took(said.Get("runtime"), time.Second)
		return []Event{event}, nil
	},
}
