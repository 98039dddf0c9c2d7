package dialect_test

import (
	"testing"

	"rollcall/internal/dialect"
	"rollcall/internal/monitor"
)

func TestKuma(t *testing.T) {
	const at = "/api/push/" + token
	up, down := monitor.Ping{Signal: monitor.Success}, monitor.Ping{Signal: monitor.Fail}
	said := func(p monitor.Ping, message string, metrics map[string]float64) monitor.Ping {
		p.Detail.Message, p.Detail.Metrics = message, metrics
		return p
	}
	readAs(t, dialect.Kuma, []wire{
		{line: "GET " + at, want: pinged(up)},
		{line: "GET " + at + "?status=up&msg=OK&ping=", want: pinged(said(up, "OK", nil))}, // as people paste it
		{line: "GET " + at + "?status=up&msg=OK&ping=12.5", want: pinged(said(up, "OK", map[string]float64{"ping": 12.5}))},
		{line: "GET " + at + "?status=", want: pinged(up)},
		{line: "GET " + at + "?status=down&msg=no%20route", want: pinged(said(down, "no route", nil))},
		{line: "GET " + at + "?status=UP", want: pinged(down)},
		{line: "GET " + at + "?status=Down", want: pinged(down)},
		{line: "GET " + at + "?status=ok", want: pinged(down)},
		{line: "GET " + at + "?status=up%20", want: pinged(down)},
		{line: "GET " + at + "?status=down;msg=x", want: pinged(down)},
		{line: "GET " + at + "?status=down%zz", want: pinged(down)},
		{line: "GET " + at + "?status=up&status=down", want: pinged(down)},
		{line: "GET " + at + "?ping=NaN", want: warned("bad-ping", up)},
		{line: "GET " + at + "?ping=-Inf", want: warned("bad-ping", up)},
		{line: "GET " + at + "?ping=1e999", want: warned("bad-ping", up)},
		{line: "GET " + at + "?ping=fast", want: warned("bad-ping", up)},
		{line: "DELETE " + at + "/?status=down", want: pinged(down)},
		{line: "PATCH " + at, body: "output", want: pinged(monitor.Ping{Signal: monitor.Success, Body: []byte("output")})},
	})
	answersAs(t, dialect.Kuma,
		dialect.Answer{Code: 200, Text: `{"ok":true}`, Type: jsonType},
		dialect.Answer{Code: 404, Text: `{"ok":false,"msg":"Monitor not found or not active."}`, Type: jsonType},
		dialect.Answer{Code: 503, Text: `{"ok":false,"msg":"Could not be stored now. Try again."}`, Type: jsonType},
	)
}
