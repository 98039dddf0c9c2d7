package postgres

import (
	"context"

	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// LeaseDeliveries implements store.Outbox. Rows that another alerter is leasing at
// this moment are passed over.
func (s *Store) LeaseDeliveries(ctx context.Context, l store.Lease) ([]store.Dispatch, error) {
	return s.Lease(ctx, l, "FOR UPDATE SKIP LOCKED")
}

// RecentRuns implements store.Checks. The limit keeps the planner from reading all
// pings there are, which it thinks is less work for some hundred checks.
func (s *Store) RecentRuns(ctx context.Context, checks []monitor.CheckID, each int) (map[monitor.CheckID][]store.RunEnd, error) {
	return s.RunEnds(ctx, checks, each, `LATERAL (
	SELECT check_id, n, at, signal, duration, ignored FROM pings
	WHERE check_id = c.id AND n > c.n_pings - $1
	ORDER BY n DESC LIMIT $1) p ON TRUE`)
}
