package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/mux"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/store"
	"rollcall/templates"
)

// purposeSetup is the purpose of the token that makes the first account.
const purposeSetup = "setup"

// setupLife is how long the link to the first account can be used.
const setupLife = 24 * time.Hour

// errNoSignup answers who wants to sign up where it is closed.
var errNoSignup = fault.Say(fault.NotFound, "Sign-up is closed here. Whoever runs this server makes accounts.")

// SetupLink makes the one-time link with which the first account is made in the
// browser, "" when there are users already. Earlier links end.
func SetupLink(ctx context.Context, st store.Store, base *url.URL, now time.Time) (string, error) {
	if users, err := st.HasUsers(ctx); err != nil || users {
		return "", err
	}
	token := account.NewToken()
	if err := st.PutToken(ctx, purposeSetup, account.HashKey(token), now.Add(setupLife)); err != nil {
		return "", err
	}
	return base.JoinPath("setup", token).String(), nil
}

// setupForm shows the form as often as one likes: only sending it uses the link up.
func (s *Server) setupForm(w http.ResponseWriter, r *http.Request) error {
	token, err := s.setupToken(w, r)
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, templates.Setup(templates.SetupPage{Page: s.bare("The first account"), Token: token}))
}

// setupToken returns the token of the link, or errUsedLink.
func (s *Server) setupToken(w http.ResponseWriter, r *http.Request) (string, error) {
	w.Header().Set("Referrer-Policy", "no-referrer")
	token := mux.Vars(r)["token"]
	valid, err := s.Store.TokenValid(r.Context(), purposeSetup, account.HashKey(token), s.Now())
	if err == nil && !valid {
		err = errUsedLink
	}
	return token, err
}

func (s *Server) setup(w http.ResponseWriter, r *http.Request) error {
	token, err := s.setupToken(w, r)
	if err != nil {
		return err
	}
	email, mailErr := account.ValidEmail(r.PostFormValue("email"))
	password := r.PostFormValue("password")
	wrong, err := merge(mailErr, account.ValidPassword(password, email))
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		page := templates.SetupPage{
			Page: s.bare("The first account"), Token: token, Email: r.PostFormValue("email"), Wrong: wrong,
			Problems: problems(wrong, []labelled{{"email", "email", "E-mail"}, {"password", "password", "Password"}}),
		}
		return s.render(w, r, http.StatusUnprocessableEntity, templates.Setup(page))
	}
	hash, err := s.hasher.hash(r.Context(), password)
	if err != nil {
		return err
	}
	newcomer := s.newcomer(email, hash)
	newcomer.Link, newcomer.Purpose = account.HashKey(token), purposeSetup
	user, err := s.Store.Register(s.by(r, account.Actor{Kind: account.ByPerson, Name: email}).Context(), newcomer, s.Now())
	if errors.Is(err, fault.NotFound) {
		return errUsedLink
	}
	if err != nil {
		return err
	}
	return s.admit(w, r, user, "/checks")
}

// newcomer is an account with its first project. Whoever has the link in the mail is
// trusted about the address.
func (s *Server) newcomer(email, hash string) store.Newcomer {
	first := s.beginning("Main", email)
	return store.Newcomer{User: account.User{Email: email, PasswordHash: hash, Created: s.Now()}, Project: &first}
}

func (s *Server) signupForm(w http.ResponseWriter, r *http.Request) error {
	if !s.SignupOpen {
		return errNoSignup
	}
	return s.render(w, r, http.StatusOK, templates.Signup(templates.SignupPage{Page: s.bare("Sign up")}))
}

// signup mails a link to whoever the address belongs to, whether they have an
// account or not: the answer is the same.
func (s *Server) signup(w http.ResponseWriter, r *http.Request) error {
	if !s.SignupOpen {
		return errNoSignup
	}
	email, err := account.ValidEmail(r.PostFormValue("email"))
	if err != nil {
		page := templates.SignupPage{
			Page: s.bare("Sign up"), Email: r.PostFormValue("email"), Error: "E-mail is not one plain address, such as you@example.org.",
		}
		return s.render(w, r, http.StatusUnprocessableEntity, templates.Signup(page))
	}
	letter := account.NewLetter(account.LetterSignup, email, account.LoginLetter{}, s.Now(), account.LinkLife)
	if err := s.mailAsked(r, letter); err != nil {
		return err
	}
	return s.redirect(w, r, "/signup/mail")
}

func (s *Server) mailedSignup(w http.ResponseWriter, r *http.Request) error {
	return s.render(w, r, http.StatusOK, templates.Mailed(templates.MailedPage{
		Page: s.bare("Look into your mailbox"),
		What: "A link is on its way to that address. It works once, for 30 minutes.",
	}))
}

func (s *Server) signupLinkForm(w http.ResponseWriter, r *http.Request) error {
	link, err := s.signupLinkOf(w, r)
	if err != nil {
		return err
	}
	return s.showSignupLink(w, r, http.StatusOK, link, "")
}

// signupLinkOf returns the link of a sign-up, as long as those are taken.
func (s *Server) signupLinkOf(w http.ResponseWriter, r *http.Request) (store.Link, error) {
	if !s.SignupOpen {
		return store.Link{}, errNoSignup
	}
	return s.linkOf(w, r, account.ForSignup)
}

func (s *Server) showSignupLink(w http.ResponseWriter, r *http.Request, status int, link store.Link, wrong string) error {
	return s.render(w, r, status, templates.SignupLink(templates.SignupLinkPage{
		Page: s.bare("Make your account"), Action: r.URL.EscapedPath(), Email: link.Email, Error: wrong,
	}))
}

// signupLink makes the account. Without a password one logs in by mailed links.
func (s *Server) signupLink(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	link, err := s.signupLinkOf(w, r)
	if err != nil {
		return err
	}
	hash, wrong, err := s.newPassword(ctx, r.PostFormValue("password"), link.Email)
	if err != nil {
		return err
	}
	if wrong != "" {
		return s.showSignupLink(w, r, http.StatusUnprocessableEntity, link, wrong)
	}
	newcomer := s.newcomer(link.Email, hash)
	newcomer.Link, newcomer.Purpose = link.Hash, account.ForSignup
	user, err := s.Store.Register(s.by(r, account.Actor{Kind: account.ByPerson, Name: link.Email}).Context(), newcomer, s.Now())
	switch {
	case errors.Is(err, fault.Conflict):
		return fault.Say(fault.Conflict, "%s has an account already; log in to it.", link.Email)
	case err != nil:
		return ended(err)
	}
	if err := s.remember(w, r, user); err != nil {
		return err
	}
	return s.admit(w, r, user, "/checks")
}

// newPassword returns the form in which a password is stored, "" for none, or what
// is wrong with it.
func (s *Server) newPassword(ctx context.Context, password, email string) (hash, wrong string, err error) {
	if password == "" {
		return "", "", nil
	}
	invalid, err := merge(account.ValidPassword(password, email))
	if err != nil || len(invalid) > 0 {
		return "", invalid["password"], err
	}
	hash, err = s.hasher.hash(ctx, password)
	return hash, "", err
}
