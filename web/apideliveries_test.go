package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rollcall/internal/monitor"
)

const deliveriesPath = "/api/v3/deliveries/"

// told is a project that has told two channels of a failure, with different luck, and
// sent a test to one of them.
func told(a *api) (check monitor.Check, begin time.Time) {
	a.Helper()
	begin = a.freeze()
	check = a.addCheck(a.project.ID, "Nightly", a.ops.ID, a.hook.ID)
	quiet := a.addCheck(a.project.ID, "Quiet", a.ops.ID)
	a.report(check, monitor.Ping{At: begin, Signal: monitor.Fail})
	code := 550
	a.send(monitor.Result{Verdict: monitor.Refuse, Code: &code, Answer: "550 no such mailbox"}, begin.Add(time.Second))
	a.report(check, monitor.Ping{At: begin.Add(2 * time.Second), Signal: monitor.Success})
	a.send(monitor.Result{Verdict: monitor.Done, Answer: "taken"}, begin.Add(3*time.Second))
	a.report(quiet, monitor.Ping{At: begin.Add(4 * time.Second), Signal: monitor.Fail})
	_, err := a.st.EnqueueTest(a.Context(), a.project.ID, a.hook.ID, begin.Add(5*time.Second))
	a.ok(err)
	a.ahead.Add(int64(10 * time.Second))
	return check, begin
}

// listed is the deliveries of an answer, each in a few words.
func listed(w reply) (list []string) {
	w.Helper()
	for _, one := range w.is(200).doc()["deliveries"].([]any) {
		d := one.(map[string]any)
		name := "test"
		if check, ok := d["check"].(map[string]any); ok {
			name = fmt.Sprint(check["name"], " ", d["new"])
		}
		list = append(list, fmt.Sprint(name, " to ", d["channel"].(map[string]any)["name"], " ", d["state"]))
	}
	return list
}

func TestAPIDeliveries(t *testing.T) {
	bothEngines(t, func(a *api) {
		a.addDead(a.addChannel(a.other.ID, "Theirs"))
		check, _ := told(a)
		all := listed(a.get(deliveriesPath))
		if len(all) != 6 || all[0] != "test to Hook pending" || all[1] != "Quiet down to Ops pending" {
			a.Fatalf("deliveries are %q", all)
		}
		var some []string
		for _, query := range []string{
			"check=" + check.UUID.String() + "&state=dead", "check=" + check.UUID.String() + "&state=sent",
			"channel=" + a.ops.UUID().String() + "&state=pending", "channel=" + a.hook.UUID().String() + "&state=pending", "state=sending",
		} {
			some = append(some, listed(a.get(deliveriesPath+"?"+query))...)
		}
		slices.Sort(some)
		want := []string{
			"Nightly down to Hook dead", "Nightly down to Ops dead", "Nightly up to Hook sent", "Nightly up to Ops sent",
			"Quiet down to Ops pending", "test to Hook pending",
		}
		if diff := cmp.Diff(want, some); diff != "" {
			a.Errorf("by their state (-want +got):\n%s", diff)
		}
		for limit := 1; limit <= 6; limit++ {
			var pages []string
			query, more := fmt.Sprint("?limit=", limit), true
			for more {
				w := a.get(deliveriesPath + query)
				part := listed(w)
				if len(part) > limit || len(part) == 0 {
					a.Fatalf("a page of %d holds %q", limit, part)
				}
				pages = append(pages, part...)
				var cursor string
				cursor, more = w.doc()["next_cursor"].(string)
				query = fmt.Sprint("?limit=", limit, "&cursor=", cursor)
			}
			if diff := cmp.Diff(all, pages); diff != "" {
				a.Errorf("by %d (-want +got):\n%s", limit, diff)
			}
		}
		a.get(deliveriesPath+"?limit=6").has("next_cursor", nil)

		theirs := a.addCheck(a.other.ID, "Theirs")
		for query, refused := range map[string]struct {
			code int
			text string
		}{
			"state=lost":                    {400, "state is pending, sending, sent, dead or merged"},
			"limit=0":                       {400, "limit must be from 1 to 1000"},
			"limit=1001":                    {400, "limit must be from 1 to 1000"},
			"cursor=x":                      {400, "cursor is none of ours; begin again without it"},
			"check=x":                       {404, "not found"},
			"check=" + uuid.NewString():     {404, "not found"},
			"check=" + theirs.UUID.String(): {403, "the check belongs to another project"},
			"channel=x":                     {404, "not found"},
			"channel=" + uuid.NewString():   {404, "not found"},
		} {
			a.get(deliveriesPath+"?"+query).refused(refused.code, refused.text)
		}
		a.ask(roKey, http.MethodGet, deliveriesPath, "").refused(401, "wrong api key")
	})
}

// One message with its attempts, and how it is sent again.
func TestAPIReplay(t *testing.T) {
	bothEngines(t, func(a *api) {
		check, begin := told(a)
		var id float64
		for _, one := range a.get(deliveriesPath + "?state=dead&channel=" + a.ops.UUID().String()).doc()["deliveries"].([]any) {
			id = one.(map[string]any)["id"].(float64)
		}
		path := fmt.Sprint(deliveriesPath, id)
		try := map[string]any{"n": 1.0, "started": micros(begin.Add(time.Second)), "took": 0.25, "ok": false, "code": 550.0, "answer": "550 no such mailbox"}
		want := map[string]any{
			"id": id, "kind": "flip", "channel": map[string]any{"name": "Ops", "kind": "email"},
			"check": map[string]any{"uuid": check.UUID.String(), "name": "Nightly", "slug": "nightly"},
			"old":   "new", "new": "down", "tells": nil, "digest_id": nil, "state": "dead", "attempts": 1.0, "created": micros(begin), "next_at": nil,
			"ended": micros(begin.Add(time.Second)), "answer": "550 no such mailbox", "code": 550.0, "tries": []any{try},
		}
		if diff := cmp.Diff(want, a.get(path).is(200).doc()); diff != "" {
			a.Errorf("the dead letter (-want +got):\n%s", diff)
		}
		before := a.kicks.Load()
		w := a.post(path+"/replay", "").is(200).has("state", "pending", "ended", nil, "attempts", 1, "tries", []any{try})
		if w.doc()["next_at"] == nil || a.kicks.Load() == before {
			a.Errorf("it is not on its way: %s", w.body)
		}
		a.post(path+"/replay", "").refused(409, "the delivery has not ended")
		later := a.now().Add(time.Second)
		a.send(monitor.Result{Verdict: monitor.Done, Answer: "250 ok"}, later)
		done := a.get(path).is(200).has("state", "sent", "attempts", 2, "code", nil, "answer", "250 ok", "ended", micros(later))
		if tries := done.doc()["tries"].([]any); len(tries) != 2 || tries[1].(map[string]any)["ok"] != true {
			a.Errorf("tries are %v", tries)
		}

		theirs := fmt.Sprint(deliveriesPath, a.addDead(a.addChannel(a.other.ID, "Theirs")))
		for _, path := range []string{theirs, deliveriesPath + "999999", deliveriesPath + "0", deliveriesPath + "99999999999999999999"} {
			a.get(path).refused(404, "not found")
			a.post(path+"/replay", "").refused(404, "not found")
		}
		a.ask(roKey, http.MethodGet, path, "").refused(401, "wrong api key")
		a.ask(roKey, http.MethodPost, path+"/replay", "").refused(401, "wrong api key")
		a.ask(foreignKey, http.MethodGet, theirs, "").is(200).has("state", "dead")
	})
}

// Dead letters are sent again by channel and by time, the oldest first.
func TestAPIReplayOfDeadLetters(t *testing.T) {
	bothEngines(t, func(a *api) {
		path := deliveriesPath + "replay"
		desk, ops := a.addChannel(a.project.ID, "Desk"), a.addChannel(a.project.ID, "Spare")
		theirs := a.addDead(a.addChannel(a.other.ID, "Theirs"))
		first, second, other := a.addDead(desk), a.addDead(desk), a.addDead(ops)
		a.post(path+"?since="+url.QueryEscape(a.now().Add(time.Hour).Format(time.RFC3339)), "").is(200).has("replayed", 0, "next_cursor", nil)
		for query, refused := range map[string]struct {
			code int
			text string
		}{
			"since=soon": {400, "The time is to be written as 2026-11-28T03:17, as unix seconds, or as RFC 3339 has it."},
			"cursor=x":   {400, "cursor is none of ours; begin again without it"},
			"channel=x":  {404, "not found"},
		} {
			a.post(path+"?"+query, "").refused(refused.code, refused.text)
		}
		a.ask(roKey, http.MethodPost, path, "").refused(401, "wrong api key")

		before := a.kicks.Load()
		a.post(path+"?channel="+desk.UUID().String(), "").is(200).has("replayed", 2, "next_cursor", nil)
		if a.kicks.Load() == before {
			a.Error("the alerter was not woken")
		}
		for id, want := range map[monitor.DeliveryID]string{first: "pending", second: "pending", other: "dead"} {
			a.get(fmt.Sprint(deliveriesPath, id)).is(200).has("state", want)
		}
		a.post(path+"?since=0", "").is(200).has("replayed", 1)
		a.post(path, "").is(200).has("replayed", 0)
		a.ask(foreignKey, http.MethodGet, fmt.Sprint(deliveriesPath, theirs), "").is(200).has("state", "dead")
	})
}
