package sim_test

import (
	"cmp"
	"slices"
	"strings"
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
	"EARLY":    "EARLY: nobody is down before deadline, grace and credit",
	"LATE":     "LATE: silence is told within its bound",
	"FALSE":    "FALSE: no message without a reason, and none for our own outage",
	"ORDER":    "ORDER: a channel hears of a check in the order of its flips",
	"DUP":      "DUP: a message comes again only after a crash or an ambiguous answer, under the same id",
	"STUCK":    "STUCK: nothing is left pending or leased",
	"DRIFT":    "DRIFT: a check's status is that of its last flip",
}

// verdict judges what is left after a life, and what receivers got.
func (w *world) verdict() {
	for _, j := range w.jobs {
		if !j.deleted {
			w.judgePings(j)
			w.judgeStatus(j)
		}
	}
	deliveries := w.deliveries()
	for _, d := range deliveries {
		if d.State == monitor.Pending || d.State == monitor.Sending {
			w.wrong("STUCK", d.Check, "rev %d to channel %d is %s, next at %s", d.Rev, d.Channel, d.State, clock(d.NextAt))
		}
	}
	w.judgeMessages()
	w.judgeOwed(deliveries)
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
	for _, s := range j.sent {
		n := rows[s.mark]
		delete(rows, s.mark)
		if n > 1 {
			w.wrong("PHANTOM", j.id, "%s is there %d times", s.mark, n)
		}
		if n == 0 && (s.row || s.acked && !s.stored) {
			w.wrong("LOST", j.id, "%s of %s, acknowledged %v", s.mark, clock(s.came), s.acked)
		}
	}
	for mark := range rows {
		w.wrong("PHANTOM", j.id, "%s was never sent", mark)
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

// digests begins the kinds of message that are about several checks: those that could
// not be verified, or many flips in a storm.
const digests = "checks."

// lane is what messages keep their order in.
type lane struct{ check, host string }

// judgeMessages looks at all that receivers have read, in the order of time. A kind
// of message that is not about one flip belongs here, counted apart.
func (w *world) judgeMessages() {
	got := w.net.receptions
	slices.SortStableFunc(got, func(a, b reception) int { return cmp.Compare(a.at, b.at) })
	newest := map[lane]int64{}
	before := map[string]reception{} // by id
	ids := map[string]string{}       // by what they are about
	for _, r := range got {
		if strings.HasPrefix(r.kind, digests) {
			continue // about several checks, and no flip of its own
		}
		j := w.named(r.check)
		l := lane{r.check, r.host}
		if !strings.HasPrefix(r.kind, "check.") || j == nil || !owed(j, r) {
			w.wrong("FALSE", idOf(j), "%s reads %s of %s, rev %d", r.host, r.kind, r.check, r.rev)
			continue
		}
		if j.deleted && r.at > j.gone+time.Minute {
			w.wrong("FALSE", j.id, "%s reads %s, rev %d, long after it was deleted", r.host, r.kind, r.rev)
		}
		if r.rev < newest[l] {
			w.wrong("ORDER", j.id, "%s reads rev %d after %d", r.host, r.rev, newest[l])
		}
		newest[l] = max(newest[l], r.rev)
		about := r.host + " " + r.check + " " + clock(time.Unix(r.rev, 0))
		if known := ids[about]; known != "" && known != r.id {
			w.wrong("DUP", j.id, "rev %d came to %s as %s and as %s", r.rev, r.host, known, r.id)
		}
		ids[about] = r.id
		if first, again := before[r.id]; again && first.accepted && !w.upsetBetween(first.at, r.at) {
			w.wrong("DUP", j.id, "%s reads rev %d again, which it had accepted", r.host, r.rev)
		}
		before[r.id] = r
	}
}

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

// owed reports whether the message tells of a flip that was to be told there.
func owed(j *job, r reception) bool {
	for _, t := range j.told {
		kind := "check." + t.new
		if t.old == t.new {
			kind = "check.corrected"
		}
		if t.rev == r.rev && kind == r.kind {
			return slices.ContainsFunc(t.hooks, func(h *hook) bool { return h.host == r.host })
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

// judgeOwed looks for every flip at every channel.
func (w *world) judgeOwed(deliveries map[monitor.DeliveryID]store.DeliveryRow) {
	type address struct {
		check   monitor.CheckID
		rev     int64
		channel monitor.ChannelID
	}
	rows := map[address]store.DeliveryRow{}
	for _, d := range deliveries {
		rows[address{d.Check, d.Rev, d.Channel}] = d
	}
	accepted := map[string]bool{}
	for _, r := range w.net.receptions {
		if r.accepted {
			accepted[r.host+r.check+clock(time.Unix(r.rev, 0))] = true
		}
	}
	for _, j := range w.jobs {
		for _, t := range j.told {
			for _, h := range t.hooks {
				row, there := rows[address{j.id, t.rev, h.id}]
				switch {
				case h.deleted, j.deleted:
				case !there:
					w.wrong("LOST_NTF", j.id, "rev %d (%s) is owed to %s and not queued", t.rev, t.new, h.host)
				case row.State == monitor.Sent && !accepted[h.host+j.name+clock(time.Unix(t.rev, 0))]:
					w.wrong("LOST_NTF", j.id, "rev %d (%s) counts as sent to %s, which never took it", t.rev, t.new, h.host)
				}
			}
		}
	}
}
