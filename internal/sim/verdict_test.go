package sim_test

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// promises are what is judged, by the names that violations have.
var promises = map[string]string{
	"LOST":     "LOST: an acknowledged ping is in the database",
	"PHANTOM":  "PHANTOM: a ping in the database was sent",
	"TWICE":    "TWICE: a repeated end of a run counts once",
	"LOST_NTF": "LOST_NTF: every flip that is to be told has reached every channel, or is a dead letter",
	"COUNT":    "COUNT: a check goes down exactly at the bad result in a row that takes it down",
	"EARLY":    "EARLY: nobody is down before deadline, grace and credit",
	"LATE":     "LATE: silence is told within its bound",
	"FALSE":    "FALSE: no message without a reason, and none for our own outage",
	"ORDER":    "ORDER: a channel hears of a check in the order of its flips",
	"DUP":      "DUP: a message comes again only after a crash or an ambiguous answer, under the same id",
	"STUCK":    "STUCK: nothing is left pending or leased",
	"LETTER":   "LETTER: a report or reminder comes once for each time at which it is owed, and no other",
	"DRIFT":    "DRIFT: a check's status is that of its last flip",
}

// verdict judges what is left after a life, and what receivers got.
func (w *world) verdict() {
	for _, j := range w.jobs {
		if !j.deleted {
			w.judgePings(j)
			w.judgeFlips(j)
			w.judgeStatus(j)
		}
	}
	deliveries := w.deliveries()
	for _, d := range deliveries {
		if d.State == monitor.Pending || d.State == monitor.Sending {
			w.wrong("STUCK", d.Check, "rev %d to channel %d is %s, next at %s", d.Rev, d.Channel, d.State, clock(d.NextAt))
		}
	}
	w.judgeOwed(deliveries, w.judgeMessages())
	w.judgeLetters()
}

func (w *world) judgePings(j *job) {
	pings, err := w.store.Pings(w.t.Context(), j.id, 0, 100_000)
	if err != nil {
		w.t.Error(err)
	}
	rows := map[string]int{}
	for _, p := range pings {
		rows[p.UserAgent]++
	}
	newer := 0 // rows that there ought to be
	for _, s := range slices.Backward(slices.SortedStableFunc(slices.Values(j.sent), func(a, b *submission) int { return cmp.Compare(a.n, b.n) })) {
		n := rows[s.mark]
		delete(rows, s.mark)
		if n > 1 {
			w.wrong("PHANTOM", j.id, "%s is there %d times", s.mark, n)
		}
		deleted := newer >= keptPings && !w.trimmed.IsZero()
		if n == 0 && (s.row && !deleted || s.acked && !s.stored) {
			w.wrong("LOST", j.id, "%s of %s, acknowledged %v", s.mark, clock(s.came), s.acked)
		}
		if s.row {
			newer++
		}
	}
	for mark := range rows {
		w.wrong("PHANTOM", j.id, "%s was never sent", mark)
	}
}

// judgeFlips looks for the changes that have to be kept: those that are not old, and the
// newest.
func (w *world) judgeFlips(j *job) {
	flips, err := w.store.Flips(w.t.Context(), j.id, 0, 10_000)
	if err != nil {
		w.t.Error(err)
	}
	for i, f := range slices.Backward(j.turns) {
		there := slices.ContainsFunc(flips, func(row monitor.Flip) bool { return row.Rev == f.rev })
		if !there && (i == len(j.turns)-1 || f.at.After(w.trimmed.Add(-keptFor))) {
			w.wrong("LOST", j.id, "flip %d to %s of %s is gone", f.rev, f.new, clock(f.judged))
		}
	}
}

func (w *world) judgeStatus(j *job) {
	c, err := w.store.Check(w.t.Context(), w.project.ID, j.uuid)
	if err != nil {
		w.t.Error(err)
		return
	}
	flips, err := w.store.Flips(w.t.Context(), j.id, 0, 1)
	if err != nil {
		w.t.Error(err)
	}
	if string(c.Status) != j.oracle.status || c.Rev != j.flips || len(flips) > 0 && (flips[0].New != c.Status || flips[0].Rev != c.Rev) {
		w.wrong("DRIFT", j.id, "it is %s at rev %d, want %s at %d; last flips %+v", c.Status, c.Rev, j.oracle.status, j.flips, flips)
	}
}

func (w *world) deliveries() map[monitor.DeliveryID]store.DeliveryRow {
	all := map[monitor.DeliveryID]store.DeliveryRow{}
	for before := monitor.DeliveryID(0); ; {
		page, err := w.store.Deliveries(w.t.Context(), store.DeliveryQuery{Project: w.project.ID, Before: before, Limit: 500})
		if err != nil {
			w.t.Error(err)
		}
		for _, d := range page {
			all[d.ID] = d
			before = d.ID
		}
		if len(page) < 500 {
			return all
		}
	}
}

// lane is what messages keep their order in.
type lane struct{ check, host string }

// heard is what came of all messages.
type heard struct {
	newest   map[lane]int64
	ids      map[string]string        // by what they are about
	before   map[string]reception     // by id
	accepted map[string]bool          // by what they are about
	last     map[string]time.Duration // by id: when it was last accepted
}

// judgeMessages looks at all that receivers have read, in the order of time.
func (w *world) judgeMessages() heard {
	got := w.net.receptions
	slices.SortStableFunc(got, func(a, b reception) int { return cmp.Compare(a.at, b.at) })
	h := heard{map[lane]int64{}, map[string]string{}, map[string]reception{}, map[string]bool{}, map[string]time.Duration{}}
	for _, r := range got {
		if r.kind == roundup && r.down+r.up != len(r.turns) {
			w.wrong("LOST_NTF", 0, "%s reads %s, which says %d down and %d up", r.host, r, r.down, r.up)
		}
		for _, t := range r.turns {
			w.judgeTurn(&h, r, t)
		}
		if first, again := h.before[r.id]; again && first.accepted && !w.upsetBetween(first.at, r.at) && !w.replayedBetween(r.id, first.at, r.at) {
			w.wrong("DUP", 0, "%s reads %s again, which it had accepted", r.host, r)
		}
		h.before[r.id] = r
		if r.accepted {
			h.last[r.id] = r.at
		}
	}
	return h
}

// judgeTurn looks at one change that a message tells.
func (w *world) judgeTurn(h *heard, r reception, t turn) {
	j := w.named(t.check)
	if j == nil || !owed(j, r.host, t) {
		w.wrong("FALSE", idOf(j), "%s reads %s of %s, rev %d", r.host, t.kind, t.check, t.rev)
		return
	}
	if j.deleted && r.at > j.gone+time.Minute && r.kind != roundup {
		w.wrong("FALSE", j.id, "%s reads %s, rev %d, long after it was deleted", r.host, t.kind, t.rev)
	}
	l := lane{t.check, r.host}
	if t.rev < h.newest[l] && !t.ended && !w.replayedBetween(r.id, 0, r.at) { // an end keeps the order for its alarm
		w.wrong("ORDER", j.id, "%s reads rev %d after %d", r.host, t.rev, h.newest[l])
	}
	h.newest[l] = max(h.newest[l], t.rev)
	about := aboutOf(r.host, t.check, t.rev)
	if known := h.ids[about]; known != "" && known != r.id && !t.ended {
		w.wrong("DUP", j.id, "rev %d came to %s as %s and as %s", t.rev, r.host, known, r.id)
	}
	if !t.ended {
		h.ids[about] = r.id
	}
	h.accepted[about] = h.accepted[about] || r.accepted
}

func aboutOf(host, check string, rev int64) string { return fmt.Sprintf("%s %s %d", host, check, rev) }

func idOf(j *job) monitor.CheckID {
	if j == nil {
		return 0
	}
	return j.id
}

func (w *world) named(name string) *job {
	for _, j := range w.jobs {
		if j.name == name {
			return j
		}
	}
	return nil
}

// owed reports whether a message tells of a flip that was to be told there.
func owed(j *job, host string, says turn) bool {
	for _, t := range j.told {
		kind := "check." + t.new
		if t.old == t.new {
			kind = corrected
		}
		if t.rev == says.rev && kind == says.kind {
			return slices.ContainsFunc(t.hooks, func(h *hook) bool { return h.host == host })
		}
	}
	return false
}

// upsetBetween reports whether something happened that explains a repetition. What
// was under way then may come again when its lease has run out.
func (w *world) upsetBetween(from, to time.Duration) bool {
	return slices.ContainsFunc(w.upset, func(at time.Duration) bool {
		return at >= from-time.Minute && at <= to
	})
}

// replayedBetween reports whether somebody had the message sent again.
func (w *world) replayedBetween(id string, from, to time.Duration) bool {
	return slices.ContainsFunc(w.replays[id], func(at time.Duration) bool { return at >= from && at <= to })
}

// judgeOwed looks for every flip at every channel.
func (w *world) judgeOwed(deliveries map[monitor.DeliveryID]store.DeliveryRow, h heard) {
	rows := map[address]store.DeliveryRow{}
	for _, d := range deliveries {
		id := monitor.MessageID(d.First, d.Delivery)
		if d.State == monitor.Merged {
			tells, there := deliveries[d.Digest]
			if !there && !w.tidied(d.Created) {
				w.wrong("LOST_NTF", d.Check, "rev %d is told by a digest that is gone", d.Rev)
			}
			d.State = tells.State
		} else if again := w.replays[id]; d.State == monitor.Sent && len(again) > 0 && h.last[id] < again[len(again)-1] {
			w.wrong("LOST_NTF", d.Check, "delivery %d was replayed, counts as sent, and did not come again", d.ID)
		}
		rows[address{d.Check, d.Rev, d.Channel}] = d
	}
	for _, j := range w.jobs {
		for _, t := range j.told {
			for _, to := range t.hooks {
				row, there := rows[address{j.id, t.rev, to.id}]
				accepted := h.accepted[aboutOf(to.host, j.name, t.rev)]
				switch {
				case to.deleted, j.deleted, accepted:
				case !there && !(w.tidied(t.judged) && w.dead[address{j.id, t.rev, to.id}]):
					w.wrong("LOST_NTF", j.id, "rev %d (%s) is owed to %s, which never took it, and is neither queued nor a dead letter", t.rev, t.new, to.host)
				case row.State == monitor.Dead:
					w.wrong("LOST_NTF", j.id, "rev %d (%s) is a dead letter to %s, after it was sent again", t.rev, t.new, to.host)
				case row.State == monitor.Sent:
					w.wrong("LOST_NTF", j.id, "rev %d (%s) counts as sent to %s, which never took it", t.rev, t.new, to.host)
				}
			}
		}
	}
}
