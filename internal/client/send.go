package client

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The measures of sending pings.
const (
	// TryTimeout ends one try to send a ping, from the connection to the answer.
	TryTimeout = 5 * time.Second
	// LongestPause is the longest pause between two tries when the server asks for
	// none; the first one is half a second, and each further one twice as long.
	LongestPause = time.Minute
	// LateAfter is how old a ping may be and still be sent as one of now. An older one
	// says its age, with a signature.
	LateAfter = 2 * time.Second
)

// answerLimit is how many bytes of an answer to a ping are read.
const answerLimit = 4 << 10

// Pinger sends pings. Its fields are set before its first use and not changed after;
// its methods may be called at the same time.
type Pinger struct {
	// HTTP sends; nil is a client that heeds the proxy of the environment. Redirects are
	// followed by none: a redirected POST would become a GET, or go to a stranger.
	HTTP *http.Client
	// UserAgent is how it presents itself; "" is "rollcall".
	UserAgent string
	// Now is the clock. It must be set.
	Now func() time.Time
	// TryTimeout ends one try; 0 is the constant of that name.
	TryTimeout time.Duration
	// Spool keeps what cannot be delivered; nil keeps nothing.
	Spool *Spool
}

// Receipt is the answer to a ping that is stored.
type Receipt struct {
	Created   bool // the check was made
	Duplicate bool // the server knew it already
	BodyLimit int  // how many bytes of a body the server keeps; 0 when it does not say
}

// Send tries once to send a ping. No error means that the server has stored it. The
// error is a *PingError when the server answered something else, and one of the
// network otherwise.
//
// A ping that happened more than LateAfter ago is a late report: its age and a
// signature go with it, so that the server dates it right, whatever our clock says.
func (p *Pinger) Send(ctx context.Context, to Address, ping Ping) (Receipt, error) {
	if err := ping.check(); err != nil {
		return Receipt{}, err
	}
	limit := p.TryTimeout
	if limit == 0 {
		limit = TryTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.ping(ping), bytes.NewReader(ping.Body))
	if err != nil {
		return Receipt{}, fmt.Errorf("the ping URL of %s cannot be used", to) // err has it in full
	}
	p.head(request, to, ping)
	response, err := p.client().Do(request)
	if err != nil {
		return Receipt{}, unreachable(request.URL, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if err != nil {
		return Receipt{}, unreachable(request.URL, err)
	}
	return receipt(response, answer)
}

// head sets what is said of a ping beside its URL and body.
func (p *Pinger) head(request *http.Request, to Address, ping Ping) {
	header := request.Header
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("User-Agent", "rollcall")
	if p.UserAgent != "" {
		header.Set("User-Agent", p.UserAgent)
	}
	if ping.RunID != "" {
		// It counts once however often it comes: net/http may send it again by itself when
		// the connection that it kept since the start turns out to be gone. The header
		// itself is not sent.
		header["X-Idempotency-Key"] = nil
	}
	if age := p.age(ping); age >= LateAfter {
		text := strconv.FormatFloat(float64(age.Microseconds())/1e6, 'f', -1, 64)
		header.Set("Rollcall-Age", text)
		header.Set("Rollcall-Signature", sign(to.key, text, ping))
	}
}

// age is how long ago a ping happened by the clock on the wall, which unlike the
// monotonic one goes on while the machine sleeps. It is never negative.
func (p *Pinger) age(ping Ping) time.Duration {
	if ping.At.IsZero() {
		return 0
	}
	return max(0, p.Now().Round(0).Sub(ping.At.Round(0)))
}

// sign proves that a late report comes from somebody who knows the check's address.
func sign(key, age string, ping Ping) string {
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "v1\n%s\n%s\n%s\n%s\n", age, ping.Signal, ping.exit(), ping.RunID)
	mac.Write(ping.Body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

func (p *Pinger) client() *http.Client {
	var client http.Client
	if p.HTTP != nil {
		client = *p.HTTP
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// receipt reads an answer. A 200 that does not say OK comes from something else on
// the way, such as the page of a network that wants a password first.
func receipt(response *http.Response, answer []byte) (Receipt, error) {
	said := strings.TrimSpace(string(answer))
	stored := response.StatusCode == http.StatusOK && strings.HasPrefix(said, "OK") ||
		response.StatusCode == http.StatusCreated && strings.HasPrefix(said, "Created")
	if !stored {
		return Receipt{}, pingError(response, said)
	}
	header := response.Header
	limit, _ := strconv.Atoi(header.Get("Ping-Body-Limit")) // nothing said is 0
	return Receipt{
		Created:   response.StatusCode == http.StatusCreated,
		Duplicate: header.Get("Ping-Result") == "duplicate",
		BodyLimit: max(0, limit),
	}, nil
}

// PingError is an answer to a ping other than that it is stored.
type PingError struct {
	Host   string // of the server
	Status int    // of HTTP
	Answer string // one line of it
	// RetryAfter is how long the server asks us to wait; nil when it does not say.
	RetryAfter *time.Duration
}

func pingError(response *http.Response, said string) *PingError {
	e := &PingError{Host: response.Request.URL.Host, Status: response.StatusCode, RetryAfter: retryAfter(response.Header)}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain") {
		e.Answer = oneLine(said)
	}
	return e
}

// Final reports whether the same ping would be answered the same again: the address
// or the ping is wrong.
func (e *PingError) Final() bool {
	return e.Status >= 400 && e.Status <= 499 && e.Status != http.StatusRequestTimeout && e.Status != http.StatusTooManyRequests
}

// Error says what was answered and what to do about it.
func (e *PingError) Error() string {
	text := fmt.Sprintf("%s answers %d", e.Host, e.Status)
	if e.Answer != "" {
		text += " " + e.Answer
	}
	switch {
	case e.Status == http.StatusNotFound:
		return text + ": look at the ping URL, or at the ping key and the slug"
	case e.Status == http.StatusGone:
		return text + ": the check was deleted, or has another ping URL by now"
	case e.Status >= 200 && e.Status <= 299:
		return text + ", but not as a server of pings does: look at the address, and at what is on the way"
	case e.Status >= 300 && e.Status <= 399:
		return text + ": pings are not redirected; give the address of the server itself, with https"
	}
	return text
}
