package alerter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/templates"
)

// Measures of the lookout.
const (
	lookoutNap = 30 * time.Second
	untoldLife = 24 * time.Hour // of a letter about it
)

// LookoutStore is what a Lookout needs of the store.
type LookoutStore interface {
	Untold(ctx context.Context, project monitor.ProjectID, now time.Time) ([]monitor.Untold, error)
	Members(ctx context.Context, project monitor.ProjectID) ([]store.Member, error)
	QueueLetter(ctx context.Context, l account.Letter) error
}

// Lookout sees to it that an alarm that no channel takes is told all the same: it
// queues one letter for each owner. An incident is named by its first delivery, so
// neither another node nor the next look makes it two letters. Its fields are set
// before use and never after.
type Lookout struct {
	Store LookoutStore
	Now   func() time.Time
	Log   *slog.Logger
	Kick  func() // called when a letter was queued
}

// Run looks now and then until ctx ends.
func (l *Lookout) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := l.Tick(ctx, l.Now()); err != nil && ctx.Err() == nil {
			l.Log.Error("what nobody was told not looked for", "err", err)
		}
		timer := time.NewTimer(lookoutNap)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

// Tick queues the letters about all that nobody was told by now.
func (l *Lookout) Tick(ctx context.Context, now time.Time) error {
	untold, err := l.Store.Untold(ctx, 0, now)
	failed := []error{err}
	for _, u := range untold {
		failed = append(failed, l.write(ctx, u, now))
	}
	if len(untold) > 0 {
		l.Kick()
	}
	return errors.Join(failed...)
}

func (l *Lookout) write(ctx context.Context, u monitor.Untold, now time.Time) error {
	members, err := l.Store.Members(ctx, u.Project)
	if err != nil {
		return err
	}
	for _, m := range members {
		if m.Role != account.Owner {
			continue
		}
		if err := l.Store.QueueLetter(ctx, account.Letter{
			Kind: account.UntoldLetter, To: m.Email, Data: text(u), Key: fmt.Sprintf("untold/%d/%d", u.First, m.ID),
			Created: now, NextAt: now, Expires: now.Add(untoldLife),
		}); err != nil {
			return err
		}
	}
	return nil
}

// UntoldLetter writes to an owner that an alarm reached nobody. Base is the address
// of the pages.
func UntoldLetter(base string) Writer {
	return func(_ context.Context, l account.Letter, _ time.Time) (templates.Mail, error) {
		var u monitor.Untold
		if err := json.Unmarshal([]byte(l.Data), &u); err != nil {
			return templates.Mail{}, fmt.Errorf("read what nobody was told: %w", err)
		}
		return templates.NewUntoldMail(u, base), nil
	}
}
