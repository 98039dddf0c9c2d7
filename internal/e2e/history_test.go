package e2e_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
	"rollcall/internal/prove"
)

// history is what the clients and the receiver saw, and what the database holds
// after all of it.
type history struct {
	sent      map[pingID]time.Time // when a client began to send a ping, for the first time
	acked     map[pingID]time.Time // when it was answered 200, of those whose row is kept
	coalesced map[uuid.UUID]int    // by check: answered 200, counted and not kept
	failures  map[uuid.UUID]int    // by check: reports of a failure that were sent
	crashes   []time.Time          // after each of them and before the next start
	received  []message            // in the order in which they came

	checks     []checkRow
	pings      []pingID // of the rows
	flips      []flipRow
	deliveries []deliveryRow
}

// newHistory returns one in which nothing has happened.
func newHistory() history {
	return history{sent: map[pingID]time.Time{}, acked: map[pingID]time.Time{}, coalesced: map[uuid.UUID]int{}, failures: map[uuid.UUID]int{}}
}

// of returns the part of a history that is about the given checks.
func (h history) of(checks []uuid.UUID) history {
	other := func(id uuid.UUID) bool { return !slices.Contains(checks, id) }
	digests := map[monitor.DeliveryID]bool{}
	for _, d := range h.deliveries {
		if d.check != uuid.Nil && !other(d.check) {
			digests[d.Digest] = true
		}
	}
	h.checks = slices.DeleteFunc(h.checks, func(c checkRow) bool { return other(c.uuid) })
	h.pings = slices.DeleteFunc(h.pings, func(p pingID) bool { return other(p.check) })
	h.flips = slices.DeleteFunc(h.flips, func(f flipRow) bool { return other(f.check) })
	h.deliveries = slices.DeleteFunc(h.deliveries, func(d deliveryRow) bool { return other(d.check) && !digests[d.ID] })
	return h
}

// pingID is how a client knows a ping again: by its body, or by its signal and run.
type pingID struct {
	check uuid.UUID
	name  string
}

func (p pingID) String() string { return fmt.Sprintf("%q of check %s", p.name, p.check) }

// message is one that the receiver got.
type message struct {
	id string
	at time.Time
}

type checkRow struct {
	uuid             uuid.UUID
	status           string
	rev              int64
	pings, coalesced int
	channels         int
	limit            time.Duration // from a success to the deadline of the next: period and grace
}

type flipRow struct {
	check      uuid.UUID
	rev        int64
	to, reason string
	at, judged time.Time
	tell       bool
}

// deliveryRow is what one channel is owed: of a flip, or a digest of several.
type deliveryRow struct {
	monitor.Delivery
	check uuid.UUID // of a flip
}

// invariants are the promises that a history can break, by the word that its
// violations begin with.
var invariants = map[string]string{
	"LOST":     "an acknowledged ping is in the database",
	"PHANTOM":  "a ping that was never sent is not in the database",
	"TWICE":    "a ping that is sent again is stored once",
	"DRIFT":    "status and counters of a check agree with its flips and pings",
	"LOST_NTF": "a change that is told reaches every channel of its check",
	"EARLY":    "nobody is told before a deadline and its grace have passed",
	"FALSE":    "nobody is told what did not happen",
	"ORDER":    "a channel is told of the changes of a check in their order",
	"DUP":      "a message comes again only when a crash explains it",
}

// violations are the promises that a history breaks.
func (h history) violations() []string {
	return slices.Concat(h.wrongPings(), h.wrongChecks(), h.wrongFlips(), h.wrongDeliveries(), h.wrongMessages())
}

// tally notes the violations of every invariant, and fails the test of any.
func tally(t *testing.T, trials int, violations []string) {
	t.Helper()
	counts := map[string]int{}
	for i, v := range violations {
		kind, _, _ := strings.Cut(v, ":")
		counts[kind]++
		if i < 20 {
			t.Error(v)
		}
	}
	for kind, words := range invariants {
		prove.Report(t, kind+": "+words, trials, counts[kind])
	}
}

// wrongPings: an acknowledged ping is there, none was invented, none counts twice.
func (h history) wrongPings() (wrong []string) {
	rows := map[pingID]int{}
	for _, id := range h.pings {
		rows[id]++
		if h.sent[id].IsZero() {
			wrong = append(wrong, fmt.Sprintf("PHANTOM: %v was never sent", id))
		}
		if rows[id] == 2 {
			wrong = append(wrong, fmt.Sprintf("TWICE: %v", id))
		}
	}
	for id := range h.acked {
		if rows[id] == 0 {
			wrong = append(wrong, fmt.Sprintf("LOST: %v was acknowledged", id))
		}
	}
	return wrong
}

// wrongChecks: the counters and the status of a check agree with its rows.
func (h history) wrongChecks() (wrong []string) {
	rows, newest, flips := map[uuid.UUID]int{}, map[uuid.UUID]flipRow{}, map[uuid.UUID]int64{}
	for _, id := range h.pings {
		rows[id.check]++
	}
	for _, f := range h.flips {
		flips[f.check]++
		if f.rev > newest[f.check].rev {
			newest[f.check] = f
		}
	}
	for _, c := range h.checks {
		if c.pings != rows[c.uuid]+c.coalesced {
			wrong = append(wrong, fmt.Sprintf("DRIFT: check %s counts %d pings, and has %d rows and %d coalesced", c.uuid, c.pings, rows[c.uuid], c.coalesced))
		}
		if c.coalesced < h.coalesced[c.uuid] {
			wrong = append(wrong, fmt.Sprintf("LOST: check %s coalesced %d pings and acknowledged %d", c.uuid, c.coalesced, h.coalesced[c.uuid]))
		}
		last := newest[c.uuid]
		if c.rev != last.rev || c.rev != flips[c.uuid] || c.rev > 0 && c.status != last.to || c.rev == 0 && c.status != string(monitor.New) {
			wrong = append(wrong, fmt.Sprintf("DRIFT: check %s is %s after %d changes, and the newest of %d flips is %+v", c.uuid, c.status, c.rev, flips[c.uuid], last))
		}
	}
	return wrong
}

// wrongFlips: silence was judged no earlier than a deadline that no acknowledged
// ping moves, and no failure was found that nobody reported. A client and Rollcall
// look at the same clock here; a ping counts from when it was sent, which is before
// Rollcall dated it.
func (h history) wrongFlips() (wrong []string) {
	limits := map[uuid.UUID]time.Duration{}
	for _, c := range h.checks {
		limits[c.uuid] = c.limit
	}
	silent, failed := map[uuid.UUID][]flipRow{}, map[uuid.UUID]int{}
	for _, f := range h.flips {
		switch {
		case f.judged.Before(f.at):
			wrong = append(wrong, fmt.Sprintf("EARLY: check %s was judged %s before its deadline", f.check, f.at.Sub(f.judged)))
		case f.to != string(monitor.Down):
		case f.reason == string(monitor.Silent):
			silent[f.check] = append(silent[f.check], f)
		case f.reason == string(monitor.Failed):
			if failed[f.check]++; failed[f.check] == h.failures[f.check]+1 {
				wrong = append(wrong, fmt.Sprintf("FALSE: check %s failed more often than the %d times that were reported", f.check, h.failures[f.check]))
			}
		}
	}
	for id, acked := range h.acked {
		deadline := h.sent[id].Add(limits[id.check])
		for _, f := range silent[id.check] {
			if f.judged.After(acked) && f.judged.Before(deadline) {
				wrong = append(wrong, fmt.Sprintf("EARLY: check %s was judged silent at %s, %s before the deadline that %v gave it", f.check, f.judged, deadline.Sub(f.judged), id))
			}
		}
	}
	return wrong
}

// wrongDeliveries: a flip that is told owes one delivery to each channel of its
// check, and in the end each was sent.
func (h history) wrongDeliveries() (wrong []string) {
	type flip struct {
		check uuid.UUID
		rev   int64
	}
	owed, made := map[flip]int{}, map[flip]int{}
	channels := map[uuid.UUID]int{}
	for _, c := range h.checks {
		channels[c.uuid] = c.channels
	}
	for _, f := range h.flips {
		if f.tell {
			owed[flip{f.check, f.rev}] = channels[f.check]
		}
	}
	digests := map[monitor.DeliveryID]bool{}
	for _, d := range h.deliveries {
		digests[d.ID] = d.Kind != monitor.ForFlip
	}
	ends := map[monitor.DeliveryID]deliveryRow{}
	for _, d := range h.deliveries {
		ends[d.ID] = d
	}
	for _, d := range h.deliveries {
		end := ends[d.Digest]
		withEnd := d.WithEnd() && end.check == d.check && end.Channel == d.Channel && end.Rev == d.Rev+1
		if told := d.State == monitor.Merged && digests[d.Digest] || withEnd; d.State != monitor.Sent && !told {
			wrong = append(wrong, fmt.Sprintf("LOST_NTF: delivery %d is %s", d.ID, d.State))
		}
		if digests[d.ID] {
			continue
		}
		key := flip{d.check, d.Rev}
		made[key]++
		if owed[key] == 0 {
			wrong = append(wrong, fmt.Sprintf("FALSE: delivery %d is of no flip that is told", d.ID))
		}
	}
	for key, n := range owed {
		if made[key] != n {
			wrong = append(wrong, fmt.Sprintf("LOST_NTF: flip %d of check %s owes %d deliveries and has %d", key.rev, key.check, n, made[key]))
		}
	}
	return wrong
}

// wrongMessages: each delivery came, by itself or in a digest, repeated only where a
// crash may have kept it from being recorded, none was invented, none came before its
// flip, and those of one check on one channel came in order.
func (h history) wrongMessages() (wrong []string) {
	type lane struct {
		check   uuid.UUID
		channel monitor.ChannelID
	}
	flips := map[pingID]flipRow{}
	key := func(check uuid.UUID, rev int64) pingID { return pingID{check, fmt.Sprint(rev)} }
	for _, f := range h.flips {
		flips[key(f.check, f.rev)] = f
	}
	byID, inDigest := map[string]deliveryRow{}, map[monitor.DeliveryID][]deliveryRow{}
	for _, d := range h.deliveries {
		if d.State == monitor.Merged {
			inDigest[d.Digest] = append(inDigest[d.Digest], d)
		} else {
			byID[monitor.MessageID(d.check, d.Delivery)] = d
		}
	}
	times, before, last := map[string]int{}, map[string]time.Time{}, map[lane]int64{}
	for _, m := range h.received {
		d, known := byID[m.id]
		earlier := before[m.id]
		before[m.id] = m.at
		if times[m.id]++; times[m.id] > 1 {
			if times[m.id] > d.Attempts && !h.crashed(earlier, m.at) {
				wrong = append(wrong, fmt.Sprintf("DUP: delivery %d came at %s and again at %s, after %d attempts", d.ID, earlier, m.at, d.Attempts))
			}
			continue
		}
		if !known {
			wrong = append(wrong, fmt.Sprintf("FALSE: message %s is of no delivery", m.id))
			continue
		}
		told := []deliveryRow{d}
		if d.Kind != monitor.ForFlip {
			told = slices.SortedFunc(slices.Values(inDigest[d.ID]), func(a, b deliveryRow) int { return cmp.Compare(a.Rev, b.Rev) })
		}
		for _, d := range told {
			if f := flips[key(d.check, d.Rev)]; m.at.Before(f.at) {
				wrong = append(wrong, fmt.Sprintf("EARLY: delivery %d came %s before its flip", d.ID, f.at.Sub(m.at)))
			}
			l := lane{d.check, d.Channel}
			if d.Rev < last[l] {
				wrong = append(wrong, fmt.Sprintf("ORDER: check %s told channel %d of change %d after %d", d.check, d.Channel, d.Rev, last[l]))
			}
			last[l] = d.Rev
		}
	}
	for id, d := range byID {
		if times[id] == 0 {
			wrong = append(wrong, fmt.Sprintf("LOST_NTF: delivery %d never came", d.ID))
		}
	}
	return wrong
}

// crashed reports whether there was a crash between two instants.
func (h history) crashed(from, to time.Time) bool {
	return slices.ContainsFunc(h.crashes, func(at time.Time) bool { return at.After(from) && at.Before(to) })
}

// A checker that finds nothing proves nothing unless it finds what is there.
func TestHistoryChecker(t *testing.T) {
	check := uuid.MustParse("5f0b1c9e-6d43-4a4e-9a53-0d2f6c1f7a11")
	ping := pingID{check, "one"}
	down := monitor.Delivery{ID: 1, Channel: 7, Kind: monitor.ForFlip, Rev: 2, State: monitor.Sent, Attempts: 1}
	up := monitor.Delivery{ID: 2, Channel: 7, Kind: monitor.ForFlip, Rev: 3, State: monitor.Sent, Attempts: 1}
	at := func(seconds int) time.Time {
		return time.Date(2026, 3, 1, 12, 0, seconds, 0, time.UTC)
	}
	sound := func() *history {
		return &history{
			sent: map[pingID]time.Time{ping: at(0)}, acked: map[pingID]time.Time{ping: at(1)}, coalesced: map[uuid.UUID]int{check: 2},
			received: []message{{monitor.MessageID(check, down), at(12)}, {monitor.MessageID(check, up), at(22)}},
			checks:   []checkRow{{check, "up", 3, 3, 2, 1, 10 * time.Second}},
			pings:    []pingID{ping},
			flips: []flipRow{
				{check, 1, "up", "success", at(0), at(0), false},
				{check, 2, "down", "timeout", at(10), at(11), true},
				{check, 3, "up", "success", at(20), at(20), true},
			},
			deliveries: []deliveryRow{{down, check}, {up, check}},
		}
	}
	// merged tells both changes in one digest.
	merged := func(h *history) monitor.Delivery {
		digest := monitor.Delivery{ID: 3, Channel: 7, Kind: monitor.ForDigest, State: monitor.Sent, Attempts: 1}
		for i := range h.deliveries {
			h.deliveries[i].State, h.deliveries[i].Attempts, h.deliveries[i].Digest = monitor.Merged, 0, digest.ID
		}
		h.deliveries = append(h.deliveries, deliveryRow{Delivery: digest})
		h.received = []message{{monitor.MessageID(uuid.Nil, digest), at(22)}}
		return digest
	}
	again := func(h *history) { h.received = append(h.received, message{h.received[0].id, at(30)}) }
	for _, test := range []struct {
		want  string // the only kind of violation; "" for none
		spoil func(*history)
	}{
		{"", func(*history) {}},
		{"", func(h *history) { again(h); h.crashes = []time.Time{at(25)} }},
		{"", func(h *history) { again(h); h.deliveries[0].Attempts = 2 }},
		{"LOST", func(h *history) { h.pings, h.checks[0].pings = nil, 2 }},
		{"LOST", func(h *history) { h.coalesced[check] = 3 }},
		{"LOST_NTF", func(h *history) { h.received = h.received[:1] }},
		{"LOST_NTF", func(h *history) { h.deliveries, h.received = h.deliveries[:1], h.received[:1] }},
		{"LOST_NTF", func(h *history) { h.deliveries[1].State = monitor.Sending }},
		{"PHANTOM", func(h *history) { clear(h.sent); clear(h.acked) }},
		{"TWICE", func(h *history) { h.pings, h.checks[0].pings = append(h.pings, ping), 4 }},
		{"DRIFT", func(h *history) { h.checks[0].pings++ }},
		{"DRIFT", func(h *history) { h.checks[0].status = "down" }},
		{"DRIFT", func(h *history) { h.checks[0].rev++ }},
		{"EARLY", func(h *history) { h.flips[1].judged = at(9) }},
		{"EARLY", func(h *history) { h.checks[0].limit = 12 * time.Second }},
		{"EARLY", func(h *history) { h.received[0].at = at(9) }},
		{"FALSE", func(h *history) { h.received = append(h.received, message{"msg_unknown", at(30)}) }},
		{"FALSE", func(h *history) { h.flips[2].tell = false }},
		{"FALSE", func(h *history) { h.flips[1].reason = "fail" }},
		{"ORDER", func(h *history) { slices.Reverse(h.received) }},
		{"", func(h *history) { merged(h) }},
		{"EARLY", func(h *history) { merged(h); h.received[0].at = at(12) }},
		{"LOST_NTF", func(h *history) { merged(h); h.received = nil }},
		{"LOST_NTF", func(h *history) { merged(h); h.deliveries[2].State = monitor.Dead }},
		{"LOST_NTF", func(h *history) { merged(h); h.deliveries[0].Digest = 4 }},
		{"ORDER", func(h *history) {
			single := h.received[0]
			merged(h)
			h.deliveries[0].State, h.deliveries[0].Digest = monitor.Sent, 0
			h.received = append(h.received, message{single.id, at(23)})
		}},
		{"DUP", again},
		{"DUP", func(h *history) { again(h); h.crashes = []time.Time{at(5), at(35)} }},
	} {
		h := sound()
		test.spoil(h)
		var kinds []string
		for _, v := range h.violations() {
			kind, _, _ := strings.Cut(v, ":")
			if invariants[kind] == "" {
				t.Errorf("%q is the kind of no invariant", kind)
			}
			kinds = append(kinds, kind)
		}
		slices.Sort(kinds)
		if got := strings.Join(slices.Compact(kinds), " "); got != test.want {
			t.Errorf("found %q, want %q: %q", got, test.want, h.violations())
		}
	}
}
