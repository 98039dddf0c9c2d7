package alerter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/schedule"
)

// Measures of the clerk.
const (
	clerkBatch = 100              // people at a time
	clerkNap   = 10 * time.Minute // who asks for something now may wait so long for the first of it
)

// Clerk queues what people are owed by the calendar: reports and reminders. What is
// due next is planned in the transaction that queues the letter, so that neither a
// crash nor another node makes it two, and a letter that was due while nobody worked
// is queued once. Its fields are set before use and never after.
type Clerk struct {
	Store NoticeStore
	Now   func() time.Time
	Log   *slog.Logger
	Kick  func() // called when a letter was queued
}

// Run queues whatever becomes due until ctx ends.
func (c *Clerk) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		nap := clerkNap
		_, err := c.Tick(ctx, c.Now())
		if err != nil && ctx.Err() == nil {
			c.Log.Error("reports and reminders not queued", "err", err)
		}
		if next, none := c.Store.NextNotice(ctx); err == nil && none == nil && !next.IsZero() {
			nap = min(nap, next.Sub(c.Now()))
		}
		timer := time.NewTimer(max(nap, leasePace))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

// Tick settles all that is due at now and returns how many letters it queued. What
// fails of one person keeps nobody else from theirs.
func (c *Clerk) Tick(ctx context.Context, now time.Time) (queued int, err error) {
	for {
		due, listing := c.Store.DueNotices(ctx, now, clerkBatch)
		var failed []error
		for _, n := range due {
			letters, err := c.settle(ctx, n, now)
			if err != nil {
				failed = append(failed, fmt.Errorf("user %d: %w", n.User, err))
			}
			queued += letters
		}
		err = errors.Join(append(failed, listing)...)
		if len(due) < clerkBatch || err != nil {
			break
		}
	}
	if queued > 0 {
		c.Kick()
	}
	return queued, err
}

// settle queues what one person is owed and plans what is due next.
func (c *Clerk) settle(ctx context.Context, due account.Notices, now time.Time) (int, error) {
	user, err := c.Store.User(ctx, due.User)
	if err != nil {
		return 0, err
	}
	zone := schedule.LocationOf(user.Zone)
	var owed []account.Letter
	if end, ok := due.OwesReport(now, zone); ok {
		owed = append(owed, account.Letter{
			Kind: account.ReportLetter, Data: text(account.ReportData{User: user.ID, ReportEnd: end}),
			Key: fmt.Sprintf("report/%d/%s", user.ID, end.Name()), Expires: now.Add(account.ReportLife),
		})
	}
	if !due.NextReminder.IsZero() && !due.NextReminder.After(now) {
		down, err := c.Store.DownOf(ctx, user.ID, 1)
		if err != nil {
			return 0, err
		}
		if len(down) > 0 && account.Remind(down[0].Since, now) {
			owed = append(owed, account.Letter{
				Kind: account.ReminderLetter, Data: text(account.ReminderData{User: user.ID}),
				Key:     fmt.Sprintf("reminder/%d/%s", user.ID, due.ReminderSlot(now, zone).Format("2006-01-02T15")),
				Expires: now.Add(due.ReminderLife()),
			})
		}
	}
	for i := range owed {
		owed[i].To, owed[i].Created, owed[i].NextAt = user.Email, now, now
	}
	err = c.Store.SettleNotices(ctx, due, due.Plan(now, zone), owed...)
	if errors.Is(err, fault.Conflict) { // another node did, or they changed their mind
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return len(owed), nil
}

// text is the data of a letter.
func text(data any) string {
	encoded, err := json.Marshal(data)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", data, err)) // numbers, words and dates
	}
	return string(encoded)
}
