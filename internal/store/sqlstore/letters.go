package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store/sqlstore/gen"
)

// QueueLetter implements store.Letters.
func (s *Store) QueueLetter(ctx context.Context, l account.Letter) error {
	return s.done("queue letter", s.writing().InsertLetter(ctx, insertLetter(l)))
}

// LastLetter implements store.Letters.
func (s *Store) LastLetter(ctx context.Context, prefix string) (time.Time, error) {
	pattern := prefix + "%"
	last, err := s.reading().LastLetter(ctx, &pattern)
	if err != nil || last == 0 {
		return time.Time{}, s.done("find the last letter", err)
	}
	return instant(last), nil
}

// LeaseLetters implements store.Letters.
func (s *Store) LeaseLetters(ctx context.Context, now, until time.Time, limit int) ([]account.Letter, error) {
	rows, err := s.writing().LeaseLetters(ctx, gen.LeaseLettersParams{
		Now: monitor.Micros(now), Until: monitor.Micros(until), Rows: int32(limit),
	})
	if err != nil {
		return nil, s.done("lease letters", err)
	}
	letters := make([]account.Letter, len(rows))
	for i, row := range rows {
		letters[i] = letterOf(row)
	}
	slices.SortFunc(letters, func(a, b account.Letter) int { return int(a.ID - b.ID) })
	return letters, nil
}

// RecordLetter implements store.Letters.
func (s *Store) RecordLetter(ctx context.Context, leased, after account.Letter) error {
	rows, err := s.writing().RecordLetter(ctx, gen.RecordLetterParams{
		ID: int64(leased.ID), TriesBefore: int64(leased.Tries), LeasedUntil: leased.NextAt.UnixMicro(),
		State: string(after.State), Tries: int64(after.Tries),
		NextAt: monitor.Micros(after.NextAt), EndedAt: monitor.Micros(after.Ended), Answer: after.Answer,
	})
	return s.done("record letter", anyRow(rows, err, fault.Conflict))
}

// NextLetter implements store.Letters.
func (s *Store) NextLetter(ctx context.Context) (time.Time, error) {
	at, err := s.reading().NextLetter(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return monitor.FromMicros(at), s.done("find next letter", err)
}

func letterOf(row gen.Letter) account.Letter {
	return account.Letter{
		ID: account.LetterID(row.ID), Kind: account.LetterKind(row.Kind), To: row.Recipient, Data: row.Data,
		Key: valueOf(row.Key), State: monitor.DeliveryState(row.State), Tries: int(row.Tries),
		Created: instant(row.CreatedAt), Expires: instant(row.ExpiresAt),
		NextAt: monitor.FromMicros(row.NextAt), Ended: monitor.FromMicros(row.EndedAt), Answer: row.Answer,
	}
}
