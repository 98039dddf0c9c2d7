//go:build linux

package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// seedBatch is how many checks are made in one transaction.
const seedBatch = 500

// seed makes n checks in an empty database, each pinged once so that it is up and
// a further ping is no news, and returns their UUIDs.
func seed(ctx context.Context, st store.Store, n int) ([]uuid.UUID, error) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	owner, err := st.CreateUser(ctx, account.User{Email: "bench@example.org", Created: now})
	if err != nil {
		return nil, err
	}
	project := account.Project{Name: "Bench", PingKey: account.NewPingKey(), Created: now}
	if project, err = st.CreateProject(ctx, project, owner.ID); err != nil {
		return nil, err
	}
	first := monitor.Ping{At: now, Signal: monitor.Success, Scheme: "http", Method: "GET", RemoteAddr: "127.0.0.1"}
	ids := make([]uuid.UUID, n)
	var steps []store.Step
	for i := range ids {
		ids[i] = uuid.New()
		slug := fmt.Sprintf("check-%05d", i)
		steps = append(steps, store.Step{
			Ref: store.Ref{PingKey: project.PingKey, Slug: slug, Create: func() monitor.Check {
				check := monitor.Provisioned(ids[i], slug, "", nil)
				check.Created, check.Updated, check.Since = now, now, now
				return check
			}},
			Decide: func(c monitor.Check) monitor.Change { return c.Receive(first) },
		})
		if len(steps) == seedBatch || i == n-1 {
			if err := commit(ctx, st, steps); err != nil {
				return nil, err
			}
			steps = steps[:0]
		}
	}
	return ids, nil
}

func commit(ctx context.Context, st store.Store, steps []store.Step) error {
	results, err := st.Transitions(ctx, steps)
	if err != nil {
		return err
	}
	for _, result := range results {
		if result.Err != nil {
			return result.Err
		}
	}
	return nil
}

// countPings counts the rows that a server left behind.
func countPings(ctx context.Context, driver, database string) (int, error) {
	db, err := sql.Open(driver, database)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	var n int
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM pings").Scan(&n)
	return n, err
}
