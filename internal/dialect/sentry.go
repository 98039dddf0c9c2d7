package dialect

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"strings"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
)

// SentryCheckIn reads a check-in of Sentry's crons:
//
//	/api/<any project>/cron/<slug>[/<ping key>]?status=<status>[&check_in_id=…][&duration=…][&environment=…]
//
// or the same as JSON, which may hold a monitor_config. Without a key in the path
// it is X-Sentry-Auth or sentry_key that has it.
var SentryCheckIn = Format{
	Name:    "sentry",
	Methods: "GET, HEAD, POST",
	Paths:   []string{"/api/{project}/cron/{slug}/{key}", "/api/{project}/cron/{slug}"},
	Read: func(r Request) ([]Event, error) {
		c := checkIn{
			ID: r.Query.Get("check_in_id"), Status: r.Query.Get("status"),
			Environment: r.Query.Get("environment"), Duration: json.RawMessage(r.Query.Get("duration")),
		}
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // "" is no JSON either
		if kind == "application/json" && len(bytes.TrimSpace(r.Body)) > 0 {
			if err := lenient(r.Body, &c); err != nil {
				return nil, sentryRefusal(400, "the body is not JSON")
			}
		}
		c.Slug = r.Path["slug"]
		key := cmp.Or(r.Path["key"], sentryKey(r))
		if key == "" {
			return nil, sentryRefusal(401, noSentryKey)
		}
		event, err := c.event(key)
		if err != nil {
			return nil, err
		}
		return []Event{event}, nil
	},
	Answer:      func(o Outcome) Answer { return sentryAnswer(o, Answer{Code: 202}) },
	Unthrottled: true,
}

const noSentryKey = "no key: the project's ping key belongs into the DSN, or into the path, sentry_key or X-Sentry-Auth"

// sentryKey returns the key that comes beside the path; "" when there is none.
func sentryKey(r Request) string {
	if key := r.Query.Get("sentry_key"); key != "" {
		return key
	}
	auth := r.Header.Get("X-Sentry-Auth")
	if scheme, rest, ok := strings.Cut(auth, " "); ok && strings.EqualFold(scheme, "Sentry") {
		auth = rest
	}
	for part := range strings.SplitSeq(auth, ",") {
		if name, value, _ := strings.Cut(strings.TrimSpace(part), "="); strings.EqualFold(name, "sentry_key") {
			return value
		}
	}
	return ""
}

// checkIn is a check-in as JSON has it.
type checkIn struct {
	ID          string          `json:"check_in_id"`
	Slug        string          `json:"monitor_slug"`
	Status      string          `json:"status"`
	Environment string          `json:"environment"`
	Release     string          `json:"release"`
	Duration    json.RawMessage `json:"duration"` // seconds
	Config      *monitorConfig  `json:"monitor_config"`
}

// event is what a check-in says. The check is made only when its settings come
// along: without them nobody knows when to expect it.
func (c checkIn) event(pingKey string) (Event, error) {
	event := Event{}.bySlug(pingKey, c.Slug, c.Config != nil)
	switch {
	case blank(c.Slug):
		return Event{}, sentryRefusal(400, "the monitor's slug is missing")
	case c.Status == "":
		return Event{}, sentryRefusal(400, "status is missing; it is in_progress, ok or error")
	}
	ping := &event.Ping
	ping.Detail.Environment = c.Environment
	if c.Release != "" {
		ping.Detail.Message = "release " + c.Release
	}
	switch strings.ToLower(c.Status) {
	case "in_progress":
		ping.Signal = monitor.Start
	case "ok":
		ping.Signal = monitor.Success
	case "error":
		ping.Signal = monitor.Fail
	default:
		ping.Signal, event.Warning = unknownWord(c.Status), "bad-status"
		ping.Detail.Message = "status " + c.Status
	}
	if ping.Signal.Ends() {
		event.took(strings.Trim(strings.TrimPrefix(string(c.Duration), "null"), `"`), time.Second)
	}
	if id := checkInID(c.ID); id == "" || monitor.ValidRunID(id) {
		ping.RunID = id
	} else {
		event.Warning = "bad-rid"
	}
	if c.Config != nil {
		if err := c.Config.valid(); err != nil {
			event.Warning = "bad-monitor-config"
			ping.Detail.Message = "monitor_config was left out: " + err.Error()
		} else {
			event.Configure = c.Config.apply
		}
	}
	return event, nil
}

// checkInID returns the id of a run in the form that all clients can be brought
// to; "" for none, which the nil UUID also means.
func checkInID(text string) string {
	id, err := uuid.Parse(text)
	switch {
	case err != nil:
		return text
	case id == uuid.Nil:
		return ""
	}
	return strings.ReplaceAll(id.String(), "-", "")
}

// monitorConfig is the settings of a monitor that a client sends along. What has
// no counterpart, such as recovery_threshold, is left out.
type monitorConfig struct {
	Schedule struct {
		Type  string          `json:"type"`
		Value json.RawMessage `json:"value"` // a text, or a number
		Unit  string          `json:"unit"`
	} `json:"schedule"`
	Margin     *float64 `json:"checkin_margin"` // minutes
	MaxRuntime *float64 `json:"max_runtime"`    // minutes
	Timezone   string   `json:"timezone"`
	Threshold  *float64 `json:"failure_issue_threshold"` // bad results in a row
}

// sentryMaxRuntime is what Sentry takes for a max_runtime that is not given.
const sentryMaxRuntime = 30 * time.Minute

// units are the lengths of an interval's units. A month is the longest one, so that
// nothing is expected too early.
var units = map[string]time.Duration{
	"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour,
	"week": 7 * 24 * time.Hour, "month": 31 * 24 * time.Hour, "year": 365 * 24 * time.Hour,
}

// apply returns the configuration with the settings of the client in it. A limit of
// a run that neither knows is Sentry's, since ours would be the grace, which is
// minutes there.
func (m *monitorConfig) apply(c monitor.Config) monitor.Config {
	var text string
	var number float64
	switch m.Schedule.Type {
	case "crontab":
		_ = json.Unmarshal(m.Schedule.Value, &text) // "" is no schedule, which Valid refuses
		c.Schedule = schedule.Spec{Kind: schedule.Cron, Expr: text, Zone: m.Timezone}
	default:
		_ = json.Unmarshal(m.Schedule.Value, &number) // as is 0
		c.Schedule = schedule.Spec{Kind: schedule.Every, Period: span(number, units[m.Schedule.Unit])}
	}
	if m.Margin != nil {
		c.Grace = span(max(1, *m.Margin), time.Minute)
	}
	limit := sentryMaxRuntime
	switch {
	case m.MaxRuntime != nil:
		limit = span(max(1, *m.MaxRuntime), time.Minute)
	case c.MaxRuntime != nil:
		limit = *c.MaxRuntime
	}
	c.MaxRuntime = &limit
	if m.Threshold != nil {
		c.Threshold = new(int(min(max(1, *m.Threshold), monitor.MaxThreshold+1)))
	}
	return c
}

// span is so many units in whole seconds; 0 when that is too long for anything.
func span(n float64, unit time.Duration) time.Duration {
	if !(n >= 0 && n*unit.Hours() <= 2*monitor.MaxGrace.Hours()) {
		return 0
	}
	return time.Duration(n * float64(unit)).Truncate(time.Second)
}

// valid says what is wrong with the settings.
func (m *monitorConfig) valid() error {
	if kind := m.Schedule.Type; kind != "crontab" && kind != "interval" {
		return fmt.Errorf("schedule type %.40q is neither crontab nor interval", kind)
	}
	_, err := m.apply(monitor.Provisioned(uuid.Nil, "x", "", nil).Config).Valid()
	return err
}

// lenient decodes JSON as far as its types fit: a member of another type than it
// should be is left out.
func lenient(data []byte, into any) error {
	err := json.Unmarshal(data, into)
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return nil
	}
	return err
}

// sentryAnswer answers with the words of Sentry's clients: they show "detail".
func sentryAnswer(o Outcome, stored Answer) Answer {
	switch o {
	case Stored, Created:
		return stored
	case Unknown:
		return Answer(sentryRefusal(404, "no project has this key, or it has no check with this slug: make the check, or send a monitor_config with the check-in"))
	}
	said := Plainly(o)
	return Answer(sentryRefusal(said.Code, said.Text))
}

func sentryRefusal(code int, detail string) Refusal {
	text, err := json.Marshal(map[string]string{"detail": detail})
	if err != nil {
		panic(err) // a string always fits into JSON
	}
	return Refusal{Code: code, Text: string(text), Type: jsonType}
}
