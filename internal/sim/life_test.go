package sim_test

import (
	"container/heap"
	"fmt"
	"math"
	"sync"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// agenda is what is going to happen, by time lived.
type agenda struct {
	mu    sync.Mutex // guards items
	items items
	count int
}

type item struct {
	at    time.Duration
	order int
	do    func()
}

type items []item

func (l items) Len() int { return len(l) }
func (l items) Less(i, j int) bool {
	return l[i].at < l[j].at || l[i].at == l[j].at && l[i].order < l[j].order
}
func (l items) Swap(i, j int) { l[i], l[j] = l[j], l[i] }
func (l *items) Push(x any)   { *l = append(*l, x.(item)) }
func (l *items) Pop() any {
	last := (*l)[len(*l)-1]
	*l = (*l)[:len(*l)-1]
	return last
}

func (a *agenda) at(when time.Duration, do func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count++
	heap.Push(&a.items, item{when, a.count, do})
}

func (a *agenda) next() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.items) == 0 {
		return math.MaxInt64
	}
	return a.items[0].at
}

// due takes what is to be done by now, nil when that is nothing.
func (a *agenda) due(now time.Duration) func() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.items) == 0 || a.items[0].at > now {
		return nil
	}
	return heap.Pop(&a.items).(item).do
}

const day = 24 * time.Hour

// zones and when their clocks change, so that most lives see it.
var zones = []struct {
	name  string
	began string
}{
	{"Europe/Berlin", "2027-03-10"},
	{"Europe/Berlin", "2026-10-10"},
	{"America/New_York", "2027-03-01"},
	{"America/New_York", "2026-10-20"},
	{"Australia/Lord_Howe", "2026-09-20"},
	{"Australia/Lord_Howe", "2027-03-20"},
	{"America/Santiago", "2026-08-25"},
	{"Africa/Cairo", "2027-04-15"},
	{"Asia/Beirut", "2027-03-15"},
	{"Asia/Kolkata", "2027-01-20"},
}

// born makes the world that a seed begins with.
func (w *world) born() {
	zone := zones[w.rng.IntN(len(zones))]
	date, err := time.Parse(time.DateOnly, zone.began)
	if err != nil {
		panic(err)
	}
	date = date.Add(w.between(0, 8*day))
	w.skew.Store(int64(time.Until(date)))
	w.zone, w.birth = zone.name, date.Truncate(time.Microsecond)
	if w.local, err = time.LoadLocation(w.zone); err != nil {
		panic(err)
	}
	w.twoNodes = w.chance(30)
	w.start("node-1")
	ctx := w.t.Context()
	user, err := w.store.CreateUser(ctx, account.User{Email: "ops@" + reader, Zone: w.zone, Created: w.now()})
	if err == nil {
		w.user = user.ID
		w.project, err = w.store.CreateProject(ctx, account.Project{Name: "Main", Created: w.now()}, user.ID)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.pass()
	if w.twoNodes {
		w.start("node-2")
	}
	for range 1 + w.rng.IntN(3) {
		w.addHook()
	}
	for _, p := range []plan{{period: day}, {period: 6 * time.Hour}, w.cron(w.clockLine()), w.cron("*/30 1 * * *")} {
		if w.chance(60) {
			w.employ(w.create(p, w.graceOf(p), w.between(time.Minute, 20*time.Minute).Truncate(time.Second), w.tolerance()))
		}
	}
	w.net.set(reader, fine)
	w.ask()
	for range 2 {
		w.agenda.at(w.between(day, span), w.ask)
	}
	for range 14 {
		w.agenda.at(w.between(time.Hour, span), w.someone)
	}
	for range 14 {
		w.agenda.at(w.between(time.Hour, span), w.otherManner)
	}
	for range 9 {
		w.agenda.at(w.between(time.Hour, span), w.misfortune)
	}
	for range 3 {
		w.agenda.at(w.between(time.Hour, span-12*time.Hour), w.busyJob)
	}
	for range 4 {
		w.agenda.at(w.between(day, span), w.tidy)
		w.agenda.at(w.between(day, span), func() { w.replay(3, monitor.Dead) })
	}
	w.agenda.at(w.between(day, span), func() { w.replay(1, monitor.Sent) })
	if w.chance(12) {
		w.agenda.at(w.between(time.Hour, span-12*time.Hour), w.herd)
	}
	for range 2 { // what is rare and tells most
		stall, pick := w.between(time.Second, 8*time.Second), w.rng.IntN(1<<16)
		w.agenda.at(w.between(day, span), func() { w.lastMoment(pick, stall) })
		w.agenda.at(w.between(day, span), func() { w.dieAt([]op{leasing, noting}[pick%2], int32(1+pick/2%2)) })
	}
}

// clockLine is a daily job at an hour in which clocks are changed somewhere.
func (w *world) clockLine() string {
	return fmt.Sprintf("%d %d * * *", w.rng.IntN(60), []int{0, 1, 2, 2, 3}[w.rng.IntN(5)])
}

func (w *world) cron(line string) plan {
	return cronPlan(line, w.zone, w.birth.Truncate(day).Add(-2*day), span+10*day)
}

func (w *world) graceOf(p plan) time.Duration {
	if p.period > 0 && p.period < time.Hour {
		return w.between(p.period/2, 2*p.period).Truncate(time.Second)
	}
	return w.between(time.Minute, 40*time.Minute).Truncate(time.Second)
}

// busyJob is a check of short period that is watched for hours.
func (w *world) busyJob() {
	if w.store == nil || w.trouble.away.Load() {
		return
	}
	p := plan{period: []time.Duration{time.Minute, 5 * time.Minute, 20 * time.Minute}[w.rng.IntN(3)]}
	if w.chance(30) {
		p = w.cron("7,37 * * * *")
	}
	j := w.create(p, w.graceOf(p), w.between(10*time.Second, 4*time.Minute).Truncate(time.Second), w.tolerance())
	w.employ(j)
	hours := 12 * time.Hour
	if p.period > 0 {
		hours = min(hours, 60*p.period)
	}
	w.agenda.at(w.lived()+hours, func() {
		switch w.rng.IntN(3) {
		case 0:
			w.pause(j)
		case 1:
			w.remove(j)
		}
		j.works = false
	})
}

// employ lets the job of a check run.
func (w *world) employ(j *job) {
	j.style, j.client = w.rng.IntN(4), w.rng.IntN(3)
	w.agenda.at(w.lived()+w.between(0, time.Minute), func() { w.work(j) })
}

// truth is the time by a clock that is right.
func (w *world) truth() time.Time { return w.birth.Add(w.lived()) }

// work is one run of a job.
func (w *world) work(j *job) {
	if !j.works || w.over {
		return
	}
	now := w.truth()
	next := j.plan.next(now.Add(time.Second))
	if j.plan.period > 0 {
		next = now.Add(j.plan.period)
	}
	if next.IsZero() {
		return
	}
	j.nextRun = w.lived() + next.Sub(now)
	w.agenda.at(j.nextRun, func() { w.work(j) })
	delay := w.between(0, min(j.config.Grace/3, time.Minute))
	switch dice := w.rng.IntN(100); {
	case dice < 4:
		return // it does not run
	case dice < 9:
		delay = w.between(j.config.Grace/2, j.config.Grace*3/2)
	}
	w.agenda.at(w.lived()+delay, func() { w.perform(j) })
}

func (w *world) perform(j *job) {
	run, signal := "", "success"
	if j.style&1 == 1 {
		j.ran++
		run = fmt.Sprintf("run-%d", j.ran)
	}
	if w.chance(5) {
		signal = "fail"
	}
	if w.chance(3) {
		w.report(j, "log", run)
	}
	if j.style < 2 {
		w.report(j, signal, run)
		return
	}
	w.report(j, "start", run)
	took := w.between(time.Second, max(2*time.Second, *j.config.MaxRuntime/2))
	if w.chance(5) {
		took = w.between(*j.config.MaxRuntime, *j.config.MaxRuntime*2)
	}
	if !w.chance(2) {
		w.agenda.at(w.lived()+took, func() { w.report(j, signal, run) })
	}
	if run != "" && w.chance(4) {
		w.agenda.at(w.lived()+took+w.between(time.Second, time.Minute), func() { w.report(j, signal, run) })
	}
}

// report sends a ping as the client of the job does: once, or again within a
// minute, or for as long as it takes.
func (w *world) report(j *job, signal, run string) {
	happened := w.lived()
	waits := [][]time.Duration{
		nil,
		{5 * time.Second, 15 * time.Second, 45 * time.Second},
		{time.Minute, 10 * time.Minute, time.Hour, 3 * time.Hour, 12 * time.Hour},
	}[j.client]
	var try func()
	try = func() {
		age := time.Duration(0)
		if w.lived()-happened >= time.Minute && j.client == 2 {
			age = w.lived() - happened
		}
		w.send(j, signal, run, age, func(acked bool) {
			if !acked && len(waits) > 0 && !w.over {
				wait := waits[0]
				waits = waits[1:]
				w.agenda.at(w.lived()+wait, try)
			}
		})
	}
	try()
}

func (w *world) addHook() {
	h := &hook{host: fmt.Sprintf("hook-%d.example", len(w.hooks)+1)}
	to := monitor.Channel{
		Project: w.project.ID, Name: h.host, Kind: monitor.Webhook, Created: w.now(),
		Settings: monitor.Settings{URL: "http://" + h.host + "/in", Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
	}
	if w.chance(20) {
		to.Kind, to.Settings = monitor.Email, monitor.Settings{Address: "ops@" + h.host}
	}
	c, err := to.Valid()
	if err == nil {
		c, err = w.store.CreateChannel(w.t.Context(), c)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	h.id, h.channel = c.ID, c
	w.net.set(h.host, fine)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hooks = append(w.hooks, h)
}

// someone does something to the checks or channels.
func (w *world) someone() {
	if w.store == nil || w.trouble.away.Load() || len(w.nodes) == 0 || len(w.jobs) == 0 {
		return
	}
	j, h := w.jobs[w.rng.IntN(len(w.jobs))], w.hooks[w.rng.IntN(len(w.hooks))]
	switch w.rng.IntN(10) {
	case 0, 1, 2:
		w.pause(j)
		w.agenda.at(w.lived()+w.between(time.Minute, day), func() { w.resume(j) })
	case 3:
		w.edit(j, j.plan, w.graceOf(j.plan), *j.config.MaxRuntime, w.tolerance())
	case 4:
		p := j.plan
		switch {
		case p.expr != "":
			p = w.cron(w.clockLine())
		case p.period >= time.Hour:
			p.period = w.between(5*time.Hour, 30*time.Hour).Truncate(time.Second)
		}
		w.edit(j, p, j.config.Grace, w.between(time.Minute, 20*time.Minute).Truncate(time.Second), j.config.Threshold)
	case 5:
		w.employ(w.create(plan{period: 12 * time.Hour}, w.graceOf(plan{period: day}), 5*time.Minute, w.tolerance()))
	case 6:
		w.assign(j)
	case 7:
		w.addHook()
		w.assign(j)
	case 8:
		w.switchHook(h, !h.disabled)
		w.agenda.at(w.lived()+w.between(time.Minute, 2*day), func() { w.switchHook(h, false) })
		w.agenda.at(w.lived()+w.between(keptFor, 2*keptFor), w.tidy) // while much waits
	case 9:
		if w.chance(50) {
			w.remove(j)
		} else if !h.deleted {
			if err := w.store.DeleteChannel(w.t.Context(), w.project.ID, h.id); err != nil {
				w.t.Error(err)
			}
			w.mu.Lock()
			h.deleted = true
			w.mu.Unlock()
			w.note("%s is deleted", h.host)
		}
	}
}

// assign gives a check other channels.
func (w *world) assign(j *job) {
	var hooks []*hook
	ids := []monitor.ChannelID{}
	for _, h := range w.hooks {
		if !h.deleted && w.chance(60) {
			hooks, ids = append(hooks, h), append(ids, h.id)
		}
	}
	if j.deleted {
		return
	}
	step := store.Step{
		Ref: store.Ref{ID: j.id}, Assign: &ids,
		Decide: func(c monitor.Check) monitor.Change { return monitor.Change{Check: c, Unchanged: true} },
	}
	if _, err := w.store.Transitions(w.t.Context(), []store.Step{step}); err != nil {
		w.t.Error(err)
	}
	w.note("%s tells %v", j.name, ids)
	w.mu.Lock()
	defer w.mu.Unlock()
	j.hooks = hooks
}

// switchHook disables a channel, or enables it.
func (w *world) switchHook(h *hook, off bool) {
	if w.store == nil || w.trouble.away.Load() || h.deleted || h.disabled == off {
		return
	}
	c := h.channel
	if off {
		c.Disabled = "switched off"
	}
	if err := w.store.EditChannel(w.t.Context(), c); err != nil {
		w.t.Error(err)
	}
	w.note("%s is switched off: %v", h.host, off)
	w.mu.Lock()
	h.disabled = off
	w.mu.Unlock()
	w.sendAt = 0
}

// spells are how long a receiver behaves in another manner. Most are short: its beginning
// and its end tell more than what is tried every minute between them.
var spells = []time.Duration{10 * time.Minute, time.Hour, 4 * time.Hour, day}

func (w *world) otherManner() {
	host, m := w.hooks[w.rng.IntN(len(w.hooks))].host, manners[w.rng.IntN(len(manners))]
	if w.chance(15) {
		host = reader
	}
	w.note("%s: %s", host, m)
	w.net.set(host, m)
	w.agenda.at(w.lived()+w.between(time.Minute, spells[w.rng.IntN(len(spells))]), func() {
		w.note("%s is fine", host)
		w.net.set(host, fine)
	})
}
