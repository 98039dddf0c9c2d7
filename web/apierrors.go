package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"rollcall/internal/fault"
)

// refusal is an answer that is an error, in the words that old clients read.
type refusal struct {
	code   int
	words  string
	detail string        // more words for people; "" says the same
	faults []memberFault // of members of the request, when it is about those
}

func (r refusal) Error() string { return r.words }

// refuse returns an error that is answered with a status and words.
func refuse(code int, format string, args ...any) error {
	return refusal{code: code, words: fmt.Sprintf(format, args...)}
}

// problem is an error as it travels: RFC 9457, and the one member that clients of
// Healthchecks know.
type problem struct {
	Type     string        `json:"type"`
	Title    string        `json:"title"`
	Status   int           `json:"status"`
	Detail   string        `json:"detail"`
	Instance string        `json:"instance"` // the request, by the id that its answer has in X-Request-Id
	Error    string        `json:"error"`
	Errors   []memberFault `json:"errors,omitempty"`
}

// memberFault says what is wrong with one member of a request.
type memberFault struct {
	Pointer string `json:"pointer"` // to the member, RFC 6901
	Detail  string `json:"detail"`
}

// faultsOf points to the members that stand for fields of the rules.
func faultsOf(wrong fault.Invalid) []memberFault {
	var faults []memberFault
	for field, words := range wrong {
		faults = append(faults, memberFault{"#/" + cmp.Or(apiNames[field], field), words})
	}
	slices.SortFunc(faults, func(a, b memberFault) int { return strings.Compare(a.Pointer, b.Pointer) })
	return faults
}

const problemType = "application/problem+json"

// validationError begins every text about a member of a request.
const validationError = "json validation error: "

// refusalOf finds the answer to an error. The words of unknown ones stay inside.
func refusalOf(err error, request string) refusal {
	var own refusal
	var tooLarge *http.MaxBytesError
	var many tooMany
	var invalid fault.Invalid
	words, _ := fault.Words(err)
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, errMethod):
		return refusal{code: http.StatusMethodNotAllowed, words: "method not allowed", detail: "This address exists, but not for this method; the Allow field lists those it takes."}
	case errors.As(err, &many):
		return refusal{code: http.StatusTooManyRequests, words: "too many requests", detail: "Ask again after the time that the Retry-After field says."}
	case errors.As(err, &tooLarge):
		return refusal{code: http.StatusRequestEntityTooLarge, words: fmt.Sprintf("the body is larger than %d bytes", tooLarge.Limit)}
	case errors.As(err, &invalid):
		return refusal{code: http.StatusBadRequest, words: validationError + words, faults: faultsOf(invalid)}
	case errors.Is(err, fault.NotFound):
		return refusal{code: http.StatusNotFound, words: "not found", detail: words}
	case errors.Is(err, fault.Forbidden):
		return refusal{code: http.StatusForbidden, words: words}
	case errors.Is(err, fault.Conflict):
		return refusal{code: http.StatusConflict, words: words}
	case errors.Is(err, fault.Unavailable), errors.Is(err, context.DeadlineExceeded):
		return refusal{code: http.StatusServiceUnavailable, words: "try again later", detail: "The database does not answer. Whether anything was changed is not known; an Idempotency-Key makes it safe to ask again."}
	}
	return refusal{code: http.StatusInternalServerError, words: "internal error, request " + request, detail: "It is in the server's log under this request."}
}

// apiPlain turns the error of a handler into an answer.
func (s *Server) apiPlain(handle handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := handle(w, r); err != nil {
			s.failAPI(w, r, err)
		}
	})
}

// failAPI answers a request that ended in an error.
func (s *Server) failAPI(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, errGone) || r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		return // nobody reads the answer
	}
	said := refusalOf(err, note(r).id)
	header := w.Header()
	var many tooMany
	switch {
	case errors.As(err, &many):
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(many.after.Seconds()))))
	case said.code == http.StatusServiceUnavailable:
		header.Set("Retry-After", strconv.Itoa(retryAfter))
	case said.code == http.StatusRequestEntityTooLarge:
		header.Set("Connection", "close")
	case said.code == http.StatusUnauthorized:
		header.Set("WWW-Authenticate", challenge(said))
	}
	if said.code >= http.StatusInternalServerError {
		s.Log.ErrorContext(r.Context(), "API request failed", "request", note(r).id, "method", r.Method, "route", note(r).route, "error", err)
	}
	header.Set("Content-Type", problemType)
	w.WriteHeader(said.code)
	_, _ = w.Write(said.body(note(r).id))
}

// challenge asks for a key, and says whether there was one (RFC 6750).
func challenge(said refusal) string {
	if said.words == missingKeyText {
		return `Bearer realm="api"`
	}
	return `Bearer realm="api", error="invalid_token"`
}

// body is the refusal of a request as it travels.
func (r refusal) body(request string) []byte {
	detail := r.detail
	if detail == "" {
		detail = r.words
	}
	body, err := json.Marshal(problem{
		Type: "about:blank", Title: http.StatusText(r.code), Status: r.code, Detail: detail,
		Instance: "urn:request:" + request, Error: r.words, Errors: r.faults,
	})
	if err != nil {
		panic(fmt.Sprintf("encode a problem: %v", err)) // strings and a number
	}
	return body
}
