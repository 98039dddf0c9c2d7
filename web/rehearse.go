package web

import (
	"net/http"

	"rollcall/internal/monitor"
	"rollcall/templates"
)

// How much of the past other settings are tried on.
const (
	rehearsedMonths = 12
	rehearsedPings  = 1000 // as many as are kept of a check
	rehearsedFlips  = 2000
)

// rehearsed says what the settings in the form would have made of the past of a check
// that exists, beside what its present ones make of it; nil when they make no sense.
func (s *Server) rehearsed(r *http.Request, edit checkEdit, clock templates.Clock) (*templates.Rehearsed, error) {
	typed, unread := configOf(edit.form)
	typed, invalid := typed.Valid()
	if edit.check.ID == 0 || invalid != nil || len(unread) > 0 {
		return nil, nil
	}
	ctx, now := r.Context(), s.Now()
	since := now.AddDate(0, -rehearsedMonths, 0)
	past := monitor.Past{}
	var err error
	if past.Pings, err = s.Store.Pings(ctx, edit.check.ID, 0, rehearsedPings); err != nil {
		return nil, err
	}
	if past.Flips, err = s.Store.Turns(ctx, edit.check.ID, since, rehearsedFlips); err != nil {
		return nil, err
	}
	if past.Blinds, err = s.Store.Blinds(ctx, since, ledgerBlinds); err != nil {
		return nil, err
	}
	said := templates.RehearsedOf(monitor.Rehearse(typed, past, since, now), clock)
	if present := edit.check.Config; !typed.Equal(present) {
		said.Now = templates.RehearsedOf(monitor.Rehearse(present, past, since, now), clock).Words
	}
	return &said, nil
}
