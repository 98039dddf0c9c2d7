package web

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/gorilla/mux"

	"rollcall/internal/fault"
	"rollcall/templates"
)

// Demo is what a demonstration shows beside the product: where it leads its visitor,
// and what its mail catcher and its receiver of webhooks took.
type Demo interface {
	Tour() templates.Tour
	Mails() []templates.CaughtMail // the newest first
	Hooks() []templates.CaughtHook // the newest first
	// Refuse lets the receiver answer 503, or 204 again.
	Refuse(bool)
	Refusing() bool
}

// demoRoutes are the ways in that only a demonstration has. They are open to anybody
// who reaches its listener, which is this machine.
func (s *Server) demoRoutes() []route {
	if s.Demo == nil {
		return nil
	}
	return []route{
		{"GET", templates.DemoPath, anybody, (*Server).tour},
		{"GET", templates.InboxPath, anybody, (*Server).inbox},
		{"GET", templates.InboxPath + "/{n}", anybody, (*Server).caughtMail},
		{"GET", templates.InboxPath + "/{n}/html", anybody, (*Server).mailPage},
		{"GET", templates.HooksPath, anybody, (*Server).webhooks},
		{"POST", templates.HooksPath, anybody, (*Server).refuseWebhooks},
		{"GET", templates.HooksPath + "/{n}", anybody, (*Server).webhook},
	}
}

// demoPage fills a page of the demonstration; who is signed in keeps the navigation.
func (s *Server) demoPage(r *http.Request, title string) (templates.DemoPage, error) {
	frame := s.bare(title)
	if who, err := s.signedIn(r.Context()); err == nil {
		if frame, err = s.page(r, who, title, templates.DemoPath); err != nil {
			return templates.DemoPage{}, err
		}
	} else if !errors.Is(err, errSignedOut) {
		return templates.DemoPage{}, err
	}
	page := templates.DemoPage{
		Page: frame, Tour: s.Demo.Tour(), Mails: s.Demo.Mails(), Hooks: s.Demo.Hooks(), Refusing: s.Demo.Refusing(),
	}
	var err error
	page.Watched, err = s.Store.CheckByID(r.Context(), page.Tour.Check)
	if errors.Is(err, fault.NotFound) {
		err = nil // somebody deleted it; the page says so
	}
	return page, err
}

// demoList answers with a page of the demonstration, or with what is new on it.
func (s *Server) demoList(w http.ResponseWriter, r *http.Request, title string, whole func(templates.DemoPage) templ.Component, part func(templates.DemoPage, bool) templ.Component) error {
	page, err := s.demoPage(r, title)
	if err != nil {
		return err
	}
	if !live(r) {
		return s.render(w, r, http.StatusOK, whole(page))
	}
	return s.renderLive(w, r, page.Seen(), func(changed bool) templ.Component { return part(page, changed) })
}

func (s *Server) tour(w http.ResponseWriter, r *http.Request) error {
	return s.demoList(w, r, "Try it", templates.DemoTour, templates.DemoTourLive)
}

func (s *Server) inbox(w http.ResponseWriter, r *http.Request) error {
	return s.demoList(w, r, "Inbox", templates.DemoInbox, templates.DemoInboxLive)
}

func (s *Server) webhooks(w http.ResponseWriter, r *http.Request) error {
	return s.demoList(w, r, "Webhooks", templates.DemoHooks, templates.DemoHooksLive)
}

// refuseWebhooks switches the receiver, and leads back to where the button was.
func (s *Server) refuseWebhooks(w http.ResponseWriter, r *http.Request) error {
	s.Demo.Refuse(r.PostFormValue("answer") == strconv.Itoa(http.StatusServiceUnavailable))
	return s.redirect(w, r, templates.HooksPath)
}

// caughtMail shows one mail. Its page stands in a frame, which nothing else here may.
func (s *Server) caughtMail(w http.ResponseWriter, r *http.Request) error {
	m, err := caught(r, s.Demo.Mails(), func(m templates.CaughtMail) int { return m.N })
	if err != nil {
		return err
	}
	page, err := s.demoPage(r, m.Subject)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Security-Policy", policy+"; frame-src 'self'")
	return s.render(w, r, http.StatusOK, templates.DemoMail(page, m))
}

// letterPolicy is that of the page of a mail: it runs nothing, loads nothing and
// sends nothing, in whatever way it is opened. Its links lead the whole window on.
const letterPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; " +
	"frame-ancestors 'self'; sandbox allow-top-navigation-by-user-activation"

func (s *Server) mailPage(w http.ResponseWriter, r *http.Request) error {
	m, err := caught(r, s.Demo.Mails(), func(m templates.CaughtMail) int { return m.N })
	if err != nil {
		return err
	}
	w.Header().Set("Content-Security-Policy", letterPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err = io.WriteString(w, strings.Replace(m.HTML, "<head>", `<head><base target="_top">`, 1))
	if err != nil {
		return errors.Join(errGone, err)
	}
	return nil
}

func (s *Server) webhook(w http.ResponseWriter, r *http.Request) error {
	h, err := caught(r, s.Demo.Hooks(), func(h templates.CaughtHook) int { return h.N })
	if err != nil {
		return err
	}
	page, err := s.demoPage(r, h.About)
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, templates.DemoHook(page, h))
}

// caught finds what a path names by its number.
func caught[Thing any](r *http.Request, list []Thing, number func(Thing) int) (Thing, error) {
	n, err := numberOf(mux.Vars(r)["n"])
	at := slices.IndexFunc(list, func(t Thing) bool { return int64(number(t)) == n })
	if err != nil || at < 0 {
		var none Thing
		return none, fault.Say(fault.NotFound, "It is not kept any more, or never came.")
	}
	return list[at], nil
}
