package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/monitor"
)

func TestAPIPings(t *testing.T) {
	a := newAPI(t)
	check := a.addCheck(a.project.ID, "Nightly")
	begin := a.now().Truncate(time.Second).Add(-time.Minute).Add(123_456 * time.Microsecond)
	two := int64(2)
	body := []byte("<script>\xff\x00\nline")
	for i, ping := range []monitor.Ping{
		{Signal: monitor.Start, RunID: "7b1c4a8e-1d4c-4b43-9d9f-0c4d3a1e5f60", UserAgent: "curl/8", RemoteAddr: "192.0.2.1"},
		{Signal: monitor.Success, RunID: "7b1c4a8e-1d4c-4b43-9d9f-0c4d3a1e5f60", Body: body, BodySize: int64(len(body))},
		{Signal: monitor.Log},
		{Signal: monitor.Fail, Exit: &two},
	} {
		ping.At, ping.Scheme, ping.Method = begin.Add(time.Duration(i)*1234*time.Millisecond), "https", "POST"
		a.report(check, ping)
	}
	a.change(check, func(c *monitor.Config) { c.Filter = monitor.Filter{On: true, Success: "done"} })
	a.report(check, monitor.Ping{At: begin.Add(10 * time.Second), Signal: monitor.Success, Scheme: "http", Method: "GET"})

	for _, version := range []string{"v1", "v2", "v3"} {
		base := "/api/" + version + "/checks/" + check.UUID.String() + "/pings/"
		stamp := func(after time.Duration) string {
			return begin.Add(after).Format("2006-01-02T15:04:05.000000") + "+00:00"
		}
		ping := func(n float64, kind string, at time.Duration, more map[string]any) map[string]any {
			doc := map[string]any{
				"type": kind, "date": stamp(at), "n": n, "scheme": "https", "remote_addr": "", "method": "POST", "ua": "", "rid": nil, "body_url": nil,
			}
			for name, value := range more {
				doc[name] = value
			}
			return doc
		}
		const rid = "7b1c4a8e-1d4c-4b43-9d9f-0c4d3a1e5f60"
		want := map[string]any{"pings": []any{
			ping(5, "ign", 10*time.Second, map[string]any{"scheme": "http", "method": "GET"}),
			ping(4, "fail", 3702*time.Millisecond, nil),
			ping(3, "log", 2468*time.Millisecond, nil),
			ping(2, "success", 1234*time.Millisecond, map[string]any{"rid": rid, "duration": 1.23, "body_url": "http://localhost:8000" + base + "2/body"}),
			ping(1, "start", 0, map[string]any{"rid": rid, "ua": "curl/8", "remote_addr": "192.0.2.1"}),
		}}
		if diff := cmp.Diff(want, a.get(base).is(200).doc()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", version, diff)
		}
		w := a.get(base + "2/body").is(200)
		if string(w.body) != string(body) || w.header.Get("Content-Type") != "text/plain" || w.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("the body is %q as %q", w.body, w.header.Get("Content-Type"))
		}
		for _, n := range []string{"1", "0", "6", strings.Repeat("9", 40)} {
			a.get(base+n+"/body").refused(404, "not found")
		}
	}
}

func TestAPIFlips(t *testing.T) {
	a := newAPI(t)
	a.ahead.Store(int64(-11 * time.Hour))
	check := a.addCheck(a.project.ID, "Nightly")
	a.ahead.Store(0)
	begin := a.now().Truncate(time.Second).Add(-10 * time.Hour)
	for i, signal := range []monitor.Signal{monitor.Success, monitor.Fail, monitor.Success} {
		a.report(check, monitor.Ping{At: begin.Add(time.Duration(i) * time.Hour), Signal: signal})
	}
	a.post(at(check, "/pause"), "").is(200)
	all := []int{0, 1, 0, 1} // paused, up, down, up: the newest first
	unix := func(d time.Duration) int64 { return begin.Add(d).Unix() }
	for _, test := range []struct {
		query string
		ups   []int
	}{
		{"", all},
		{"?seconds=0", all},
		{"?seconds=31536000", all},
		{"?seconds=60", all[:1]},
		{fmt.Sprint("?start=", unix(time.Hour)), all[:3]},
		{fmt.Sprint("?end=", unix(time.Hour)), all[3:]},
		{fmt.Sprint("?start=", unix(time.Hour), "&end=", unix(2*time.Hour)), all[2:3]},
		{"?start=10000000000", nil},
		{"?seconds=&start=&end=", all},
	} {
		for key, path := range map[string]string{rwKey: check.UUID.String(), roKey: uniqueKeyOf(a, check)} {
			var ups []int
			for _, flip := range a.ask(key, http.MethodGet, "/api/v3/checks/"+path+"/flips/"+test.query, "").is(200).doc()["flips"].([]any) {
				ups = append(ups, int(flip.(map[string]any)["up"].(float64)))
			}
			if diff := cmp.Diff(test.ups, ups); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.query, diff)
			}
		}
	}
	flips := a.get(at(check, "/flips/")).doc()["flips"].([]any)
	want := map[string]any{"timestamp": begin.Format("2006-01-02T15:04:05") + "+00:00", "up": 1.0}
	if diff := cmp.Diff(want, flips[3]); diff != "" {
		t.Errorf("the first flip (-want +got):\n%s", diff)
	}
	for query, text := range map[string]string{
		"seconds=31536001":   "seconds must be from 0 to 31536000",
		"seconds=-1":         "seconds must be from 0 to 31536000",
		"seconds=1.5":        "seconds must be from 0 to 31536000",
		"start=10000000001":  "start must be from 0 to 10000000000",
		"start=2026-02-30":   "start must be from 0 to 10000000000",
		"end=infinity":       "end must be from 0 to 10000000000",
		"end=99999999999999": "end must be from 0 to 10000000000",
	} {
		a.get(at(check, "/flips/?"+query)).refused(400, text)
	}
}

// uniqueKeyOf is what a read-only key calls a check.
func uniqueKeyOf(a *api, check monitor.Check) string {
	a.Helper()
	for _, doc := range a.ask(roKey, http.MethodGet, "/api/v3/checks/?slug="+check.Slug, "").is(200).doc()["checks"].([]any) {
		return doc.(map[string]any)["unique_key"].(string)
	}
	a.Fatal("the check is not listed")
	return ""
}
