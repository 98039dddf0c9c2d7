package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/templates"
)

func (s *Server) loginForm(w http.ResponseWriter, r *http.Request) error {
	next := r.URL.Query().Get("next")
	if _, err := s.signedIn(r.Context()); err == nil {
		return s.redirect(w, r, localPath(next))
	} else if !errors.Is(err, errSignedOut) {
		return err
	}
	if _, _, err := s.halfway(r.Context()); err == nil {
		return s.redirect(w, r, "/login/second")
	}
	return s.showLogin(w, r, http.StatusOK, templates.LoginPage{Next: next})
}

func (s *Server) showLogin(w http.ResponseWriter, r *http.Request, status int, page templates.LoginPage) error {
	page.Page, page.Mail, page.Signup, page.Ways = s.bare("Log in"), s.MailConfigured, s.SignupOpen, s.ways()
	return s.render(w, r, status, templates.Login(page))
}

// login compares first and looks afterwards: whether the address or the password
// was wrong shows neither in the answer nor in the time it takes.
func (s *Server) login(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	email := strings.ToLower(strings.TrimSpace(r.PostFormValue("email")))
	password := r.PostFormValue("password")
	device, err := s.hear(r, email)
	if err != nil {
		return err
	}
	user, err := s.Store.UserByEmail(ctx, email)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return err
	}
	match, err := s.hasher.matches(ctx, password, user.PasswordHash)
	if err != nil {
		return err
	}
	if !match {
		return s.showLogin(w, r, http.StatusUnprocessableEntity, templates.LoginPage{
			Email: r.PostFormValue("email"), Next: r.PostFormValue("next"), Error: "E-mail and password do not match.",
		})
	}
	s.devices.forget(device)
	s.accounts.forget(account.HashKey(email))
	if err := s.remember(w, r, user); err != nil {
		return err
	}
	return s.admit(w, r, user, r.PostFormValue("next"))
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request) error {
	if err := s.sessions.Destroy(r.Context()); err != nil {
		return err
	}
	return s.redirect(w, r, "/login")
}

// confirmForm asks who has been signed in for a while to prove again who they are.
func (s *Server) confirmForm(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	return s.showConfirm(w, r, http.StatusOK, templates.ConfirmPage{Next: query.Get("next"), Sent: query.Has("sent")})
}

func (s *Server) showConfirm(w http.ResponseWriter, r *http.Request, status int, page templates.ConfirmPage) error {
	user := s.who(r).User
	factors, err := s.Store.Factors(r.Context(), user.ID)
	if err != nil {
		return err
	}
	page.Page, page.Email = s.bare("Is it still you?"), user.Email
	page.Password, page.App = user.PasswordHash != "", factors.TOTP != nil
	page.Passkeys = s.party != nil && len(factors.Passkeys) > 0
	page.Mail = s.MailConfigured && !factors.Second()
	if s.provider != nil && len(factors.Identities) > 0 {
		page.SSO = s.provider.Name
	}
	return s.render(w, r, status, templates.Confirm(page))
}

// confirm takes any one proof: the form that was sent says which.
func (s *Server) confirm(w http.ResponseWriter, r *http.Request) error {
	ctx, user := r.Context(), s.who(r).User
	if r.PostForm.Has("code") {
		return s.confirmCode(w, r)
	}
	page := templates.ConfirmPage{Next: r.PostFormValue("next"), Sent: r.PostForm.Has("mailed")}
	if err := s.proofs.allow(userKey(user.ID), s.Now()); err != nil {
		return err
	}
	var proved bool
	var err error
	if page.Sent {
		proved, err = s.mailedCode(ctx, user.ID, r.PostFormValue("mailed"))
		page.WrongMailed = "That is not the code, or its time is over."
	} else {
		proved, err = s.hasher.matches(ctx, r.PostFormValue("password"), user.PasswordHash)
		page.Error = "That is not the password of this account."
	}
	if err != nil {
		return err
	}
	if !proved {
		return s.showConfirm(w, r, http.StatusUnprocessableEntity, page)
	}
	s.proofs.forget(userKey(user.ID))
	if err := s.beSure(ctx); err != nil {
		return err
	}
	return s.redirect(w, r, localPath(page.Next))
}

// mailedCode takes a code from a mail as proof, of who has no second factor: a mailbox
// must not be enough where more was asked for.
func (s *Server) mailedCode(ctx context.Context, user account.UserID, code string) (bool, error) {
	factors, err := s.Store.Factors(ctx, user)
	if err != nil || factors.Second() {
		return false, err
	}
	_, err = s.Store.UseLink(ctx, account.ForCode, account.HashCode(user, code), s.Now())
	if errors.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// mailCode sends a code to who has no password, or does not know it any more.
func (s *Server) mailCode(w http.ResponseWriter, r *http.Request) error {
	user := s.who(r).User
	letter := account.NewLetter(account.LetterCode, user.Email, account.CodeLetter{User: user.ID}, s.Now(), account.CodeLife)
	if err := s.mailAsked(r, letter); err != nil {
		return err
	}
	return s.redirect(w, r, "/confirm?sent=1&next="+url.QueryEscape(localPath(r.PostFormValue("next"))))
}
