package demo

import (
	"time"

	"rollcall/templates"
)

// What the tests look at from outside.
var (
	Sow    = sow
	Habits = habits
)

const (
	Silent      = silent
	SilentDue   = silentDue
	SilentGrace = silentGrace
)

// Idle says whether a job does not go on.
func (h habit) Idle() bool { return h.idle }

// FirstEnd is when a job reports first after its check awaits it, or after the start.
func (h habit) FirstEnd(began, due time.Time) time.Time {
	at := began.Add(h.first)
	if h.beat == 0 {
		at = due
		if at.Before(began) {
			at = began
		}
	}
	if len(h.takes) > 0 {
		at = at.Add(h.takes[0])
	}
	return at
}

// Receiver is the receiver of webhooks.
type Receiver struct{ *receiver }

// NewReceiver returns one that tells nobody of what arrives.
func NewReceiver(secret string, now func() time.Time) (Receiver, error) {
	r, err := newReceiver(secret, now)
	if err == nil {
		r.hooks.heard = func(templates.CaughtHook) {}
	}
	return Receiver{r}, err
}

// Refuse lets it answer 503.
func (r Receiver) Refuse(on bool) { r.refusing.Store(on) }

// Hooks lists what it took, the newest first.
func (r Receiver) Hooks() []templates.CaughtHook { return r.hooks.newest() }
