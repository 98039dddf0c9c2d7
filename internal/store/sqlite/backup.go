package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"rollcall/internal/failpoint"
	"rollcall/internal/fault"
)

// Manifest says what a backup holds. It lies beside it.
type Manifest struct {
	Made   time.Time        `json:"made"`
	Schema int64            `json:"schema"` // the newest migration in it
	Rows   map[string]int64 `json:"rows"`   // of each table
	Size   int64            `json:"size"`
	SHA256 string           `json:"sha256"` // of the file
}

// ManifestOf is where the manifest of a backup lies.
func ManifestOf(backup string) string { return backup + ".manifest.json" }

// Total is how many rows there are in all.
func (m Manifest) Total() (n int64) {
	for _, rows := range m.Rows {
		n += rows
	}
	return n
}

// Backup copies a database that may be in use into a new file, looks whether the copy
// is whole, and writes its manifest. Nothing is at the path of the copy until all of
// that is done. Progress is told how many bytes of how many are written.
func Backup(ctx context.Context, path, to string, now time.Time, progress func(written, size int64)) (Manifest, error) {
	for _, taken := range []string{to, ManifestOf(to)} {
		if _, err := os.Lstat(taken); !errors.Is(err, os.ErrNotExist) {
			return Manifest{}, fault.Say(fault.Conflict, "%s is there already and is not overwritten; name a new file", taken)
		}
	}
	if _, err := os.Stat(path); err != nil {
		return Manifest{}, fmt.Errorf("there is no database to back up: %w", err)
	}
	part := to + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return Manifest{}, fmt.Errorf("make room for the copy: %w", err)
	}
	m, err := backup(ctx, path, part, now, progress)
	if err == nil {
		err = failpoint.Err("backup.before_publish")
	}
	if err == nil {
		err = publish(m, part, to)
	}
	if err != nil {
		return m, errors.Join(fmt.Errorf("back up: %w", err), remove(part))
	}
	return m, nil
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func backup(ctx context.Context, path, part string, now time.Time, progress func(written, size int64)) (Manifest, error) {
	source, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		return Manifest{}, err
	}
	defer source.Close()
	var pages, pageSize int64
	for pragma, value := range map[string]*int64{"page_count": &pages, "page_size": &pageSize} {
		if err := source.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(value); err != nil {
			return Manifest{}, err
		}
	}
	// The copy has the mode that it is made with: nobody else's business.
	made, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return Manifest{}, err
	}
	if err := made.Close(); err != nil {
		return Manifest{}, err
	}
	stop := watchSize(part, pages*pageSize, progress)
	_, err = source.ExecContext(ctx, "VACUUM INTO ?", part)
	stop()
	if err != nil {
		return Manifest{}, err
	}
	m, err := describe(ctx, part)
	m.Made = now
	if err != nil {
		return m, err
	}
	if m.Size, m.SHA256, err = digest(part); err != nil {
		return m, err
	}
	progress(m.Size, m.Size)
	return m, flush(part)
}

// watchSize tells how a file grows until it is stopped.
func watchSize(path string, size int64, progress func(written, size int64)) (stop func()) {
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				if info, err := os.Stat(path); err == nil {
					progress(min(info.Size(), size), size)
				}
			}
		}
	}()
	return func() { close(end); <-done }
}

// describe looks whether a copy is whole, and counts what is in it.
func describe(ctx context.Context, path string) (Manifest, error) {
	m := Manifest{Rows: map[string]int64{}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: "mode=ro&immutable=1"}).String())
	if err != nil {
		return m, err
	}
	defer db.Close()
	var found string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&found); err != nil {
		return m, fmt.Errorf("check the integrity: %w", err)
	}
	if found != "ok" {
		return m, fmt.Errorf("the copy is damaged: %s", found)
	}
	if err := db.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&m.Schema); err != nil {
		return m, fmt.Errorf("read the version of the schema: %w", err)
	}
	tables, err := names(ctx, db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
	if err != nil {
		return m, err
	}
	for _, table := range tables {
		var rows int64
		if err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM "`+table+`"`).Scan(&rows); err != nil {
			return m, fmt.Errorf("count %s: %w", table, err)
		}
		m.Rows[table] = rows
	}
	broken, err := names(ctx, db, `SELECT "table" || ' refers to ' || "parent" FROM pragma_foreign_key_check LIMIT 1`)
	if err == nil && len(broken) > 0 {
		err = fmt.Errorf("a row of %s that is not there", broken[0])
	}
	return m, err
}

func names(ctx context.Context, db *sql.DB, query string) ([]string, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		list = append(list, name)
	}
	return list, rows.Err()
}

func digest(path string) (size int64, sum string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer file.Close()
	hash := sha256.New()
	if size, err = io.Copy(hash, file); err != nil {
		return 0, "", err
	}
	return size, hex.EncodeToString(hash.Sum(nil)), nil
}

// publish gives a copy its name, and writes its manifest before: a backup that is
// seen has one.
func publish(m Manifest, part, to string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(ManifestOf(to), append(text, '\n'), 0o600); err != nil {
		return err
	}
	if err := flush(ManifestOf(to)); err != nil {
		return err
	}
	if err := os.Rename(part, to); err != nil {
		return err
	}
	return flush(filepath.Dir(to))
}

// flush waits until a file or directory is on the disk.
func flush(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// Examine looks whether a backup is what its manifest says: whole, with every row,
// and each row that another refers to.
func Examine(ctx context.Context, path string) (Manifest, error) {
	var said Manifest
	text, err := os.ReadFile(ManifestOf(path))
	if err != nil {
		return said, fmt.Errorf("read the manifest of the backup: %w", err)
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return said, fmt.Errorf("read the manifest of the backup: %w", err)
	}
	size, sum, err := digest(path)
	switch {
	case err != nil:
		return said, fmt.Errorf("read the backup: %w", err)
	case size != said.Size:
		return said, fmt.Errorf("the backup has %d bytes, and had %d when it was made", size, said.Size)
	case sum != said.SHA256:
		return said, errors.New("the backup is not the file that was made: its hash is another one")
	}
	found, err := describe(ctx, path)
	if err != nil {
		return said, err
	}
	if found.Schema != said.Schema || !maps.Equal(found.Rows, said.Rows) {
		return said, fmt.Errorf("the backup has other rows than its manifest says: %v", differing(found.Rows, said.Rows))
	}
	return said, nil
}

func differing(a, b map[string]int64) []string {
	var list []string
	for table := range b {
		if a[table] != b[table] {
			list = append(list, table)
		}
	}
	slices.Sort(list)
	return list
}

// Install puts a backup at the path of a database that no process uses. One that is
// there is moved aside when that is asked for, and refused otherwise; it returns
// where to.
func Install(backup, path string, replace bool, now time.Time) (aside string, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("make the directory of the database: %w", err)
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return "", err
	}
	defer lock.Close()
	part := path + ".part"
	if err := copyFile(backup, part); err != nil {
		return "", errors.Join(fmt.Errorf("copy the backup: %w", err), remove(part))
	}
	if _, err := os.Lstat(path); err == nil {
		if !replace {
			return "", errors.Join(fault.Say(fault.Conflict, "there is a database at %s and it is not replaced; --replace moves it aside", path), remove(part))
		}
		aside = path + ".before-" + now.Format("20060102-150405")
		for _, end := range []string{"-wal", "-shm", ""} { // the log first: it belongs to the file
			if err := os.Rename(path+end, aside+end); err != nil && !errors.Is(err, os.ErrNotExist) {
				return "", fmt.Errorf("move the database aside: %w", err)
			}
		}
	}
	if err := os.Rename(part, path); err != nil {
		return aside, fmt.Errorf("put the backup in place: %w", err)
	}
	return aside, flush(filepath.Dir(path))
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return errors.Join(err, out.Close())
	}
	return errors.Join(out.Sync(), out.Close())
}
