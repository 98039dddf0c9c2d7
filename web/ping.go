package web

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"rollcall/internal/dialect"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// Pinger stores a ping that has just been received; *ingest.Ingest is the one.
type Pinger interface {
	Submit(ctx context.Context, ref store.Ref, ping monitor.Ping) (store.Result, error)
}

// Pings is the endpoint that jobs call. It has no session, no template and no
// redirect: whatever the spelling of the path, a client gets a plain answer.
//
// The way of a ping: ServeHTTP reads the request, dialect.Healthchecks says what
// it means, ingest stores it through monitor.Check.Receive, answer tells the client.
type Pings struct {
	ingest  Pinger
	trusted []netip.Prefix // proxies whose X-Forwarded-For counts
	now     func() time.Time
	misses  *limiter // addresses that name no check, by client network
}

// NewPings returns the endpoint.
func NewPings(ingest Pinger, trusted []netip.Prefix, now func() time.Time) *Pings {
	return &Pings{ingest: ingest, trusted: trusted, now: now, misses: newLimiter(missTries, missWindow)}
}

// How many unknown addresses one client network may ask for. What is known is
// answered all the same: only guessing is slowed down.
const (
	missTries  = 120
	missWindow = time.Minute
)

const pingMethods = "GET, HEAD, POST, PUT"

// ServeHTTP takes one ping.
func (p *Pings) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header["Access-Control-Allow-Origin"] = anyOrigin
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut:
	case http.MethodOptions:
		header.Set("Access-Control-Allow-Methods", pingMethods)
		header.Set("Allow", pingMethods)
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		header.Set("Allow", pingMethods)
		say(w, http.StatusMethodNotAllowed, "method not allowed; use GET, HEAD, POST or PUT")
		return
	}
	event, err := dialect.Healthchecks(r.URL.EscapedPath(), r.URL.RawQuery)
	var refusal dialect.Refusal
	if errors.As(err, &refusal) {
		if refusal.Code == http.StatusNotFound {
			p.miss(w, r)
			return
		}
		say(w, refusal.Code, refusal.Text)
		return
	}
	if err := readBody(w, r, &event.Ping); err != nil {
		header.Set("Connection", "close")
		say(w, http.StatusRequestTimeout, "the body did not arrive")
		return
	}
	event.Ping.Scheme = scheme(r, p.trusted)
	event.Ping.Method = r.Method
	event.Ping.RemoteAddr = clientIP(r, p.trusted)
	event.Ping.UserAgent = cleanText(r.UserAgent(), monitor.UserAgentLimit)
	if event.Warning != "" {
		header.Set("Ping-Warning", event.Warning)
	}
	result, err := p.ingest.Submit(r.Context(), refOf(event), event.Ping)
	if errors.Is(err, fault.NotFound) {
		p.miss(w, r)
		return
	}
	answer(w, result, err)
}

// miss answers a request that names no check, and slows down who asks for many.
func (p *Pings) miss(w http.ResponseWriter, r *http.Request) {
	after, ok := p.misses.take(network(clientIP(r, p.trusted)), p.now())
	if ok {
		say(w, http.StatusNotFound, "not found")
		return
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(after/time.Second)+1))
	say(w, http.StatusTooManyRequests, "too many unknown addresses; try again later")
}

// answer tells the client what became of its ping. OK means stored.
func answer(w http.ResponseWriter, result store.Result, err error) {
	header := w.Header()
	if err != nil {
		header.Set("Retry-After", strconv.Itoa(5+rand.IntN(6)))
		say(w, http.StatusServiceUnavailable, "try again")
		return
	}
	header["Ping-Body-Limit"] = bodyLimit
	switch result.Change.Outcome {
	case monitor.Coalesced:
		header.Set("Ping-Coalesced", "1")
	case monitor.Ignore, monitor.Duplicate:
		header.Set("Ping-Result", string(result.Change.Outcome))
	}
	if result.Created {
		say(w, http.StatusCreated, "Created")
		return
	}
	say(w, http.StatusOK, "OK")
}

// The headers of every answer, shared by all of them: Set would make each anew.
var (
	plainText = []string{"text/plain; charset=utf-8"}
	noStore   = []string{"no-store"}
	noSniff   = []string{"nosniff"}
	noIndex   = []string{"noindex"}
	anyOrigin = []string{"*"}
	bodyLimit = []string{strconv.Itoa(monitor.BodyLimit)}
)

func say(w http.ResponseWriter, code int, text string) {
	header := w.Header()
	header["Content-Type"] = plainText
	header["Cache-Control"] = noStore
	header["X-Content-Type-Options"] = noSniff
	header["X-Robots-Tag"] = noIndex
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text)
}

// refOf names the check that an event is about.
func refOf(event dialect.Event) store.Ref {
	ref := store.Ref{UUID: event.UUID, PingKey: event.PingKey, Slug: event.Slug}
	if event.Create {
		ref.Create = func() monitor.Check { return monitor.Provisioned(uuid.New(), event.Slug) }
	}
	return ref
}

// readBody keeps the first BodyLimit bytes and reads on as far as is sensible, so
// that the client gets its answer instead of a reset connection.
func readBody(w http.ResponseWriter, r *http.Request, ping *monitor.Ping) error {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil
	}
	kept, err := io.ReadAll(io.LimitReader(r.Body, monitor.BodyLimit))
	if err != nil {
		return err
	}
	ping.BodySize = int64(len(kept))
	if len(kept) > 0 {
		ping.Body = kept
	}
	if len(kept) == monitor.BodyLimit {
		rest, err := io.Copy(io.Discard, io.LimitReader(r.Body, drainLimit))
		if err != nil {
			return err
		}
		ping.BodySize += rest
		if rest == drainLimit {
			ping.BodySize = max(ping.BodySize, r.ContentLength)
			w.Header().Set("Connection", "close")
		}
	}
	return nil
}

// drainLimit is how much of a body beyond BodyLimit is read and thrown away
// before the connection is closed instead.
const drainLimit = 1 << 20

// scheme is how the ping came: as a trusted proxy says, or as this connection is.
func scheme(r *http.Request, trusted []netip.Prefix) string {
	switch forwarded := r.Header.Get("X-Forwarded-Proto"); {
	case (forwarded == "https" || forwarded == "http") && len(trusted) > 0 && isTrusted(peer(r), trusted):
		return forwarded
	case r.TLS != nil:
		return "https"
	}
	return "http"
}

func peer(r *http.Request) string { return clientIP(r, nil) }

// cleanText makes a header's bytes a text that any database takes: valid UTF-8
// without control characters, at most limit characters.
func cleanText(text string, limit int) string {
	plain := len(text) <= limit
	for i := 0; plain && i < len(text); i++ {
		plain = text[i] >= ' ' && text[i] <= '~'
	}
	if plain {
		return text
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	if utf8.RuneCountInString(text) > limit {
		text = string([]rune(text)[:limit])
	}
	return text
}
