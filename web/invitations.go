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

// invite sends somebody an invitation. Whether the address has an account shows
// nowhere: the letter is the same.
func (s *Server) invite(w http.ResponseWriter, r *http.Request) error {
	who := s.who(r)
	form := templates.InviteForm{Email: r.PostFormValue("email"), Role: account.Role(r.PostFormValue("role"))}
	email, invalid := account.ValidEmail(form.Email)
	unknown := fault.Invalid{}
	if !slices.Contains(account.Roles, form.Role) {
		unknown["role"] = "is none that can be given"
	}
	wrong, err := merge(invalid, unknown.OrNil())
	if err != nil {
		return err
	}
	if len(wrong) == 0 {
		_, err := s.Store.Invite(r.Context(), account.Invitation{
			Project: who.Project.ID, Email: email, Role: form.Role, Inviter: who.User.Email,
		}, s.Now())
		if wrong, err = orWrong(err, "email"); err != nil {
			return err
		}
	}
	if len(wrong) > 0 {
		return s.showTeam(w, r, http.StatusUnprocessableEntity, form, wrong)
	}
	s.Kick()
	s.flash(r, "The invitation is on its way to "+email+".")
	return s.redirect(w, r, "/settings/team")
}

// invitationOf returns the open invitation of the project that a route's {id} names.
func (s *Server) invitationOf(r *http.Request) (account.Invitation, error) {
	id, err := numberOf(mux.Vars(r)["id"])
	if err != nil {
		return account.Invitation{}, err
	}
	invitation, err := s.Store.Invitation(r.Context(), id, s.Now())
	if err == nil && invitation.Project != s.who(r).Project.ID {
		err = fault.NotFound
	}
	return invitation, err
}

func (s *Server) resendInvitation(w http.ResponseWriter, r *http.Request) error {
	invitation, err := s.invitationOf(r)
	if err != nil {
		return err
	}
	invitation.Inviter = s.who(r).User.Email
	if _, err := s.Store.Invite(r.Context(), invitation, s.Now()); err != nil {
		return err
	}
	s.Kick()
	s.flash(r, "Another letter is on its way to "+invitation.Email+".")
	return s.redirect(w, r, "/settings/team")
}

func (s *Server) revokeInvitation(w http.ResponseWriter, r *http.Request) error {
	invitation, err := s.invitationOf(r)
	if err != nil {
		return err
	}
	if err := s.Store.RevokeInvitation(r.Context(), invitation.Project, invitation.ID); err != nil {
		return err
	}
	s.flash(r, "The invitation of "+invitation.Email+" does not work any more.")
	return s.redirect(w, r, "/settings/team")
}

// invitationForm shows what a link of a letter is about, as often as one likes: only
// sending the form accepts it.
func (s *Server) invitationForm(w http.ResponseWriter, r *http.Request) error {
	page, err := s.invited(w, r)
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, templates.Invitation(page))
}

// invited finds the invitation of a link, and who has come with it. Whoever has the
// link reads the mail of its address, so it may say what is known about that.
func (s *Server) invited(w http.ResponseWriter, r *http.Request) (templates.InvitationPage, error) {
	ctx := r.Context()
	w.Header().Set("Referrer-Policy", "no-referrer")
	token := mux.Vars(r)["token"]
	invitation, err := s.Store.InvitationByToken(ctx, account.HashKey(token), s.Now())
	if errors.Is(err, fault.NotFound) {
		err = errOldInvitation
	}
	page := templates.InvitationPage{Page: s.bare("An invitation"), Token: token, Invitation: invitation}
	if err != nil {
		return page, err
	}
	who, err := s.signedIn(ctx)
	switch {
	case err == nil:
		page.SignedIn = who.User.Email
		return page, nil
	case !errors.Is(err, errSignedOut):
		return page, err
	}
	_, err = s.Store.UserByEmail(ctx, invitation.Email)
	page.HasAccount = err == nil
	if errors.Is(err, fault.NotFound) {
		err = nil
	}
	return page, err
}

// acceptInvitation makes who is signed in a member, or makes the account on the way:
// the link came by mail, which proves the address.
func (s *Server) acceptInvitation(w http.ResponseWriter, r *http.Request) error {
	page, err := s.invited(w, r)
	if err != nil {
		return err
	}
	switch {
	case page.SignedIn == page.Invitation.Email:
		who, err := s.signedIn(r.Context())
		if err != nil {
			return err
		}
		if err := s.join(r, page.Invitation, who.User); err != nil {
			return err
		}
		return s.redirect(w, r, "/checks")
	case page.SignedIn != "" || page.HasAccount:
		return s.render(w, r, http.StatusForbidden, templates.Invitation(page)) // it says what to do
	}
	if after, ok := s.clients.take(network(clientIP(r, s.TrustedProxies)), s.Now()); !ok {
		return tooMany{after}
	}
	password := r.PostFormValue("password")
	if page.Wrong, err = merge(account.ValidPassword(password)); err != nil {
		return err
	}
	if len(page.Wrong) > 0 {
		return s.render(w, r, http.StatusUnprocessableEntity, templates.Invitation(page))
	}
	hash, err := s.hasher.hash(r.Context(), password)
	if err != nil {
		return err
	}
	user := account.User{Email: page.Invitation.Email, PasswordHash: hash, Created: s.Now()}
	if user, err = s.accept(r, page.Invitation, user); err != nil {
		return err
	}
	if err := s.signIn(r.Context(), user.ID); err != nil {
		return err
	}
	s.sessions.Put(r.Context(), keyProject, int64(page.Invitation.Project))
	return s.redirect(w, r, "/checks")
}

// join accepts an invitation for who is signed in.
func (s *Server) join(r *http.Request, invitation account.Invitation, user account.User) error {
	if _, err := s.accept(r, invitation, user); err != nil {
		return err
	}
	s.sessions.Put(r.Context(), keyProject, int64(invitation.Project))
	s.flash(r, "You are a member of "+invitation.Name+" now.")
	return nil
}

func (s *Server) accept(r *http.Request, invitation account.Invitation, user account.User) (account.User, error) {
	ctx := store.By(r.Context(), s.actor(r, account.ByPersonOf(user)))
	user, err := s.Store.AcceptInvitation(ctx, invitation.ID, user, s.Now())
	if errors.Is(err, fault.NotFound) {
		err = errOldInvitation
	}
	return user, err
}
