package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/pgtest"
	"rollcall/internal/prove"
	"rollcall/internal/schedule"
	"rollcall/internal/store"
	"rollcall/internal/store/postgres"
)

// large is a database with many rows in the tables that grow.
type large struct {
	*testing.T
	address string
	conn    *pgx.Conn // for looking, beside the store
	project account.Project
	check   monitor.Check
	now     time.Time
}

// TestHotQueriesUseTheirIndexes does what a server does every second, by the methods
// that it uses, and asks PostgreSQL what it read: the index of each, and no table as a
// whole. An index that was lost would be noticed by nobody else until it is too late.
func TestHotQueriesUseTheirIndexes(t *testing.T) {
	l := newLarge(t, prove.Scale(10_000, 1_000_000))
	ops := map[string]struct {
		index string
		do    func(context.Context, *postgres.Store) error
	}{
		"due checks": {"checks_wake", func(ctx context.Context, s *postgres.Store) error {
			_, _, err := s.DueChecks(ctx, l.now, 100)
			return err
		}},
		"a ping": {"checks_uuid_key", func(ctx context.Context, s *postgres.Store) error {
			results, err := s.Transitions(ctx, []store.Step{{Ref: store.Ref{UUID: l.check.UUID}, Decide: func(c monitor.Check) monitor.Change {
				return c.Receive(monitor.Ping{At: l.now.Add(time.Second), Signal: monitor.Success})
			}}})
			if err != nil {
				return err
			}
			return results[0].Err
		}},
		"the claim of what is owed": {"deliveries_next", func(ctx context.Context, s *postgres.Store) error {
			leased, err := s.LeaseDeliveries(ctx, store.Lease{Now: l.now.Add(time.Hour), Until: l.now.Add(2 * time.Hour), Limit: 10, PerChannel: 10})
			if err == nil && len(leased) == 0 {
				err = fmt.Errorf("nothing was leased")
			}
			return err
		}},
		"when the next is due": {"deliveries_next", func(ctx context.Context, s *postgres.Store) error {
			_, err := s.NextDelivery(ctx)
			return err
		}},
		"the last pings": {"pings_pkey", func(ctx context.Context, s *postgres.Store) error {
			_, err := s.Pings(ctx, l.check.ID, 0, 20)
			return err
		}},
		"the last runs": {"pings_pkey", func(ctx context.Context, s *postgres.Store) error {
			_, err := s.RecentRuns(ctx, []monitor.CheckID{l.check.ID}, 30)
			return err
		}},
		"the last changes": {"flips_pkey", func(ctx context.Context, s *postgres.Store) error {
			_, err := s.Flips(ctx, l.check.ID, 0, 20)
			return err
		}},
		"whether an address is gone": {"tombstones_pkey", func(ctx context.Context, s *postgres.Store) error {
			_, err := s.Gone(ctx, uuid.New())
			return err
		}},
	}
	wrong := 0
	for name, op := range ops {
		used, whole := l.reads(op.do)
		if !slices.Contains(used, op.index) || len(whole) > 0 {
			wrong++
			t.Errorf("%s: used %v and read as a whole %v; want %s and nothing", name, used, whole, op.index)
		}
	}
	prove.Report(t, "PLAN: hot queries use their indexes in a large database", len(ops), wrong)

	// The test can fail: without its index the table is read as a whole.
	l.exec("DROP INDEX deliveries_next")
	if used, whole := l.reads(ops["when the next is due"].do); !slices.Contains(whole, "deliveries") {
		t.Errorf("without its index it used %v and read as a whole %v", used, whole)
	}
}

// newLarge makes one real check with a ping, a change and what it owes, and as many of
// each as n by copying their rows.
func newLarge(t *testing.T, n int) *large {
	t.Helper()
	l := &large{T: t, address: pgtest.Prepared(t, migrate, pgtest.Durable), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	var err error
	if l.conn, err = pgx.Connect(t.Context(), l.address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.conn.Close(context.Background()) })
	s, err := postgres.Open(t.Context(), l.address)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	can := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	user, err := s.CreateUser(t.Context(), account.User{Email: "ops@example.org", Created: l.now})
	can(err)
	l.project, err = s.CreateProject(t.Context(), account.Project{Name: "Main", PingKey: account.NewPingKey(), Created: l.now}, user.ID)
	can(err)
	channel, err := s.CreateChannel(t.Context(), monitor.Channel{
		Project: l.project.ID, Name: "hook", Kind: monitor.Webhook, Settings: monitor.Settings{URL: "https://example.org/"}, Created: l.now,
	})
	can(err)
	l.check, err = s.CreateCheck(t.Context(), monitor.Create(monitor.Check{
		UUID: uuid.New(), Project: l.project.ID,
		Config: monitor.Config{Name: "job", Slug: "job", Schedule: schedule.Spec{Kind: schedule.Every, Period: time.Hour}, Grace: time.Hour},
	}, l.now), []monitor.ChannelID{channel.ID})
	can(err)
	for _, signal := range []monitor.Signal{monitor.Success, monitor.Fail} {
		_, err = s.Transitions(t.Context(), []store.Step{{Ref: store.Ref{ID: l.check.ID}, Decide: func(c monitor.Check) monitor.Change {
			return c.Receive(monitor.Ping{At: l.now, Signal: signal})
		}}})
		can(err)
	}
	l.copy("checks", n, map[string]string{
		"uuid": "gen_random_uuid()::text", "slug": "'job-' || g", "wake": fmt.Sprint(l.now.Add(24*time.Hour).UnixMicro(), " + g"),
	})
	others := fmt.Sprintf("%d + g %% %d", l.check.ID+1, n)
	l.copy("pings", 5*n, map[string]string{"check_id": others, "n": "2 + g"})
	l.copy("flips", n, map[string]string{"check_id": others})
	l.copy("deliveries", n, map[string]string{"check_id": others, "next_at": "NULL::bigint", "state": "'sent'"})
	l.exec("INSERT INTO tombstones (uuid, gone_at) SELECT gen_random_uuid()::text, g FROM generate_series(1, " + fmt.Sprint(n) + ") g")
	l.exec("ANALYZE")
	return l
}

func (l *large) exec(sql string) {
	l.Helper()
	if _, err := l.conn.Exec(l.Context(), sql); err != nil {
		l.Fatalf("%s: %v", sql, err)
	}
}

// names reads a list of them.
func (l *large) names(sql string) []string {
	l.Helper()
	rows, err := l.conn.Query(l.Context(), sql)
	if err != nil {
		l.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		l.Fatal(err)
	}
	return names
}

// copy adds n rows like the first of a table, but for some columns, in which g is the
// number of the row.
func (l *large) copy(table string, n int, but map[string]string) {
	l.Helper()
	var columns, values []string
	for _, column := range l.names("SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = '" + table + "'") {
		if column == "id" {
			continue
		}
		value, other := but[column]
		if !other {
			value = "one." + column
		}
		columns, values = append(columns, column), append(values, value)
	}
	l.exec(fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM (SELECT * FROM %s LIMIT 1) AS one, generate_series(1, %d) AS g",
		table, strings.Join(columns, ", "), strings.Join(values, ", "), table, n))
}

// reads does something with a store of its own, and returns which indexes were used and
// which of the large tables were read as a whole. A connection tells what it read when
// it ends, or once a second: what this one did to make the rows is to be told before
// the counters are set back, not after.
func (l *large) reads(do func(context.Context, *postgres.Store) error) (used, whole []string) {
	l.Helper()
	s, err := postgres.Open(l.Context(), l.address)
	if err != nil {
		l.Fatal(err)
	}
	l.quiet(1)
	l.exec("SELECT pg_stat_force_next_flush()")
	l.exec("SELECT pg_stat_reset()")
	if err := do(l.Context(), s); err != nil {
		l.Fatal(err)
	}
	if err := s.Close(); err != nil {
		l.Fatal(err)
	}
	l.quiet(0)
	used = l.names("SELECT indexrelname FROM pg_stat_user_indexes WHERE idx_scan > 0 ORDER BY 1")
	whole = l.names("SELECT relname FROM pg_stat_user_tables WHERE seq_scan > 0 AND relname IN ('checks', 'pings', 'flips', 'deliveries', 'tombstones') ORDER BY 1")
	return used, whole
}

// quiet waits until no more than so many other connections are left.
func (l *large) quiet(others int) {
	l.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		var n int
		const ask = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
		if err := l.conn.QueryRow(l.Context(), ask).Scan(&n); err != nil {
			l.Fatal(err)
		}
		if n <= others {
			return
		}
		if time.Now().After(deadline) {
			l.Fatalf("%d connections are left", n)
		}
	}
}
