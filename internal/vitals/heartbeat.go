package vitals

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/internal/outbound"
)

// How the heartbeat beats.
const (
	BeatEvery = 30 * time.Second
	beatsAt   = 8 // addresses at a time
)

// Doer sends a request; http.Client is one.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Target is an address that expects a sign of life.
type Target struct {
	URL string
	Via Doer
}

// Heartbeat is the sign of life of a process that does its work.
type Heartbeat struct {
	// Targets returns who expects one.
	Targets   func(ctx context.Context) ([]Target, error)
	Log       *slog.Logger
	UserAgent string

	last atomic.Int64 // unix time of the last one that was taken

	mu   sync.Mutex // guards what each address was told
	told map[string]told
}

// told is what an address knows.
type told struct {
	at      time.Time // of the last sign of life that was sent
	trouble bool      // it was told that there is trouble
	refused bool      // it did not take the last one
}

// Last returns when a sign of life was last taken; zero: never.
func (h *Heartbeat) Last() time.Time {
	if at := h.last.Load(); at != 0 {
		return time.Unix(at, 0).UTC()
	}
	return time.Time{}
}

// Tick sends a sign of life to whoever is due one, unless there is trouble. Then who
// understands it is told so, once.
func (h *Heartbeat) Tick(ctx context.Context, now time.Time, trouble []string) {
	targets, err := h.Targets(ctx)
	if err != nil {
		h.Log.Warn("it is not known who expects a heartbeat", "err", err) // and those that are known go on
	}
	h.forget(targets)
	var group errgroup.Group
	group.SetLimit(beatsAt)
	for _, target := range targets {
		before := h.toldTo(target.URL)
		if len(trouble) == 0 && now.Sub(before.at) < inTest(BeatEvery) || len(trouble) > 0 && before.trouble {
			continue
		}
		group.Go(func() error {
			h.beat(ctx, target, before, now, trouble)
			return nil
		})
	}
	_ = group.Wait()
}

// beat tells one address how things are.
func (h *Heartbeat) beat(ctx context.Context, target Target, before told, now time.Time, trouble []string) {
	after := told{at: before.at, trouble: len(trouble) > 0}
	request, err := h.compose(ctx, target.URL, trouble)
	if request == nil && err == nil {
		h.note(target.URL, after) // its silence is all that this one understands
		return
	}
	if err == nil {
		err = send(target.Via, request)
	}
	if len(trouble) == 0 {
		after.at = now
	}
	if after.refused = err != nil; after.refused {
		after.trouble = before.trouble // it does not know
		if !before.refused {
			_, words := outbound.Explain(err, target.URL)
			h.Log.Warn("heartbeat not taken", "to", host(target.URL), "err", words)
		}
	} else if len(trouble) == 0 {
		h.last.Store(now.Unix())
	}
	h.note(target.URL, after)
}

// compose makes what is sent; nil when there is nothing to say.
func (h *Heartbeat) compose(ctx context.Context, address string, trouble []string) (*http.Request, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if len(trouble) > 0 {
		failing, ok := FailURL(address)
		if !ok {
			return nil, nil
		}
		method, address, body = http.MethodPost, failing, strings.NewReader(strings.Join(trouble, "\n")+"\n")
	}
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, errors.New("the address cannot be used")
	}
	request.Header.Set("User-Agent", h.UserAgent)
	if body != nil {
		request.Header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	return request, nil
}

func send(via Doer, request *http.Request) error {
	response, err := via.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("answered %s", response.Status)
	}
	return nil
}

func (h *Heartbeat) toldTo(address string) told {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.told[address]
}

func (h *Heartbeat) note(address string, t told) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.told == nil {
		h.told = map[string]told{}
	}
	h.told[address] = t
}

// forget drops what is known of addresses that expect nothing any more.
func (h *Heartbeat) forget(targets []Target) {
	h.mu.Lock()
	defer h.mu.Unlock()
	kept := make(map[string]told, len(targets))
	for _, t := range targets {
		if known, ok := h.told[t.URL]; ok {
			kept[t.URL] = known
		}
	}
	h.told = kept
}

func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an address"
	}
	return u.Host
}

// Addresses of checks, as Rollcall and Healthchecks make them: a UUID at the end, or
// a ping key and a slug behind /ping/.
var (
	byUUID = regexp.MustCompile(`(?i)/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/?$`)
	bySlug = regexp.MustCompile(`^/ping/[0-9A-Za-z_-]{20,}/[a-z0-9_-]+/?$`)
)

// FailURL returns the address by which a check is told of a failure, when the
// address is that of one.
func FailURL(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || !byUUID.MatchString(u.Path) && !bySlug.MatchString(u.Path) {
		return "", false
	}
	return u.JoinPath("fail").String(), true
}
