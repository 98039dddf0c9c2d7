package web

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"rollcall/internal/store"
)

// How often the uses of keys are written down, and how many keys are remembered
// until then. A use that is forgotten because the process died costs nobody more
// than an older time on the page of keys.
const (
	keyUsesEvery = 30 * time.Second
	keyUsesLimit = 10_000
)

// KeyUses remembers when keys were used last and writes it down now and then, so
// that no ping waits for it.
type KeyUses struct {
	Store store.Keys
	Log   *slog.Logger

	mu   sync.Mutex // guards used
	used map[string]time.Time
}

// note remembers that the key of this hash was used. Nil remembers nothing.
func (k *KeyUses) note(hash string, at time.Time) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.used == nil {
		k.used = map[string]time.Time{}
	}
	if _, known := k.used[hash]; known || len(k.used) < keyUsesLimit {
		k.used[hash] = at
	}
}

// Flush writes down what is remembered.
func (k *KeyUses) Flush(ctx context.Context) error {
	k.mu.Lock()
	used := k.used
	k.used = nil
	k.mu.Unlock()
	if len(used) == 0 {
		return nil
	}
	return k.Store.UseKeys(ctx, used)
}

// Run flushes every keyUsesEvery, and once more when ctx ends.
func (k *KeyUses) Run(ctx context.Context) error {
	ticker := time.NewTicker(keyUsesEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			k.flush(context.WithoutCancel(ctx))
			return nil
		case <-ticker.C:
			k.flush(ctx)
		}
	}
}

func (k *KeyUses) flush(ctx context.Context) {
	if err := k.Flush(ctx); err != nil {
		k.Log.Warn("uses of keys not written down", "err", err)
	}
}
