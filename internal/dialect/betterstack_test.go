package dialect_test

import (
	"testing"

	"rollcall/internal/dialect"
	"rollcall/internal/monitor"
)

func TestBetterStack(t *testing.T) {
	const at = "/api/v1/heartbeat/" + token
	failed := monitor.Ping{Signal: monitor.Fail}
	nothing := dialect.Refusal{Code: 404, Text: "not found"}
	readAs(t, dialect.BetterStack, []wire{
		{line: "GET " + at, want: pinged(monitor.Ping{Signal: monitor.Success})},
		{line: "HEAD " + at + "/", want: pinged(monitor.Ping{Signal: monitor.Success})},
		{line: "GET " + at + "/fail", want: pinged(failed)},
		{line: "GET " + at + "/FAIL/", want: pinged(failed)},
		{line: "GET " + at + "/failed", want: pinged(failed)},
		{line: "GET " + at + "/error", want: pinged(failed)},
		{line: "GET " + at + "/0", want: pinged(monitor.Ping{Signal: monitor.Success, Exit: exited(0)})},
		{line: "GET " + at + "/127", want: pinged(monitor.Ping{Signal: monitor.Fail, Exit: exited(127)})},
		{line: "GET " + at + "/-1", want: pinged(monitor.Ping{Signal: monitor.Fail, Exit: exited(-1)})},
		{line: "GET " + at + "/99999999999999999999", want: warned("bad-exit-status", failed)},
		{ // curl -d "$output" …/$?
			line: "POST " + at + "/2", header: form, body: "a=1&s=0: no such file",
			want: pinged(monitor.Ping{Signal: monitor.Fail, Exit: exited(2), Body: []byte("a=1&s=0: no such file")}),
		},
		{line: "GET " + at + "/sometimes", refuse: nothing},
		{line: "GET " + at + "/0x0", refuse: nothing},
	})
	answersAs(t, dialect.BetterStack, plainOK, plainNotFound, plainTryAgain)
}
