package sqlite

import (
	"context"

	"rollcall/internal/store"
)

// LeaseDeliveries implements store.Outbox. There is one writer, so nothing needs
// to be passed over.
func (s *Store) LeaseDeliveries(ctx context.Context, l store.Lease) ([]store.Dispatch, error) {
	return s.Lease(ctx, l, "")
}
