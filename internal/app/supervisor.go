package app

import (
	"context"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// supervised reports whether systemd has started the process and wants to be told how
// it does (Type=notify).
func supervised() bool { return os.Getenv("NOTIFY_SOCKET") != "" }

// notify says something to systemd; to nobody without it.
func (a *App) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		a.config.Log.Warn("systemd was not told", "state", state, "err", err)
	}
}

// report tells systemd that this process is ready, once /readyz would say so, and from
// then on, in the rhythm that systemd asks for, that it works, as long as /livez would
// say so. systemd starts a process anew that it does not hear of.
func (a *App) report(ctx context.Context) error {
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		a.config.Log.Warn("systemd is not told that the process works", "err", err)
	}
	for a.health.database(ctx) != nil {
		select {
		case <-time.After(readyFor):
		case <-ctx.Done():
			return nil
		}
	}
	a.notify(daemon.SdNotifyReady)
	if limit == 0 {
		return nil
	}
	rhythm := time.NewTicker(limit / 2)
	defer rhythm.Stop()
	for {
		select {
		case <-rhythm.C:
			if len(a.standingStill()) == 0 {
				a.notify(daemon.SdNotifyWatchdog)
			}
		case <-ctx.Done():
			return nil
		}
	}
}
