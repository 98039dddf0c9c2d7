package sim_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// keptPings and keptFor are how little is kept: more than a late report looks back.
const (
	keptPings = 40
	keptFor   = 18 * time.Hour
)

// address is a flip as it is owed to a channel.
type address struct {
	check   monitor.CheckID
	rev     int64
	channel monitor.ChannelID
}

// breaks are where the deletion of what is old may fail half-way: one row in a few of a
// table is not to be deleted, while the table is named in halfway. The triggers are in
// the database that each life begins with, as a change of the schema would have every
// statement prepared anew.
var breaks = []struct{ table, row string }{
	{"deliveries", "old.id % 5"},
	{"attempts", "old.delivery_id % 4"},
	{"pings", "old.n % 7"},
	{"flips", "old.rev % 3"},
	{"decisions", "old.key % 3"},
	{"digests", "old.delivery_id % 2"},
}

// halfway is what lets a deletion fail.
func halfway() string {
	text := "CREATE TABLE halfway (name TEXT);"
	for _, b := range breaks {
		text += fmt.Sprintf(`CREATE TRIGGER halfway_%s BEFORE DELETE ON %[1]s
			WHEN %s = 0 AND '%[1]s' IN (SELECT name FROM halfway) BEGIN SELECT RAISE(FAIL, 'half-way'); END;`, b.table, b.row)
	}
	return text
}

// tidy deletes what is old, which may fail after any of its steps and in the middle of
// one. What it has done by then may have been for good.
func (w *world) tidy() {
	if w.store == nil || w.trouble.away.Load() || len(w.nodes) == 0 {
		return
	}
	if w.chance(40) && w.bug != trimPending {
		w.exec("INSERT INTO halfway (name) VALUES (?)", breaks[w.rng.IntN(len(breaks))].table)
		defer w.exec("DELETE FROM halfway")
	}
	p := w.port(w.nodes[w.rng.IntN(len(w.nodes))], trimming)
	now := w.now()
	keep := store.Keep{
		Pings: keptPings, Flips: now.Add(-2 * keptFor), Deliveries: now.Add(-keptFor), Expired: now, Audit: now.Add(-keptFor),
	}
	w.trimmed = latest(w.trimmed, keep.Deliveries)
	var err error
	for more := true; more && err == nil; {
		more, err = p.Trim(w.t.Context(), keep)
	}
	w.note("what is old is deleted, wholly: %v", err == nil)
	if err == nil {
		return
	}
	for _, j := range w.jobs {
		if !j.deleted {
			w.judgePings(j)
			w.judgeFlips(j)
		}
	}
	w.agenda.at(w.lived()+w.between(time.Minute, day), w.tidy)
}

// Trim implements store.Housekeeping.
func (p *port) Trim(ctx context.Context, keep store.Keep) (more bool, err error) {
	err = p.through(trimming, func() error {
		var err error
		more, err = p.w.bug.trim(p.w, keep)
		return err
	})
	return more, err
}

// tidied reports whether a delivery of that time may have been deleted.
func (w *world) tidied(created time.Time) bool { return created.Before(w.trimmed) }

// replay has some of what was given up, or all of it, sent again, and now and then
// what was taken.
func (w *world) replay(most int, states ...monitor.DeliveryState) {
	if w.store == nil || w.trouble.away.Load() {
		return
	}
	all := w.deliveries()
	for _, id := range slices.Sorted(maps.Keys(all)) {
		d := all[id]
		for _, state := range states {
			if most == 0 || d.State != state || d.Kind != monitor.ForFlip && d.Kind != monitor.ForDigest {
				continue
			}
			if err := w.bug.replay(w, d); err != nil {
				w.t.Error(err)
				return
			}
			id := monitor.MessageID(d.First, d.Delivery)
			w.replays[id] = append(w.replays[id], w.lived())
			w.note("%s, rev %d, to %s is sent again", d.CheckName, d.Rev, d.ChannelName)
			most--
		}
	}
	w.sendAt = 0
}

// givenUp notes what became of a delivery, and of what it tells too: a digest, or an
// alarm that was tried in vain.
func (w *world) givenUp(p *port, d monitor.Delivery) {
	dead, own := d.State == monitor.Dead, address{d.Check, d.Rev, d.Channel}
	w.mu.Lock()
	changed := w.dead[own] != dead
	w.dead[own] = dead
	w.mu.Unlock()
	if !changed && d.Kind != monitor.ForDigest {
		return
	}
	all, err := p.Store.Deliveries(context.Background(), store.DeliveryQuery{Project: d.Project, Digest: d.ID, Limit: 500})
	if err != nil {
		w.t.Error(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, told := range all {
		w.dead[address{told.Check, told.Rev, told.Channel}] = dead
	}
}

// herd is the many jobs of one machine, which fails as a whole and comes back: more
// changes in a moment than anybody reads one by one.
func (w *world) herd() {
	if w.store == nil || w.trouble.away.Load() || w.over {
		return
	}
	var herd []*job
	p := plan{period: 10 * time.Minute}
	for range 45 + w.rng.IntN(20) { // 70 % of them are told to a channel, more than are told singly
		j := w.create(p, (w.graceOf(p) / 4).Truncate(time.Second), 5*time.Minute, nil)
		w.employ(j)
		j.style, j.client = 0, 0
		herd = append(herd, j)
	}
	all := func(after time.Duration, what func(*job)) {
		w.agenda.at(w.lived()+after, func() {
			for _, j := range herd {
				what(j)
			}
		})
	}
	fails := w.between(25*time.Minute, 40*time.Minute)
	back := fails + w.between(25*time.Minute, time.Hour)
	all(fails, func(j *job) { j.works = false })
	if fault := w.drawFault(); w.chance(70) { // when all are missed
		w.agenda.at(w.lived()+fails+w.between(8*time.Minute, 13*time.Minute), func() {
			if !w.over && !w.trouble.away.Load() {
				fault()
			}
		})
	}
	all(back, func(j *job) {
		if !j.deleted {
			j.works = true
			w.work(j)
		}
	})
	all(back+w.between(10*time.Minute, 40*time.Minute), func(j *job) { j.works = false })
	all(back+2*time.Hour, w.pause)
}
