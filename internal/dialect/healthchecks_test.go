package dialect_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rollcall/internal/dialect"
	"rollcall/internal/monitor"
)

const id = "5f0b3a52-9c1d-4e7f-8a6b-2d3c4e5f6a7b"

func TestHealthchecks(t *testing.T) {
	exit := func(n int64) *int64 { return &n }
	success := monitor.Ping{Signal: monitor.Success}
	check := uuid.MustParse(id)
	for _, c := range []struct {
		path, query string
		want        dialect.Event
	}{
		{"/ping/" + id, "", dialect.Event{UUID: check, Ping: success}},
		{"/ping/" + id + "/", "", dialect.Event{UUID: check, Ping: success}},
		{"//ping//" + id, "", dialect.Event{UUID: check, Ping: success}},
		{"/PING/" + strings.ToUpper(id), "", dialect.Event{UUID: check, Ping: success}},
		{"/ping/" + id + ".", "", dialect.Event{UUID: check, Ping: success}},
		{"/ping/" + id + ")", "", dialect.Event{UUID: check, Ping: success}},
		{"/ping/" + id + "%0A", "", dialect.Event{UUID: check, Ping: success}},
		{"/ping/" + id + "%E2%80%8B", "", dialect.Event{UUID: check, Ping: success}},
		{"/ping/" + id + "/start", "", dialect.Event{UUID: check, Ping: monitor.Ping{Signal: monitor.Start}}},
		{"/ping/" + id + "/fail/", "", dialect.Event{UUID: check, Ping: monitor.Ping{Signal: monitor.Fail}}},
		{"/ping/" + id + "/log", "", dialect.Event{UUID: check, Ping: monitor.Ping{Signal: monitor.Log}}},
		{"/ping/" + id + "/0", "", dialect.Event{UUID: check, Ping: monitor.Ping{Signal: monitor.Success, Exit: exit(0)}}},
		{"/ping/" + id + "/00", "", dialect.Event{UUID: check, Ping: monitor.Ping{Signal: monitor.Success, Exit: exit(0)}}},
		{"/ping/" + id + "/256", "", dialect.Event{UUID: check, Ping: monitor.Ping{Signal: monitor.Fail, Exit: exit(256)}}},
		{"/ping/" + id + "/-1073741819", "", dialect.Event{UUID: check, Ping: monitor.Ping{Signal: monitor.Fail, Exit: exit(-1073741819)}}},
		{"/ping/" + id + "/3221225477", "", dialect.Event{UUID: check, Ping: monitor.Ping{Signal: monitor.Fail, Exit: exit(3221225477)}}},
		{"/ping/key/nightly", "", dialect.Event{PingKey: "key", Slug: "nightly", Ping: success}},
		{"/ping/key/nightly/", "create=1", dialect.Event{PingKey: "key", Slug: "nightly", Create: true, Ping: success}},
		{"/ping/key/nightly", "create=true", dialect.Event{PingKey: "key", Slug: "nightly", Ping: success}},
		{"/ping/key/nightly/3", "", dialect.Event{PingKey: "key", Slug: "nightly", Ping: monitor.Ping{Signal: monitor.Fail, Exit: exit(3)}}},
		{"/ping/key/start", "", dialect.Event{PingKey: "key", Slug: "start", Ping: success}},
		{"/ping/" + id, "create=1", dialect.Event{UUID: check, Ping: success}},
		{"/ping/" + id, "rid=run-1", dialect.Event{UUID: check, Ping: monitor.Ping{Signal: monitor.Success, RunID: "run-1"}}},
		{"/ping/" + id, "rid=" + strings.Repeat("x", 64), dialect.Event{UUID: check, Ping: monitor.Ping{Signal: monitor.Success, RunID: strings.Repeat("x", 64)}}},
		{"/ping/" + id, "rid=" + strings.Repeat("x", 65), dialect.Event{UUID: check, Ping: success, Warning: "bad-rid"}},
		{"/ping/" + id, "rid=%00&rid=ok", dialect.Event{UUID: check, Ping: monitor.Ping{Signal: monitor.Success, RunID: "ok"}}},
		{"/ping/" + id, "rid=", dialect.Event{UUID: check, Ping: success}},
		{"/ping/" + id, "%zz&rid=a;b", dialect.Event{UUID: check, Ping: success}},
	} {
		got, err := dialect.Healthchecks(c.path, c.query)
		if err != nil {
			t.Errorf("%s?%s: %v", c.path, c.query, err)
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s?%s (-want +got):\n%s", c.path, c.query, diff)
		}
	}
}

func TestHealthchecksRefuses(t *testing.T) {
	for _, c := range []struct {
		path string
		code int
	}{
		{"/ping", 404},
		{"/ping/", 404},
		{"/ping/nonsense", 404},
		{"/ping/../ping/" + id, 404},
		{"/ping/" + strings.ReplaceAll(id, "-", ""), 404},
		{"/ping/{" + id + "}", 404},
		{"/ping/" + id + "/whatever", 404},
		{"/ping/" + id + "/Start", 400},
		{"/ping/" + id + "/0x1", 404},
		{"/ping/" + id + "/%D9%A1", 404},
		{"/ping/" + id + "/1/2", 404},
		{"/ping/" + id + "/99999999999999999999", 400},
		{"/ping/" + id + "/4294967296", 400},
		{"/ping/" + id + "/-2147483649", 400},
		{"/ping/key/Nightly", 400},
		{"/ping/key/a%2Fb", 404},
		{"/ping/key/%00", 404},
		{"/ping/key/..", 404},
		{"/ping/key/" + strings.Repeat("s", 300), 404},
		{"/ping/key/%F0%9F%98%80", 404},
		{"/ping/key/a/start/b", 404},
		{"/ping/%zz/a", 404},
	} {
		event, err := dialect.Healthchecks(c.path, "")
		var refusal dialect.Refusal
		if !errors.As(err, &refusal) || refusal.Code != c.code {
			t.Errorf("%s: %+v, %v; want %d", c.path, event, err, c.code)
		}
	}
}

// FuzzHealthchecks: nothing a client can spell panics, and what is understood
// names a check and has a signal.
func FuzzHealthchecks(f *testing.F) {
	f.Add("/ping/"+id+"/start", "rid=a")
	f.Add("//ping/key/slug/-1", "create=1&rid=%zz")
	f.Add("/ping/%2e%2e/%00", "")
	f.Fuzz(func(t *testing.T, path, query string) {
		event, err := dialect.Healthchecks(path, query)
		var refusal dialect.Refusal
		switch {
		case err != nil && !errors.As(err, &refusal):
			t.Fatalf("%q: %v", path, err)
		case err == nil && (event.UUID == uuid.Nil) == (event.PingKey == ""):
			t.Fatalf("%q names no check, or two: %+v", path, event)
		case err == nil && event.Ping.Signal == "":
			t.Fatalf("%q has no signal", path)
		case len(event.Ping.RunID) > monitor.RunIDLimit:
			t.Fatalf("run id of %d", len(event.Ping.RunID))
		}
	})
}

// FuzzLate: no age is believed without a signature by somebody who knows the address.
func FuzzLate(f *testing.F) {
	f.Add("5", "v1=00", "body")
	f.Add("NaN", "", "")
	f.Add("-1e999", "v1=", "\x00")
	f.Add("604800.5", "v2=zz", "")
	f.Fuzz(func(t *testing.T, age, signature, body string) {
		event := dialect.Event{UUID: uuid.MustParse(id), Ping: monitor.Ping{Signal: monitor.Success, Body: []byte(body)}}
		err := event.Late(http.Header{dialect.AgeHeader: {age}, dialect.SignatureHeader: {signature}})
		if event.Ping.Age != 0 || age != "" && err == nil {
			t.Errorf("%q signed %q: %s, %v", age, signature, event.Ping.Age, err)
		}
	})
}
