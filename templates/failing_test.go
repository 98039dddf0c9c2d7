package templates_test

import (
	"strings"
	"testing"
	"time"

	"rollcall/internal/monitor"
	"rollcall/templates"
)

func TestOwnersAreToldWhatToDo(t *testing.T) {
	f := monitor.Failing{
		Health:      monitor.Health{Channel: 3, Failures: 30, Hours: 20, Since: instant(t, "2026-11-18T08:14:30Z"), Failed: instant(t, "2026-11-23T08:14:30Z")},
		ProjectName: "Production", Name: "Desk <b>",
	}
	for _, test := range []struct {
		warned  monitor.Warning
		off     string
		subject string
		words   string
	}{
		{monitor.FailsForADay, "", "The channel Desk <b> takes no messages, project Production", "has taken no message since Wed 18 Nov, 08:14. | If nothing is taken for five days, it is switched off."},
		{monitor.FailsAlone, "", "The channel Desk <b> takes no messages, project Production", "It is the only one, so it stays on. | What goes wrong in the project reaches nobody else."},
		{monitor.SwitchedOff, "", "The channel Desk <b> was switched off, project Production", "is switched off: No message was taken for five days, whatever was tried. | It is sent nothing any more"},
		{monitor.SwitchedOff, "It is gone.", "The channel Desk <b> was switched off, project Production", "is switched off: It is gone. | It is sent nothing any more"},
	} {
		f.Warned, f.Disabled = test.warned, test.off
		mail := templates.NewFailingMail(f, "https://rollcall.example")
		if mail.Subject != test.subject || !strings.Contains(strings.Join(mail.Sentences, " | "), test.words) || mail.Page != "https://rollcall.example/channels/3" {
			t.Errorf("%+v", mail)
		}
	}
	f.Redirects, f.RedirectTo = 3, "new.example"
	if mail := templates.NewFailingMail(f, ""); !strings.Contains(strings.Join(mail.Sentences, " "), "redirects to new.example") {
		t.Errorf("%q", mail.Sentences)
	}
}

func TestChannelsThatFailShow(t *testing.T) {
	now := instant(t, "2026-11-23T08:14:30Z")
	fails := func(name string, failures int, span time.Duration) monitor.Failing {
		return monitor.Failing{Health: monitor.Health{Channel: 3, Failures: failures, Hours: failures, Since: now.Add(-span)}, Name: name}
	}
	for _, test := range []struct {
		name    string
		failing []monitor.Failing
		want    string
	}{
		{"none", nil, ""},
		{"for an hour", []monitor.Failing{fails("Desk", 30, time.Hour)}, ""},
		{"a few times, long ago", []monitor.Failing{fails("Desk", 4, 200*time.Hour)}, ""},
		{"for a day", []monitor.Failing{fails("Desk", 5, 24*time.Hour)}, `The channel Desk has taken no message since yesterday 09:14.`},
		{"for five days, seldom", []monitor.Failing{fails("Desk", 19, 121*time.Hour)}, "has taken no message since"},
		{"for five days", []monitor.Failing{fails("Desk", 20, 121*time.Hour)}, "The channel Desk is switched off: No message was taken for five days, whatever was tried."},
		{"two", []monitor.Failing{fails("Desk", 5, 24*time.Hour), fails("Phone", 5, 30*time.Hour)}, `channels are switched off, or have taken no message for a day or longer.`},
	} {
		page := frame(t, "Channels", "/channels")
		page.Failing = templates.FailingOf(test.failing, now)
		html := rendered(t, templates.Channels(templates.ChannelsPage{Page: page}))
		if shown := strings.Contains(html, "See what is answered"); shown != (test.want != "") || !strings.Contains(html, test.want) {
			t.Errorf("%s: the page lacks %q", test.name, test.want)
		}
	}
}
