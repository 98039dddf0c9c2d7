package alerter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/failpoint"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/templates"
)

// Measures of the lookout.
const (
	lookoutNap = 30 * time.Second
	untoldLife = 24 * time.Hour // of a letter about an alarm that nobody was told of
	failsLife  = 48 * time.Hour // of a letter about a channel that takes nothing
)

// LookoutStore is what a Lookout needs of the store.
type LookoutStore interface {
	Untold(ctx context.Context, project monitor.ProjectID, now time.Time) ([]monitor.Untold, error)
	Members(ctx context.Context, project monitor.ProjectID) ([]store.Member, error)
	QueueLetter(ctx context.Context, l account.Letter) error
	LastLetter(ctx context.Context, prefix string) (time.Time, error)
	FailingChannels(ctx context.Context, project monitor.ProjectID) ([]monitor.Failing, error)
	WarnOfChannel(ctx context.Context, f monitor.Failing, w monitor.Warning, now time.Time, letters ...account.Letter) error
}

// Lookout sees to it that an alarm that no channel takes is told all the same, that
// owners hear of a channel that takes nothing, and that such a channel is switched
// off in the end. It queues one letter for each owner: one about alarms is named by
// the letter before it, and what was said of a channel is noted with the letters, so
// that neither another node nor the next look makes it two. Its fields are set before
// use and never after.
type Lookout struct {
	Store LookoutStore
	Now   func() time.Time
	Log   *slog.Logger
	Kick  func() // called when a letter was queued

	switchedOff atomic.Int64
}

// SwitchedOff is how many channels were switched off since the start because they
// took nothing.
func (l *Lookout) SwitchedOff() int64 { return l.switchedOff.Load() }

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

// Tick queues the letters about all that nobody was told by now, and about channels
// that take nothing.
func (l *Lookout) Tick(ctx context.Context, now time.Time) error {
	failpoint.Here("lookout.before_look")
	untold, err := l.Store.Untold(ctx, 0, now)
	errs := []error{err}
	for _, u := range untold {
		errs = append(errs, l.write(ctx, u, now))
	}
	failing, err := l.Store.FailingChannels(ctx, 0)
	errs = append(errs, err)
	warned := false
	for _, f := range failing {
		if due := f.Due(now); due > f.Warned {
			warned = true
			errs = append(errs, l.warn(ctx, f, due, now))
		}
	}
	if len(untold) > 0 || warned {
		l.Kick()
	}
	return errors.Join(errs...)
}

func (l *Lookout) write(ctx context.Context, u monitor.Untold, now time.Time) error {
	letters, err := l.letters(ctx, u.Project, account.Letter{
		Kind: account.UntoldLetter, Data: text(u), Key: fmt.Sprintf("untold/%d", u.Project), Created: now, NextAt: now, Expires: now.Add(untoldLife),
	})
	if err != nil {
		return err
	}
	for _, letter := range letters {
		before, err := l.Store.LastLetter(ctx, letter.Key+"/")
		if err != nil {
			return err
		}
		if !u.Owed(before, now) {
			continue
		}
		letter.Key += fmt.Sprint("/", before.UnixMicro())
		if err := l.Store.QueueLetter(ctx, letter); err != nil {
			return err
		}
	}
	return nil
}

// warn tells the owners what there is to say of a channel.
func (l *Lookout) warn(ctx context.Context, f monitor.Failing, due monitor.Warning, now time.Time) error {
	said := f
	said.Warned = due
	letters, err := l.letters(ctx, f.Project, account.Letter{
		Kind: account.FailsLetter, Data: text(said), Key: fmt.Sprintf("fails/%d/%d/%d", f.Channel, f.Since.UnixMicro(), due),
		Created: now, NextAt: now, Expires: now.Add(failsLife),
	})
	if err != nil {
		return err
	}
	switch err := l.Store.WarnOfChannel(ctx, f, due, now, letters...); {
	case errors.Is(err, fault.Conflict): // another node did, or it is well again
		return nil
	case err != nil:
		return err
	}
	l.Log.Warn("a channel takes nothing", "project", f.Project, "channel", f.Channel, "since", f.Since, "off", due == monitor.SwitchedOff)
	if due == monitor.SwitchedOff && f.Disabled == "" {
		l.switchedOff.Add(1)
	}
	return nil
}

// letters addresses a letter to each owner of a project.
func (l *Lookout) letters(ctx context.Context, project monitor.ProjectID, letter account.Letter) ([]account.Letter, error) {
	members, err := l.Store.Members(ctx, project)
	var letters []account.Letter
	for _, m := range members {
		if m.Role == account.Owner {
			own := letter
			own.To, own.Key = m.Email, fmt.Sprintf("%s/%d", letter.Key, m.ID)
			letters = append(letters, own)
		}
	}
	return letters, err
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

// FailsLetter writes to an owner that a channel takes nothing. Base is the address of
// the pages.
func FailsLetter(base string) Writer {
	return func(_ context.Context, l account.Letter, _ time.Time) (templates.Mail, error) {
		var f monitor.Failing
		if err := json.Unmarshal([]byte(l.Data), &f); err != nil {
			return templates.Mail{}, fmt.Errorf("read which channel fails: %w", err)
		}
		return templates.NewFailingMail(f, base), nil
	}
}
