package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
)

// history is what the clients and the receiver saw, and what the database holds
// after all of it.
type history struct {
	sent      map[pingID]bool   // every ping that a client began to send
	acked     map[pingID]bool   // those answered 200 whose row is kept
	coalesced map[uuid.UUID]int // by check: answered 200, counted and not kept
	kills     int
	received  []string // ids of messages in the order in which they came

	checks     []checkRow
	pings      []pingID // of the rows
	flips      []flipRow
	deliveries []deliveryRow
}

// pingID is how a client knows a ping again: by its body, or by its signal and run.
type pingID struct {
	check uuid.UUID
	name  string
}

func (p pingID) String() string { return fmt.Sprintf("%q of check %s", p.name, p.check) }

type checkRow struct {
	uuid             uuid.UUID
	status           string
	rev              int64
	pings, coalesced int
	channels         int
}

type flipRow struct {
	check uuid.UUID
	rev   int64
	to    string
	tell  bool
}

type deliveryRow struct {
	monitor.Delivery
	check uuid.UUID
}

// violations are the promises that a history breaks.
func (h history) violations() []string {
	return slices.Concat(h.wrongPings(), h.wrongChecks(), h.wrongDeliveries(), h.wrongMessages())
}

// wrongPings: an acknowledged ping is there, none was invented, none counts twice.
func (h history) wrongPings() (wrong []string) {
	rows := map[pingID]int{}
	for _, id := range h.pings {
		rows[id]++
		if !h.sent[id] {
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
			wrong = append(wrong, fmt.Sprintf("COUNT: check %s counts %d pings, and has %d rows and %d coalesced", c.uuid, c.pings, rows[c.uuid], c.coalesced))
		}
		if c.coalesced < h.coalesced[c.uuid] {
			wrong = append(wrong, fmt.Sprintf("LOST: check %s coalesced %d pings and acknowledged %d", c.uuid, c.coalesced, h.coalesced[c.uuid]))
		}
		last := newest[c.uuid]
		if c.rev != last.rev || c.rev != flips[c.uuid] || c.rev > 0 && c.status != last.to || c.rev == 0 && c.status != string(monitor.New) {
			wrong = append(wrong, fmt.Sprintf("STATUS: check %s is %s after %d changes, and the newest of %d flips is %+v", c.uuid, c.status, c.rev, flips[c.uuid], last))
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
	for _, d := range h.deliveries {
		key := flip{d.check, d.Rev}
		made[key]++
		if owed[key] == 0 {
			wrong = append(wrong, fmt.Sprintf("FALSE: delivery %d is of no flip that is told", d.ID))
		}
		if d.State != monitor.Sent {
			wrong = append(wrong, fmt.Sprintf("UNSENT: delivery %d is %s", d.ID, d.State))
		}
	}
	for key, n := range owed {
		if made[key] != n {
			wrong = append(wrong, fmt.Sprintf("UNTOLD: flip %d of check %s owes %d deliveries and has %d", key.rev, key.check, n, made[key]))
		}
	}
	return wrong
}

// wrongMessages: each delivery came, repeated at most by a crash, none was
// invented, and those of one check on one channel came in order.
func (h history) wrongMessages() (wrong []string) {
	type lane struct {
		check   uuid.UUID
		channel monitor.ChannelID
	}
	byID := map[string]deliveryRow{}
	for _, d := range h.deliveries {
		byID[monitor.MessageID(d.check, d.Delivery)] = d
	}
	times, last := map[string]int{}, map[lane]int64{}
	for _, id := range h.received {
		d, known := byID[id]
		if times[id]++; times[id] > 1 {
			continue
		}
		if !known {
			wrong = append(wrong, fmt.Sprintf("FALSE: message %s is of no delivery", id))
			continue
		}
		l := lane{d.check, d.Channel}
		if d.Rev < last[l] {
			wrong = append(wrong, fmt.Sprintf("ORDER: check %s told channel %d of change %d after %d", d.check, d.Channel, d.Rev, last[l]))
		}
		last[l] = d.Rev
	}
	for id, d := range byID {
		switch n := times[id]; {
		case n == 0:
			wrong = append(wrong, fmt.Sprintf("LOST: delivery %d never came", d.ID))
		case n > d.Attempts+h.kills:
			wrong = append(wrong, fmt.Sprintf("REPEATED: delivery %d came %d times", d.ID, n))
		}
	}
	return wrong
}

// A checker that finds nothing proves nothing unless it finds what is there.
func TestHistoryChecker(t *testing.T) {
	check := uuid.MustParse("5f0b1c9e-6d43-4a4e-9a53-0d2f6c1f7a11")
	ping := pingID{check, "one"}
	down := monitor.Delivery{ID: 1, Channel: 7, Kind: monitor.ForFlip, Rev: 2, State: monitor.Sent, Attempts: 1}
	up := monitor.Delivery{ID: 2, Channel: 7, Kind: monitor.ForFlip, Rev: 3, State: monitor.Sent, Attempts: 1}
	sound := func() *history {
		return &history{
			sent: map[pingID]bool{ping: true}, acked: map[pingID]bool{ping: true}, coalesced: map[uuid.UUID]int{check: 2},
			received:   []string{monitor.MessageID(check, down), monitor.MessageID(check, up)},
			checks:     []checkRow{{check, "up", 3, 3, 2, 1}},
			pings:      []pingID{ping},
			flips:      []flipRow{{check, 1, "up", false}, {check, 2, "down", true}, {check, 3, "up", true}},
			deliveries: []deliveryRow{{down, check}, {up, check}},
		}
	}
	for _, test := range []struct {
		want  string // the only kind of violation; "" for none
		spoil func(*history)
	}{
		{"", func(*history) {}},
		{"", func(h *history) { h.received, h.kills = append(h.received, h.received[0]), 1 }},
		{"LOST", func(h *history) { h.pings, h.checks[0].pings = nil, 2 }},
		{"LOST", func(h *history) { h.coalesced[check] = 3 }},
		{"LOST", func(h *history) { h.received = h.received[:1] }},
		{"PHANTOM", func(h *history) { delete(h.sent, ping); delete(h.acked, ping) }},
		{"TWICE", func(h *history) { h.pings, h.checks[0].pings = append(h.pings, ping), 4 }},
		{"COUNT", func(h *history) { h.checks[0].pings++ }},
		{"STATUS", func(h *history) { h.checks[0].status = "down" }},
		{"STATUS", func(h *history) { h.checks[0].rev++ }},
		{"UNTOLD", func(h *history) { h.deliveries, h.received = h.deliveries[:1], h.received[:1] }},
		{"UNSENT", func(h *history) { h.deliveries[1].State = monitor.Sending }},
		{"FALSE", func(h *history) { h.received = append(h.received, "msg_unknown") }},
		{"FALSE", func(h *history) { h.flips[2].tell = false }},
		{"ORDER", func(h *history) { slices.Reverse(h.received) }},
		{"REPEATED", func(h *history) { h.received = append(h.received, h.received[0]) }},
	} {
		h := sound()
		test.spoil(h)
		var kinds []string
		for _, v := range h.violations() {
			kind, _, _ := strings.Cut(v, ":")
			kinds = append(kinds, kind)
		}
		slices.Sort(kinds)
		if got := strings.Join(slices.Compact(kinds), " "); got != test.want {
			t.Errorf("found %q, want %q: %q", got, test.want, h.violations())
		}
	}
}
