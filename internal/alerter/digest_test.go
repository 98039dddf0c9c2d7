package alerter_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/alerter"
	"rollcall/internal/doctest"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// blinded makes checks unknown by an outage and owes their channels a digest.
func (w *world) blinded(n int, channels ...monitor.Channel) {
	w.Helper()
	blind := monitor.Blind{From: w.Now().Add(time.Hour), To: w.Now().Add(time.Hour + 3*time.Minute), Cause: "Rollcall was restarted"}
	if err := w.store.AddBlind(w.Context(), blind); err != nil {
		w.Fatal(err)
	}
	for i := range n {
		c := w.check(channels...)
		for _, rule := range []func(monitor.Check) monitor.Change{
			func(c monitor.Check) monitor.Change {
				c = c.Reconfigure(named(c.Config, fmt.Sprintf("job %02d", i)), w.Now()).Check
				return c.Receive(monitor.Ping{At: w.Now().Add(time.Duration(i) * time.Second), Signal: monitor.Success})
			},
			func(c monitor.Check) monitor.Change { return c.Overlook(blind) },
			func(c monitor.Check) monitor.Change {
				d, _ := c.Deadline()
				return c.Expire(d.At, d.At)
			},
		} {
			results, err := w.store.Transitions(w.Context(), []store.Step{{Ref: store.Ref{ID: c.ID}, Decide: rule}})
			if err != nil || results[0].Err != nil {
				w.Fatal(err, results)
			}
		}
	}
	w.set(blind.To.Add(2 * time.Hour))
	waiting := must(w.store.Unverified(w.Context()))(w.T)
	if len(waiting) != 1 || !must(w.store.QueueDigest(w.Context(), waiting[0], w.Now()))(w.T) {
		w.Fatalf("no digest for %+v", waiting)
	}
}

func named(config monitor.Config, name string) monitor.Config {
	config.Name = name
	return config
}

func TestADigestIsOneMessageHoweverManyChecks(t *testing.T) {
	in := receive(t, func(w http.ResponseWriter, _ *http.Request, before int) {
		w.WriteHeader([]int{http.StatusServiceUnavailable, http.StatusNoContent}[min(before, 1)])
	})
	w := newWorld(t)
	w.blinded(60, w.webhook(in.URL))
	w.drain()
	got := in.all()
	if len(got) != 2 || !bytes.Equal(got[0].Body, got[1].Body) || got[0].Header.Get("webhook-id") != got[1].Header.Get("webhook-id") {
		t.Fatalf("%d requests, want the same message tried twice", len(got))
	}
	var body struct {
		Type string
		Data struct {
			Count  int
			Checks []struct{ Name, URL, Due string }
		}
	}
	if err := json.Unmarshal(got[0].Body, &body); err != nil {
		t.Fatal(err)
	}
	if body.Type != "checks.unverified" || body.Data.Count != 60 || len(body.Data.Checks) != monitor.DigestNames {
		t.Errorf("%s about %d checks, %d named", body.Type, body.Data.Count, len(body.Data.Checks))
	}
	if first := body.Data.Checks[0]; !strings.HasPrefix(first.URL, baseURL+"/go/") || first.Due == "" {
		t.Errorf("the first is %+v", first)
	}
	if d := w.only(); d.Kind != monitor.ForBlind || d.State != monitor.Sent {
		t.Errorf("%s is %s", d.Kind, d.State)
	}
}

func TestADigestByMail(t *testing.T) {
	w, in, ops := mailWorld(t)
	w.blinded(2, ops)
	w.drain()
	got := in.Messages()
	if len(got) != 1 {
		t.Fatalf("%d mails", len(got))
	}
	if subject := got[0].Subject(); !strings.HasPrefix(subject, "Not verified: 2 checks. ") {
		t.Errorf("subject %q", subject)
	}
	for _, text := range []string{got[0].Text, got[0].HTML} {
		if strings.Count(text, "job 0") != 2 || !strings.Contains(text, "/checks?status=unknown") {
			t.Errorf("names not both jobs, or where to look:\n%s", text)
		}
	}
}

func TestDocsShowADigest(t *testing.T) {
	in := receive(t, status(http.StatusNoContent))
	instant := func(text string) time.Time { return must(time.Parse(time.RFC3339, text))(t) }
	m := message(t, monitor.Channel{Kind: monitor.Webhook, Settings: monitor.Settings{URL: in.URL, Secret: secret}})
	m.Flip, m.BaseURL = nil, "https://rollcall.example.org"
	m.Delivery = monitor.Delivery{ID: 4, Channel: 4, Kind: monitor.ForBlind, Created: instant("2026-11-23T02:20:00Z")}
	digest := monitor.DigestOf(instant("2026-11-23T00:58:00Z").UnixMicro(), instant("2026-11-23T01:09:00Z").UnixMicro(), "Rollcall was restarted",
		[]monitor.DigestCheck{{UUID: uuid.MustParse("5f0b1c9e-6d43-4a4e-9a53-0d2f6c1f7a11"), Name: "Offsite backup", Due: monitor.Micros(instant("2026-11-23T01:00:00Z"))}})
	m.Digest = &digest
	alerter.Webhook(everywhere().Client(), "1.2.3").Send(t.Context(), m)
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, in.all()[0].Body, "", "  "); err != nil {
		t.Fatal(err)
	}
	doctest.Holds(t, "notifications.md", "digest", "```json\n"+pretty.String()+"\n```")
}
