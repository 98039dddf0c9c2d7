// Package vitals knows whether this process does what it is there for, and tells
// somebody outside as long as it does.
//
// It owns what counts as trouble, the hourly look for what the rules exclude, and
// the heartbeat that leaves only when there is no trouble: a positive proof that
// deadlines are judged, alerts go out and writes are kept, not that a process lives.
// It repairs nothing and decides nothing about checks.
package vitals

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"rollcall/internal/store"
)

// When something counts as trouble, and how often is looked.
const (
	LookEvery   = 15 * time.Second
	JudgedLate  = time.Minute      // deadlines are judged every second
	AlertLate   = 90 * time.Second // deliveries are leased within a second
	RelayDown   = time.Minute      // a mail server may be restarted
	WritesDown  = 30 * time.Second // a write may have to wait
	startLook   = time.Second      // until there is something to tell
	relayEvery  = time.Minute      // it is asked so often while it answers
	verifyEvery = time.Hour        // the whole database is looked at, and more often while it is broken
	verifyAgain = 30 * time.Second
	settleTime  = 3 * time.Minute // after the start: what was left behind is taken up first
	lookLimit   = 5 * time.Second
	verifyLimit = 5 * time.Minute
	relayLimit  = 10 * time.Second

	roomShare = 20      // less than a twentieth of the disk is little
	roomBytes = 1 << 30 // unless it is more than this
)

// Store is what is asked of one.
type Store interface {
	store.Consistency
	// Ready reports whether a write is kept.
	Ready(ctx context.Context) error
	// NextDelivery returns when the next delivery is due.
	NextDelivery(ctx context.Context) (time.Time, error)
}

// Vitals looks after the parts of a process. Its fields are set before use and never
// after; a part that the process does not have is nil or false.
type Vitals struct {
	Store      Store
	Now        func() time.Time
	Log        *slog.Logger
	JudgedUpTo func() time.Time                      // of the scheduler
	Alerts     bool                                  // this process sends alerts
	Relay      func(ctx context.Context) error       // asks the mail server whether it takes mail
	Disk       func() (free, size uint64, err error) // of the file system that the database is on
	Heartbeat  *Heartbeat                            // nil: nobody is told

	began time.Time // when the first look was

	mu        sync.Mutex // guards what was found
	report    Report
	broken    []store.Violation
	verified  time.Time // when the database was last looked at
	relayed   time.Time // when the mail server was last asked
	relayDown time.Time // since when it refuses; zero: it does not
	writeDown time.Time // since when the database takes no writes; zero: it does
}

// Report is what a look found.
type Report struct {
	At      time.Time
	Trouble []string // what is wrong, in words; none when all is well
	// Unsure tells that nothing can be said yet: the first deadlines are being judged,
	// or something has been wrong for moments only.
	Unsure bool
	// Delayed is since when alerts may be late; zero when they are not.
	Delayed time.Time
	// Unjudged and Unsent tell which of the two it is.
	Unjudged, Unsent bool
	Unwritten        bool // the database takes no writes
	// Broken are the rules that the last look at the whole database found broken, and
	// Verified is when that was; zero: it was not yet.
	Broken   []store.Violation
	Verified time.Time
}

// Report returns what was found last.
func (v *Vitals) Report() Report {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.report
}

// Run looks and tells until ctx ends.
func (v *Vitals) Run(ctx context.Context) error {
	for {
		report, nap := v.Look(ctx, v.Now()), LookEvery
		switch {
		case ctx.Err() != nil:
		case len(report.Trouble) == 0 && report.Unsure:
			nap = startLook
		case v.Heartbeat != nil:
			v.Heartbeat.Tick(ctx, v.Now(), report.Trouble)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(nap):
		}
	}
}

// Look finds out how the process does at now.
func (v *Vitals) Look(ctx context.Context, now time.Time) Report {
	if v.began.IsZero() {
		v.began = now
	}
	r := Report{At: now}
	v.judging(&r)
	if since := v.writes(ctx, now); !since.IsZero() {
		r.Unwritten = true
		r.since(since, now, WritesDown, "the database has taken no writes since %s")
	}
	if v.Alerts {
		next, err := v.next(ctx)
		if r.Unsent = err == nil && !next.IsZero() && now.Sub(next) > AlertLate; r.Unsent {
			r.trouble("an alert has been waiting since %s", clock(next))
			r.delayed(next)
		}
		if since := v.relay(ctx, now); !since.IsZero() {
			r.since(since, now, RelayDown, "the mail server has refused since %s")
		}
	}
	if v.Disk != nil {
		if free, size, err := v.Disk(); err == nil && free < min(size/roomShare, roomBytes) {
			r.trouble("the disk of the database has %d MiB left", free>>20)
		}
	}
	r.Broken, r.Verified = v.verify(ctx, now)
	for _, b := range r.Broken {
		r.trouble("the database is not consistent: %s", b)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report = r
	return r
}

// judging reports on the scheduler.
func (v *Vitals) judging(r *Report) {
	if v.JudgedUpTo == nil {
		return
	}
	judged := v.JudgedUpTo()
	switch {
	case judged.IsZero() && r.At.Sub(v.began) <= JudgedLate:
		r.Unsure = true
	case judged.IsZero():
		r.Unjudged = true
		r.trouble("no deadline has been judged since the start")
		r.delayed(v.began)
	case r.At.Sub(judged) > JudgedLate:
		r.Unjudged = true
		r.trouble("deadlines are judged up to %s only", clock(judged))
		r.delayed(judged)
	}
}

func (r *Report) trouble(format string, a ...any) {
	r.Trouble = append(r.Trouble, fmt.Sprintf(format, a...))
}

// since is trouble once something has been so for long enough.
func (r *Report) since(since, now time.Time, patience time.Duration, format string) {
	if now.Sub(since) < patience {
		r.Unsure = true
		return
	}
	r.trouble(format, clock(since))
}

// delayed notes since when alerts may be late.
func (r *Report) delayed(since time.Time) {
	if r.Delayed.IsZero() || since.Before(r.Delayed) {
		r.Delayed = since
	}
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05 UTC") }

// writes returns since when the database takes no writes; zero when it does.
func (v *Vitals) writes(ctx context.Context, now time.Time) time.Time {
	once, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	switch err := v.Store.Ready(once); {
	case err == nil:
		v.writeDown = time.Time{}
	case ctx.Err() != nil: // the process stops
	case v.writeDown.IsZero():
		v.writeDown = now
		v.Log.Warn("the database takes no writes", "err", err)
	}
	return v.writeDown
}

func (v *Vitals) next(ctx context.Context) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	return v.Store.NextDelivery(ctx)
}

// relay asks the mail server when it is time to, and returns since when it refuses.
func (v *Vitals) relay(ctx context.Context, now time.Time) time.Time {
	if v.Relay == nil {
		return time.Time{}
	}
	if v.relayDown.IsZero() && !v.relayed.IsZero() && now.Sub(v.relayed) < relayEvery {
		return time.Time{}
	}
	ctx, cancel := context.WithTimeout(ctx, relayLimit)
	defer cancel()
	err := v.Relay(ctx)
	v.relayed = now
	switch {
	case err == nil:
		v.relayDown = time.Time{}
	case v.relayDown.IsZero():
		v.relayDown = now
		v.Log.Warn("the mail server refuses", "err", err)
	}
	return v.relayDown
}

// verify looks at the whole database when it is time to, and returns the rules that
// are broken.
func (v *Vitals) verify(ctx context.Context, now time.Time) ([]store.Violation, time.Time) {
	every := verifyEvery
	if len(v.broken) > 0 {
		every = verifyAgain
	}
	if now.Sub(v.began) < settleTime || now.Sub(v.verified) < every {
		return v.broken, v.verified
	}
	judged := now
	if v.JudgedUpTo != nil {
		judged = v.JudgedUpTo()
	}
	ctx, cancel := context.WithTimeout(ctx, verifyLimit)
	defer cancel()
	broken, err := v.Store.Violations(ctx, now, judged)
	if err != nil {
		v.Log.Error("database not verified", "err", err)
		return v.broken, v.verified
	}
	v.broken, v.verified = broken, now
	for _, b := range broken {
		v.Log.Error("the database is not consistent", "rule", b.Rule, "count", b.Count, "first", b.First)
	}
	return v.broken, v.verified
}
