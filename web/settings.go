package web

import (
	"net/http"

	"rollcall/templates"
)

func (s *Server) settings(w http.ResponseWriter, r *http.Request) error {
	return s.renderSettings(w, r, http.StatusOK, func(*templates.SettingsPage) {})
}

// renderSettings shows the settings; change, if any, puts in what is special this time.
func (s *Server) renderSettings(w http.ResponseWriter, r *http.Request, status int, change func(*templates.SettingsPage)) error {
	who := s.who(r)
	frame, err := s.page(r, who, "Settings", "/settings")
	if err != nil {
		return err
	}
	usage, err := s.Store.Usage(r.Context(), who.Project.ID)
	if err != nil {
		return err
	}
	page := templates.SettingsPage{Page: frame, Base: s.base(), Name: who.Project.Name, Checks: usage.Checks, MostChecks: usage.Limits.Checks}
	change(&page)
	return s.render(w, r, status, templates.Settings(page))
}
