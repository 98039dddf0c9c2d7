package sim_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/alerter"
	"rollcall/internal/ingest"
	"rollcall/internal/monitor"
	"rollcall/internal/outbound"
	"rollcall/internal/scheduler"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlite"
)

// world is one life: a database, the processes on it, jobs, people and receivers.
type world struct {
	t       *testing.T
	seed    uint64
	rng     *rand.Rand
	bug     bug
	path    string
	store   *sqlite.Store // nil while no process runs
	project account.Project
	net     *network
	trouble trouble
	agenda  agenda
	queued  atomic.Bool // somebody is to be told
	brief   atomic.Bool // a process has died that is started again soon
	nodes   []*node
	rouse   chan struct{} // something ended that the life waits for

	began    time.Time     // by the clock of the bubble, which nobody sets
	skew     atomic.Int64  // nanoseconds that the servers' clock is ahead of it
	tickAt   time.Duration // a pass of the schedulers is due, in time lived
	sendAt   time.Duration // the alerters are not asked before
	heard    time.Time     // by the servers' clock: the last pass that went well
	marked   time.Time     // the newest mark of coverage
	checked  time.Duration // when what is overdue was last looked for
	over     bool          // faults have ended
	hooks    []*hook
	jobs     []*job
	upset    []time.Duration // when something happened that may repeat a message
	twoNodes bool
	steps    int
	again    bool      // a mark failed; it is tried again at once
	left     []gap     // of processes that died before they judged
	zone     string    // of its cron lines
	birth    time.Time // by a clock that is right

	mu     sync.Mutex // guards all below
	byID   map[monitor.CheckID]*job
	wakes  map[monitor.CheckID]time.Time
	wrongs []violation
	trace  []string
	stale  map[monitor.CheckID]time.Time // for a planted bug
}

// violation is a promise that was broken.
type violation struct {
	kind, check, words string
	line               int // of the trace
}

// lived is how long the life has lasted.
func (w *world) lived() time.Duration { return time.Since(w.began) }

// now is the servers' clock.
func (w *world) now() time.Time {
	return time.Now().Add(time.Duration(w.skew.Load())).UTC().Truncate(time.Microsecond)
}

// between draws a time.
func (w *world) between(low, high time.Duration) time.Duration {
	return low + time.Duration(w.rng.Int64N(int64(high-low)+1)).Truncate(time.Microsecond)
}

func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

func (w *world) note(format string, args ...any) {
	line := w.now().Format("Jan 2 15:04:05.000000 ") + fmt.Sprintf(format, args...)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trace = append(w.trace, line)
}

func (w *world) wrong(kind string, id monitor.CheckID, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrongLocked(kind, w.byID[id], format, args...)
}

func (w *world) wrongLocked(kind string, j *job, format string, args ...any) {
	v := violation{kind: kind, words: fmt.Sprintf(format, args...), line: len(w.trace)}
	if j != nil {
		v.check = j.name
	}
	w.wrongs = append(w.wrongs, v)
	w.trace = append(w.trace, fmt.Sprintf("!! %s %s: %s", v.kind, v.check, v.words))
}

// digest is what two lives of the same seed have in common.
func (w *world) digest() uint64 {
	h := fnv.New64a()
	for _, line := range w.trace {
		_, _ = h.Write([]byte(line + "\n"))
	}
	return h.Sum64()
}

// node is one process: the parts of Rollcall that take pings, judge and send.
type node struct {
	w         *world
	name      string
	dead      atomic.Bool
	cancel    context.CancelFunc
	ctx       context.Context
	ingest    *ingest.Ingest
	scheduler *scheduler.Scheduler
	alerter   *alerter.Alerter
	sending   atomic.Bool
	parts     sync.WaitGroup

	ticked  time.Duration // the last pass
	heard   time.Time     // the servers' clock at the last mark
	since   time.Time     // of the span that its marks are of
	blinded bool          // since then it could not make its marks
	judged  bool          // it has made a pass
	gap     *gap          // before this pass; nil when it was made good
}

var quietLog = slog.New(slog.DiscardHandler)

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
	n := &node{w: w, name: name, ticked: w.lived(), heard: w.heard, blinded: true}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.ingest = ingest.New(w.port(n, storing), ingest.Options{Now: w.now, Log: quietLog})
	n.parts.Go(func() { _ = n.ingest.Run(n.ctx) })
	n.alerter = &alerter.Alerter{
		Store: w.port(n, noting), Pings: w.port(n, noting), Now: w.now, Log: quietLog, BaseURL: "https://rollcall.example",
		Senders: map[monitor.ChannelKind]alerter.Sender{
			monitor.Webhook: w.bug.sender(n, alerter.Webhook(outbound.ClientOver(w.net.dial), "sim")),
		},
	}
	n.scheduler = n.fresh()
	w.nodes = append(w.nodes, n)
	w.note("%s starts", name)
	w.sendAt = 0
	w.tickSoon()
}

// fresh is a scheduler that remembers nothing of the one before.
func (n *node) fresh() *scheduler.Scheduler {
	s := &scheduler.Scheduler{Store: n.w.port(n, judging), Now: n.w.now, Node: n.name, Log: quietLog, Evidence: n.ingest.Evidence}
	if n.w.twoNodes {
		s.Settle = settle
	}
	n.w.bug.blindfold(s)
	return s
}

// settle is what app gives the pings of other processes.
const settle = 250 * time.Millisecond

// dies ends the process between two calls of the store; what remains of it is
// cleared away by bury.
func (n *node) dies(where string) {
	n.dead.Store(true)
	n.cancel()
	n.w.note("%s dies %s", n.name, where)
	n.w.missed(n)
	n.w.disturbed()
	n.w.wakeUp()
}

// missed tells the oracles that what one of two processes did not take may have been
// lost, until it was not waited for any more.
func (w *world) missed(n *node) {
	if w.twoNodes {
		w.mu.Lock()
		defer w.mu.Unlock()
		to := n.heard.Add(expelled + markEvery)
		w.outage(n.heard.Add(-markEvery), to, to)
	}
}

// bury waits for what is left of dead processes; true when there was one.
func (w *world) bury() bool {
	n := len(w.nodes)
	w.nodes = slices.DeleteFunc(w.nodes, func(n *node) bool {
		if n.dead.Load() {
			n.parts.Wait()
			if n.gap != nil && n.gap.marked { // its mark ends it, whoever judges next
				w.left = append(w.left, *n.gap)
			}
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

// stop ends a process in good order: what is being sent is let finish.
func (w *world) stop(n *node) {
	w.note("%s stops", n.name)
	w.missed(n)
	for n.sending.Load() {
		<-w.rouse
	}
	n.cancel()
	n.parts.Wait()
	w.nodes = slices.DeleteFunc(w.nodes, func(m *node) bool { return m == n })
	w.release()
}

// disturbed notes that something happened after which a message may come again.
func (w *world) disturbed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.upset = append(w.upset, w.lived())
}

func (w *world) wakeUp() {
	select {
	case w.rouse <- struct{}{}:
	default:
	}
}

// mark does what the processes have done in the quiet time until now: their last
// mark of coverage is at most as old as they let it become.
func (w *world) mark() {
	for _, n := range w.nodes {
		if !n.blinded && !w.trouble.away.Load() {
			at := latest(w.now().Add(-w.between(0, markEvery)), n.heard)
			w.cover(n, at)
			n.heard, n.scheduler, w.heard = w.now(), n.fresh(), w.now()
		}
	}
}

// cover commits a mark of the quiet time, which cannot fail.
func (w *world) cover(n *node, at time.Time) {
	mark := store.CoverageMark{Node: n.name, Since: n.since, At: at}
	if _, err := w.store.Transitions(w.t.Context(), []store.Step{{Mark: &mark}}); err != nil {
		w.t.Error(err)
	}
	w.marked = latest(w.marked, at)
}

// commitMark makes the mark that is due now, as ingest does: it begins a new span
// after a gap. Ingest itself makes none here, because one every 5 s would be most of
// what is done in a life.
func (n *node) commitMark(now time.Time) bool {
	mark := store.CoverageMark{Node: n.name, Since: n.since, At: now}
	if gap := now.Sub(n.heard); n.since.IsZero() || gap > blindAfter || gap < 0 {
		mark.Begin, mark.Since = true, now
		if !n.since.IsZero() {
			mark.Cause = "Rollcall stood still"
		}
	}
	err := n.w.port(n, judging).through(marking, func() error {
		_, err := n.w.store.Transitions(n.ctx, []store.Step{{Mark: &mark}})
		return err
	})
	if err == nil {
		n.since, n.heard = mark.Since, now
		n.w.heard, n.w.marked = now, latest(n.w.marked, now)
	}
	return err == nil
}

// tickSoon has a pass made within the nap of a scheduler.
func (w *world) tickSoon() { w.tickAt = min(w.tickAt, w.lived()+w.between(0, scheduler.LongestNap)) }

// pass lets every scheduler judge.
func (w *world) pass() {
	order := w.rng.Perm(len(w.nodes))
	for _, part := range []func(*node){(*node).quiet, (*node).markNow, (*node).judge} {
		for _, i := range order {
			if n := w.nodes[i]; !n.dead.Load() {
				part(n)
			}
		}
	}
	w.bury()
	w.tickAt = w.lived() + day // planPass knows better
}

// quiet makes up for the marks of a quiet time before the pass; a scheduler that
// knows nothing of that time goes on from there.
func (n *node) quiet() {
	w := n.w
	if w.lived()-n.ticked > markEvery && !n.blinded {
		n.heard = latest(w.now().Add(-time.Millisecond), n.heard)
		w.cover(n, n.heard)
		n.scheduler = n.fresh()
	}
	n.ticked = w.lived()
}

// markNow makes the mark of this pass.
func (n *node) markNow() {
	w := n.w
	now := w.now()
	w.mu.Lock()
	if g := n.gap; g != nil && g.marked { // no pass has gone well since
		w.outage(g.perhaps, g.now, g.now)
		n.gap = nil
	}
	if n.gap == nil {
		n.gap = &gap{perhaps: n.heard.Add(-markEvery), surely: latest(n.heard, latest(w.heard, w.marked))}
	}
	n.gap.now = now
	w.mu.Unlock()
	n.gap.marked = n.commitMark(now)
	n.blinded = !n.gap.marked && (n.blinded || now.Sub(n.heard) > blindAfter-markEvery)
	w.again = w.again || !n.gap.marked
}

// judge is the pass itself.
func (n *node) judge() {
	w := n.w
	if n.gap == nil || !n.gap.marked {
		return
	}
	if _, _, err := n.scheduler.Tick(n.ctx, w.now()); err != nil || n.scheduler.Hold() != "" {
		w.again = true
		return
	}
	n.judged = true
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, g := range w.left {
		w.outage(g.perhaps, g.surely, g.now)
	}
	w.left = nil
	for _, m := range w.nodes {
		if m.gap != nil && m.gap.marked {
			m.covered()
		}
	}
}

// covered ends what was a gap until now: it was made good to all checks before any of
// them was judged. mu is held.
func (n *node) covered() {
	if n.gap != nil {
		n.w.outage(n.gap.perhaps, n.gap.surely, n.gap.now)
		n.gap = nil
	}
}

// gap is the time before a pass that may have been an outage.
type gap struct {
	perhaps, surely, now time.Time
	marked               bool // it ended with a mark
}

// outage tells the oracles; mu is held.
func (w *world) outage(perhaps, surely, to time.Time) {
	if to.Sub(perhaps) <= blindAfter {
		return
	}
	w.trace = append(w.trace, fmt.Sprintf("  blind since %s or %s, until %s", clock(perhaps), clock(surely), clock(to)))
	for _, j := range w.jobs {
		if !j.deleted {
			j.oracle.outage(perhaps, surely, to)
		}
	}
}

// planPass finds when the next pass is due: when a check is to be judged, and
// seldom otherwise.
func (w *world) planPass() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tickAt = max(w.lived(), min(w.tickAt, w.lived()+12*time.Hour))
	if len(w.nodes) == 0 {
		return // until one starts
	}
	if w.trouble.away.Load() {
		w.tickAt = min(w.tickAt, w.lived()+w.between(markEvery, 10*time.Minute))
		return
	}
	wait := w.between(0, scheduler.LongestNap)
	if w.again {
		w.again, w.tickAt = false, min(w.tickAt, w.lived()+wait)
	}
	for id, wake := range w.wakes {
		if j := w.byID[id]; j == nil || j.deleted || wake.IsZero() {
			continue
		}
		at := w.lived() + wake.Sub(w.now()) + wait
		if w.twoNodes {
			at += settle
		}
		w.tickAt = min(w.tickAt, max(at, w.lived()+200*time.Millisecond+wait))
	}
}

// deliver lets an alerter send what is due.
func (w *world) deliver() {
	if w.lived() < w.sendAt {
		return
	}
	if len(w.nodes) == 0 {
		w.sendAt = w.lived() + day // or until one starts
		return
	}
	next, err := w.store.NextDelivery(w.t.Context())
	if err != nil {
		w.t.Error(err)
	}
	w.sendAt = w.lived() + day
	if next.IsZero() {
		return
	}
	if wait := next.Sub(w.now()); wait > 0 {
		w.sendAt = w.lived() + wait
		return
	}
	w.sendAt = w.lived() + time.Second
	n := w.nodes[w.rng.IntN(len(w.nodes))]
	if n.dead.Load() || !n.sending.CompareAndSwap(false, true) {
		return
	}
	now := w.now()
	n.parts.Go(func() {
		_, err := n.alerter.Tick(n.ctx, now)
		n.sending.Store(false)
		if err == nil { // else it takes a nap
			w.wakeUp()
		}
	})
}

// mostSteps is far more than a life has.
const mostSteps = 50_000

// live lets time pass.
func (w *world) live(until time.Duration) {
	for w.lived() < until {
		if w.steps++; w.steps > mostSteps {
			w.wrong("STUCK", 0, "it goes round in circles; next %s, pass %s, send %s", w.agenda.next()-w.lived(), w.tickAt-w.lived(), w.sendAt-w.lived())
			w.over = true
			return
		}
		timer := time.NewTimer(min(w.agenda.next(), w.tickAt, w.sendAt, until) - w.lived())
		select {
		case <-timer.C:
		case <-w.rouse:
			w.sendAt = 0
			timer.Stop()
		}
		w.bury()
		for event := w.agenda.due(w.lived()); event != nil; event = w.agenda.due(w.lived()) {
			event()
			synctest.Wait()
			w.bury()
		}
		if w.lived() >= w.tickAt {
			w.pass()
			synctest.Wait()
		}
		w.planPass()
		if w.queued.Swap(false) {
			w.sendAt = 0
		}
		w.deliver()
		synctest.Wait()
		w.demand()
	}
}

// demand looks for what ought to have been judged and was not.
func (w *world) demand() {
	if w.lived()-w.checked < time.Minute || len(w.nodes) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left != nil || slices.ContainsFunc(w.nodes, func(n *node) bool { return n.gap != nil || !n.judged }) {
		return // who has a gap to make good judges nothing before
	}
	w.checked = w.lived()
	for _, j := range w.jobs {
		if at, missing := j.oracle.overdue(w.heard); missing && !j.deleted {
			w.wrongLocked("LATE", j, "%s; its deadline %s has passed and nothing happened", j.oracle.status, clock(at))
			j.oracle.vague = true
		}
	}
}

// template is an empty database, made once.
var template = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "sim")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "rollcall.db")
	st, err := sqlite.Open(context.Background(), path)
	if err != nil {
		return nil, err
	}
	if err := st.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})
