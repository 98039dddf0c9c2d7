package dialect

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"

	"rollcall/internal/monitor"
)

// Limits of an Alertmanager notification.
const (
	AlertmanagerLimit  = 1 << 20 // bytes
	AlertmanagerChecks = 100     // that one notification can be about
)

// Alertmanager reads the webhook of Prometheus' Alertmanager as a heartbeat. The
// alert is one that always fires:
//
//	/alertmanager/<ping key>/<slug>[?by=<label>][&resolved=fail]
//
// Firing is a tick. Resolved is kept as a log, or is a failure if so asked: an alert
// that always fires resolves when Prometheus is in trouble. With by, each value of
// that label has a check of its own, <slug>-<value>, which is made when it first
// reports.
var Alertmanager = Format{
	Name:    "alertmanager",
	Methods: "POST",
	Paths:   []string{"/alertmanager/{key}/{slug}"},
	Limit:   AlertmanagerLimit,
	Read: func(r Request) ([]Event, error) {
		var n notification
		unread := leading(r.Body, map[string]any{"status": &n.Status, "alerts": &n.Alerts, "commonLabels": &n.Labels, "externalURL": &n.URL})
		label := r.Query.Get("by")
		switch {
		case n.Status == "" || label != "" && n.Alerts == nil && unread != nil:
			return nil, notReadable(r, AlertmanagerLimit, "Alertmanager's own JSON; a body of your own can be posted to /ping/")
		case label == "":
			event := Event{}.bySlug(r.Path["key"], r.Path["slug"], false)
			return []Event{n.event(event, n.Status, n.Labels["alertname"], r.Query)}, nil
		}
		return n.fanOut(r, label)
	},
}

// notification is what counts of a webhook's JSON, version 4.
type notification struct {
	Status string
	Alerts []struct {
		Status string            `json:"status"`
		Labels map[string]string `json:"labels"`
	}
	Labels map[string]string // that all alerts have in common
	URL    string            // of the Alertmanager
}

// event fills in what one check is told.
func (n notification) event(e Event, status, alert string, query url.Values) Event {
	e.Ping.Detail.Message = cmp.Or(alert, "alert") + " " + status
	if from, err := url.Parse(n.URL); err == nil {
		e.Ping.Detail.Host = from.Host
	}
	switch {
	case status == "firing":
		e.Ping.Signal = monitor.Success
	case status == "resolved" && query.Get("resolved") == "fail":
		e.Ping.Signal = monitor.Fail
	default:
		e.Ping.Signal = monitor.Log
	}
	return e
}

// fanOut returns an event for each value of a label. One alert of a value that
// fires is enough to show that it is alive.
func (n notification) fanOut(r Request, label string) ([]Event, error) {
	var events []Event
	at := map[string]int{} // by slug
	for _, alert := range n.Alerts {
		name := r.Path["slug"]
		if value := alert.Labels[label]; value != "" {
			name += "-" + value
		}
		event := n.event(Event{}.bySlug(r.Path["key"], name, true), alert.Status, alert.Labels["alertname"], r.Query)
		i, known := at[event.Slug]
		switch {
		case !known && len(events) == AlertmanagerChecks:
			return nil, Refusal{Code: 413, Text: fmt.Sprintf("the notification is about more than %d values of the label %.100q", AlertmanagerChecks, label)}
		case !known:
			at[event.Slug] = len(events)
			events = append(events, event)
		case alert.Status == "firing":
			events[i] = event
		}
	}
	return events, nil
}

// notReadable is the answer to a body that is not what it should be, or was too
// long to be read.
func notReadable(r Request, limit int, what string) Refusal {
	if r.Cut {
		return Refusal{Code: 413, Text: fmt.Sprintf("the body is longer than %d bytes", limit)}
	}
	return Refusal{Code: 400, Text: "the body is not " + what}
}

// leading decodes the wanted members of a JSON object in the order in which they
// come, and stops after the last: what follows need not be there, nor be valid. The
// error says why it stopped before.
func leading(body []byte, want map[string]any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return errNoJSON
	}
	for left := len(want); left > 0; {
		name, err := decoder.Token()
		if err != nil || name == json.Delim('}') {
			return err
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		if into, ok := want[name.(string)]; ok {
			left--
			if err := lenient(value, into); err != nil {
				return err
			}
		}
	}
	return nil
}
