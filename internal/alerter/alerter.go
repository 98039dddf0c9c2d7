// Package alerter tells people: it leases the deliveries that are due, composes
// and sends each through its channel, and records what was answered.
//
// Delivery is at least once. A delivery is leased before it is sent and recorded
// after it; a crash between the two repeats the message with the same id, which
// the receiver can tell. When, how often and in which order a delivery is tried
// are rules of package monitor and of the store; this package only carries them
// out, so that one bad receiver delays nobody else.
//
// A kind of channel is one Sender in one file: webhook.go, email.go. What a
// webhook contains is documented at Webhook.
package alerter

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"rollcall/internal/failpoint"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// Limits of what is under way at one time.
const (
	Workers    = 256 // attempts under way that began within the last SlowAfter
	SlowAfter  = 2 * time.Second
	SlowMost   = 1024        // attempts that have been under way for longer; more of them hold workers
	PerChannel = 4           // deliveries of one channel
	PerHost    = 8           // attempts to one host
	hostQueue  = 64          // deliveries that wait here for one host
	leaseTime  = time.Minute // after which another alerter takes over
	setback    = time.Second // for a delivery whose channel or host is full
	longestNap = time.Second // another process may have queued something
	leasePace  = 20 * time.Millisecond
	gatherPace = 500 * time.Millisecond // what belongs to a storm is not leased meanwhile
	storeLimit = 5 * time.Second        // of one call of the store
	stopGrace  = 15 * time.Second       // for attempts under way when the process stops
)

// PingReader reads the ping that a message tells about.
type PingReader interface {
	Ping(ctx context.Context, id monitor.CheckID, n int64) (monitor.Ping, error)
}

// Alerter sends what is owed. Its fields are set before use and never after.
type Alerter struct {
	Store   store.Outbox
	Pings   PingReader
	Senders map[monitor.ChannelKind]Sender
	Now     func() time.Time
	Log     *slog.Logger
	BaseURL string // of the pages, without a slash at the end
	// Delivered is called when a message about a flip was taken, with the time since
	// what it tells became true; may be nil.
	Delivered func(kind monitor.ChannelKind, since time.Duration)
	// Changed is called when an attempt was recorded, for its project; may be nil.
	Changed func(monitor.ProjectID)

	// mu guards what is under way. Every delivery leased by this process is in
	// exactly one of: sent by a worker, or waiting for its host.
	mu       sync.Mutex
	hosts    map[string]*host
	channels map[monitor.ChannelID]int // deliveries under way
	running  int                       // attempts that hold a worker
	slow     int                       // attempts that gave theirs back
	kicked   chan struct{}
	cut      context.CancelFunc // ends the attempts under way; nil before Run

	workers sync.WaitGroup
	stats   counters
}

// host is a destination with work under way.
type host struct {
	running int
	waiting []leased
	// held are the channels whose deliveries were put back because too many wait
	// already; they are not leased again while that is so.
	held map[monitor.ChannelID]bool
}

// leased is a delivery and when it may be taken over by another process.
type leased struct {
	store.Dispatch
	until time.Time
}

// Run sends whatever becomes due until ctx ends; then it lets the attempts under
// way finish.
func (a *Alerter) Run(ctx context.Context) error {
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	a.mu.Lock()
	a.cut = cut
	a.mu.Unlock()
	pace, gathering := rate.NewLimiter(rate.Every(leasePace), 1), rate.NewLimiter(rate.Every(gatherPace), 1)
	for pace.Wait(ctx) == nil {
		if gathering.Allow() {
			a.gather(work, a.Now())
		}
		n, err := a.lease(work, a.Now())
		if err != nil {
			a.Log.Error("deliveries not leased", "err", err)
		}
		if n == 0 {
			a.nap(ctx)
		}
	}
	grace := time.AfterFunc(stopGrace, cut)
	defer grace.Stop()
	a.giveBack(work)
	a.workers.Wait()
	return nil
}

// Hurry cuts off the attempts under way, when Run has been told to end and nobody
// wants to wait for them: they are given back.
func (a *Alerter) Hurry() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cut != nil {
		a.cut()
	}
}

// nap waits until the next delivery is due, something changes, or for longestNap.
// A delivery that is due and was not leased has no worker, or its channel or host
// is full: whichever of them ends first kicks.
func (a *Alerter) nap(ctx context.Context) {
	nap := longestNap
	once, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	next, err := a.Store.NextDelivery(once)
	if wait := next.Sub(a.Now()); err == nil && wait > 0 {
		nap = min(nap, wait)
	}
	timer := time.NewTimer(nap)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-a.kicks():
	case <-timer.C:
	}
}

// Tick gathers what storms owe, leases what is due at now, sends it and waits until
// all of it is recorded. It returns how many deliveries were leased.
func (a *Alerter) Tick(ctx context.Context, now time.Time) (int, error) {
	a.gather(ctx, now)
	n, err := a.lease(ctx, now)
	a.workers.Wait()
	return n, err
}

// Kick says that something was queued. It never blocks.
func (a *Alerter) Kick() {
	select {
	case a.kicks() <- struct{}{}:
	default: // one kick is as good as two
	}
}

func (a *Alerter) kicks() chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kicked == nil {
		a.kicked = make(chan struct{}, 1)
	}
	return a.kicked
}

// lease claims deliveries for the workers that are free and starts them. A claim is
// not cut off: it might be kept all the same, and nobody would know what to give back.
func (a *Alerter) lease(ctx context.Context, now time.Time) (int, error) {
	free, busy := a.room()
	if free == 0 {
		return 0, nil
	}
	once, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeLimit)
	defer cancel()
	until := now.Add(leaseTime)
	dispatches, err := a.Store.LeaseDeliveries(once, store.Lease{
		Now: now, Until: until, Limit: free, PerChannel: 1, Pace: monitor.Pace, Busy: busy,
	})
	if len(dispatches) > 0 {
		failpoint.Here("alerter.after_lease")
	}
	for _, d := range dispatches {
		a.place(ctx, leased{d, until})
	}
	return len(dispatches), err
}

// room returns how many workers are free and the channels that take nothing now.
func (a *Alerter) room() (free int, busy []monitor.ChannelID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	full := map[monitor.ChannelID]bool{}
	for id, n := range a.channels {
		if n >= PerChannel {
			full[id] = true
		}
	}
	for _, h := range a.hosts {
		maps.Copy(full, h.held)
	}
	return max(0, Workers-a.running), slices.Sorted(maps.Keys(full))
}

// place starts a worker for the delivery, lets it wait for its host, or puts it
// back for a moment.
func (a *Alerter) place(ctx context.Context, d leased) {
	to := destination(d.Channel)
	start, keep := a.admit(to, d)
	switch {
	case start:
		a.workers.Go(func() { a.work(ctx, to, d) })
	case !keep:
		a.putBack(ctx, d, a.Now().Add(setback))
	}
}

// admit decides whether a delivery is started now, or kept until its host is free.
func (a *Alerter) admit(to string, d leased) (start, keep bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.channels[d.Channel.ID] >= PerChannel {
		return false, false
	}
	if a.hosts == nil {
		a.hosts, a.channels = map[string]*host{}, map[monitor.ChannelID]int{}
	}
	h := a.hosts[to]
	if h == nil {
		h = &host{held: map[monitor.ChannelID]bool{}}
		a.hosts[to] = h
	}
	switch {
	case h.running < PerHost:
		h.running++
		a.running++
		start = true
	case len(h.waiting) < hostQueue:
		h.waiting = append(h.waiting, d)
		keep = true
	default:
		h.held[d.Channel.ID] = true
		return false, false
	}
	a.channels[d.Channel.ID]++
	return start, keep
}

// work sends a delivery, and then what waits for the same host.
func (a *Alerter) work(ctx context.Context, to string, d leased) {
	for more := true; more; d, more = a.next(to, d) {
		release := a.lend()
		if a.Now().Add(attemptLimit(d.Channel.Kind)).After(d.until) {
			a.putBack(ctx, d, a.Now()) // it waited so long that the lease would run out under way
		} else {
			a.attempt(ctx, d)
		}
		release()
		a.Kick() // its lane, and perhaps its channel, is free
	}
}

// lend lets the worker of an attempt that takes long go on to others, as long as not
// too many do: receivers that hang hold no worker, so that however many there are,
// the others wait for SlowAfter and not for the whole limit of an attempt. Release
// ends it; the worker is then held again.
func (a *Alerter) lend() (release func()) {
	lent, ended := false, false // guarded by mu
	timer := time.AfterFunc(SlowAfter, func() {
		a.mu.Lock()
		if !ended && a.slow < SlowMost {
			lent = true
			a.slow++
			a.running--
		}
		a.mu.Unlock()
		a.Kick()
	})
	return func() {
		timer.Stop()
		a.mu.Lock()
		defer a.mu.Unlock()
		ended = true
		if lent {
			a.slow--
			a.running++
		}
	}
}

// next ends a delivery and takes the one that has waited longest for the host.
func (a *Alerter) next(to string, done leased) (leased, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.leave(done)
	h := a.hosts[to]
	if len(h.waiting) > 0 {
		d := h.waiting[0]
		h.waiting = h.waiting[1:]
		return d, true
	}
	clear(h.held)
	a.running--
	if h.running--; h.running == 0 {
		delete(a.hosts, to)
	}
	return leased{}, false
}

// leave takes a delivery out of the count of its channel; mu is held.
func (a *Alerter) leave(d leased) {
	if a.channels[d.Channel.ID]--; a.channels[d.Channel.ID] == 0 {
		delete(a.channels, d.Channel.ID)
	}
}

// giveBack returns what waits for a host, so that another process can take it.
func (a *Alerter) giveBack(ctx context.Context) {
	var waiting []leased
	a.mu.Lock()
	for _, h := range a.hosts {
		for _, d := range h.waiting {
			a.leave(d)
		}
		waiting = append(waiting, h.waiting...)
		h.waiting = nil
	}
	a.mu.Unlock()
	for _, d := range waiting {
		a.putBack(ctx, d, a.Now())
	}
}

// destination names what attempts of a channel have in common: the host that a
// webhook is sent to, or the one mail server.
func destination(c monitor.Channel) string {
	if c.Kind == monitor.Email {
		return "mail"
	}
	return strings.ToLower(c.Target())
}
