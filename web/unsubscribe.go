package web

import (
	"errors"
	"net/http"

	"github.com/gorilla/mux"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/schedule"
	"rollcall/templates"
)

// unsubscribePattern is the one way in that other sites may post to: mail programs
// do when their reader presses "unsubscribe" (RFC 8058). The token in the address is
// the permission, and stops one kind of mail to one person; nothing else.
const unsubscribePattern = "POST /unsubscribe/{token}"

// subscription finds what a token of the route stops, and for whom. A token needs
// no session: the reader may be logged out.
func (s *Server) subscription(w http.ResponseWriter, r *http.Request) (account.Topic, account.Notices, error) {
	w.Header().Set("Referrer-Policy", "no-referrer")
	token := mux.Vars(r)["token"]
	topic, name, ok := account.ReadStopToken(token)
	if !ok {
		return "", account.Notices{}, errNoPage
	}
	n, err := s.Store.NoticesByStop(r.Context(), name)
	if errors.Is(err, fault.NotFound) || err == nil && !n.Stops(topic, token) {
		return "", account.Notices{}, errNoPage
	}
	return topic, n, err
}

// unsubscribeForm asks. Only looking, as scanners of mails do, changes nothing.
func (s *Server) unsubscribeForm(w http.ResponseWriter, r *http.Request) error {
	topic, n, err := s.subscription(w, r)
	if err != nil {
		return err
	}
	return s.showSubscription(w, r, topic, n, false)
}

// unsubscribe stops the mails, whatever the body says. It answers with the page
// itself: mail programs do not follow redirects.
func (s *Server) unsubscribe(w http.ResponseWriter, r *http.Request) error {
	topic, n, err := s.subscription(w, r)
	if err != nil {
		return err
	}
	return s.subscribe(w, r, topic, n.Ask(topic, account.Off))
}

// subscribeAgain takes it back.
func (s *Server) subscribeAgain(w http.ResponseWriter, r *http.Request) error {
	topic, n, err := s.subscription(w, r)
	if err != nil {
		return err
	}
	return s.subscribe(w, r, topic, n.Ask(topic, account.Every(r.PostFormValue("every"))))
}

func (s *Server) subscribe(w http.ResponseWriter, r *http.Request, topic account.Topic, n account.Notices) error {
	if n.Report == account.Weekly {
		n.Day = min(n.Day, 7) // it may have been the day of a month
	}
	n, err := n.Valid()
	if err != nil {
		return err
	}
	user, err := s.Store.User(r.Context(), n.User)
	if err != nil {
		return err
	}
	if err := s.Store.SetNotices(r.Context(), n.Plan(s.Now(), schedule.LocationOf(user.Zone))); err != nil {
		return err
	}
	return s.showSubscription(w, r, topic, n, true)
}

func (s *Server) showSubscription(w http.ResponseWriter, r *http.Request, topic account.Topic, n account.Notices, done bool) error {
	title := "Reports"
	if topic == account.Reminders {
		title = "Reminders"
	}
	page := templates.SubscriptionPage{
		Page: s.bare(title), Path: "/unsubscribe/" + mux.Vars(r)["token"], Topic: topic, Every: n.Asked(topic), Done: done,
	}
	return s.render(w, r, http.StatusOK, templates.Subscription(page))
}
