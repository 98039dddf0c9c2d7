package sim_test

import (
	"fmt"
	"time"

	"rollcall/internal/monitor"
)

// outages are how long Rollcall is away.
var outages = []time.Duration{
	time.Second, 9 * time.Second, 16 * time.Second, 40 * time.Second, 2 * time.Minute, 20 * time.Minute,
	20 * time.Minute, time.Hour, 3 * time.Hour, 3 * time.Hour, 30 * time.Hour,
}

// misfortune lets something go wrong, half of the time when a job is about to report.
func (w *world) misfortune() {
	if w.over {
		return
	}
	fault := w.drawFault()
	at := w.lived()
	if len(w.jobs) > 0 && w.chance(60) {
		if j := w.jobs[w.rng.IntN(len(w.jobs))]; j.nextRun > at {
			at = max(at, j.nextRun-w.between(0, 90*time.Second))
			if w.chance(30) {
				at = j.nextRun + j.config.Grace - w.between(0, 3*time.Second) // about to be late
			}
		}
	}
	w.agenda.at(max(w.lived(), at-w.between(0, 2*markEvery)), w.rise)
	w.agenda.at(at, func() {
		if !w.over && !w.trouble.away.Load() {
			fault()
		}
	})
}

func (w *world) drawFault() func() {
	length := w.between(0, outages[w.rng.IntN(len(outages))]) + time.Second
	which, n, after := op(w.rng.IntN(int(ops))), int32(1+w.rng.IntN(4)), int32(1+w.rng.IntN(2))
	pick := w.rng.IntN(1 << 16)
	switch w.rng.IntN(9) {
	case 0, 1:
		return func() { w.crash(pick, length) }
	case 2:
		return func() { w.halt(pick, length) }
	case 3:
		return func() { w.databaseAway(min(length, 20*time.Minute)) } // ingest tries again every second
	case 4:
		return func() {
			w.note("refuses %d calls of %s", n, opNames[which])
			w.disturbed()
			w.trouble.refuse[which].Store(n)
		}
	case 5:
		return func() {
			w.note("misleads %d calls of %s", n, opNames[which])
			w.disturbed()
			w.trouble.mislead[which].Store(n)
		}
	case 6:
		return func() { w.dieAt(which, after) }
	case 7:
		return func() { w.lastMoment(pick, min(length, 8*time.Second)) }
	}
	jump := []time.Duration{time.Second, -time.Second, 5 * time.Minute, -5 * time.Minute, 25 * time.Hour}[w.rng.IntN(5)]
	return func() { w.jump(jump) }
}

// lastMoment lets a job report just before its deadline, while storing stalls until
// after it.
func (w *world) lastMoment(pick int, stall time.Duration) {
	if w.twoNodes {
		stall = settle / 2 // the other does not know more than that
	}
	if len(w.jobs) == 0 {
		return
	}
	j := w.jobs[pick%len(w.jobs)]
	w.mu.Lock()
	deadline, _, ok := j.oracle.deadline()
	w.mu.Unlock()
	at := w.lived() + deadline.Add(-stall/4).Sub(w.now())
	if !ok || j.deleted || at < w.lived() {
		return
	}
	w.agenda.at(max(w.lived(), at-markEvery*3/2), w.rise)
	w.agenda.at(at, func() {
		if !w.over && j.free < w.lived() {
			w.note("storing stalls for %s", stall)
			w.trouble.stall.Store(int64(stall))
			w.send(j, "success", "", 0, func(bool) {})
		}
	})
}

// dieAt lets a process die before, or after, a call of the store, when there is one
// within hours.
func (w *world) dieAt(which op, when int32) {
	w.note("dies at the next %s (%d)", opNames[which], when)
	w.rise()
	w.trouble.die[which].Store(when)
	w.agenda.at(w.lived()+12*time.Hour, func() { w.trouble.die[which].Store(0) })
}

// crash kills one process, or all, and starts them anew some time later.
func (w *world) crash(pick int, length time.Duration) {
	w.rise()
	for i, n := range w.nodes {
		if i == pick%len(w.nodes) || pick&64 == 0 {
			n.dies("as it stands")
		}
	}
	w.bury()
	w.agenda.at(w.lived()+length, w.revive)
}

// halt stops one process, or all, in good order.
func (w *world) halt(pick int, length time.Duration) {
	w.rise()
	for i := len(w.nodes) - 1; i >= 0; i-- {
		if i == pick%len(w.nodes) || pick&64 == 0 {
			w.stop(w.nodes[i])
		}
	}
	w.agenda.at(w.lived()+length, w.revive)
}

// revive starts the processes that are not running.
func (w *world) revive() {
	for i := range 2 {
		name := fmt.Sprintf("node-%d", i+1)
		running := i == 1 && !w.twoNodes
		for _, n := range w.nodes {
			running = running || n.name == name && !n.dead.Load()
		}
		if !running {
			w.bury()
			w.start(name)
		}
	}
}

func (w *world) databaseAway(length time.Duration) {
	w.rise()
	w.note("the database is away for %s", length)
	w.disturbed()
	w.trouble.away.Store(true)
	w.tickSoon()
	w.agenda.at(w.lived()+length, func() {
		w.note("the database is back")
		w.disturbed()
		w.trouble.away.Store(false)
		w.until = w.lived() + awake
		w.sendAt, w.letters.at = 0, 0
		w.tickSoon()
	})
}

// jump sets the servers' clock.
func (w *world) jump(by time.Duration) {
	w.rise()
	w.note("the clock is set by %s", by)
	w.disturbed()
	w.skew.Add(int64(by))
	w.mu.Lock()
	w.heard = earliest(w.heard, w.now())
	w.mu.Unlock()
	w.sendAt, w.letters.at = 0, 0
	w.tickSoon()
}

// peace ends all faults, repairs what can be repaired, and gives what is owed the
// time that it may take.
func (w *world) peace() {
	w.over = true
	w.note("faults end")
	w.trouble.away.Store(false)
	for i := range ops {
		w.trouble.refuse[i].Store(0)
		w.trouble.mislead[i].Store(0)
		w.trouble.die[i].Store(0)
	}
	w.bury()
	w.revive()
	w.live(w.lived() + time.Minute)
	for _, h := range w.hooks {
		w.net.set(h.host, fine)
		w.switchHook(h, false)
	}
	w.net.set(reader, fine)
	w.replay(1000, monitor.Dead)
	w.live(w.lived() + 6*time.Hour) // who is dead is told
	for _, j := range w.jobs {
		w.pause(j)
	}
	w.live(w.lived() + 12*time.Hour)
}
