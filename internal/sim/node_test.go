package sim_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"rollcall/internal/alerter"
	"rollcall/internal/ingest"
	"rollcall/internal/monitor"
	"rollcall/internal/outbound"
	"rollcall/internal/scheduler"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlite"
)

// node is one process: the parts of Rollcall that take pings, judge and send.
type node struct {
	w         *world
	name      string
	dead      atomic.Bool
	ctx       context.Context
	cancel    context.CancelFunc
	ingest    *ingest.Ingest
	rest      context.CancelFunc // ends the ingest, when what waits in it is stored
	scheduler *scheduler.Scheduler
	alerter   *alerter.Alerter
	sending   atomic.Bool
	clerk     *alerter.Clerk
	postman   *alerter.Postman
	writing   atomic.Bool
	parts     sync.WaitGroup
	judged    bool // it has made a pass
}

// stretch is what is known of a process's last span of coverage.
type stretch struct {
	since, at time.Time
	stopped   bool
}

// gap is a time that nothing covers: perhaps, or surely, from an instant on.
type gap struct{ perhaps, surely, to time.Time }

var quietLog = slog.New(slog.DiscardHandler)

const (
	// awake is how long marks are lived after something went wrong. It is no multiple
	// of their interval, so that a process does not rest at the moment of a mark.
	awake = 32*time.Second + 700*time.Millisecond
	// settle is what app gives the pings of other processes, leaving to the last mark
	// of one that stops.
	settle  = 250 * time.Millisecond
	leaving = 2 * time.Second
)

func (w *world) port(n *node, part op) *port { return &port{w.store, w, n, part} }

// start begins a process. The first one opens the database.
func (w *world) start(name string) {
	if w.store == nil {
		st, err := sqlite.Open(w.t.Context(), w.path)
		if err != nil {
			w.t.Fatal(err)
		}
		w.store = st
	}
	w.rise()
	n := &node{w: w, name: name}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.alerter = &alerter.Alerter{
		Store: w.port(n, noting), Pings: w.port(n, noting), Now: w.now, Log: quietLog, BaseURL: "https://rollcall.example",
		Senders: map[monitor.ChannelKind]alerter.Sender{
			monitor.Webhook: w.bug.sender(n, alerter.Webhook(outbound.ClientOver(w.net.dial), "sim")),
			monitor.Email:   w.bug.sender(n, w.net.about(alerter.Email(relay, w.net.ring))),
		},
	}
	n.scheduler = &scheduler.Scheduler{
		Store: w.port(n, judging), Now: w.now, Node: name, Log: quietLog,
		Evidence: func(now time.Time) time.Time { return n.ingest.Evidence(now) },
	}
	if w.twoNodes {
		n.scheduler.Settle = settle
	}
	n.clerks()
	w.bug.blindfold(n.scheduler)
	w.nodes = append(w.nodes, n)
	w.note("%s starts", name)
	n.takePings(name)
	w.sendAt, w.letters.at = 0, 0
	w.tickSoon()
}

// takePings begins an ingest that makes its marks in the given name, none for "", and
// ends the one before.
func (n *node) takePings(name string) {
	before := n.rest
	ctx, rest := context.WithCancel(n.ctx)
	in := ingest.New(n.w.port(n, storing), ingest.Options{Now: n.w.now, Log: quietLog, Node: name})
	n.ingest, n.rest = in, rest
	n.parts.Go(func() { _ = in.Run(ctx) })
	synctest.Wait() // its first mark is made
	if before != nil {
		before()
	}
}

// rise lets marks be lived for a while. Those of the quiet time until now are made up
// for: the last is at most as old as ingest lets it become.
func (w *world) rise() {
	w.until = w.lived() + awake
	if !w.asleep {
		return
	}
	w.asleep = false
	for _, n := range w.nodes {
		if !n.dead.Load() {
			w.cover(n, w.now().Add(-w.between(0, markEvery)))
			n.takePings(n.name)
		}
		time.Sleep(w.between(time.Millisecond, 400*time.Millisecond)) // no two marks at the same instant
	}
}

// doze ends the living of marks when nothing is wrong, and has not been for a while:
// one every 5 s would be nearly all that is done in a life.
func (w *world) doze() {
	if w.asleep || w.lived() < w.until {
		return
	}
	w.until += markEvery
	if w.trouble.armed(marking) || w.again || len(w.nodes) == 0 || !w.settled() {
		return
	}
	for _, n := range w.nodes {
		if now := w.now(); n.dead.Load() || !n.ingest.Evidence(now).Equal(now) {
			return
		}
	}
	w.asleep = true
	for _, n := range w.nodes {
		n.takePings("")
	}
}

// settled reports whether every process has made a pass and every gap is made good.
func (w *world) settled() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.gaps) == 0 && !slices.ContainsFunc(w.nodes, func(n *node) bool { return !n.judged })
}

// cover commits a mark of the quiet time, which cannot fail.
func (w *world) cover(n *node, at time.Time) {
	w.mu.Lock()
	known := w.spans[n.name]
	w.mu.Unlock()
	mark := store.CoverageMark{Node: n.name, Since: known.since, At: latest(at, known.at)}
	if _, err := w.store.Transitions(context.Background(), []store.Step{{Mark: &mark}}); err != nil {
		w.t.Error(err)
	}
	w.marked(mark)
}

// marked notes a mark that was committed. When it begins a new span, nothing proves
// that what came since the last one was stored.
func (w *world) marked(m store.CoverageMark) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before, known := w.spans[m.Node]
	w.spans[m.Node] = stretch{since: m.Since, at: m.At, stopped: m.Stopped}
	w.heard = latest(w.heard, m.At)
	if !m.Begin || !known {
		return
	}
	g := gap{perhaps: before.at, surely: before.at, to: m.At}
	for name, other := range w.spans {
		if name != m.Node {
			g.surely = latest(g.surely, other.at)
		}
	}
	if g.surely.After(g.perhaps) && g.to.Sub(g.surely) <= blindAfter { // the other was there
		if before.stopped {
			return
		}
		g.to = earliest(g.to, g.perhaps.Add(expelled+markEvery))
		g.surely = g.to
	}
	if long := g.to.Sub(g.perhaps); long > blindAfter || long > 0 && m.Cause != "" { // of a loss it knows itself
		w.gaps = append(w.gaps, g)
		w.wakeUp() // a pass is due
	}
}

// dies ends the process between two calls of the store; what remains of it is
// cleared away by bury.
func (n *node) dies(where string) {
	if n.w.asleep { // until now it has made its marks
		n.w.cover(n, n.w.now().Add(-time.Duration(hash(n.w.seed, n.w.lived())%uint64(markEvery))))
	}
	n.dead.Store(true)
	n.cancel()
	n.w.note("%s dies %s", n.name, where)
	n.w.missed(n)
	n.w.disturbed()
	n.w.wakeUp()
}

// missed tells the oracles that what one of two processes did not take may have been
// lost, until it was not waited for any more: now, and then of what began meanwhile.
func (w *world) missed(n *node) {
	if !w.twoNodes {
		return
	}
	w.mu.Lock()
	from := w.spans[n.name].at
	w.mu.Unlock()
	to := from.Add(expelled + markEvery)
	tell := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.spans[n.name].at.Equal(from) { // else it is back
			w.outage(gap{perhaps: from, surely: to, to: to})
		}
	}
	tell()
	w.agenda.at(w.lived()+expelled+markEvery, tell)
}

// bury waits for what is left of dead processes; true when there was one.
func (w *world) bury() bool {
	n := len(w.nodes)
	w.nodes = slices.DeleteFunc(w.nodes, func(n *node) bool {
		if n.dead.Load() {
			n.parts.Wait()
		}
		return n.dead.Load()
	})
	w.release()
	if w.brief.Swap(false) {
		w.agenda.at(w.lived()+w.between(time.Second, 3*time.Minute), w.revive)
	}
	return len(w.nodes) < n
}

// release closes the database when the last process is gone.
func (w *world) release() {
	if len(w.nodes) == 0 && w.store != nil {
		if err := w.store.Close(); err != nil {
			w.t.Error(err)
		}
		w.store = nil
	}
}

// stop ends a process in good order: it says that it takes no more, and what is being
// sent is let finish.
func (w *world) stop(n *node) {
	w.rise()
	w.note("%s stops", n.name)
	ctx, cancel := context.WithTimeout(n.ctx, leaving)
	n.ingest.Leave(ctx)
	cancel()
	w.mu.Lock()
	left := w.spans[n.name].stopped
	w.mu.Unlock()
	if !left {
		w.missed(n)
	}
	for n.sending.Load() || n.writing.Load() {
		<-w.rouse
	}
	n.cancel()
	n.parts.Wait()
	w.nodes = slices.DeleteFunc(w.nodes, func(m *node) bool { return m == n })
	w.release()
}

// pass lets every scheduler judge.
func (w *world) pass() {
	for _, n := range w.nodes {
		if w.asleep && !n.dead.Load() {
			w.cover(n, w.now().Add(-time.Millisecond))
		}
	}
	w.again = false
	for _, i := range w.rng.Perm(len(w.nodes)) {
		if n := w.nodes[i]; !n.dead.Load() {
			n.judge()
		}
	}
	w.bury()
	w.tickAt = w.lived() + day // planPass knows better
}

func (n *node) judge() {
	w := n.w
	if _, _, err := n.scheduler.Tick(n.ctx, w.now()); err != nil || n.scheduler.Hold() != "" {
		w.again = true
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	n.judged = true
	w.madeGood()
}

// madeGood tells the oracles of the gaps until now: whoever judges has made them good to
// all checks before. mu is held.
func (w *world) madeGood() {
	for _, g := range w.gaps {
		w.outage(g)
	}
	w.gaps = nil
}

// outage tells the oracles; mu is held.
func (w *world) outage(g gap) {
	w.trace = append(w.trace, "  blind since "+clock(g.perhaps)+" or "+clock(g.surely)+", until "+clock(g.to))
	for _, j := range w.jobs {
		if !j.deleted {
			j.oracle.outage(g.perhaps, g.surely, g.to)
		}
	}
}
