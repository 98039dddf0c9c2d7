package alerter

import (
	"context"
	"time"

	"rollcall/internal/monitor"
)

// gather lets digests tell what storms owe, before anything is leased. A channel
// that cannot be gathered keeps what it is owed until the next time.
func (a *Alerter) gather(ctx context.Context, now time.Time) {
	channels, err := a.storms(ctx, now)
	if err != nil {
		a.Log.Error("storms not looked for", "err", err)
	}
	for _, id := range channels {
		for more := true; more && err == nil; {
			more, err = a.gatherOnce(ctx, id, now)
		}
		if err != nil {
			a.Log.Error("digest not formed", "channel", id, "err", err)
			err = nil
		}
	}
}

func (a *Alerter) storms(ctx context.Context, now time.Time) ([]monitor.ChannelID, error) {
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	return a.Store.Storms(ctx, now)
}

func (a *Alerter) gatherOnce(ctx context.Context, id monitor.ChannelID, now time.Time) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	return a.Store.Gather(ctx, id, now)
}
