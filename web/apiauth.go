package web

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
)

// How often one key may ask, and how many wrong keys one client network may try.
const (
	apiRequests = 600
	apiWindow   = time.Minute
	wrongKeys   = 120
	wrongWindow = time.Minute
)

// What is wrong with a key, as clients of Healthchecks know it.
const (
	missingKeyText = "missing api key"
	wrongKeyText   = "wrong api key"
)

// authorize finds out whose key the request carries, and whether it may do what
// the route does.
func (s *Server) authorize(c *apiCall) error {
	if c.route.key == keyNone {
		return nil
	}
	key := keyOf(c)
	if len(key) != account.APIKeyLength {
		return refuse(http.StatusUnauthorized, missingKeyText)
	}
	project, found, err := s.projectOfKey(c, key)
	if errors.Is(err, fault.NotFound) {
		return refuse(http.StatusUnauthorized, wrongKeyText)
	}
	if err != nil {
		return err
	}
	if c.route.key == keyWrite && found.Kind != account.KeyReadWrite {
		return refusal{code: http.StatusUnauthorized, words: wrongKeyText, detail: "This is a read-only key; the request needs a read-write key."}
	}
	s.KeyUses.note(found.Hash, s.Now())
	c.project, c.key = project, found
	c.r = s.by(c.r, account.Actor{Kind: account.ByKey, Name: found.Kind.Words() + " " + found.Name})
	return s.pace(c)
}

// projectOfKey returns whose API key it is. A fault.NotFound is nobody's; who comes
// with many of those is told to wait.
func (s *Server) projectOfKey(c *apiCall, key string) (account.Project, account.Key, error) {
	project, found, err := s.Store.KeyByHash(c.ctx(), account.HashKey(key))
	if err == nil && found.Kind == account.KeyPing {
		err = fault.NotFound
	}
	if errors.Is(err, fault.NotFound) {
		if after, ok := s.strangers.take(network(clientIP(c.r, s.TrustedProxies)), s.Now()); !ok {
			return project, found, tooMany{after}
		}
	}
	return project, found, err
}

// keyOf returns the key of a request: of the field X-Api-Key, else of
// Authorization, else, where something is to be changed, of the body.
func keyOf(c *apiCall) string {
	if key := c.r.Header.Get("X-Api-Key"); key != "" {
		return key
	}
	if key, ok := bearer(c.r); ok {
		return key
	}
	if c.route.key == keyWrite {
		if key, _, err := c.body.text("api_key", 0); err == nil {
			return key
		}
	}
	return ""
}

// bearer returns the token of the one Authorization field.
func bearer(r *http.Request) (string, bool) {
	fields := r.Header.Values("Authorization")
	if len(fields) != 1 {
		return "", false
	}
	scheme, token, _ := strings.Cut(fields[0], " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "Bearer")
}

// pace counts the request of a key, and tells how many are left.
func (s *Server) pace(c *apiCall) error {
	who, now := fmt.Sprint(c.key.ID), s.Now()
	after, ok := s.asked.take(who, now)
	left, full := s.asked.left(who, now)
	header := c.out.header
	header.Set("RateLimit-Policy", fmt.Sprintf(`"key";q=%d;w=%d`, apiRequests, int(apiWindow.Seconds())))
	header.Set("RateLimit", fmt.Sprintf(`"key";r=%d;t=%s`, left, seconds(cmp.Or(after, full))))
	if !ok {
		return tooMany{after}
	}
	return nil
}

func seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }

// left returns how many tries a key has now, and after what time it has all of
// them again.
func (l *limiter) left(key string, now time.Time) (tries int, full time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	tokens := max(0, l.bucket(key).TokensAt(now))
	return int(tokens), time.Duration((float64(l.tries) - tokens) * float64(l.window) / float64(l.tries))
}
