package main_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // to tamper with the file
)

func testAuditVerify(t *testing.T, binary string) {
	dir := t.TempDir()
	run(t, dir, binary, "a long enough password\n", "user", "add", "ops@example.org", "--project", "Main")
	if got := run(t, dir, binary, "", "audit", "verify"); got.code != 0 || got.out != "3 entries are as they were written.\n" {
		t.Errorf("%+v", got)
	}
	if got := run(t, dir, binary, "", "audit", "verify", "--project", "9"); got.code != 0 || got.out != "0 entries are as they were written.\n" {
		t.Errorf("%+v", got)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "rollcall-data", "rollcall.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec("DELETE FROM audit WHERE n = 2")
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	got := run(t, dir, binary, "", "audit", "verify")
	if got.code != 1 || !strings.Contains(got.out, "project 1, entry 3: does not follow the one before it") || !strings.Contains(got.err, "1 of 2 entries") {
		t.Errorf("%+v", got)
	}
}
