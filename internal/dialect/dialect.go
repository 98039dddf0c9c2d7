// Package dialect reads the wire formats in which jobs report. Each file owns
// one: a request's words go in, Events come out, and the outcome is answered as
// the clients of that format expect.
//
// It decides nothing about checks and knows neither HTTP servers nor the store.
package dialect

import (
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
)

// Event is one report in the words that all dialects share. It names its check by
// UUID, by ping key and slug, or by a token that was imported from another service.
type Event struct {
	UUID          uuid.UUID
	PingKey, Slug string
	Token         string // as it stands in the address; of the format that read it
	Create        bool   // make the check when there is none of that slug
	Title         string // the name of a check that is made; "" is its slug
	Ping          monitor.Ping
	// Configure returns the settings that the client sends along, given those of the
	// check; nil when it sends none.
	Configure func(monitor.Config) monitor.Config
	// Signed reports whether the request proves to come from somebody who knows the
	// ping key of the check's project; nil when the address is proof enough.
	Signed func(secret string) bool
	// Foreign is set for an address of our own form that only a client of another
	// service asks for.
	Foreign bool
	// Warning names something in the request that was not understood and left out,
	// such as a run id; the ping counts all the same. "" when all was understood.
	Warning string
}

// Answer is what a client is told: an HTTP status and a short body. Type is its
// media type; "" is plain text.
type Answer struct {
	Code int
	Text string
	Type string
}

// Refusal is the answer to a request that is no report.
type Refusal Answer

// Error returns the text.
func (r Refusal) Error() string { return r.Text }

// Request is what a format reads of an HTTP request.
type Request struct {
	Method  string
	Pattern string            // which of the format's Paths the address has
	Path    map[string]string // the named parts of the address, decoded
	Query   url.Values        // as Query reads it
	Header  http.Header
	Body    []byte // at most the format's Limit
	Cut     bool   // there was more of it
}

// Format is one wire format.
type Format struct {
	Name    string   // as it is kept with a ping and an imported token: "cronitor"
	Methods string   // comma-separated, as in an Allow header; OPTIONS is answered by itself
	Paths   []string // "/api/push/{token}"; letter case of the fixed parts does not matter
	// Asks names a query parameter without which an address is none of this format;
	// "" when the path alone tells.
	Asks string
	// Limit is how many bytes of a body are read before Read; 0 is monitor.BodyLimit.
	// A longer body is cut, as with every ping.
	Limit int
	// Read returns the reports in a request: none when there is nothing to store, one
	// nearly always, several for a format that batches. The error is a Refusal.
	Read func(Request) ([]Event, error)
	// Answer returns what the client is told; nil answers like Healthchecks.
	Answer func(Outcome) Answer
	// Unthrottled never answers 429 to unknown addresses: on that, clients of this
	// format hold back all they have to say for a while, also about what is known.
	Unthrottled bool
}

// Outcome is what became of the reports of one request; of several the worst.
type Outcome int

// The outcomes.
const (
	Stored   Outcome = iota // all are on disk
	Created                 // all are, and a check was made
	Unknown                 // there is no such check, token or key
	Unsigned                // the signature is missing or wrong
	TryAgain                // they could not be stored now
)
