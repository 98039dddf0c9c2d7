// Package dialect reads the wire formats in which jobs report. Each file owns
// one: a request's words go in, an Event comes out, or the answer that this
// dialect gives to what it does not understand.
//
// It decides nothing about checks and knows neither HTTP servers nor the store.
package dialect

import (
	"rollcall/internal/monitor"

	"github.com/google/uuid"
)

// Event is one report in the words that all dialects share. It names its check by
// UUID, or by ping key and slug.
type Event struct {
	UUID          uuid.UUID
	PingKey, Slug string
	Create        bool // make the check when there is none of that slug
	Ping          monitor.Ping
	// Warning names something in the request that was not understood and left out,
	// such as a run id; the ping counts all the same. "" when all was understood.
	Warning string
}

// Refusal is the answer to a request that is no report: an HTTP status and a
// short text.
type Refusal struct {
	Code int
	Text string
}

// Error returns the text.
func (r Refusal) Error() string { return r.Text }
