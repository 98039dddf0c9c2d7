package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"rollcall/internal/app"
	"rollcall/internal/prove"
)

// command runs a command line and returns its status and what it printed.
func command(t *testing.T, in string, args ...string) (code int, out string) {
	t.Helper()
	var printed bytes.Buffer
	code = run(t.Context(), args, streams{strings.NewReader(in), &printed, &printed})
	return code, printed.String()
}

// planted is a database with a secret, and the account's e-mail channel.
func planted(t *testing.T) (database string) {
	t.Helper()
	database = filepath.Join(t.TempDir(), "rollcall.db")
	file := filepath.Join(t.TempDir(), "rollcall.yml")
	text := "projects:\n  - name: Main\n    owner: ops@example.org\n    channels:\n      - {name: hook, kind: webhook, url: \"https://example.org/T0KEN-of-hook\", secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}\n    checks:\n      - {name: Nightly, slug: nightly, period: 1h, grace: 1h}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	a, err := app.Open(t.Context(), app.Config{
		Listen: "127.0.0.1:0", Database: database, Provision: file, Log: app.NewLogger(t.Output(), app.LogText, 0), Out: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error)
	go func() { ran <- a.Run(ctx) }()
	if answer, err := http.Get(a.BaseURL() + "/login"); err != nil { // waits until it serves
		t.Error(err)
	} else if err := answer.Body.Close(); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	return database
}

func execute(t *testing.T, database, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// TestABackupIsProved makes a backup, restores it, and damages copies of it in ways
// that a rehearsal must find.
func TestABackupIsProved(t *testing.T) {
	database := planted(t)
	dir := t.TempDir()
	file, keys := filepath.Join(dir, "backup.db"), database+".key"
	if code, out := command(t, "", "backup", file, "--database", database); code != 0 || !strings.Contains(out, "is whole") {
		t.Fatalf("backup: %d %s", code, out)
	}
	if code, out := command(t, "", "backup", file, "--database", database); code == 0 || !strings.Contains(out, "is not overwritten") {
		t.Errorf("a backup over another: %d %s", code, out)
	}
	for _, path := range []string{file, file + ".manifest.json"} {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"T0KEN-of-hook", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"} {
			if bytes.Contains(raw, []byte(secret)) {
				t.Errorf("%s holds %s in the clear", path, secret)
			}
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v, %v", path, info.Mode(), err)
		}
	}
	if code, out := command(t, "", "restore", file, "--verify", "--secret-key-file", keys); code != 0 || !strings.Contains(out, "can be used") {
		t.Errorf("rehearsal: %d %s", code, out)
	}
	source, bare, none := filepath.Join(dir, "source.db"), filepath.Join(dir, "bare.db"), filepath.Join(dir, "nowhere", "rollcall.db")
	if code, out := command(t, "correct horse battery staple 7\n", "user", "add", "ops@example.org", "--project", "Main", "--database", source); code != 0 {
		t.Fatalf("user add: %d %s", code, out)
	}
	if code, out := command(t, "", "backup", bare, "--database", source); code != 0 { // nothing is sealed in it
		t.Fatalf("backup: %d %s", code, out)
	}
	if code, out := command(t, "", "restore", bare, "--verify", "--database", none); code != 0 || !strings.Contains(out, "can be used") {
		t.Errorf("rehearsal without keys: %d %s", code, out)
	}
	if _, err := os.Stat(filepath.Dir(none)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the rehearsal left something where the database would be: %v", err)
	}

	trials, missed := 0, 0
	for name, harm := range map[string]struct {
		do   func(t *testing.T, copied string)
		says string
	}{
		"one byte is another": {func(t *testing.T, copied string) {
			raw, err := os.ReadFile(copied)
			if err != nil {
				t.Fatal(err)
			}
			raw[len(raw)/2] ^= 1
			if err := os.WriteFile(copied, raw, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "its hash is another one"},
		"cut off": {func(t *testing.T, copied string) {
			if err := os.Truncate(copied, 8192); err != nil {
				t.Fatal(err)
			}
		}, "bytes, and had"},
		"no manifest": {func(t *testing.T, copied string) {
			if err := os.Remove(copied + ".manifest.json"); err != nil {
				t.Fatal(err)
			}
		}, "manifest"},
		"a row is missing": {func(t *testing.T, copied string) {
			execute(t, copied, "DELETE FROM check_channels")
			resign(t, copied)
		}, "has other rows than its manifest says: [check_channels]"},
		"a row hangs in the air": {func(t *testing.T, copied string) {
			execute(t, copied, "UPDATE check_channels SET channel_id = 999")
			resign(t, copied)
		}, "refers to channels"},
		"a status without a flip": {func(t *testing.T, copied string) {
			execute(t, copied, "INSERT INTO flips SELECT id, 1, 1, 1, 'new', 'up', 'success', false, '{}' FROM checks")
			recount(t, copied)
		}, "the database is not sound"},
	} {
		t.Run(name, func(t *testing.T) {
			trials++
			copied := filepath.Join(t.TempDir(), "copy.db")
			for _, end := range []string{"", ".manifest.json"} {
				raw, err := os.ReadFile(file + end)
				if err == nil {
					err = os.WriteFile(copied+end, raw, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			harm.do(t, copied)
			if code, out := command(t, "", "restore", copied, "--verify", "--secret-key-file", keys); code == 0 || !strings.Contains(out, harm.says) {
				missed++
				t.Errorf("%d %s", code, out)
			}
		})
	}
	prove.Report(t, "RESTORE: a damaged backup is found out by the rehearsal", trials, missed)

	if code, out := command(t, "", "restore", file, "--verify", "--secret-key-file", otherKeys(t)); code == 0 || !strings.Contains(out, "were sealed with other keys") {
		t.Errorf("rehearsal with other keys: %d %s", code, out)
	}
	if code, out := command(t, "", "restore", file, "--database", database); code == 0 || !strings.Contains(out, "it is not replaced") {
		t.Errorf("restore over a database: %d %s", code, out)
	}
	if code, out := command(t, "", "restore", file, "--database", database, "--replace"); code != 0 || !strings.Contains(out, "What was there is at") {
		t.Errorf("restore with --replace: %d %s", code, out)
	}
	if code, out := command(t, "", "verify", "--database", database); code != 0 || !strings.Contains(out, "is sound") {
		t.Errorf("verify: %d %s", code, out)
	}
	if got := answers(t, database, "SELECT verb || ' ' || actor_name FROM audit WHERE verb = 'restored'"); !slices.Equal(got, []string{"restored rollcall restore"}) {
		t.Errorf("entries of the restore: %q", got)
	}
}

// TestKeysThatAreWrongChangeNothing starts with another file of keys, and without one.
func TestKeysThatAreWrongChangeNothing(t *testing.T) {
	database := planted(t)
	before := answers(t, database, "SELECT settings FROM channels ORDER BY id")
	if len(before) == 0 || !strings.HasPrefix(before[0], "sealed:1:") {
		t.Fatalf("settings: %q", before)
	}
	if code, out := command(t, "", "verify", "--database", database, "--secret-key-file", otherKeys(t)); code == 0 || !strings.Contains(out, "were sealed with other keys") {
		t.Errorf("with other keys: %d %s", code, out)
	}
	key, err := os.ReadFile(database + ".key")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(database + ".key"); err != nil {
		t.Fatal(err)
	}
	if code, out := command(t, "", "migrate", "--database", database); code == 0 || !strings.Contains(out, "put it back") {
		t.Errorf("without keys: %d %s", code, out)
	}
	if _, err := os.Stat(database + ".key"); err == nil {
		t.Error("a new file of keys was made although secrets are sealed")
	}
	if got := answers(t, database, "SELECT settings FROM channels ORDER BY id"); !slices.Equal(got, before) {
		t.Errorf("the secrets are others: %q", got)
	}
	if err := os.WriteFile(database+".key", key, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := command(t, "", "secrets", "rotate", "--database", database); code != 0 || !strings.Contains(out, "secrets were sealed with it") {
		t.Errorf("rotate: %d %s", code, out)
	}
	after := answers(t, database, "SELECT settings FROM channels ORDER BY id")
	if slices.Equal(after, before) {
		t.Error("nothing was sealed with the new key")
	}
	if code, out := command(t, "", "secrets", "open", "--database", database); code != 0 || !strings.Contains(out, "are in the clear") {
		t.Errorf("open: %d %s", code, out)
	}
	if got := answers(t, database, "SELECT settings FROM channels WHERE kind = 'webhook'"); !strings.Contains(got[0], "T0KEN-of-hook") {
		t.Errorf("settings in the clear: %q", got)
	}
}

func otherKeys(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "other.key")
	if err := os.WriteFile(path, []byte("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// answers reads a column of text.
func answers(t *testing.T, database, query string) (list []string) {
	t.Helper()
	db, err := sql.Open("sqlite", database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		list = append(list, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// manifest reads and writes the manifest of a backup.
func manifest(t *testing.T, copied string, change func(map[string]any)) {
	t.Helper()
	raw, err := os.ReadFile(copied + ".manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	change(m)
	if raw, err = json.Marshal(m); err == nil {
		err = os.WriteFile(copied+".manifest.json", raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// resign puts the hash and the size of a file that was changed into its manifest.
func resign(t *testing.T, copied string) {
	t.Helper()
	raw, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	manifest(t, copied, func(m map[string]any) {
		sum := sha256.Sum256(raw)
		m["sha256"], m["size"] = hex.EncodeToString(sum[:]), len(raw)
	})
}

// recount is resign for one more row of flips.
func recount(t *testing.T, copied string) {
	t.Helper()
	resign(t, copied)
	manifest(t, copied, func(m map[string]any) { m["rows"].(map[string]any)["flips"] = 1 })
}
