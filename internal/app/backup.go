package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlite"
)

// Backed is a backup that was made or looked at.
type Backed struct {
	Made   time.Time
	Size   int64
	Tables int
	Rows   int64
	Aside  string // where the database went that was there; "" for none
}

var errOtherTools = errors.New("PostgreSQL is backed up by its own tools, pg_dump and pg_restore; the operator's guide, docs/operating.md, has the commands")

// Backup copies a SQLite database, of which a server may be using, into a new file.
func Backup(ctx context.Context, database, to string, progress func(written, size int64)) (Backed, error) {
	if manyNodes(database) {
		return Backed{}, errOtherTools
	}
	m, err := sqlite.Backup(ctx, database, to, now(), progress)
	return backed(m), err
}

func backed(m sqlite.Manifest) Backed {
	return Backed{Made: m.Made, Size: m.Size, Tables: len(m.Rows), Rows: m.Total()}
}

// Rehearse restores a backup into a directory that is thrown away, and looks whether
// it could be used. What is wrong is told in words.
func Rehearse(ctx context.Context, backup string, keys KeyFile, wrong func(words string)) (Backed, error) {
	m, err := sqlite.Examine(ctx, backup)
	if err != nil {
		return backed(m), err
	}
	dir, err := os.MkdirTemp(filepath.Dir(backup), ".restore-*")
	if err != nil {
		return backed(m), fmt.Errorf("make room for the rehearsal: %w", err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "rollcall.db")
	if _, err := sqlite.Install(backup, path, false, now()); err != nil {
		return backed(m), err
	}
	return backed(m), Verify(ctx, path, keys, wrong)
}

// Restore puts a backup where a database belongs that no server is using, after it was
// rehearsed. What is there is moved aside when replace says so, and refused otherwise.
func Restore(ctx context.Context, backup, database string, keys KeyFile, replace bool, wrong func(words string)) (Backed, error) {
	if manyNodes(database) {
		return Backed{}, errOtherTools
	}
	b, err := Rehearse(ctx, backup, keys, wrong)
	if err != nil {
		return b, err
	}
	if b.Aside, err = sqlite.Install(backup, database, replace, now()); err != nil {
		return b, err
	}
	return b, Restored(ctx, database, keys)
}

// Restored makes a database fit for use that was restored from a backup.
func Restored(ctx context.Context, database string, keys KeyFile) error {
	by := account.Actor{Kind: account.ByCommand, Name: "rollcall restore", At: now()}
	return withStore(ctx, database, keys, func(st store.Store) error { return st.Restored(store.By(ctx, by)) })
}

// errNotSound is what Verify ends with after it has told what is wrong.
var errNotSound = fault.Say(fault.Conflict, "the database is not sound")

// Verify looks at a whole database that no server is using: at what the rules
// exclude, the seals of the audit log, and whether the secrets can be read. It makes no
// keys: the database may be one that is thrown away.
func Verify(ctx context.Context, database string, keys KeyFile, wrong func(words string)) error {
	st, err := openEngine(ctx, database)
	if err != nil {
		return err
	}
	if err := unlock(ctx, st, database, keys); err != nil && !errors.Is(err, errNoKeys) {
		return errors.Join(err, st.Close())
	}
	return errors.Join(verify(ctx, st, wrong), st.Close())
}

func verify(ctx context.Context, st store.Store, wrong func(words string)) error {
	found := 0
	say := func(format string, a ...any) {
		found++
		wrong(fmt.Sprintf(format, a...))
	}
	at, err := st.LastCovered(ctx)
	if err != nil {
		return err
	}
	broken, err := st.Violations(ctx, at, at)
	if err != nil {
		return err
	}
	for _, b := range broken {
		say("%s", b)
	}
	if _, err := st.VerifyAudit(ctx, 0, func(e account.Entry, words string) {
		say("audit log of project %d, entry %d: %s", e.Project, e.N, words)
	}); err != nil {
		return err
	}
	if found > 0 {
		return errNotSound
	}
	return nil
}
