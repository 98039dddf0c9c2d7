package sim_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/scheduler"
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
	user    account.UserID
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
	until    time.Duration // marks are lived at least until then
	asleep   bool          // marks are not lived
	checked  time.Duration // when what is overdue was last looked for
	over     bool          // faults have ended
	hooks    []*hook
	jobs     []*job
	upset    []time.Duration            // when something happened that may repeat a message
	replays  map[string][]time.Duration // of messages, by id
	trimmed  time.Time                  // deliveries before are deleted, when they have ended
	twoNodes bool
	steps    int
	reports  int    // sent so far
	again    bool   // a pass failed; it is tried again at once
	zone     string // of its cron lines, and of the person who reads reports
	local    *time.Location
	birth    time.Time // by a clock that is right

	mu     sync.Mutex // guards all below
	byID   map[monitor.CheckID]*job
	wakes  map[monitor.CheckID]time.Time
	wrongs []violation
	trace  []string
	stale  map[monitor.CheckID]time.Time // for a planted bug
	spans  map[string]stretch            // by process
	heard  time.Time                     // the newest mark, by the servers' clock
	gaps   []gap                         // that no pass has made good yet
	dead   map[address]bool              // what was given up

	letters letters
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

// disturbed notes that something happened after which a message may come again.
func (w *world) disturbed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.upset = append(w.upset, w.lived())
	w.letters.calm = -1
}

func (w *world) wakeUp() {
	select {
	case w.rouse <- struct{}{}:
	default:
	}
}

// tickSoon has a pass made within the nap of a scheduler.
func (w *world) tickSoon() { w.tickAt = min(w.tickAt, w.lived()+w.between(0, scheduler.LongestNap)) }

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
	if w.again || len(w.gaps) > 0 {
		w.tickAt = min(w.tickAt, w.lived()+wait)
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
	if len(w.nodes) == 0 || w.trouble.away.Load() {
		w.sendAt = w.lived() + day // or until one starts, or the database is back
		return
	}
	next, err := w.store.NextDelivery(context.Background()) // whose end nobody has to wait for
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
			w.queued.Store(true)
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
		next := min(w.agenda.next(), w.tickAt, w.sendAt, w.letters.at, until)
		if !w.asleep {
			next = min(next, w.until)
		}
		timer := time.NewTimer(next - w.lived())
		select {
		case <-timer.C:
		case <-w.rouse:
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
		w.correspond()
		synctest.Wait()
		w.demandLetters()
		w.doze()
		w.demand()
	}
}

// demand looks for what ought to have been judged and was not.
func (w *world) demand() {
	if w.lived()-w.checked < time.Minute || len(w.nodes) == 0 {
		return
	}
	if w.again || !w.settled() {
		return // who has a gap to make good judges nothing before
	}
	w.checked = w.lived()
	w.mu.Lock()
	defer w.mu.Unlock()
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
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return nil, err
	}
	_, err = db.ExecContext(context.Background(), halfway())
	if err := errors.Join(err, db.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})
