package sqlite_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlite"
	"rollcall/internal/store/storetest"
)

func TestStore(t *testing.T) {
	paths := map[store.Store]string{}
	storetest.Run(t, storetest.Engine{
		Open: func(t *testing.T) store.Store {
			path := filepath.Join(t.TempDir(), "rollcall.db")
			s, err := sqlite.Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			paths[s] = path
			return s
		},
		Exec: func(t *testing.T, s store.Store, text string) {
			db, err := sql.Open("sqlite", paths[s]+"?_pragma=foreign_keys(1)")
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.ExecContext(t.Context(), text); err != nil {
				t.Fatal(err)
			}
		},
		Fail: func(statement, table string) (begin, end string) {
			return `CREATE TRIGGER fail BEFORE ` + statement + ` ON ` + table + ` BEGIN SELECT RAISE(ABORT, 'not today'); END`, `DROP TRIGGER fail`
		},
	})
}

func TestOneProcessOwnsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a directory", "rollcall.db")
	first, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = sqlite.Open(t.Context(), path)
	if !errors.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "another rollcall process") {
		t.Errorf("second opening: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// What a process was sending when it died is not left to its lease: nobody else
// can be sending it.
func TestLeasesEndWithTheirProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	user, err := s.CreateUser(t.Context(), account.User{Email: "ops@example.org", Created: now})
	if err != nil {
		t.Fatal(err)
	}
	project, err := s.CreateProject(t.Context(), account.Project{Name: "Main", PingKey: account.NewPingKey(), Created: now}, user.ID)
	if err != nil {
		t.Fatal(err)
	}
	channel, err := s.CreateChannel(t.Context(), monitor.Channel{
		Project: project.ID, Name: "ops", Kind: monitor.Email, Settings: monitor.Settings{Address: "ops@example.org"}, Created: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.EnqueueTest(t.Context(), project.ID, channel.ID, now); err != nil {
		t.Fatal(err)
	}
	letter := account.Letter{Kind: account.LetterInvitation, To: "ana@example.org", Data: "{}", State: monitor.Pending, Created: now, Expires: now.Add(time.Hour), NextAt: now}
	if err := s.QueueLetter(t.Context(), letter); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 0} { // the second time it is leased already
		if got := leased(t, s, now); got != [2]int{want, want} {
			t.Fatalf("leased %d deliveries and letters, want %d of each", got, want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = sqlite.Open(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := leased(t, s, now); got != [2]int{1, 1} {
		t.Errorf("the next process leased %d deliveries and letters, want 1 of each", got)
	}
}

// leased leases what is due, and returns how many deliveries and letters that are.
func leased(t *testing.T, s *sqlite.Store, now time.Time) [2]int {
	t.Helper()
	deliveries, err := s.LeaseDeliveries(t.Context(), store.Lease{Now: now, Until: now.Add(time.Minute), Limit: 10, PerChannel: 10})
	if err != nil {
		t.Fatal(err)
	}
	letters, err := s.LeaseLetters(t.Context(), now, now.Add(time.Minute), 10)
	if err != nil {
		t.Fatal(err)
	}
	return [2]int{len(deliveries), len(letters)}
}

func TestAFileThatIsNoDatabaseIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.txt")
	write(t, path, strings.Repeat("shopping list\n", 1000))
	if s, err := sqlite.Open(t.Context(), path); err == nil {
		t.Error("opened a text file", s.Close())
	}
	if got := read(t, path); got != strings.Repeat("shopping list\n", 1000) {
		t.Error("the file was changed")
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
