// Package sqlstore is every part of the store that is the same SQL in both
// engines: lists, accounts, channels, the outbox and housekeeping.
//
// It owns the one conversion between a row and its value in the whole program
// (convert.go), and the queries in queries/, from which package gen is generated.
// It refuses to know an engine: opening a database and the door by which a check
// changes are the engines' own, and an engine says by its function what kind of
// failure a driver's error is.
package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/sealed"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// Store is the common part of both engines.
type Store struct {
	read, write *sql.DB
	classify    func(error) error
	limits      store.Limits
	ring        *sealed.Ring // nil: secrets are stored in the clear

	trimming sync.Mutex
	trimmed  monitor.CheckID // the check up to which Trim has come in this round
}

// New returns the common part over an engine's two pools, which may be the same.
// The read pool need not be able to write. Classify turns a driver's error into
// the kind of failure it is.
func New(read, write *sql.DB, classify func(error) error) *Store {
	return &Store{read: read, write: write, classify: classify}
}

// Bounds of lists whose callers ask for all.
const (
	listLimit   = 1_000
	runEndLimit = 100_000
)

func (s *Store) reading() *gen.Queries { return gen.New(s.read) }
func (s *Store) writing() *gen.Queries { return gen.New(s.write) }

// inTx runs what in one transaction of the writing pool.
func (s *Store) inTx(ctx context.Context, what func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return s.kind(err)
	}
	defer func() { _ = tx.Rollback() }() // of no effect after Commit
	if err := what(tx); err != nil {
		return s.kind(err)
	}
	if err := tx.Commit(); err != nil {
		return s.kind(err)
	}
	return nil
}

// transact is inTx for generated queries; doing says what it is for.
func (s *Store) transact(ctx context.Context, doing string, what func(*gen.Queries) error) error {
	err := s.inTx(ctx, func(tx *sql.Tx) error { return what(gen.New(tx)) })
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// done ends a method of one statement: nil, or doing and the kind of failure.
func (s *Store) done(doing string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", doing, s.kind(err))
	}
	return nil
}

// changed is done for a statement that must change a row.
func (s *Store) changed(doing string, rows int64, err error) error {
	return s.done(doing, anyRow(rows, err, fault.NotFound))
}

// anyRow returns the given kind of failure when a statement found no row.
func anyRow(rows int64, err, none error) error {
	if err == nil && rows == 0 {
		return none
	}
	return err
}

// kind returns err as the kind of failure it is.
func (s *Store) kind(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.NotFound
	}
	if _, known := fault.Words(err); known {
		return err
	}
	return s.classify(err)
}

// sortByName brings a list into the one order that both engines agree on: they
// compare text by rules of their own.
func sortByName[T any](list []T, name func(T) string) {
	type named struct {
		lower, name string
		at          int
	}
	order := make([]named, len(list))
	for i, value := range list {
		order[i] = named{strings.ToLower(name(value)), name(value), i}
	}
	slices.SortFunc(order, func(a, b named) int {
		return cmp.Or(strings.Compare(a.lower, b.lower), strings.Compare(a.name, b.name), cmp.Compare(a.at, b.at))
	})
	unsorted := slices.Clone(list)
	for i, o := range order {
		list[i] = unsorted[o.at]
	}
}
