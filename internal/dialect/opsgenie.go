package dialect

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
)

// Opsgenie reads a ping of an Opsgenie heartbeat, whose name is the slug of a check:
//
//	/v2/heartbeats/<name>/ping
//	Authorization: GenieKey <ping key>, or ?apiKey=<ping key>
//
// The check has to exist. Opsgenie answers PONG even when the heartbeat does not, so
// that nobody notices; here that is a 404.
var Opsgenie = Format{
	Name:    "opsgenie",
	Methods: "GET, HEAD, POST, PUT, PATCH",
	Paths:   []string{"/v2/heartbeats/{name}/ping"},
	Read: func(r Request) ([]Event, error) {
		key := r.Query.Get("apiKey")
		if scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "GenieKey") {
			key = given
		}
		if blank(key) {
			return nil, Refusal(genie(401, `"message":"Give the project's ping key: Authorization: GenieKey <ping key>"`))
		}
		var event Event
		event.Ping.Signal, event.Ping.Body = monitor.Success, r.Body
		return []Event{event.bySlug(key, r.Path["name"], false)}, nil
	},
	Answer: func(o Outcome) Answer {
		switch o {
		case Stored, Created:
			return genie(202, `"result":"PONG - Heartbeat received"`)
		case TryAgain:
			return genie(503, `"message":"Could not be stored now. Try again."`)
		}
		return genie(404, `"message":"No check of this name in the project of this ping key"`)
	},
}

// genie is an answer in the form that Opsgenie's clients parse.
func genie(code int, member string) Answer {
	return Answer{Code: code, Text: fmt.Sprintf(`{%s,"took":0.0,"requestId":%q}`, member, uuid.NewString()), Type: jsonType}
}
