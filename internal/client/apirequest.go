package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	random "math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The limits of a request to the API.
const (
	// DefaultTimeout ends a try, from the connection to the end of the answer.
	DefaultTimeout = 30 * time.Second
	// Tries is how often a request is sent at most.
	Tries = 4
	// LongestWait is how long a server may make us wait before the next try. One
	// that asks for more is not asked again.
	LongestWait = time.Minute
	// LargestAnswer is how many bytes of an answer are read.
	LargestAnswer = 32 << 20
)

// firstWait is the pause before the second try, when the server names none; each
// further one is twice as long.
const firstWait = 500 * time.Millisecond

// request is what is asked of the API.
type request struct {
	method string // "" is GET
	path   string // after /api/v3/
	query  url.Values
	body   any    // sent as JSON
	yaml   []byte // sent as it is, instead of a body
	accept string // "" is JSON
	status *int   // where the status of the answer is put
}

// ask sends a request and reads the JSON of its answer.
func ask[T any](ctx context.Context, a *API, req request) (T, error) {
	var answer T
	text, err := a.do(ctx, req)
	if err != nil {
		return answer, err
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return answer, fmt.Errorf("the answer is not one of the management API; is the address that of a Rollcall server? %w", err)
	}
	return answer, nil
}

// do sends a request until it is answered for good, and returns the answer.
func (a *API) do(ctx context.Context, req request) ([]byte, error) {
	sent, body, err := a.compose(ctx, req)
	if err != nil {
		return nil, err
	}
	wait := firstWait
	for try := 1; ; try++ {
		answer, err := a.try(sent, body, req.status)
		pause, again := retry(sent.Method, err, jitter(wait))
		if err == nil || !again || try == Tries {
			return answer, err
		}
		if sleep(ctx, pause) != nil {
			return nil, err
		}
		wait *= 2
	}
}

// compose makes what is sent, the same at each try.
func (a *API) compose(ctx context.Context, req request) (*http.Request, []byte, error) {
	base, err := url.Parse(strings.TrimRight(a.BaseURL, "/"))
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, nil, errors.New("the server's address must be one such as https://rollcall.example.org")
	}
	body, contentType := req.yaml, "application/yaml"
	if req.body != nil {
		contentType = "application/json"
		if body, err = json.Marshal(req.body); err != nil {
			return nil, nil, fmt.Errorf("write the request: %w", err)
		}
	}
	method := req.method
	if method == "" {
		method = http.MethodGet
	}
	address := base.String() + "/api/v3/" + req.path
	if len(req.query) > 0 {
		address += "?" + req.query.Encode()
	}
	sent, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("write the request: %w", err)
	}
	header := sent.Header
	header.Set("X-Api-Key", a.Key)
	header.Set("User-Agent", "rollcall")
	if a.UserAgent != "" {
		header.Set("User-Agent", a.UserAgent)
	}
	header.Set("Accept", "application/json, application/problem+json")
	if req.accept != "" {
		header.Set("Accept", req.accept+", application/problem+json")
	}
	if body != nil {
		header.Set("Content-Type", contentType)
	}
	if method == http.MethodPost {
		header.Set("Idempotency-Key", `"`+rand.Text()+`"`)
	}
	return sent, body, nil
}

// try sends a request once.
func (a *API) try(sent *http.Request, body []byte, status *int) ([]byte, error) {
	sent = sent.Clone(sent.Context())
	if body != nil {
		sent.Body, sent.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	response, err := a.http().Do(sent)
	if err != nil {
		return nil, unreachable(sent.URL, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, LargestAnswer+1))
	switch {
	case err != nil:
		return nil, unreachable(sent.URL, err)
	case len(answer) > LargestAnswer:
		return nil, fmt.Errorf("%s answers with more than %d MiB", sent.URL.Host, LargestAnswer>>20)
	case response.StatusCode < 200 || response.StatusCode > 299:
		return nil, refusal(response, answer)
	}
	if status != nil {
		*status = response.StatusCode
	}
	return answer, nil
}

// http is the client that is used: one that follows no redirect. A redirected
// POST would lose its body, and the key must not follow to another host.
func (a *API) http() *http.Client {
	client := http.Client{Timeout: DefaultTimeout}
	if a.HTTP != nil {
		client = *a.HTTP
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// unreachable says what the network did, and of the address that was asked only
// the host: the rest may hold a password, or the UUID of a check.
func unreachable(asked *url.URL, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return fmt.Errorf("%s gives no answer in time: %w", asked.Host, err)
	}
	return fmt.Errorf("ask %s: %w", asked.Host, err)
}

// retry says whether a failed request may be sent again, and when. A POST is
// recognised by its Idempotency-Key when it arrives twice; 502 and 504 come from
// a proxy in between, which may not know what the server did with it.
func retry(method string, err error, wait time.Duration) (pause time.Duration, again bool) {
	var refused *Error
	if !errors.As(err, &refused) {
		return wait, method != http.MethodDelete && cutShort(err)
	}
	switch refused.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		again = true
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		again = method == http.MethodGet
	}
	if refused.RetryAfter != nil {
		wait = *refused.RetryAfter
	}
	return wait, again && wait <= LongestWait
}

// cutShort says whether a connection was made and then broke.
func cutShort(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// sleep waits, or returns early with the error of the context.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// jitter spreads the tries of many clients: between d and half as much again.
func jitter(d time.Duration) time.Duration {
	return d + random.N(d/2)
}

// retryAfter reads the header of that name: seconds, or a date compared with the
// server's own.
func retryAfter(header http.Header) *time.Duration {
	said := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(said); err == nil && seconds >= 0 {
		return new(time.Duration(seconds) * time.Second)
	}
	at, err := http.ParseTime(said)
	now, errNow := http.ParseTime(header.Get("Date"))
	if err != nil || errNow != nil {
		return nil
	}
	return new(max(0, at.Sub(now)))
}
