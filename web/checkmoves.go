package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/templates"
)

// oldAddressLife is for how long a replaced address goes on when somebody wants that.
const oldAddressLife = 24 * time.Hour

// choicesOf is what a person can do with a check besides editing it.
func (s *Server) choicesOf(who Who) templates.Choices {
	choices := templates.Choices{Next: uuid.New(), OldLife: oldAddressLife}
	for _, project := range who.Projects {
		if project.ID != who.Project.ID && project.Role != account.ReadOnly {
			choices.Projects = append(choices.Projects, templates.NamedID{ID: int64(project.ID), Name: project.Name})
		}
	}
	return choices
}

// moveCheck puts a check into another project of the same person.
func (s *Server) moveCheck(w http.ResponseWriter, r *http.Request) error {
	who, check, err := s.checkOf(r)
	if err != nil {
		return err
	}
	number, err := numberOf(r.PostFormValue("project"))
	if err != nil {
		return err
	}
	target := who.in(monitor.ProjectID(number)).Project
	switch {
	case target.ID != monitor.ProjectID(number):
		return fault.NotFound
	case !target.Role.May(account.Change):
		return fault.Say(fault.Forbidden, "you may only look at %s", target.Name)
	case target.ID == who.Project.ID: // the form was sent twice
		return s.redirect(w, r, templates.CheckPath(check.UUID))
	}
	others, err := s.Store.Checks(r.Context(), target.ID, checksLimit)
	if err != nil {
		return err
	}
	err = s.Store.MoveCheck(r.Context(), who.Project.ID, check.ID, target.ID)
	if errors.Is(err, fault.Conflict) {
		return fault.Say(fault.Conflict, "a check of %s has the slug %s already; give one of the two another slug first", target.Name, check.Slug)
	}
	if err != nil {
		return err
	}
	words := fmt.Sprintf("Moved to %s. It tells nobody there yet: choose its channels.", target.Name)
	for _, other := range others {
		if strings.EqualFold(other.Title(), check.Title()) {
			words += " Another check there has the same name."
			break
		}
	}
	s.flash(r, words)
	return s.redirect(w, r, templates.CheckPath(check.UUID))
}

// rotateCheck gives a check the address that came with the form, so that a form sent
// twice rotates once.
func (s *Server) rotateCheck(w http.ResponseWriter, r *http.Request) error {
	who, check, err := s.checkOf(r)
	if err != nil {
		return err
	}
	to, err := uuid.Parse(r.PostFormValue("uuid"))
	if err != nil || to.Version() != 4 {
		return errBadForm
	}
	now, until := s.Now(), time.Time{}
	words := "It has a new address. The old one has ended."
	if r.PostFormValue("old") == templates.OldGoesOn {
		until = now.Add(oldAddressLife)
		words = "It has a new address. The old one goes on for 24 hours."
	}
	if err := s.Store.RotateCheck(r.Context(), who.Project.ID, check.ID, to, now, until); err != nil {
		return err
	}
	s.flash(r, words)
	return s.redirect(w, r, templates.CheckPath(to))
}

// copyOf begins the form for a new check with the settings and channels of another
// one of the same project; "" and one that is not there begin an empty form.
func (s *Server) copyOf(r *http.Request, edit *checkEdit) error {
	id, err := uuid.Parse(r.URL.Query().Get("copy"))
	if err != nil {
		return nil
	}
	check, err := s.Store.Check(r.Context(), edit.who.Project.ID, id)
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	config := check.Config
	config.Slug = ""
	if runes := []rune("Copy of " + check.Title()); len(runes) <= monitor.NameLimit {
		config.Name = string(runes)
	}
	edit.form = templates.FormOf(config)
	edit.chosen, err = s.Store.AssignedChannels(r.Context(), check.ID)
	return err
}

// oldAddressesOf lists the addresses of a check that can still be pinged.
func (s *Server) oldAddressesOf(r *http.Request, check monitor.Check) ([]templates.OldAddress, error) {
	all, err := s.Store.OldAddresses(r.Context(), check.Project)
	var old []templates.OldAddress
	for _, a := range all {
		if a.Check == check.ID && a.Ends.After(s.Now()) {
			old = append(old, templates.OldAddress{UUID: a.UUID, Ends: a.Ends})
		}
	}
	return old, err
}
