package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/store/sqlstore/gen"
)

// Cover implements store.Coverage. A mark never moves back.
func (s *Store) Cover(ctx context.Context, node string, at time.Time) error {
	err := s.writing().PutCoverage(ctx, gen.PutCoverageParams{Node: node, At: at.UnixMicro()})
	return s.done("record coverage", err)
}

// LastCovered implements store.Coverage.
func (s *Store) LastCovered(ctx context.Context) (time.Time, error) {
	at, err := s.reading().LastCovered(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return instant(at), s.done("find coverage", err)
}

// AddBlind implements store.Coverage. When the same From comes again, the later
// To stands: the outage went on after it was first seen.
func (s *Store) AddBlind(ctx context.Context, b monitor.Blind) error {
	err := s.writing().PutBlind(ctx, gen.PutBlindParams{
		FromAt: b.From.UnixMicro(),
		ToAt:   b.To.UnixMicro(),
		Cause:  b.Cause,
	})
	return s.done("record blind interval", err)
}

// Blinds implements store.Coverage.
func (s *Store) Blinds(ctx context.Context, since time.Time, limit int) ([]monitor.Blind, error) {
	rows, err := s.reading().BlindsSince(ctx, gen.BlindsSinceParams{Since: since.UnixMicro(), Rows: int32(limit)})
	if err != nil {
		return nil, s.done("list blind intervals", err)
	}
	list := make([]monitor.Blind, len(rows))
	for i, row := range rows {
		list[i] = monitor.Blind{From: instant(row.FromAt), To: instant(row.ToAt), Cause: row.Cause}
	}
	return list, nil
}
