package dialect

import (
	"net/url"
	"strings"
	"time"

	"rollcall/internal/monitor"
)

// Honeybadger reads a check-in of Honeybadger, by an imported id or by a ping key and
// the slug of a check, which has to exist:
//
//	/v1/check_in/<id>
//	/v1/check_in/<ping key>/<slug>
//
// A GET is a success. A POST says more:
//
//	{"check_in": {"status": "success|error", "duration": <milliseconds>,
//	              "stdout": <text>, "stderr": <text>, "exit_code": <n>}}
//
// Every status but "success" is a failure, and so is an exit status that is not 0.
var Honeybadger = Format{
	Name:    "honeybadger",
	Methods: "GET, HEAD, POST, PUT",
	Paths:   []string{"/v1/check_in/{token}", "/v1/check_in/{key}/{slug}"},
	Limit:   1 << 20, // Honeybadger takes 20 kB; a status behind a long output is not to be lost
	Read: func(r Request) ([]Event, error) {
		event := Event{}.byToken(r.Path["token"])
		if slug, ok := r.Path["slug"]; ok {
			event = Event{}.bySlug(r.Path["key"], slug, false)
		}
		var said url.Values
		said, event.Warning = memberTexts(r.Body, "check_in")
		for _, status := range append(said["status"], r.Query["status"]...) {
			if !blank(status) && !strings.EqualFold(strings.TrimSpace(status), "success") {
				event.Ping.Signal = monitor.Fail
			}
		}
		event.ended(said["exit_code"])
		event.took(said.Get("duration"), time.Millisecond)
		event.Ping.Body = r.Body
		if event.Warning != badBody && (said.Has("stdout") || said.Has("stderr")) {
			event.Ping.Body = output(said.Get("stdout"), said.Get("stderr"))
		}
		return []Event{event}, nil
	},
}

// output joins what a job wrote to its two outputs; nil when it wrote nothing.
func output(stdout, stderr string) []byte {
	if stdout != "" && stderr != "" && !strings.HasSuffix(stdout, "\n") {
		stdout += "\n"
	}
	if stdout+stderr == "" {
		return nil
	}
	return []byte(stdout + stderr)
}
