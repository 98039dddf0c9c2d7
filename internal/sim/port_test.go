package sim_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlite"
)

// op is a call of the store that can be made to fail, or be the last of a process.
type op int

const (
	storing   op = iota // Transitions of pings
	judging             // Transitions of the scheduler
	finding             // DueChecks
	marking             // Transitions of marks, RecordGaps, SettleBlind
	leasing             // LeaseDeliveries, LeaseLetters
	noting              // RecordAttempt, RecordLetter
	gathering           // Gather
	planning            // SettleNotices
	trimming            // Trim
	ops
)

var opNames = [ops]string{"storing", "judging", "finding", "marking", "leasing", "noting", "gathering", "planning", "trimming"}

// trouble is what is wrong with the database or with the process that uses it.
type trouble struct {
	away    atomic.Bool       // every call is refused
	refuse  [ops]atomic.Int32 // so many calls are refused
	mislead [ops]atomic.Int32 // so many calls are carried out and say that they were not
	die     [ops]atomic.Int32 // 1: the process dies before the next call is carried out; 2: after it
	stall   atomic.Int64      // nanoseconds that storing takes before it happens
}

// armed reports whether the next call of one of these will go wrong.
func (t *trouble) armed(which ...op) bool {
	return t.away.Load() || t.stall.Load() > 0 || slices.ContainsFunc(which, func(o op) bool {
		return t.refuse[o].Load() > 0 || t.mislead[o].Load() > 0 || t.die[o].Load() > 0
	})
}

var errDied = errors.New("the process has died")

// port is the store as one part of one process sees it: with faults, and an
// observer that notes what was committed.
type port struct {
	*sqlite.Store
	w    *world
	node *node
	part op // storing or judging: whose Transitions these are
}

// through carries a call out, or not.
func (p *port) through(which op, call func() error) error {
	t := &p.w.trouble
	switch {
	case p.node.dead.Load():
		return errDied
	case t.die[which].CompareAndSwap(1, 0):
		p.node.dies("before " + opNames[which])
		p.w.brief.Store(true)
		return errDied
	case t.away.Load():
		return fmt.Errorf("away: %w", fault.Unavailable)
	case taken(&t.refuse[which]):
		return fmt.Errorf("refused: %w", fault.Unavailable)
	}
	if err := call(); err != nil {
		return err
	}
	switch {
	case t.die[which].CompareAndSwap(2, 0):
		p.node.dies("after " + opNames[which])
		p.w.brief.Store(true)
		return errDied
	case taken(&t.mislead[which]):
		return fmt.Errorf("done, and yet: %w: %w", store.Uncertain, fault.Unavailable)
	}
	return nil
}

// taken takes one from a counter that is not used up.
func taken(n *atomic.Int32) bool {
	for v := n.Load(); v > 0; v = n.Load() {
		if n.CompareAndSwap(v, v-1) {
			return true
		}
	}
	return false
}

// Transitions implements store.Door.
func (p *port) Transitions(ctx context.Context, steps []store.Step) (results []store.Result, err error) {
	which := p.part
	if which == storing {
		time.Sleep(time.Duration(p.w.trouble.stall.Swap(0)))
		if !slices.ContainsFunc(steps, func(s store.Step) bool { return s.Mark == nil }) {
			which = marking
		}
	}
	err = p.through(which, func() error {
		var err error
		if results, err = p.w.bug.transitions(p, ctx, steps); err == nil {
			p.w.observe(p, steps, results)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// DueChecks implements store.Schedule.
func (p *port) DueChecks(ctx context.Context, now time.Time, limit int) (ids []monitor.CheckID, next time.Time, err error) {
	err = p.through(finding, func() error {
		var err error
		ids, next, err = p.Store.DueChecks(ctx, now, limit)
		return err
	})
	return ids, next, err
}

// AwaitedChecks implements store.Schedule.
func (p *port) AwaitedChecks(ctx context.Context, after monitor.CheckID, limit int) (ids []monitor.CheckID, err error) {
	err = p.through(finding, func() error {
		var err error
		ids, err = p.w.bug.awaited(p, ctx, after, limit)
		return err
	})
	return ids, err
}

// Spans implements store.Coverage.
func (p *port) Spans(ctx context.Context) (spans []monitor.Span, err error) {
	err = p.through(finding, func() error {
		var err error
		spans, err = p.Store.Spans(ctx)
		return err
	})
	return spans, err
}

// RecordGaps implements store.Coverage.
func (p *port) RecordGaps(ctx context.Context, gaps []monitor.Blind, over []monitor.Span) error {
	return p.through(marking, func() error { return p.Store.RecordGaps(ctx, gaps, over) })
}

// SettleBlind implements store.Coverage.
func (p *port) SettleBlind(ctx context.Context, b monitor.Blind) error {
	return p.through(marking, func() error { return p.Store.SettleBlind(ctx, b) })
}

// QueueDigest implements store.Coverage.
func (p *port) QueueDigest(ctx context.Context, u monitor.Unverified, now time.Time) (queued bool, err error) {
	err = p.through(judging, func() error {
		var err error
		if queued, err = p.Store.QueueDigest(ctx, u, now); queued {
			p.w.queued.Store(true)
		}
		return err
	})
	return queued, err
}

// Quarantine implements store.Schedule.
func (p *port) Quarantine(ctx context.Context, id monitor.CheckID, words string) error {
	return p.through(judging, func() error {
		p.w.wrong("STUCK", id, "quarantined: %s", words)
		return p.Store.Quarantine(ctx, id, words)
	})
}

// LeaseDeliveries implements store.Outbox.
func (p *port) LeaseDeliveries(ctx context.Context, l store.Lease) (leased []store.Dispatch, err error) {
	err = p.through(leasing, func() error {
		var err error
		leased, err = p.w.bug.lease(p, ctx, l)
		return err
	})
	if err != nil {
		return nil, err
	}
	return leased, nil
}

// RecordAttempt implements store.Outbox.
func (p *port) RecordAttempt(ctx context.Context, a monitor.Attempt, after monitor.Delivery, disable string) error {
	return p.through(noting, func() error {
		err := p.Store.RecordAttempt(ctx, a, after, disable)
		if err == nil {
			p.w.givenUp(p, after)
		}
		if err == nil && disable != "" {
			p.w.disabled(after.Channel)
		}
		return err
	})
}

// Gather implements store.Outbox.
func (p *port) Gather(ctx context.Context, channel monitor.ChannelID, now time.Time) (more bool, err error) {
	err = p.through(gathering, func() error {
		var err error
		more, err = p.w.bug.gather(p, ctx, channel, now)
		return err
	})
	return more, err
}

// PostponeDelivery implements store.Outbox.
func (p *port) PostponeDelivery(ctx context.Context, d monitor.Delivery, until time.Time) error {
	return p.through(noting, func() error { return p.Store.PostponeDelivery(ctx, d, until) })
}

// Ping implements alerter.PingReader.
func (p *port) Ping(ctx context.Context, id monitor.CheckID, n int64) (monitor.Ping, error) {
	if p.node.dead.Load() {
		return monitor.Ping{}, errDied
	}
	return p.Store.Ping(ctx, id, n)
}
