// Package ingest makes a ping durable: it collects whatever arrives while the
// last batch is committing and commits that together, which is group commit
// without a timer.
//
// Nothing accepted lives in memory only: Submit returns without an error only
// after the transaction that holds the ping has committed. The queue is bounded
// in number and bytes; when it is full, or the database is away, Submit answers
// fault.Unavailable at once and the client is to come again. What was accepted into
// the queue is tried again all the same for as long as an outage may last without
// being one (monitor.BlindAfter), so that a short one loses nothing; a ping that is
// lost, or may be, is in no coverage, and so in a blind interval (see cover.go).
package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// Limits of what waits.
const (
	QueueLimit  = 8192                    // pings
	QueueBytes  = 32 << 20                // bytes of their bodies
	BatchLimit  = 256                     // pings in one transaction
	AnswerLimit = 1800 * time.Millisecond // after which a ping that is not stored yet is answered "try again": its client knows within 2 s
	commitLimit = 10 * time.Second

	// retryFor is longer than a gap that is no outage: pings are given up in a blind
	// interval only.
	retryFor     = monitor.BlindAfter + time.Second
	firstRetry   = 100 * time.Millisecond
	longestRetry = time.Second

	// When no transaction has ended quickly for StallAfter, so many wait to hear that
	// their pings are stored: the connections of a crowd cost more memory than all else.
	StallAfter = 500 * time.Millisecond
	StallCrowd = 256
)

// Options configure an Ingest.
type Options struct {
	Now     func() time.Time
	Log     *slog.Logger
	Flipped func() // called after a commit that owes somebody a message; may be nil
	// Changed is called after a commit, for the projects of the pings; may be nil.
	Changed func(monitor.ProjectID)
	Writers int // batches that may commit at the same time; 0 is 1
	// Node names this process in the coverage ledger; "" commits no marks. Others wait
	// for MarkEvery at most before they judge; 0 is the usual.
	Node      string
	MarkEvery time.Duration
}

// Ingest takes pings. Make one with New, and let Run work for as long as it is used.
type Ingest struct {
	door    store.Door
	options Options

	// mu guards the queue and what is being committed. Reports are dated while it is
	// held, so the queue is in the order in which they came.
	mu      sync.Mutex
	wake    *sync.Cond
	queue   []*arrival
	bytes   int
	busy    map[int]work    // by writer: what it is committing
	storing map[address]int // by check: how many of its pings are being committed, when there are several writers
	quick   time.Time       // when last a batch was committed in less than StallAfter, or there was none
	covered coverage
	stopped bool

	away        atomic.Int32  // writers that wait for the database
	leave, left chan struct{} // closed when the node is to leave, and when it has
	leaveOnce   sync.Once

	stats Stats
}

// work is a batch that is being committed.
type work struct {
	oldest time.Time // when its oldest ping came
	began  time.Time
	batch  []*arrival
}

// address is what of a store.Ref names a check.
type address struct {
	id            monitor.CheckID
	uuid          uuid.UUID
	pingKey, slug string
}

// Stats counts since the start.
type Stats struct {
	Accepted  atomic.Int64 // pings stored
	Coalesced atomic.Int64 // of those, counted and not kept
	Unknown   atomic.Int64 // no such check
	Refused   atomic.Int64 // could not be stored
	Batches   atomic.Int64
	CommitNs  atomic.Int64 // time spent in commits, in nanoseconds
}

// Report is one ping that has just been received.
type Report struct {
	Ref  store.Ref
	Ping monitor.Ping
	// Configure returns the settings that the client sends along, given those of the
	// check; nil when it sends none. What it returns is taken when it is valid.
	Configure func(monitor.Config) monitor.Config
}

// arrival is a report on its way into the store.
type arrival struct {
	Report
	mark *store.CoverageMark // instead of a report
	at   time.Time           // when it came
	done chan answer
	// crowded: too many wait already for this one to wait too.
	crowded bool
}

// address names the check of a report; that of a mark is the zero address.
func (a *arrival) address() address {
	return address{a.Ref.ID, a.Ref.UUID, a.Ref.PingKey, a.Ref.Slug}
}

// answer tells whoever waits, the first time.
func (a *arrival) answer(got answer) {
	select {
	case a.done <- got:
	default: // told already that it may not be stored
	}
}

// decide is what the report does to its check.
func (a *arrival) decide(c monitor.Check) monitor.Change {
	var edit monitor.Change
	if a.Configure != nil {
		if to, err := a.Configure(c.Config).Valid(); err == nil && !to.Equal(c.Config) {
			edit = c.Reconfigure(to, a.at)
			c = edit.Check
		}
	}
	change := c.Receive(a.Ping)
	if change.Decision == nil {
		change.Decision = edit.Decision
	}
	return change
}

type answer struct {
	result store.Result
	err    error
}

// New returns an Ingest that writes through the given door.
func New(door store.Door, options Options) *Ingest {
	in := &Ingest{door: door, options: options, busy: map[int]work{}, storing: map[address]int{}, leave: make(chan struct{}), left: make(chan struct{})}
	in.wake = sync.NewCond(&in.mu)
	return in
}

// Stats returns the counters; read them with Load.
func (in *Ingest) Stats() *Stats { return &in.stats }

// Submit stores a ping that has just been received and returns what it did. The
// error is fault.NotFound when there is no such check, fault.Forbidden when one more
// may not be made, and fault.Unavailable when
// the ping could not be stored now, or is not known to be.
func (in *Ingest) Submit(ctx context.Context, report Report) (store.Result, error) {
	a := &arrival{Report: report, done: make(chan answer, 1)}
	if !in.enqueue(a) {
		in.stats.Refused.Add(1)
		return store.Result{}, fault.Unavailable
	}
	limit := AnswerLimit
	if in.away.Load() > 0 || a.crowded {
		limit = 0 // it is stored if that comes back soon; nobody need wait for it
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case got := <-a.done:
		return got.result, in.count(got)
	case <-timer.C:
	case <-ctx.Done():
	}
	in.stats.Refused.Add(1)
	return store.Result{}, fault.Unavailable
}

func (in *Ingest) count(got answer) error {
	err := got.err
	if err == nil {
		err = got.result.Err
	}
	switch {
	case err == nil:
		in.stats.Accepted.Add(1)
		if got.result.Change.Outcome == monitor.Coalesced {
			in.stats.Coalesced.Add(1)
		}
	case errors.Is(err, fault.NotFound):
		in.stats.Unknown.Add(1)
	default:
		in.stats.Refused.Add(1)
	}
	return err
}

func (in *Ingest) enqueue(a *arrival) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.stopped {
		return false
	}
	a.at = in.options.Now()
	if len(in.queue) == 0 && len(in.busy) == 0 {
		in.quick = a.at // who waits, waits from now on
	}
	if len(in.queue) >= QueueLimit || in.bytes+len(a.Ping.Body) > QueueBytes {
		in.covered.lost = a.at
		return false
	}
	a.crowded = in.crowded(a.at)
	a.Ping = a.Ping.Dated(a.at)
	in.queue = append(in.queue, a)
	in.bytes += len(a.Ping.Body)
	in.wake.Signal()
	return true
}

// crowded reports whether many wait for a database that is slow; mu is held.
func (in *Ingest) crowded(now time.Time) bool {
	waiting := len(in.queue)
	for _, w := range in.busy {
		waiting += len(w.batch)
	}
	return waiting >= StallCrowd && now.Sub(in.quick) >= StallAfter
}

// Evidence returns the instant up to which every ping that this process has
// received is stored: now, or the time of the oldest one that still waits. After a
// loss it is the last mark until a new span has begun, and zero before the first.
func (in *Ingest) Evidence(now time.Time) time.Time {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.queue) > 0 && in.queue[0].at.Before(now) {
		now = in.queue[0].at
	}
	for _, w := range in.busy {
		if w.oldest.Before(now) {
			now = w.oldest
		}
	}
	if in.options.Node != "" && (in.covered.since.IsZero() || !in.covered.lost.IsZero()) && in.covered.at.Before(now) {
		now = in.covered.at
	}
	return now
}

// Run commits what is submitted until ctx ends and everything that was accepted
// by then is answered.
func (in *Ingest) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		in.mu.Lock()
		in.stopped = true
		in.mu.Unlock()
		in.wake.Broadcast()
	})
	defer stop()
	var writers errgroup.Group
	for id := range max(1, in.options.Writers) {
		writers.Go(func() error {
			for {
				batch := in.take(id)
				if batch == nil {
					return nil
				}
				in.commit(ctx, batch)
			}
		})
	}
	writers.Go(func() error { in.cover(ctx); return nil })
	return writers.Wait()
}

// take waits for pings and returns them, or nil when there will be no more.
func (in *Ingest) take(writer int) []*arrival {
	in.mu.Lock()
	defer in.mu.Unlock()
	done, working := in.busy[writer]
	if now := in.options.Now(); working && now.Sub(done.began) < StallAfter {
		in.quick = now
	}
	in.release(writer)
	var batch []*arrival
	for len(batch) == 0 {
		for batch = in.next(); len(batch) == 0; batch = in.next() {
			if in.stopped && len(in.queue) == 0 {
				return nil
			}
			in.wake.Wait()
			working = false
			in.letOthersIn()
		}
		batch = in.dateMarks(batch)
	}
	now := in.options.Now()
	for _, a := range batch {
		in.bytes -= len(a.Ping.Body)
	}
	in.hold(writer, work{oldest: batch[0].at, began: now, batch: batch})
	return batch
}

// next takes from the queue what one transaction is to hold. The pings of an address
// are stored in the order in which they came: while another writer is storing some, the
// later ones wait. A check that is pinged by two addresses, such as its UUID and its
// slug, has two orders; mu is held.
func (in *Ingest) next() []*arrival {
	if len(in.storing) == 0 {
		n := min(len(in.queue), BatchLimit)
		batch := slices.Clone(in.queue[:n])
		in.queue = slices.Delete(in.queue, 0, n)
		return batch
	}
	var batch []*arrival
	in.queue = slices.DeleteFunc(in.queue, func(a *arrival) bool {
		if len(batch) == BatchLimit || a.mark == nil && in.storing[a.address()] > 0 {
			return false
		}
		batch = append(batch, a)
		return true
	})
	return batch
}

// hold notes what a writer commits, and release that it has; mu is held.
func (in *Ingest) hold(writer int, w work) {
	in.busy[writer] = w
	if in.options.Writers > 1 {
		for _, a := range w.batch {
			in.storing[a.address()]++
		}
	}
}

func (in *Ingest) release(writer int) {
	if in.options.Writers > 1 {
		for _, a := range in.busy[writer].batch {
			if in.storing[a.address()]--; in.storing[a.address()] == 0 {
				delete(in.storing, a.address())
			}
		}
		if len(in.queue) > 0 {
			in.wake.Broadcast() // some may have waited for this one
		}
	}
	delete(in.busy, writer)
}

// letOthersIn gives way once to the requests that are ready to run, so that what
// arrives at the same moment shares one fsync. When there are none it costs
// nothing, which a timer would; mu is held, and given up meanwhile.
func (in *Ingest) letOthersIn() {
	in.mu.Unlock()
	runtime.Gosched()
	in.mu.Lock()
}

// commit stores a batch and answers every ping in it. A batch that fails for a
// reason of one of its pings is stored one by one, so that only that one fails.
// While the database is away everybody is told to come again, and the batch is tried
// until it is stored, too old, or ctx ends.
func (in *Ingest) commit(ctx context.Context, batch []*arrival) {
	results, err := in.transitions(ctx, batch)
	if errors.Is(err, fault.Unavailable) {
		in.away.Add(1)
		defer in.away.Add(-1)
	}
	for pause := firstRetry; errors.Is(err, fault.Unavailable); pause = min(2*pause, longestRetry) {
		in.options.Log.Error("pings not stored yet", "pings", len(batch), "err", err)
		if batch = in.refuse(batch, err); len(batch) == 0 {
			return
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		if age := in.options.Now().Sub(batch[0].at); ctx.Err() != nil || age < 0 || age > retryFor {
			in.lose()
			break
		}
		results, err = in.transitions(ctx, batch)
	}
	if err != nil && len(batch) > 1 && !errors.Is(err, fault.Unavailable) {
		for _, a := range batch {
			in.commit(ctx, []*arrival{a})
		}
		return
	}
	if err != nil {
		in.options.Log.Error("pings not stored", "pings", len(batch), "err", err)
		for _, a := range batch {
			a.answer(answer{err: fmt.Errorf("%w: %w", fault.Unavailable, err)})
		}
		return
	}
	in.marked(batch)
	told := false
	for i, a := range batch {
		if err := results[i].Err; err != nil && !errors.Is(err, fault.NotFound) && !errors.Is(err, fault.Forbidden) {
			in.options.Log.Error("ping not stored", "err", err)
			results[i].Err = fmt.Errorf("%w: %w", fault.Unavailable, err)
		}
		flip := results[i].Change.Flip
		told = told || flip != nil && flip.Tell
		a.answer(answer{result: results[i]})
	}
	if told && in.options.Flipped != nil {
		in.options.Flipped()
	}
	store.TellChanged(results, in.options.Changed)
}

// refuse answers everybody whose ping is not stored and returns what is tried again:
// the pings, but none that may be stored already, because nothing tells it from
// another one. A mark that comes later says more.
func (in *Ingest) refuse(batch []*arrival, err error) []*arrival {
	for _, a := range batch {
		a.answer(answer{err: fmt.Errorf("%w: %w", fault.Unavailable, err)})
	}
	if errors.Is(err, store.Uncertain) {
		in.lose()
		return nil
	}
	return slices.DeleteFunc(slices.Clone(batch), func(a *arrival) bool { return a.mark != nil })
}

func (in *Ingest) transitions(ctx context.Context, batch []*arrival) ([]store.Result, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitLimit)
	defer cancel()
	began := in.options.Now()
	steps := make([]store.Step, len(batch))
	for i, a := range batch {
		if a.mark != nil {
			steps[i].Mark = a.mark
			continue
		}
		a.Ping.Stored = began
		ref := a.Ref
		if template := ref.Create; template != nil {
			ref.Create = func() monitor.Check { return monitor.Create(template(), a.Ping.At) }
		}
		steps[i] = store.Step{Ref: ref, Decide: a.decide}
	}
	results, err := in.door.Transitions(ctx, steps)
	in.stats.Batches.Add(1)
	in.stats.CommitNs.Add(int64(in.options.Now().Sub(began)))
	return results, err
}
