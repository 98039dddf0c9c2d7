package dialect_test

import (
	"strings"
	"testing"
	"time"

	"rollcall/internal/dialect"
	"rollcall/internal/monitor"
)

func TestHoneybadger(t *testing.T) {
	const (
		at  = "/v1/check_in/" + token
		all = `{"check_in":{"status":"success","duration":1500,"stdout":"12 rows","stderr":"slow","exit_code":0}}`
	)
	ping := func(signal monitor.Signal, body string) monitor.Ping {
		p := monitor.Ping{Signal: signal}
		if body != "" {
			p.Body = []byte(body)
		}
		return p
	}
	whole := ping(monitor.Success, "12 rows\nslow")
	whole.Exit, whole.Duration = exited(0), lasted(1500*time.Millisecond)
	status := func(word string) string { return `{"check_in":{"status":"` + word + `"}}` }
	failed := func(body string, exit *int64) monitor.Ping {
		p := ping(monitor.Fail, body)
		p.Exit = exit
		return p
	}
	unquoted := `{"check_in":{"stdout":"he said "no"` + "\n" + `","status":"error","exit_code":4}}`
	long := strings.Repeat("x", monitor.BodyLimit+1)
	readAs(t, dialect.Honeybadger, []wire{
		{line: "GET " + at, want: pinged(ping(monitor.Success, ""))},
		{line: "HEAD " + at + "/", want: pinged(ping(monitor.Success, ""))},
		{
			line: "GET /v1/check_in/" + key + "/Nightly%20Job",
			want: []dialect.Event{{PingKey: key, Slug: "nightly-job", Title: "Nightly Job", Ping: ping(monitor.Success, "")}},
		},
		{line: "POST " + at, header: "Content-Type: application/json", body: all, want: pinged(whole)},
		{line: "POST " + at, body: status("success"), want: pinged(ping(monitor.Success, status("success")))},
		{line: "POST " + at, body: status("Success"), want: pinged(ping(monitor.Success, status("Success")))},
		{line: "POST " + at, body: status("error"), want: pinged(ping(monitor.Fail, status("error")))},
		{line: "POST " + at, body: status("ERROR"), want: pinged(ping(monitor.Fail, status("ERROR")))},
		{line: "POST " + at, body: status("timed out"), want: pinged(ping(monitor.Fail, status("timed out")))},
		{line: "POST " + at, body: `{"status":"error"}`, want: pinged(ping(monitor.Fail, `{"status":"error"}`))},
		{line: "POST " + at + "?status=error", want: pinged(ping(monitor.Fail, ""))},
		{line: "POST " + at, body: `{"check_in":{"status":"success","exit_code":3,"stdout":"x"}}`, want: pinged(failed("x", exited(3)))},
		{line: "POST " + at, body: `{"check_in":{"exit_code":1e99,"stdout":"x"}}`, want: warned("bad-exit-status", failed("x", nil))},
		{line: "POST " + at, body: `{"check_in":{"duration":-1,"stdout":"x"}}`, want: warned("bad-duration", ping(monitor.Success, "x"))},
		{line: "POST " + at, body: `{"check_in":{"duration":"1e999","stdout":"x"}}`, want: warned("bad-duration", ping(monitor.Success, "x"))},
		{line: "POST " + at, body: `{"check_in":"later"}`, want: pinged(ping(monitor.Success, `{"check_in":"later"}`))},
		{line: "POST " + at, body: "12 rows", want: pinged(ping(monitor.Success, "12 rows"))},
		{line: "POST " + at, body: unquoted, want: warned("bad-body", failed(unquoted, exited(4)))},
		{ // a status behind an output that is longer than what is kept
			line: "POST " + at, body: `{"check_in":{"stdout":"` + long + `","status":"error"}}`,
			want: pinged(ping(monitor.Fail, long)),
		},
	})
	answersAs(t, dialect.Honeybadger, plainOK, plainNotFound, plainTryAgain)
}
