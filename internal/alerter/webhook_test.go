package alerter_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"rollcall/internal/account"
	"rollcall/internal/alerter"
	"rollcall/internal/monitor"
	"rollcall/internal/outbound"
	"rollcall/internal/store"
)

func TestWebhookIsSignedAndTheSameEachTime(t *testing.T) {
	w := newWorld(t)
	in := receive(t, func(rw http.ResponseWriter, _ *http.Request, before int) {
		if before < 2 {
			rw.WriteHeader(http.StatusInternalServerError)
		}
	})
	w.fail(w.check(w.webhook(in.URL + "/hook")))
	w.drain()
	if d := w.only(); d.State != monitor.Sent || d.Attempts != 3 {
		t.Fatalf("%s after %d attempts", d.State, d.Attempts)
	}
	w.advance(time.Hour)
	if err := w.store.ReplayDelivery(t.Context(), w.project.ID, w.only().ID, w.Now()); err != nil {
		t.Fatal(err)
	}
	w.drain()

	got := in.all()
	if len(got) != 4 {
		t.Fatalf("%d requests, want three attempts and a replay", len(got))
	}
	if n := w.alerter.Stats().Replays; n != 1 {
		t.Errorf("%d replays are counted", n)
	}
	verifier := must(standardwebhooks.NewWebhook(secret))(t)
	if err := verifier.Verify(got[0].Body, got[0].Header); err != nil {
		t.Errorf("reference library: %v", err)
	}
	stamps := map[string]bool{}
	for i, r := range got {
		if err := verifier.VerifyIgnoringTimestamp(r.Body, r.Header); err != nil {
			t.Errorf("attempt %d: reference library: %v", i+1, err)
		}
		if !bytes.Equal(r.Body, got[0].Body) || r.Header.Get("webhook-id") != got[0].Header.Get("webhook-id") {
			t.Errorf("attempt %d is another message", i+1)
		}
		stamps[r.Header.Get("webhook-timestamp")] = true
		if agent := r.Header.Get("User-Agent"); agent != "Rollcall/1.2.3 (+https://rollcall.example)" {
			t.Errorf("user agent %q", agent)
		}
	}
	if len(stamps) != 4 {
		t.Errorf("timestamps %v, want one for each attempt", stamps)
	}
	tampered := bytes.Replace(got[0].Body, []byte("down"), []byte("up"), 1)
	if verifier.Verify(tampered, got[0].Header) == nil {
		t.Error("a changed body verifies")
	}
}

// message is the first attempt to tell that nothing arrived.
func message(t *testing.T, c monitor.Channel) alerter.Message {
	t.Helper()
	instant := func(text string) time.Time { return must(time.Parse(time.RFC3339, text))(t) }
	check := uuid.MustParse("5f0b1c9e-6d43-4a4e-9a53-0d2f6c1f7a11")
	c.ID, c.Name = 4, "Night shift"
	delivery := monitor.Delivery{ID: 3, Channel: 4, Kind: monitor.ForFlip, Check: 8, Rev: 17}
	return alerter.Message{
		ID: monitor.MessageID(check, delivery), Attempt: 1, Now: instant("2026-11-23T01:15:01Z"), BaseURL: baseURL,
		Dispatch: store.Dispatch{
			Delivery: delivery, Channel: c, Project: account.Project{Name: "Production"}, Check: check,
			Flip: &monitor.Flip{
				Check: 8, Rev: 17, At: instant("2026-11-23T01:15:00Z"), Judged: instant("2026-11-23T01:15:00.4Z"),
				Old: monitor.Up, New: monitor.Down, Reason: monitor.Silent, Tell: true,
				Facts: monitor.Facts{
					Name: "Offsite backup <1>", Slug: "offsite-backup", Tags: []string{"restic"},
					Schedule: "Every day at 02:00", Expr: "0 2 * * *", Zone: "Europe/Berlin", Grace: 900, RunLimit: 900,
					Due: monitor.Micros(instant("2026-11-23T01:00:00Z")), Success: monitor.Micros(instant("2026-11-22T01:25:00Z")),
					PingN: 412, Before: monitor.Micros(instant("2026-11-14T01:40:00Z")),
				},
			},
		},
	}
}

// roundup is the first attempt to tell what a storm owes.
func roundup(t *testing.T, c monitor.Channel) alerter.Message {
	t.Helper()
	m := message(t, c)
	at := m.Flip.At
	m.Flip, m.Delivery = nil, monitor.Delivery{ID: 31, Channel: 4, Kind: monitor.ForDigest, Created: at.Add(monitor.StormWait)}
	m.ID = monitor.MessageID(uuid.Nil, m.Delivery)
	page := monitor.PageKey(m.Check)
	m.Roundup = &monitor.Roundup{Down: 1, Up: 1, From: at, To: at.Add(1500 * time.Millisecond), Changes: []monitor.Turn{
		{Page: page, Name: "Offsite backup", Slug: "offsite-backup", Old: monitor.Up, New: monitor.Down, Reason: monitor.Silent, At: at, Rev: 17},
		{Page: page, Name: "Offsite backup", Slug: "offsite-backup", Old: monitor.Down, New: monitor.Up, Reason: monitor.Succeeded, At: at.Add(1500 * time.Millisecond), Rev: 18},
	}}
	return m
}

func TestWebhookBody(t *testing.T) {
	in := receive(t, status(http.StatusNoContent))
	sender := alerter.Webhook(everywhere().Client(), "1.2.3")
	hook := monitor.Channel{Kind: monitor.Webhook, Settings: monitor.Settings{URL: in.URL, Secret: secret}}

	silent := message(t, hook)
	failed := message(t, hook)
	failed.Flip.Reason, failed.Flip.Facts.Exit, failed.Flip.Facts.Duration = monitor.Failed, new(int64(3)), new(int64(41_200_000))
	failed.Flip.Facts.Streak, failed.Flip.Facts.Success = 1, nil
	zeros := message(t, hook)
	zeros.Flip.New, zeros.Flip.Old, zeros.Flip.Reason = monitor.Up, monitor.Down, monitor.Succeeded
	zeros.Flip.Facts = monitor.Facts{Name: "a", Exit: new(int64(0)), Duration: new(int64(0)), Schedule: "Every hour"}
	test := message(t, hook)
	test.Flip, test.Delivery.Kind, test.Delivery.Created = nil, monitor.ForTest, failed.Flip.At

	const check = `"check":{"name":"Offsite backup <1>","slug":"offsite-backup","tags":["restic"],` +
		`"url":"https://rollcall.example/go/d876fa730b0af569ff88"},"project":{"name":"Production"}`
	tests := []struct {
		name string
		m    alerter.Message
		want string
	}{
		{"silent", silent, `{"type":"check.down","timestamp":"2026-11-23T01:15:00Z","data":{` + check + `,"old_status":"up","status":"down",` +
			`"reason":"timeout","sentence":"Nothing arrived by 02:15. Expected by 02:00, grace 15 min. Last success yesterday 02:25.",` +
			`"at":"2026-11-23T01:15:00Z","judged_at":"2026-11-23T01:15:00.4Z","seq":17,"corrects":null,"due":"2026-11-23T01:00:00Z","last_success":"2026-11-22T01:25:00Z",` +
			`"exit_status":null,"duration_s":null,"fail_streak":0,"schedule":"Every day at 02:00","timezone":"Europe/Berlin","grace_s":900}}`},
		{"failed", failed, `{"type":"check.down","timestamp":"2026-11-23T01:15:00Z","data":{` + check + `,"old_status":"up","status":"down",` +
			`"reason":"fail","sentence":"Reported exit status 3 after 41 s. It has never succeeded.",` +
			`"at":"2026-11-23T01:15:00Z","judged_at":"2026-11-23T01:15:00.4Z","seq":17,"corrects":null,"due":"2026-11-23T01:00:00Z","last_success":null,` +
			`"exit_status":3,"duration_s":41.2,"fail_streak":1,"schedule":"Every day at 02:00","timezone":"Europe/Berlin","grace_s":900}}`},
		{"zeros", zeros, `{"type":"check.up","timestamp":"2026-11-23T01:15:00Z","data":{"check":{"name":"a","slug":null,"tags":[],` +
			`"url":"https://rollcall.example/go/d876fa730b0af569ff88"},"project":{"name":"Production"},"old_status":"down","status":"up",` +
			`"reason":"success","sentence":"Reported exit status 0 after 0 s.","at":"2026-11-23T01:15:00Z","judged_at":"2026-11-23T01:15:00.4Z",` +
			`"seq":17,"corrects":null,"due":null,"last_success":null,"exit_status":0,"duration_s":0,"fail_streak":0,"schedule":"Every hour","timezone":null,"grace_s":0}}`},
		{"test", test, `{"type":"channel.test","timestamp":"2026-11-23T01:15:00Z","data":{"channel":{"name":"Night shift"},` +
			`"project":{"name":"Production"},"sentence":"This is a test of the channel Night shift."}}`},
	}
	for i, test := range tests {
		if out := sender.Send(t.Context(), test.m); out.Verdict != monitor.Done || out.Answer != "204 No Content" || out.Class != "ok" {
			t.Fatalf("%s: %+v", test.name, out)
		}
		if diff := cmp.Diff(test.want, string(in.all()[i].Body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if strings.Contains(string(in.all()[i].Body), test.m.Check.String()) {
			t.Errorf("%s: the body holds the secret UUID", test.name)
		}
	}
}

// What each answer leads to: how many requests are made before the delivery ends,
// and how it ends.
func TestAnswers(t *testing.T) {
	tests := []struct {
		name     string
		answer   func(http.ResponseWriter, *http.Request, int)
		requests int
		state    monitor.DeliveryState
		words    string // in the last answer
		within   time.Duration
	}{
		{name: "200", answer: status(200), requests: 1, state: monitor.Sent, words: "200 OK"},
		{name: "204", answer: status(204), requests: 1, state: monitor.Sent, words: "204 No Content"},
		{name: "302", answer: redirect("http://169.254.169.254/latest/SECRETPATH"), requests: 14, state: monitor.Dead, words: "302 Found, a redirect, which is not followed, to 169.254.169.254", within: 32 * time.Hour},
		{name: "308 to itself", answer: redirect("/"), requests: 14, state: monitor.Dead, words: "not followed"},
		{name: "400", answer: status(400), requests: 8, state: monitor.Dead, words: "400 Bad Request", within: 40 * time.Minute},
		{name: "401", answer: status(401), requests: 8, state: monitor.Dead},
		{name: "404", answer: status(404), requests: 8, state: monitor.Dead},
		{name: "413", answer: status(413), requests: 8, state: monitor.Dead},
		{name: "501", answer: status(501), requests: 8, state: monitor.Dead},
		{name: "505", answer: status(505), requests: 8, state: monitor.Dead},
		{name: "408", answer: status(408), requests: 14, state: monitor.Dead},
		{name: "425", answer: status(425), requests: 14, state: monitor.Dead},
		{name: "429", answer: status(429), requests: 14, state: monitor.Dead},
		{name: "500", answer: status(500), requests: 14, state: monitor.Dead, words: "500 Internal Server Error", within: 32 * time.Hour},
		{name: "502", answer: status(502), requests: 14, state: monitor.Dead},
		{name: "503", answer: status(503), requests: 14, state: monitor.Dead},
		{name: "520", answer: status(520), requests: 14, state: monitor.Dead, words: "520"},
		{name: "reset", answer: reset, requests: 14, state: monitor.Dead, words: "the connection ended before the answer came"},
		{name: "410", answer: status(410), requests: 2, state: monitor.Dead, words: "410 Gone", within: 61 * time.Second},
		{name: "410 once", answer: first(status(410), status(200)), requests: 2, state: monitor.Sent},
		{name: "500 once", answer: first(status(500), status(200)), requests: 2, state: monitor.Sent, within: 4 * time.Second},
		{name: "404 once", answer: first(status(404), status(200)), requests: 2, state: monitor.Sent, within: 4 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			in := receive(t, test.answer)
			hook := w.webhook(in.URL + "/hook/T000SECRETTOKEN")
			w.recover(hook) // an alarm would be tried more often, see TestBreaker
			began := w.Now()
			w.drain()
			d := w.only()
			if d.State != test.state || len(in.all()) != test.requests || d.Attempts != test.requests {
				t.Errorf("%s after %d requests, %d attempts; want %s after %d", d.State, len(in.all()), d.Attempts, test.state, test.requests)
			}
			if took := w.Now().Sub(began); test.within > 0 && took > test.within {
				t.Errorf("ended after %s, want within %s", took, test.within)
			}
			attempts := w.attempts(d.Delivery)
			if got := attempts[len(attempts)-1].Answer; !strings.Contains(got, test.words) || strings.Contains(got, "SECRET") {
				t.Errorf("answer %q, want it to contain %q", got, test.words)
			}
			channel := must(w.store.Channel(t.Context(), w.project.ID, hook.ID))(t)
			if disabled := channel.Disabled != ""; disabled != (test.name == "410") {
				t.Errorf("channel disabled: %q", channel.Disabled)
			}
		})
	}
}

func redirect(to string) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, r *http.Request, _ int) { http.Redirect(w, r, to, http.StatusFound) }
}

func reset(w http.ResponseWriter, _ *http.Request, _ int) {
	conn, _, _ := http.NewResponseController(w).Hijack()
	_ = conn.Close()
}

func first(one, then func(http.ResponseWriter, *http.Request, int)) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, r *http.Request, before int) {
		if before == 0 {
			one(w, r, before)
			return
		}
		then(w, r, before)
	}
}

func TestRetryAfter(t *testing.T) {
	tests := []struct {
		header string
		from   time.Duration // of the pause that follows
		to     time.Duration
	}{
		{"", 2400 * time.Millisecond, 3600 * time.Millisecond},
		{"1", 2400 * time.Millisecond, 3600 * time.Millisecond}, // never sooner than planned
		{"120", 2 * time.Minute, 2 * time.Minute},
		{"86400", time.Hour, time.Hour}, // a receiver cannot put an alert off for a day
		{"99999999999999999999", 0, 3600 * time.Millisecond},
		{"-5", 0, 3600 * time.Millisecond},
		{"soon", 0, 3600 * time.Millisecond},
		{"NaN", 0, 3600 * time.Millisecond},
		{"Wed, 21 Oct 2099 07:28:00 GMT", time.Hour, time.Hour},
		{"Wed, 21 Oct 2015 07:28:00 GMT", 0, 3600 * time.Millisecond},
	}
	for _, test := range tests {
		t.Run(test.header, func(t *testing.T) {
			if pause := pauseAfter(t, http.StatusTooManyRequests, test.header); pause < test.from || pause > test.to {
				t.Errorf("next attempt after %s, want %s to %s", pause, test.from, test.to)
			}
		})
	}
	for code, heeded := range map[int]bool{408: true, 425: true, 503: true, 500: false, 404: false} {
		if pause := pauseAfter(t, code, "120"); pause == 2*time.Minute != heeded {
			t.Errorf("%d: next attempt after %s", code, pause)
		}
	}
}

// pauseAfter returns the pause after a first attempt that was answered so.
func pauseAfter(t *testing.T, code int, header string) time.Duration {
	t.Helper()
	w := newWorld(t)
	in := receive(t, func(rw http.ResponseWriter, _ *http.Request, _ int) {
		rw.Header().Set("Retry-After", header)
		rw.WriteHeader(code)
	})
	w.fail(w.check(w.webhook(in.URL)))
	w.tick()
	return w.only().NextAt.Sub(w.Now())
}

func TestUnreachable(t *testing.T) {
	stalled := receive(t, func(_ http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() })
	tests := []struct {
		name    string
		url     string
		verdict monitor.Verdict
		class   outbound.Class
	}{
		{"no such host", "http://gone.example/T000SECRETTOKEN", monitor.Doubt, outbound.NoHost},
		{"private address", "http://10.0.0.1/T000SECRETTOKEN", monitor.Barred, outbound.Blocked},
		{"port of another service", "http://1.1.1.1:25/T000SECRETTOKEN", monitor.Barred, outbound.Blocked},
		{"nobody listens", "http://127.0.0.1:1/T000SECRETTOKEN", monitor.Retry, outbound.Refused},
		{"no answer", stalled.URL + "/T000SECRETTOKEN", monitor.Retry, outbound.Timeout},
		{"plain answer to TLS", strings.Replace(stalled.URL, "http", "https", 1) + "/T000SECRETTOKEN", monitor.Retry, outbound.Other},
	}
	sender := alerter.Webhook(everywhere().Client(), "1.2.3")
	for _, test := range tests {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		m := message(t, monitor.Channel{Kind: monitor.Webhook, Settings: monitor.Settings{URL: test.url, Secret: secret}})
		out := sender.Send(ctx, m)
		cancel()
		if out.Verdict != test.verdict || out.Class != test.class || out.Code != nil {
			t.Errorf("%s: %+v, want verdict %d and class %s", test.name, out, test.verdict, test.class)
		}
		if out.Answer == "" || strings.Contains(out.Answer, "SECRET") {
			t.Errorf("%s: answer %q", test.name, out.Answer)
		}
	}
}

func TestWhatTheReceiverSaysIsKeptWithoutSecrets(t *testing.T) {
	in := receive(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("no\x00 hook\r\n at " + r.URL.String() + " \xff" + strings.Repeat("x", 5000)))
	})
	m := message(t, monitor.Channel{Kind: monitor.Webhook, Settings: monitor.Settings{URL: in.URL + "/hooks/T000SECRET?key=SECRETKEY", Secret: secret}})
	out := alerter.Webhook(everywhere().Client(), "1.2.3").Send(t.Context(), m)
	if !strings.HasPrefix(out.Answer, "403 Forbidden: no hook at … \uFFFDxxx") || strings.Contains(out.Answer, "SECRET") {
		t.Errorf("answer %q", out.Answer)
	}
	if n := utf8.RuneCountInString(out.Answer); n > outbound.WordsLimit {
		t.Errorf("the answer has %d characters", n)
	}
}

// A receiver that answers and then trickles its body has answered.
func TestSlowBodyHoldsNoWorker(t *testing.T) {
	in := receive(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		_, _ = w.Write([]byte("taken"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	m := message(t, monitor.Channel{Kind: monitor.Webhook, Settings: monitor.Settings{URL: in.URL, Secret: secret}})
	began := time.Now()
	out := alerter.Webhook(everywhere().Client(), "1.2.3").Send(t.Context(), m)
	if out.Verdict != monitor.Done || out.Answer != "200 OK: taken" {
		t.Errorf("%+v", out)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestBrokenSettings(t *testing.T) {
	for name, settings := range map[string]monitor.Settings{
		"no secret":  {URL: "http://127.0.0.1/SECRET"},
		"bad secret": {URL: "http://127.0.0.1/SECRET", Secret: "whsec_!"},
		"bad URL":    {URL: "http://127.0.0.1/%zzSECRET", Secret: secret},
		"no URL":     {Secret: secret},
	} {
		m := message(t, monitor.Channel{Kind: monitor.Webhook, Settings: settings})
		out := alerter.Webhook(everywhere().Client(), "1.2.3").Send(t.Context(), m)
		if out.Verdict != monitor.Doubt || !strings.HasPrefix(out.Answer, "the settings of this channel are not valid") || strings.Contains(out.Answer, "SECRET") {
			t.Errorf("%s: %+v", name, out)
		}
	}
}
