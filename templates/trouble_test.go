package templates_test

import (
	"strings"
	"testing"

	"rollcall/internal/monitor"
	"rollcall/templates"
)

// shift is a channel that has taken nothing for three days, and is told of.
func shift(t *testing.T) (monitor.Channel, monitor.Health) {
	t.Helper()
	return monitor.Channel{ID: 3, Name: "PagerDuty hook", Kind: monitor.Webhook}, monitor.Health{
		Channel: 3, Failures: 41, Hours: 20, Since: instant(t, "2026-11-20T04:10:00Z"), Failed: instant(t, "2026-11-23T08:14:00Z"),
		Opened: instant(t, "2026-11-20T04:12:00Z"), Warned: monitor.FailsForDays,
	}
}

func TestChannelThatFails(t *testing.T) {
	channel, health := shift(t)
	row := templates.ChannelRow{Channel: channel, Health: health, Messages: told(t, waiting(t), retrying(t), givenUp(t))}
	page := templates.ChannelPage{
		Page: frame(t, channel.Name, "/channels"), ID: "3", Name: channel.Name, Form: templates.ChannelForm{Kind: monitor.Webhook, Name: channel.Name},
		Notice: templates.NoticeOf(row, clock(t)), Facts: templates.ChannelFactsOf(row, clock(t)), Messages: templates.MessagesOf(row, clock(t)),
	}
	page.Untold = &monitor.Untold{Checks: 1, Since: instant(t, "2026-11-23T08:00:00Z")}
	page.Page.Failing = templates.FailingOf([]monitor.Failing{{Health: health, Name: channel.Name, Kind: channel.Kind}}, page.Now)
	goldenPage(t, "channel-failing.html", templates.ChannelEdit(page))
}

func TestChannelThatIsOff(t *testing.T) {
	channel, health := shift(t)
	channel.Disabled = monitor.ReceiverGone
	row := templates.ChannelRow{Channel: channel, Health: health, Messages: told(t, waiting(t), givenUp(t))}
	goldenPage(t, "channel-off.html", templates.ChannelEdit(templates.ChannelPage{
		Page: frame(t, channel.Name, "/channels"), ID: "3", Name: channel.Name, Form: templates.ChannelForm{Kind: monitor.Webhook, Name: channel.Name}, Disabled: true,
		Notice: templates.NoticeOf(row, clock(t)), Facts: templates.ChannelFactsOf(row, clock(t)), Messages: templates.MessagesOf(row, clock(t)),
	}))
}

func TestDeadLetters(t *testing.T) {
	query := templates.DeliveryQuery{State: monitor.Dead}
	goldenPage(t, "deliveries-dead.html", templates.Deliveries(templates.DeliveriesPage{
		Page: frame(t, "Deliveries", "/deliveries"), Query: query, Sum: templates.DeliverySum{Days: 30, Sent: 1421, Dead: 2},
		Sheet: templates.SheetOf(told(t, givenUp(t), givenUp(t)), nil, query, clock(t)),
	}))
}

// What another channel was told of one that fails names it, and says what it says.
func TestAMessageAboutAChannel(t *testing.T) {
	_, health := shift(t)
	health.Channel = 9
	about := tested(t)
	about.Kind = monitor.ForChannel
	rows := told(t, about)
	rows[0].Failing = &monitor.Failing{Health: health, Name: "Shift <pager>"}
	html := rendered(t, templates.DeliverySheet(templates.SheetOf(rows, nil, templates.DeliveryQuery{Open: 1}, clock(t))))
	for _, want := range []string{`The channel <a href="/channels/9">Shift &lt;pager&gt;</a>`, "The channel Shift &lt;pager&gt; has taken no message since Fri 20 Nov, 05:10."} {
		if !strings.Contains(html, want) {
			t.Errorf("the log lacks %q\n%s", want, html)
		}
	}
}

// Who has nothing yet is told what to do.
func TestNothingWasToldYet(t *testing.T) {
	page := templates.DeliveriesPage{Page: frame(t, "Deliveries", "/deliveries"), Sum: templates.DeliverySum{Days: 30}}
	desk := []templates.NamedID{{ID: 3, Name: "Desk"}}
	for _, test := range []struct {
		name     string
		channels []templates.NamedID
		query    templates.DeliveryQuery
		want     string
		search   bool
	}{
		{"no channel", nil, templates.DeliveryQuery{}, `<a href="/channels">Add a channel</a>`, false},
		{"a channel", desk, templates.DeliveryQuery{}, `<a href="/channels">Send a test to a channel</a>`, false},
		{"a search", desk, templates.DeliveryQuery{Text: "x"}, "No check or channel with “x” in its name", true},
	} {
		page.Channels, page.Query = test.channels, test.query
		html := rendered(t, templates.Deliveries(page))
		if !strings.Contains(html, test.want) || strings.Contains(html, `role="search"`) != test.search {
			t.Errorf("%s: the page lacks %q, or what is there to search with is wrong\n%s", test.name, test.want, html)
		}
	}
}
