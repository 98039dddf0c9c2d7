package web

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How many log-in attempts are heard within loginWindow.
const (
	accountTries = 10 // for an account, from browsers that have never logged in to it
	deviceTries  = 10 // from one that has
	clientTries  = 30 // from a network
	proofTries   = 10 // of somebody signed in who is asked again
	loginWindow  = time.Hour
)

// How many letters about accounts are sent within letterWindow, and how many copies
// of their data people take with them.
const (
	mailboxLetters = 5  // to a mailbox
	clientLetters  = 20 // asked for from a network
	letterWindow   = time.Hour
	exportTries    = 5
	exportWindow   = time.Hour
)

// limiterKeys bounds how many keys a limiter remembers, twice over.
const limiterKeys = 10_000

// limiter allows a burst of tries for every key, which come back evenly within
// the window. When many keys come it forgets those that were not used for long: a
// flood of made-up ones must neither fill the memory nor lock everybody out.
type limiter struct {
	tries  int
	window time.Duration

	mu     sync.Mutex               // guards what follows
	used   map[string]*rate.Limiter // at most limiterKeys
	before map[string]*rate.Limiter // what used held until it was full
}

func newLimiter(tries int, window time.Duration) *limiter {
	return &limiter{tries: tries, window: window, used: map[string]*rate.Limiter{}}
}

// take uses up one try of a key, or says after what time there is one again.
func (l *limiter) take(key string, now time.Time) (after time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	bucket := l.bucket(key)
	if bucket.AllowN(now, 1) {
		return 0, true
	}
	missing := 1 - bucket.TokensAt(now)
	return time.Duration(missing * float64(l.window) / float64(l.tries)), false
}

// allow is take for those who answer with its error.
func (l *limiter) allow(key string, now time.Time) error {
	if after, ok := l.take(key, now); !ok {
		return tooMany{after}
	}
	return nil
}

func (l *limiter) bucket(key string) *rate.Limiter {
	if bucket := l.used[key]; bucket != nil {
		return bucket
	}
	bucket := l.before[key]
	if bucket == nil {
		bucket = rate.NewLimiter(rate.Every(l.window/time.Duration(l.tries)), l.tries)
	}
	if len(l.used) == limiterKeys {
		l.used, l.before = map[string]*rate.Limiter{}, l.used
	}
	l.used[key] = bucket
	return bucket
}

// forget gives a key all its tries back.
func (l *limiter) forget(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.used, key)
	delete(l.before, key)
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
