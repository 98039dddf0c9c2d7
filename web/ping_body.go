package web

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/gorilla/mux"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/templates"
)

// pingOf returns the ping that a route names, whole, and its check.
func (s *Server) pingOf(r *http.Request) (Who, monitor.Check, monitor.Ping, error) {
	who, check, err := s.checkOf(r)
	if err != nil {
		return who, check, monitor.Ping{}, err
	}
	n, err := numberOf(mux.Vars(r)["n"])
	if err != nil {
		return who, check, monitor.Ping{}, errNoPage
	}
	ping, err := s.Store.Ping(r.Context(), check.ID, n)
	if errors.Is(err, fault.NotFound) {
		err = fault.Say(fault.NotFound, "This ping is not kept: only the newest are, and a flood is counted without being kept.")
	}
	return who, check, ping, err
}

func (s *Server) ping(w http.ResponseWriter, r *http.Request) error {
	who, check, ping, err := s.pingOf(r)
	if err != nil {
		return err
	}
	frame, err := s.page(r, who, fmt.Sprintf("Ping %d · %s", ping.N, check.Title()), "/checks")
	if err != nil {
		return err
	}
	page := templates.PingPage{Page: frame, Path: templates.CheckPath(check.UUID), Check: check, Ping: ping}
	return s.render(w, r, http.StatusOK, templates.PingView(page))
}

// pingBody answers with a body as it came. A stranger wrote it: it is downloaded as
// plain text, and should a browser show it all the same, it can do nothing.
func (s *Server) pingBody(w http.ResponseWriter, r *http.Request) error {
	_, check, ping, err := s.pingOf(r)
	if err != nil {
		return err
	}
	name := check.Slug
	if name == "" {
		name = check.UUID.String()
	}
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-ping-%d.txt"`, name, ping.N))
	header.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	w.WriteHeader(http.StatusOK)
	if _, err := w.Write(ping.Body); err != nil {
		return errors.Join(errGone, err)
	}
	return nil
}
