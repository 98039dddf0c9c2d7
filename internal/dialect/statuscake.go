package dialect

import "rollcall/internal/monitor"

// StatusCake reads a push of StatusCake, whose test id is the slug of a check, which
// has to exist:
//
//	/?PK=<ping key>&TestID=<slug>[&time=<number>]
//
// The time is a value that the job chose, of any unit; so it is kept as a metric.
var StatusCake = Format{
	Name:    "statuscake",
	Methods: "GET, HEAD, POST, PUT",
	Paths:   []string{"/"},
	Asks:    "PK",
	Read: func(r Request) ([]Event, error) {
		key, test := r.Query.Get("PK"), r.Query.Get("TestID")
		if blank(key) || blank(test) {
			return nil, Refusal{Code: 400, Text: "give the project's ping key as PK and the slug of the check as TestID"}
		}
		event := Event{}.bySlug(key, test, false)
		event.Ping.Signal, event.Ping.Body = monitor.Success, r.Body
		event.measured("time", r.Query.Get("time"))
		return []Event{event}, nil
	},
}
