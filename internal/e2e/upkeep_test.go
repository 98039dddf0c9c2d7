package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"rollcall/internal/prove"
)

// testUpkeep kills the process in the middle of what is done to a database as a whole:
// a new schema, a copy, new keys. What comes after finds all of it as it was, and does
// it again.
func testUpkeep(t *testing.T, s *site) {
	kills := prove.Scale(2, 50)
	for range kills {
		killMigration(t, s.another(t))
	}
	if s.engine.driver == "sqlite" {
		killBackup(t, s.another(t))
		kills++
	}
	killSealing(t, s.another(t))
	prove.Report(t, "UPKEEP: a migration, a backup and a change of keys that are killed under way harm nothing and are done again", kills+1, 0)
}

// killMigration kills the first process on a database when it has made a part of the
// schema.
func killMigration(t *testing.T, s *site) {
	t.Helper()
	files, err := filepath.Glob("../../migrations/sqlite/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	number, _, _ := strings.Cut(filepath.Base(files[len(files)-1]), "_")
	newest, err := strconv.Atoi(number)
	if err != nil {
		t.Fatal(err)
	}
	s.provision(t, "projects:\n  - name: Upkeep\n    owner: ops@example.org\n    checks:\n"+every(newIDs(1), "job", "1h", "1h", untold))
	version := func() (n int) { // 0 before there is anything
		_ = s.db.QueryRowContext(t.Context(), "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version").Scan(&n)
		return n
	}
	after := 1 + rand.IntN(newest-1)
	server, err := s.Start()
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, fmt.Sprintf("version %d of the schema", after), func() bool { return version() >= after })
	server.Kill()
	t.Logf("killed at version %d of %d", version(), newest)
	stop(t, s.run(t))
	if got := version(); got != newest {
		t.Errorf("version %d of the schema, want %d", got, newest)
	}
	if n := count(t, s, "SELECT count(*) FROM checks"); n != 1 {
		t.Errorf("%d checks, want 1", n)
	}
}

// command runs one of the command line, with what is to happen at failpoints.
func (s *site) command(t *testing.T, failures string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.armed, args...)
	cmd.Env = append(os.Environ(), "ROLLCALL_FAILPOINT="+failures)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// killed expects that a command is killed at a failpoint.
func (s *site) killed(t *testing.T, point string, args ...string) {
	t.Helper()
	out, err := s.command(t, point+":1:kill", args...)
	if exit, ok := err.(*exec.ExitError); !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("%s ended with %v\n%s", strings.Join(args, " "), err, out)
	}
}

// does expects that a command does well.
func (s *site) does(t *testing.T, args ...string) {
	t.Helper()
	if out, err := s.command(t, "", args...); err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// killBackup kills a backup that is made of a database in use, just before it has a
// name.
func killBackup(t *testing.T, s *site) {
	t.Helper()
	s.provision(t, "projects:\n  - name: Upkeep\n    owner: ops@example.org\n    checks:\n"+every(newIDs(20), "job", "1h", "1h", untold))
	server := s.run(t)
	file := filepath.Join(t.TempDir(), "copy.db")
	s.killed(t, "backup.before_publish", "backup", "--database", s.Database, file)
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("a backup that was not looked through has its name: %v", err)
	}
	s.does(t, "backup", "--database", s.Database, file)
	s.does(t, "restore", "--verify", file)
	stop(t, server)
}

// killSealing kills a change of keys when some of the secrets have the new one. All are
// opened all the same, and all have it after the next change.
func killSealing(t *testing.T, s *site) {
	t.Helper()
	hooks, ids := newReceiver(t, 0), newIDs(3)
	s.provision(t, "projects:\n  - name: Upkeep\n    owner: ops@example.org\n    channels:\n"+hooks.channels("job", len(ids))+"    checks:\n"+told(ids, "job", "1h", "1h"))
	keys := []string{"--secret-key-file", filepath.Join(t.TempDir(), "keys")}
	s.More = append(s.More, append(keys, "--egress-allow", "127.0.0.0/8")...)
	rotate := append([]string{"secrets", "rotate", "--database", s.Database}, keys...)
	stop(t, s.run(t))
	s.killed(t, "secrets.resealing", rotate...)
	server := s.run(t)
	for _, id := range ids {
		if status, err := report(http.DefaultClient, server.URL("/ping/"+id.String()+"/fail")); err != nil || status != http.StatusOK {
			t.Errorf("ping: %d, %v", status, err)
		}
	}
	eventually(t, time.Minute, "everybody is told", func() bool { return len(hooks.all()) == len(ids) })
	for _, got := range hooks.all() {
		if got.wrong != nil {
			t.Errorf("a message is signed with something else: %v", got.wrong)
		}
	}
	stop(t, server)
	s.does(t, rotate...)
	stop(t, s.run(t))
}
