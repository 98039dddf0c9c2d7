package store

import (
	"context"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
)

// Keys is the keys of projects. Only their hashes are kept.
type Keys interface {
	// AddKey keeps a new key; a fault.Conflict when the project has one of this kind
	// and name, or account.KeysEach of this kind, or the key is in use.
	AddKey(ctx context.Context, k account.Key) (account.Key, error)
	// PutKey keeps a key in place of that of the same kind and name.
	PutKey(ctx context.Context, k account.Key) (account.Key, error)
	// RevokeKey ends a key at once.
	RevokeKey(ctx context.Context, project monitor.ProjectID, id account.KeyID) error
	// KeysOf lists the keys of a project, the oldest first.
	KeysOf(ctx context.Context, project monitor.ProjectID) ([]account.Key, error)
	// KeyByHash returns whose key has this hash, and what it may do.
	KeyByHash(ctx context.Context, hash string) (account.Project, account.Key, error)
	// UseKeys notes when keys, by their hashes, were used last. Hashes of no key are
	// passed over, and the time of a key never moves back.
	UseKeys(ctx context.Context, used map[string]time.Time) error
}
