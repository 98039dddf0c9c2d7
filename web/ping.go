package web

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/dialect"
	"rollcall/internal/failpoint"
	"rollcall/internal/fault"
	"rollcall/internal/ingest"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// Pinger stores a ping that has just been received; *ingest.Ingest is the one.
type Pinger interface {
	Submit(ctx context.Context, report ingest.Report) (store.Result, error)
}

// Pings is the endpoint that jobs call. It has no session, no template and no
// redirect: whatever the spelling of the path, a client gets a plain answer.
//
// The way of a ping: Before reads the request, dialect.Healthchecks says what it
// means, ingest stores it through monitor.Check.Receive, answer tells the client.
// What is in no form of ours is read by the formats of other services, in
// ping_formats.go.
type Pings struct {
	PingConfig
	formats  []dialect.Format
	reserved map[string]bool // first segments of our own pages
	misses   *limiter        // addresses that name no check, by client network
}

// PingConfig is what the endpoint needs.
type PingConfig struct {
	Ingest    Pinger
	Directory store.Directory
	Trusted   []netip.Prefix // proxies whose X-Forwarded-For counts
	KeyUses   *KeyUses       // may be nil
	Now       func() time.Time
}

// NewPings returns the endpoint.
func NewPings(c PingConfig) *Pings {
	return &Pings{PingConfig: c, formats: dialect.Formats(), reserved: ownSegments(), misses: newLimiter(missTries, missWindow)}
}

// How many unknown addresses one client network may ask for. What is known is
// answered all the same: only guessing is slowed down.
const (
	missTries  = 120
	missWindow = time.Minute
)

const pingMethods = "GET, HEAD, POST, PUT"

// Before answers what is a ping, before anything else looks at the request, and
// hands the rest to next.
func (p *Pings) Before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.EscapedPath()
		if !strings.EqualFold(firstSegment(r.URL.Path), "ping") {
			if matches := dialect.Find(p.formats, path); len(matches) == 0 || !p.foreign(w, r, matches) {
				next.ServeHTTP(w, r)
			}
			return
		}
		event, err := dialect.Healthchecks(path, r.URL.RawQuery)
		if err == nil && !event.Foreign {
			p.own(w, r, event)
			return
		}
		if matches := dialect.Find(p.formats, path); len(matches) > 0 && p.foreign(w, r, matches) {
			return
		}
		if err == nil {
			p.own(w, r, event)
			return
		}
		if allowed(w, r, pingMethods) {
			p.refuse(w, r, err)
		}
	})
}

// own takes one ping in our own form.
func (p *Pings) own(w http.ResponseWriter, r *http.Request, event dialect.Event) {
	if !allowed(w, r, pingMethods) {
		return
	}
	body, size, err := readBody(w, r, monitor.BodyLimit)
	if err != nil {
		refuseBody(w, err)
		return
	}
	event.Ping.Body, event.Ping.BodySize = body, size
	if err := event.Late(r.Header); err != nil {
		p.refuse(w, r, err)
		return
	}
	if event.Warning != "" {
		w.Header().Set("Ping-Warning", event.Warning)
	}
	result, err := p.submit(r, refOf(event), event, "")
	if errors.Is(err, fault.NotFound) {
		p.miss(w, r, event.UUID)
		return
	}
	answer(w, result, err)
}

// allowed answers the methods that are no ping: OPTIONS, and those that are not
// among the given ones.
func allowed(w http.ResponseWriter, r *http.Request, methods string) bool {
	header := w.Header()
	header["Access-Control-Allow-Origin"] = anyOrigin
	for method := range strings.SplitSeq(methods, ", ") {
		if r.Method == method {
			return true
		}
	}
	header.Set("Allow", methods)
	if r.Method == http.MethodOptions {
		header.Set("Access-Control-Allow-Methods", methods)
		w.WriteHeader(http.StatusNoContent)
		return false
	}
	last := strings.LastIndex(methods, ", ")
	if last >= 0 {
		methods = methods[:last] + " or " + methods[last+2:]
	}
	say(w, http.StatusMethodNotAllowed, "method not allowed; use "+methods)
	return false
}

// submit stores one report of a request.
func (p *Pings) submit(r *http.Request, ref store.Ref, event dialect.Event, format string) (store.Result, error) {
	ping := &event.Ping
	ping.Scheme = scheme(r, p.Trusted)
	ping.Method = r.Method
	ping.RemoteAddr = clientIP(r, p.Trusted)
	ping.UserAgent = monitor.Plain(r.UserAgent(), monitor.UserAgentLimit)
	if format != "" {
		ping.Detail.Dialect = format
		ping.Detail = ping.Detail.Bounded()
	}
	if ping.Age > 0 && ping.RunID != "" {
		known, err := p.Directory.Reported(r.Context(), ref, ping.RunID, ping.Signal)
		if known || err != nil {
			return store.Result{Change: monitor.Change{Outcome: monitor.Duplicate}}, err
		}
	}
	failpoint.Here("ping.received")
	result, err := p.ingest(r.Context(), ingest.Report{Ref: ref, Ping: *ping, Configure: event.Configure})
	if err == nil && ref.PingKey != "" {
		p.KeyUses.note(account.HashKey(ref.PingKey), p.Now())
	}
	return result, err
}

// refuse answers a request that is no report.
func (p *Pings) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var refusal dialect.Refusal
	if !errors.As(err, &refusal) || refusal.Code == http.StatusNotFound {
		p.miss(w, r, uuid.Nil)
		return
	}
	sayAs(w, refusal.Code, refusal.Text, refusal.Type)
}

// miss answers a request that names no check, by the given UUID if by any, and slows
// down who asks for many.
func (p *Pings) miss(w http.ResponseWriter, r *http.Request, id uuid.UUID) {
	if p.tooMany(w, r) {
		return
	}
	if p.gone(r, id) {
		say(w, http.StatusGone, "gone")
		return
	}
	say(w, http.StatusNotFound, "not found")
}

// gone reports whether there was a check with this UUID. Where that cannot be found
// out, not found is true as well.
func (p *Pings) gone(r *http.Request, id uuid.UUID) bool {
	if id == uuid.Nil {
		return false
	}
	gone, err := p.Directory.Gone(r.Context(), id)
	return gone && err == nil
}

// tooMany counts an address that names no check, and answers when there were too
// many of them.
func (p *Pings) tooMany(w http.ResponseWriter, r *http.Request) bool {
	after, ok := p.misses.take(network(clientIP(r, p.Trusted)), p.Now())
	if ok {
		return false
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(after/time.Second)+1))
	say(w, http.StatusTooManyRequests, "too many unknown addresses; try again later")
	return true
}

// answer tells the client what became of its ping. OK means stored.
func answer(w http.ResponseWriter, result store.Result, err error) {
	header := w.Header()
	if errors.Is(err, fault.Forbidden) {
		say(w, http.StatusForbidden, "not created: this account has all the checks it may have")
		return
	}
	if err != nil {
		header.Set("Retry-After", strconv.Itoa(5+rand.IntN(6)))
		say(w, http.StatusServiceUnavailable, "try again")
		return
	}
	failpoint.Here("ping.before_ok")
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

func say(w http.ResponseWriter, code int, text string) { sayAs(w, code, text, "") }

// sayAs answers with a text of a media type; "" is plain text.
func sayAs(w http.ResponseWriter, code int, text, mediaType string) {
	header := w.Header()
	header["Content-Type"] = plainText
	if mediaType != "" {
		header["Content-Type"] = []string{mediaType}
	}
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
		ref.Create = func() monitor.Check { return monitor.Provisioned(uuid.New(), event.Slug, event.Title, event.Configure) }
	}
	return ref
}

// readBody keeps the first limit bytes and reads on as far as is sensible, so that
// the client gets its answer instead of a reset connection. It returns how much
// there was altogether.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) (body []byte, size int64, err error) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil, 0, nil
	}
	kept, err := io.ReadAll(io.LimitReader(r.Body, limit))
	if err != nil {
		return nil, 0, err
	}
	size = int64(len(kept))
	if size == limit {
		rest, err := io.Copy(io.Discard, io.LimitReader(r.Body, drainLimit))
		if err != nil {
			return nil, 0, err
		}
		size += rest
		if rest == drainLimit {
			size = max(size, r.ContentLength)
			w.Header().Set("Connection", "close")
		}
	}
	if size == 0 {
		return nil, 0, nil
	}
	return kept, size, nil
}

// refuseBody answers a ping whose body cannot be read: it did not arrive, which may
// go better the next time, or its chunks are none.
func refuseBody(w http.ResponseWriter, err error) {
	w.Header().Set("Connection", "close")
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		say(w, http.StatusRequestTimeout, "the body did not arrive")
		return
	}
	say(w, http.StatusBadRequest, "the body is not in the form that its header says")
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
