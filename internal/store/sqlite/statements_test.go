package sqlite_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/internal/store/sqlite"
)

// Statements that are kept give what a new one would: while they are used twice at
// once, after they failed, and when the schema has changed.
func TestStatementsAreKept(t *testing.T) {
	db, err := sqlite.OpenPool(filepath.Join(t.TempDir(), "kept.db"), "BEGIN")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(query string, args ...any) (n int) {
		t.Helper()
		if err := db.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	kept := func() (n int) {
		t.Helper()
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.Raw(func(c any) error { n = sqlite.Kept(c); return nil }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	exec("CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER UNIQUE)")
	for i := range 10 {
		exec("INSERT INTO t (v) VALUES (?)", i)
	}
	if n := kept(); n != 2 {
		t.Errorf("%d kept after two texts", n)
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO t (v) VALUES (?)", 3); err == nil {
		t.Error("a value that is there was inserted again")
	}
	exec("INSERT INTO t (v) VALUES (?)", 10)

	const over = "SELECT count(*) FROM t WHERE v > ?"
	for i := range 11 {
		if got, want := ask(over, i), 10-i; got != want {
			t.Errorf("over %d: %d, want %d", i, got, want)
		}
	}
	exec("ALTER TABLE t RENAME COLUMN v TO w")
	exec("ALTER TABLE t ADD COLUMN v INTEGER DEFAULT 7")
	if got := ask(over, 6); got != 11 {
		t.Errorf("after the schema has changed: %d, want 11", got)
	}

	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var pairs int
	each(t, tx, func() { each(t, tx, func() { pairs++ }) })
	if err := tx.Commit(); err != nil || pairs != 121 {
		t.Errorf("%d pairs (%v), want 121", pairs, err)
	}

	exec("PRAGMA foreign_keys = 1")
	exec("CREATE TABLE u (id INTEGER REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)")
	for _, id := range []int{1000, 1} { // a commit that is refused leaves nothing that is in the way of the next
		if tx, err = db.BeginTx(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(t.Context(), "INSERT INTO u (id) VALUES (?)", id); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(); (err == nil) != (id == 1) {
			t.Errorf("commit of %d: %v", id, err)
		}
	}
	if got := ask("SELECT count(*) FROM u"); got != 1 {
		t.Errorf("%d rows, want the one that was committed", got)
	}

	for i := range 100 {
		if got := ask(fmt.Sprintf("SELECT %d", i)); got != i {
			t.Errorf("%d for %d", got, i)
		}
	}
	if n := ask("SELECT 5" + strings.Repeat(" ", 5000)); n != 5 || kept() != 48 {
		t.Errorf("%d; %d kept, want 48", n, kept())
	}
}

// each reads all rows in order.
func each(t *testing.T, tx *sql.Tx, do func()) {
	t.Helper()
	rows, err := tx.QueryContext(t.Context(), "SELECT id FROM t ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for want := 1; rows.Next(); want++ {
		var got int
		if err := rows.Scan(&got); err != nil || got != want {
			t.Errorf("%d (%v), want %d", got, err, want)
		}
		do()
	}
	if err := rows.Err(); err != nil {
		t.Error(err)
	}
}
