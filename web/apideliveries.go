package web

import (
	"net/http"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// deliveryPage is a part of the list.
type deliveryPage struct {
	Deliveries []deliveryDoc `json:"deliveries"`
	NextCursor *string       `json:"next_cursor"`
}

// deliveryDoc is a message as the API shows it. Its check has the name and slug that
// the message has, which it keeps.
type deliveryDoc struct {
	ID       int64                 `json:"id"`
	Kind     monitor.DeliveryKind  `json:"kind"`
	Channel  deliveryChannel       `json:"channel"`
	Check    *eventHead            `json:"check"` // null for a test and a digest, as are the two after it
	Old      *string               `json:"old"`
	New      *string               `json:"new"`
	Tells    *tellsDoc             `json:"tells"`     // of a digest; null for others
	Digest   *int64                `json:"digest_id"` // of the message that tells it; null when it is told by itself
	State    monitor.DeliveryState `json:"state"`
	Attempts int                   `json:"attempts"`
	Created  string                `json:"created"`
	NextAt   *string               `json:"next_at"`
	Ended    *string               `json:"ended"`
	Answer   string                `json:"answer"`
	Code     *int                  `json:"code"`
}

// tellsDoc is how many changes of either kind a digest tells.
type tellsDoc struct {
	Down int `json:"down"`
	Up   int `json:"up"`
}

// triedDoc is a delivery with its attempts, the first one first.
type triedDoc struct {
	deliveryDoc
	Tries []attemptDoc `json:"tries"`
}

type deliveryChannel struct {
	Name string              `json:"name"`
	Kind monitor.ChannelKind `json:"kind"`
}

type attemptDoc struct {
	N       int     `json:"n"`
	Started string  `json:"started"`
	Took    float64 `json:"took"` // seconds
	OK      bool    `json:"ok"`
	Code    *int    `json:"code"`
	Answer  string  `json:"answer"`
}

// apiDeliveries lists messages, the newest first.
func (s *Server) apiDeliveries(c *apiCall) error {
	query := store.DeliveryQuery{Project: c.project.ID}
	var err error
	if query.Limit, err = limitOf(c, deliveriesMost); err != nil {
		return err
	}
	before, err := cursorOf(c)
	if err != nil {
		return err
	}
	query.Before = monitor.DeliveryID(before)
	switch state := monitor.DeliveryState(c.query().Get("state")); state {
	case "", monitor.Pending, monitor.Sending, monitor.Sent, monitor.Dead, monitor.Merged:
		query.State = state
	default:
		return refuse(http.StatusBadRequest, "state is pending, sending, sent, dead or merged")
	}
	if text := c.query().Get("digest"); text != "" {
		id, err := numberOf(text)
		if err != nil {
			return refuse(http.StatusBadRequest, "digest is the id of a delivery of kind digest")
		}
		query.Digest = monitor.DeliveryID(id)
	}
	if err := s.apiNarrow(c, &query); err != nil {
		return err
	}
	query.Limit++
	rows, err := s.Store.Deliveries(c.ctx(), query)
	if err != nil {
		return err
	}
	more := len(rows) == query.Limit
	if more {
		rows = rows[:len(rows)-1]
	}
	answer := deliveryPage{Deliveries: make([]deliveryDoc, len(rows))}
	for i, row := range rows {
		answer.Deliveries[i] = deliveryOf(row)
	}
	if more {
		cursor := newCursor(int64(rows[len(rows)-1].ID))
		answer.NextCursor = &cursor
	}
	return c.json(http.StatusOK, answer)
}

// apiNarrow reads which check and which channel are asked for.
func (s *Server) apiNarrow(c *apiCall, query *store.DeliveryQuery) error {
	if text := c.query().Get("check"); text != "" {
		check, err := s.apiCheckNamed(c, text)
		if err != nil {
			return err
		}
		query.Check = check.ID
	}
	if text := c.query().Get("channel"); text != "" {
		channel, err := s.apiChannelNamed(c, text)
		if err != nil {
			return err
		}
		query.Channel = channel.ID
	}
	return nil
}

// apiDelivery answers with one message and its attempts.
func (s *Server) apiDelivery(c *apiCall) error {
	id, err := numberOf(c.path("id"))
	if err != nil {
		return fault.NotFound
	}
	rows, err := s.Store.Deliveries(c.ctx(), store.DeliveryQuery{Project: c.project.ID, ID: monitor.DeliveryID(id), Limit: 1})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return fault.NotFound
	}
	attempts, err := s.Store.Attempts(c.ctx(), c.project.ID, rows[0].ID)
	if err != nil {
		return err
	}
	doc := triedDoc{deliveryOf(rows[0]), make([]attemptDoc, len(attempts))}
	for i, a := range attempts {
		doc.Tries[i] = attemptDoc{a.N, apiMicros(a.Started), a.Took.Seconds(), a.OK, a.Code, a.Answer}
	}
	return c.json(http.StatusOK, doc)
}

// apiReplay sends a message that has ended once more.
func (s *Server) apiReplay(c *apiCall) error {
	id, err := numberOf(c.path("id"))
	if err != nil {
		return fault.NotFound
	}
	if err := s.Store.ReplayDelivery(c.ctx(), c.project.ID, monitor.DeliveryID(id), s.Now()); err != nil {
		return err
	}
	s.Kick()
	return s.apiDelivery(c)
}

// replayedDoc says how many dead letters are on their way again, and where to go on.
type replayedDoc struct {
	Replayed   int     `json:"replayed"`
	NextCursor *string `json:"next_cursor"`
}

// apiReplayDead sends dead letters once more.
func (s *Server) apiReplayDead(c *apiCall) error {
	asked := store.Search{DeliveryQuery: store.DeliveryQuery{Project: c.project.ID, State: monitor.Dead, Limit: deliveriesMost}}
	before, err := cursorOf(c)
	if err != nil {
		return err
	}
	asked.Before = monitor.DeliveryID(before)
	if text := c.query().Get("since"); text != "" {
		var known bool
		if asked.Since, known = instantOf(text, time.UTC, s.Now()); !known {
			return refuse(http.StatusBadRequest, "%s", wrongInstant)
		}
	}
	if err := s.apiNarrow(c, &asked.DeliveryQuery); err != nil {
		return err
	}
	rows, next, err := s.Store.SearchDeliveries(c.ctx(), asked)
	if err != nil {
		return err
	}
	var answer replayedDoc
	if answer.Replayed, err = s.replayAll(c.ctx(), rows); err != nil {
		return err
	}
	if next != 0 {
		cursor := newCursor(int64(next))
		answer.NextCursor = &cursor
	}
	return c.json(http.StatusOK, answer)
}

func deliveryOf(row store.DeliveryRow) deliveryDoc {
	doc := deliveryDoc{
		ID: int64(row.ID), Kind: row.Kind, Channel: deliveryChannel{row.ChannelName, row.ChannelKind},
		State: row.State, Attempts: row.Attempts, Created: apiMicros(row.Created),
		NextAt: microsOrNull(row.NextAt), Ended: microsOrNull(row.Ended), Answer: row.Answer, Code: row.Code,
	}
	if row.Kind == monitor.ForDigest {
		doc.Tells = &tellsDoc{row.DigestDown, row.DigestUp}
	}
	if row.Delivery.Digest != 0 {
		doc.Digest = new(int64(row.Delivery.Digest))
	}
	if row.Flip != nil {
		doc.Check = &eventHead{UUID: row.CheckUUID.String(), Name: row.Flip.Facts.Name, Slug: row.Flip.Facts.Slug}
		doc.Old, doc.New = orNull(string(row.Flip.Old)), orNull(string(row.Flip.New))
	}
	return doc
}

func microsOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := apiMicros(t)
	return &text
}
