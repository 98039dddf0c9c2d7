package web_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// missed is a check that went down at the given time, in the present hour or before,
// and was told to one of its two channels.
func missed(s *site) (monitor.Check, time.Time) {
	s.Helper()
	desk, off := s.addChannel(s.project.ID, "Desk"), s.addChannel(s.project.ID, "Old desk")
	off.Disabled = "it answered 410"
	s.ok(s.st.EditChannel(s.Context(), off))
	check := s.addCheck(s.project.ID, "Nightly", desk.ID, off.ID)
	begin := s.now()
	s.change(check, func(c monitor.Check) monitor.Change {
		return c.Receive(monitor.Ping{Signal: monitor.Success, At: begin, Method: "POST", Scheme: "https"})
	})
	s.ahead.Add(int64(2 * time.Hour))
	now, down := s.now(), begin.Add(61*time.Minute)
	s.change(check, func(c monitor.Check) monitor.Change { return c.Expire(now, now) })
	leased, err := s.st.LeaseDeliveries(s.Context(), store.Lease{Now: now, Until: now.Add(time.Minute), Limit: 10, PerChannel: 10})
	s.ok(err)
	for _, l := range leased {
		after, _ := l.Delivery.Settle(monitor.Result{Verdict: monitor.Done, Answer: "250 queued"}, now.Add(time.Second))
		s.ok(s.st.RecordAttempt(s.Context(), monitor.Attempt{Delivery: after.ID, N: 1, Started: now, Took: time.Second, OK: true, Answer: "250 queued"}, after, ""))
	}
	return check, down
}

func TestWhyPage(t *testing.T) {
	s := newSite(t)
	check, down := missed(s)
	b := s.signedIn()
	path := "/checks/" + check.UUID.String() + "/why"
	s.wants(b.get("/checks/"+check.UUID.String()), 200, `href="`+path+`"`, `href="`+path+`?at=`+url.QueryEscape(down.Format("2006-01-02T15:04")))
	for _, at := range []string{down.Format("2006-01-02T15:04"), strconv.FormatInt(down.Unix(), 10), down.Format(time.RFC3339)} {
		s.wants(b.get(path+"?at="+url.QueryEscape(at)), 200,
			"A message was sent, and 1 of 2 channels took it.", "nothing had arrived by", "it went from up to down.",
			"Desk", "250 queued", "Old desk", "Channel disabled", "Decided before:")
	}
	s.ahead.Add(int64(10 * time.Minute))
	s.wants(b.get(path), 200, "No message was sent", "It was down since", "See that minute")
	s.wants(b.get(path+"?at=2001-01-01T00:00"), 200, "the check was only made")
	s.wants(b.get(path+"?at=2999-01-01T00:00"), 200, "still to come", "It is down since")
	s.wants(b.get(path+"?at=9999999999999999999"), 422, "is to be written as", "No message was sent")
	s.wants(b.get(path+"?at=%00%ff<script>"), 422, "is to be written as")
}

func TestLatencyPage(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	s.wants(b.get("/deliveries"), 200, `href="/deliveries/latency"`)
	s.wants(b.get("/deliveries/latency"), 200, "Nothing had to be noticed or told.", "The last 30 days")
	missed(s)
	page := b.get("/deliveries/latency")
	s.wants(page, 200, "59 min", "Every message was taken.")
	if strings.Contains(page.Body.String(), "Nothing had to be noticed") {
		t.Error("something was noticed")
	}
}

func TestAPIWhy(t *testing.T) {
	a := newAPI(t)
	check, down := missed(a.site)
	base := "/api/v3/checks/" + check.UUID.String() + "/why"
	at := "?at=" + strconv.FormatInt(down.Unix(), 10)
	doc := a.ask(roKey, "GET", base+at, "").is(200).doc()
	if doc["answer"] != "A message was sent, and 1 of 2 channels took it." {
		t.Errorf("answer %v", doc["answer"])
	}
	channels := doc["channels"].([]any)
	desk, off := channels[0].(map[string]any), channels[1].(map[string]any)
	if desk["name"] != "Desk" || desk["state"] != "sent" || desk["suppressed"] != nil || off["suppressed"] != "channel disabled" || off["delivery"] != nil {
		t.Errorf("channels %v", channels)
	}
	decision := doc["decisions"].([]any)[0].(map[string]any)
	if decision["about"] != "flip" || decision["is"] != "down" || decision["tell"] != true || decision["latency"].(float64) < 3500 {
		t.Errorf("decision %v", decision)
	}
	now := a.ask(roKey, "GET", base, "").is(200).doc()
	if now["status"] != "down" {
		t.Errorf("now %v", now)
	}
	riga := a.get(base + at + "&tz=Europe/Riga").is(200).doc()
	utc := a.get(base + at + "&tz=UTC").is(200).doc()
	if riga["from"] != utc["from"] || riga["statements"].([]any)[0].(map[string]any)["text"] == utc["statements"].([]any)[0].(map[string]any)["text"] {
		t.Error("the sentences say times in the same zone")
	}
	a.get(base+"?at=tomorrow").refused(400, "The time is to be written as 2026-11-28T03:17, as unix seconds, or as RFC 3339 has it.")
	a.get(base + "?tz=Moon").is(400)
	a.ask(foreignKey, "GET", base, "").is(403)
	a.ask("", "GET", base, "").is(401)
}

func TestAPILatency(t *testing.T) {
	a := newAPI(t)
	spans := func() []any { return a.ask(roKey, "GET", "/api/v3/latency/", "").is(200).doc()["latency"].([]any) }
	for _, span := range spans() {
		if span := span.(map[string]any); span["detection"] != nil || span["delivery"] != nil {
			t.Errorf("without data: %v", span)
		}
	}
	missed(a.site)
	week := spans()[0].(map[string]any)
	detection, delivery := week["detection"].(map[string]any), week["delivery"].(map[string]any)
	if week["days"] != 7.0 || detection["count"] != 2.0 || detection["p50"] != 0.0 || detection["max"].(float64) < 3500 || delivery["count"] != 1.0 || delivery["p99"] != 1.0 {
		t.Errorf("the last week: %v", week)
	}
}
