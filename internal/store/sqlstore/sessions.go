package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// FindSession implements store.Sessions.
func (s *Store) FindSession(ctx context.Context, hash string, now time.Time) ([]byte, bool, error) {
	data, err := s.reading().SessionByHash(ctx, gen.SessionByHashParams{Hash: hash, Now: now.UnixMicro()})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return data, err == nil, s.done("find session", err)
}

// BeginSession implements store.Sessions.
func (s *Store) BeginSession(ctx context.Context, session store.Session) error {
	return s.done("begin session", s.writing().InsertSession(ctx, sessionRow(session)))
}

// SaveSession implements store.Sessions.
func (s *Store) SaveSession(ctx context.Context, session store.Session) error {
	return s.done("save session", s.writing().UpdateSession(ctx, gen.UpdateSessionParams{
		Hash: session.Hash, UserID: nullable(int64(session.User)), Data: session.Data,
		SeenAt: session.Seen.UnixMicro(), ExpiresAt: session.Expires.UnixMicro(),
	}))
}

// EndSession implements store.Sessions.
func (s *Store) EndSession(ctx context.Context, hash string) error {
	return s.done("end session", s.writing().DeleteSession(ctx, hash))
}

// SessionsOf implements store.Sessions.
func (s *Store) SessionsOf(ctx context.Context, user account.UserID, since time.Time) ([]store.Session, error) {
	rows, err := s.reading().SessionsOfUser(ctx, gen.SessionsOfUserParams{UserID: int64(user), Since: since.UnixMicro(), Rows: listLimit})
	if err != nil {
		return nil, s.done("list sessions", err)
	}
	list := make([]store.Session, len(rows))
	for i, row := range rows {
		list[i] = store.Session{
			Hash: row.Hash, User: user, Began: instant(row.BeganAt), Seen: instant(row.SeenAt), Expires: instant(row.ExpiresAt),
			Browser: row.Browser, Network: row.Network,
		}
	}
	return list, nil
}

// EndSessionOf implements store.Sessions.
func (s *Store) EndSessionOf(ctx context.Context, user account.UserID, hash string) error {
	rows, err := s.writing().DeleteSessionOfUser(ctx, gen.DeleteSessionOfUserParams{Hash: hash, UserID: int64(user)})
	return s.changed("end session", rows, err)
}

// EndSessionsOf implements store.Sessions.
func (s *Store) EndSessionsOf(ctx context.Context, user account.UserID) error {
	return s.transact(ctx, "end sessions", func(q *gen.Queries) error { return shutOut(ctx, q, int64(user)) })
}

// shutOut ends whatever lets somebody in as a user without their password.
func shutOut(ctx context.Context, q *gen.Queries, user int64) error {
	if err := q.DeleteSessionsOfUser(ctx, user); err != nil {
		return err
	}
	return q.EndLinksOf(ctx, user)
}

func sessionRow(s store.Session) gen.InsertSessionParams {
	return gen.InsertSessionParams{
		Hash: s.Hash, UserID: nullable(int64(s.User)), Data: s.Data, BeganAt: s.Began.UnixMicro(), SeenAt: s.Seen.UnixMicro(),
		ExpiresAt: s.Expires.UnixMicro(), Browser: s.Browser, Network: s.Network,
	}
}
