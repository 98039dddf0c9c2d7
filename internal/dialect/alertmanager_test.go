package dialect_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/dialect"
	"rollcall/internal/monitor"
)

// watchdog is what Alertmanager 0.34 posts, with the alerts in it.
func watchdog(status string, alerts ...string) string {
	return `{"receiver":"rollcall","status":"` + status + `","alerts":[` + strings.Join(alerts, ",") + `],"groupLabels":{"alertname":"Watchdog"},` +
		`"commonLabels":{"alertname":"Watchdog","severity":"none"},"commonAnnotations":{},"externalURL":"http://am-1:9093","version":"4",` +
		`"groupKey":"{}:{alertname=\"Watchdog\"}","truncatedAlerts":0,"notification_reason":"repeat interval elapsed"}` + "\n"
}

func alert(status, label, value string) string {
	return fmt.Sprintf(`{"status":%q,"labels":{"alertname":"Watchdog",%q:%q},"annotations":{},"startsAt":"2026-11-23T07:00:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"3f"}`, status, label, value)
}

func TestAlertmanager(t *testing.T) {
	const at = "POST /alertmanager/" + key + "/watchdog"
	beat := func(slug string, made bool, signal monitor.Signal, message string) dialect.Event {
		return dialect.Event{PingKey: key, Slug: slug, Title: slug, Create: made, Ping: monitor.Ping{Signal: signal, Detail: monitor.Detail{Message: message, Host: "am-1:9093"}}}
	}
	one := func(e dialect.Event) []dialect.Event { return []dialect.Event{e} }
	eu, us := alert("firing", "cluster", "eu"), alert("firing", "cluster", "us")
	readAs(t, dialect.Alertmanager, []wire{
		{line: at, body: watchdog("firing", eu), want: one(beat("watchdog", false, monitor.Success, "Watchdog firing"))},
		{line: at + "/?resolved=fail", body: watchdog("firing", eu), want: one(beat("watchdog", false, monitor.Success, "Watchdog firing"))},
		{line: at, body: watchdog("resolved", eu), want: one(beat("watchdog", false, monitor.Log, "Watchdog resolved"))},
		{line: at + "?resolved=fail", body: watchdog("resolved", eu), want: one(beat("watchdog", false, monitor.Fail, "Watchdog resolved"))},
		{line: at, body: watchdog("inhibited"), want: one(beat("watchdog", false, monitor.Log, "Watchdog inhibited"))},
		// What is needed stands in front; the rest need not be there.
		{line: at, body: `{"status":"firing","alerts":[{"st`, want: []dialect.Event{{PingKey: key, Slug: "watchdog", Title: "watchdog", Ping: monitor.Ping{Signal: monitor.Success, Detail: monitor.Detail{Message: "alert firing"}}}}},
		// One URL for many.
		{line: at + "?by=cluster", body: watchdog("firing", eu, us), want: []dialect.Event{
			beat("watchdog-eu", true, monitor.Success, "Watchdog firing"), beat("watchdog-us", true, monitor.Success, "Watchdog firing"),
		}},
		{line: at + "?by=cluster", body: watchdog("firing", eu, alert("resolved", "cluster", "us")), want: []dialect.Event{
			beat("watchdog-eu", true, monitor.Success, "Watchdog firing"), beat("watchdog-us", true, monitor.Log, "Watchdog resolved"),
		}},
		{line: at + "?by=cluster&resolved=fail", body: watchdog("firing", alert("resolved", "cluster", "us"), eu, us), want: []dialect.Event{
			beat("watchdog-us", true, monitor.Success, "Watchdog firing"), beat("watchdog-eu", true, monitor.Success, "Watchdog firing"),
		}},
		{line: at + "?by=cluster", body: watchdog("firing", eu, alert("resolved", "cluster", "eu")), want: one(beat("watchdog-eu", true, monitor.Success, "Watchdog firing"))},
		{line: at + "?by=region", body: watchdog("firing", eu), want: one(beat("watchdog", true, monitor.Success, "Watchdog firing"))},
		{line: at + "?by=cluster", body: watchdog("firing"), want: nil},
		{line: at + "?by=cluster", body: watchdog("firing", eu)[:200], refuse: dialect.Refusal{Code: 400, Text: notAlertmanager}},
		{line: at, body: "", refuse: dialect.Refusal{Code: 400, Text: notAlertmanager}},
		{line: at, body: "firing", refuse: dialect.Refusal{Code: 400, Text: notAlertmanager}},
		{line: at, body: "[1]", refuse: dialect.Refusal{Code: 400, Text: notAlertmanager}},
		{line: at, body: `{"status":5}`, refuse: dialect.Refusal{Code: 400, Text: notAlertmanager}},
		{line: at, body: strings.Repeat(`{"a":`, 20_000), refuse: dialect.Refusal{Code: 400, Text: notAlertmanager}},
	})
	answersAs(t, dialect.Alertmanager, plainOK, plainNotFound, plainTryAgain)
}

const notAlertmanager = "the body is not Alertmanager's own JSON; a body of your own can be posted to /ping/"

func TestAlertmanagerLimits(t *testing.T) {
	const at = "POST /alertmanager/" + key + "/watchdog?by=cluster"
	var alerts []string
	for i := range dialect.AlertmanagerChecks {
		alerts = append(alerts, alert("firing", "cluster", fmt.Sprint(i)), alert("firing", "cluster", fmt.Sprint(i)))
	}
	events, err := wire{line: at, body: watchdog("firing", alerts...)}.as(dialect.Alertmanager)
	if err != nil || len(events) != dialect.AlertmanagerChecks {
		t.Errorf("%d events, %v; want %d", len(events), err, dialect.AlertmanagerChecks)
	}
	readAs(t, dialect.Alertmanager, []wire{{
		line: at, body: watchdog("firing", append(alerts, alert("firing", "cluster", "one more"))...),
		refuse: dialect.Refusal{Code: 413, Text: `the notification is about more than 100 values of the label "cluster"`},
	}})
	// Cut off, it is still a tick; which values report cannot be told any more.
	cut := dialect.Request{Path: map[string]string{"key": key, "slug": "x"}, Body: []byte(watchdog("firing", alerts...))[:1000], Cut: true}
	if events, err := dialect.Alertmanager.Read(cut); err != nil || len(events) != 1 || events[0].Ping.Signal != monitor.Success {
		t.Errorf("%+v, %v", events, err)
	}
	cut.Query = dialect.Query("by=cluster")
	var refusal dialect.Refusal
	_, err = dialect.Alertmanager.Read(cut)
	if errors.As(err, &refusal); refusal.Code != 413 || refusal.Text != fmt.Sprintf("the body is longer than %d bytes", dialect.Alertmanager.Limit) {
		t.Errorf("%v", err)
	}
}

// A custom payload goes to the ping address, where any body is a tick.
func TestAlertmanagerAtAPingAddress(t *testing.T) {
	event, err := dialect.Healthchecks("/ping/"+key+"/watchdog", "")
	if want := (dialect.Event{PingKey: key, Slug: "watchdog", Ping: monitor.Ping{Signal: monitor.Success}}); err != nil || !cmp.Equal(event, want) {
		t.Errorf("%+v, %v", event, err)
	}
}
