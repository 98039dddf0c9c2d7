package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/templates"
)

// deliveriesShown is how many deliveries a page lists.
const deliveriesShown = 50

// searchLimit is how many characters a search may have.
const searchLimit = 100

// summedDays is over how many days the log is summed up.
const summedDays = 30

func (s *Server) deliveries(w http.ResponseWriter, r *http.Request) error {
	ctx, who := r.Context(), s.who(r)
	query := deliveryQuery(r.URL.Query())
	frame, err := s.page(r, who, "Deliveries", "/deliveries")
	if err != nil {
		return err
	}
	page := templates.DeliveriesPage{Page: frame, Query: query}
	asked, check, err := s.searchOf(ctx, who, query)
	if err != nil {
		return err
	}
	page.Check = check
	rows, next, err := s.Store.SearchDeliveries(ctx, asked)
	if err != nil {
		return err
	}
	if next != 0 {
		older := query
		older.Before, older.Open = int64(next), 0
		page.Older, page.Unfinished = older.URL(), len(rows) < deliveriesShown
	}
	if page.Sheet, err = s.sheet(r, who, rows, query, frame.Clock); err != nil {
		return err
	}
	page.Sheet.Fixed = !frame.May(account.Change)
	if page.Sum, err = s.deliverySum(r, who); err != nil {
		return err
	}
	channels, err := s.Store.Channels(ctx, who.Project.ID)
	if err != nil {
		return err
	}
	for _, c := range channels {
		page.Channels = append(page.Channels, templates.NamedID{ID: int64(c.ID), Name: c.Name})
	}
	return s.render(w, r, http.StatusOK, templates.Deliveries(page))
}

// searchOf is what a query of the page asks the store for, and the title of the check
// that it names, if it names one.
func (s *Server) searchOf(ctx context.Context, who Who, query templates.DeliveryQuery) (asked store.Search, title string, err error) {
	zone := zoneOf(who)
	asked = store.Search{
		Text: query.Text, Since: dayOf(query.From, zone, 0), Until: dayOf(query.To, zone, 1),
		DeliveryQuery: store.DeliveryQuery{
			Project: who.Project.ID, Channel: monitor.ChannelID(query.Channel), State: query.State,
			Digest: monitor.DeliveryID(query.Digest), Before: monitor.DeliveryID(query.Before), Limit: deliveriesShown,
		},
	}
	if query.Check == "" {
		return asked, "", nil
	}
	id, err := uuid.Parse(query.Check)
	if err != nil {
		return asked, "", errNoPage
	}
	check, err := s.Store.Check(ctx, who.Project.ID, id)
	asked.Check = check.ID
	return asked, check.Title(), err
}

// deliveryQuery reads a query from an address. What it does not know it leaves out.
func deliveryQuery(v url.Values) templates.DeliveryQuery {
	number := func(key string) int64 {
		n, err := strconv.ParseInt(v.Get(key), 10, 64)
		if err != nil {
			return 0
		}
		return max(0, n)
	}
	query := templates.DeliveryQuery{
		Channel: number("channel"), Digest: number("digest"), Before: number("before"), Open: number("open"), Check: v.Get("check"),
		Text: monitor.Plain(strings.TrimSpace(v.Get("q")), searchLimit),
	}
	for key, day := range map[string]*string{"from": &query.From, "to": &query.To} {
		if _, err := time.Parse(time.DateOnly, v.Get(key)); err == nil {
			*day = v.Get(key)
		}
	}
	switch state := monitor.DeliveryState(v.Get("state")); state {
	case monitor.Pending, monitor.Sent, monitor.Dead, monitor.Merged:
		query.State = state
	}
	return query
}

// dayOf is the midnight of a zone with which a day begins, or with which one begins
// that is some days later; zero for no day.
func dayOf(day string, zone *time.Location, later int) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, day, zone)
	if err != nil {
		return time.Time{}
	}
	return t.AddDate(0, 0, later).UTC()
}

// sheet arranges deliveries, with the attempts of the one that is opened.
func (s *Server) sheet(r *http.Request, who Who, rows []store.DeliveryRow, query templates.DeliveryQuery, clock templates.Clock) (templates.Sheet, error) {
	var attempts []monitor.Attempt
	if query.Open != 0 {
		var err error
		if attempts, err = s.Store.Attempts(r.Context(), who.Project.ID, monitor.DeliveryID(query.Open)); err != nil {
			return templates.Sheet{}, err
		}
	}
	told := make([]templates.DeliveryRow, len(rows))
	for i, row := range rows {
		told[i] = templates.DeliveryRow(row)
	}
	return templates.SheetOf(told, attempts, query, clock), nil
}

func (s *Server) deliverySum(r *http.Request, who Who) (templates.DeliverySum, error) {
	count, err := s.Store.CountDeliveries(r.Context(), who.Project.ID, s.Now().Add(-summedDays*24*time.Hour))
	return templates.DeliverySum{
		Days: summedDays, Sent: count[monitor.Sent], Dead: count[monitor.Dead],
		Waiting: count[monitor.Pending] + count[monitor.Sending],
	}, err
}

// replay sends a delivery that has ended once more.
func (s *Server) replay(w http.ResponseWriter, r *http.Request) error {
	return s.handle(w, r, "The message is on its way again.", func(id monitor.DeliveryID, who Who) error {
		return s.Store.ReplayDelivery(r.Context(), who.Project.ID, id, s.Now())
	})
}

// replayDead sends the dead letters once more that a page of them lists.
func (s *Server) replayDead(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	query := deliveryQuery(r.PostForm)
	query.State, query.Open = monitor.Dead, 0
	asked, _, err := s.searchOf(r.Context(), s.who(r), query)
	if err != nil {
		return err
	}
	rows, _, err := s.Store.SearchDeliveries(r.Context(), asked)
	if err != nil {
		return err
	}
	n, err := s.replayAll(r.Context(), rows)
	if err != nil {
		return err
	}
	said := "Nothing was left to replay."
	if n > 0 {
		said = templates.Count(int64(n), "message is", "messages are") + " on the way again."
	}
	s.flash(r, said)
	return s.redirect(w, r, query.URL())
}

// replayAll sends deliveries once more, the oldest first, and returns how many. What
// is on its way already, because somebody else had the same thought, is left alone.
func (s *Server) replayAll(ctx context.Context, newestFirst []store.DeliveryRow) (n int, err error) {
	defer s.Kick()
	for _, row := range slices.Backward(newestFirst) {
		switch err := s.Store.ReplayDelivery(ctx, row.Project, row.ID, s.Now()); {
		case err == nil:
			n++
		case !errors.Is(err, fault.Conflict):
			return n, err
		}
	}
	return n, nil
}

// tryNow lets a delivery that waits for its next attempt be tried at once.
func (s *Server) tryNow(w http.ResponseWriter, r *http.Request) error {
	return s.handle(w, r, "The message is being tried now.", func(id monitor.DeliveryID, who Who) error {
		return s.Store.HurryDelivery(r.Context(), who.Project.ID, id, s.Now())
	})
}

// giveUp ends a delivery that waits.
func (s *Server) giveUp(w http.ResponseWriter, r *http.Request) error {
	return s.handle(w, r, "The message was given up. It can be replayed.", func(id monitor.DeliveryID, who Who) error {
		return s.Store.GiveUpDelivery(r.Context(), who.Project.ID, id, "given up by "+who.User.Email, s.Now())
	})
}

// handle does something with the delivery of the route, and goes back to the page on
// which it was asked for.
func (s *Server) handle(w http.ResponseWriter, r *http.Request, done string, what func(monitor.DeliveryID, Who) error) error {
	id, err := numberOf(mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	if err := what(monitor.DeliveryID(id), s.who(r)); err != nil {
		return err
	}
	s.Kick()
	s.flash(r, done)
	return s.redirect(w, r, localPath(r.PostFormValue("back")))
}
