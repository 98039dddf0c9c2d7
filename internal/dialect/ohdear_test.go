package dialect_test

import (
	"testing"
	"time"

	"rollcall/internal/dialect"
	"rollcall/internal/monitor"
)

func TestOhDear(t *testing.T) {
	const at = "/" + token
	ping := func(signal monitor.Signal, body string) monitor.Ping {
		p := monitor.Ping{Signal: signal}
		if body != "" {
			p.Body = []byte(body)
		}
		return p
	}
	const (
		whole  = `{"runtime":12.34,"exit_code":0,"memory":12345}`
		failed = `{"failure_message":"disk full"}`
		broken = `{"runtime":1.5,"failure_message":"said "no"","exit_code":2`
		junk   = `{"runtime":-1,"memory":"a lot","exit_code":"boom","extra":[{}]}`
		texts  = `{"runtime":"2","exit_code":"7"}`
		nulls  = `{"runtime":null,"exit_code":null,"memory":null}`
	)
	finished := ping(monitor.Success, whole)
	finished.Exit, finished.Duration = exited(0), lasted(12340*time.Millisecond)
	finished.Detail.Metrics = map[string]float64{"memory": 12345}
	told := ping(monitor.Fail, failed)
	told.Detail.Message = "disk full"
	madeOut := ping(monitor.Fail, broken)
	madeOut.Exit, madeOut.Duration, madeOut.Detail.Message = exited(2), lasted(1500*time.Millisecond), "said "
	numbered := ping(monitor.Fail, texts)
	numbered.Exit, numbered.Duration = exited(7), lasted(2*time.Second)
	asked := ping(monitor.Fail, "")
	asked.Exit, asked.Duration = exited(1), lasted(3*time.Second)
	readAs(t, dialect.OhDear, []wire{
		{line: "GET " + at, want: pinged(ping(monitor.Success, ""))},
		{line: "POST " + at + "/starting", body: "{}", want: pinged(ping(monitor.Start, "{}"))},
		{line: "POST " + at + "/Starting/", want: pinged(ping(monitor.Start, ""))},
		{line: "POST " + at + "/finished", want: pinged(ping(monitor.Success, ""))},
		{line: "POST " + at + "/finished", header: "Content-Type: application/json", body: whole, want: pinged(finished)},
		{line: "POST " + at + "/failed", body: failed, want: pinged(told)},
		{line: "GET " + at + "/FAILED", want: pinged(ping(monitor.Fail, ""))},
		{line: "POST " + at + "/finished", body: texts, want: pinged(numbered)},
		{line: "POST " + at + "/finished", body: nulls, want: pinged(ping(monitor.Success, nulls))},
		{line: "POST " + at + "/finished", body: junk, want: warned("bad-duration", ping(monitor.Success, junk))},
		{line: "POST " + at + "/finished", body: broken, want: warned("bad-body", madeOut)},
		{line: "POST " + at + "/finished", body: "[]", want: pinged(ping(monitor.Success, "[]"))},
		{line: "GET " + at + "/finished?exit_code=1&runtime=3", want: pinged(asked)},
	})
	answersAs(t, dialect.OhDear, plainOK, plainNotFound, plainTryAgain)
}
