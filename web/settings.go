package web

import (
	"net/http"

	"rollcall/templates"
)

func (s *Server) settings(w http.ResponseWriter, r *http.Request) error {
	frame, err := s.page(r, s.who(r), "Settings", "/settings")
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, templates.Settings(templates.SettingsPage{Page: frame, Base: s.base()}))
}
