package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// longestDetail is how many characters of the server's own words are repeated.
const longestDetail = 500

// Error is the server's refusal of a request.
type Error struct {
	Status int    // of HTTP
	Title  string // of the kind of error
	Detail string // what is wrong this time

	// RetryAfter is how long the server asks us to wait; nil when it does not say.
	RetryAfter *time.Duration
}

// Error says what is wrong and what to do next.
func (e *Error) Error() string {
	said := e.Detail
	if said == "" {
		said = strings.ToLower(e.Title)
	}
	if said == "" {
		said = fmt.Sprintf("the server answers %d", e.Status)
	}
	if next := e.next(); next != "" {
		return said + ": " + next
	}
	return said
}

// next is what to do about a refusal; "" when its own words say it.
func (e *Error) next() string {
	switch e.Status {
	case http.StatusUnauthorized:
		return "give a valid API key of the project, and a read-write one if something is changed or pings are read"
	case http.StatusForbidden:
		return "the API key may not do this: use a key of the project that the check belongs to, or make room in a project that is full"
	case http.StatusNotFound:
		return "look at the list of what there is, and whether the address is that of a Rollcall server"
	case http.StatusConflict:
		return "nothing was changed; look at how it is now"
	case http.StatusUnprocessableEntity:
		return "correct it and send it again"
	case http.StatusTooManyRequests:
		if e.RetryAfter != nil {
			return fmt.Sprintf("ask again in %s", *e.RetryAfter)
		}
		return "ask again in a minute"
	}
	if e.Status >= 500 {
		return "ask again later; the server's log says more"
	}
	return ""
}

// refusal reads an answer that is none of the wanted: application/problem+json, a
// document with the member error, or a line of text. A page for people, such as
// a proxy's, is not repeated.
func refusal(response *http.Response, answer []byte) *Error {
	e := &Error{Status: response.StatusCode, Title: http.StatusText(response.StatusCode), RetryAfter: retryAfter(response.Header)}
	if response.StatusCode >= 300 && response.StatusCode <= 399 {
		e.Detail = "the server has moved"
		if location, err := response.Location(); err == nil {
			e.Detail = "the server has moved: use " + (&url.URL{Scheme: location.Scheme, Host: location.Host}).String()
		}
		return e
	}
	var problem struct {
		Title, Detail, Error string
	}
	if json.Unmarshal(answer, &problem) == nil {
		if problem.Title != "" {
			e.Title = oneLine(problem.Title)
		}
		if e.Detail = oneLine(problem.Detail); e.Detail == "" {
			e.Detail = oneLine(problem.Error)
		}
	} else if strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain") {
		e.Detail = oneLine(string(answer))
	}
	return e
}

// oneLine makes foreign words fit to be shown: one line, no control characters,
// at most longestDetail characters.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > longestDetail {
		return string(runes[:longestDetail]) + "…"
	}
	return text
}
