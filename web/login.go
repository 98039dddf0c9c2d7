package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
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
	return s.render(w, r, http.StatusOK, templates.Login(templates.LoginPage{Page: s.bare("Log in"), Next: next, Ways: s.ways()}))
}

// login compares first and looks afterwards: whether the address or the password
// was wrong shows neither in the answer nor in the time it takes.
func (s *Server) login(w http.ResponseWriter, r *http.Request) error {
	ctx, now := r.Context(), s.Now()
	email := strings.ToLower(strings.TrimSpace(r.PostFormValue("email")))
	password := r.PostFormValue("password")
	if after, ok := s.clients.take(network(clientIP(r, s.TrustedProxies)), now); !ok {
		return tooMany{after}
	}
	if after, ok := s.accounts.take(account.HashKey(email), now); !ok { // as a hash, however long it is
		return tooMany{after}
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
		page := templates.LoginPage{
			Page: s.bare("Log in"), Email: r.PostFormValue("email"), Next: r.PostFormValue("next"),
			Error: "E-mail and password do not match.", Ways: s.ways(),
		}
		return s.render(w, r, http.StatusUnprocessableEntity, templates.Login(page))
	}
	s.accounts.forget(account.HashKey(email))
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
	return s.askConfirm(w, r, templates.ConfirmPage{Next: r.URL.Query().Get("next")}, http.StatusOK)
}

func (s *Server) confirm(w http.ResponseWriter, r *http.Request) error {
	if r.PostForm.Has("code") {
		return s.confirmCode(w, r)
	}
	ctx, user, next := r.Context(), s.who(r).User, r.PostFormValue("next")
	if after, ok := s.accounts.take(account.HashKey(user.Email), s.Now()); !ok {
		return tooMany{after}
	}
	match, err := s.hasher.matches(ctx, r.PostFormValue("password"), user.PasswordHash)
	if err != nil {
		return err
	}
	if !match {
		page := templates.ConfirmPage{Next: next, Error: "That is not the password of this account."}
		return s.askConfirm(w, r, page, http.StatusUnprocessableEntity)
	}
	s.accounts.forget(account.HashKey(user.Email))
	if err := s.beSure(ctx); err != nil {
		return err
	}
	return s.redirect(w, r, localPath(next))
}

// purposeSetup is the purpose of the token that makes the first account.
const purposeSetup = "setup"

// setupLife is how long the link to the first account can be used.
const setupLife = 24 * time.Hour

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
	wrong, err := merge(mailErr, account.ValidPassword(password))
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
	user, err := s.firstAccount(r.Context(), token, email, hash)
	if err != nil {
		return err
	}
	return s.admit(w, r, user, "/checks")
}

// firstAccount uses the link up and makes the account; whoever has the link is
// trusted about the address.
func (s *Server) firstAccount(ctx context.Context, token, email, hash string) (account.User, error) {
	err := s.Store.UseToken(ctx, purposeSetup, account.HashKey(token), s.Now())
	if errors.Is(err, fault.NotFound) {
		return account.User{}, errUsedLink
	}
	if err != nil {
		return account.User{}, err
	}
	return s.openAccount(ctx, email, hash)
}

// openAccount makes an account with its project, and a channel to its address, of
// which it is known that it is theirs.
func (s *Server) openAccount(ctx context.Context, email, hash string) (account.User, error) {
	now := s.Now()
	user, err := s.Store.CreateUser(ctx, account.User{Email: email, PasswordHash: hash, Created: now})
	if err != nil {
		return account.User{}, err
	}
	project, err := s.Store.CreateProject(ctx, account.Project{Name: "Main", PingKey: account.NewPingKey(), Created: now}, user.ID)
	if err != nil {
		return account.User{}, err
	}
	_, err = s.Store.CreateChannel(ctx, monitor.Channel{
		Project: project.ID, Name: email, Kind: monitor.Email,
		Settings: monitor.Settings{Address: email}, Created: now,
	})
	return user, err
}
