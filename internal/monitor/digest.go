package monitor

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Digest is the one message to a channel about a blind interval: which of its checks
// became unknown by it. Its content is decided when it is queued.
type Digest struct {
	From   int64         `json:"from_us"` // unix microseconds
	To     int64         `json:"to_us"`
	Cause  string        `json:"cause"`
	Total  int           `json:"total"`
	Checks []DigestCheck `json:"checks"` // the first DigestNames of them
}

// DigestCheck is a check that could not be verified.
type DigestCheck struct {
	UUID uuid.UUID `json:"uuid"` // the first that it had
	Name string    `json:"name"`
	Due  *int64    `json:"due_us,omitempty"` // unix microseconds
	Zone string    `json:"zone,omitempty"`
}

const (
	// DigestNames is how many checks a digest names.
	DigestNames = 50
	// DigestWait is how long a digest waits at most for checks that may become unknown
	// by the same interval; those that do so later are in one of their own.
	DigestWait = time.Hour
)

// DigestOf returns the digest about a blind interval that names the given checks in
// the order of what was due first.
func DigestOf(from, to int64, cause string, checks []DigestCheck) Digest {
	slices.SortFunc(checks, func(a, b DigestCheck) int {
		return cmp.Or(FromMicros(a.Due).Compare(FromMicros(b.Due)), strings.Compare(a.Name, b.Name), strings.Compare(a.UUID.String(), b.UUID.String()))
	})
	return Digest{From: from, To: to, Cause: cause, Total: len(checks), Checks: checks[:min(len(checks), DigestNames)]}
}

// Unverified counts the checks of a project that became unknown by one blind interval
// and were not told yet.
type Unverified struct {
	Project ProjectID
	From    time.Time // of the interval
	Oldest  time.Time // when the first was judged
	Doubted int       // checks of the project whose verdict is still to come
}

// Ready reports whether the digest is to be sent now.
func (u Unverified) Ready(now time.Time) bool {
	return u.Doubted == 0 || now.Sub(u.Oldest) >= DigestWait
}
