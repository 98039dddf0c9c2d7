package dialect_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/dialect"
	"rollcall/internal/monitor"
)

func TestAppSignal(t *testing.T) {
	const (
		batch     = "POST /check_ins/json?api_key=" + key + "&name=shop&environment=staging&hostname=web1"
		start     = `{"identifier":"nightly","digest":"ab12","kind":"start","timestamp":1700000000,"check_in_type":"cron"}`
		finish    = `{"identifier":"nightly","digest":"ab12","kind":"finish","timestamp":1700000004,"check_in_type":"cron"}`
		heartbeat = `{"identifier":"worker","timestamp":1700000001,"check_in_type":"heartbeat"}`
	)
	event := func(name string, p monitor.Ping) dialect.Event {
		return dialect.Event{PingKey: key, Slug: name, Title: name, Create: true, Ping: p}
	}
	from := func(p monitor.Ping) monitor.Ping {
		p.Detail.Environment, p.Detail.Host = "staging", "web1"
		return p
	}
	began := event("nightly", from(monitor.Ping{Signal: monitor.Start, RunID: "ab12"}))
	ended := event("nightly", from(monitor.Ping{Signal: monitor.Success, RunID: "ab12"}))
	beat := event("worker", from(monitor.Ping{Signal: monitor.Success}))
	timed := ended
	timed.Ping.Duration = lasted(4 * time.Second)
	one := func(p monitor.Ping, warning string) []dialect.Event {
		e := event("nightly", p)
		e.Warning = warning
		return []dialect.Event{e}
	}
	warn := func(e dialect.Event, warning string) dialect.Event {
		e.Warning = warning
		return e
	}
	noKey := dialect.Refusal{Code: 401, Text: "api_key is missing or unknown; give the project's ping key"}
	noEvent := dialect.Refusal{Code: 400, Text: "no line of the body is a JSON object with an identifier"}
	tooMany := dialect.Refusal{Code: 413, Text: "nothing was stored: one request may hold 1000 events in 1048576 bytes; send several"}
	const cron = "/check_ins/cron?identifier=nightly&api_key=" + key
	readAs(t, dialect.AppSignal, []wire{
		{line: batch, body: start, want: []dialect.Event{began}},
		{line: batch, body: finish + "\n", want: []dialect.Event{ended}},
		{line: batch, body: start + "\n" + heartbeat + "\r\n\n" + finish, want: []dialect.Event{began, beat, timed}},
		{line: batch, body: finish + "\n" + start, want: []dialect.Event{ended, began}},
		{line: batch, body: "nonsense\n" + heartbeat + "\n{\"kind\":\"start\"}", want: []dialect.Event{warn(beat, "bad-line")}},
		{line: batch, body: `{"identifier":"worker","kind":`, want: []dialect.Event{warn(beat, "bad-body")}},
		{line: batch, body: "", refuse: noEvent},
		{line: batch, body: "[]", refuse: noEvent},
		{line: batch, body: strings.Repeat(heartbeat+"\n", dialect.AppSignalEvents+1), refuse: tooMany},
		{line: "POST /check_ins/json", body: heartbeat, refuse: noKey},

		{line: "GET " + cron, want: one(monitor.Ping{Signal: monitor.Success}, "")},
		{line: "GET " + cron + "&kind=start&digest=r1", want: one(monitor.Ping{Signal: monitor.Start, RunID: "r1"}, "")},
		{line: "POST " + cron + "&kind=Finish", body: "12 rows", want: one(monitor.Ping{Signal: monitor.Success, Body: []byte("12 rows")}, "")},
		{line: "GET " + cron + "&kind=FAILED", want: one(monitor.Ping{Signal: monitor.Fail}, "")},
		{line: "GET " + cron + "&kind=pause", want: one(monitor.Ping{Signal: monitor.Log}, "bad-kind")},
		{line: "GET " + cron + "&digest=" + strings.Repeat("x", 65), want: one(monitor.Ping{Signal: monitor.Success}, "bad-digest")},
		{line: "GET " + strings.Replace(cron, "cron", "heartbeats", 1) + "&kind=start", want: one(monitor.Ping{Signal: monitor.Success}, "")},
		{line: "GET /check_ins/cron?api_key=" + key, refuse: dialect.Refusal{Code: 400, Text: "give the identifier of the check-in as identifier"}},
		{line: "GET /check_ins/heartbeats?identifier=x", refuse: noKey},
	})
	answersAs(t, dialect.AppSignal, plainOK, dialect.Answer(noKey), plainTryAgain)
	if diff := cmp.Diff(dialect.Answer{Code: 201, Text: "Created"}, dialect.AppSignal.Answer(dialect.Created)); diff != "" {
		t.Error(diff)
	}
	_, err := dialect.AppSignal.Read(dialect.Request{
		Pattern: "/check_ins/json", Query: dialect.Query("api_key=" + key), Body: []byte(heartbeat), Cut: true,
	})
	if diff := cmp.Diff(error(tooMany), err); diff != "" {
		t.Errorf("a body that was cut (-want +got):\n%s", diff)
	}
}
