package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rollcall/internal/fault"
	"rollcall/templates"
)

// Failures that only the edge knows.
var (
	errSignedOut     = errors.New("not signed in")
	errNoPage        = fault.Say(fault.NotFound, "There is nothing at this address. It may have been deleted, or the address was cut off.")
	errNoProject     = fault.Say(fault.Forbidden, "You are a member of no project yet. Make one, or ask to be invited to one.")
	errMethod        = errors.New("method not allowed")
	errOrigin        = errors.New("cross-origin request")
	errHost          = errors.New("wrong host")
	errUsedLink      = errors.New("link to the first account was used")
	errEndedLink     = errors.New("link was used")
	errGone          = errors.New("the client is gone")
	errPanic         = errors.New("panic")
	errBadForm       = errors.New("the form cannot be read")
	errOldInvitation = fault.Say(fault.NotFound, "It was accepted or taken back, or its time is over. Whoever sent it can send another one.")
)

// tooMany is the answer to too many attempts.
type tooMany struct{ after time.Duration }

func (t tooMany) Error() string { return "too many attempts" }

// badForm tells a form that is too large from one that makes no sense.
func badForm(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return errors.Join(errBadForm, err)
}

// handler is what a route does; its error becomes the answer.
type handler func(w http.ResponseWriter, r *http.Request) error

// catch alone turns errors into answers.
func (s *Server) catch(handle handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := handle(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// reply is what an error looks like from outside.
type reply struct {
	code  int
	title string
	what  string
}

// replyTo finds the words for an error. Those of unknown errors stay inside.
func replyTo(err error) reply {
	words, _ := fault.Words(err)
	var tooLarge *http.MaxBytesError
	var many tooMany
	var invalid fault.Invalid
	var sso ssoError
	switch {
	case errors.As(err, &sso):
		return sso.reply
	case errors.Is(err, errMethod):
		return reply{http.StatusMethodNotAllowed, "Not in this way", "This address exists, but it cannot be used with this method. Nothing was changed; go back and use the button there."}
	case errors.Is(err, errOrigin):
		return reply{http.StatusForbidden, "Refused", "This request came from another site's page, so nothing was changed. If you meant it, open the page here and do it again."}
	case errors.Is(err, errHost):
		return reply{http.StatusMisdirectedRequest, "Another server's name", "This server does not answer to that name. If it should, its base URL has to say so."}
	case errors.Is(err, errUsedLink):
		return reply{http.StatusGone, "This link has ended", "It was used before, or its time is over. Whoever runs this server finds a new one in its output after a restart, as long as nobody has an account."}
	case errors.Is(err, errEndedLink):
		return reply{http.StatusGone, "This link has ended", "It was used before, or its 30 minutes are over. Nothing was changed; ask for a new one where you asked for this."}
	case errors.Is(err, errOldInvitation):
		return reply{http.StatusGone, "This invitation has ended", words}
	case errors.Is(err, errSignedOut):
		return reply{http.StatusForbidden, "You are logged out", "Nothing was saved. Log in in another tab, then go back here and send the form again: what you typed is still there."}
	case errors.As(err, &many):
		return reply{http.StatusTooManyRequests, "Too many attempts", fmt.Sprintf("Nothing was done. Try again in %s.", templates.Span(many.after))}
	case errors.As(err, &tooLarge):
		return reply{http.StatusRequestEntityTooLarge, "Too large", fmt.Sprintf("A form may hold %s. Nothing was saved; go back, shorten what you typed, and send it again.", templates.Size(tooLarge.Limit))}
	case errors.Is(err, errBadForm):
		return reply{http.StatusBadRequest, "Not understood", "The form arrived damaged. Nothing was saved; go back and send it again."}
	case errors.As(err, &invalid):
		return reply{http.StatusUnprocessableEntity, "Not saved", sentence(words)}
	case errors.Is(err, fault.NotFound):
		return reply{http.StatusNotFound, "Not found", orElse(words, fault.NotFound, errNoPage.Error())}
	case errors.Is(err, fault.Forbidden):
		return reply{http.StatusForbidden, "Not allowed", orElse(words, fault.Forbidden, "Your role in this project does not allow it. Nothing was changed.")}
	case errors.Is(err, fault.Conflict):
		return reply{http.StatusConflict, "Not done", orElse(words, fault.Conflict, "Something changed in the meantime. Load the page again and look.")}
	case errors.Is(err, fault.Unavailable), errors.Is(err, context.DeadlineExceeded):
		return reply{http.StatusServiceUnavailable, "Not now", "The database does not answer. Nothing was saved; try again in a moment."}
	}
	return reply{http.StatusInternalServerError, "Something is wrong here", "An error inside Rollcall stopped this request. Try it again; if it happens again, tell whoever runs this server, whose log has it under the request below."}
}

// orElse prefers words of their own to the bare name of a kind of failure.
func orElse(words string, kind error, general string) string {
	if words == "" || words == kind.Error() {
		return general
	}
	return sentence(words)
}

// sentence makes one of the words of an error.
func sentence(words string) string {
	return templates.Capital(strings.TrimSuffix(words, ".")) + "."
}

// retryAfter is what busy servers ask for, in seconds.
const retryAfter = 5

// fail answers a request that ended in an error.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var many tooMany
	switch {
	case errors.Is(err, errGone), r.Context().Err() != nil && errors.Is(err, context.Canceled):
		return // nobody reads the answer
	case errors.Is(err, errSignedOut) && live(r):
		w.Header().Set("HX-Refresh", "true")
	case errors.Is(err, errSignedOut) && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		http.Redirect(w, r, "/login?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		return
	case errors.Is(err, errNoProject) && r.Method == http.MethodGet && !live(r):
		http.Redirect(w, r, "/projects/new", http.StatusSeeOther)
		return
	case errors.As(err, &many):
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(many.after.Seconds()))))
	}
	reply := replyTo(err)
	switch reply.code {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	case http.StatusRequestEntityTooLarge:
		w.Header().Set("Connection", "close")
	}
	if reply.code >= http.StatusInternalServerError {
		s.Log.ErrorContext(r.Context(), "request failed", "request", note(r).id, "method", r.Method, "route", note(r).route, "error", err)
	}
	if asksJSON(r) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(reply.code)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": reply.what})
		return
	}
	page := templates.FaultPage{
		Page: s.faultPage(r, reply), What: reply.what,
		Back: "/checks", BackWords: "Back to the checks",
	}
	if errors.Is(err, errEndedLink) {
		page.Back, page.BackWords = "/login", "To the log-in page"
	}
	if reply.code == http.StatusInternalServerError {
		page.RequestID = note(r).id
	}
	if err := s.render(w, r, reply.code, templates.ErrorPage(page)); err != nil && !errors.Is(err, errGone) && r.Context().Err() == nil {
		s.Log.ErrorContext(r.Context(), "error page failed", "request", note(r).id, "error", err)
		http.Error(w, "internal error, request "+note(r).id, http.StatusInternalServerError)
	}
}

// faultPage is the frame of an error page: that of the signed-in person when they
// are known already and the database answers, otherwise a bare one.
func (s *Server) faultPage(r *http.Request, a reply) templates.Page {
	if who := note(r).who; who != nil && a.code < http.StatusInternalServerError {
		if page, err := s.page(r, *who, a.title, ""); err == nil {
			return page
		}
	}
	return s.bare(a.title)
}
