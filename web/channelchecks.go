package web

import (
	"net/http"
	"slices"
	"strings"

	"rollcall/internal/monitor"
	"rollcall/templates"
)

// tellersOf lists the checks of a project, with those chosen that tell a channel.
func (s *Server) tellersOf(r *http.Request, channel monitor.Channel) ([]templates.Teller, error) {
	checks, err := s.Store.Checks(r.Context(), channel.Project, checksLimit)
	if err != nil {
		return nil, err
	}
	chosen, err := s.Store.ChecksOf(r.Context(), channel.Project, channel.ID)
	if err != nil {
		return nil, err
	}
	tellers := make([]templates.Teller, len(checks))
	for i, check := range checks {
		_, told := slices.BinarySearch(chosen, check.ID)
		tellers[i] = templates.Teller{
			ID: int64(check.ID), Name: check.Title(), Path: templates.CheckPath(check.UUID),
			Status: check.Shown(s.Now()), Chosen: told,
		}
	}
	return tellers, nil
}

// assignChannel lets the chosen checks tell a channel. A check that was made while
// the form was open is in it neither as chosen nor as not, and stays as it is.
func (s *Server) assignChannel(w http.ResponseWriter, r *http.Request) error {
	channel, err := s.channelOf(r)
	if err != nil {
		return err
	}
	chosen, err := s.Store.ChecksOf(r.Context(), channel.Project, channel.ID)
	if err != nil {
		return err
	}
	shown, err := checkIDs(strings.Split(r.PostFormValue("shown"), " "))
	if err != nil {
		return err
	}
	chosen = slices.DeleteFunc(chosen, func(id monitor.CheckID) bool { return slices.Contains(shown, id) })
	ticked, err := checkIDs(r.PostForm["check"])
	if err != nil {
		return err
	}
	if err := s.Store.AssignChannel(r.Context(), channel.Project, channel.ID, append(chosen, ticked...)); err != nil {
		return err
	}
	s.flash(r, "Saved.")
	return s.redirect(w, r, channelPath(channel.ID))
}

func checkIDs(texts []string) ([]monitor.CheckID, error) {
	var ids []monitor.CheckID
	for _, text := range texts {
		id, err := numberOf(text)
		if err != nil {
			return nil, err
		}
		ids = append(ids, monitor.CheckID(id))
	}
	return ids, nil
}
