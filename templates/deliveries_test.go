package templates_test

import (
	"strings"
	"testing"
	"time"

	"rollcall/internal/monitor"
	"rollcall/templates"
)

func TestDeliveries(t *testing.T) {
	query := templates.DeliveryQuery{Open: 3}
	attempts := []monitor.Attempt{
		{Delivery: 3, N: 1, Started: instant(t, "2026-11-23T01:15:01Z"), Took: 310 * time.Millisecond, Answer: "503 Service Unavailable"},
		{Delivery: 3, N: 2, Started: instant(t, "2026-11-23T01:15:04Z"), Took: 15 * time.Second},
	}
	rows := told(t, waiting(t), retrying(t), delivered(t), givenUp(t))
	goldenPage(t, "deliveries.html", templates.Deliveries(templates.DeliveriesPage{
		Page: frame(t, "Deliveries", "/deliveries"), Query: query,
		Sum:      templates.DeliverySum{Days: 30, Waiting: 2, Sent: 1421, Dead: 1},
		Channels: []templates.NamedID{{ID: 3, Name: "PagerDuty hook"}, {ID: 5, Name: "Night shift"}},
		Sheet:    templates.SheetOf(rows, attempts, query, clock(t)), Older: "/deliveries?before=1",
	}))
}

// An alarm that is told with its end leads to the message that tells both, and keeps
// its attempts.
func TestAnAlarmWithItsEndInTheLog(t *testing.T) {
	end, alarm := delivered(t), retrying(t)
	alarm.State, alarm.Digest, alarm.Attempts = monitor.Merged, 2, 1
	attempts := []monitor.Attempt{{Delivery: 1, N: 1, Started: instant(t, "2026-11-23T01:15:01Z"), Answer: "451 come again"}}
	html := rendered(t, templates.DeliverySheet(templates.SheetOf(told(t, end, alarm), attempts, templates.DeliveryQuery{Open: 1}, clock(t))))
	for _, want := range []string{
		"With its end", `<a href="/deliveries?before=3&amp;open=2#d2">that message</a>`, "It was tried in vain until the check was up again", "<code>451 come again</code>",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the log lacks %q\n%s", want, html)
		}
	}
}

// A digest says how much it tells, and what it tells leads to it.
func TestDigestInTheLog(t *testing.T) {
	digest := retrying(t)
	digest.Kind, digest.Check, digest.Rev = monitor.ForDigest, 0, 0
	merged := delivered(t)
	merged.State, merged.Digest, merged.Attempts, merged.Answer = monitor.Merged, 2, 0, ""
	rows := told(t, digest, merged) // numbers them 2 and 1
	rows[0].DigestDown, rows[0].DigestUp = 480, 12
	query := templates.DeliveryQuery{Open: 1}
	sheet := templates.SheetOf(rows, nil, query, clock(t))
	html := rendered(t, templates.DeliverySheet(sheet))
	for _, want := range []string{
		`<a href="/deliveries?digest=2">Digest</a>`, "480\u00a0checks went down, 12 came up",
		"In a digest", `<a href="/deliveries?before=3&amp;open=2#d2">the digest</a>`, "So much changed that this was told in",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the log lacks %q\n%s", want, html)
		}
	}
	if strings.Contains(html, "Its id") {
		t.Error("what is told in a digest is said to have an id of its own")
	}
	page := rendered(t, templates.Deliveries(templates.DeliveriesPage{
		Page: frame(t, "Deliveries", "/deliveries"), Query: templates.DeliveryQuery{Digest: 2}, Sheet: sheet,
	}))
	if !strings.Contains(page, "Only what one digest tells") || !strings.Contains(page, `name="digest" value="2"`) {
		t.Errorf("the page does not say that it lists one digest\n%s", page)
	}
}

func TestNoDeliveries(t *testing.T) {
	for _, test := range []struct {
		query templates.DeliveryQuery
		want  string
	}{
		{templates.DeliveryQuery{}, "Nothing was told to anybody yet."},
		{templates.DeliveryQuery{State: monitor.Dead}, "No message is in this state"},
		{templates.DeliveryQuery{Check: "2b9a6c1e-7f04-4d8d-8a55-0c3e9d71f6aa"}, "Show every check"},
		{templates.DeliveryQuery{Before: 7}, "There is nothing older."},
	} {
		html := rendered(t, templates.Deliveries(templates.DeliveriesPage{
			Page: frame(t, "Deliveries", "/deliveries"), Query: test.query, Check: test.query.Check, Sum: templates.DeliverySum{Days: 30},
		}))
		if !strings.Contains(html, test.want) || !strings.Contains(html, "No messages in the last 30 days.") {
			t.Errorf("%+v: the page lacks %q\n%s", test.query, test.want, html)
		}
	}
}

func TestAddressOfTheLog(t *testing.T) {
	for _, test := range []struct {
		query templates.DeliveryQuery
		want  string
	}{
		{templates.DeliveryQuery{}, "/deliveries"},
		{templates.DeliveryQuery{State: monitor.Dead, Channel: 3, Before: 7, Open: 5, Check: "a"}, "/deliveries?before=7&channel=3&check=a&open=5&state=dead"},
	} {
		if got := test.query.URL(); got != test.want {
			t.Errorf("%+v: %q, want %q", test.query, got, test.want)
		}
	}
}

func TestStateOfADelivery(t *testing.T) {
	for _, test := range []struct {
		delivery monitor.Delivery
		want     string
	}{
		{waiting(t), "Waiting"},
		{retrying(t), "Retrying"},
		{monitor.Delivery{State: monitor.Sending, Tries: 2}, "Sending"},
		{delivered(t), "Delivered"},
		{monitor.Delivery{State: monitor.Merged}, "In a digest"},
		{givenUp(t), "Dead letter"},
		{givenUp(t).Replay(instant(t, "2026-11-23T08:14:30Z")), "Waiting"},
	} {
		if got := templates.StateOf(test.delivery).Word; got != test.want {
			t.Errorf("%s after %d tries: %q, want %q", test.delivery.State, test.delivery.Tries, got, test.want)
		}
	}
}
