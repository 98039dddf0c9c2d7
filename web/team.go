package web

import (
	"errors"
	"net/http"
	"slices"

	"github.com/gorilla/mux"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/store"
	"rollcall/templates"
)

// team shows who belongs to the project.
func (s *Server) team(w http.ResponseWriter, r *http.Request) error {
	return s.showTeam(w, r, http.StatusOK, templates.InviteForm{Role: account.Member}, nil)
}

func (s *Server) showTeam(w http.ResponseWriter, r *http.Request, status int, form templates.InviteForm, wrong fault.Invalid) error {
	ctx, who := r.Context(), s.who(r)
	frame, err := s.page(r, who, "Team", "/settings")
	if err != nil {
		return err
	}
	page := templates.TeamPage{
		Page: frame, Me: int64(who.User.ID), Form: form, Wrong: wrong,
		Problems: problems(wrong, []labelled{{"email", "email", "E-mail"}, {"role", "role", "Role"}}),
		NoMail:   !s.MailConfigured, MostLetters: store.InvitationLetters, OfferLife: store.TransferLife,
	}
	members, err := s.Store.Members(ctx, who.Project.ID)
	if err != nil {
		return err
	}
	for _, m := range members {
		page.Members = append(page.Members, templates.Member{ID: int64(m.ID), Email: m.Email, Role: m.Role})
	}
	if page.Invitations, err = s.Store.Invitations(ctx, who.Project.ID, frame.Now); err != nil {
		return err
	}
	usage, err := s.Store.Usage(ctx, who.Project.ID)
	if err != nil {
		return err
	}
	page.MostMembers = usage.Limits.Members
	offer, err := s.Store.Transfer(ctx, who.Project.ID, frame.Now)
	switch {
	case err == nil:
		page.Offer = &offer
	case !errors.Is(err, fault.NotFound):
		return err
	}
	return s.render(w, r, status, templates.Team(page))
}

// memberOf returns the member that a route's {id} names.
func (s *Server) memberOf(r *http.Request) (store.Member, error) {
	id, err := numberOf(mux.Vars(r)["id"])
	if err != nil {
		return store.Member{}, err
	}
	members, err := s.Store.Members(r.Context(), s.who(r).Project.ID)
	if err != nil {
		return store.Member{}, err
	}
	at := slices.IndexFunc(members, func(m store.Member) bool { return m.ID == account.UserID(id) })
	if at < 0 {
		return store.Member{}, fault.NotFound
	}
	return members[at], nil
}

// colleague is memberOf for what managers change: an owner is changed by a transfer
// or by leaving only.
func (s *Server) colleague(r *http.Request) (store.Member, error) {
	member, err := s.memberOf(r)
	if err == nil && member.Role == account.Owner {
		err = fault.Say(fault.Forbidden, "An owner is not changed by others: the project can be transferred, and an owner can leave.")
	}
	return member, err
}

func (s *Server) setRole(w http.ResponseWriter, r *http.Request) error {
	member, err := s.colleague(r)
	if err != nil {
		return err
	}
	role := account.Role(r.PostFormValue("role"))
	if !slices.Contains(account.Roles, role) {
		return fault.Invalid{"role": "is none that can be given"}
	}
	if err := s.Store.SetMember(r.Context(), s.who(r).Project.ID, member.ID, role); err != nil {
		return err
	}
	s.flash(r, member.Email+" is "+templates.ARole(role)+" now.")
	return s.redirect(w, r, "/settings/team")
}

// removeMember ends a membership. A session has no rights of its own in a project:
// the next request of the removed one finds nothing there any more.
func (s *Server) removeMember(w http.ResponseWriter, r *http.Request) error {
	member, err := s.colleague(r)
	if err != nil {
		return err
	}
	if r.PostFormValue("confirm") != "yes" {
		return fault.Invalid{"removing": "needs the tick that confirms it"}
	}
	if err := s.Store.RemoveMember(r.Context(), s.who(r).Project.ID, member.ID); err != nil {
		return err
	}
	s.flash(r, "Removed "+member.Email+". Keys of the project that they know still work; make new ones if that matters.")
	return s.redirect(w, r, "/settings/team")
}

func (s *Server) leaveProject(w http.ResponseWriter, r *http.Request) error {
	who := s.who(r)
	if r.PostFormValue("confirm") != "yes" {
		return fault.Invalid{"leaving": "needs the tick that confirms it"}
	}
	if err := s.Store.LeaveProject(r.Context(), who.Project.ID, who.User.ID); err != nil {
		return err
	}
	s.flash(r, "You have left "+who.Project.Name+".")
	return s.redirect(w, r, "/checks")
}

// proposeTransfer offers the project to another member.
func (s *Server) proposeTransfer(w http.ResponseWriter, r *http.Request) error {
	who := s.who(r)
	to, err := numberOf(r.PostFormValue("to"))
	if err != nil {
		return err
	}
	err = s.Store.ProposeTransfer(r.Context(), account.Transfer{
		Project: who.Project.ID, From: who.User.ID, To: account.UserID(to), Created: s.Now(),
	})
	if err != nil {
		return err
	}
	s.flash(r, "Proposed. It is done when they accept it, on this page.")
	return s.redirect(w, r, "/settings/team")
}

// endTransfer withdraws or declines an offer.
func (s *Server) endTransfer(w http.ResponseWriter, r *http.Request) error {
	who := s.who(r)
	if err := s.Store.EndTransfer(r.Context(), who.Project.ID, who.User.ID); err != nil {
		return err
	}
	s.flash(r, "The owner stays.")
	return s.redirect(w, r, "/settings/team")
}

func (s *Server) acceptTransfer(w http.ResponseWriter, r *http.Request) error {
	who := s.who(r)
	if err := s.Store.AcceptTransfer(r.Context(), who.Project.ID, who.User.ID, s.Now()); err != nil {
		return err
	}
	s.flash(r, "You own "+who.Project.Name+" now.")
	return s.redirect(w, r, "/settings/team")
}
