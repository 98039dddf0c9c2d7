// Package web is the way in: pages for people, and the endpoint that jobs ping.
//
// It owns routes, sessions, forms and answers. A request is parsed, the store is
// asked, a page is rendered; nothing is decided here. Every page works without
// JavaScript. The way of a request stands in [New], the table of pages in routes.go.
package web

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"
	"github.com/alexedwards/scs/v2"
	"github.com/go-webauthn/webauthn/webauthn"

	"rollcall/docs"
	"rollcall/internal/store"
	"rollcall/static"
	"rollcall/templates"
)

// Config is what the pages need.
type Config struct {
	Store store.Store
	// Pings answers what jobs send, before anything else looks at the request; it may
	// be nil.
	Pings   *Pings
	BaseURL *url.URL // how people and jobs reach this server; links are made from it alone
	Now     func() time.Time
	Log     *slog.Logger
	Version string
	// TrustedProxies may say in X-Forwarded-For who a request comes from.
	TrustedProxies []netip.Prefix
	KeyUses        *KeyUses // may be nil
	// Kick is called when a delivery was put into the queue.
	Kick func()
	// Live tells open pages of changes; nil makes one that nothing else tells.
	Live *Live
	// Delayed is since when alerts may be late, zero when they are not; nil: never.
	Delayed func() time.Time
	// JudgedUpTo is the instant up to which every deadline has been judged.
	JudgedUpTo func() time.Time
	// MailDomain is the domain of mails that are pings; "" when none are taken.
	MailDomain string
	// MailConfigured tells whether e-mail can be sent at all.
	MailConfigured bool
	// Demo is what a demonstration shows beside the product; nil on every other server.
	Demo Demo
	// SignupOpen lets anybody make an account who can read mail at an address.
	SignupOpen bool
	// SSO is the provider of single sign-on; nil when there is none.
	SSO *SSO
	// Observe is told of every answered request but pings; it may be nil.
	Observe func(route, method string, code int, took time.Duration)
}

// Server answers the requests of people.
type Server struct {
	Config
	secure   bool // the cookie may only travel over https
	sessions *scs.SessionManager
	hasher   hasher
	accounts *limiter // log-in attempts by account
	devices  *limiter // log-in attempts by browsers that have logged in before
	clients  *limiter // log-in attempts by address
	proofs   *limiter // attempts to prove again who one is, by user
	mailbox  *limiter // letters by mailbox
	askers   *limiter // letters by who asks for them
	exports  *limiter // copies of people's data by user
	seconds  *limiter // codes of second factors by account
	tests    *limiter // test messages by project

	manual    func() []docs.Chapter
	described object    // the API, as OpenAPI
	buffers   sync.Pool // of *bytes.Buffer, for pages before they are sent

	party    *webauthn.WebAuthn // asks for passkeys; nil where browsers have none
	provider *provider          // of single sign-on; nil when there is none
	boards   boards             // public status pages as they were drawn last

	asked     *limiter // requests to the API by key
	strangers *limiter // wrong API keys by client network
}

// New returns the handler of the public listener. A ping goes straight to
// cfg.Pings, a request of a program to apiRouter. Everything else passes, from the
// outside in: request id and panics, security headers, compression, static files,
// host, other sites' requests, the crowd's routes, session, route, access.
func New(cfg Config) (http.Handler, error) {
	s := &Server{
		Config:   cfg,
		secure:   cfg.BaseURL.Scheme == "https",
		hasher:   newHasher(),
		accounts: newLimiter(accountTries, loginWindow),
		devices:  newLimiter(deviceTries, loginWindow),
		clients:  newLimiter(clientTries, loginWindow),
		proofs:   newLimiter(proofTries, loginWindow),
		mailbox:  newLimiter(mailboxLetters, letterWindow),
		askers:   newLimiter(clientLetters, letterWindow),
		exports:  newLimiter(exportTries, exportWindow),
		seconds:  newLimiter(secondTries, secondWindow),
		tests:    newLimiter(testsEach, testWindow),

		asked:     newLimiter(apiRequests, apiWindow),
		strangers: newLimiter(wrongKeys, wrongWindow),
	}
	if s.Live == nil {
		s.Live = NewLive(cfg.Store, cfg.Now)
	}
	s.sessions = newSessions(s)
	if cfg.SSO != nil {
		s.provider = &provider{SSO: *cfg.SSO}
	}
	var err error
	if s.party, err = newParty(cfg.BaseURL); err != nil {
		return nil, fmt.Errorf("passkeys: %w", err)
	}
	s.described = openAPI(s.base(), cfg.Version)
	s.manual = sync.OnceValue(s.readManual)
	router, err := s.router(append(sessionRoutes(), s.demoRoutes()...))
	if err != nil {
		return nil, err
	}
	pages, err := s.guard(router)
	if err != nil {
		return nil, err
	}
	handler, err := s.apiRouter(apiRoutes(), pages)
	if err != nil {
		return nil, err
	}
	if cfg.Pings == nil {
		return handler, nil
	}
	return cfg.Pings.Before(handler), nil
}

// ownSegments returns the first segments of our own pages, which are no tokens.
func ownSegments() map[string]bool {
	own := map[string]bool{firstSegment(static.Prefix): true, firstSegment(templates.DemoPath): true}
	for _, route := range routes() {
		own[firstSegment(route.path)] = true
	}
	for _, route := range apiRoutes() {
		if strings.HasPrefix(route.path, "/") {
			own[firstSegment(route.path)] = true
		}
	}
	return own
}

// firstSegment is the first part of a path that is not empty, so that "//ping/x"
// is a ping too. Its case does not matter either.
func firstSegment(path string) string {
	segment, _, _ := strings.Cut(strings.TrimLeft(path, "/"), "/")
	return segment
}

// render answers with a page. It is made in full before the first byte is sent,
// so that one that fails can still become an honest error.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, page templ.Component) error {
	html, ok := s.buffers.Get().(*bytes.Buffer) // a list of 2,000 checks takes more than a megabyte
	if !ok {
		html = &bytes.Buffer{}
	}
	defer s.buffers.Put(html)
	html.Reset()
	if err := page.Render(r.Context(), html); err != nil {
		return fmt.Errorf("render: %w", err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if _, err := w.Write(html.Bytes()); err != nil {
		return errors.Join(errGone, err)
	}
	return nil
}

// redirect sends the browser to a path of ours after a POST.
func (s *Server) redirect(w http.ResponseWriter, r *http.Request, path string) error {
	http.Redirect(w, r, path, http.StatusSeeOther)
	return nil
}

// live reports whether htmx asks for a part of a page.
func live(r *http.Request) bool { return r.Header.Get("HX-Request") == "true" }
