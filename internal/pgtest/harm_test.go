package pgtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"rollcall/internal/pgtest"
)

// TestHarm does to servers all that can be done to them, in turn.
func TestHarm(t *testing.T) {
	var servers [2]*pgtest.Server
	for i := range servers {
		server, err := pgtest.Start(pgtest.Durable)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := server.Stop(); err != nil {
				t.Error(err)
			}
		})
		servers[i] = server
	}
	first, second := servers[0], servers[1]
	url, err := first.CreateDatabase(t.Context(), "harmed")
	if err != nil {
		t.Fatal(err)
	}
	run := func(url, sql string, limit time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		defer conn.Close(context.Background())
		_, err = conn.Exec(ctx, sql)
		return err
	}
	good := func(sql string) {
		t.Helper()
		if err := run(url, sql, 20*time.Second); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	does := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	good("CREATE TABLE kept (n BIGINT)")
	does(first.Crash())
	if run(url, "SELECT 1", time.Second) == nil {
		t.Error("a crashed server answers")
	}
	does(first.Restart())
	good("INSERT INTO kept VALUES (1)")

	does(first.Freeze())
	if run(url, "SELECT 1", time.Second) == nil {
		t.Error("a frozen server answers")
	}
	does(first.Thaw())

	does(second.Follow(t.Context(), first))
	good("INSERT INTO kept VALUES (2)")
	does(second.Crash())
	if run(url, "INSERT INTO kept VALUES (3)", time.Second) == nil {
		t.Error("a commit was confirmed that the standby does not have")
	}
	does(second.Restart())
	good("INSERT INTO kept VALUES (4)")

	does(first.Crash())
	does(second.Promote(t.Context()))
	url = second.URL("harmed")
	good("DO $$ BEGIN ASSERT (SELECT count(*) FROM kept WHERE n IN (1, 2, 4)) = 3; END $$")
	does(first.Follow(t.Context(), second))
	good("INSERT INTO kept VALUES (5)")
}
