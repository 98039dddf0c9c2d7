package e2e_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/mailtest"
	"rollcall/internal/monitor"
)

// testJourney is what Rollcall is for: a job reports, falls silent, and reports
// again, and the people responsible are told of both, by mail and by webhook.
func testJourney(t *testing.T, s *site) {
	inbox := mailtest.Start(t, mailtest.Options{})
	hooks := newReceiver(t, 0)
	id := newIDs(1)
	s.provision(t, `
projects:
  - name: Journey
    owner: ops@example.org
    channels:
      - {name: mail, kind: email, address: ops@example.org}
`+hooks.channel("hook")+`    checks:
`+every(id, "backup", "2s", "1s", ", tags: [db, prod]"))
	s.More = append(s.More, "--smtp", "smtp://"+inbox.Addr+"?from=rollcall@example.org", "--egress-allow", "127.0.0.0/8")
	server := s.run(t)
	ping := server.URL("/ping/" + id[0].String())

	if got := curl(t, "--data-binary", "copied 3 tables\ndisk is 91% full", ping); got.status != 200 {
		t.Fatalf("the ping was answered %d %q", got.status, got.body)
	}
	told := func(n int) func() bool {
		return func() bool {
			return len(inbox.Messages()) >= n && len(hooks.all()) >= n &&
				count(t, s, "SELECT count(*) FROM deliveries WHERE state = 'sent'") >= 2*n
		}
	}
	eventually(t, 20*time.Second, "both channels are told that it is down", told(1))
	if got := curl(t, ping); got.status != 200 {
		t.Fatalf("the ping was answered %d %q", got.status, got.body)
	}
	eventually(t, 20*time.Second, "both channels are told that it is up", told(2))
	stop(t, server)

	// The machine may be so slow that the check was missed again meanwhile, so what
	// is expected follows from the flips.
	type flip struct{ Old, New, Reason string }
	flips := rows(t, s, "SELECT old_status, new_status, reason FROM flips ORDER BY rev", func(f *flip) []any { return []any{&f.Old, &f.New, &f.Reason} })
	if diff := cmp.Diff([]flip{{"new", "up", "success"}, {"up", "down", "timeout"}, {"down", "up", "success"}}, flips[:min(3, len(flips))]); diff != "" {
		t.Errorf("the first flips (-want +got):\n%s", diff)
	}
	checkWebhooks(t, s, hooks.all())
	checkMails(t, s, inbox.Messages())
	if n := count(t, s, "SELECT count(*) FROM attempts WHERE NOT ok"); n != 0 {
		t.Errorf("%d attempts failed", n)
	}
}

// sent is a delivery that the database says was sent, and its public name.
type sent struct{ id, status string }

// deliveries are those to one kind of channel, in order.
func deliveries(t *testing.T, s *site, kind monitor.ChannelKind) []sent {
	t.Helper()
	type row struct {
		deliveryRow
		status string
	}
	var list []sent
	for _, d := range rows(t, s, fmt.Sprintf(`SELECT d.kind, d.state, d.rev, d.channel_id, c.uuid, f.new_status FROM deliveries d
		JOIN checks c ON c.id = d.check_id JOIN channels ch ON ch.id = d.channel_id
		JOIN flips f ON f.check_id = d.check_id AND f.rev = d.rev WHERE ch.kind = '%s' ORDER BY d.rev`, kind),
		func(r *row) []any { return []any{&r.Kind, &r.State, &r.Rev, &r.Channel, &r.check, &r.status} }) {
		if d.State != monitor.Sent {
			t.Errorf("the delivery of change %d is %s", d.Rev, d.State)
		}
		list = append(list, sent{monitor.MessageID(d.check, d.Delivery), d.status})
	}
	return list
}

// checkWebhooks: each delivery came exactly once, in order, signed.
func checkWebhooks(t *testing.T, s *site, received []webhook) {
	t.Helper()
	var got []sent
	for _, w := range received {
		if w.wrong != nil {
			t.Errorf("webhook %s: %v", w.id, w.wrong)
		}
		var event struct {
			Type string
			Data struct {
				Check  struct{ Name, Slug string }
				Status string
				Reason string
			}
		}
		if err := json.Unmarshal([]byte(w.body), &event); err != nil {
			t.Errorf("webhook %s: %v", w.id, err)
		}
		if event.Data.Check.Slug != "backup-0" || event.Type != "check."+event.Data.Status {
			t.Errorf("webhook %s says %s", w.id, w.body)
		}
		got = append(got, sent{w.id, event.Data.Status})
	}
	if diff := cmp.Diff(deliveries(t, s, monitor.Webhook), got, cmp.AllowUnexported(sent{})); diff != "" {
		t.Errorf("webhooks (-owed +received):\n%s", diff)
	}
}

// checkMails: each delivery came exactly once, in order, with the last words of
// the job.
func checkMails(t *testing.T, s *site, received []mailtest.Message) {
	t.Helper()
	owed := deliveries(t, s, monitor.Email)
	if len(received) != len(owed) {
		t.Fatalf("%d mails came, %d were owed", len(received), len(owed))
	}
	for i, m := range received {
		if got := m.Header.Get("Message-Id"); !strings.HasPrefix(got, "<"+owed[i].id+"@") {
			t.Errorf("mail %d has the id %s, want that of %s", i, got, owed[i].id)
		}
		if subject := strings.ToLower(m.Subject()); !strings.Contains(subject, "backup 0") || !strings.Contains(subject, owed[i].status) {
			t.Errorf("mail %d has the subject %q, want the check's name and that it is %s", i, m.Subject(), owed[i].status)
		}
		if diff := cmp.Diff([]string{"ops@example.org"}, m.To); diff != "" {
			t.Errorf("mail %d went to (-want +got):\n%s", i, diff)
		}
		if m.HTML == "" {
			t.Errorf("mail %d has no HTML", i)
		}
	}
	if text := received[0].Text; !strings.Contains(text, "disk is 91% full") {
		t.Errorf("the first mail does not hold the last words of the job:\n%s", text)
	}
}
