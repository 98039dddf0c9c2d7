package monitor

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Signal is what a ping says about its job.
type Signal string

// The signals. An exit status is a success when it is 0 and a failure otherwise.
const (
	Success Signal = "success"
	Fail    Signal = "fail"
	Start   Signal = "start"
	Log     Signal = "log"
)

// Limits of a ping.
const (
	// BodyLimit is how many bytes of a ping's body are kept. The rest is read
	// and dropped; the ping counts all the same.
	BodyLimit = 100_000
	// RunIDLimit is the length of the longest run id, in characters.
	RunIDLimit = 64
	// UserAgentLimit is how many characters of a user agent are kept.
	UserAgentLimit = 200
	// MinExit and MaxExit bound an exit status: every 32-bit one, signed (POSIX,
	// Go) or unsigned (Windows).
	MinExit = -1 << 31
	MaxExit = 1<<32 - 1
)

// Mail is the scheme of a ping that came by e-mail.
const Mail = "email"

// Ignored says by which rule a ping was stored without any effect.
type Ignored string

// The rules by which a ping is ignored.
const (
	IgnoredPaused Ignored = "paused" // manual resume is on
	IgnoredMethod Ignored = "method" // the check accepts POST only
	IgnoredFilter Ignored = "filter" // no keyword occurs in the body
)

// Ping is one report of a job. What arrives has no N or Ignored yet; Receive
// fills them in.
type Ping struct {
	N      int64 // 1 for the first ping of a check; a gap stands for coalesced pings
	At     time.Time
	Signal Signal
	Exit   *int64 // nil: none was reported; 0 is a success
	RunID  string
	// Duration is how long the run took: as the job says, else measured from its
	// start; nil when neither is known.
	Duration *time.Duration
	Ignored  Ignored
	Detail   Detail

	// Age is how long ago it happened when it arrives; 0 for a ping that was sent at
	// once. It is made good in At and Detail.Arrived and not kept itself.
	Age time.Duration
	// Stored is when it is being written, which is what was learned by then; zero: at
	// once. It is not kept itself.
	Stored time.Time
	// Mail is what keyword filters look at in a mail; it is not kept itself.
	Mail *MailText

	Scheme     string // http, https or email
	Method     string
	RemoteAddr string
	UserAgent  string
	Body       []byte // nil: there was none; at most BodyLimit bytes
	BodySize   int64  // bytes that were sent, also beyond BodyLimit
}

// Dated returns the ping as one that arrived at the given instant: it happened
// then, or its Age before.
func (p Ping) Dated(at time.Time) Ping {
	p.At = at
	if p.Age > 0 {
		p.At, p.Detail.Arrived, p.Age = at.Add(-p.Age).Truncate(time.Microsecond), at, 0
	}
	return p
}

// Received is when Rollcall learned of the ping.
func (p Ping) Received() time.Time { return later(p.At, p.Detail.Arrived) }

// ExitSignal reads an exit status as it stands in a ping address. It is an
// error when it is not an integer from MinExit to MaxExit.
func ExitSignal(text string) (Signal, int64, error) {
	exit, err := strconv.ParseInt(text, 10, 64)
	if err != nil || exit < MinExit || exit > MaxExit {
		return "", 0, fmt.Errorf("exit status %.20q is not an integer from %d to %d", text, MinExit, int64(MaxExit))
	}
	if exit == 0 {
		return Success, 0, nil
	}
	return Fail, exit, nil
}

// Ends reports whether the signal ends a run.
func (s Signal) Ends() bool { return s == Success || s == Fail }

// Burst counts the pings of each signal in one second. It is part of the state
// so that every node sees the same flood.
type Burst struct {
	Second int64 // unix time of the last ping
	Counts [4]int
}

// BurstLimit is how many pings of the same signal without a run id one check
// may send in a second before the surplus is counted and not kept.
const BurstLimit = 10

// count adds one ping and reports whether its row is to be kept.
func (b Burst) count(p Ping) (Burst, bool) {
	if second := p.Received().Unix(); second != b.Second {
		b = Burst{Second: second}
	}
	if p.RunID != "" {
		return b, true
	}
	i := map[Signal]int{Success: 0, Fail: 1, Start: 2, Log: 3}[p.Signal]
	b.Counts[i]++
	return b, b.Counts[i] <= BurstLimit
}

// ValidRunID reports whether id can name a run: 1 to RunIDLimit printable ASCII
// characters without spaces.
func ValidRunID(id string) bool {
	return id != "" && len(id) <= RunIDLimit &&
		!strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' })
}
