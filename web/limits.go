package web

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How many log-in attempts are heard within loginWindow, by account and by client
// address.
const (
	accountTries = 10
	clientTries  = 30
	loginWindow  = time.Hour
)

// limiterKeys bounds how many keys a limiter remembers.
const limiterKeys = 10_000

// limiter allows a burst of tries for every key, which come back evenly within
// the window.
type limiter struct {
	tries  int
	window time.Duration

	mu   sync.Mutex // guards keys
	keys map[string]*rate.Limiter
}

func newLimiter(tries int, window time.Duration) *limiter {
	return &limiter{tries: tries, window: window, keys: map[string]*rate.Limiter{}}
}

// take uses up one try of a key, or says after what time there is one again.
func (l *limiter) take(key string, now time.Time) (after time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	bucket := l.keys[key]
	if bucket == nil {
		l.makeRoom(now)
		bucket = rate.NewLimiter(rate.Every(l.window/time.Duration(l.tries)), l.tries)
		l.keys[key] = bucket
	}
	if bucket.AllowN(now, 1) {
		return 0, true
	}
	missing := 1 - bucket.TokensAt(now)
	return time.Duration(missing * float64(l.window) / float64(l.tries)), false
}

// forget gives a key all its tries back.
func (l *limiter) forget(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.keys, key)
}

// makeRoom drops the keys whose tries have all come back, and, should that not be
// enough, any one: a flood of made-up keys must not lock everybody out.
func (l *limiter) makeRoom(now time.Time) {
	if len(l.keys) < limiterKeys {
		return
	}
	for key, bucket := range l.keys {
		if bucket.TokensAt(now) >= float64(l.tries) {
			delete(l.keys, key)
		}
	}
	for key := range l.keys {
		if len(l.keys) < limiterKeys {
			return
		}
		delete(l.keys, key)
	}
}

// network is whom an address belongs to: in IPv6 everybody has a /64.
func network(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil || addr.Is4() {
		return ip
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return ip
	}
	return prefix.String()
}
