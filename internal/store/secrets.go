package store

import (
	"context"

	"rollcall/internal/sealed"
)

// Secrets is how secrets are kept: the settings of channels, the seeds of
// authenticator apps, and the addresses that expect a heartbeat.
type Secrets interface {
	// Seal lets secrets be sealed with the keys of a ring as they are written, and
	// opened as they are read. It is called once, before the store is used.
	Seal(ring *sealed.Ring)
	// Unseal opens every secret that is sealed and forgets it. It returns how many
	// there are, and the error of the first one that cannot be opened.
	Unseal(ctx context.Context) (opened int, err error)
	// Reseal reads the file of keys again and seals every secret with the first, or takes the seals off
	// when plain says so, and returns how many it changed. It works in portions, and
	// one that was broken off goes on where it was.
	Reseal(ctx context.Context, plain bool) (changed int, err error)
}
