package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"rollcall/internal/monitor"
)

// What a storm owes is found from both sides, by programs and on pages: the digest
// says how much it tells and lists it, and each change says which digest tells it.
func TestDigestsAreShown(t *testing.T) {
	bothEngines(t, func(a *api) {
		begin := a.freeze()
		var last monitor.Check
		for i := range monitor.StormAfter + 3 {
			last = a.addCheck(a.project.ID, fmt.Sprint("Job ", i), a.hook.ID)
			a.report(last, monitor.Ping{At: begin, Signal: monitor.Fail})
		}
		_, err := a.st.Gather(a.Context(), a.hook.ID, begin.Add(monitor.StormWait))
		a.ok(err)

		digest := a.get(deliveriesPath + "?limit=1").is(200).doc()["deliveries"].([]any)[0].(map[string]any)
		if digest["kind"] != "digest" || digest["check"] != nil || fmt.Sprint(digest["tells"]) != "map[down:3 up:0]" {
			a.Fatalf("the newest delivery is %v, want a digest of three", digest)
		}
		id := fmt.Sprint(digest["id"])
		told := a.get(deliveriesPath + "?digest=" + id).is(200).doc()["deliveries"].([]any)
		if len(told) != 3 {
			a.Fatalf("the digest tells %v", told)
		}
		for _, one := range told {
			if d := one.(map[string]any); d["state"] != "merged" || fmt.Sprint(d["digest_id"]) != id || d["next_at"] != nil {
				a.Errorf("a change that the digest tells is %v", d)
			}
		}
		if n := len(listed(a.get(deliveriesPath + "?state=merged"))); n != 3 {
			a.Errorf("%d are merged", n)
		}
		merged := fmt.Sprint(told[0].(map[string]any)["id"])
		refusal := a.post(deliveriesPath+merged+"/replay", "").is(http.StatusConflict)
		if words := fmt.Sprint(refusal.doc()["detail"]); !strings.Contains(words, "replay delivery "+id) {
			a.Errorf("the replay of one change is refused with %q", words)
		}
		a.get(deliveriesPath + "?digest=x").is(http.StatusBadRequest)
	})
}
