package monitor

import (
	"time"

	"github.com/google/uuid"

	"rollcall/internal/fault"
	"rollcall/internal/schedule"
)

// Create returns a new check in its first state: it waits for its first ping and
// is never late before it.
func Create(c Check, now time.Time) Check {
	c.Created, c.Updated = now, now
	c.State = State{Status: New, Since: now}
	return c
}

// Pause stops the watch. Open runs are forgotten: nobody waits for them any more; and
// so are bad results: the watch starts afresh.
func (c Check) Pause(now time.Time) Change {
	if c.Status == Paused {
		return Change{Check: c, Unchanged: true}
	}
	change, before := Change{}, c
	c, change.Flip = c.flip(Paused, ByPerson, now, now, false)
	c.Runs, c.FailStreak = nil, 0
	c = c.expect(time.Time{})
	change.Check = c.wakeAt()
	return change.recorded(before, now, ByPause)
}

// Resume starts the watch again with a fresh period: the check is new, and is
// expected at the next slot after now if it was ever pinged.
func (c Check) Resume(now time.Time) (Change, error) {
	if c.Status != Paused {
		return Change{}, fault.Say(fault.Conflict, "the check is not paused")
	}
	change, before := Change{}, c
	c, change.Flip = c.flip(New, ByPerson, now, now, false)
	if !c.LastPing.IsZero() {
		c = c.expectAfter(now)
	}
	change.Check = c.wakeAt()
	return change.recorded(before, now, NoNews), nil
}

// Reconfigure gives the check a valid Config. What is awaited is computed anew
// from the last ping, but a change of settings alone never makes a check overdue.
func (c Check) Reconfigure(to Config, now time.Time) Change {
	before := c
	c.Config, c.Trouble = to, ""
	c.Updated = later(now, c.Updated.Add(time.Microsecond)) // the store tells an edit by it
	if before.Schedule != to.Schedule && !c.Due.IsZero() {
		c = c.expect(time.Time{})
		c = c.bind(c.LastPing, now)
	}
	if at, ok := c.scheduleDeadline(); ok && !at.After(now) {
		c = c.expectAfter(now)
	}
	if to.Schedule.Kind == schedule.Every && c.Running() {
		c.Due = time.Time{}
	}
	waited := c.Running()
	c.overrun(now)
	if waited && !c.Running() && c.Due.IsZero() {
		c = c.bind(now, now) // nobody waits for that run any more, so the next is awaited
	}
	return Change{Check: c.wakeAt()}.recorded(before, now, ByEdit)
}

// expectAfter awaits the next slot after now.
func (c Check) expectAfter(now time.Time) Check {
	var due time.Time
	if sched, err := c.Schedule.Parse(); err == nil {
		due, _ = sched.Next(now)
	}
	return c.expect(due)
}

// expect awaits a slot, or none for the zero time; what was in doubt about the one
// before is settled.
func (c Check) expect(due time.Time) Check {
	c.Due, c.Credit, c.BlindTo = due, 0, time.Time{}
	return c
}

// The settings of a check that its first ping made.
const (
	provisionedPeriod = 24 * time.Hour
	provisionedGrace  = time.Hour
)

// Provisioned returns a check as its first ping makes it: named by the title, or
// else the slug, expected every day with an hour of grace unless the client's own
// settings say otherwise. Create makes it a new one.
func Provisioned(id uuid.UUID, slug, title string, configure func(Config) Config) Check {
	config := Config{
		Name: slug, Slug: slug, Grace: provisionedGrace,
		Schedule: schedule.Spec{Kind: schedule.Every, Period: provisionedPeriod},
	}
	if name := PlainName(title, NameLimit); name != "" {
		config.Name = name
	}
	if configure != nil {
		if own, err := configure(config).Valid(); err == nil {
			config = own
		}
	}
	return Check{UUID: id, Config: config}
}
