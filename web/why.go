package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/internal/store"
	"rollcall/templates"
)

// Over how many days latencies are summed up.
var latencyDays = []int{7, 30}

// why explains one minute of a check: the one that is asked for, or the present.
func (s *Server) why(w http.ResponseWriter, r *http.Request) error {
	who, check, err := s.checkOf(r)
	if err != nil {
		return err
	}
	frame, err := s.page(r, who, "Why? "+check.Title(), "/checks")
	if err != nil {
		return err
	}
	asked := strings.TrimSpace(r.URL.Query().Get("at"))
	at, known := instantOf(asked, frame.Zone, frame.Now)
	explained, _, err := s.explain(r, check, at, frame.Clock)
	if err != nil {
		return err
	}
	page, code := templates.WhyPageOf(frame, check, explained), http.StatusOK
	if !known {
		code, page.Wrong = http.StatusUnprocessableEntity, wrongInstant+" Here is the present."
	}
	return s.render(w, r, code, templates.Why(page))
}

// explain says why somebody was told of a check in the minute of an instant, or why
// nobody was, and returns what was judged in it.
func (s *Server) explain(r *http.Request, check monitor.Check, at time.Time, clock templates.Clock) (monitor.Explanation, []monitor.Decision, error) {
	from := at.In(clock.Zone).Truncate(time.Minute).UTC()
	to := from.Add(time.Minute)
	around, err := s.Store.Around(r.Context(), check, from, to)
	if err != nil {
		return monitor.Explanation{}, nil, err
	}
	return monitor.Explain(around, from, to, clock.Now, templates.DayVoice{Clock: clock, Day: from}), around.Judged(from, to), nil
}

const wrongInstant = "The time is to be written as 2026-11-28T03:17, as unix seconds, or as RFC 3339 has it."

// instantOf reads an instant: unix seconds, RFC 3339, or a time of day in a zone. It
// is the present when there is none; false is one that cannot be read.
func instantOf(text string, zone *time.Location, now time.Time) (time.Time, bool) {
	if text == "" {
		return now, true
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil && seconds >= 0 && seconds <= apiLatest {
		return time.Unix(seconds, 0).UTC(), true
	}
	for _, layout := range []string{time.RFC3339, templates.WhyLayout, "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t.UTC(), true
		}
	}
	return now, false
}

// latency shows how long it takes to notice and to tell.
func (s *Server) latency(w http.ResponseWriter, r *http.Request) error {
	who := s.who(r)
	frame, err := s.page(r, who, "Latency", "/deliveries")
	if err != nil {
		return err
	}
	page := templates.LatencyPage{Page: frame, Bound: store.LatencySpan}
	for _, days := range latencyDays {
		l, err := s.Store.Latencies(r.Context(), who.Project.ID, s.Now().AddDate(0, 0, -days))
		if err != nil {
			return err
		}
		page.Spans = append(page.Spans, templates.LatencySpan{Days: days, Latencies: l})
	}
	return s.render(w, r, http.StatusOK, templates.Latency(page))
}

// whyDoc is an explanation as the API answers it.
type whyDoc struct {
	From       string         `json:"from"`
	To         string         `json:"to"`
	Status     *string        `json:"status"` // at the end; null when it is not known
	Answer     string         `json:"answer"`
	Statements []statementDoc `json:"statements"`
	Channels   []fateDoc      `json:"channels"`
	Decisions  []decisionDoc  `json:"decisions"`
	Earlier    *string        `json:"earlier"` // when something was decided before
	Later      *string        `json:"later"`
}

type statementDoc struct {
	At         *string               `json:"at"` // null when it holds for the whole minute
	Text       string                `json:"text"`
	Suppressed []monitor.Suppression `json:"suppressed"`
	See        *string               `json:"see"`
}

type fateDoc struct {
	Name       string  `json:"name"`
	Delivery   *int64  `json:"delivery"`
	State      *string `json:"state"`
	Suppressed *string `json:"suppressed"`
	Text       string  `json:"text"`
}

type decisionDoc struct {
	About      monitor.Matter        `json:"about"`
	Judged     string                `json:"judged"`
	Arrived    *string               `json:"arrived"`
	Deadline   *string               `json:"deadline"`
	Expected   *string               `json:"expected"`
	Seen       *string               `json:"seen"`
	Was        monitor.Status        `json:"was"`
	Is         monitor.Status        `json:"is"`
	Reason     monitor.Reason        `json:"reason"`
	Tell       bool                  `json:"tell"`
	Suppressed []monitor.Suppression `json:"suppressed"`
	Until      *string               `json:"until"`
	Bad        *int                  `json:"bad"`       // which bad result in a row it was; null: it was none
	Limit      *int                  `json:"bad_limit"` // how many take the check down
	Latency    *float64              `json:"latency"`   // seconds until it was judged
}

// apiWhy says why a message was or was not sent.
func (s *Server) apiWhy(c *apiCall) error {
	check, err := s.apiCheck(c)
	if err != nil {
		return err
	}
	clock := templates.Clock{Now: s.Now(), Zone: time.UTC}
	if name := c.query().Get("tz"); name != "" {
		if clock.Zone, err = schedule.Zone(name); err != nil {
			return refuse(http.StatusBadRequest, "tz: %s", err)
		}
	}
	at, known := instantOf(c.query().Get("at"), clock.Zone, clock.Now)
	if !known {
		return refuse(http.StatusBadRequest, "%s", wrongInstant)
	}
	e, judged, err := s.explain(c.r, check, at, clock)
	if err != nil {
		return err
	}
	doc := whyDoc{
		From: apiMicros(e.From), To: apiMicros(e.To), Status: orNull(string(e.Status)), Answer: e.Answer,
		Statements: []statementDoc{}, Channels: []fateDoc{}, Decisions: []decisionDoc{},
		Earlier: microsOrNull(e.Earlier), Later: microsOrNull(e.Later),
	}
	for _, st := range e.Statements {
		doc.Statements = append(doc.Statements, statementDoc{microsOrNull(st.At), st.Text, named(st.Suppressed), microsOrNull(st.See)})
	}
	for _, f := range e.Fates {
		fate := fateDoc{Name: f.Name, State: orNull(string(f.State)), Suppressed: orNull(string(f.Suppressed)), Text: f.Text}
		if f.Delivery != 0 {
			fate.Delivery = (*int64)(&f.Delivery)
		}
		doc.Channels = append(doc.Channels, fate)
	}
	for _, d := range judged {
		doc.Decisions = append(doc.Decisions, decisionOf(d))
	}
	return c.json(http.StatusOK, doc)
}

// named is a list that is never null.
func named(list []monitor.Suppression) []monitor.Suppression {
	return append([]monitor.Suppression{}, list...)
}

func decisionOf(d monitor.Decision) decisionDoc {
	doc := decisionDoc{
		About: d.About, Judged: apiMicros(d.Judged), Arrived: microsOrNull(d.Arrived), Deadline: microsOrNull(d.Deadline),
		Expected: microsOrNull(d.Due), Seen: microsOrNull(d.Seen), Was: d.Was, Is: d.Is, Reason: d.Reason, Tell: d.Tell,
		Suppressed: named(d.Silenced()), Until: microsOrNull(d.Until),
	}
	if d.Bad > 0 {
		doc.Bad, doc.Limit = &d.Bad, &d.Of
	}
	if lag, ok := d.Lag(); ok {
		doc.Latency = secondsOf(&lag)
	}
	return doc
}

// latencyDoc is how long it takes, over spans of days.
type latencyDoc struct {
	Latency []latencyOf `json:"latency"`
}

type latencyOf struct {
	Days      int        `json:"days"`
	Detection *spreadDoc `json:"detection"` // null without data, as is the next
	Delivery  *spreadDoc `json:"delivery"`
	Waiting   int        `json:"waiting"`
	Dead      int        `json:"dead"`
}

// spreadDoc is percentiles, in seconds.
type spreadDoc struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

// apiLatency says how long it took to notice and to tell.
func (s *Server) apiLatency(c *apiCall) error {
	doc := latencyDoc{}
	for _, days := range latencyDays {
		l, err := s.Store.Latencies(c.ctx(), c.project.ID, s.Now().AddDate(0, 0, -days))
		if err != nil {
			return err
		}
		doc.Latency = append(doc.Latency, latencyOf{days, spreadOf(l.Detection), spreadOf(l.Delivery), l.Waiting, l.Dead})
	}
	return c.json(http.StatusOK, doc)
}

func spreadOf(s monitor.Spread) *spreadDoc {
	if s.Count == 0 {
		return nil
	}
	return &spreadDoc{s.Count, s.P50.Seconds(), s.P90.Seconds(), s.P99.Seconds(), s.Max.Seconds()}
}
