package store

import (
	"context"
	"time"

	"rollcall/internal/account"
)

// Sessions is who is logged in where. Each is kept under the hash of its token.
type Sessions interface {
	// FindSession returns the data of a session that has not expired.
	FindSession(ctx context.Context, hash string, now time.Time) (data []byte, found bool, err error)
	// BeginSession keeps a new session.
	BeginSession(ctx context.Context, s Session) error
	// SaveSession writes a session as it is now, but for how it began. One that has
	// ended in the meantime stays ended, and that is no error.
	SaveSession(ctx context.Context, s Session) error
	// EndSession ends a session, if there is one.
	EndSession(ctx context.Context, hash string) error
	// SessionsOf lists the sessions of a user that were seen since the given time, the
	// last seen first, without their data.
	SessionsOf(ctx context.Context, user account.UserID, since time.Time) ([]Session, error)
	// EndSessionOf ends a session of a user; a fault.NotFound when it is not theirs.
	EndSessionOf(ctx context.Context, user account.UserID, hash string) error
	// EndSessionsOf ends all sessions of a user, and all links that let somebody in as
	// them.
	EndSessionsOf(ctx context.Context, user account.UserID) error
}

// Session is one browser that is logged in.
type Session struct {
	Hash    string
	User    account.UserID // 0: nobody has logged in yet
	Data    []byte
	Began   time.Time
	Seen    time.Time // the last request, roughly
	Expires time.Time
	Browser string // in words
	Network string // the address it was begun from, without its last part
}
