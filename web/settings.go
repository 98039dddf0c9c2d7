package web

import (
	"net/http"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/templates"
)

func (s *Server) settings(w http.ResponseWriter, r *http.Request) error {
	return s.showSettings(w, r, nil)
}

func (s *Server) showSettings(w http.ResponseWriter, r *http.Request, fresh *templates.FreshKey) error {
	return s.renderSettings(w, r, http.StatusOK, func(p *templates.SettingsPage) { p.NewKey = fresh })
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
	if frame.May(account.Change) {
		page.PingKey = who.Project.PingKey
	}
	change(&page)
	return s.render(w, r, status, templates.Settings(page))
}

func (s *Server) newPingKey(w http.ResponseWriter, r *http.Request) error {
	if err := s.Store.SetPingKey(r.Context(), s.who(r).Project.ID, account.NewPingKey()); err != nil {
		return err
	}
	s.flash(r, "The ping key is a new one. Change it in the addresses of the jobs that ping by name.")
	return s.redirect(w, r, "/settings")
}

// newAPIKey answers with the page itself instead of a redirect: the key is kept
// nowhere, so this is the one moment at which it can be shown.
func (s *Server) newAPIKey(w http.ResponseWriter, r *http.Request) error {
	kind := account.KeyKind(r.PostFormValue("kind"))
	if kind != account.KeyReadWrite && kind != account.KeyReadOnly {
		return fault.Invalid{"kind": "of key is not known"}
	}
	key := account.NewAPIKey(kind)
	if err := s.Store.SetAPIKey(r.Context(), s.who(r).Project.ID, kind, account.HashKey(key), s.Now()); err != nil {
		return err
	}
	return s.showSettings(w, r, &templates.FreshKey{ReadOnly: kind == account.KeyReadOnly, Key: key})
}
