package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/failpoint"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore"
	"rollcall/internal/store/sqlstore/gen"
)

// statements are the prepared statements of the hot paths, all on the one writer
// connection.
type statements struct {
	byID, byUUIDs, bySlug            *sql.Stmt
	project                          *sql.Stmt
	insertCheck, state, wake, config *sql.Stmt
	ping, flip, decision             *sql.Stmt
	deliveries, corrections          *sql.Stmt
	unassign, assign, assignAll      *sql.Stmt
	unverified, span, mark           *sql.Stmt
}

func (s *Store) prepare(ctx context.Context) error {
	columns := sqlstore.CheckColumns("c")
	all := strings.Join(sqlstore.CheckColumnNames(), ", ")
	for target, text := range map[**sql.Stmt]string{
		&s.hot.byID:        "SELECT " + columns + " FROM checks c WHERE c.id = ?",
		&s.hot.byUUIDs:     "SELECT " + columns + " FROM checks c WHERE c.uuid IN (SELECT value FROM json_each(?))",
		&s.hot.bySlug:      "SELECT " + columns + " FROM keys k JOIN checks c ON c.project_id = k.project_id WHERE k.hash = ? AND k.kind = 'ping' AND c.slug = ?",
		&s.hot.project:     "SELECT project_id FROM keys WHERE hash = ? AND kind = 'ping'",
		&s.hot.insertCheck: "INSERT INTO checks (" + all + ") VALUES (NULL" + strings.Repeat(", ?", len(sqlstore.CheckColumnNames())-1) + ") RETURNING id",
		&s.hot.state:       "UPDATE checks SET " + set(sqlstore.StateColumnNames()) + " WHERE id = ?",
		&s.hot.wake:        "UPDATE checks SET wake = ? WHERE id = ?",
		&s.hot.config:      "UPDATE checks SET " + set(sqlstore.ConfigColumnNames()) + " WHERE id = ?",
		&s.hot.ping:        sqlstore.InsertPing,
		&s.hot.flip:        sqlstore.InsertFlip,
		&s.hot.decision:    sqlstore.InsertDecision,
		&s.hot.deliveries:  sqlstore.InsertDeliveries,
		&s.hot.corrections: sqlstore.InsertCorrections,
		&s.hot.unverified:  sqlstore.InsertUnverified,
		&s.hot.span:        sqlstore.BeginSpan,
		&s.hot.mark:        sqlstore.PutMark,
		&s.hot.unassign:    "DELETE FROM check_channels WHERE check_id = ?",
		&s.hot.assign: `INSERT INTO check_channels (check_id, channel_id, since_rev)
			SELECT $1, id, (SELECT rev FROM checks WHERE id = $1) FROM channels WHERE id = $2 AND project_id = $3`,
		&s.hot.assignAll: sqlstore.AssignAll,
	} {
		stmt, err := s.write.PrepareContext(ctx, text)
		if err != nil {
			return fmt.Errorf("prepare %q: %w", text, err)
		}
		*target = stmt
	}
	return nil
}

func set(columns []string) string { return strings.Join(columns, " = ?, ") + " = ?" }

func (h *statements) close() error {
	var errs []error
	for _, stmt := range []*sql.Stmt{
		h.byID, h.byUUIDs, h.bySlug, h.project, h.insertCheck, h.state, h.wake, h.config,
		h.ping, h.flip, h.decision, h.deliveries, h.corrections, h.unassign, h.assign, h.assignAll, h.unverified, h.span, h.mark,
	} {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	return errors.Join(errs...)
}

// Transitions implements store.Door. There is one writer, so the transaction is
// the lock.
func (s *Store) Transitions(ctx context.Context, steps []store.Step) ([]store.Result, error) {
	// A context that can end costs the driver a goroutine for every statement, and
	// could not end an fsync anyway; busy_timeout bounds the wait for the lock.
	ctx = context.WithoutCancel(ctx)
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("begin transitions: %w", classify(err))
	}
	defer func() { _ = tx.Rollback() }()
	_, named := store.Actor(ctx)
	door := door{
		ctx: ctx, tx: tx, hot: &s.hot, room: s.RoomForCheck,
		byID:   make(map[monitor.CheckID]*store.Loaded, len(steps)),
		byUUID: make(map[uuid.UUID]*store.Loaded, len(steps)),
	}
	checks, err := door.load(steps)
	if err != nil {
		return nil, fmt.Errorf("load checks: %w", classify(err))
	}
	if err := failpoint.Err("door.after_lock"); err != nil {
		return nil, err
	}
	writes := store.Fold(steps, checks, named)
	if err := sqlstore.RecordEdits(ctx, door.ask, writes.Edits); err != nil {
		return nil, fmt.Errorf("record transitions: %w", classify(err))
	}
	if err := door.write(writes); err != nil {
		return nil, fmt.Errorf("write transitions: %w", classify(err))
	}
	if err := failpoint.Err("door.before_commit"); err != nil {
		return nil, err
	}
	if err := tx.Commit(); err != nil {
		return nil, fmt.Errorf("commit transitions: %w", classify(err))
	}
	if err := failpoint.Err("door.after_commit"); err != nil {
		return nil, fmt.Errorf("%w: %w", store.Uncertain, err)
	}
	return writes.Results, nil
}

// door is one transaction of transitions.
type door struct {
	ctx    context.Context
	tx     *sql.Tx
	hot    *statements
	room   func(context.Context, sqlstore.Ask, monitor.ProjectID) error
	byID   map[monitor.CheckID]*store.Loaded
	byUUID map[uuid.UUID]*store.Loaded
}

func (d *door) ask(ctx context.Context, query string, args ...any) sqlstore.Row {
	return d.tx.QueryRowContext(ctx, query, args...)
}

func (d *door) exec(stmt *sql.Stmt, args ...any) error {
	_, err := d.tx.StmtContext(d.ctx, stmt).ExecContext(d.ctx, args...)
	return err
}

// load returns the check of every step, nil where there is none. Checks named by
// UUID, which is how most pings name theirs, are read in one query.
func (d *door) load(steps []store.Step) ([]*store.Loaded, error) {
	if err := d.loadUUIDs(steps); err != nil {
		return nil, err
	}
	checks := make([]*store.Loaded, len(steps))
	for i, step := range steps {
		var err error
		switch ref := step.Ref; {
		case step.Mark != nil:
		case ref.ID != 0:
			checks[i], err = d.one(d.hot.byID, int64(ref.ID))
		case ref.PingKey == "":
			checks[i] = d.byUUID[ref.UUID]
		default:
			checks[i], err = d.one(d.hot.bySlug, account.HashKey(ref.PingKey), ref.Slug)
			if checks[i] == nil && err == nil && ref.Create != nil {
				checks[i], err = d.create(ref)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return checks, nil
}

func (d *door) loadUUIDs(steps []store.Step) error {
	var list []byte // a JSON list
	for _, step := range steps {
		if step.Mark == nil && step.Ref.ID == 0 && step.Ref.PingKey == "" {
			list = append(append(append(list, ",\""...), step.Ref.UUID.String()...), '"')
		}
	}
	if list == nil {
		return nil
	}
	list[0] = '['
	rows, err := d.tx.StmtContext(d.ctx, d.hot.byUUIDs).QueryContext(d.ctx, string(append(list, ']')))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		loaded, err := d.keep(rows)
		if err != nil {
			return err
		}
		d.byUUID[loaded.Check.UUID] = loaded
	}
	return rows.Err()
}

// one reads one check, nil when there is none.
func (d *door) one(query *sql.Stmt, args ...any) (*store.Loaded, error) {
	loaded, err := d.keep(d.tx.StmtContext(d.ctx, query).QueryRowContext(d.ctx, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return loaded, err
}

// keep reads a row, or returns the check as it was read before in this transaction.
func (d *door) keep(row interface{ Scan(...any) error }) (*store.Loaded, error) {
	var found gen.Check
	if err := row.Scan(sqlstore.CheckFields(&found)...); err != nil {
		return nil, err
	}
	id := monitor.CheckID(found.ID)
	if loaded := d.byID[id]; loaded != nil {
		return loaded, nil
	}
	loaded := &store.Loaded{}
	if loaded.Check, loaded.Err = sqlstore.CheckOf(found); loaded.Err != nil {
		loaded.Check.UUID, _ = uuid.Parse(found.UUID) // its steps fail, but they must find it
	}
	d.byID[id] = loaded
	return loaded, nil
}

// create makes the check of a first ping, told to every channel of its project.
func (d *door) create(ref store.Ref) (*store.Loaded, error) {
	var project int64
	err := d.tx.StmtContext(d.ctx, d.hot.project).QueryRowContext(d.ctx, account.HashKey(ref.PingKey)).Scan(&project)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := d.room(d.ctx, d.ask, monitor.ProjectID(project)); errors.Is(err, fault.Forbidden) {
		return &store.Loaded{Err: err}, nil
	} else if err != nil {
		return nil, err
	}
	check := ref.Create()
	check.Project = monitor.ProjectID(project)
	values := sqlstore.NewCheckValues(sqlstore.RowOf(check))
	var id int64
	if err := d.tx.StmtContext(d.ctx, d.hot.insertCheck).QueryRowContext(d.ctx, values...).Scan(&id); err != nil {
		return nil, err
	}
	check.ID = monitor.CheckID(id)
	if err := d.exec(d.hot.assignAll, id, project); err != nil {
		return nil, err
	}
	loaded := &store.Loaded{Check: check, Created: true}
	d.byID[check.ID] = loaded
	return loaded, nil
}

func (d *door) write(w store.Writes) error {
	for _, c := range w.Checks {
		row := sqlstore.RowOf(c.Check)
		if err := d.exec(d.hot.state, append(sqlstore.StateValues(row), row.ID)...); err != nil {
			return err
		}
		if c.WakeMoved { // SQLite rewrites an index entry whenever its column is named
			if err := d.exec(d.hot.wake, row.Wake, row.ID); err != nil {
				return err
			}
		}
		if c.Config {
			if err := d.exec(d.hot.config, append(sqlstore.ConfigValues(row), row.ID)...); err != nil {
				return err
			}
		}
	}
	failpoint.Here("sqlite.after_checks")
	for _, p := range w.Pings {
		row := sqlstore.PingRow(p.Check, p.Ping)
		if err := d.exec(d.hot.ping, sqlstore.PingValues(row)...); err != nil {
			return err
		}
	}
	failpoint.Here("sqlite.after_pings")
	for _, a := range w.Assigns {
		if err := d.exec(d.hot.unassign, int64(a.Check)); err != nil {
			return err
		}
		for _, channel := range a.Channels {
			if err := d.exec(d.hot.assign, int64(a.Check), int64(channel), int64(a.Project)); err != nil {
				return err
			}
		}
	}
	for _, f := range w.Flips {
		if err := d.writeFlip(f); err != nil {
			return err
		}
	}
	for _, r := range w.Decisions {
		if err := d.exec(d.hot.decision, sqlstore.DecisionValues(r)...); err != nil {
			return err
		}
	}
	for _, m := range w.Marks {
		if m.Begin {
			if err := d.exec(d.hot.span, sqlstore.BeginSpanValues(m)...); err != nil {
				return err
			}
		}
		if err := d.exec(d.hot.mark, sqlstore.MarkValues(m)...); err != nil {
			return err
		}
	}
	return nil
}

func (d *door) writeFlip(f store.FlipWrite) error {
	row := sqlstore.FlipRow(f.Flip)
	if err := d.exec(d.hot.flip, sqlstore.FlipValues(row)...); err != nil {
		return err
	}
	if values := sqlstore.UnverifiedValues(f.Flip); values != nil {
		if err := d.exec(d.hot.unverified, values...); err != nil {
			return err
		}
	}
	failpoint.Here("sqlite.after_flip")
	if !f.Flip.Tell {
		return nil
	}
	stmt := d.hot.deliveries
	statement, values := sqlstore.DeliveriesOf(f.Project, f.Flip)
	if statement == sqlstore.InsertCorrections {
		stmt = d.hot.corrections
	}
	if err := d.exec(stmt, values...); err != nil {
		return err
	}
	return failpoint.Err("sqlite.after_deliveries")
}
