package postgres_test

import (
	"database/sql"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/pressly/goose/v3"

	"rollcall/internal/pgtest"
	"rollcall/internal/prove"
	"rollcall/migrations"
)

// released is the newest migration that the version before this one knows.
const released = 10

// TestYesterdaysStatementsRunOnTodaysSchema writes a row into every table as the
// version before does: with the columns that it knows and no other. Before the newest
// migrations and after them, the same statements have to succeed, and what was
// written before has to be there. The package of SQLite has its counterpart.
func TestYesterdaysStatementsRunOnTodaysSchema(t *testing.T) {
	db, err := sql.Open("pgx", pgtest.Database(t, pgtest.Durable))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	files, err := fs.Sub(migrations.Postgres, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(t.Context(), released); err != nil {
		t.Fatal(err)
	}
	inserts := insertsOf(t, db)
	if len(inserts) < 25 {
		t.Fatalf("only %d tables", len(inserts))
	}
	failed := 0
	write := func(round int) {
		t.Helper()
		for table, insert := range inserts {
			// Foreign keys are not what this is about.
			if _, err := db.ExecContext(t.Context(), fmt.Sprintf("SET session_replication_role = replica; "+insert, round)); err != nil {
				t.Errorf("round %d, %s: %v", round, table, err)
				failed++
			}
		}
	}
	write(1)
	if _, err := provider.Up(t.Context()); err != nil {
		t.Fatalf("migrate what the version before wrote: %v", err)
	}
	write(2)
	for table := range inserts {
		var rows int
		if err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&rows); err != nil || rows < 2 {
			t.Errorf("%s has %d rows, want one of before and one of after: %v", table, rows, err)
			failed++
		}
	}
	prove.Report(t, "SKEW: the version before writes to today's schema", 3*len(inserts), failed)
}

// insertsOf makes a statement for each table that writes a row of its own into all
// columns there are now; %[1]d stands for the number of the row.
func insertsOf(t *testing.T, db *sql.DB) map[string]string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT table_name, column_name, data_type FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name NOT LIKE 'goose_%' ORDER BY table_name, ordinal_position`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, values := map[string][]string{}, map[string][]string{}
	for rows.Next() {
		var table, column, kind string
		if err := rows.Scan(&table, &column, &kind); err != nil {
			t.Fatal(err)
		}
		value := "%[1]d"
		switch kind {
		case "text":
			value = "'text %[1]d'"
		case "bytea":
			value = "'bytes %[1]d'::bytea"
		case "boolean":
			value = "%[1]d > 0"
		}
		columns[table], values[table] = append(columns[table], column), append(values[table], value)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	inserts := map[string]string{}
	for table := range columns {
		inserts[table] = "INSERT INTO " + table + " (" + strings.Join(columns[table], ", ") + ") VALUES (" + strings.Join(values[table], ", ") + ")"
	}
	return inserts
}
