package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"rollcall/internal/prove"
)

// testPoison lets a server meet rows that no rule can read, among others that are due
// in the same pass: the others are judged and told, those that cannot be judged are put
// aside and say so, and the process lives.
func testPoison(t *testing.T, s *site) {
	spoils := []string{
		"kind = 'cron', period = 0, schedule = 'whenever it suits'",
		"kind = 'cron', period = 0, schedule = '* * * * *', timezone = 'Nowhere/Land'",
		"kind = 'sometimes'",
		"runs = '[{'",
		"filter = '{'",
		"status = 'sideways'",
	}
	if s.engine.driver == "sqlite" {
		spoils = append(spoils, "name = CAST(x'ff00fe' AS TEXT)")
	}
	hooks, sound, bad := newReceiver(t, 0), newIDs(10), newIDs(len(spoils))
	s.provision(t, "projects:\n  - name: Poison\n    owner: ops@example.org\n    channels:\n"+hooks.channels("sound", len(sound))+
		"    checks:\n"+every(bad, "bad", "1h", "1h", untold)+told(sound, "sound", "1h", "1h"))
	s.More = append(s.More, "--egress-allow", "127.0.0.0/8")
	server := s.run(t)
	ping := func(i int) int {
		status, err := report(http.DefaultClient, server.URL("/ping/"+slices.Concat(bad, sound)[i].String()))
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	for i := range len(bad) + len(sound) {
		if status := ping(i); status != http.StatusOK {
			t.Fatalf("ping: %d", status)
		}
	}
	change := func(statement string) {
		t.Helper()
		if _, err := s.db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for i, spoil := range spoils {
		change(fmt.Sprintf("UPDATE checks SET %s WHERE slug = 'bad-%d'", spoil, i))
	}
	due := time.Now().Add(-3 * time.Hour).UnixMicro() // their grace is an hour
	change(fmt.Sprintf("UPDATE checks SET due = %d, wake = %d", due, due))
	eventually(t, time.Minute, "the sound checks are told of", func() bool { return hooks.count("check.down") == len(sound) })
	for i := range bad {
		if status := ping(i); status != http.StatusOK && status != http.StatusServiceUnavailable && status != http.StatusInternalServerError {
			t.Errorf("a ping of %q is answered %d", spoils[i], status)
		}
	}
	for i := range sound {
		if status := ping(len(bad) + i); status != http.StatusOK {
			t.Errorf("a ping of a sound check is answered %d", status)
		}
	}
	eventually(t, time.Minute, "and that they are up again", func() bool { return hooks.count("check.up") == len(sound) })
	aside := count(t, s, "SELECT count(*) FROM checks WHERE trouble <> ''")
	t.Logf("%d of %d are put aside", aside, len(bad))
	if aside == 0 {
		t.Errorf("no check is put aside\n%s", server.Output())
	}
	if alive, err := report(http.DefaultClient, "http://"+s.Ops+"/livez"); err != nil || alive != http.StatusOK {
		t.Errorf("livez: %d, %v", alive, err)
	}
	stop(t, server)
	prove.Report(t, "POISON: rows that cannot be read keep no other from being judged and told", len(spoils), 0)
}
