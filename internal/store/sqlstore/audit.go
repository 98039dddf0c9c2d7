package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// Ask asks for one row in a transaction. Each engine has its own way.
type Ask func(ctx context.Context, query string, args ...any) Row

// Row is an answer to Ask.
type Row interface{ Scan(...any) error }

func asking(tx *sql.Tx) Ask {
	return func(ctx context.Context, query string, args ...any) Row {
		return tx.QueryRowContext(ctx, query, args...)
	}
}

// What the audit log asks for, in the form that both engines understand.
const (
	lastEntry = `SELECT COALESCE(MAX(n), 0), COALESCE((SELECT hash FROM audit WHERE project_id = $1 ORDER BY n DESC LIMIT 1), '')
		FROM audit WHERE project_id = $1`
	insertEntry = `INSERT INTO audit (project_id, n, at, actor, actor_id, actor_name, from_addr, request, verb, object, object_key, title, before, after, prev, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING n`
	toldNames = `SELECT COALESCE(string_agg(channels.name, ', ' ORDER BY channels.id), '')
		FROM check_channels JOIN channels ON channels.id = check_channels.channel_id WHERE check_channels.check_id = $1`
	nameOfChannel = `SELECT COALESCE((SELECT name FROM channels WHERE id = $1 AND project_id = $2), '')`
)

// recorder appends an entry to the log of a project in the transaction of a change.
type recorder func(account.Entry) error

// change is transact for what people change in a project: rec records it. The
// project's row is locked first, so that all of them take their locks in one order
// and the entries stand in that of the changes.
func (s *Store) change(ctx context.Context, doing string, project monitor.ProjectID, what func(q *gen.Queries, rec recorder) error) error {
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		q := gen.New(tx)
		rows, err := q.LockProject(ctx, int64(project))
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return err
		}
		return what(q, func(e account.Entry) error {
			e.Project = project
			return record(ctx, asking(tx), e)
		})
	})
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// record appends an entry when the context says who acts. The project's row is
// locked.
func record(ctx context.Context, ask Ask, e account.Entry) error {
	actor, named := store.Actor(ctx)
	if !named {
		return nil
	}
	var last account.Entry
	if err := ask(ctx, lastEntry, int64(e.Project)).Scan(&last.N, &last.Hash); err != nil {
		return fmt.Errorf("read the end of the audit log: %w", err)
	}
	e.Actor = actor
	e = e.Seal(last)
	row := ask(ctx, insertEntry,
		int64(e.Project), e.N, e.At.UnixMicro(), string(e.Kind), e.ID, e.Name, e.From, e.Request,
		string(e.Verb), string(e.Object), e.Key, e.Title, fieldsText(e.Before), fieldsText(e.After), e.Prev, e.Hash)
	var n int64
	if err := row.Scan(&n); err != nil {
		return fmt.Errorf("record in the audit log: %w", err)
	}
	return nil
}

// RecordEdits records what somebody changed about checks, before it is written.
func RecordEdits(ctx context.Context, ask Ask, edits []store.Edit) error {
	for _, edit := range edits {
		var told, tells string
		if edit.Assign != nil {
			if err := ask(ctx, toldNames, int64(edit.Before.ID)).Scan(&told); err != nil {
				return err
			}
			var err error
			if tells, err = channelNames(ctx, ask, edit.Before.Project, *edit.Assign); err != nil {
				return err
			}
		}
		entry, moved := account.Moved(edit.Before, edit.After, told, tells)
		if !moved {
			continue
		}
		if err := record(ctx, ask, entry); err != nil {
			return err
		}
	}
	return nil
}

// channelNames lists the names of channels as toldNames does.
func channelNames(ctx context.Context, ask Ask, project monitor.ProjectID, ids []monitor.ChannelID) (string, error) {
	names := ""
	for _, id := range sorted(ids) {
		var name string
		if err := ask(ctx, nameOfChannel, int64(id), int64(project)).Scan(&name); err != nil {
			return "", err
		}
		if name != "" && names != "" {
			names += ", "
		}
		names += name
	}
	return names, nil
}

func fieldsText(fields map[string]string) string { return textOf(fields, len(fields) == 0) }

func entryOf(row gen.Audit) (account.Entry, error) {
	e := account.Entry{
		Project: monitor.ProjectID(row.ProjectID), N: row.N,
		Actor: account.Actor{
			Kind: account.ActorKind(row.Actor), ID: row.ActorID, Name: row.ActorName,
			From: row.FromAddr, Request: row.Request, At: instant(row.At),
		},
		Verb: account.Verb(row.Verb), Object: account.Object(row.Object), Key: row.ObjectKey, Title: row.Title,
		Prev: row.Prev, Hash: row.Hash,
	}
	for _, side := range []struct {
		text string
		to   *map[string]string
	}{{row.Before, &e.Before}, {row.After, &e.After}} {
		if side.text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(side.text), side.to); err != nil {
			return e, fmt.Errorf("audit entry %d of project %d: %w", row.N, row.ProjectID, err)
		}
	}
	return e, nil
}

// AuditLog implements store.Audit.
func (s *Store) AuditLog(ctx context.Context, q store.AuditQuery) ([]account.Entry, error) {
	rows, err := s.reading().AuditLog(ctx, gen.AuditLogParams{
		ProjectID: int64(q.Project), Before: orAll(q.Before), Object: string(q.Object), ActorName: q.Actor, Rows: int32(q.Limit),
	})
	if err != nil {
		return nil, s.done("list the audit log", err)
	}
	return each(rows, entryOf)
}

// AuditActors implements store.Audit.
func (s *Store) AuditActors(ctx context.Context, project monitor.ProjectID) ([]string, error) {
	names, err := s.reading().AuditActors(ctx, gen.AuditActorsParams{ProjectID: int64(project), Rows: listLimit})
	sortByName(names, func(name string) string { return name })
	return names, s.done("list who stands in the audit log", err)
}

// verifyRows is how many entries are looked at with one query.
const verifyRows = 1_000

// VerifyAudit implements store.Audit.
func (s *Store) VerifyAudit(ctx context.Context, project monitor.ProjectID, wrong func(account.Entry, string)) (int, error) {
	looked, before := 0, account.Entry{Project: project}
	for {
		rows, err := s.reading().AuditFrom(ctx, gen.AuditFromParams{ProjectID: int64(before.Project), N: before.N, Rows: verifyRows})
		if err != nil {
			return looked, s.done("read the audit log", err)
		}
		for _, row := range rows {
			if project != 0 && row.ProjectID != int64(project) {
				return looked, nil
			}
			entry, err := entryOf(row)
			if err != nil {
				return looked, err
			}
			if entry.Project != before.Project {
				before = account.Entry{}
			}
			if words := entry.Follows(before); words != "" {
				wrong(entry, words)
			}
			looked, before = looked+1, entry
		}
		if len(rows) < verifyRows {
			return looked, nil
		}
	}
}
