//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/internal/store"
	"rollcall/web"
)

// Who looks at the list.
const (
	benchEmail    = "bench@example.org"
	benchPassword = "a password for the bench"
)

// listed makes a database with a project as a large team has it: every check with
// its runs, most of them up.
func (e engine) listed(ctx context.Context) (database string, ids []uuid.UUID, err error) {
	if database, err = e.create(ctx, "list"); err != nil {
		return "", nil, err
	}
	st, err := e.open(ctx, database)
	if err != nil {
		return "", nil, err
	}
	ids, err = seedList(ctx, st)
	return database, ids, errors.Join(err, st.Close())
}

func seedList(ctx context.Context, st store.Store) ([]uuid.UUID, error) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	hash, err := web.HashPassword(benchPassword)
	if err != nil {
		return nil, err
	}
	owner, err := st.CreateUser(ctx, account.User{Email: benchEmail, PasswordHash: hash, Created: now})
	if err != nil {
		return nil, err
	}
	project, err := st.CreateProject(ctx, account.Project{Name: "Production", PingKey: account.NewPingKey(), Created: now}, owner.ID)
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(1, 2))
	ids := make([]uuid.UUID, listChecks)
	var steps []store.Step
	for i := range ids {
		check := listCheck(random, i)
		check.Project = project.ID
		ids[i] = check.UUID
		check, err := st.CreateCheck(ctx, monitor.Create(check, now.AddDate(0, 0, -60)), nil)
		if err != nil {
			return nil, err
		}
		for _, ping := range pingsOf(random, check.Schedule.Period, i, now) {
			steps = append(steps, store.Step{Ref: store.Ref{ID: check.ID}, Decide: func(c monitor.Check) monitor.Change { return c.Receive(ping) }})
		}
		if len(steps) >= seedBatch || i == len(ids)-1 {
			if err := commit(ctx, st, steps); err != nil {
				return nil, err
			}
			steps = steps[:0]
		}
	}
	return ids, nil
}

// listCheck is the i-th check: a name, tags and a schedule as people choose them.
func listCheck(random *rand.Rand, i int) monitor.Check {
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	name := fmt.Sprintf("%s %s %s-%03d",
		pick("Nightly", "Hourly", "Weekly", "Offsite", "Ledger", "Invoice", "Search", "Photo", "Queue", "Cache", "Report", "Mail"),
		pick("backup", "export", "import", "re-index", "snapshot", "clean-up", "sync", "rotation", "check", "digest"),
		pick("db", "web", "app", "edge", "store", "mail", "log"), i)
	tags := []string{fmt.Sprintf("team-%02d", random.IntN(25)), pick("prod", "staging", "lab")}
	if random.IntN(3) == 0 {
		tags = append(tags, pick("backup", "billing", "data", "media"))
	}
	periods := []time.Duration{time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:], random.Uint64())
	binary.BigEndian.PutUint64(id[8:], random.Uint64())
	return monitor.Check{UUID: id, Config: monitor.Config{
		Name: name, Slug: fmt.Sprintf("job-%04d", i), Tags: tags, Grace: 15 * time.Minute,
		Schedule: schedule.Spec{Kind: schedule.Every, Period: periods[random.IntN(len(periods))]},
	}}
}

// pingsOf is the runs of a check until now. One check in a hundred failed last,
// one in fifty is running.
func pingsOf(random *rand.Rand, period time.Duration, i int, now time.Time) []monitor.Ping {
	var pings []monitor.Ping
	last := now.Add(-time.Duration(random.Int64N(int64(period * 9 / 10))))
	usual := time.Duration(1+random.IntN(600)) * time.Second
	ping := monitor.Ping{Scheme: "https", Method: "POST", RemoteAddr: "203.0.113.14", UserAgent: "curl/8.5.0"}
	for n := range listRuns {
		start, end := ping, ping
		start.Signal, end.Signal = monitor.Start, monitor.Success
		end.At = last.Add(-time.Duration(listRuns-1-n) * period)
		start.At = end.At.Add(-usual - time.Duration(random.Int64N(int64(usual))))
		if n == listRuns-1 && i%100 == 99 {
			end.Signal, end.Exit = monitor.Fail, new(int64(1+random.Int64N(3)))
		}
		pings = append(pings, start, end)
	}
	if i%50 == 7 {
		start := ping
		start.Signal, start.At = monitor.Start, now.Add(-time.Duration(random.IntN(300))*time.Second)
		pings = append(pings, start)
	}
	return pings
}
