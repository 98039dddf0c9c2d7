package sqlite_test

import (
	"database/sql"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"

	"rollcall/internal/store/sqlite"
	"rollcall/migrations"
)

// released is the newest migration that the version before this one knows.
const released = 10

// TestYesterdaysStatementsRunOnTodaysSchema writes a row into every table as the
// version before does: with the columns that it knows and no other. Before the newest
// migrations and after them, the same statements have to succeed, and what was
// written before has to be there.
func TestYesterdaysStatementsRunOnTodaysSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	first, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "other.db")) // registers what migrations use
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	files, err := fs.Sub(migrations.SQLite, "sqlite")
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files)
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
	write := func(round int) {
		t.Helper()
		for table, insert := range inserts {
			if _, err := db.ExecContext(t.Context(), insert, round); err != nil {
				t.Errorf("round %d, %s: %v", round, table, err)
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
		if err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM "`+table+`"`).Scan(&rows); err != nil || rows < 2 {
			t.Errorf("%s has %d rows, want one of before and one of after: %v", table, rows, err)
		}
	}
}

// insertsOf makes a statement for each table that writes a row of its own into all
// columns there are now. Foreign keys are not enforced on this connection.
func insertsOf(t *testing.T, db *sql.DB) map[string]string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT t.name, c.name, c.type FROM sqlite_schema t, pragma_table_info(t.name) c
		WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE 'goose_%' ORDER BY t.name, c.cid`)
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
		value := "?1"
		if kind == "TEXT" || kind == "BLOB" {
			value = "'text ' || ?1"
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

// TestHotQueriesUseTheirIndexes asks how the queries are carried out that run every
// second, among many rows.
func TestHotQueriesUseTheirIndexes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for query, index := range map[string]string{
		"SELECT id, wake FROM checks WHERE wake IS NOT NULL ORDER BY wake, id LIMIT 500":                                "checks_wake",
		"SELECT id FROM checks WHERE wake < 1 ORDER BY wake LIMIT 100":                                                  "checks_wake",
		"SELECT id FROM deliveries WHERE next_at <= 1 ORDER BY next_at, id":                                             "deliveries_next",
		"SELECT row_number() OVER (PARTITION BY +channel_id ORDER BY id) FROM deliveries WHERE next_at <= 1":            "deliveries_next",
		"SELECT id FROM deliveries WHERE channel_id = 1 AND next_at IS NOT NULL AND kind <> 'test' ORDER BY id LIMIT 1": "deliveries_waiting",
		"SELECT channel_id FROM channel_health WHERE opened_at IS NOT NULL ORDER BY channel_id":                         "channel_health_open",
		"SELECT 1 FROM deliveries WHERE channel_id = 1 AND kind = 'digest' AND next_at IS NOT NULL AND id < 9":          "deliveries_owed_digests",
		"SELECT n FROM pings WHERE check_id = 1 ORDER BY n DESC LIMIT 20":                                               "sqlite_autoindex_pings_1",
		"SELECT rev FROM flips WHERE check_id = 1 ORDER BY rev DESC LIMIT 1":                                            "sqlite_autoindex_flips_1",
		"SELECT id FROM deliveries WHERE project_id = 1 AND id < 100 ORDER BY id DESC LIMIT 50":                         "deliveries_project",
		"SELECT 1 FROM deliveries WHERE check_id = 1 AND rev = 1 AND channel_id = 1":                                    "sqlite_autoindex_deliveries_1",
		"SELECT id FROM checks WHERE uuid = 'x'":                                                                        "sqlite_autoindex_checks_1",
	} {
		rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query)
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, detail)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(plan, func(step string) bool { return strings.Contains(step, index+" ") || strings.HasSuffix(step, index) }) {
			t.Errorf("%s\n\tis carried out as %q, want by %s", query, plan, index)
		}
	}
}
