package app

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// How readiness is found out.
const (
	readyFor   = time.Second // a finding holds so long, so that probes cost the database little
	readyLimit = time.Second // for the database to answer
	probedFor  = time.Minute // after a probe, somebody goes by the answers
)

// health knows whether this process can take work.
type health struct {
	ask func(context.Context) error // whether the database answers
	now func() time.Time

	stopping atomic.Bool
	probed   atomic.Int64 // unix time of the last probe

	mu    sync.Mutex // guards what was last found about the database
	at    time.Time
	found error
}

// database reports whether the database answers, nil when it does.
func (h *health) database(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	if age := now.Sub(h.at); h.at.IsZero() || age < 0 || age >= readyFor {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyLimit)
		defer cancel()
		h.found = h.ask(ctx)
		h.at = now
	}
	return h.found
}

// probe notes that somebody asked, and reports whether work may be sent here.
func (h *health) probe(ctx context.Context) (database error, stopping bool) {
	h.probed.Store(h.now().Unix())
	return h.database(ctx), h.stopping.Load()
}

// watched reports whether somebody sends work by the answers of probe.
func (h *health) watched() bool {
	return h.now().Sub(time.Unix(h.probed.Load(), 0)) < probedFor
}

// How long a loop of the process may stand still: then only a new start helps.
const (
	loopLimit = 30 * time.Second
	longLoop  = 2 * time.Minute // one that naps half a minute, or waits as long for a mail server
)

// loops knows when the loops of the process last came by: each asks for the time.
type loops struct {
	now func() time.Time

	mu   sync.Mutex // guards the rest
	last map[string]*pulse
}

// clock is the clock of one loop that may stand still for no longer than limit.
func (l *loops) clock(name string, limit time.Duration) func() time.Time {
	p := &pulse{limit: limit}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil {
		l.last = map[string]*pulse{}
	}
	l.last[name] = p
	return func() time.Time {
		at := l.now()
		p.beat(at)
		return at
	}
}

// still returns the loops that stand still. One that has not begun does not.
func (l *loops) still() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var still []string
	for name, p := range l.last {
		if at := p.last(); !at.IsZero() && l.now().Sub(at) > p.limit {
			still = append(still, name)
		}
	}
	slices.Sort(still)
	return still
}

// each tells when each loop that has begun last came by.
func (l *loops) each(tell func(loop string, last time.Time)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, p := range l.last {
		if at := p.last(); !at.IsZero() {
			tell(name, at)
		}
	}
}

// pulse is an instant that a loop sets and others read.
type pulse struct {
	limit time.Duration
	at    atomic.Int64
}

func (p *pulse) beat(now time.Time) { p.at.Store(now.UnixMicro()) }

func (p *pulse) last() time.Time {
	if us := p.at.Load(); us != 0 {
		return time.UnixMicro(us).UTC()
	}
	return time.Time{}
}
