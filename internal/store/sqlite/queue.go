package sqlite

import (
	"context"

	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// LeaseDeliveries implements store.Outbox. There is one writer, so nothing needs
// to be passed over.
func (s *Store) LeaseDeliveries(ctx context.Context, l store.Lease) ([]store.Dispatch, error) {
	return s.Lease(ctx, l, "")
}

// RecentRuns implements store.Checks.
func (s *Store) RecentRuns(ctx context.Context, checks []monitor.CheckID, each int) (map[monitor.CheckID][]store.RunEnd, error) {
	return s.RunEnds(ctx, checks, each, "pings p ON p.check_id = c.id AND p.n > c.n_pings - $1")
}
