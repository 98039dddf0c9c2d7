package dialect_test

import (
	"testing"

	"rollcall/internal/dialect"
	"rollcall/internal/monitor"
)

func TestStatusCake(t *testing.T) {
	event := func(warning string, metrics map[string]float64) []dialect.Event {
		p := monitor.Ping{Signal: monitor.Success, Detail: monitor.Detail{Metrics: metrics}}
		return []dialect.Event{{PingKey: key, Slug: "123456", Title: "123456", Ping: p, Warning: warning}}
	}
	incomplete := dialect.Refusal{Code: 400, Text: "give the project's ping key as PK and the slug of the check as TestID"}
	readAs(t, dialect.StatusCake, []wire{
		{line: "GET /?PK=" + key + "&TestID=123456&time=0", want: event("", map[string]float64{"time": 0})},
		{line: "POST //?PK=" + key + "&TestID=123456&time=", want: event("", nil)},
		{line: "HEAD /?TestID=123456&PK=" + key, want: event("", nil)},
		{line: "GET /?PK=" + key + "&TestID=123456&time=NaN", want: event("bad-time", nil)},
		{line: "GET /?PK=" + key, refuse: incomplete},
		{line: "GET /?PK=&TestID=123456", refuse: incomplete},
	})
	answersAs(t, dialect.StatusCake, plainOK, plainNotFound, plainTryAgain)
}
