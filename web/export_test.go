package web

import (
	"strconv"
	"time"
)

// Way is a line of the table of routes as tests see it.
type Way struct {
	Method, Path string
	NeedsSession bool
}

// Ways lists the table of routes.
func Ways() []Way {
	var ways []Way
	for _, r := range routes() {
		ways = append(ways, Way{r.method, r.path, r.access == session})
	}
	return ways
}

// ParseSpan exports parseSpan.
func ParseSpan(text string, unit time.Duration) (time.Duration, bool) { return parseSpan(text, unit) }

// SlugOf exports slugOf.
func SlugOf(name string) string { return slugOf(name) }

// LocalPath exports localPath.
func LocalPath(target string) string { return localPath(target) }

// RefusesZeroAccess reports whether a route without an access is refused.
func RefusesZeroAccess(cfg Config) bool {
	s := &Server{Config: cfg}
	_, err := s.router([]route{{"GET", "/open", 0, (*Server).home}})
	return err != nil
}

// Remembered takes one try each of so many keys and returns how many a limiter
// still remembers, and whether one more is heard.
func Remembered(keys int, now time.Time) (remembered int, heard bool) {
	l := newLimiter(1, time.Hour)
	for i := range keys {
		l.take(strconv.Itoa(i), now)
	}
	_, heard = l.take("one more", now)
	return len(l.keys), heard
}
