package web

import (
	"net/http"

	"github.com/gorilla/mux"

	"rollcall/internal/monitor"
	"rollcall/templates"
)

// goToCheck follows a link of a mail or a webhook, which names a check by a key
// that does not allow to ping it. Only members of its project get anywhere.
func (s *Server) goToCheck(w http.ResponseWriter, r *http.Request) error {
	key := mux.Vars(r)["key"]
	for _, project := range s.who(r).Projects {
		checks, err := s.Store.Checks(r.Context(), project.ID, checksLimit)
		if err != nil {
			return err
		}
		for _, check := range checks {
			if monitor.PageKey(check.UUID) == key {
				return s.redirect(w, r, templates.CheckPath(check.UUID))
			}
		}
		old, err := s.Store.OldAddresses(r.Context(), project.ID)
		if err != nil {
			return err
		}
		for _, address := range old { // its page leads on to the present one
			if monitor.PageKey(address.UUID) == key {
				return s.redirect(w, r, templates.CheckPath(address.UUID))
			}
		}
	}
	return errNoPage
}
