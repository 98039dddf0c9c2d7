package web

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// Bounds of the lists that are the API's own.
const (
	eventsMost     = 1_000
	runsMost       = 1_000
	deliveriesMost = 1_000
	blindMost      = 100
	// eventSettle is how far behind the clock a list of events ends. A ping that was
	// received is stored by then, or was answered "try again": what comes later is
	// not older than what was listed.
	eventSettle = 3 * time.Second
)

// eventPage is what became known, and where the next page begins.
type eventPage struct {
	Events []eventDoc `json:"events"`
	Cursor string     `json:"cursor"`
}

// eventDoc is an event with the members of its kind, and no others.
type eventDoc struct {
	At    string     `json:"at"`
	Kind  string     `json:"kind"`
	Check *eventHead `json:"check"` // null for a test of a channel
	*pingEvent
	*flipEvent
	*deliveryEvent
}

type pingEvent struct {
	N        int64          `json:"n"`
	Signal   monitor.Signal `json:"signal"`
	RunID    *string        `json:"rid"`
	Exit     *int64         `json:"exit_status"`
	Duration *float64       `json:"duration"` // seconds
	Ignored  bool           `json:"ignored"`
}

type flipEvent struct {
	Old    monitor.Status `json:"old"`
	New    monitor.Status `json:"new"`
	Reason monitor.Reason `json:"reason"`
}

type deliveryEvent struct {
	Channel  string                `json:"channel"`
	State    monitor.DeliveryState `json:"state"`
	Attempts int                   `json:"attempts"`
	Answer   string                `json:"answer"`
}

// eventHead names a check; its UUID only for a key that may ping it.
type eventHead struct {
	UUID      string `json:"uuid,omitempty"`
	UniqueKey string `json:"unique_key,omitempty"`
	Name      string `json:"name"`
	Slug      string `json:"slug"`
}

// apiEvents lists what became known after the cursor. Without one it tells where
// the present is.
func (s *Server) apiEvents(c *apiCall) error {
	limit, err := limitOf(c, eventsMost)
	if err != nil {
		return err
	}
	until := s.Now().Add(-eventSettle)
	answer := eventPage{Events: []eventDoc{}, Cursor: strconv.FormatInt(until.UnixMicro(), 10)}
	text := c.query().Get("after")
	if text == "" {
		return c.json(http.StatusOK, answer)
	}
	cursor, err := strconv.ParseInt(text, 10, 64)
	if err != nil || cursor < 0 {
		return refuse(http.StatusBadRequest, "after is none of ours; take the cursor of the answer before, or leave it out to begin now")
	}
	after := time.UnixMicro(cursor).UTC()
	if !after.Before(until) {
		answer.Cursor = text // nothing can have become known yet
		return c.json(http.StatusOK, answer)
	}
	events, err := s.Store.Events(c.ctx(), c.project.ID, after, until, limit)
	if err != nil {
		return err
	}
	for _, e := range events {
		answer.Events = append(answer.Events, eventOf(e, c.readOnly()))
	}
	if len(events) >= limit {
		answer.Cursor = strconv.FormatInt(events[len(events)-1].At.UnixMicro(), 10)
	}
	return c.json(http.StatusOK, answer)
}

func eventOf(e store.Event, readOnly bool) eventDoc {
	doc := eventDoc{At: apiMicros(e.At)}
	if e.Check != uuid.Nil {
		doc.Check = &eventHead{UUID: e.Check.String(), Name: e.Name, Slug: e.Slug}
		if readOnly {
			doc.Check.UUID, doc.Check.UniqueKey = "", uniqueKey(e.Check)
		}
	}
	switch {
	case e.Ping != nil:
		doc.Kind = "ping"
		doc.pingEvent = &pingEvent{e.Ping.N, e.Ping.Signal, orNull(e.Ping.RunID), e.Ping.Exit, secondsOf(e.Ping.Duration), e.Ping.Ignored != ""}
	case e.Flip != nil:
		doc.Kind = "flip"
		doc.flipEvent = &flipEvent{e.Flip.Old, e.Flip.New, e.Flip.Reason}
	default:
		doc.Kind = "delivery"
		doc.deliveryEvent = &deliveryEvent{e.Channel, e.Delivery.State, e.Delivery.Attempts, e.Delivery.Answer}
	}
	return doc
}

// secondsOf returns a span in seconds; nil stays nil.
func secondsOf(d *time.Duration) *float64 {
	if d == nil {
		return nil
	}
	s := d.Seconds()
	return &s
}

type runDoc struct {
	RunID    *string  `json:"rid"`
	Start    *string  `json:"start"`
	End      *string  `json:"end"`
	Duration *float64 `json:"duration"` // seconds
	Outcome  string   `json:"outcome"`
	Exit     *int64   `json:"exit_status"`
}

// apiRuns lists the runs of a check, the open ones first, then those that ended,
// the newest first.
func (s *Server) apiRuns(c *apiCall) error {
	limit, err := limitOf(c, runsMost)
	if err != nil {
		return err
	}
	check, err := s.apiCheck(c)
	if err != nil {
		return err
	}
	pings, err := s.Store.Pings(c.ctx(), check.ID, 0, apiPingsMost)
	if err != nil {
		return err
	}
	runs := []runDoc{}
	for _, run := range slices.Backward(check.Runs) {
		if run.Open() {
			outcome := "open"
			if run.Over {
				outcome = "overrun"
			}
			start := apiMicros(run.Start)
			runs = append(runs, runDoc{RunID: orNull(run.ID), Start: &start, Outcome: outcome})
		}
	}
	for _, p := range pings {
		if !p.Signal.Ends() || p.Ignored != "" {
			continue
		}
		end := apiMicros(p.At)
		run := runDoc{RunID: orNull(p.RunID), End: &end, Duration: secondsOf(p.Duration), Outcome: string(p.Signal), Exit: p.Exit}
		if p.Duration != nil {
			start := apiMicros(p.At.Add(-*p.Duration))
			run.Start = &start
		}
		runs = append(runs, run)
	}
	return c.json(http.StatusOK, map[string]any{"runs": runs[:min(len(runs), limit)]})
}

type blindDoc struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Cause string `json:"cause"`
}

// apiBlind lists the intervals in which Rollcall itself could not see.
func (s *Server) apiBlind(c *apiCall) error {
	blinds, err := s.Store.Blinds(c.ctx(), time.Time{}, blindMost)
	if err != nil {
		return err
	}
	list := make([]blindDoc, len(blinds))
	for i, b := range blinds {
		list[i] = blindDoc{apiMicros(b.From), apiMicros(b.To), b.Cause}
	}
	return c.json(http.StatusOK, map[string]any{"blind": list})
}

type summaryDoc struct {
	Project string                 `json:"project"`
	Checks  int                    `json:"checks"`
	Status  map[monitor.Status]int `json:"status"`
	Waiting int                    `json:"waiting"` // messages that have not ended
	Dead    int                    `json:"dead"`    // messages that were given up
}

// apiSummary counts the checks by status, zeros included, and the messages that
// are still owed.
func (s *Server) apiSummary(c *apiCall) error {
	checks, err := s.Store.Checks(c.ctx(), c.project.ID, checksLimit)
	if err != nil {
		return err
	}
	now, counts := s.Now(), map[monitor.Status]int{}
	for _, status := range []monitor.Status{monitor.New, monitor.Up, monitor.Late, monitor.Running, monitor.Down, monitor.Paused, monitor.Unknown} {
		counts[status] = 0
	}
	for _, check := range checks {
		counts[check.Shown(now)]++
	}
	deliveries, err := s.Store.CountDeliveries(c.ctx(), c.project.ID, time.Time{})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, summaryDoc{
		Project: c.project.Name, Checks: len(checks), Status: counts,
		Waiting: deliveries[monitor.Pending] + deliveries[monitor.Sending], Dead: deliveries[monitor.Dead],
	})
}
