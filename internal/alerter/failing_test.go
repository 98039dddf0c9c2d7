package alerter_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/account"
	"rollcall/internal/alerter"
	"rollcall/internal/doctest"
	"rollcall/internal/mailtest"
	"rollcall/internal/monitor"
	"rollcall/internal/prove"
)

// A week in which something comes up every six hours. Of two channels the one that
// takes nothing is warned of after a day and three, and off after five; alone it stays
// on.
func TestAChannelThatTakesNothingIsSwitchedOff(t *testing.T) {
	gone := 410
	tests := []struct {
		name     string
		alone    bool
		answer   monitor.Result
		subjects []string
		hours    []int             // since the first failure
		told     []monitor.Warning // the other channel is
		off      int               // by then; 0: it stays on
		counted  int64
	}{
		{"one of two", false, breaks, []string{"takes no messages", "takes no messages", "was switched off"}, []int{24, 72, 120}, []monitor.Warning{monitor.FailsForADay, monitor.FailsForDays, monitor.SwitchedOff}, 121, 1},
		{"the last one", true, breaks, []string{"takes no messages", "takes no messages", "takes no messages"}, []int{24, 72, 120}, nil, 0, 0},
		{"our own fault", false, monitor.Result{Verdict: monitor.Retry, Ours: true}, nil, nil, nil, 0, 0},
		{"gone", false, monitor.Result{Verdict: monitor.Gone, Code: &gone}, []string{"was switched off"}, []int{0}, []monitor.Warning{monitor.SwitchedOff}, 1, 0},
	}
	wrong := 0
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w, in := newWorld(t), mailtest.Start(t, mailtest.Options{})
			quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
			look := &alerter.Lookout{Store: w.store, Now: w.Now, Log: quiet, Kick: func() {}}
			post := &alerter.Postman{
				Store: w.store, Server: server(t, in), Dial: relay(), Now: w.Now, Log: quiet, BaseURL: baseURL,
				Writers: map[account.LetterKind]alerter.Writer{account.FailsLetter: alerter.FailsLetter(baseURL)},
			}
			m, good := &moody{answer: test.answer}, &moody{answer: takes}
			w.alerter.Senders[monitor.Webhook], w.alerter.Senders[monitor.Email] = m, good
			channels := []monitor.Channel{w.webhook("http://moody.example")}
			if !test.alone {
				channels = append(channels, w.channel(monitor.Channel{Kind: monitor.Email, Settings: monitor.Settings{Address: "ops@example.org"}}))
			}
			began := w.Now()
			var subjects []string
			var hours []int
			for hour := range 24 * 7 {
				if hour%6 == 0 {
					w.recover(channels...)
				}
				w.live(began.Add(time.Duration(hour+1) * time.Hour))
				if err := look.Tick(t.Context(), w.Now()); err != nil {
					t.Fatal(err)
				}
				before := len(in.Messages())
				must(post.Tick(t.Context(), w.Now()))(t)
				for _, mail := range in.Messages()[before:] {
					subjects, hours = append(subjects, mail.Subject()), append(hours, hour+1)
				}
			}
			if len(subjects) != len(test.subjects) {
				t.Fatalf("mails %q", subjects)
			}
			for i, words := range test.subjects {
				if !strings.Contains(subjects[i], words) || hours[i] < test.hours[i] || hours[i] > test.hours[i]+1 {
					t.Errorf("after %d hours %q, want %q", hours[i], subjects[i], words)
				}
			}
			if diff := cmp.Diff(test.told, good.heard); diff != "" {
				t.Errorf("the other channel was told (-want +got):\n%s", diff)
			}
			stored := must(w.store.Channel(t.Context(), w.project.ID, channels[0].ID))(t)
			if off := stored.Disabled != ""; off != (test.off > 0) {
				t.Errorf("switched off: %q", stored.Disabled)
			}
			if n := look.SwitchedOff(); n != test.counted {
				t.Errorf("%d were switched off", n)
			}
			last := m.sent[len(m.sent)-1].at.Sub(began)
			if end := time.Duration(test.off) * time.Hour; test.off > 0 && last > end || test.off == 0 && last < 160*time.Hour {
				t.Errorf("the last message went out after %s", last)
			}
			if t.Failed() {
				wrong++
			}
		})
	}
	prove.Report(t, "OFF: a channel that takes nothing is warned of after a day and three, and off after five unless it is the last", len(tests), wrong)
}

// The message about another channel is a function of what was noticed alone, and says
// in both forms which channel it is and where to look.
func TestOtherChannelsAreTold(t *testing.T) {
	f := monitor.Failing{
		Health:  monitor.Health{Channel: 3, Failures: 41, Hours: 25, Since: must(time.Parse(time.RFC3339, "2026-11-22T08:10:00Z"))(t), Failed: must(time.Parse(time.RFC3339, "2026-11-23T08:14:00Z"))(t), Warned: monitor.FailsForADay},
		Project: 1, ProjectName: "Production", Name: "Paging", Kind: monitor.Webhook,
	}
	in := receive(t, status(http.StatusNoContent))
	m := message(t, monitor.Channel{Kind: monitor.Webhook, Settings: monitor.Settings{URL: in.URL, Secret: secret}})
	m.Flip, m.Failing, m.BaseURL = nil, &f, "https://rollcall.example.org"
	m.Delivery = monitor.Delivery{ID: 4, Channel: 4, Kind: monitor.ForChannel, Created: must(time.Parse(time.RFC3339, "2026-11-23T08:14:31Z"))(t)}
	hook := alerter.Webhook(everywhere().Client(), "1.2.3")
	hook.Send(t.Context(), m)
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, in.all()[0].Body, "", "  "); err != nil {
		t.Fatal(err)
	}
	doctest.Holds(t, "notifications.md", "failing", "```json\n"+pretty.String()+"\n```")

	f.Warned = monitor.SwitchedOff
	hook.Send(t.Context(), m)
	for _, words := range []string{`"type":"channel.disabled"`, "The channel Paging was switched off: it has taken no message since 22 Nov 2026, 08:10 UTC."} {
		if body := string(in.all()[1].Body); !strings.Contains(body, words) {
			t.Errorf("%s lacks %s", body, words)
		}
	}

	mails := mailtest.Start(t, mailtest.Options{})
	m.Channel = monitor.Channel{ID: 5, Name: "Night shift", Kind: monitor.Email, Settings: monitor.Settings{Address: "night@example.org"}}
	if out := alerter.Email(server(t, mails), relay()).Send(t.Context(), m); out.Verdict != monitor.Done {
		t.Fatalf("%+v", out)
	}
	mail := mails.Messages()[0]
	if subject := mail.Subject(); subject != "The channel Paging was switched off, project Production" {
		t.Errorf("subject %q", subject)
	}
	for _, text := range []string{mail.Text, mail.HTML} {
		for _, words := range []string{"is sent nothing any more", "https://rollcall.example.org/channels/3", "Night shift is a channel of the same project", "channels#channel-5"} {
			if !strings.Contains(text, words) {
				t.Errorf("the mail lacks %q:\n%s", words, text)
			}
		}
	}
}
