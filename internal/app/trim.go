package app

import (
	"context"
	"time"

	"rollcall/internal/store"
)

// How much is kept, and how often what is older is deleted.
const (
	keepPings      = 1000 // of each check
	keepFlips      = 3 * 365 * 24 * time.Hour
	keepDeliveries = 365 * 24 * time.Hour
	trimEvery      = time.Minute
	trimPause      = 100 * time.Millisecond // between two portions, for pings to pass
)

// trim keeps what is stored bounded, a portion at a time, until ctx ends.
func (a *App) trim(ctx context.Context) error {
	for {
		at := now()
		more, err := a.store.Trim(ctx, store.Keep{
			Pings: keepPings, Flips: at.Add(-keepFlips), Deliveries: at.Add(-keepDeliveries), Expired: at,
			Audit: at.Add(-store.AuditKept),
		})
		if err != nil && ctx.Err() == nil {
			a.config.Log.Error("old rows not deleted", "err", err)
		}
		pause := trimEvery
		if more {
			pause = trimPause
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}
