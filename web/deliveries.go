package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/templates"
)

// deliveriesShown is how many deliveries a page lists.
const deliveriesShown = 50

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
	asked := store.DeliveryQuery{
		Project: who.Project.ID, Channel: monitor.ChannelID(query.Channel), State: query.State,
		Before: monitor.DeliveryID(query.Before), Limit: deliveriesShown + 1,
	}
	if query.Check != "" {
		id, err := uuid.Parse(query.Check)
		if err != nil {
			return errNoPage
		}
		check, err := s.Store.Check(ctx, who.Project.ID, id)
		if err != nil {
			return err
		}
		asked.Check, page.Check = check.ID, check.Title()
	}
	rows, err := s.deliveryRows(r, asked)
	if err != nil {
		return err
	}
	if len(rows) > deliveriesShown {
		rows = rows[:deliveriesShown]
		older := query
		older.Before, older.Open = int64(rows[len(rows)-1].ID), 0
		page.Older = older.URL()
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
		Channel: number("channel"), Before: number("before"), Open: number("open"), Check: v.Get("check"),
	}
	switch state := monitor.DeliveryState(v.Get("state")); state {
	case monitor.Pending, monitor.Sent, monitor.Dead:
		query.State = state
	}
	return query
}

// deliveryRows lists deliveries. One that is being sent at this moment still
// waits, as far as a reader is concerned.
func (s *Server) deliveryRows(r *http.Request, query store.DeliveryQuery) ([]store.DeliveryRow, error) {
	rows, err := s.Store.Deliveries(r.Context(), query)
	if err != nil || query.State != monitor.Pending {
		return rows, err
	}
	query.State = monitor.Sending
	sending, err := s.Store.Deliveries(r.Context(), query)
	rows = append(rows, sending...)
	slices.SortFunc(rows, func(a, b store.DeliveryRow) int { return cmp.Compare(b.ID, a.ID) })
	return rows[:min(len(rows), query.Limit)], err
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
	id, err := numberOf(mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	if err := s.Store.ReplayDelivery(r.Context(), s.who(r).Project.ID, monitor.DeliveryID(id), s.Now()); err != nil {
		return err
	}
	s.Kick()
	s.flash(r, "The message is on its way again.")
	return s.redirect(w, r, localPath(r.PostFormValue("back")))
}
