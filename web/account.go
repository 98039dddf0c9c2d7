package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/schedule"
	"rollcall/templates"
)

// noticeLife is for how long it is tried to tell somebody what was changed.
const noticeLife = 24 * time.Hour

func (s *Server) account(w http.ResponseWriter, r *http.Request) error {
	return s.showAccount(w, r, http.StatusOK, templates.AccountForm{})
}

// showAccount shows somebody's account; form is what was typed and what is wrong
// with it.
func (s *Server) showAccount(w http.ResponseWriter, r *http.Request, status int, form templates.AccountForm) error {
	ctx, who := r.Context(), s.who(r)
	frame, err := s.page(r, who, "Account", "/account")
	if err != nil {
		return err
	}
	sessions, err := s.Store.SessionsOf(ctx, who.User.ID, frame.Now.Add(-sessionIdle))
	if err != nil {
		return err
	}
	owned, err := s.Store.Owned(ctx, who.User.ID)
	if err != nil {
		return err
	}
	page := templates.AccountPage{
		Page: frame, Form: form, Sure: s.sure(ctx), Mail: s.MailConfigured, HasPassword: who.User.PasswordHash != "",
		OwnZone: who.User.Zone, Zones: schedule.Zones(),
	}
	for _, session := range sessions {
		page.Sessions = append(page.Sessions, templates.SessionLine{
			ID: session.Hash, Browser: session.Browser, Network: session.Network, This: session.Hash == note(r).session,
			Began: session.Began, Seen: session.Seen,
		})
	}
	for _, o := range owned {
		switch {
		case o.Ends():
			page.Ends = append(page.Ends, o.Name)
		case o.Keeps():
			page.Keeps = append(page.Keeps, o.Name)
		}
	}
	return s.render(w, r, status, templates.Account(page))
}

// tell lets somebody know what was changed about their account.
func (s *Server) tell(r *http.Request, user account.User, what account.Notice) error {
	return s.mail(r.Context(), s.notice(user, account.NoticeLetter{What: what}))
}

// notice is the letter about a change; without mail it goes to nobody.
func (s *Server) notice(user account.User, n account.NoticeLetter) account.Letter {
	if !s.MailConfigured {
		return account.Letter{}
	}
	return account.NewLetter(account.LetterNotice, user.Email, n, s.Now(), noticeLife)
}

// changeEmail mails a link to the new address; using it makes the change. Whether
// the address has an account shows in nothing.
func (s *Server) changeEmail(w http.ResponseWriter, r *http.Request) error {
	user := s.who(r).User
	form := templates.AccountForm{Email: r.PostFormValue("email")}
	email, err := account.ValidEmail(form.Email)
	switch {
	case err != nil:
		form.WrongEmail = "is not one plain address, such as you@example.org"
	case email == user.Email:
		form.WrongEmail = "is the one that the account has"
	}
	if form.WrongEmail != "" {
		return s.showAccount(w, r, http.StatusUnprocessableEntity, form)
	}
	letter := account.NewLetter(account.LetterEmail, email, account.EmailLetter{User: user.ID}, s.Now(), account.LinkLife)
	if err := s.mailAsked(r, letter); err != nil {
		return err
	}
	s.flash(r, "A link is on its way to "+email+". The address changes once it is used there, within 30 minutes.")
	return s.redirect(w, r, "/account")
}

// moveEmailForm is open to anybody: mails are often read on another device.
func (s *Server) moveEmailForm(w http.ResponseWriter, r *http.Request) error {
	link, err := s.linkOf(w, r, account.ForEmail)
	if err != nil {
		return err
	}
	user, err := s.Store.User(r.Context(), link.User)
	if err != nil {
		return ended(err)
	}
	return s.render(w, r, http.StatusOK, templates.LinkForm(templates.LinkPage{
		Page: s.bare("Another address"), Button: "Use this address", Action: r.URL.EscapedPath(),
		What: "The account of " + user.Email + " gets the address " + link.Email + ". Whoever is logged in to it is logged out.",
	}))
}

func (s *Server) moveEmail(w http.ResponseWriter, r *http.Request) error {
	link, err := s.linkOf(w, r, account.ForEmail)
	if err != nil {
		return err
	}
	user, err := s.Store.MoveEmail(r.Context(), link.Hash, s.Now(), func(before account.User) account.Letter {
		return s.notice(before, account.NoticeLetter{What: account.NoticeEmail, Email: link.Email})
	})
	switch {
	case errors.Is(err, fault.Conflict):
		return fault.Say(fault.Conflict, "%s has an account already. Nothing was changed.", link.Email)
	case err != nil:
		return ended(err)
	}
	s.Kick()
	s.flash(r, "The address of the account is "+user.Email+" now. Channels that mail to the old one are as they were.")
	return s.admit(w, r, user, "/account")
}

func (s *Server) changePassword(w http.ResponseWriter, r *http.Request) error {
	user, password := s.who(r).User, r.PostFormValue("password")
	hash, wrong, err := s.newPassword(r.Context(), password, user.Email)
	if err != nil {
		return err
	}
	if password == "" {
		wrong = "is missing"
	}
	if wrong != "" {
		return s.showAccount(w, r, http.StatusUnprocessableEntity, templates.AccountForm{WrongPassword: wrong})
	}
	return s.setPassword(w, r, hash, account.NoticePassword, "The password is changed. All other browsers were logged out.")
}

// removePassword leaves mailed links to log in with, so there must be mail.
func (s *Server) removePassword(w http.ResponseWriter, r *http.Request) error {
	if !s.MailConfigured {
		return errNoMail
	}
	return s.setPassword(w, r, "", account.NoticeNoPassword, "The password is removed. You log in by mailed links; all other browsers were logged out.")
}

func (s *Server) setPassword(w http.ResponseWriter, r *http.Request, hash string, what account.Notice, words string) error {
	user := s.who(r).User
	if err := s.Store.SetPassword(r.Context(), user.ID, hash); err != nil {
		return err
	}
	if err := s.renew(r.Context()); err != nil {
		return err
	}
	if err := s.remember(w, r, user); err != nil {
		return err
	}
	if err := s.tell(r, user, what); err != nil {
		return err
	}
	s.flash(r, words)
	return s.redirect(w, r, "/account")
}

func (s *Server) changeZone(w http.ResponseWriter, r *http.Request) error {
	form := templates.AccountForm{Zone: strings.TrimSpace(r.PostFormValue("zone"))}
	name := ""
	if form.Zone != "" {
		zone, err := schedule.Zone(form.Zone)
		if err != nil {
			form.WrongZone = err.Error()
			return s.showAccount(w, r, http.StatusUnprocessableEntity, form)
		}
		name = zone.String()
	}
	if err := s.Store.SetZone(r.Context(), s.who(r).User.ID, name); err != nil {
		return err
	}
	if err := s.replan(r.Context(), s.who(r).User.ID, name); err != nil {
		return err
	}
	s.flash(r, "Times are said in "+orServer(name)+" now.")
	return s.redirect(w, r, "/account")
}

func orServer(zone string) string {
	if zone == "" {
		return "the server's zone"
	}
	return zone
}

// endSession logs another browser out, or this one.
func (s *Server) endSession(w http.ResponseWriter, r *http.Request) error {
	if err := s.Store.EndSessionOf(r.Context(), s.who(r).User.ID, r.PostFormValue("session")); err != nil {
		return err
	}
	s.flash(r, "That browser is logged out.")
	return s.redirect(w, r, "/account")
}

// endSessions logs somebody out everywhere, here too.
func (s *Server) endSessions(w http.ResponseWriter, r *http.Request) error {
	if err := s.Store.EndSessionsOf(r.Context(), s.who(r).User.ID); err != nil {
		return err
	}
	return s.logout(w, r)
}

func (s *Server) deleteAccount(w http.ResponseWriter, r *http.Request) error {
	user := s.who(r).User
	typed := strings.ToLower(strings.TrimSpace(r.PostFormValue("address")))
	if typed != user.Email {
		form := templates.AccountForm{Address: r.PostFormValue("address"), WrongAddress: "is not the one of this account"}
		return s.showAccount(w, r, http.StatusUnprocessableEntity, form)
	}
	var letters []account.Letter
	if letter := s.notice(user, account.NoticeLetter{What: account.NoticeDeleted}); letter.To != "" {
		letters = append(letters, letter)
	}
	if err := s.Store.DeleteAccount(r.Context(), user.ID, letters...); err != nil {
		return err
	}
	s.Kick()
	return s.logout(w, r)
}
