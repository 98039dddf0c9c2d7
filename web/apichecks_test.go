package web_test

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

// The document of a check, member for member, in each version and with each key.
func TestAPICheckDocument(t *testing.T) {
	a := newAPI(t)
	check := a.addCheck(a.project.ID, "Nightly", a.hook.ID, a.ops.ID)
	channels := []string{a.hook.UUID().String(), a.ops.UUID().String()}
	slices.Sort(channels)
	sum := sha1.Sum([]byte(strings.ReplaceAll(check.UUID.String(), "-", "")[:16]))
	badge, _ := a.get(at(check, "")).doc()["badge_url"].(string)
	if !strings.HasPrefix(badge, "http://localhost:8000/b/2/") || strings.Contains(badge, check.UUID.String()) {
		t.Errorf("badge_url is %s", badge)
	}
	base := map[string]any{
		"name": "Nightly", "slug": "nightly", "tags": "", "desc": "", "grace": 60.0, "n_pings": 0.0,
		"status": "new", "started": false, "last_ping": nil, "next_ping": nil, "manual_resume": false, "methods": "",
		"subject": "", "subject_fail": "", "start_kw": "", "success_kw": "", "failure_kw": "",
		"filter_subject": false, "filter_body": false, "filter_http_body": false, "filter_default_fail": false,
		"badge_url": badge, "timeout": 3600.0,
	}
	with := func(more map[string]any) map[string]any {
		all := map[string]any{}
		for _, part := range []map[string]any{base, more} {
			for name, value := range part {
				all[name] = value
			}
		}
		return all
	}
	for _, version := range []string{"v1", "v2", "v3"} {
		update := "http://localhost:8000/api/" + version + "/checks/" + check.UUID.String()
		written := with(map[string]any{
			"uuid": check.UUID.String(), "ping_url": "http://localhost:8000/ping/" + check.UUID.String(),
			"update_url": update, "pause_url": update + "/pause", "resume_url": update + "/resume",
			"channels":    strings.Join(channels, ","),
			"max_runtime": nil, "threshold": nil, "kind": "simple", "late": false,
		})
		if diff := cmp.Diff(written, a.get("/api/"+version+"/checks/"+check.UUID.String()).is(200).doc()); diff != "" {
			t.Errorf("%s, read-write key (-want +got):\n%s", version, diff)
		}
		if ours := len(written) - len([]string{"max_runtime", "threshold", "kind", "late"}); ours != 29 {
			t.Errorf("%d members are Healthchecks', want 29", ours)
		}
		read := with(map[string]any{"unique_key": hex.EncodeToString(sum[:])})
		for _, path := range []string{check.UUID.String(), hex.EncodeToString(sum[:])} {
			if diff := cmp.Diff(read, a.ask(roKey, http.MethodGet, "/api/"+version+"/checks/"+path, "").is(200).doc()); diff != "" {
				t.Errorf("%s, read-only key (-want +got):\n%s", version, diff)
			}
		}
	}
	t.Run("a schedule takes the place of the timeout", func(t *testing.T) {
		check := a.change(check, func(c *monitor.Config) {
			c.Schedule = schedule.Spec{Kind: schedule.Cron, Expr: "5 4 * * *", Zone: "Europe/Riga"}
			limit := 90 * time.Second
			c.MaxRuntime, c.PostOnly, c.Tags = &limit, true, []string{"prod", "db"}
			c.Filter = monitor.Filter{Subject: true, Success: "done", Fail: "oops"}
		})
		w := a.get(at(check, "")).has(
			"schedule", "5 4 * * *", "tz", "Europe/Riga", "kind", "cron", "max_runtime", 90, "methods", "POST", "tags", "prod db",
			"filter_subject", true, "subject", "done", "subject_fail", "oops", "success_kw", "done", "failure_kw", "oops")
		if _, has := w.doc()["timeout"]; has {
			t.Error("there is a timeout")
		}
		a.change(check, func(c *monitor.Config) {
			c.Schedule = schedule.Spec{Kind: schedule.OnCalendar, Expr: "daily", Zone: "UTC"}
		})
		a.get(at(check, "")).has("schedule", "daily", "tz", "UTC", "kind", "oncalendar")
	})
}

// What a check goes through, as its document tells it.
func TestAPICheckStatus(t *testing.T) {
	a := newAPI(t)
	check := a.addCheck(a.project.ID, "Nightly") // every hour, a minute of grace
	begin := a.now().Truncate(time.Second)
	later := func(d time.Duration) time.Time { return begin.Add(d) }
	a.ahead.Store(int64(-time.Until(begin)))
	stamp := func(at time.Time) string { return at.Format("2006-01-02T15:04:05") + "+00:00" }
	for _, step := range []struct {
		name  string
		after time.Duration
		ping  *monitor.Ping
		v1    string
		has   []any
	}{
		{"new", 0, nil, "new", []any{"status", "new", "started", false, "last_ping", nil, "next_ping", nil, "n_pings", 0}},
		{"success", time.Minute, &monitor.Ping{Signal: monitor.Success}, "up", []any{"status", "up", "last_ping", stamp(later(time.Minute)), "next_ping", stamp(later(61 * time.Minute)), "n_pings", 1}},
		{"late", 61*time.Minute + 10*time.Second, nil, "grace", []any{"status", "grace", "late", true}},
		{"start", 61*time.Minute + 20*time.Second, &monitor.Ping{Signal: monitor.Start, RunID: "r"}, "started", []any{"started", true, "n_pings", 2}},
		{"end", 61*time.Minute + 32*time.Second, &monitor.Ping{Signal: monitor.Success, RunID: "r"}, "up", []any{"status", "up", "started", false, "last_duration", 12, "n_pings", 3}},
		{"failure", 62 * time.Minute, &monitor.Ping{Signal: monitor.Fail}, "down", []any{"status", "down", "next_ping", nil, "last_ping", stamp(later(62 * time.Minute))}},
	} {
		a.ahead.Store(int64(time.Until(later(step.after))))
		if step.ping != nil {
			ping := *step.ping
			ping.At, ping.Scheme, ping.Method = later(step.after), "https", "GET"
			a.report(check, ping)
		}
		a.get(at(check, "")).has(step.has...)
		a.get("/api/v1/checks/"+check.UUID.String()).has("status", step.v1)
		if t.Failed() {
			t.Fatalf("after %s", step.name)
		}
	}
	a.post(at(check, "/pause"), "").is(200).has("status", "paused", "next_ping", nil)
	a.post(at(check, "/pause"), "{}").is(200).has("status", "paused")
	a.post(at(check, "/pause"), "null").is(200).has("status", "paused") // as the Ansible collection sends
	a.post(at(check, "/pause"), "[]").refused(400, "json validation error: value is not an object")
	a.post(at(check, "/resume"), "").is(200).has("status", "new")
	a.post(at(check, "/resume"), "").refused(409, "check is not paused")
}

func TestAPIListChecks(t *testing.T) {
	a := newAPI(t)
	for i, tags := range []string{"prod db", "prod", "db", ""} {
		check := a.addCheck(a.project.ID, fmt.Sprint("z", 9-i)) // their order is not that of their names
		a.change(check, func(c *monitor.Config) { c.Tags = strings.Fields(tags) })
	}
	a.addCheck(a.other.ID, "Theirs")
	names := func(w reply) (names []string) {
		for _, check := range w.is(200).doc()["checks"].([]any) {
			names = append(names, check.(map[string]any)["name"].(string))
		}
		return names
	}
	for query, want := range map[string][]string{
		"":                     {"z9", "z8", "z7", "z6"},
		"?tag=prod":            {"z9", "z8"},
		"?tag=prod&tag=db":     {"z9"},
		"?tag=pro":             nil,
		"?tag=%25":             nil,
		"?tag=%00":             nil,
		"?tag='%20OR%201=1":    nil,
		"?slug=z7":             {"z7"},
		"?slug=z7&tag=prod":    nil,
		"?slug=theirs":         nil,
		"?limit=2":             {"z9", "z8"},
		"?limit=10":            {"z9", "z8", "z7", "z6"},
		"?limit=2&tag=db":      {"z9", "z7"},
		"?unknown=1&nothing=2": {"z9", "z8", "z7", "z6"},
	} {
		if diff := cmp.Diff(want, names(a.get("/api/v3/checks/"+query))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	t.Run("pages", func(t *testing.T) {
		first := a.get("/api/v3/checks/?limit=3")
		cursor, _ := first.doc()["next_cursor"].(string)
		rest := a.get("/api/v3/checks/?limit=3&cursor=" + cursor)
		if got := append(names(first), names(rest)...); !slices.Equal(got, []string{"z9", "z8", "z7", "z6"}) {
			t.Errorf("two pages hold %v", got)
		}
		rest.has("next_cursor", nil)
		if _, has := a.get("/api/v3/checks/").doc()["next_cursor"]; has {
			t.Error("a list of all has a cursor")
		}
		for query, text := range map[string]string{
			"limit=0": "limit must be from 1 to 10000", "limit=-1": "limit must be from 1 to 10000", "limit=abc": "limit must be from 1 to 10000",
			"limit=1000000000": "limit must be from 1 to 10000", "limit=1&cursor=tampered": "cursor is none of ours; begin again without it",
		} {
			a.get("/api/v3/checks/?"+query).refused(400, text)
		}
	})
	t.Run("a read-only key learns no UUID", func(t *testing.T) {
		w := a.ask(roKey, http.MethodGet, "/api/v3/checks/", "").is(200)
		checks, err := a.st.Checks(t.Context(), a.project.ID, 10)
		a.ok(err)
		for _, check := range checks {
			if strings.Contains(string(w.body), check.UUID.String()) {
				t.Errorf("%s is in the list", check.UUID)
			}
		}
	})
}

// Which checks a key reaches: its project's and no other.
func TestAPIFindsChecks(t *testing.T) {
	a := newAPI(t)
	mine, theirs := a.addCheck(a.project.ID, "Mine"), a.addCheck(a.other.ID, "Theirs")
	unknown := monitor.Check{UUID: uuid.New()}
	for _, more := range []struct{ method, path string }{
		{"GET", ""},
		{"POST", ""},
		{"DELETE", ""},
		{"POST", "/pause"},
		{"POST", "/resume"},
		{"GET", "/pings/"},
		{"GET", "/pings/1/body"},
		{"GET", "/flips/"},
	} {
		a.ask(rwKey, more.method, at(theirs, more.path), "").refused(403, "the check belongs to another project")
		a.ask(rwKey, more.method, at(unknown, more.path), "").refused(404, "not found")
	}
	a.get(at(theirs, "")).is(403)
	for _, path := range []string{
		strings.Repeat("0a", 20), strings.ToUpper(mine.UUID.String()), strings.ReplaceAll(mine.UUID.String(), "-", ""),
		"{" + mine.UUID.String() + "}", "-1", "0", strings.Repeat("9", 40) + "0", "%2e%2e", "..", "%00", "%D9%A1",
	} {
		a.get("/api/v3/checks/"+path).refused(404, "not found")
	}
	a.ask(rwKey, http.MethodDelete, at(mine, ""), "").is(200).has("name", "Mine", "uuid", mine.UUID.String())
	a.ask(rwKey, http.MethodDelete, at(mine, ""), "").refused(404, "not found")
	a.get(at(mine, "")).refused(404, "not found")
}

// together asks n times at once and counts the answers.
func (a *api) together(n int, ask func(i int) reply) map[int]int {
	var mu sync.Mutex
	codes := map[int]int{}
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			answer := ask(i)
			mu.Lock()
			defer mu.Unlock()
			codes[answer.code]++
		})
	}
	all.Wait()
	return codes
}

// A client that writes what it has read changes nothing that somebody else changed
// in between.
func TestAPIIfMatch(t *testing.T) { bothEngines(t, ifMatch) }

func ifMatch(a *api) {
	check := a.addCheck(a.project.ID, "Nightly", a.ops.ID)
	tag := a.get(at(check, "")).header.Get("ETag")
	if w := a.get(at(check, ""), "If-None-Match", tag); w.code != 304 || len(w.body) > 0 || w.header.Get("ETag") != tag {
		a.Errorf("If-None-Match: %d %s", w.code, w.body)
	}
	a.get(at(check, ""), "If-None-Match", `"other", W/`+tag).is(304)
	a.get(at(check, ""), "If-None-Match", `"other"`).is(200)

	a.post(at(check, ""), `{"name":"First"}`, "If-Match", tag).is(200)
	stale := []string{"If-Match", tag}
	const text = "the check has changed; get it again"
	a.post(at(check, ""), `{"name":"Second","channels":""}`, stale...).refused(412, text)
	a.post(at(check, "/pause"), "", stale...).refused(412, text)
	a.post(at(check, "/resume"), "", stale...).refused(412, text)
	a.ask(rwKey, http.MethodDelete, at(check, ""), "", stale...).refused(412, text)
	a.get(at(check, "")).has("name", "First", "status", "new", "channels", a.ops.UUID().String())

	w := a.get(at(check, ""))
	a.post(at(check, "/pause"), "", "If-Match", "W/"+w.header.Get("ETag")).refused(412, text) // a weak one proves nothing
	a.post(at(check, "/pause"), "", "If-Match", w.header.Get("ETag")).is(200)
	a.post(at(check, "/resume"), "", "If-Match", "*").is(200)

	// Of many that have read the same, one wins.
	tag = a.get(at(check, "")).header.Get("ETag")
	codes := a.together(20, func(i int) reply {
		return a.post(at(check, ""), fmt.Sprintf(`{"name":"Writer %d"}`, i), "If-Match", tag)
	})
	if codes[200] != 1 || codes[412] != 19 {
		a.Errorf("answers: %v", codes)
	}
	tag = a.get(at(check, "")).header.Get("ETag")
	a.ask(rwKey, http.MethodDelete, at(check, ""), "", "If-Match", tag).is(200)
}
