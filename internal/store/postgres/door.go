package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"rollcall/internal/account"
	"rollcall/internal/failpoint"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore"
	"rollcall/internal/store/sqlstore/gen"
)

// lockByUUID and lockChecks read and lock every check that a batch names, in the
// order of their ids, so that two batches never wait for each other. The first is
// enough for nearly every batch of pings; the second also finds checks by id and by
// slug. Whose the ping keys are is asked for along with it.
var lockByUUID = `SELECT ` + sqlstore.CheckColumns("c") + `
FROM checks c WHERE c.uuid = ANY($1::text[]) ORDER BY c.id FOR UPDATE`

var lockChecks = `SELECT ` + sqlstore.CheckColumns("c") + `
FROM checks c
WHERE c.id IN (
	SELECT unnest($1::bigint[])
	UNION SELECT id FROM checks WHERE uuid = ANY($2::text[])
	UNION SELECT named.id FROM unnest($3::text[], $4::text[]) AS ref (hash, slug)
		JOIN keys ON keys.hash = ref.hash AND keys.kind = 'ping'
		JOIN checks named ON named.project_id = keys.project_id AND named.slug = ref.slug)
ORDER BY c.id FOR UPDATE OF c`

const pingKeys = "SELECT hash, project_id FROM keys WHERE hash = ANY($1::text[]) AND kind = 'ping'"

// attempts is how often a batch is tried when the server gave it up for the sake
// of another: it has then written nothing.
const attempts = 3

// Transitions implements store.Door in two round trips: begin and lock, then
// write and commit.
func (s *Store) Transitions(ctx context.Context, steps []store.Step) ([]store.Result, error) {
	var err error
	for range attempts {
		var results []store.Result
		if results, err = s.transitions(ctx, steps); err == nil {
			return results, nil
		}
		var failure *pgconn.PgError
		if !errors.As(err, &failure) || failure.Code != "40P01" && failure.Code != "40001" {
			break
		}
	}
	return nil, fmt.Errorf("transitions: %w", classify(err))
}

func (s *Store) transitions(ctx context.Context, steps []store.Step) ([]store.Result, error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release() // a connection in a failed transaction is closed by the pool
	_, named := store.Actor(ctx)
	d := door{conn: conn.Conn(), named: named, room: s.RoomForCheck, byID: map[monitor.CheckID]*store.Loaded{}, byUUID: map[uuid.UUID]*store.Loaded{}, bySlug: map[slugKey]*store.Loaded{}, projects: map[string]monitor.ProjectID{}}
	if err := d.lock(ctx, steps); err != nil {
		return nil, err
	}
	if err := failpoint.Err("door.after_lock"); err != nil {
		return nil, err
	}
	checks := make([]*store.Loaded, len(steps))
	for i, step := range steps {
		if step.Mark != nil {
			continue
		}
		if checks[i], err = d.find(ctx, step.Ref); err != nil {
			return nil, err
		}
	}
	writes := store.Fold(steps, checks, named)
	if err := sqlstore.RecordEdits(ctx, d.ask, writes.Edits); err != nil {
		return nil, err
	}
	if err := failpoint.Err("door.before_commit"); err != nil {
		return nil, err
	}
	if err := d.write(ctx, writes); err != nil {
		return nil, err
	}
	if err := failpoint.Err("door.after_commit"); err != nil {
		return nil, fmt.Errorf("%w: %w", store.Uncertain, err)
	}
	return writes.Results, nil
}

// door is one transaction of transitions.
type door struct {
	conn   *pgx.Conn
	named  bool // somebody's changes, for the audit log
	room   func(context.Context, sqlstore.Ask, monitor.ProjectID) error
	byID   map[monitor.CheckID]*store.Loaded
	byUUID map[uuid.UUID]*store.Loaded
	bySlug map[slugKey]*store.Loaded
	// projects is whose the ping keys of the batch are, by their hashes.
	projects map[string]monitor.ProjectID
}

type slugKey struct {
	project monitor.ProjectID
	slug    string
}

func (d *door) ask(ctx context.Context, query string, args ...any) sqlstore.Row {
	return d.conn.QueryRow(ctx, query, args...)
}

// lockProjects comes before the checks, as in every change that is recorded.
const lockProjects = `SELECT id FROM projects WHERE id IN
	(SELECT project_id FROM checks WHERE id = ANY($1::bigint[]) OR uuid = ANY($2::text[])) ORDER BY id FOR NO KEY UPDATE`

// lock begins the transaction and reads the checks.
func (d *door) lock(ctx context.Context, steps []store.Step) error {
	var ids []int64
	var uuids, hashes, slugs []string
	marks := 0
	for _, step := range steps {
		switch ref := step.Ref; {
		case step.Mark != nil:
			marks++
		case ref.ID != 0:
			ids = append(ids, int64(ref.ID))
		case ref.PingKey != "":
			hashes, slugs = append(hashes, account.HashKey(ref.PingKey)), append(slugs, ref.Slug)
		default:
			uuids = append(uuids, ref.UUID.String())
		}
	}
	batch := &pgx.Batch{}
	batch.Queue("BEGIN")
	if d.named {
		batch.Queue(lockProjects, ids, uuids)
	}
	if len(uuids)+marks == len(steps) {
		batch.Queue(lockByUUID, uuids)
	} else {
		batch.Queue(lockChecks, ids, uuids, hashes, slugs)
	}
	if len(hashes) > 0 {
		batch.Queue(pingKeys, hashes)
	}
	results := d.conn.SendBatch(ctx, batch)
	defer results.Close()
	if _, err := results.Exec(); err != nil {
		return err
	}
	if d.named {
		if _, err := results.Exec(); err != nil {
			return err
		}
	}
	if err := each(results.Query, d.scan); err != nil || len(hashes) == 0 {
		return err
	}
	return each(results.Query, d.scanKey)
}

// each reads every row of a query.
func each(query func() (pgx.Rows, error), read func(pgx.Rows) error) error {
	rows, err := query()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := read(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (d *door) scanKey(rows pgx.Rows) error {
	var hash string
	var project int64
	err := rows.Scan(&hash, &project)
	d.projects[hash] = monitor.ProjectID(project)
	return err
}

func (d *door) scan(rows pgx.Rows) error {
	var row gen.Check
	if err := rows.Scan(sqlstore.CheckFields(&row)...); err != nil {
		return err
	}
	loaded := &store.Loaded{}
	loaded.Check, loaded.Err = sqlstore.CheckOf(row)
	d.keep(loaded, monitor.CheckID(row.ID))
	if loaded.Err != nil { // its steps fail, but they must find it
		if id, err := uuid.Parse(row.UUID); err == nil {
			d.byUUID[id] = loaded
		}
	}
	return nil
}

func (d *door) keep(loaded *store.Loaded, id monitor.CheckID) {
	d.byID[id] = loaded
	d.byUUID[loaded.Check.UUID] = loaded
	d.bySlug[slugKey{loaded.Check.Project, loaded.Check.Slug}] = loaded
}

// find returns the check that ref names, nil when there is none.
func (d *door) find(ctx context.Context, ref store.Ref) (*store.Loaded, error) {
	switch {
	case ref.ID != 0:
		return d.byID[ref.ID], nil
	case ref.PingKey == "":
		return d.byUUID[ref.UUID], nil
	}
	project := d.projects[account.HashKey(ref.PingKey)]
	if project == 0 {
		return nil, nil
	}
	loaded := d.bySlug[slugKey{project, ref.Slug}]
	if loaded == nil && ref.Create != nil {
		return d.create(ctx, ref, project)
	}
	return loaded, nil
}

var insertCheck = `INSERT INTO checks (` + strings.Join(sqlstore.CheckColumnNames()[1:], ", ") + `)
VALUES (` + placeholders(len(sqlstore.CheckColumnNames())-1) + `)
ON CONFLICT (project_id, slug) DO NOTHING RETURNING id`

// create makes the check of a first ping, told to every channel of its project.
// When another node makes it at the same time, that one's is locked instead.
func (d *door) create(ctx context.Context, ref store.Ref, project monitor.ProjectID) (*store.Loaded, error) {
	if err := d.room(ctx, d.ask, project); errors.Is(err, fault.Forbidden) {
		return &store.Loaded{Err: err}, nil
	} else if err != nil {
		return nil, err
	}
	check := ref.Create()
	check.Project = project
	loaded := &store.Loaded{Created: true}
	var id int64
	err := d.conn.QueryRow(ctx, insertCheck, sqlstore.NewCheckValues(sqlstore.RowOf(check))...).Scan(&id)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		err := each(func() (pgx.Rows, error) {
			return d.conn.Query(ctx, lockChecks, nil, nil, []string{account.HashKey(ref.PingKey)}, []string{ref.Slug})
		}, d.scan)
		return d.bySlug[slugKey{project, ref.Slug}], err
	case err != nil:
		return nil, err
	}
	check.ID = monitor.CheckID(id)
	loaded.Check = check
	d.keep(loaded, check.ID)
	_, err = d.conn.Exec(ctx, sqlstore.AssignAll, id, int64(project))
	return loaded, err
}

func placeholders(n int) string {
	text := make([]string, n)
	for i := range text {
		text[i] = fmt.Sprintf("$%d", i+1)
	}
	return strings.Join(text, ", ")
}

// write writes everything and commits.
func (d *door) write(ctx context.Context, w store.Writes) error {
	batch := &pgx.Batch{}
	queueChecks(batch, w.Checks)
	queuePings(batch, w.Pings)
	for _, a := range w.Assigns {
		batch.Queue("DELETE FROM check_channels WHERE check_id = $1", a.Check)
		batch.Queue(`INSERT INTO check_channels (check_id, channel_id, since_rev)
			SELECT $1, id, (SELECT rev FROM checks WHERE id = $1) FROM channels WHERE id = ANY($2::bigint[]) AND project_id = $3`, a.Check, a.Channels, a.Project)
	}
	queueFlips(batch, w.Flips)
	for _, r := range w.Decisions {
		batch.Queue(sqlstore.InsertDecision, sqlstore.DecisionValues(r)...)
	}
	for _, m := range w.Marks {
		if m.Begin {
			batch.Queue(sqlstore.BeginSpan, sqlstore.BeginSpanValues(m)...)
		}
		batch.Queue(sqlstore.PutMark, sqlstore.MarkValues(m)...)
	}
	batch.Queue("COMMIT")
	delete(d.conn.PgConn().CustomData(), unreplicated)
	results := d.conn.SendBatch(ctx, batch)
	var tag pgconn.CommandTag
	for range batch.Len() {
		var err error
		if tag, err = results.Exec(); err != nil {
			return uncertain(errors.Join(err, results.Close()))
		}
	}
	if err := results.Close(); err != nil {
		return uncertain(err)
	}
	if tag.String() != "COMMIT" {
		return fmt.Errorf("commit answered %s", tag)
	}
	if d.conn.PgConn().CustomData()[unreplicated] != nil {
		return fmt.Errorf("%w: %w: the standby has not confirmed the commit", fault.Unavailable, store.Uncertain)
	}
	return nil
}

// uncertain marks an error of a batch that ends with a commit, unless nothing was
// sent or the server itself said that it gave the transaction up. Its last words
// before it ends (FATAL) may come after the commit.
func uncertain(err error) error {
	var failure *pgconn.PgError
	if pgconn.SafeToRetry(err) || errors.As(err, &failure) && failure.SeverityUnlocalized == "ERROR" {
		return err
	}
	return fmt.Errorf("%w: %w", store.Uncertain, err)
}

// unreplicated marks a connection whose last commit gave up waiting for the
// synchronous standby. PostgreSQL says so in a warning only and reports success.
const unreplicated = "unreplicated"

func noteUnreplicated(conn *pgconn.PgConn, notice *pgconn.Notice) {
	if notice.Code == "01000" && strings.Contains(notice.Message, "synchronous replication") {
		conn.CustomData()[unreplicated] = true
	}
}

// queueChecks writes all rows in one statement. Wake is always named: PostgreSQL
// leaves the index alone when the value is the same.
func queueChecks(batch *pgx.Batch, checks []store.CheckWrite) {
	if len(checks) == 0 {
		return
	}
	rows := make([][]any, len(checks))
	for i, c := range checks {
		row := sqlstore.RowOf(c.Check)
		rows[i] = append(append([]any{row.ID}, sqlstore.StateValues(row)...), row.Wake)
		if c.Config {
			names := sqlstore.ConfigColumnNames()
			batch.Queue("UPDATE checks SET ("+strings.Join(names, ", ")+") = ROW ("+placeholders(len(names))+") WHERE id = "+fmt.Sprintf("$%d", len(names)+1),
				append(sqlstore.ConfigValues(row), row.ID)...)
		}
	}
	batch.Queue(updateChecks, transpose(rows)...)
}

func queuePings(batch *pgx.Batch, pings []store.PingWrite) {
	if len(pings) == 0 {
		return
	}
	rows := make([][]any, len(pings))
	for i, p := range pings {
		rows[i] = sqlstore.PingValues(sqlstore.PingRow(p.Check, p.Ping))
	}
	batch.Queue(insertPings, transpose(rows)...)
}

// queueFlips writes all flips in one statement and what they owe in another, because
// very many checks may go down at a time. What a correction owes depends on the
// flip that it corrects, which is rare enough to be asked for singly.
func queueFlips(batch *pgx.Batch, flips []store.FlipWrite) {
	if len(flips) == 0 {
		return
	}
	var rows, owed [][]any
	for _, f := range flips {
		rows = append(rows, sqlstore.FlipValues(sqlstore.FlipRow(f.Flip)))
		if _, values := sqlstore.DeliveriesOf(f.Project, f.Flip); f.Flip.Tell {
			owed = append(owed, values[:4])
		}
	}
	batch.Queue(insertFlips, transpose(rows)...)
	for _, f := range flips {
		if values := sqlstore.UnverifiedValues(f.Flip); values != nil {
			batch.Queue(sqlstore.InsertUnverified, values...)
		}
	}
	if !slices.ContainsFunc(flips, func(f store.FlipWrite) bool { return f.Flip.Facts.Corrects != 0 }) {
		if len(owed) > 0 {
			batch.Queue(oweFlips, transpose(owed)...)
		}
		return
	}
	for _, f := range flips { // in their order, so that deliveries are in it, too
		if f.Flip.Tell {
			statement, values := sqlstore.DeliveriesOf(f.Project, f.Flip)
			batch.Queue(statement, values...)
		}
	}
}

var (
	insertFlips = `INSERT INTO flips (check_id, rev, at, judged_at, old_status, new_status, reason, tell, facts)
	SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::boolean[], $9::text[])`
	oweFlips = `INSERT INTO deliveries
		(project_id, channel_id, kind, check_id, rev, state, attempts, tries, created_at, next_at, answer)
	SELECT f.project_id, cc.channel_id, 'flip', f.check_id, f.rev, 'pending', 0, 0, f.judged_at, f.judged_at, ''
	FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) WITH ORDINALITY AS f (project_id, check_id, rev, judged_at, place)
	JOIN check_channels cc ON cc.check_id = f.check_id JOIN channels ch ON ch.id = cc.channel_id
	WHERE ch.disabled = ''
	ORDER BY f.place, cc.channel_id`
	updateChecks = unnested(
		"UPDATE checks c SET %s FROM unnest(%s) AS v (%s) WHERE c.id = v.id",
		slices.Concat([]string{"id"}, sqlstore.StateColumnNames(), []string{"wake"}))
	insertPings = `INSERT INTO pings (check_id, n, at, signal, exit_status, run_id, duration, ignored,
		scheme, method, remote_addr, user_agent, detail, body, body_size)
	SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::text[],
		$9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bytea[], $15::bigint[])`
)

// unnested builds the update of many rows whose columns come as arrays.
func unnested(form string, columns []string) string {
	texts := []string{"status", "reason", "last_signal", "runs", "trouble", "misses"}
	arrays := make([]string, len(columns))
	var sets []string
	for i, name := range columns {
		arrays[i] = fmt.Sprintf("$%d::bigint[]", i+1)
		if slices.Contains(texts, name) {
			arrays[i] = fmt.Sprintf("$%d::text[]", i+1)
		}
		if name != "id" {
			sets = append(sets, name+" = v."+name)
		}
	}
	return fmt.Sprintf(form, strings.Join(sets, ", "), strings.Join(arrays, ", "), strings.Join(columns, ", "))
}

// transpose turns rows of values into one typed slice for each column.
func transpose(rows [][]any) []any {
	columns := make([]any, len(rows[0]))
	for i, value := range rows[0] {
		switch value.(type) {
		case string:
			columns[i] = column[string](rows, i)
		case int64:
			columns[i] = column[int64](rows, i)
		case *int64:
			columns[i] = column[*int64](rows, i)
		case bool:
			columns[i] = column[bool](rows, i)
		case []byte:
			columns[i] = column[[]byte](rows, i)
		default:
			panic(fmt.Sprintf("no array of %T", value))
		}
	}
	return columns
}

func column[T any](rows [][]any, i int) []T {
	values := make([]T, len(rows))
	for k, row := range rows {
		values[k] = row[i].(T)
	}
	return values
}
