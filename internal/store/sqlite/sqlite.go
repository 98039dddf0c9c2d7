// Package sqlite is the embedded engine: one file, one process, one writer.
//
// It owns how the file is opened and locked, and the hot paths in SQLite's own
// way (door.go, queue.go); everything else is sqlstore's. A commit is one fsync of
// the write-ahead log (synchronous=FULL). It refuses to open a file that another
// process owns, and to run on a SQLite with the WAL-reset bug.
package sqlite

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"rollcall/internal/account"
	"rollcall/internal/failpoint"
	"rollcall/internal/fault"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore"
	"rollcall/migrations"
)

// Store is an open SQLite file.
type Store struct {
	*sqlstore.Store
	write, read *sql.DB
	lock        *os.File
	hot         statements
}

var _ store.Store = (*Store)(nil)

const (
	readers      = 4
	oldestSQLite = 3_051_003 // 3.51.3: free of the WAL-reset bug that loses commits
)

// Open opens the file, makes it and its directory when they are not there, takes
// its lock and brings its schema up to date.
func Open(ctx context.Context, path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of the database: %w", err)
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, err
	}
	s := &Store{lock: lock}
	if err := s.open(ctx, path); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// lockFile takes an exclusive lock that ends with the process. WAL would let a
// second process in; it would then judge and send a second time.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the database: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fault.Say(fault.Conflict, "another rollcall process is using the database (%s is locked); stop it first, or give this one another --database", path)
		}
		return nil, fmt.Errorf("lock the database: %w", err)
	}
	return f, nil
}

// sha256hex is used by a migration: SQLite has no hash of its own.
var sha256hex = sync.OnceValue(func() error {
	return driver.RegisterDeterministicScalarFunction("sha256hex", 1, func(_ *driver.FunctionContext, args []sqldriver.Value) (sqldriver.Value, error) {
		text, ok := args[0].(string)
		if !ok {
			return nil, errors.New("sha256hex takes text")
		}
		return account.HashKey(text), nil
	})
})

func (s *Store) open(ctx context.Context, path string) error {
	err := sha256hex()
	if err != nil {
		return err
	}
	// Every setting stands in the address: a PRAGMA by Exec reaches one connection only.
	if s.write, err = openPool(dsn(path, "cache_size(-4096)"), "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	s.write.SetMaxOpenConns(1)
	if err := s.check(ctx); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	if err := migrate(ctx, s.write); err != nil {
		return fmt.Errorf("migrate %s: %w", path, err)
	}
	if mode := failpoint.Setting("sqlite.synchronous"); mode != "" { // what a test is to find unsafe
		if _, err := s.write.ExecContext(ctx, "PRAGMA synchronous = "+mode); err != nil {
			return err
		}
	}
	if err := releaseLeases(ctx, s.write); err != nil {
		return fmt.Errorf("release leases: %w", err)
	}
	if s.read, err = openPool(dsn(path, "query_only(1)"), "BEGIN"); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	s.read.SetMaxOpenConns(readers)
	s.Store = sqlstore.New(s.read, s.write, classify)
	return s.prepare(ctx)
}

func dsn(path string, pragmas ...string) string {
	values := url.Values{"_pragma": append([]string{
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
	}, pragmas...)}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: values.Encode()}).String()
}

// check refuses a library or settings that would break the promise of a 200.
func (s *Store) check(ctx context.Context) error {
	var number int
	if err := s.write.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(new(string)); err != nil {
		return err
	}
	number = lib.SQLITE_VERSION_NUMBER
	if number < oldestSQLite {
		return fmt.Errorf("SQLite %d is older than %d", number, oldestSQLite)
	}
	var journal string
	var synchronous, foreignKeys int
	for pragma, value := range map[string]any{"journal_mode": &journal, "synchronous": &synchronous, "foreign_keys": &foreignKeys} {
		if err := s.write.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(value); err != nil {
			return err
		}
	}
	if journal != "wal" || synchronous != 2 || foreignKeys != 1 {
		return fmt.Errorf("the file system does not allow a durable database (journal_mode=%s, synchronous=%d, foreign_keys=%d)", journal, synchronous, foreignKeys)
	}
	return nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations.SQLite, "sqlite")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// releaseLeases makes due what a process was sending when it died. This one owns
// the file, so nobody else can be sending it; waiting for the lease to run out would
// only make the first alerts after a crash a minute late.
func releaseLeases(ctx context.Context, db *sql.DB) error {
	for _, table := range []string{"deliveries", "letters"} {
		if _, err := db.ExecContext(ctx, "UPDATE "+table+" SET state = 'pending', next_at = created_at WHERE next_at IS NOT NULL AND state = 'sending'"); err != nil {
			return err
		}
	}
	return nil
}

// Close folds the write-ahead log into the file, closes it and gives up its lock.
func (s *Store) Close() error {
	var errs []error
	errs = append(errs, s.hot.close())
	if s.read != nil {
		errs = append(errs, s.read.Close())
	}
	if s.write != nil {
		errs = append(errs, s.write.Close())
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

// classify turns a driver's error into the kind of failure it is, by its code.
func classify(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w: %w", fault.Unavailable, err)
	}
	var failure *driver.Error
	if !errors.As(err, &failure) {
		return err
	}
	switch code := failure.Code(); code {
	case lib.SQLITE_CONSTRAINT_UNIQUE, lib.SQLITE_CONSTRAINT_PRIMARYKEY:
		return fmt.Errorf("%w: %w", fault.Conflict, err)
	default:
		switch code & 0xff {
		case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_IOERR, lib.SQLITE_FULL, lib.SQLITE_CANTOPEN,
			lib.SQLITE_READONLY, lib.SQLITE_NOMEM, lib.SQLITE_INTERRUPT:
			return fmt.Errorf("%w: %w", fault.Unavailable, err)
		}
	}
	return err
}
