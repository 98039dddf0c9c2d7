package client_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rollcall/internal/client"
)

func TestSendOnTheWire(t *testing.T) {
	slug := "/ping/" + pingKey + "/nightly"
	for _, c := range []struct {
		check  string
		create bool
		ping   client.Ping
		want   string
	}{
		{checkUUID, false, client.Ping{Signal: client.Success}, "/ping/" + checkUUID},
		{checkUUID, false, client.Ping{Signal: client.Start, RunID: "run-1"}, "/ping/" + checkUUID + "/start?rid=run-1"},
		{checkUUID, false, client.Exited(0), "/ping/" + checkUUID + "/0"},
		{checkUUID, false, client.Exited(-1), "/ping/" + checkUUID + "/-1"},
		{"nightly", false, client.Ping{Signal: client.Fail, Body: []byte("broken\x00\xff")}, slug + "/fail"},
		{"nightly", true, client.Ping{Signal: client.Log, RunID: "a&b=c"}, slug + "/log?create=1&rid=a%26b%3Dc"},
		{"nightly", true, client.Exited(3), slug + "/3?create=1"},
	} {
		synctest.Test(t, func(t *testing.T) {
			server := newPingServer(t, "200")
			to := addressOf(t, c.check)
			to.Create = c.create
			_, err := server.pinger(nil).Send(t.Context(), to, c.ping)
			if diff := cmp.Diff([]arrival{{URI: c.want, Body: string(c.ping.Body)}}, server.arrived()); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestSendHeaders(t *testing.T) {
	var got []*http.Request
	seen := roundTripper(func(r *http.Request) { got = append(got, r) })
	run := client.Ping{Signal: client.Success, RunID: "run-1"}
	for _, agent := range []string{"", "rollcall/1.2"} {
		pinger := client.Pinger{HTTP: &http.Client{Transport: seen}, UserAgent: agent, Now: time.Now}
		if _, err := pinger.Send(t.Context(), addressOf(t, checkUUID), run); err == nil {
			t.Fatal("there was no server")
		}
	}
	for i, agent := range []string{"rollcall", "rollcall/1.2"} {
		want := http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "User-Agent": {agent}, "X-Idempotency-Key": nil}
		if diff := cmp.Diff(want, got[i].Header); diff != "" || got[i].Method != http.MethodPost || got[i].ContentLength != 0 {
			t.Errorf("%s with %d bytes\n%s", got[i].Method, got[i].ContentLength, diff)
		}
	}
}

func TestReceipts(t *testing.T) {
	for answer, want := range map[string]client.Receipt{
		"200":                             {},
		"201":                             {Created: true},
		"200; Ping-Body-Limit: 10000":     {BodyLimit: 10_000},
		"200; Ping-Body-Limit: -1":        {},
		"200; Ping-Body-Limit: unlimited": {},
		"200; Ping-Result: duplicate":     {Duplicate: true},
		"200; Ping-Result: ignored":       {},
	} {
		synctest.Test(t, func(t *testing.T) {
			got, err := newPingServer(t, answer).pinger(nil).Send(t.Context(), addressOf(t, checkUUID), client.Exited(0))
			if err != nil || got != want {
				t.Errorf("%s: %+v, %v; want %+v", answer, got, err, want)
			}
		})
	}
}

func TestPingErrors(t *testing.T) {
	const text = "rollcall.test answers "
	for answer, want := range map[string]struct {
		final bool
		text  string
	}{
		"400":                               {true, text + "400 words of the server in two lines"},
		"404":                               {true, text + "404 not found: look at the ping URL, or at the ping key and the slug"},
		"409":                               {true, text + "409 words of the server in two lines"},
		"408":                               {false, text + "408 words of the server in two lines"},
		"429":                               {false, text + "429 words of the server in two lines"},
		"500":                               {false, text + "500 words of the server in two lines"},
		"503":                               {false, text + "503 words of the server in two lines"},
		"301; Location: https://other.test": {false, text + "301 words of the server in two lines: pings are not redirected; give the address of the server itself, with https"},
		"204":                               {false, text + "204, but not as a server of pings does: look at the address, and at what is on the way"},
		"page":                              {false, text + "200, but not as a server of pings does: look at the address, and at what is on the way"},
	} {
		synctest.Test(t, func(t *testing.T) {
			server := newPingServer(t, answer)
			_, err := server.pinger(nil).Send(t.Context(), addressOf(t, checkUUID), client.Exited(0))
			got, ok := errors.AsType[*client.PingError](err)
			if !ok || got.Final() != want.final || !strings.HasPrefix(got.Error(), want.text) || len(got.Error()) > len(want.text)+1 {
				t.Errorf("%s: %v", answer, err)
			}
			if n := len(server.arrived()); n != 1 {
				t.Errorf("%s: sent %d times", answer, n)
			}
		})
	}
}

func TestSendEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newPingServer(t, "hang")
		pinger := server.pinger(nil)
		_, err := pinger.Send(t.Context(), addressOf(t, checkUUID), client.Exited(0))
		if err == nil || time.Since(server.begin) != client.TryTimeout || strings.Contains(err.Error(), checkUUID) {
			t.Errorf("%v after %s", err, time.Since(server.begin))
		}
		pinger.TryTimeout = time.Second
		begin := time.Now()
		if _, err := pinger.Send(t.Context(), addressOf(t, checkUUID), client.Exited(0)); err == nil || time.Since(begin) != time.Second {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
	})
}

func TestInvalidPingsAreNotSent(t *testing.T) {
	zero, big := int64(0), int64(1)<<32
	for name, ping := range map[string]client.Ping{
		"no signal":        {},
		"unknown signal":   {Signal: "stop"},
		"a number":         {Signal: "5"},
		"fail with 0":      {Signal: client.Fail, Exit: &zero},
		"start with 0":     {Signal: client.Start, Exit: &zero},
		"too large a exit": {Signal: client.Fail, Exit: &big},
		"long run id":      {Signal: client.Success, RunID: strings.Repeat("r", client.LongestRunID+1)},
		"run id of words":  {Signal: client.Success, RunID: "my run"},
		"umlaut in run id": {Signal: client.Success, RunID: "läuft"},
		"large body":       {Signal: client.Success, Body: make([]byte, client.LargestBody+1)},
	} {
		synctest.Test(t, func(t *testing.T) {
			server := newPingServer(t, "200")
			_, sent := server.pinger(nil).Send(t.Context(), addressOf(t, checkUUID), ping)
			delivered := server.pinger(nil).Deliver(t.Context(), addressOf(t, checkUUID), ping)
			if n := len(server.arrived()); sent == nil || delivered == nil || n != 0 {
				t.Errorf("%s: %v, %v, sent %d times", name, sent, delivered, n)
			}
		})
	}
}

// The signatures were computed by openssl.
func TestLateReports(t *testing.T) {
	failed := client.Exited(3)
	failed.RunID, failed.Body = "run-1", []byte("the output\n")
	for _, c := range []struct {
		check        string
		ping         client.Ping
		age          time.Duration
		want, signed string
	}{
		{check: checkUUID, ping: failed, age: time.Hour + 500*time.Millisecond, want: "3600.5", signed: "v1=d6548f607e73c255b509379b8b3dafbe16dc98501d53ec50af55e65c5c8b9fb9"},
		{check: "nightly", ping: client.Ping{Signal: client.Success}, age: 24 * time.Hour, want: "86400", signed: "v1=3ce8fbf9cc06df5bd9971375b2657f2cdfe0eb1e6aeb42c813b0a9cdb8d381bd"},
		{check: "nightly", ping: failed, age: client.LateAfter - 1},
		{check: "nightly", ping: failed, age: 0},
		{check: "nightly", ping: failed, age: -time.Hour}, // the clock was set back
	} {
		var got http.Header
		seen := roundTripper(func(r *http.Request) { got = r.Header })
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		pinger := client.Pinger{HTTP: &http.Client{Transport: seen}, Now: func() time.Time { return now }}
		c.ping.At = now.Add(-c.age)
		if _, err := pinger.Send(t.Context(), addressOf(t, c.check), c.ping); err == nil {
			t.Fatal("there was no server")
		}
		if age, signed := got.Get("Rollcall-Age"), got.Get("Rollcall-Signature"); age != c.want || signed != c.signed {
			t.Errorf("%s after %s: age %q, signed %s", c.ping.Signal, c.age, age, signed)
		}
	}
}

// Microseconds survive, and nothing finer is said.
func TestAgeHasSixDecimals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newPingServer(t, "200")
		ping := client.Ping{Signal: client.Success, At: time.Now().Add(-604799123456789 * time.Nanosecond)}
		if _, err := server.pinger(nil).Send(t.Context(), addressOf(t, checkUUID), ping); err != nil {
			t.Fatal(err)
		}
		want := []arrival{{URI: "/ping/" + checkUUID, Age: "604799.123456"}}
		if diff := cmp.Diff(want, server.arrived(), cmpopts.IgnoreFields(arrival{}, "After")); diff != "" {
			t.Error(diff)
		}
	})
}
