package dialect_test

import (
	"errors"
	"testing"

	"rollcall/internal/dialect"
	"rollcall/internal/monitor"
)

func TestCheckly(t *testing.T) {
	success := monitor.Ping{Signal: monitor.Success}
	readAs(t, dialect.Checkly, []wire{
		{line: "GET /" + token, want: pinged(success)},
		{line: "HEAD /" + token + "/", want: pinged(success)},
		{line: "GET /heartbeats/ping/" + token, want: pinged(success)},
		{line: "POST /heartbeats/ping/" + token, body: "{", want: pinged(monitor.Ping{Signal: monitor.Success, Body: []byte("{")})},
	})
	for _, line := range []string{"PUT /" + token, "DELETE /heartbeats/ping/" + token} {
		var refusal dialect.Refusal
		if events, err := (wire{line: line}).as(dialect.Checkly); err == nil || errors.As(err, &refusal) {
			t.Errorf("%s: %v, %v; Checkly does not count it", line, events, err)
		}
	}
	answersAs(t, dialect.Checkly, plainOK, plainNotFound, plainTryAgain)
}
