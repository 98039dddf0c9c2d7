package app

import (
	"context"
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
