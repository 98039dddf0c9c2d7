package dialect_test

import (
	"testing"

	"rollcall/internal/dialect"
	"rollcall/internal/monitor"
)

func TestCronhub(t *testing.T) {
	signal := func(s monitor.Signal) []dialect.Event { return pinged(monitor.Ping{Signal: s}) }
	readAs(t, dialect.Cronhub, []wire{
		{line: "GET /ping/" + token, want: signal(monitor.Success)},
		{line: "GET /start/" + token, want: signal(monitor.Start)},
		{line: "POST /finish/" + token + "/", want: signal(monitor.Success)},
		{line: "DELETE /fail/" + token, want: signal(monitor.Fail)},
		{line: "PATCH /Fail/" + token + "?unknown=%zz", want: signal(monitor.Fail)},
		{line: "PUT /finish/" + token, body: "\xff", want: pinged(monitor.Ping{Signal: monitor.Success, Body: []byte("\xff")})},
	})
	answersAs(t, dialect.Cronhub, plainOK, plainNotFound, plainTryAgain)
}
