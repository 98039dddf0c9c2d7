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
		{givenUp(t), "Dead letter"},
		{givenUp(t).Replay(instant(t, "2026-11-23T08:14:30Z")), "Waiting"},
	} {
		if got := templates.StateOf(test.delivery).Word; got != test.want {
			t.Errorf("%s after %d tries: %q, want %q", test.delivery.State, test.delivery.Tries, got, test.want)
		}
	}
}
