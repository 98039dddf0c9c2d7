package dialect_test

import (
	"testing"

	"rollcall/internal/dialect"
	"rollcall/internal/monitor"
)

func TestDeadMansSnitch(t *testing.T) {
	const at = "/" + token
	success, failed := monitor.Ping{Signal: monitor.Success}, monitor.Ping{Signal: monitor.Fail}
	exit := func(n int64) monitor.Ping {
		signal := map[bool]monitor.Signal{true: monitor.Success, false: monitor.Fail}[n == 0]
		return monitor.Ping{Signal: signal, Exit: exited(n)}
	}
	with := func(p monitor.Ping, message string) monitor.Ping {
		p.Detail.Message = message
		return p
	}
	readAs(t, dialect.DeadMansSnitch, []wire{
		{line: "GET " + at, want: pinged(success)},
		{line: "HEAD " + at + "/", want: pinged(success)},
		{line: "GET " + at + "?s=", want: pinged(success)},
		{line: "GET " + at + "?s=0", want: pinged(exit(0))},
		{line: "GET " + at + "?s=3&m=disk+full", want: pinged(with(exit(3), "disk full"))},
		{line: "GET " + at + "?s=-1073741819", want: pinged(exit(-1073741819))},
		{line: "GET " + at + "?s=failed", want: pinged(failed)},
		{line: "GET " + at + "?s=OK", want: pinged(failed)}, // anything but 0
		{line: "GET " + at + "?s=00", want: pinged(monitor.Ping{Signal: monitor.Fail, Exit: exited(0)})},
		{line: "GET " + at + "?s=99999999999999999999", want: pinged(failed)},
		{line: "GET " + at + "?s=1%zz", want: pinged(failed)},
		{line: "GET " + at + "?s=0&s=2", want: pinged(exit(2))},
		{line: "GET " + at + "?m=50%25%20of%20it&unknown=1", want: pinged(with(success, "50% of it"))},
		{line: "POST " + at, header: form, body: "s=1&m=no+space", want: pinged(with(exit(1), "no space"))},
		{line: "POST " + at + "?s=1", header: form, body: "s=0&m=x", want: pinged(with(exit(1), "x"))},
		{line: "POST " + at + "?m=query", header: form, body: "m=form", want: pinged(with(success, "query"))},
		{line: "POST " + at, header: form, body: "rows: 12", want: pinged(monitor.Ping{Signal: monitor.Success, Body: []byte("rows: 12")})},
		{ // Alertmanager is pointed at snitches
			line: "POST " + at, header: "Content-Type: application/json", body: `{"status":"firing","alerts":[]}`,
			want: pinged(monitor.Ping{Signal: monitor.Success, Body: []byte(`{"status":"firing","alerts":[]}`)}),
		},
		{line: "POST " + at, body: "\x00\xff{", want: pinged(monitor.Ping{Signal: monitor.Success, Body: []byte("\x00\xff{")})},
	})
	answersAs(t, dialect.DeadMansSnitch, dialect.Answer{Code: 202, Text: "Got it, thanks!"}, plainNotFound, plainTryAgain)
}
