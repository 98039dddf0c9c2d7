package sim_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/fault"
	"rollcall/internal/ingest"
	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/internal/store"
)

// job is a check, the job that it watches, and what is known of both.
type job struct {
	name    string
	id      monitor.CheckID
	uuid    uuid.UUID
	config  monitor.Config
	plan    plan
	oracle  *oracle
	hooks   []*hook // that it tells
	works   bool    // the job runs
	nextRun time.Duration
	ran     int // run ids used
	style   int // of its reports: with a run id when odd, with a start when above 1
	client  int // sends once, again within a minute, or for as long as it takes
	deleted bool
	gone    time.Duration // when it was deleted
	free    time.Duration // when it may send again
	waiting []*submission // not stored yet, in the order in which they were sent
	sent    []*submission
	told    []told
	turns   []flip    // all of them
	goneAt  time.Time // when it was deleted, by the servers' clock
	flips   int64
	last    string // status after the last flip
}

// hook is a channel with its receiver.
type hook struct {
	id       monitor.ChannelID
	host     string
	channel  monitor.Channel
	disabled bool
	deleted  bool
}

// told is a flip that is owed to channels.
type told struct {
	flip
	hooks []*hook
}

// submission is one ping as it was sent.
type submission struct {
	said
	mark     string // stored with the ping, so that its row is known
	age      time.Duration
	node     *node
	acked    bool
	answered bool // before its time was over
	stored   bool
	row      bool // it was kept, and is no repetition
	n        int64
}

// spec is the schedule as the product is told it.
func (p plan) spec() schedule.Spec {
	if p.period > 0 {
		return schedule.Spec{Kind: schedule.Every, Period: p.period}
	}
	return schedule.Spec{Kind: schedule.Cron, Expr: p.expr, Zone: p.zone}
}

// seeded makes an id of chance, so that two lives of a seed have the same.
func (w *world) seeded() uuid.UUID {
	var id uuid.UUID
	for i := range id {
		id[i] = byte(w.rng.Uint32())
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}

// create makes a check that tells some of the channels.
func (w *world) create(p plan, grace, limit time.Duration, threshold *int) *job {
	name := fmt.Sprintf("job-%d", len(w.jobs)+1)
	j := &job{
		name: name, uuid: w.seeded(), plan: p, works: true, last: "new",
		oracle: &oracle{plan: p, grace: grace, limit: limit, takes: takesDown(threshold), status: "new"},
		config: monitor.Config{Name: name, Schedule: p.spec(), Grace: grace, MaxRuntime: &limit, Threshold: threshold},
	}
	var channels []monitor.ChannelID
	for _, h := range w.hooks {
		if !h.deleted && w.chance(70) {
			j.hooks, channels = append(j.hooks, h), append(channels, h.id)
		}
	}
	c := monitor.Create(monitor.Check{UUID: j.uuid, Project: w.project.ID, Config: j.config}, w.now())
	c, err := w.store.CreateCheck(w.t.Context(), c, channels)
	if err != nil {
		w.t.Fatal(err)
	}
	j.id = c.ID
	w.mu.Lock()
	w.jobs, w.byID[c.ID] = append(w.jobs, j), j
	w.mu.Unlock()
	w.note("%s created: %s %s %s, grace %s, limit %s, down after %d, tells %d", name, p.period, p.expr, p.zone, grace, limit, j.oracle.takes, len(j.hooks))
	return j
}

// send submits a ping through one of the processes and goes on without waiting.
// Then is called with the fate of it, in the end.
func (w *world) send(j *job, signal, run string, age time.Duration, then func(acked bool)) {
	if wait := j.free - w.lived(); wait > 0 { // one after the other: their order is to be known
		w.agenda.at(j.free, func() { w.send(j, signal, run, age+wait, then) })
		return
	}
	j.free = w.lived() + time.Millisecond
	if w.trouble.armed(storing) {
		w.rise()
	}
	if w.trouble.stall.Load() > 0 {
		j.free += 10 * time.Second
	}
	if age < time.Minute {
		age = 0
	}
	s := &submission{mark: fmt.Sprintf("%s/%d", j.name, len(j.sent)+1), age: age}
	now := w.now()
	s.said = said{at: now.Add(-age).Truncate(time.Microsecond), came: now, signal: signal, run: run}
	report := ingest.Report{Ref: store.Ref{UUID: j.uuid}, Ping: monitor.Ping{
		Signal: monitor.Signal(signal), RunID: run, Age: age, Method: "POST", Scheme: "https", UserAgent: s.mark,
	}}
	var n *node
	if len(w.nodes) > 0 {
		n = w.nodes[w.rng.IntN(len(w.nodes))]
	}
	if n == nil || n.dead.Load() {
		w.note("%s %s of %s finds nobody", s.mark, signal, run)
		w.swallowed(j, s)
		w.agenda.at(w.lived(), func() { then(false) })
		return
	}
	w.mu.Lock()
	j.waiting, j.sent = append(j.waiting, s), append(j.sent, s)
	s.node = n
	w.mu.Unlock()
	sent, in := w.lived(), n.ingest
	w.reports++
	way := time.Duration(w.reports) // of the answer back: no two come at the same instant, or their order would be chance
	n.parts.Go(func() {
		result, err := in.Submit(context.Background(), report)
		acked := err == nil && !n.dead.Load()
		time.Sleep(way)
		gone := errors.Is(err, fault.NotFound)
		w.mu.Lock()
		s.acked = acked
		if w.lived()-sent < ingest.AnswerLimit {
			s.answered = true // it waits no longer
		}
		w.mu.Unlock()
		switch {
		case acked:
			w.note("%s %s of run %q age %s: %s", s.mark, signal, run, age, result.Change.Outcome)
		case !gone:
			w.note("%s %s of run %q is not taken", s.mark, signal, run)
			w.swallowed(j, s)
		}
		w.agenda.at(w.lived(), func() { then(acked || gone) })
		w.wakeUp()
	})
}

// swallowed notes a report that Rollcall did not hear.
func (w *world) swallowed(j *job, s *submission) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !s.stored && s.age == 0 {
		j.oracle.swallowed = append(j.oracle.swallowed, s.said)
	}
}

// observe compares what was committed with what the oracles say.
func (w *world) observe(p *port, steps []store.Step, results []store.Result) {
	for _, step := range steps {
		if step.Mark != nil {
			w.marked(*step.Mark)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, result := range results {
		change := result.Change
		j := w.byID[change.Check.ID]
		if result.Err != nil || j == nil {
			continue
		}
		w.wakes[j.id] = change.Check.Wake
		switch {
		case p.part == storing:
			w.observePing(j, change)
			w.wakeUp() // its sender may have gone
		case p.part == judging:
			w.observeSilence(j, change)
		}
		if got, want := change.Check.FailStreak, j.oracle.bad; got != want && j.oracle.status != "down" { // then it is of no matter
			w.wrongLocked("COUNT", j, "it has %d bad results in a row, want %d", got, want)
			j.oracle.bad = got
		}
	}
}

func (w *world) observePing(j *job, change monitor.Change) {
	s := j.arrived(change)
	if s == nil {
		w.wrongLocked("PHANTOM", j, "a ping was stored that nobody sent")
		return
	}
	s.stored = true
	s.counted = change.Outcome != monitor.Duplicate
	want, again := j.oracle.ping(s.said)
	s.row = s.row || change.Ping != nil && !again
	if change.Ping != nil {
		s.n = change.Ping.N
	}
	if again && change.Ping != nil {
		w.wrongLocked("TWICE", j, "%s of run %s was counted twice", s.signal, s.run)
	}
	got := flipOf(change.Flip)
	if got != nil && got.old == got.new {
		w.corrected(j, s, got)
	} else {
		w.compare(j, want, got)
	}
	w.owe(j, got)
}

// arrived takes the submission that a change is about from those that wait.
func (j *job) arrived(change monitor.Change) *submission {
	for i, s := range slices.Backward(j.waiting) { // what was given up waits for ever
		if s.node.dead.Load() {
			continue
		}
		if change.Ping == nil && s.run != "" || change.Ping != nil && s.mark == change.Ping.UserAgent {
			j.waiting = append(slices.Clone(j.waiting[:i]), j.waiting[i+1:]...)
			return s
		}
	}
	for _, s := range slices.Backward(j.sent) { // one of a run, tried again by ingest
		if change.Ping == nil && s.run != "" && s.stored {
			return s
		}
	}
	return nil
}

// corrected judges a flip by which a late report takes an alarm back.
func (w *world) corrected(j *job, s *submission, got *flip) {
	deadline, alarmed := j.oracle.misses[got.corrects]
	if s.age == 0 || s.signal != "success" || !alarmed || deadline.Before(s.at) {
		w.wrongLocked("FALSE", j, "takes the alarm %d back, by %s", got.corrects, s.mark)
	}
	delete(j.oracle.misses, got.corrects)
}

func (w *world) observeSilence(j *job, change monitor.Change) {
	got := flipOf(change.Flip)
	if got == nil {
		got = toleratedBy(change)
	}
	if got == nil {
		return
	}
	w.madeGood()
	for _, s := range j.waiting { // ingest may have given up what came before an outage ended
		if s.came.Before(j.oracle.back) {
			continue
		}
		if !s.answered && s.signal == "success" && s.age == 0 && s.came.Before(got.at) && !s.node.dead.Load() && got.reason == "timeout" {
			w.wrongLocked("FALSE", j, "down at %s, while %s of %s waited to be stored", clock(got.at), s.mark, clock(s.came))
		}
	}
	if kind, words := j.oracle.silence(*got); kind != "" {
		w.wrongLocked(kind, j, "%s", words)
	}
	w.trace = append(w.trace, fmt.Sprintf("  %s is %s (%s) since %s", j.name, got.new, got.reason, clock(got.at)))
	if got.new == tolerated {
		return
	}
	if got.told != (got.new == "down") {
		w.wrongLocked("FALSE", j, "%s, told %v", got.new, got.told)
	}
	w.owe(j, got)
}

// compare judges a flip that had to be, or not.
func (w *world) compare(j *job, want, got *flip) {
	switch {
	case want == nil && got == nil:
	case want == nil:
		w.wrongLocked("FALSE", j, "flip %d to %s for no reason", got.rev, got.new)
	case got == nil:
		w.wrongLocked("LOST_NTF", j, "no flip to %s", want.new)
	case want.old != got.old || want.new != got.new:
		w.wrongLocked("FALSE", j, "flip from %s to %s, want from %s to %s", got.old, got.new, want.old, want.new)
	case want.told != got.told:
		w.wrongLocked("FALSE", j, "flip to %s, told %v", got.new, got.told)
	}
}

// owe notes to whom a flip is to be told.
func (w *world) owe(j *job, got *flip) {
	if got == nil {
		return
	}
	w.trace = append(w.trace, fmt.Sprintf("  %s rev %d: %s to %s (%s)", j.name, got.rev, got.old, got.new, got.reason))
	if got.rev != j.flips+1 {
		w.wrongLocked("DRIFT", j, "rev %d after %d", got.rev, j.flips)
	}
	j.flips, j.last = got.rev, got.new
	j.turns = append(j.turns, *got)
	if !got.told {
		return
	}
	hooks := j.hooks
	if got.corrects != 0 {
		hooks = nil
		for _, t := range j.told {
			if t.rev == got.corrects {
				hooks = t.hooks
			}
		}
	}
	w.queued.Store(true)
	t := told{flip: *got}
	for _, h := range hooks {
		if !h.disabled && !h.deleted {
			t.hooks = append(t.hooks, h)
		}
	}
	j.told = append(j.told, t)
}

func flipOf(f *monitor.Flip) *flip {
	if f == nil {
		return nil
	}
	return &flip{
		old: string(f.Old), new: string(f.New), reason: string(f.Reason), at: f.At, judged: f.Judged,
		rev: f.Rev, corrects: f.Facts.Corrects, told: f.Tell,
	}
}

// disabled notes that Rollcall switched a channel off because its receiver is gone.
func (w *world) disabled(id monitor.ChannelID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.hooks, func(h *hook) bool { return h.id == id })
	w.hooks[i].disabled = true
	w.trace = append(w.trace, "  "+w.hooks[i].host+" is switched off")
}

// person takes a check through a rule as a person does, and the oracle with it.
func (w *world) person(j *job, what string, rule func(monitor.Check) monitor.Change, want func() *flip) {
	if w.store == nil || w.trouble.away.Load() || j.deleted || len(w.nodes) == 0 {
		return
	}
	p := w.port(w.nodes[0], ops)
	results, err := w.bug.transitions(p, w.t.Context(), []store.Step{{Ref: store.Ref{ID: j.id}, Decide: rule}})
	if err != nil || results[0].Err != nil {
		w.t.Error(what, err, results)
		return
	}
	w.note("%s %s", j.name, what)
	w.mu.Lock()
	w.wakes[j.id] = results[0].Change.Check.Wake
	got := flipOf(results[0].Change.Flip)
	w.compare(j, want(), got)
	w.owe(j, got)
	w.mu.Unlock()
	w.tickSoon()
}

func (w *world) pause(j *job) {
	now := w.now()
	w.person(j, "is paused", func(c monitor.Check) monitor.Change { return c.Pause(now) }, j.oracle.pause)
}

func (w *world) resume(j *job) {
	now := w.now()
	if j.oracle.status != "paused" {
		return
	}
	w.person(j, "is resumed", func(c monitor.Check) monitor.Change {
		change, err := c.Resume(now)
		if err != nil {
			panic(err)
		}
		return change
	}, func() *flip { return j.oracle.resume(now) })
}

func (w *world) edit(j *job, p plan, grace, limit time.Duration, threshold *int) {
	now := w.now()
	config := j.config
	config.Schedule, config.Grace, config.MaxRuntime, config.Threshold = p.spec(), grace, &limit, threshold
	what := fmt.Sprintf("is edited: %s %s %s, grace %s, limit %s, down after %d", p.period, p.expr, p.zone, grace, limit, takesDown(threshold))
	w.person(j, what, func(c monitor.Check) monitor.Change { return c.Reconfigure(config, now) }, func() *flip {
		j.config, j.plan = config, p
		j.oracle.edit(p, grace, limit, takesDown(threshold), now)
		return nil
	})
}

func (w *world) remove(j *job) {
	if w.store == nil || w.trouble.away.Load() || j.deleted {
		return
	}
	if err := w.store.DeleteCheck(w.t.Context(), w.project.ID, j.id); err != nil {
		w.t.Error(err)
	}
	w.note("%s is deleted", j.name)
	w.mu.Lock()
	defer w.mu.Unlock()
	j.deleted, j.works, j.gone, j.goneAt = true, false, w.lived(), w.now()
	delete(w.wakes, j.id)
}
