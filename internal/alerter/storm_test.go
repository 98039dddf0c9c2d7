package alerter_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"rollcall/internal/mailtest"
	"rollcall/internal/monitor"
	"rollcall/internal/prove"
	"rollcall/internal/store"
)

// checks makes n checks that tell the channels.
func (w *world) checks(n int, channels ...monitor.Channel) []monitor.Check {
	w.Helper()
	list := make([]monitor.Check, n)
	for i := range list {
		list[i] = w.check(channels...)
	}
	return list
}

// change names a change as a receiver knows it.
type change struct {
	page   string // of the check
	seq    int64
	status string
}

// told is the changes that a request tells, one or many.
func (r request) told(t *testing.T) []change {
	t.Helper()
	type turn struct {
		Check  struct{ URL string }
		Seq    int64
		Status string
	}
	var body struct {
		Type string
		Data struct {
			turn
			Changes []turn
		}
	}
	if err := json.Unmarshal(r.Body, &body); err != nil {
		t.Fatal(err)
	}
	turns := body.Data.Changes
	if body.Type != "checks.digest" {
		turns = []turn{body.Data.turn}
	}
	changes := make([]change, len(turns))
	for i, turn := range turns {
		changes[i] = change{strings.TrimPrefix(turn.Check.URL, baseURL+"/go/"), turn.Seq, turn.Status}
	}
	return changes
}

// In a storm a receiver that often fails is told each change by exactly one message
// that it took, down before up, in a handful of messages.
func TestStormIsToldInDigests(t *testing.T) {
	w := newWorld(t)
	var (
		mu       sync.Mutex // guards what follows
		taken    []request
		requests int
	)
	in := receive(t, status(200))
	verifier := must(standardwebhooks.NewWebhook(secret))(t)
	in.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		requests++
		if requests%3 == 0 {
			rw.WriteHeader(http.StatusBadGateway)
			return
		}
		got := request{Header: r.Header, Body: must(io.ReadAll(r.Body))(t)}
		if err := verifier.VerifyIgnoringTimestamp(got.Body, got.Header); err != nil {
			t.Errorf("a message does not verify: %v", err)
		}
		taken = append(taken, got)
	})
	n := prove.Scale(120, 1_000)
	checks := w.checks(n, w.webhook(in.URL))
	owed := map[change]bool{}
	rounds := []func(monitor.Check){w.fail, w.succeed, w.fail, w.succeed}
	for round, act := range rounds {
		for i, c := range checks {
			act(c)
			owed[change{monitor.PageKey(c.UUID), int64(round + 1), []string{"down", "up"}[round%2]}] = true
			if i%40 == 0 {
				w.tick()
			}
		}
		w.advance(time.Duration(round+1) * 7 * time.Second)
	}
	w.drain()

	violations, last, ids := 0, map[string]int64{}, map[string]bool{}
	for _, r := range taken {
		id := r.Header.Get("webhook-id")
		if ids[id] {
			t.Errorf("message %s was taken twice", id)
		}
		ids[id] = true
		for _, c := range r.told(t) {
			if !owed[c] || c.seq <= last[c.page] {
				violations++
				t.Errorf("%v is not owed, was told already, or is out of order", c)
			}
			delete(owed, c)
			last[c.page] = c.seq
		}
	}
	for c := range owed {
		violations++
		t.Errorf("nobody was told of %v", c)
	}
	if most := monitor.StormAfter + 20; len(taken) > most {
		t.Errorf("%d messages for %d changes, want at most %d", len(taken), 4*n, most)
	}
	if counted, merged := w.alerter.Stats().Merged, len(w.with(monitor.Merged)); counted != int64(merged) || merged == 0 {
		t.Errorf("%d changes are counted as told by digests, want %d", counted, merged)
	}
	t.Logf("%d changes in %d messages", 4*n, len(taken))
	prove.Report(t, "DIGEST: in a storm each change is told by exactly one message, down before up", 4*n, violations)
}

// A digest that is refused is one dead letter, and its replay is the same message.
func TestDigestIsADeadLetterAsAWhole(t *testing.T) {
	w := newWorld(t)
	code := http.StatusNotFound
	in := receive(t, func(rw http.ResponseWriter, r *http.Request, _ int) { rw.WriteHeader(code) })
	hook := w.webhook(in.URL)
	for _, c := range w.checks(30, hook) {
		w.fail(c)
	}
	w.drain()
	var digest store.DeliveryRow
	merged := 0
	for _, d := range w.deliveries() {
		switch {
		case d.Kind == monitor.ForDigest:
			digest = d
		case d.State == monitor.Merged:
			merged++
		}
	}
	if digest.State != monitor.Dead || merged != 10 || digest.DigestDown != 10 {
		t.Fatalf("the digest is %s and tells %d; %d are merged", digest.State, digest.DigestDown, merged)
	}
	code = http.StatusOK
	if err := w.store.ReplayDelivery(t.Context(), w.project.ID, digest.ID, w.Now()); err != nil {
		t.Fatal(err)
	}
	w.drain()
	bodies := map[string]string{}
	for _, r := range in.all() {
		id := r.Header.Get("webhook-id")
		if body, again := bodies[id]; again && body != string(r.Body) {
			t.Errorf("message %s was sent with two contents", id)
		}
		bodies[id] = string(r.Body)
	}
	last := in.all()[len(in.all())-1]
	if last.Event["type"] != "checks.digest" || len(bodies) != 21 {
		t.Errorf("%d messages, the last %v", len(bodies), last.Event["type"])
	}
}

func TestDigestMail(t *testing.T) {
	w, in, ops := mailWorld(t)
	for _, c := range w.checks(100, ops) {
		w.fail(c)
	}
	for w.tick() > 0 { // the first messages, singly
		w.advance(monitor.Pace)
	}
	w.advance(monitor.StormWait)
	in.Behave(mailtest.Behaviour{Cut: true})
	w.tick()
	in.Behave(mailtest.Behaviour{})
	w.drain()
	got := in.Messages()
	if len(got) != monitor.StormAfter+2 {
		t.Fatalf("%d mails, want 20 and the digest twice", len(got))
	}
	cut, whole := got[monitor.StormAfter], got[monitor.StormAfter+1]
	if string(cut.Raw) != string(whole.Raw) {
		t.Error("the repeated digest is another mail")
	}
	if got, want := whole.Subject(), "80 checks went down. 80 changes within 1 s, more than are told one by one"; got != want {
		t.Errorf("subject %q, want %q", got, want)
	}
	var digest store.DeliveryRow
	for _, d := range w.deliveries() {
		if d.Kind == monitor.ForDigest {
			digest = d
		}
	}
	for part, text := range map[string]string{"text": whole.Text, "HTML": whole.HTML} {
		if n := strings.Count(text, "it reported a failure"); n != monitor.StormShown {
			t.Errorf("the %s part lists %d changes, want %d", part, n, monitor.StormShown)
		}
		if page := fmt.Sprintf("%s/deliveries?digest=%d", baseURL, digest.ID); !strings.Contains(text, page) {
			t.Errorf("the %s part lacks %s", part, page)
		}
	}
}
