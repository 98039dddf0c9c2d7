package templates_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
	"rollcall/templates"
)

// told is deliveries of one channel as its pages are given them.
func told(t *testing.T, deliveries ...monitor.Delivery) []templates.DeliveryRow {
	t.Helper()
	flip := silent(t)
	rows := make([]templates.DeliveryRow, len(deliveries))
	for i, d := range deliveries {
		d.ID = monitor.DeliveryID(len(deliveries) - i)
		d.Channel = 3
		rows[i] = templates.DeliveryRow{Delivery: d, ChannelName: "PagerDuty hook", ChannelKind: monitor.Webhook}
		if d.Kind == monitor.ForFlip {
			rows[i].CheckName, rows[i].CheckUUID, rows[i].Flip = flip.Facts.Name, uuid.UUID{1}, &flip
		}
	}
	return rows
}

// The deliveries of the tests, each at another point of its way.
func retrying(t *testing.T) monitor.Delivery {
	t.Helper()
	code := 503
	return monitor.Delivery{
		Kind: monitor.ForFlip, Check: 8, Rev: 17, State: monitor.Pending, Attempts: 2, Tries: 2, Created: instant(t, "2026-11-23T01:15:00Z"),
		NextAt: instant(t, "2026-11-23T09:14:44Z"), Answer: "503 Service Unavailable", Code: &code,
	}
}

func waiting(t *testing.T) monitor.Delivery {
	t.Helper()
	return monitor.Delivery{Kind: monitor.ForTest, State: monitor.Pending, Created: instant(t, "2026-11-23T08:14:30Z"), NextAt: instant(t, "2026-11-23T08:14:30Z")}
}

func delivered(t *testing.T) monitor.Delivery {
	t.Helper()
	code := 200
	return monitor.Delivery{
		Kind: monitor.ForFlip, Check: 8, Rev: 16, State: monitor.Sent, Attempts: 1, Tries: 1, Created: instant(t, "2026-11-22T18:25:00Z"),
		Ended: instant(t, "2026-11-22T18:25:01.4Z"), Answer: "200 ok", Code: &code,
	}
}

func tested(t *testing.T) monitor.Delivery {
	t.Helper()
	d := delivered(t)
	d.Kind, d.Check, d.Rev = monitor.ForTest, 0, 0
	return d
}

func givenUp(t *testing.T) monitor.Delivery {
	t.Helper()
	return monitor.Delivery{
		Kind: monitor.ForFlip, Check: 8, Rev: 15, State: monitor.Dead, Attempts: 6, Tries: 6, Created: instant(t, "2026-11-18T15:20:04Z"),
		Ended: instant(t, "2026-11-18T15:52:00Z"), Answer: "403 bot was kicked",
	}
}

func TestChannels(t *testing.T) {
	hook := monitor.Channel{ID: 3, Name: "PagerDuty hook", Kind: monitor.Webhook, Settings: monitor.Settings{URL: "https://events.northwind.example/hook/SECRET", Secret: "whsec_SECRET"}}
	mail := func(id monitor.ChannelID, name string) monitor.Channel {
		return monitor.Channel{ID: id, Name: name, Kind: monitor.Email, Settings: monitor.Settings{Address: "night@northwind.example"}}
	}
	off := mail(4, "Old desk")
	off.Disabled = "the receiver answered 410 twice"
	proved := instant(t, "2026-11-23T01:15:01Z")
	rows := []templates.ChannelRow{
		{Channel: mail(6, "Phone"), Checks: 0},
		{Channel: mail(5, "night shift"), Checks: 18, LastSent: proved, Messages: told(t, delivered(t), delivered(t))},
		{Channel: mail(7, "Day shift"), Checks: 1, LastSent: proved, Messages: told(t, delivered(t), givenUp(t))},
		{Channel: hook, Checks: 6, LastSent: instant(t, "2026-11-22T18:25:01Z"), Messages: told(t, waiting(t), retrying(t), delivered(t))},
		{Channel: off, Checks: 2, Messages: told(t, givenUp(t))},
	}
	page := templates.ChannelsPage{Page: frame(t, "Channels", "/channels"), Channels: templates.ChannelLines(rows, clock(t))}
	goldenPage(t, "channels.html", templates.Channels(page))

	var order []string
	for _, line := range page.Channels {
		order = append(order, line.Name)
	}
	if got, want := strings.Join(order, ", "), "Old desk, PagerDuty hook, Day shift, night shift, Phone"; got != want {
		t.Errorf("order %q, want %q", got, want)
	}
	if html := rendered(t, templates.Channels(page)); strings.Contains(html, "SECRET") {
		t.Error("the list shows a secret")
	}
}

func TestNoChannels(t *testing.T) {
	html := rendered(t, templates.Channels(templates.ChannelsPage{Page: frame(t, "Channels", "/channels")}))
	if !strings.Contains(html, "Nobody is told anything yet") {
		t.Error(html)
	}
}

func TestNoticeOfAChannel(t *testing.T) {
	email := monitor.Channel{ID: 3, Name: "Desk", Kind: monitor.Email}
	sent := instant(t, "2026-11-22T18:25:01Z")
	for _, test := range []struct {
		name string
		row  templates.ChannelRow
		want string
	}{
		{"well", templates.ChannelRow{Channel: email, LastSent: sent, Messages: told(t, delivered(t))}, ""},
		{"on its way", templates.ChannelRow{Channel: email, LastSent: sent, Messages: told(t, waiting(t))}, ""},
		{"new", templates.ChannelRow{Channel: email}, "new Never proved to work. Send a test before you rely on it."},
		{"no mail", templates.ChannelRow{Channel: email, LastSent: sent, NoMail: true}, "down This server has no mail server to send by."},
		{"given up", templates.ChannelRow{Channel: email, Messages: told(t, givenUp(t))}, "down The last message was given up Wed 18 Nov, 16:52 after403 bot was kicked."},
		{"given up long ago", templates.ChannelRow{Channel: email, LastSent: sent, Messages: told(t, delivered(t), givenUp(t))}, ""},
		{"given up before a test was taken", templates.ChannelRow{Channel: email, LastSent: sent, Messages: told(t, tested(t), givenUp(t))}, "new It took the test. Before that, 1 message was given up."},
		{"an alarm is held up and the breaker open", templates.ChannelRow{
			Channel: email, LastSent: sent, Messages: told(t, retrying(t)),
			Health: monitor.Health{Opened: instant(t, "2026-11-23T08:00:00Z"), Failed: instant(t, "2026-11-23T08:14:10Z")},
		}, "late Answers503 Service Unavailable. 1 message is waiting; next try at 09:15."},
		{"redirected twice", templates.ChannelRow{Channel: email, LastSent: sent, Messages: told(t, delivered(t)), Health: monitor.Health{Redirects: 2, RedirectTo: "new.example"}}, ""},
		{"redirected", templates.ChannelRow{Channel: email, LastSent: sent, Messages: told(t, retrying(t)), Health: monitor.Health{Redirects: 3, RedirectTo: "new.example"}}, "late The receiver redirects to new.example, which is not followed; give the channel that address if it is right."},
		{"held up", templates.ChannelRow{Channel: email, LastSent: sent, Messages: told(t, waiting(t), retrying(t))}, "late Answers503 Service Unavailable. 2 messages are waiting; next try at 10:14."},
	} {
		var got string
		if n := templates.NoticeOf(test.row, clock(t)); n != nil {
			got = plain(string(n.Status) + " " + n.Text + n.Code + n.Rest)
		}
		if !strings.HasPrefix(got, test.want) || test.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestChannel(t *testing.T) {
	row := templates.ChannelRow{Channel: monitor.Channel{ID: 3, Name: "PagerDuty hook", Kind: monitor.Webhook}, Messages: told(t, waiting(t), retrying(t), delivered(t))}
	page := templates.ChannelPage{
		Page: frame(t, "PagerDuty hook", "/channels"), ID: "3", Name: "PagerDuty hook",
		Form:     templates.ChannelForm{Kind: monitor.Webhook, Name: "PagerDuty hook", URL: "events.northwind.example"},
		Problems: []templates.Problem{{ID: "url", Label: "Address", Words: "must begin with http:// or https://"}},
		Wrong:    map[string]string{"url": "must begin with http:// or https://"},
		Secret:   "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Notice: templates.NoticeOf(row, clock(t)), Messages: templates.MessagesOf(row, clock(t)),
	}
	goldenPage(t, "channel.html", templates.ChannelEdit(page))
}

func TestNewChannel(t *testing.T) {
	goldenPage(t, "newchannel.html", templates.ChannelEdit(templates.ChannelPage{
		Page: frame(t, "New channel", "/channels"), Form: templates.ChannelForm{Kind: monitor.Email},
	}))
}
