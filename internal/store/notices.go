package store

import (
	"context"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
)

// Notices is what people asked to be told regularly.
type Notices interface {
	// Notices returns what a user asked for; a fault.NotFound when they never said.
	Notices(ctx context.Context, user account.UserID) (account.Notices, error)
	// SetNotices keeps what a user asks for. The StopKey of who has one stays.
	SetNotices(ctx context.Context, n account.Notices) error
	// NoticesByStop returns the notices whose StopName this is.
	NoticesByStop(ctx context.Context, stopName string) (account.Notices, error)
	// DueNotices lists up to limit notices of which a report or a reminder is due, the
	// longest due first, without the projects they leave out.
	DueNotices(ctx context.Context, now time.Time, limit int) ([]account.Notices, error)
	// NextNotice returns when the next report or reminder is due, zero when none is.
	NextNotice(ctx context.Context) (time.Time, error)
	// SettleNotices plans what is due next, and queues the letters that are owed until
	// then, in one transaction. It is a fault.Conflict when what was due has been
	// settled or changed in the meantime.
	SettleNotices(ctx context.Context, due, after account.Notices, owed ...account.Letter) error
	// DownOf lists up to limit checks that are down in the projects of which the user
	// is told, the longest down first.
	DownOf(ctx context.Context, user account.UserID, limit int) ([]monitor.Check, error)
}
