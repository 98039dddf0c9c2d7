package store

import (
	"context"
	"time"

	"rollcall/internal/monitor"
)

// Why is what is kept so that it can be said why somebody was told, or was not.
type Why interface {
	// Around returns what is kept about a check and the time from one instant up to
	// another, in the words of monitor.Explain: what was decided in it, what came before
	// and after, and what became of the messages. What happened within is cut to
	// AroundLimit of each kind.
	Around(ctx context.Context, c monitor.Check, from, to time.Time) (monitor.Around, error)
	// Tolerated lists the records of the bad results that did not take a check down, of
	// deadlines or of pings: those whose key is below before (0: any), the newest first.
	Tolerated(ctx context.Context, id monitor.CheckID, about monitor.Matter, before int64, limit int) ([]monitor.Decision, error)
	// Latencies returns how long it took to notice, and to tell, what was decided in a
	// project since the given time: of the newest LatencySpan decisions and messages.
	Latencies(ctx context.Context, project monitor.ProjectID, since time.Time) (monitor.Latencies, error)
}

// Bounds of what Why reads.
const (
	AroundLimit = 100
	LatencySpan = 5_000
)
