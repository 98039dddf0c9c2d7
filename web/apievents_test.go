package web_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// micros is an instant as the API writes it.
func micros(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000000") + "+00:00" }

// freeze lets the site's clock begin at a whole second and returns it.
func (a *api) freeze() time.Time {
	begin := a.now().Truncate(time.Second)
	a.ahead.Store(int64(time.Until(begin)))
	return begin
}

// expire judges a check at an instant.
func (a *api) expire(check monitor.Check, at time.Time) {
	a.Helper()
	results, err := a.st.Transitions(a.Context(), []store.Step{{
		Ref: store.Ref{ID: check.ID}, Decide: func(c monitor.Check) monitor.Change { return c.Expire(at, at) },
	}})
	a.ok(err)
	a.ok(results[0].Err)
}

// send ends everything that waits in the outbox with one result.
func (a *api) send(result monitor.Result, at time.Time) {
	a.Helper()
	leased, err := a.st.LeaseDeliveries(a.Context(), store.Lease{Now: at, Until: at.Add(time.Minute), Limit: 100, PerChannel: 100})
	a.ok(err)
	for _, l := range leased {
		after, _ := l.Delivery.Settle(result, at)
		a.ok(a.st.RecordAttempt(a.Context(), monitor.Attempt{
			Delivery: l.Delivery.ID, N: after.Attempts, Started: at, Took: 250 * time.Millisecond,
			OK: result.Verdict == monitor.Done, Code: result.Code, Answer: result.Answer,
		}, after, ""))
	}
}

// events asks for what happened after a cursor.
func (a *api) events(key, query string) (events []map[string]any, cursor string) {
	a.Helper()
	doc := a.ask(key, http.MethodGet, "/api/v3/events/?"+query, "").is(200).doc()
	for _, event := range doc["events"].([]any) {
		events = append(events, event.(map[string]any))
	}
	return events, doc["cursor"].(string)
}

// Every kind of event, member for member, in the order in which it became known.
func TestAPIEvents(t *testing.T) {
	bothEngines(t, func(a *api) {
		begin := a.freeze()
		check, theirs := a.addCheck(a.project.ID, "Nightly", a.ops.ID), a.addCheck(a.other.ID, "Theirs")
		none, start := a.events(rwKey, "")
		if len(none) != 0 {
			a.Errorf("without a cursor there are events: %v", none)
		}
		two, took := int64(2), 90*time.Second
		second := func(n int) time.Time { return begin.Add(time.Duration(n) * time.Second) }
		a.report(theirs, monitor.Ping{At: second(1), Signal: monitor.Fail})
		a.report(check, monitor.Ping{At: second(1), Signal: monitor.Success, RunID: "r1", Duration: &took})
		a.report(check, monitor.Ping{Signal: monitor.Log, Age: time.Hour, RunID: "late"}.Dated(second(2)))
		a.report(check, monitor.Ping{At: second(3), Signal: monitor.Fail, Exit: &two})
		a.send(monitor.Result{Verdict: monitor.Done, Answer: "250 ok"}, second(4))
		_, err := a.st.EnqueueTest(a.Context(), a.project.ID, a.hook.ID, second(5))
		a.ok(err)
		a.send(monitor.Result{Verdict: monitor.Refuse, Answer: "550 no such mailbox"}, second(6))
		a.change(check, func(c *monitor.Config) { c.PostOnly = true })
		a.report(check, monitor.Ping{At: second(7), Signal: monitor.Success, Method: "GET"})
		a.ahead.Add(int64(11 * time.Second))

		head := map[string]any{"uuid": check.UUID.String(), "name": "Nightly", "slug": "nightly"}
		ping := func(at int, n float64, signal string, more map[string]any) map[string]any {
			doc := map[string]any{
				"at": micros(second(at)), "kind": "ping", "check": head, "n": n, "signal": signal,
				"rid": nil, "exit_status": nil, "duration": nil, "ignored": false,
			}
			for name, value := range more {
				doc[name] = value
			}
			return doc
		}
		flip := func(at int, old, status, reason string) map[string]any {
			return map[string]any{"at": micros(second(at)), "kind": "flip", "check": head, "old": old, "new": status, "reason": reason}
		}
		delivery := func(at int, check any, channel, state, answer string) map[string]any {
			return map[string]any{"at": micros(second(at)), "kind": "delivery", "check": check, "channel": channel, "state": state, "attempts": 1.0, "answer": answer}
		}
		want := []map[string]any{
			ping(1, 1, "success", map[string]any{"rid": "r1", "duration": 90.0}),
			flip(1, "new", "up", "success"),
			ping(2, 2, "log", map[string]any{"rid": "late"}),
			ping(3, 3, "fail", map[string]any{"exit_status": 2.0}),
			flip(3, "up", "down", "fail"),
			delivery(4, head, "Ops", "sent", "250 ok"),
			delivery(6, nil, "Hook", "dead", "550 no such mailbox"),
			ping(7, 4, "success", map[string]any{"ignored": true}),
		}
		all, cursor := a.events(rwKey, "after="+start)
		if diff := cmp.Diff(want, all); diff != "" {
			a.Errorf("events (-want +got):\n%s", diff)
		}
		if again, _ := a.events(rwKey, "after="+cursor); len(again) != 0 {
			a.Errorf("told twice: %v", again)
		}
		a.Run("a part at a time", func(t *testing.T) {
			for limit := 1; limit <= 4; limit++ {
				var got []map[string]any
				for cursor, more := start, true; more; {
					var part []map[string]any
					part, cursor = a.events(rwKey, fmt.Sprintf("limit=%d&after=%s", limit, cursor))
					got, more = append(got, part...), len(part) >= limit
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("by %d (-want +got):\n%s", limit, diff)
				}
			}
		})
		a.Run("a read-only key learns no UUID", func(t *testing.T) {
			read, _ := a.events(roKey, "after="+start)
			want := map[string]any{"unique_key": uniqueKeyOf(a, check), "name": "Nightly", "slug": "nightly"}
			if diff := cmp.Diff(want, read[0]["check"]); diff != "" || len(read) != len(all) {
				t.Errorf("%d events (-want +got):\n%s", len(read), diff)
			}
			if text := fmt.Sprint(read); strings.Contains(text, check.UUID.String()) {
				t.Errorf("the UUID is in %s", text)
			}
		})
		a.Run("another project has its own", func(t *testing.T) {
			if events, _ := a.events(foreignKey, "after="+start); len(events) != 2 {
				t.Errorf("they have %v", events)
			}
		})
		const noCursor = "after is none of ours; take the cursor of the answer before, or leave it out to begin now"
		for query, text := range map[string]string{
			"after=x": noCursor, "after=-1": noCursor, "after=" + strings.Repeat("9", 30): noCursor,
			"limit=0": "limit must be from 1 to 1000", "limit=1001&after=" + start: "limit must be from 1 to 1000",
		} {
			a.get("/api/v3/events/?"+query).refused(400, text)
		}
	})
}

// What is stored a moment after it was received is told all the same, and once: a
// list ends some seconds before now.
func TestAPIEventsSettle(t *testing.T) {
	a := newAPI(t)
	begin := a.freeze()
	check := a.addCheck(a.project.ID, "Nightly")
	_, cursor := a.events(rwKey, "")
	var told []string
	poll := func() {
		t.Helper()
		var events []map[string]any
		if events, cursor = a.events(rwKey, "after="+cursor); len(events) > 0 {
			for _, event := range events {
				if event["kind"] == "ping" {
					told = append(told, fmt.Sprint(event["rid"]))
				}
			}
		}
	}
	report := func(name string, at time.Duration) {
		t.Helper()
		a.report(check, monitor.Ping{At: begin.Add(at), Signal: monitor.Log, RunID: name})
	}
	report("first", time.Second)
	a.ahead.Store(int64(time.Until(begin.Add(2 * time.Second))))
	poll()
	if len(told) != 0 {
		t.Errorf("told too early: %v", told)
	}
	report("second", 1500*time.Millisecond) // received before that poll, stored after it
	for range 8 {
		a.ahead.Add(int64(500 * time.Millisecond))
		poll()
	}
	report("third", 5*time.Second)
	a.ahead.Add(int64(5 * time.Second))
	poll()
	poll()
	if want := []string{"first", "second", "third"}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	// A cursor of the future waits where it is.
	future := fmt.Sprint(begin.Add(time.Hour).UnixMicro())
	if events, at := a.events(rwKey, "after="+future); len(events) != 0 || at != future {
		t.Errorf("%d events, and then %s", len(events), at)
	}
}

func TestAPIRuns(t *testing.T) {
	a := newAPI(t)
	begin := a.freeze().Add(-time.Hour)
	check := a.addCheck(a.project.ID, "Nightly")
	limit := 10 * time.Minute
	a.change(check, func(c *monitor.Config) { c.MaxRuntime = &limit })
	minute := func(n int) time.Time { return begin.Add(time.Duration(n) * time.Minute) }
	three, reported := int64(3), 1500*time.Millisecond
	for _, ping := range []monitor.Ping{
		{At: minute(0), Signal: monitor.Success},
		{At: minute(1), Signal: monitor.Start, RunID: "a"},
		{At: minute(2), Signal: monitor.Log, RunID: "a"},
		{At: minute(3), Signal: monitor.Success, RunID: "a"},
		{At: minute(4), Signal: monitor.Fail, Exit: &three, Duration: &reported},
		{At: minute(5), Signal: monitor.Start, RunID: "stuck"},
	} {
		a.report(check, ping)
	}
	a.expire(check, minute(16))
	a.report(check, monitor.Ping{At: minute(17), Signal: monitor.Start, RunID: "fresh"})
	run := func(rid, start, end, duration any, outcome string, exit any) any {
		return map[string]any{"rid": rid, "start": start, "end": end, "duration": duration, "outcome": outcome, "exit_status": exit}
	}
	want := []any{
		run("fresh", micros(minute(17)), nil, nil, "open", nil),
		run("stuck", micros(minute(5)), nil, nil, "overrun", nil),
		run(nil, micros(minute(4).Add(-reported)), micros(minute(4)), 1.5, "fail", 3.0),
		run("a", micros(minute(1)), micros(minute(3)), 120.0, "success", nil),
		run(nil, nil, micros(minute(0)), nil, "success", nil),
	}
	for key, path := range map[string]string{rwKey: check.UUID.String(), roKey: uniqueKeyOf(a, check)} {
		path = "/api/v3/checks/" + path + "/runs/"
		if diff := cmp.Diff(want, a.ask(key, http.MethodGet, path, "").is(200).doc()["runs"]); diff != "" {
			t.Errorf("runs (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want[:3], a.ask(key, http.MethodGet, path+"?limit=3", "").is(200).doc()["runs"]); diff != "" {
			t.Errorf("three runs (-want +got):\n%s", diff)
		}
	}
	a.get(at(check, "/runs/?limit=1001")).refused(400, "limit must be from 1 to 1000")
	a.ask(foreignKey, http.MethodGet, at(check, "/runs/"), "").refused(403, "the check belongs to another project")
	a.get("/api/v3/checks/"+strings.Repeat("0a", 20)+"/runs/").refused(404, "not found")
	fresh := a.addCheck(a.project.ID, "Fresh")
	if w := a.get(at(fresh, "/runs/")).is(200); string(w.body) != `{"runs":[]}` {
		t.Errorf("a check without runs has %s", w.body)
	}
}

func TestAPISummaryAndBlind(t *testing.T) {
	a := newAPI(t)
	begin := a.freeze()
	if w := a.get("/api/v3/blind/").is(200); string(w.body) != `{"blind":[]}` {
		t.Errorf("no blind interval is %s", w.body)
	}
	from, to := begin.Add(-time.Hour), begin.Add(-30*time.Minute)
	a.ok(a.st.AddBlind(t.Context(), monitor.Blind{From: from, To: to, Cause: "Rollcall was not running"}))
	a.ask(roKey, http.MethodGet, "/api/v3/blind/", "").is(200).has("blind", []any{
		map[string]any{"from": micros(from), "to": micros(to), "cause": "Rollcall was not running"},
	})

	counts := map[string]any{"new": 0.0, "up": 0.0, "late": 0.0, "running": 0.0, "down": 0.0, "paused": 0.0, "unknown": 0.0}
	a.ask(foreignKey, http.MethodGet, "/api/v3/summary/", "").is(200).has("project", "Other", "checks", 0, "status", counts, "waiting", 0, "dead", 0)
	a.addCheck(a.project.ID, "New")
	a.addCheck(a.other.ID, "Theirs")
	down, paused := a.addCheck(a.project.ID, "Down", a.ops.ID, a.hook.ID), a.addCheck(a.project.ID, "Paused")
	a.report(down, monitor.Ping{At: begin, Signal: monitor.Fail})
	a.post(at(paused, "/pause"), "").is(200)
	a.addDead(a.ops)
	counts["new"], counts["down"], counts["paused"] = 1.0, 1.0, 1.0
	a.ask(roKey, http.MethodGet, "/api/v3/summary/", "").is(200).has("project", "Main", "checks", 3, "status", counts, "waiting", 2, "dead", 1)
	a.ask("", http.MethodGet, "/api/v3/summary/", "").refused(401, "missing api key")
	a.ask("", http.MethodGet, "/api/v3/blind/", "").refused(401, "missing api key")
}
