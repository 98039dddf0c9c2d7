package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/schedule"
	"rollcall/templates"
)

// noticesOf returns what the signed-in person asked to be told regularly.
func (s *Server) noticesOf(r *http.Request) (account.Notices, error) {
	user := s.who(r).User.ID
	n, err := s.Store.Notices(r.Context(), user)
	if errors.Is(err, fault.NotFound) {
		return account.NewNotices(user), nil
	}
	return n, err
}

func (s *Server) noticesForm(w http.ResponseWriter, r *http.Request) error {
	n, err := s.noticesOf(r)
	if err != nil {
		return err
	}
	return s.showNotices(w, r, http.StatusOK, n, nil)
}

func (s *Server) showNotices(w http.ResponseWriter, r *http.Request, status int, n account.Notices, wrong fault.Invalid) error {
	who := s.who(r)
	frame, err := s.page(r, who, "Reports and reminders", "/account/notifications")
	if err != nil {
		return err
	}
	page := templates.NoticesPage{
		Page: frame, Asked: n, NoMail: !s.MailConfigured,
		Problems: problems(wrong, []labelled{{"report", "report", "Report"}, {"day", "weekday", "Day"}, {"reminder", "reminder", "Reminder"}}),
	}
	for _, p := range who.Projects {
		page.Told = append(page.Told, templates.NoticeProject{ID: int64(p.ID), Name: p.Name, Told: !slices.Contains(n.LeftOut, p.ID)})
	}
	return s.render(w, r, status, templates.Notices(page))
}

// setNotices reads the form. It has two fields for the day, of which the kind of
// report says which one counts.
func (s *Server) setNotices(w http.ResponseWriter, r *http.Request) error {
	n, err := s.noticesOf(r)
	if err != nil {
		return err
	}
	n.Report, n.Reminder = account.Every(r.PostFormValue("report")), account.Every(r.PostFormValue("reminder"))
	field := map[account.Every]string{account.Weekly: "weekday", account.Monthly: "monthday"}[n.Report]
	if field != "" {
		n.Day, _ = strconv.Atoi(r.PostFormValue(field)) // 0 is not valid
	}
	n.LeftOut = nil
	for _, p := range s.who(r).Projects {
		if !slices.Contains(r.PostForm["project"], strconv.FormatInt(int64(p.ID), 10)) {
			n.LeftOut = append(n.LeftOut, p.ID)
		}
	}
	n, invalid := n.Valid()
	wrong, err := merge(invalid)
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return s.showNotices(w, r, http.StatusUnprocessableEntity, n, wrong)
	}
	if err := s.Store.SetNotices(r.Context(), n.Plan(s.Now(), zoneOf(s.who(r)))); err != nil {
		return err
	}
	s.flash(r, "Saved.")
	return s.redirect(w, r, "/account/notifications")
}

// replan puts what somebody asked to be told at the times of another zone.
func (s *Server) replan(ctx context.Context, id account.UserID, zone string) error {
	n, err := s.Store.Notices(ctx, id)
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.Store.SetNotices(ctx, n.Plan(s.Now(), schedule.LocationOf(zone)))
}
