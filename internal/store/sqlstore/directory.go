package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// TokenOwner implements store.Directory.
func (s *Store) TokenOwner(ctx context.Context, token string) (string, monitor.CheckID, error) {
	row, err := s.reading().TokenOwner(ctx, token)
	if errors.Is(err, sql.ErrNoRows) {
		var old gen.OldAddressRow
		if old, err = s.reading().OldAddress(ctx, token); err == nil && old.EndsAt == nil {
			err = sql.ErrNoRows
		}
		row = gen.TokenOwnerRow{CheckID: old.CheckID}
	}
	return row.Dialect, monitor.CheckID(row.CheckID), s.done("find token", err)
}

// Gone implements store.Directory.
func (s *Store) Gone(ctx context.Context, id uuid.UUID) (bool, error) {
	found, err := s.reading().Gone(ctx, id.String())
	return found > 0, s.done("find tombstone", err)
}

// Known implements store.Directory.
func (s *Store) Known(ctx context.Context, ref store.Ref) error {
	_, err := s.locate(ctx, ref)
	return s.done("find check", err)
}

// Reported implements store.Directory.
func (s *Store) Reported(ctx context.Context, ref store.Ref, runID string, signal monitor.Signal) (bool, error) {
	id, err := s.locate(ctx, ref)
	if err != nil {
		if err = s.kind(err); errors.Is(err, fault.NotFound) {
			return false, nil
		}
		return false, s.done("find check", err)
	}
	has, err := s.reading().HasPing(ctx, gen.HasPingParams{CheckID: id, RunID: runID, Signal: string(signal)})
	return has, s.done("look for ping", err)
}

func (s *Store) locate(ctx context.Context, ref store.Ref) (int64, error) {
	switch {
	case ref.ID != 0:
		return s.reading().LocateByID(ctx, int64(ref.ID))
	case ref.PingKey != "":
		return s.reading().LocateBySlug(ctx, gen.LocateBySlugParams{Hash: account.HashKey(ref.PingKey), Slug: &ref.Slug})
	}
	return s.reading().LocateByUUID(ctx, ref.UUID.String())
}

// Tokens implements store.Checks.
func (s *Store) Tokens(ctx context.Context, id monitor.CheckID) ([]monitor.Token, error) {
	rows, err := s.reading().TokensOfCheck(ctx, gen.TokensOfCheckParams{CheckID: int64(id), Rows: listLimit})
	if err != nil {
		return nil, s.done("list tokens", err)
	}
	list := make([]monitor.Token, len(rows))
	for i, row := range rows {
		list[i] = monitor.Token{Dialect: row.Dialect, Text: row.Token}
	}
	return list, nil
}

// AddToken implements store.Checks.
func (s *Store) AddToken(ctx context.Context, id monitor.CheckID, token monitor.Token) error {
	check, err := s.CheckByID(ctx, id)
	if err != nil {
		return err
	}
	return s.change(ctx, "add token", check.Project, func(q *gen.Queries, rec recorder) error {
		err := q.InsertPingToken(ctx, gen.InsertPingTokenParams{Token: token.Text, Dialect: token.Dialect, CheckID: int64(id)})
		if err != nil {
			return err
		}
		return rec(account.CheckEntry(account.Edited, check).Changes(account.Fields{}, account.One("token of", token.Dialect)))
	})
}
