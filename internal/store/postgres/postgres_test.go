package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/pgtest"
	"rollcall/internal/schedule"
	"rollcall/internal/store"
	"rollcall/internal/store/postgres"
	"rollcall/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func migrate(ctx context.Context, address string) error {
	s, err := postgres.Open(ctx, address)
	if err != nil {
		return err
	}
	return s.Close()
}

func TestStore(t *testing.T) {
	addresses := map[store.Store]string{}
	storetest.Run(t, storetest.Engine{
		Open: func(t *testing.T) store.Store {
			address := pgtest.Prepared(t, migrate, pgtest.Durable)
			s, err := postgres.Open(t.Context(), address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			addresses[s] = address
			return s
		},
		Exec: func(t *testing.T, s store.Store, text string) {
			conn, err := pgx.Connect(t.Context(), addresses[s])
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			if _, err := conn.Exec(t.Context(), text); err != nil {
				t.Fatal(err)
			}
		},
		Fail: func(statement, table string) (begin, end string) {
			return `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not today'; END $$;
				CREATE TRIGGER fail BEFORE ` + statement + ` ON ` + table + ` FOR EACH ROW EXECUTE FUNCTION fail()`, `DROP FUNCTION fail CASCADE`
		},
	})
}

// ownServer starts a server to which a test may do what it likes, and returns the
// address of an empty database in it.
func ownServer(t *testing.T) (*pgtest.Server, string) {
	t.Helper()
	server, err := pgtest.Start(pgtest.Durable)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	address, err := server.CreateDatabase(t.Context(), "own")
	if err != nil {
		t.Fatal(err)
	}
	return server, address
}

// A commit that gave up waiting for the standby is reported by the server as done,
// with a warning beside it. The standby may not have it, so nobody is told that it is.
func TestACommitThatNoStandbyHasIsNotAcknowledged(t *testing.T) {
	_, address := ownServer(t)
	s, err := postgres.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	user, err := s.CreateUser(t.Context(), account.User{Email: "ops@example.org", Created: now})
	if err != nil {
		t.Fatal(err)
	}
	project, err := s.CreateProject(t.Context(), account.Project{Name: "Main", PingKey: account.NewPingKey(), Created: now}, user.ID)
	if err != nil {
		t.Fatal(err)
	}
	check, err := s.CreateCheck(t.Context(), monitor.Create(monitor.Check{
		UUID: uuid.New(), Project: project.ID,
		Config: monitor.Config{Name: "job", Schedule: schedule.Spec{Kind: schedule.Every, Period: time.Hour}, Grace: time.Hour},
	}, now), nil)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, text := range []string{"ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()"} {
		if _, err := conn.Exec(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}

	// PostgreSQL heeds the setting a moment later: the first pings may still be stored.
	outcome, stored := make(chan error, 1), 0
	go func() {
		var err error
		for ; err == nil; stored++ {
			at := now.Add(time.Duration(stored) * time.Second)
			_, err = s.Transitions(t.Context(), []store.Step{{Ref: store.Ref{ID: check.ID}, Decide: func(c monitor.Check) monitor.Change {
				return c.Receive(monitor.Ping{At: at, Signal: monitor.Success})
			}}})
		}
		outcome <- err
	}()
	for cancelled := false; !cancelled; { // as an administrator does who will not wait
		const cancel = "SELECT count(pg_cancel_backend(pid)) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
		if err := conn.QueryRow(t.Context(), cancel).Scan(&cancelled); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-outcome; !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "standby") {
		t.Errorf("the ping was answered %v, want that the standby has not confirmed it", err)
	}
	var pings int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pings").Scan(&pings); err != nil || pings != stored {
		t.Errorf("%d pings stored (%v), want %d, with the one that only the primary has", pings, err, stored)
	}
}

// A server that stands still closes no connection. Whoever asked it, with no limit of
// their own, hears all the same that it cannot be reached.
func TestAServerThatSaysNothingIsGivenUp(t *testing.T) {
	server, address := ownServer(t)
	s, err := postgres.Open(t.Context(), address+"&statement_timeout=1000")
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Freeze(); err != nil {
		t.Fatal(err)
	}
	answers := make(chan error, 2)
	go func() {
		_, _, err := s.DueChecks(context.Background(), time.Now(), 10)
		answers <- err
	}()
	go func() {
		_, err := s.PendingBlinds(context.Background())
		answers <- err
	}()
	for range cap(answers) {
		select {
		case err := <-answers:
			if !errors.Is(err, fault.Unavailable) {
				t.Errorf("it said %v", err)
			}
		case <-time.After(time.Minute):
			t.Error("somebody waits for ever")
		}
	}
	if err := server.Thaw(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for address, want := range map[string]string{
		"postgres://nobody@127.0.0.1:1/none?connect_timeout=1": "connect",
		"postgres://%zz": "not a valid postgres:// address",
	} {
		_, err := postgres.Open(t.Context(), address)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}
