package web

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/templates"
)

// SSO is a provider of single sign-on, by OpenID Connect.
type SSO struct {
	Issuer       string
	ClientID     string
	ClientSecret string // "" for a client that has none; PKCE is used in any case
	Name         string // on buttons
	SignUp       bool   // whoever the provider knows gets an account
	Client       *http.Client
}

// provider is the provider as far as it was reached.
type provider struct {
	SSO
	found atomic.Pointer[oidc.Provider] // nil until it has answered once
}

// flow is a visit to the provider that has not come back yet.
type flow struct {
	Purpose  ssoPurpose     `json:"purpose"`
	User     account.UserID `json:"user,omitempty"` // who is signed in; 0 to log in
	Next     string         `json:"next,omitempty"`
	State    string         `json:"state"`
	Nonce    string         `json:"nonce"`
	Verifier string         `json:"verifier"`
	Began    time.Time      `json:"began"`
}

type ssoPurpose string

const (
	ssoToLogIn   ssoPurpose = "login"
	ssoToLink    ssoPurpose = "link"
	ssoToConfirm ssoPurpose = "confirm"
)

const (
	ssoPath     = "/login/sso/callback"
	flowLife    = 10 * time.Minute // as long as somebody may take at the provider
	clocksApart = time.Minute      // between the provider's clock and ours
)

// ssoError is a visit to the provider that failed, in words for the person.
type ssoError struct {
	reply
	cause error
}

func (e ssoError) Error() string { return fmt.Sprintf("%s: %v", e.title, e.cause) }
func (e ssoError) Unwrap() error { return e.cause }

// away is the answer when the provider cannot be reached; refused, when what came
// back cannot be taken.
func (p *provider) away(cause error) error {
	return ssoError{reply{http.StatusBadGateway, "No answer from " + p.Name, templates.Capital(p.Name) + " cannot be reached, or does not answer as it should. Nothing was done; try again in a moment, or log in by other means. The reason is in the server's log."}, cause}
}

func (p *provider) refused(cause error, format string, args ...any) error {
	return ssoError{reply{http.StatusForbidden, "Not logged in", templates.Capital(fmt.Sprintf(format, args...))}, cause}
}

// ssoName is the provider's name, also when none is configured any more.
func (s *Server) ssoName() string {
	if s.provider == nil {
		return "single sign-on"
	}
	return s.provider.Name
}

// discover asks the provider what it can do. What it said once is kept; while it is
// away it is asked each time, so that it need not be there when this server starts.
func (p *provider) discover(ctx context.Context) (*oidc.Provider, error) {
	if found := p.found.Load(); found != nil {
		return found, nil
	}
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.Client), p.Issuer)
	if err != nil {
		return nil, p.away(err)
	}
	page, err := url.Parse(found.Endpoint().AuthURL)
	if err != nil || page.Scheme != "https" && page.Scheme != "http" || page.Host == "" {
		return nil, p.away(fmt.Errorf("authorization endpoint %q is no address", found.Endpoint().AuthURL))
	}
	p.found.Store(found)
	return found, nil
}

func (s *Server) oauth(found *oidc.Provider) oauth2.Config {
	return oauth2.Config{
		ClientID: s.provider.ClientID, ClientSecret: s.provider.ClientSecret, Endpoint: found.Endpoint(),
		RedirectURL: s.base() + ssoPath, Scopes: []string{oidc.ScopeOpenID, oidc.ScopeEmail},
	}
}

func (s *Server) ssoLogin(w http.ResponseWriter, r *http.Request) error {
	if after, ok := s.clients.take(network(clientIP(r, s.TrustedProxies)), s.Now()); !ok {
		return tooMany{after}
	}
	return s.toProvider(w, r, flow{Purpose: ssoToLogIn, Next: r.PostFormValue("next")})
}

func (s *Server) ssoLink(w http.ResponseWriter, r *http.Request) error {
	return s.toProvider(w, r, flow{Purpose: ssoToLink, User: s.who(r).User.ID, Next: "/account/security"})
}

func (s *Server) ssoConfirm(w http.ResponseWriter, r *http.Request) error {
	return s.toProvider(w, r, flow{Purpose: ssoToConfirm, User: s.who(r).User.ID, Next: r.PostFormValue("next")})
}

// toProvider sends the browser to the provider. It is sent by a page of ours: a
// redirect would be the form's, and our forms may only lead to us.
func (s *Server) toProvider(w http.ResponseWriter, r *http.Request, f flow) error {
	ctx := r.Context()
	if s.provider == nil {
		return errNoPage
	}
	found, err := s.provider.discover(ctx)
	if err != nil {
		return err
	}
	f.State, f.Nonce, f.Verifier, f.Began = account.NewToken(), account.NewToken(), oauth2.GenerateVerifier(), s.Now()
	s.stranger(ctx, f.Began.Add(flowLife))
	s.keep(ctx, keyFlow, f)
	options := []oauth2.AuthCodeOption{oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)}
	if f.Purpose == ssoToConfirm { // an old log-in there proves nothing
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
	}
	config := s.oauth(found)
	address := config.AuthCodeURL(f.State, options...)
	w.Header().Set("Refresh", "0; url="+address)
	return s.render(w, r, http.StatusOK, templates.Onward(templates.OnwardPage{Page: s.bare("On to " + s.provider.Name), Name: s.provider.Name, Address: address}))
}

// ssoBack takes who comes back from the provider.
func (s *Server) ssoBack(w http.ResponseWriter, r *http.Request) error {
	if s.provider == nil {
		return errNoPage
	}
	ctx := r.Context()
	f, err := s.endFlow(ctx, r.URL.Query())
	if err != nil {
		return err
	}
	identity, claims, err := s.identify(ctx, f, r.URL.Query().Get("code"))
	var refused ssoError
	if errors.As(err, &refused) && refused.code < http.StatusInternalServerError {
		s.Log.WarnContext(ctx, "single sign-on refused", "request", note(r).id, "reason", err)
	}
	if err != nil {
		return err
	}
	switch f.Purpose {
	case ssoToLink:
		return s.linkSignedIn(w, r, f, identity)
	case ssoToConfirm:
		return s.confirmSSO(w, r, f, identity, claims)
	}
	return s.logInBy(w, r, f, identity, claims)
}

// errorCode is how a provider names what went wrong; anything else is not repeated.
var errorCode = regexp.MustCompile(`^[a-z_]{1,40}$`)

// endFlow returns the visit that comes back; it can come back once. One that was
// begun in another browser, or whose session is somebody else's by now, is none.
func (s *Server) endFlow(ctx context.Context, query url.Values) (f flow, err error) {
	p := s.provider
	known := s.recall(ctx, keyFlow, &f)
	if !known || subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(f.State)) != 1 {
		return f, p.refused(errors.New("state"), "This visit to %s was not begun in this browser, or it has come back before. Begin again.", p.Name)
	}
	s.sessions.Remove(ctx, keyFlow)
	if s.Now().Sub(f.Began) > flowLife {
		return f, p.refused(errors.New("time"), "The visit to %s took too long. Begin again.", p.Name)
	}
	if issuer := query.Get("iss"); issuer != "" && issuer != p.Issuer {
		return f, p.refused(fmt.Errorf("issuer %q", issuer), "This answer does not come from %s.", p.Name)
	}
	if code := query.Get("error"); code != "" {
		if !errorCode.MatchString(code) {
			code = "no reason given"
		}
		return f, p.refused(errors.New(code), "%s did not log you in (%s).", p.Name, strings.ReplaceAll(code, "_", " "))
	}
	if f.User != 0 {
		if who, err := s.signedIn(ctx); err != nil || who.User.ID != f.User {
			return f, p.refused(errors.New("another session"), "You were logged out in the meantime. Log in and begin again.")
		}
	}
	return f, nil
}

// claims is what the provider says about somebody, besides who it is.
type claims struct {
	Email    string `json:"email"`
	Verified any    `json:"email_verified"` // some write true as a text
	Party    string `json:"azp"`
	AuthTime int64  `json:"auth_time"`
}

func (c claims) verified() bool { return c.Verified == true || c.Verified == "true" }

// identify exchanges the code for a token, and holds the token against everything
// that it must say.
func (s *Server) identify(ctx context.Context, f flow, code string) (account.Identity, claims, error) {
	p, said := s.provider, claims{}
	found, err := p.discover(ctx)
	if err != nil {
		return account.Identity{}, said, err
	}
	config := s.oauth(found)
	tokens, err := config.Exchange(oidc.ClientContext(ctx, p.Client), code, oauth2.VerifierOption(f.Verifier))
	var answered *oauth2.RetrieveError
	if errors.As(err, &answered) && answered.Response.StatusCode < http.StatusInternalServerError {
		return account.Identity{}, said, p.refused(err, "%s did not accept its own answer. Begin again.", p.Name)
	}
	if err != nil {
		return account.Identity{}, said, p.away(err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	token, err := found.Verifier(&oidc.Config{ClientID: p.ClientID, Now: s.Now}).Verify(ctx, raw)
	if err == nil {
		err = token.Claims(&said)
	}
	switch {
	case err != nil:
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(f.Nonce)) != 1:
		err = errors.New("the nonce is another one")
	case said.Party != "" && said.Party != p.ClientID, said.Party == "" && len(token.Audience) > 1:
		err = errors.New("the token was made for another client")
	case token.Subject == "":
		err = errors.New("the token has no subject")
	}
	if err != nil {
		return account.Identity{}, said, p.refused(err, "What %s says about you could not be verified. Nothing was done; the reason is in the server's log.", p.Name)
	}
	return account.Identity{Issuer: p.Issuer, Subject: token.Subject, Email: strings.ToLower(said.Email), Created: s.Now()}, said, nil
}

// logInBy lets in whom the provider knows. It is known by issuer and subject alone.
// The first time, the account is found by the address, which an account here has
// proved to be its own: so must the provider have, or anybody could write somebody
// else's address into their profile there and walk in here.
func (s *Server) logInBy(w http.ResponseWriter, r *http.Request, f flow, identity account.Identity, said claims) error {
	ctx, p := r.Context(), s.provider
	known, err := s.Store.Identity(ctx, identity.Issuer, identity.Subject)
	if err == nil {
		return s.arrive(w, r, half{User: known.User, Next: f.Next})
	}
	if !errors.Is(err, fault.NotFound) {
		return err
	}
	email, err := account.ValidEmail(said.Email)
	if err != nil || !said.verified() {
		return p.refused(errors.New("no verified address"), "%s does not say that your e-mail address was verified, so no account here can be found by it. Log in by other means and link %s on the page Security.", p.Name, p.Name)
	}
	user, err := s.Store.UserByEmail(ctx, email)
	if errors.Is(err, fault.NotFound) {
		if !p.SignUp {
			return p.refused(errors.New("no account"), "Nobody here has the address %s. Ask whoever runs this server for an account.", email)
		}
		user, err = s.Store.Register(s.by(r, account.Actor{Kind: account.ByPerson, Name: email}).Context(), s.newcomer(email, ""), s.Now())
	}
	if err != nil {
		return err
	}
	return s.arrive(w, r, half{User: user.ID, Next: f.Next, Link: &identity})
}

// link lets a user log in by an identity from now on.
func (s *Server) link(ctx context.Context, id account.UserID, identity account.Identity) (epoch int64, err error) {
	user, err := s.Store.User(ctx, id)
	if err != nil {
		return 0, err
	}
	epoch, err = s.Store.LinkIdentity(ctx, s.change(user, account.FactorNotice{What: account.SSOLinked, Name: s.ssoName()}), identity)
	if err == nil {
		s.Kick()
	}
	return epoch, err
}

// linkSignedIn links the account at the provider to that of who is signed in.
func (s *Server) linkSignedIn(w http.ResponseWriter, r *http.Request, f flow, identity account.Identity) error {
	epoch, err := s.link(r.Context(), f.User, identity)
	if errors.Is(err, fault.Conflict) {
		return fault.Say(fault.Conflict, "This account of %s is linked already, to you or to somebody else.", s.provider.Name)
	}
	if err != nil {
		return err
	}
	s.flash(r, "You can log in with "+s.provider.Name+" now. Your other sessions were ended.")
	if err := s.changed(r.Context(), epoch); err != nil {
		return err
	}
	return s.redirect(w, r, "/account/security")
}

// confirmSSO takes a new log-in at the provider as the proof that it is still the
// same person.
func (s *Server) confirmSSO(w http.ResponseWriter, r *http.Request, f flow, identity account.Identity, said claims) error {
	ctx, p := r.Context(), s.provider
	known, err := s.Store.Identity(ctx, identity.Issuer, identity.Subject)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return err
	}
	if err != nil || known.User != f.User {
		return p.refused(errors.New("another account"), "At %s you are somebody else than here.", p.Name)
	}
	if f.Began.Add(-clocksApart).After(time.Unix(said.AuthTime, 0)) {
		return p.refused(errors.New("an old log-in"), "%s did not ask you who you are, so it proves nothing. Confirm by other means.", p.Name)
	}
	if err := s.beSure(ctx); err != nil {
		return err
	}
	return s.redirect(w, r, localPath(f.Next))
}
