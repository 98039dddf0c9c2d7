package dialect

import (
	"strings"

	"rollcall/internal/monitor"
)

// DeadMansSnitch reads a check-in of Dead Man's Snitch, whose token is imported:
//
//	/<token>[?s=<status>][&m=<message>]
//
// A status that is neither empty nor 0 is a failure. Both may also come as a form;
// any other body is the job's output.
var DeadMansSnitch = Format{
	Name:    "deadmanssnitch",
	Methods: "GET, HEAD, POST, PUT",
	Paths:   []string{"/{token}"},
	Read: func(r Request) ([]Event, error) {
		event := Event{}.byToken(r.Path["token"])
		statuses, message := r.Query["s"], r.Query.Get("m")
		event.Ping.Body = r.Body
		if form := Query(string(r.Body)); r.isForm() && (form.Has("s") || form.Has("m")) {
			statuses, event.Ping.Body = append(form["s"], statuses...), nil
			if message == "" {
				message = form.Get("m")
			}
		}
		event.Ping.Detail.Message = message
		event.ended(statuses)
		for _, status := range statuses {
			if status = strings.TrimSpace(status); status != "" && status != "0" {
				event.Ping.Signal, event.Warning = monitor.Fail, "" // a word is as good as a number
			}
		}
		return []Event{event}, nil
	},
	Answer: func(o Outcome) Answer {
		if o == Stored {
			return Answer{Code: 202, Text: "Got it, thanks!"}
		}
		return Plainly(o)
	},
}
