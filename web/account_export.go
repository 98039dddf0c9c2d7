package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// How much of a history is read at a time, and how long writing it may take.
const (
	exportRows  = 1_000
	exportPause = 30 * time.Second
)

// What a copy of somebody's data holds. Nothing in it opens anything: no ping
// addresses, keys, hashes or signing secrets.
type (
	myAccount struct {
		Email       string    `json:"email"`
		Created     time.Time `json:"created"`
		HasPassword bool      `json:"has_password"`
		Zone        *string   `json:"zone"` // null: the server's
	}
	mySession struct {
		Browser string    `json:"browser"`
		Network string    `json:"network"`
		Began   time.Time `json:"began"`
		Seen    time.Time `json:"last_seen"`
	}
	myMembership struct {
		Project string       `json:"project"`
		Role    account.Role `json:"role"`
	}
	myMember struct {
		Email string       `json:"email"`
		Role  account.Role `json:"role"`
	}
	myChannel struct {
		Name     string              `json:"name"`
		Kind     monitor.ChannelKind `json:"kind"`
		To       string              `json:"to"`
		Created  time.Time           `json:"created"`
		Disabled string              `json:"disabled,omitempty"`
	}
	myCheck struct {
		Name         string          `json:"name"`
		Slug         string          `json:"slug,omitempty"`
		Description  string          `json:"description,omitempty"`
		Tags         []string        `json:"tags,omitempty"`
		Period       *int64          `json:"period_s,omitempty"`
		Schedule     string          `json:"schedule,omitempty"`
		Zone         string          `json:"zone,omitempty"`
		Grace        int64           `json:"grace_s"`
		MaxRuntime   *int64          `json:"max_runtime_s"`
		Threshold    *int            `json:"threshold"`
		ManualResume bool            `json:"manual_resume"`
		PostOnly     bool            `json:"post_only"`
		Filter       *monitor.Filter `json:"filter,omitempty"`
		Channels     []string        `json:"channels"`
		Created      time.Time       `json:"created"`
		Status       monitor.Status  `json:"status"`
		Since        time.Time       `json:"since"`
	}
	myFlip struct {
		At     time.Time      `json:"at"`
		Judged time.Time      `json:"judged"`
		Old    monitor.Status `json:"old"`
		New    monitor.Status `json:"new"`
		Reason monitor.Reason `json:"reason"`
	}
	myPing struct {
		N          int64          `json:"n"`
		At         time.Time      `json:"at"`
		Signal     monitor.Signal `json:"signal"`
		Exit       *int64         `json:"exit_status,omitempty"`
		RunID      string         `json:"run_id,omitempty"`
		Duration   *float64       `json:"duration_s,omitempty"`
		Ignored    string         `json:"ignored,omitempty"`
		Scheme     string         `json:"scheme"`
		Method     string         `json:"method"`
		RemoteAddr string         `json:"remote_addr"`
		UserAgent  string         `json:"user_agent"`
		BodySize   int64          `json:"body_size"`
	}
)

// exportAccount writes a copy of what is known about somebody. It is written as it
// is read: what is in memory at a time is one page of one check's history.
func (s *Server) exportAccount(w http.ResponseWriter, r *http.Request) error {
	ctx, who, now := r.Context(), s.who(r), s.Now()
	if err := s.exports.allow(userKey(who.User.ID), now); err != nil {
		return err
	}
	sessions, err := s.Store.SessionsOf(ctx, who.User.ID, now.Add(-sessionIdle))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="rollcall-`+now.Format(time.DateOnly)+`.json"`)
	out := &jsonOut{w: w, alive: func() {
		// A server in front of us may not have deadlines; then there is none to move.
		_ = http.NewResponseController(w).SetWriteDeadline(s.Now().Add(exportPause))
	}}
	copier{out, s.Store}.all(ctx, who, sessions, now)
	if out.err == nil {
		return nil
	}
	if r.Context().Err() == nil && !errors.Is(out.err, errGone) {
		s.Log.ErrorContext(ctx, "copy of an account broken off", "request", note(r).id, "error", out.err)
	}
	panic(http.ErrAbortHandler) // half a copy must not look like a whole one
}

// copier writes what is known about somebody.
type copier struct {
	*jsonOut
	store store.Store
}

func (c copier) all(ctx context.Context, who Who, sessions []store.Session, now time.Time) {
	user := who.User
	mine := myAccount{Email: user.Email, Created: user.Created, HasPassword: user.PasswordHash != ""}
	if user.Zone != "" {
		mine.Zone = &user.Zone
	}
	c.object("", func() {
		c.value("exported", now)
		c.value("account", mine)
		c.list("sessions", func() {
			for _, one := range sessions {
				c.value("", mySession{one.Browser, one.Network, one.Began, one.Seen})
			}
		})
		c.list("memberships", func() {
			for _, m := range who.Projects {
				c.value("", myMembership{m.Name, m.Role})
			}
		})
		c.list("projects", func() {
			for _, m := range who.Projects {
				if m.Role == account.Owner {
					c.project(ctx, m.Project)
				}
			}
		})
	})
}

func (c copier) project(ctx context.Context, p account.Project) {
	members, err := c.store.Members(ctx, p.ID)
	c.fail(err)
	channels, err := c.store.Channels(ctx, p.ID)
	c.fail(err)
	told, err := c.store.Assignments(ctx, p.ID)
	c.fail(err)
	checks, err := c.store.Checks(ctx, p.ID, checksLimit)
	c.fail(err)
	names := map[monitor.ChannelID]string{}
	c.object("", func() {
		c.value("name", p.Name)
		c.value("created", p.Created)
		c.list("members", func() {
			for _, m := range members {
				c.value("", myMember{m.Email, m.Role})
			}
		})
		c.list("channels", func() {
			for _, one := range channels {
				names[one.ID] = one.Name
				c.value("", myChannel{one.Name, one.Kind, one.Target(), one.Created, one.Disabled})
			}
		})
		c.list("checks", func() {
			for _, check := range checks {
				c.check(ctx, check, told[check.ID], names)
			}
		})
	})
}

func (c copier) check(ctx context.Context, check monitor.Check, told []monitor.ChannelID, names map[monitor.ChannelID]string) {
	mine := myCheck{
		Name: check.Name, Slug: check.Slug, Description: check.Description, Tags: check.Tags,
		Schedule: check.Schedule.Expr, Zone: check.Schedule.Zone, Grace: wholeSeconds(check.Grace),
		Threshold: check.Threshold, ManualResume: check.ManualResume, PostOnly: check.PostOnly, Channels: []string{},
		Created: check.Created, Status: check.Status, Since: check.Since,
	}
	if check.Schedule.Period > 0 {
		mine.Period = new(wholeSeconds(check.Schedule.Period))
	}
	if check.MaxRuntime != nil {
		mine.MaxRuntime = new(wholeSeconds(*check.MaxRuntime))
	}
	if check.Filter != (monitor.Filter{}) {
		mine.Filter = &check.Filter
	}
	for _, id := range told {
		mine.Channels = append(mine.Channels, names[id])
	}
	c.object("", func() {
		c.value("settings", mine)
		c.list("flips", func() { c.flips(ctx, check.ID) })
		c.list("pings", func() { c.pings(ctx, check.ID) })
	})
}

func wholeSeconds(d time.Duration) int64 { return int64(d / time.Second) }

func (c copier) flips(ctx context.Context, id monitor.CheckID) {
	before := int64(0)
	for c.err == nil {
		flips, err := c.store.Flips(ctx, id, before, exportRows)
		c.fail(err)
		for _, f := range flips {
			before = f.Rev
			c.value("", myFlip{f.At, f.Judged, f.Old, f.New, f.Reason})
		}
		if len(flips) < exportRows {
			return
		}
	}
}

func (c copier) pings(ctx context.Context, id monitor.CheckID) {
	before := int64(0)
	for c.err == nil {
		pings, err := c.store.Pings(ctx, id, before, exportRows)
		c.fail(err)
		for _, p := range pings {
			before = p.N
			c.value("", myPing{
				p.N, p.At, p.Signal, p.Exit, p.RunID, secondsOf(p.Duration), string(p.Ignored),
				p.Scheme, p.Method, p.RemoteAddr, p.UserAgent, p.BodySize,
			})
		}
		if len(pings) < exportRows {
			return
		}
	}
}

// jsonOut writes one JSON document piece by piece. After the first failure it writes
// nothing more.
type jsonOut struct {
	w     http.ResponseWriter
	alive func() // moves the time by which all must be written
	err   error
	next  bool // a comma is due before the next value
}

func (o *jsonOut) fail(err error) {
	if o.err == nil {
		o.err = err
	}
}

func (o *jsonOut) raw(text string) {
	if o.err != nil {
		return
	}
	if _, err := o.w.Write([]byte(text)); err != nil {
		o.fail(errors.Join(errGone, err))
	}
}

// begin writes what stands before a value: a comma, and its name in an object.
func (o *jsonOut) begin(name string) {
	if o.next {
		o.raw(",\n")
	}
	if name != "" {
		o.raw(fmt.Sprintf("%q:", name))
	}
}

// value writes a member of an object, or an item of a list, which has no name.
func (o *jsonOut) value(name string, v any) {
	text, err := json.Marshal(v)
	o.fail(err)
	o.begin(name)
	o.raw(string(text))
	o.next = true
}

func (o *jsonOut) object(name string, body func()) { o.within(name, "{", "}", body) }

func (o *jsonOut) list(name string, body func()) { o.within(name, "[", "]", body) }

func (o *jsonOut) within(name, open, end string, body func()) {
	o.begin(name)
	o.alive()
	o.raw(open)
	o.next = false
	body()
	o.raw(end)
	o.next = true
}
