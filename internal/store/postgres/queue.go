package postgres

import (
	"context"

	"rollcall/internal/store"
)

// LeaseDeliveries implements store.Outbox. Rows that another alerter is leasing at
// this moment are passed over.
func (s *Store) LeaseDeliveries(ctx context.Context, l store.Lease) ([]store.Dispatch, error) {
	return s.Lease(ctx, l, "FOR UPDATE SKIP LOCKED")
}
