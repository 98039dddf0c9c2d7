package web

import (
	"net/http"
	"net/netip"
	"time"
)

// Way is a line of the table of routes as tests see it.
type Way struct {
	Method, Path string
	Access       string
	NeedsSession bool
}

// Ways lists the table of routes.
func Ways() []Way {
	var ways []Way
	for _, r := range routes() {
		ways = append(ways, Way{r.method, r.path, string(r.access), r.access != anybody && r.access != crowd})
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
	_, err := s.router([]route{{"GET", "/open", "", (*Server).home}})
	return err != nil
}

// Limiter exports limiter.
type Limiter struct{ *limiter }

// NewLimiter exports newLimiter.
func NewLimiter(tries int, window time.Duration) Limiter { return Limiter{newLimiter(tries, window)} }

// Take exports limiter.take.
func (l Limiter) Take(key string, now time.Time) (time.Duration, bool) { return l.take(key, now) }

// Forget exports limiter.forget.
func (l Limiter) Forget(key string) { l.forget(key) }

// Keys is how many keys the limiter remembers.
func (l Limiter) Keys() int { return len(l.used) + len(l.before) }

// The limits that the documentation tells.
const (
	FormLimit           = formLimit
	AccountTries        = accountTries
	ClientTries         = clientTries
	LoginWindow         = loginWindow
	MissTries           = missTries
	MissWindow          = missWindow
	TestsEach           = testsEach
	TestWindow          = testWindow
	APIRequests         = apiRequests
	APIWindow           = apiWindow
	WrongKeys           = wrongKeys
	WrongWindow         = wrongWindow
	APIBodyLimit        = apiBodyLimit
	APIMinSpan          = apiMinSpan
	APIMaxSpan          = apiMaxSpan
	APITokensLimit      = apiTokensLimit
	APIPingsMost        = apiPingsMost
	APIFlipsMost        = apiFlipsMost
	EventsMost          = eventsMost
	IdempotencyKeyLimit = idempotencyKeyLimit
	ChecksLimit         = checksLimit
	SessionIdle         = sessionIdle
	SessionLife         = sessionLife
)

// BrowserOf exports browserOf.
func BrowserOf(agent string) string { return browserOf(agent) }

// Vicinity exports vicinity.
func Vicinity(ip string) string { return vicinity(ip) }

// StreamsEach exports streamsEach.
const StreamsEach = streamsEach

// BulkLimit exports bulkLimit.
const BulkLimit = bulkLimit

// Renew makes its channel one of the bubble in which a test runs.
func (l *Live) Renew() { l.ended = make(chan struct{}) }

// Watched is how many projects somebody looks at.
func (l *Live) Watched() int { return len(l.projects()) }

// KeptBoards keeps so many status pages and returns how many are kept then, and the
// limit.
func KeptBoards(n int) (kept, limit int) {
	var b boards
	for i := range n {
		b.keep(string(rune(i)), drawn{})
	}
	return len(b.kept), boardsKept
}

// Inert exports inert for one cell.
func Inert(cell string) string { return inert([]string{cell})[0] }

// ClientIP exports clientIP.
func ClientIP(r *http.Request, trusted []netip.Prefix) string { return clientIP(r, trusted) }
