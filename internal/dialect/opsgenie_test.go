package dialect_test

import (
	"encoding/json"
	"errors"
	"testing"

	"rollcall/internal/dialect"
	"rollcall/internal/monitor"
)

func TestOpsgenie(t *testing.T) {
	const (
		at    = "/v2/heartbeats/my-heartbeat/ping"
		genie = "Authorization: GenieKey " + key
	)
	success := monitor.Ping{Signal: monitor.Success}
	event := func(name, slug string, p monitor.Ping) []dialect.Event {
		return []dialect.Event{{PingKey: key, Slug: slug, Title: name, Ping: p}}
	}
	mine := event("my-heartbeat", "my-heartbeat", success)
	readAs(t, dialect.Opsgenie, []wire{
		{line: "GET " + at, header: genie + "\nAccept: application/json\nConnection: close", want: mine},
		{line: "PUT " + at + "/", header: "Authorization: geniekey  " + key, want: mine},
		{line: "PATCH " + at + "?apiKey=" + key, want: mine},
		{line: "GET " + at + "?apiKey=other", header: genie, want: mine},
		{line: "POST " + at, header: genie, body: "{", want: event("my-heartbeat", "my-heartbeat", monitor.Ping{Signal: monitor.Success, Body: []byte("{")})},
		{line: "GET /v2/heartbeats/DB%20backup%2Fdaily/ping", header: genie, want: event("DB backup/daily", "db-backup-daily", success)},
	})
	for _, header := range []string{"", "Authorization: Bearer " + key, "Authorization: GenieKey", "Authorization: GenieKey  "} {
		_, err := wire{line: "GET " + at, header: header}.as(dialect.Opsgenie)
		var refusal dialect.Refusal
		if !errors.As(err, &refusal) || refusal.Code != 401 || !json.Valid([]byte(refusal.Text)) {
			t.Errorf("%q: %v, want a 401 in JSON", header, err)
		}
	}
	for outcome, want := range map[dialect.Outcome]struct {
		code            int
		result, message string
	}{
		dialect.Stored:   {202, "PONG - Heartbeat received", ""},
		dialect.Unknown:  {404, "", "No check of this name in the project of this ping key"},
		dialect.TryAgain: {503, "", "Could not be stored now. Try again."},
	} {
		answer := dialect.Opsgenie.Answer(outcome)
		var said struct {
			Result, Message, RequestID string
			Took                       *float64
		}
		if err := json.Unmarshal([]byte(answer.Text), &said); err != nil || answer.Type != jsonType {
			t.Errorf("%+v: %v", answer, err)
		}
		if answer.Code != want.code || said.Result != want.result || said.Message != want.message || said.RequestID == "" || said.Took == nil {
			t.Errorf("%+v, want %+v", answer, want)
		}
	}
}
