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
	"strconv"
	"sync"
	"time"

	"rollcall/internal/failpoint"
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
	Still      func() []string                       // the loops of the process that stand still
	Heartbeat  *Heartbeat                            // nil: nobody is told

	began     time.Time // when the first look was
	relayed   time.Time // when the mail server was last asked
	relayDown time.Time // since when it refuses; zero: it does not
	writeDown time.Time // since when the database takes no writes; zero: it does
	nextDown  time.Time // since when it does not say what waits to be sent; zero: it does

	mu         sync.Mutex // guards what was found
	report     Report
	broken     []store.Violation
	verified   time.Time // when the whole database was last looked at
	unverified time.Time // since when that fails; zero: it does not
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
	var verifying sync.WaitGroup
	defer verifying.Wait()
	verifying.Go(func() { v.verifyAll(ctx) })
	for {
		report, nap := v.Look(ctx, v.Now()), inTest(LookEvery)
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
		next, unknown := v.next(ctx, now)
		if r.Unsent = !next.IsZero() && now.Sub(next) > inTest(AlertLate); r.Unsent {
			r.trouble("an alert has been waiting since %s", clock(next))
			r.delayed(next)
		}
		if !unknown.IsZero() {
			r.since(unknown, now, WritesDown, "the database has not said since %s which alerts wait")
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
	if v.Still != nil {
		for _, loop := range v.Still() {
			r.trouble("the %s stands still", loop)
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	r.Broken, r.Verified = v.broken, v.verified
	for _, b := range r.Broken {
		r.trouble("the database is not consistent: %s", b)
	}
	if since := v.unverified; !since.IsZero() && now.Sub(since) > inTest(verifyEvery) {
		r.trouble("whether the database is consistent has not been known since %s", clock(since))
	}
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
	case judged.IsZero() && r.At.Sub(v.began) <= inTest(JudgedLate):
		r.Unsure = true
	case judged.IsZero():
		r.Unjudged = true
		r.trouble("no deadline has been judged since the start")
		r.delayed(v.began)
	case r.At.Sub(judged) > inTest(JudgedLate):
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
	if now.Sub(since) < inTest(patience) {
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

// inTest returns a measure of time, or the part of it that the test of a whole process
// asks for; see package failpoint.
func inTest(measure time.Duration) time.Duration {
	if part, err := strconv.Atoi(failpoint.Setting("vitals.part")); err == nil {
		return measure / time.Duration(part)
	}
	return measure
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

// next returns when the next delivery is due, or since when that is not known: what
// cannot be asked for cannot be sent either.
func (v *Vitals) next(ctx context.Context, now time.Time) (due, unknown time.Time) {
	once, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	due, err := v.Store.NextDelivery(once)
	switch {
	case err == nil:
		v.nextDown = time.Time{}
	case ctx.Err() != nil: // the process stops
	case v.nextDown.IsZero():
		v.nextDown = now
		v.Log.Warn("the database does not say which alerts wait", "err", err)
	}
	return due, v.nextDown
}

// relay asks the mail server when it is time to, and returns since when it refuses.
func (v *Vitals) relay(ctx context.Context, now time.Time) time.Time {
	if v.Relay == nil {
		return time.Time{}
	}
	if v.relayDown.IsZero() && !v.relayed.IsZero() && now.Sub(v.relayed) < inTest(relayEvery) {
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

// verifyAll looks at the whole database now and then until ctx ends. That may take
// minutes, for which the heartbeat does not wait.
func (v *Vitals) verifyAll(ctx context.Context) {
	for nap := settleTime; ; nap = v.verify(ctx, v.Now()) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(nap):
		}
	}
}

// verify looks at the whole database and returns when to do so again.
func (v *Vitals) verify(ctx context.Context, now time.Time) (nap time.Duration) {
	judged := now
	if v.JudgedUpTo != nil {
		judged = v.JudgedUpTo()
	}
	once, cancel := context.WithTimeout(ctx, verifyLimit)
	defer cancel()
	broken, err := v.Store.Violations(once, now, judged)
	for _, b := range broken {
		v.Log.Error("the database is not consistent", "rule", b.Rule, "count", b.Count, "first", b.First)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case ctx.Err() != nil: // the process stops
		return 0
	case err != nil:
		v.Log.Error("database not verified", "err", err)
		if v.unverified.IsZero() {
			v.unverified = now
		}
		return verifyAgain
	case len(broken) > 0:
		nap = verifyAgain
	default:
		nap = verifyEvery
	}
	v.broken, v.verified, v.unverified = broken, now, time.Time{}
	return nap
}
