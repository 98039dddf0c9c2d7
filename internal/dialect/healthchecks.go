package dialect

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
)

// The answers of this dialect to what is no ping.
var (
	notFound   = Refusal{Code: 404, Text: "not found"}
	invalidURL = Refusal{Code: 400, Text: "invalid url format"}
)

var (
	wholeNumber = regexp.MustCompile(`^[+-]?[0-9]+$`)
	slugPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)
)

// Healthchecks reads a ping address of our own and of Healthchecks:
//
//	/ping/<uuid>[/start|/fail|/log|/<exit status>]
//	/ping/<ping key>/<slug>[/start|/fail|/log|/<exit status>]
//
// with ?rid=<run id> and, for a slug, ?create=1. The path is the escaped path of
// the request. Repeated and trailing slashes do not matter, nor does punctuation
// that was copied along with the address; nothing is ever redirected.
func Healthchecks(path, query string) (Event, error) {
	parts, err := segments(path)
	if err != nil || len(parts) < 2 || len(parts) > 4 || !strings.EqualFold(parts[0], "ping") {
		return Event{}, notFound
	}
	var event Event
	signal := ""
	switch id, err := uuid.Parse(parts[1]); {
	case err == nil && len(parts[1]) == 36 && len(parts) <= 3:
		event.UUID = id
		if len(parts) == 3 {
			signal = parts[2]
		}
	case len(parts) < 3 || !slugPattern.MatchString(parts[1]):
		return Event{}, notFound
	case err == nil && len(parts[1]) == 36 || !slugPattern.MatchString(parts[2]):
		return Event{}, notFound
	case parts[2] != strings.ToLower(parts[2]):
		return Event{}, invalidURL
	default:
		event.PingKey, event.Slug = parts[1], parts[2]
		if len(parts) == 4 {
			signal = parts[3]
		}
	}
	if err := event.read(signal); err != nil {
		return Event{}, err
	}
	event.readQuery(query)
	return event, nil
}

// segments splits an escaped path and decodes each part, so that an encoded slash
// is no separator. It drops empty parts, and trailing punctuation of the last.
func segments(path string) ([]string, error) {
	var parts []string
	for part := range strings.SplitSeq(path, "/") {
		if part == "" {
			continue
		}
		text, err := url.PathUnescape(part)
		if err != nil {
			return nil, err
		}
		parts = append(parts, text)
	}
	if n := len(parts); n > 0 {
		parts[n-1] = strings.TrimRight(parts[n-1], ".,;:)>\"' \t\r\n\u200b")
	}
	return parts, nil
}

// read takes the signal from the last part of the address.
func (e *Event) read(signal string) error {
	switch s := monitor.Signal(signal); {
	case signal == "":
		e.Ping.Signal = monitor.Success
	case s == monitor.Start, s == monitor.Fail, s == monitor.Log:
		e.Ping.Signal = s
	case wholeNumber.MatchString(signal):
		meaning, exit, err := monitor.ExitSignal(signal)
		if err != nil {
			return invalidURL
		}
		e.Ping.Signal, e.Ping.Exit = meaning, &exit
	case signal != strings.ToLower(signal):
		return invalidURL
	default:
		return notFound
	}
	return nil
}

// readQuery takes the run id and the wish to create. A run id that cannot be one
// is left out with a warning: refusing the ping would raise a false alarm.
func (e *Event) readQuery(query string) {
	if query == "" {
		return
	}
	values, _ := url.ParseQuery(query) // what can be read of it counts
	if e.Slug != "" {
		said := Query(query)
		e.Foreign = said.Get("state") != "" || said.Get("stamp") != "" // Cronitor's clients say it so
	}
	e.Create = e.Slug != "" && values.Get("create") == "1"
	for _, rid := range values["rid"] {
		if monitor.ValidRunID(rid) {
			e.Ping.RunID, e.Warning = rid, ""
			return
		}
		if rid != "" {
			e.Warning = "bad-rid"
		}
	}
}
