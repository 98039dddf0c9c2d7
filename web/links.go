package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/gorilla/mux"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/store"
	"rollcall/templates"
)

// errNoMail answers who asks for a letter of a server that sends none.
var errNoMail = fault.Say(fault.Conflict, "This server sends no mail, so there is no link to wait for.")

// mail queues a letter and wakes who sends it. A server without mail tells nobody
// anything; what cannot do without asks mailAsked.
func (s *Server) mail(ctx context.Context, letter account.Letter) error {
	if !s.MailConfigured {
		return nil
	}
	if err := s.Store.QueueLetter(ctx, letter); err != nil {
		return err
	}
	s.Kick()
	return nil
}

// mailAsked queues a letter that somebody asked for, within the limits. Neither the
// answer nor the time it takes depends on whether there is an account: that is for
// the writer of the letter to find out.
func (s *Server) mailAsked(r *http.Request, letter account.Letter) error {
	if !s.MailConfigured {
		return errNoMail
	}
	now := s.Now()
	if err := s.askers.allow(network(note(r).ip), now); err != nil {
		return err
	}
	if err := s.mailbox.allow(account.HashKey(account.Mailbox(letter.To)), now); err != nil {
		return err
	}
	return s.mail(r.Context(), letter)
}

// mailLogin sends a link that logs in, to who has an account.
func (s *Server) mailLogin(w http.ResponseWriter, r *http.Request) error {
	email, err := account.ValidEmail(r.PostFormValue("email"))
	if err != nil {
		return s.showLogin(w, r, http.StatusUnprocessableEntity, templates.LoginPage{
			Email: r.PostFormValue("email"), Next: r.PostFormValue("next"), WrongEmail: "E-mail is not one plain address, such as you@example.org.",
		})
	}
	var data account.LoginLetter
	if next := r.PostFormValue("next"); next != "" {
		data.Next = localPath(next)
	}
	if err := s.mailAsked(r, account.NewLetter(account.LetterLogin, email, data, s.Now(), account.LinkLife)); err != nil {
		return err
	}
	return s.redirect(w, r, "/login/mail")
}

func (s *Server) mailedLogin(w http.ResponseWriter, r *http.Request) error {
	return s.render(w, r, http.StatusOK, templates.Mailed(templates.MailedPage{
		Page: s.bare("Look into your mailbox"),
		What: "If there is an account with that address, a link that logs in is on its way to it. It works once, for 30 minutes.",
	}))
}

// loginLinkForm shows a button: programs that look at links in mails press none.
func (s *Server) loginLinkForm(w http.ResponseWriter, r *http.Request) error {
	link, err := s.linkOf(w, r, account.ForLogin)
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, templates.LinkForm(templates.LinkPage{
		Page: s.bare("Log in"), Button: "Log in", Action: r.URL.EscapedPath(), Next: r.URL.Query().Get("next"),
		What: "You are about to log in as " + link.Email + ".",
	}))
}

func (s *Server) loginLink(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Referrer-Policy", "no-referrer")
	link, err := s.Store.UseLink(r.Context(), account.ForLogin, account.HashKey(mux.Vars(r)["token"]), s.Now())
	if err != nil {
		return ended(err)
	}
	user, err := s.Store.User(r.Context(), link.User)
	if err != nil {
		return ended(err)
	}
	if err := s.remember(w, r, user); err != nil {
		return err
	}
	return s.admit(w, r, user, r.PostFormValue("next"))
}

// linkOf looks at the link of a page, as often as one likes: only sending the form
// on it uses it up.
func (s *Server) linkOf(w http.ResponseWriter, r *http.Request, purpose account.Purpose) (store.Link, error) {
	w.Header().Set("Referrer-Policy", "no-referrer")
	link, err := s.Store.FindLink(r.Context(), purpose, account.HashKey(mux.Vars(r)["token"]), s.Now())
	return link, ended(err)
}

// ended says of a link that is not there that its time is over.
func ended(err error) error {
	if errors.Is(err, fault.NotFound) {
		return errEndedLink
	}
	return err
}

// confirmPath is where somebody proves again who they are before they go on.
func confirmPath(next string) string { return "/confirm?next=" + url.QueryEscape(next) }
