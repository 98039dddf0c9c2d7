package alerter

import (
	"context"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// gather lets ends tell their alarms, and digests what storms owe, before anything is
// leased. A channel that cannot be gathered keeps what it is owed until the next time.
func (a *Alerter) gather(ctx context.Context, now time.Time) {
	if err := a.together(ctx, now); err != nil {
		a.Log.Error("alarms not told with their ends", "err", err)
	}
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

// together spares people an alarm that was tried in vain when its end is told.
func (a *Alerter) together(ctx context.Context, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	for {
		n, err := a.Store.TellTogether(ctx, now)
		if err != nil || n < store.TogetherMost {
			return err
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
