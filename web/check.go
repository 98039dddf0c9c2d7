package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gorilla/mux"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/templates"
)

// How much one page of a check reads.
const (
	timelineSize  = 60
	chartPings    = 200 // enough for 60 runs that report their starts
	chartFlips    = 60
	blindsOfCheck = 100

	ledgerMonths = 12
	ledgerTurns  = 2000 // changes of status that are summed up
	ledgerBlinds = 1000
)

func (s *Server) check(w http.ResponseWriter, r *http.Request) error {
	who, check, err := s.checkOf(r)
	if err != nil {
		return err
	}
	if asked := mux.Vars(r)["id"]; !strings.EqualFold(asked, check.UUID.String()) && !live(r) {
		return s.redirect(w, r, templates.CheckPath(check.UUID)) // it was rotated
	}
	frame, err := s.page(r, who, check.Title(), "/checks")
	if err != nil {
		return err
	}
	facts, err := s.factsOf(r, who, check)
	if err != nil {
		return err
	}
	page := templates.CheckPageOf(frame, facts)
	if live(r) {
		return s.renderLive(w, r, page.Seen(), func(changed bool) templ.Component { return templates.CheckLive(page, changed) })
	}
	return s.render(w, r, http.StatusOK, templates.CheckView(page))
}

// factsOf reads what a check's page shows.
func (s *Server) factsOf(r *http.Request, who Who, check monitor.Check) (templates.CheckFacts, error) {
	ctx := r.Context()
	facts := templates.CheckFacts{
		Check: check, BaseURL: s.base(), MailDomain: s.MailDomain, Choices: s.choicesOf(who),
	}
	var err error
	if facts.Old, err = s.oldAddressesOf(r, check); err != nil {
		return facts, err
	}
	if facts.Tokens, err = s.Store.Tokens(ctx, check.ID); err != nil {
		return facts, err
	}
	pings, err := s.Store.Pings(ctx, check.ID, 0, chartPings)
	if err != nil {
		return facts, err
	}
	flips, err := s.Store.Flips(ctx, check.ID, 0, chartFlips)
	if err != nil {
		return facts, err
	}
	missed, err := s.Store.Tolerated(ctx, check.ID, monitor.OfDeadline, 0, chartFlips)
	if err != nil {
		return facts, err
	}
	facts.Runs = templates.RunsOf(pings, flips, missed)
	if len(flips) > 0 {
		facts.Flip = &flips[0]
	}
	if facts.Ledger, facts.Since, err = s.ledgerOf(ctx, check); err != nil {
		return facts, err
	}
	if facts.Latest, err = s.tellings(ctx, check, 0); err != nil {
		return facts, err
	}
	if facts.Channels, err = s.channelsOf(ctx, who.Project.ID, check.ID); err != nil {
		return facts, err
	}
	facts.History, err = s.historyOf(ctx, check, r.URL.Query().Get("show"), templates.ParseCursor(r.URL.Query().Get("before")))
	return facts, err
}

// ledgerOf sums up the last months of a check. It begins later when the check changed
// more often than is read; since says when, else it is zero.
func (s *Server) ledgerOf(ctx context.Context, check monitor.Check) (l monitor.Ledger, since time.Time, err error) {
	now := s.Now()
	from := now.AddDate(0, -ledgerMonths, 0)
	turns, err := s.Store.Turns(ctx, check.ID, from, ledgerTurns)
	if err != nil {
		return l, since, err
	}
	if len(turns) == ledgerTurns {
		since = turns[len(turns)-1].At
		from = since
	}
	blinds, err := s.Store.Blinds(ctx, from, ledgerBlinds)
	return monitor.LedgerOf(check, turns, blinds, from, now), since, err
}

// historyOf reads one page of the timeline.
func (s *Server) historyOf(ctx context.Context, check monitor.Check, show string, from templates.Cursor) (templates.History, error) {
	h := templates.History{Check: check, Size: timelineSize, From: from, Show: show}
	if !slices.Contains(templates.Shows(), show) {
		h.Show = templates.ShowAll
	}
	var err error
	if h.Show == templates.ShowAll || h.Show == templates.ShowRuns || h.Show == templates.ShowPings {
		if h.Pings, err = s.Store.Pings(ctx, check.ID, from.Ping, timelineSize+1); err != nil {
			return h, err
		}
	}
	if h.Show == templates.ShowAll || h.Show == templates.ShowRuns || h.Show == templates.ShowChanges {
		if h.Flips, err = s.Store.Flips(ctx, check.ID, from.Rev, timelineSize+1); err != nil {
			return h, err
		}
	}
	if h.Show == templates.ShowAll || h.Show == templates.ShowAlerts {
		if h.Deliveries, err = s.tellings(ctx, check, from.Delivery); err != nil {
			return h, err
		}
	}
	if h.Show == templates.ShowAll || h.Show == templates.ShowRuns {
		if h.Missed, err = s.Store.Tolerated(ctx, check.ID, monitor.OfDeadline, from.Missed, timelineSize+1); err != nil {
			return h, err
		}
	}
	if n := len(h.Pings); n > 0 {
		if h.Failed, err = s.Store.Tolerated(ctx, check.ID, monitor.OfPing, h.Pings[0].N+1, timelineSize+1); err != nil {
			return h, err
		}
	}
	h.Blinds, err = s.Store.Blinds(ctx, check.Created, blindsOfCheck)
	return h, err
}

func (s *Server) tellings(ctx context.Context, check monitor.Check, before monitor.DeliveryID) ([]templates.Telling, error) {
	rows, err := s.Store.Deliveries(ctx, store.DeliveryQuery{
		Project: check.Project, Check: check.ID, Before: before, Limit: timelineSize + 1,
	})
	if err != nil {
		return nil, err
	}
	tellings := make([]templates.Telling, 0, len(rows))
	for _, row := range rows {
		tellings = append(tellings, templates.Telling{Delivery: row.Delivery, ChannelName: row.ChannelName, ChannelKind: row.ChannelKind})
	}
	return tellings, nil
}

// channelsOf lists the channels that the check tells, by name.
func (s *Server) channelsOf(ctx context.Context, project monitor.ProjectID, check monitor.CheckID) ([]monitor.Channel, error) {
	assigned, err := s.Store.AssignedChannels(ctx, check)
	if err != nil {
		return nil, err
	}
	uses, err := s.Store.Channels(ctx, project)
	if err != nil {
		return nil, err
	}
	var channels []monitor.Channel
	for _, use := range uses {
		if slices.Contains(assigned, use.ID) {
			channels = append(channels, use.Channel)
		}
	}
	return channels, nil
}

func (s *Server) pauseCheck(w http.ResponseWriter, r *http.Request) error {
	now := s.Now()
	return s.decide(w, r, func(c monitor.Check) monitor.Change { return c.Pause(now) })
}

// resumeCheck resumes a paused check; one that somebody else resumed a moment ago
// is left as it is.
func (s *Server) resumeCheck(w http.ResponseWriter, r *http.Request) error {
	now := s.Now()
	return s.decide(w, r, func(c monitor.Check) monitor.Change { return resumed(c, now) })
}

func resumed(c monitor.Check, now time.Time) monitor.Change {
	change, err := c.Resume(now)
	if err != nil {
		return monitor.Change{Check: c, Unchanged: true}
	}
	return change
}

// decide changes the check of the route through the one door, and goes back to its page.
func (s *Server) decide(w http.ResponseWriter, r *http.Request, rule func(monitor.Check) monitor.Change) error {
	_, check, err := s.checkOf(r)
	if err != nil {
		return err
	}
	results, err := s.Store.Transitions(r.Context(), []store.Step{{Ref: store.Ref{ID: check.ID}, Decide: rule}})
	if err != nil {
		return err
	}
	if results[0].Err != nil {
		return results[0].Err
	}
	return s.redirect(w, r, templates.CheckPath(check.UUID))
}

func (s *Server) deleteCheck(w http.ResponseWriter, r *http.Request) error {
	who, check, err := s.checkOf(r)
	if err != nil {
		return err
	}
	if r.PostFormValue("confirm") != "yes" {
		return fault.Invalid{"deleting": "needs the tick that confirms it"}
	}
	if err := s.Store.DeleteCheck(r.Context(), who.Project.ID, check.ID); err != nil {
		return err
	}
	s.flash(r, "Deleted "+check.Title()+".")
	return s.redirect(w, r, "/checks")
}
