package client

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Signal is what a ping says.
type Signal string

// The signals.
const (
	Success Signal = "success"
	Fail    Signal = "fail"
	Start   Signal = "start"
	Log     Signal = "log"
)

func (s Signal) known() bool { return s == Success || s == Fail || s == Start || s == Log }

// The limits of a ping. What is outside them is not sent.
const (
	// LongestRunID is the length of the longest run id, in characters.
	LongestRunID = 64
	// LargestBody is how many bytes of a body a Rollcall server keeps. Another server
	// may keep less; Receipt.BodyLimit says so.
	LargestBody = 100_000
	// LowestExit and HighestExit bound an exit status: every 32-bit one, signed or not.
	LowestExit  = -1 << 31
	HighestExit = 1<<32 - 1
)

// Ping is one report about a job.
type Ping struct {
	Signal Signal
	// Exit is the job's exit status, or nil. With 0 the signal is Success, with any
	// other Fail; Exited makes such a ping.
	Exit *int64
	// RunID names the run that the ping is about; "" for none. Pings of one run have
	// the same, and a server counts the same signal of the same run once.
	RunID string
	Body  []byte
	// At is when it happened; the zero time is now.
	At time.Time
}

// Exited is the ping of a job that ended with an exit status.
func Exited(status int64) Ping {
	if status == 0 {
		return Ping{Signal: Success, Exit: &status}
	}
	return Ping{Signal: Fail, Exit: &status}
}

// ParsePing reads what happened as people write it: start, success, fail, log, or
// an exit status from LowestExit to HighestExit.
func ParsePing(text string) (Ping, error) {
	if signal := Signal(text); signal.known() {
		return Ping{Signal: signal}, nil
	}
	status, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return Ping{}, fmt.Errorf("%q is none of start, success, fail, log, and no exit status", text)
	case status < LowestExit || status > HighestExit:
		return Ping{}, fmt.Errorf("exit status %d is not from %d to %d", status, LowestExit, int64(HighestExit))
	}
	return Exited(status), nil
}

// NewRunID returns a run id that nobody else has: a random UUID, which every server
// that speaks as Healthchecks does takes.
func NewRunID() string { return uuid.NewString() }

// check returns an error for a ping that no server would understand.
func (p Ping) check() error {
	switch {
	case !p.Signal.known():
		return fmt.Errorf("%q is none of start, success, fail and log", p.Signal)
	case p.Exit != nil && (*p.Exit < LowestExit || *p.Exit > HighestExit):
		return fmt.Errorf("exit status %d is not from %d to %d", *p.Exit, LowestExit, int64(HighestExit))
	case p.Exit != nil && p.Signal != Exited(*p.Exit).Signal:
		return fmt.Errorf("exit status %d does not go with %s", *p.Exit, p.Signal)
	case len(p.RunID) > LongestRunID || strings.ContainsFunc(p.RunID, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fmt.Errorf("a run id has at most %d characters, printable ones of ASCII without spaces", LongestRunID)
	case len(p.Body) > LargestBody:
		return errors.New("the body is larger than 100,000 bytes")
	}
	return nil
}

// exit is the exit status in decimal, or "".
func (p Ping) exit() string {
	if p.Exit == nil {
		return ""
	}
	return strconv.FormatInt(*p.Exit, 10)
}
