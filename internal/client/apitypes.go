package client

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Check is a check as the management API shows it. A member that the server or
// the kind of key leaves out is its zero value.
type Check struct {
	Name     string `json:"name"`
	Slug     string `json:"slug"`
	Tags     string `json:"tags"` // separated by spaces; TagList splits them
	Desc     string `json:"desc"`
	Channels string `json:"channels"` // UUIDs separated by commas; with a read-write key

	UUID      string `json:"uuid"`       // with a read-write key
	UniqueKey string `json:"unique_key"` // with a read-only key; stands for the UUID where something is read
	PingURL   string `json:"ping_url"`   // with a read-write key
	BadgeURL  string `json:"badge_url"`

	Kind       string `json:"kind"` // simple, cron, or oncalendar; Rollcall only, with a read-write key
	Schedule   string `json:"schedule"`
	TZ         string `json:"tz"`
	Timeout    *int   `json:"timeout"` // seconds; simple checks only
	Grace      int    `json:"grace"`   // seconds
	MaxRuntime *int   `json:"max_runtime"`
	Threshold  *int   `json:"threshold"` // bad results in a row that take it down

	Status       string     `json:"status"` // new, up, grace, down, or paused
	Late         bool       `json:"late"`   // past due, within its grace; Rollcall only, with a read-write key
	Started      bool       `json:"started"`
	NPings       int64      `json:"n_pings"`
	LastPing     *time.Time `json:"last_ping"`
	NextPing     *time.Time `json:"next_ping"`
	LastDuration *int       `json:"last_duration"` // seconds

	ManualResume      bool   `json:"manual_resume"`
	Methods           string `json:"methods"` // "POST", or "" for all
	StartKw           string `json:"start_kw"`
	SuccessKw         string `json:"success_kw"`
	FailureKw         string `json:"failure_kw"`
	FilterSubject     bool   `json:"filter_subject"`
	FilterBody        bool   `json:"filter_body"`
	FilterHTTPBody    bool   `json:"filter_http_body"`
	FilterDefaultFail bool   `json:"filter_default_fail"`

	// JSON is the whole document as the server sent it.
	JSON json.RawMessage `json:"-"`
}

// UnmarshalJSON implements json.Unmarshaler. It keeps the document.
func (c *Check) UnmarshalJSON(text []byte) error {
	type plain Check
	return keep(text, (*plain)(c), &c.JSON)
}

// ID is how the API is asked about the check: its UUID, or its unique key for
// who may only read.
func (c Check) ID() string {
	if c.UUID != "" {
		return c.UUID
	}
	return c.UniqueKey
}

// TagList returns the tags one by one.
func (c Check) TagList() []string { return strings.Fields(c.Tags) }

// CheckFilter narrows a list of checks. Its zero value is all of them.
type CheckFilter struct {
	Tags []string // a check has every one of them
	Slug string
}

// CheckFields is what a check is given when it is made or changed. What is nil
// keeps its value, or gets the server's default when the check is made.
type CheckFields struct {
	Name       *string `json:"name,omitempty"`
	Slug       *string `json:"slug,omitempty"`
	Tags       *string `json:"tags,omitempty"` // separated by spaces
	Desc       *string `json:"desc,omitempty"`
	Timeout    *int    `json:"timeout,omitempty"` // seconds; makes the check simple
	Grace      *int    `json:"grace,omitempty"`   // seconds
	Schedule   *string `json:"schedule,omitempty"`
	TZ         *string `json:"tz,omitempty"`
	MaxRuntime *OrNone `json:"max_runtime,omitempty"` // seconds; none: the same as the grace
	Threshold  *OrNone `json:"threshold,omitempty"`   // bad results in a row; none: the first takes it down
	Channels   *string `json:"channels,omitempty"`    // "*", "", or UUIDs or names separated by commas

	ManualResume      *bool   `json:"manual_resume,omitempty"`
	Methods           *string `json:"methods,omitempty"` // "POST", or "" for all
	StartKw           *string `json:"start_kw,omitempty"`
	SuccessKw         *string `json:"success_kw,omitempty"`
	FailureKw         *string `json:"failure_kw,omitempty"`
	FilterSubject     *bool   `json:"filter_subject,omitempty"`
	FilterBody        *bool   `json:"filter_body,omitempty"`
	FilterHTTPBody    *bool   `json:"filter_http_body,omitempty"`
	FilterDefaultFail *bool   `json:"filter_default_fail,omitempty"`

	// Unique names members (name, slug, tags, timeout, grace): SaveCheck changes
	// the check that is equal in all of them, when there is one.
	Unique []string `json:"unique,omitempty"`
	// ImportUUID is the UUID that a new check keeps from where it was before.
	ImportUUID string `json:"import_uuid,omitempty"`
	// Tokens are addresses at other services by which a new check is found.
	Tokens []Token `json:"tokens,omitempty"`
}

// OrNone is a number of which 0 stands for none.
type OrNone int

// MarshalJSON implements json.Marshaler: none is null.
func (n OrNone) MarshalJSON() ([]byte, error) {
	if n == 0 {
		return []byte("null"), nil
	}
	return fmt.Append(nil, int(n)), nil
}

// Token is what identified a monitor at the service it comes from.
type Token struct {
	Dialect string `json:"dialect"` // kuma, snitch, …
	Token   string `json:"token"`
}

// RecordedPing is a ping in a check's log.
type RecordedPing struct {
	N          int64     `json:"n"`
	Type       string    `json:"type"` // success, start, fail, log, or ign
	Date       time.Time `json:"date"`
	Scheme     string    `json:"scheme"`
	RemoteAddr string    `json:"remote_addr"`
	Method     string    `json:"method"`
	UserAgent  string    `json:"ua"`
	RunID      *string   `json:"rid"`
	Duration   *float64  `json:"duration"` // seconds
	BodyURL    *string   `json:"body_url"`
}

// Flip is a change of a check's status.
type Flip struct {
	Timestamp time.Time `json:"timestamp"`
	Up        int       `json:"up"` // 1 or 0
}

// Channel is a way by which people are told.
type Channel struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Kind string `json:"kind"`
}

// NewChannel is a channel that is to be made. A kind takes the members that it
// has a use for; the others stay empty.
type NewChannel struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	URL     string `json:"url,omitempty"`
	Address string `json:"address,omitempty"`
	Secret  string `json:"secret,omitempty"`
}

// EventPage is what happened after a cursor, oldest first, and the cursor to go
// on from.
type EventPage struct {
	Events []Event `json:"events"`
	Cursor string  `json:"cursor"`
}

// Full says whether there may be more already.
func (p EventPage) Full() bool { return len(p.Events) >= EventsAtOnce }

// EventsSince is the cursor of an instant.
func EventsSince(t time.Time) string { return strconv.FormatInt(t.UnixMicro(), 10) }

// The kinds of events.
const (
	EventPing     = "ping"
	EventFlip     = "flip"
	EventDelivery = "delivery"
)

// Event is a ping, a flip, or the end of a delivery.
type Event struct {
	At    time.Time  `json:"at"`
	Kind  string     `json:"kind"`
	Check EventCheck `json:"check"`

	// Of a ping.
	N          int64    `json:"n"`
	Signal     string   `json:"signal"`
	RunID      string   `json:"rid"`
	ExitStatus *int64   `json:"exit_status"`
	Duration   *float64 `json:"duration"` // seconds
	Ignored    bool     `json:"ignored"`

	// Of a flip.
	Old    string `json:"old"`
	New    string `json:"new"`
	Reason string `json:"reason"`

	// Of a delivery.
	Channel  string `json:"channel"`
	State    string `json:"state"`
	Attempts int    `json:"attempts"`
	Answer   string `json:"answer"`

	// JSON is the event as the server sent it.
	JSON json.RawMessage `json:"-"`
}

// UnmarshalJSON implements json.Unmarshaler. It keeps the document.
func (e *Event) UnmarshalJSON(text []byte) error {
	type plain Event
	return keep(text, (*plain)(e), &e.JSON)
}

// EventCheck says which check an event is about. It is zero for the test of a
// channel, which is about none.
type EventCheck struct {
	UUID      string `json:"uuid"`       // with a read-write key
	UniqueKey string `json:"unique_key"` // with a read-only key
	Name      string `json:"name"`
	Slug      string `json:"slug"`
}

// ID is the check's as Check.ID has it.
func (c EventCheck) ID() string {
	if c.UUID != "" {
		return c.UUID
	}
	return c.UniqueKey
}

// ApplyOptions say what is done with a described state.
type ApplyOptions struct {
	Plan  bool // only say what would change
	Prune bool // delete checks and channels that are not described
}

// Applied is what a described state changed, or would change.
type Applied struct {
	Project string   `json:"project"`
	Applied bool     `json:"applied"`
	Changes []Change `json:"changes"`

	// JSON is the whole document as the server sent it.
	JSON json.RawMessage `json:"-"`
}

// UnmarshalJSON implements json.Unmarshaler. It keeps the document.
func (a *Applied) UnmarshalJSON(text []byte) error {
	type plain Applied
	return keep(text, (*plain)(a), &a.JSON)
}

// Change is one thing that is made, changed or deleted.
type Change struct {
	Action string                 `json:"action"` // create, update, or delete
	Kind   string                 `json:"kind"`   // project, channel, or check
	Name   string                 `json:"name"`
	Fields map[string]FieldChange `json:"fields"`
}

// FieldChange is a member before and after: a string, number, bool or list as
// JSON has it, and nil for nothing.
type FieldChange struct {
	Old any `json:"old"`
	New any `json:"new"`
}

// keep reads a document into its fields and keeps its text.
func keep(text []byte, fields any, document *json.RawMessage) error {
	if err := json.Unmarshal(text, fields); err != nil {
		return err
	}
	*document = append(json.RawMessage(nil), text...)
	return nil
}
