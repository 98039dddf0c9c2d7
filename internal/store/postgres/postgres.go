// Package postgres is the engine for production and for many nodes.
//
// It owns the pool and the hot paths in PostgreSQL's own way (door.go, queue.go);
// everything else is sqlstore's, on the same pool. It refuses a server that does
// not flush its log before it confirms a commit, and takes a commit that was not
// confirmed by the synchronous standby as not acknowledged.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"rollcall/internal/fault"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore"
	"rollcall/migrations"
)

// Store is a pool of connections to one database.
type Store struct {
	*sqlstore.Store
	pool *pgxpool.Pool
	db   *sql.DB
}

var _ store.Store = (*Store)(nil)

// How the pool behaves unless the address says otherwise.
const (
	maxConns       = 12
	connectTimeout = 5 * time.Second
	connLifetime   = 30 * time.Minute
)

// sessionSettings bound what a connection may wait for, in milliseconds.
var sessionSettings = map[string]string{
	"lock_timeout":                        "2000",
	"statement_timeout":                   "30000",
	"idle_in_transaction_session_timeout": "15000",
}

// Open connects, brings the schema up to date, and checks that the server keeps
// what it confirms.
func Open(ctx context.Context, address string) (*Store, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, fault.Invalid{"database": "is not a valid postgres:// address"}
	}
	if !strings.Contains(address, "pool_max_conns") {
		config.MaxConns = maxConns
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	config.MaxConnLifetime, config.MaxConnLifetimeJitter = connLifetime, connLifetime/10
	for name, value := range sessionSettings {
		if _, given := config.ConnConfig.RuntimeParams[name]; !given {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	config.ConnConfig.OnNotice = noteUnreplicated
	wait := &patience{}
	config.ConnConfig.Tracer = wait
	if config.PingTimeout == 0 {
		config.PingTimeout = pingTimeout
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	s := &Store{pool: pool, db: stdlib.OpenDBFromPool(pool)}
	s.Store = sqlstore.New(s.db, s.db, classify)
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := wait.learn(ctx, pool); err != nil {
		return nil, errors.Join(fmt.Errorf("ask for statement_timeout: %w", err), s.Close())
	}
	return s, nil
}

func (s *Store) start(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	for setting, bad := range map[string]string{"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"} {
		var value string
		if err := s.pool.QueryRow(ctx, "SHOW "+setting).Scan(&value); err != nil {
			return fmt.Errorf("ask for %s: %w", setting, err)
		}
		if value == bad {
			return fmt.Errorf("the server runs with %s=%s, so it may lose what it confirms; set it to on", setting, value)
		}
	}
	files, err := fs.Sub(migrations.Postgres, "postgres")
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, s.db, files, goose.WithSessionLocker(locker))
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// Pool implements store.Store. Whatever is done goes over the one pool.
func (s *Store) Pool() store.Pool {
	stat := s.pool.Stat()
	return store.Pool{InUse: int(stat.AcquiredConns()), Waited: stat.EmptyAcquireWaitTime()}
}

// Close ends the use of the pool.
func (s *Store) Close() error {
	err := s.db.Close()
	s.pool.Close()
	return err
}

// classify turns a driver's error into the kind of failure it is, by its code.
// Whatever is not the server's own answer means that it cannot be reached.
func classify(err error) error {
	var failure *pgconn.PgError
	switch {
	case err == nil, errors.Is(err, sql.ErrNoRows), errors.Is(err, fault.Unavailable):
		return err
	case !errors.As(err, &failure):
		return fmt.Errorf("%w: %w", fault.Unavailable, err)
	case failure.Code == "23505": // unique_violation
		return fmt.Errorf("%w: %w", fault.Conflict, err)
	case failure.Code == "22021", failure.Code == "22P05": // NUL, or no UTF-8: a text that no row can hold
		return fmt.Errorf("%w: %w", fault.NotFound, err)
	}
	switch failure.Code[:2] {
	case "08", "25", "40", "53", "55", "57", "58": // connection, read-only, conflict, resources, locks, operator, system
		return fmt.Errorf("%w: %w", fault.Unavailable, err)
	}
	return err
}
