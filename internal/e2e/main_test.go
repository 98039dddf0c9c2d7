package e2e_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"rollcall/internal/e2e"
	"rollcall/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// TestRollcall builds the binary once and shows on both engines what it promises.
func TestRollcall(t *testing.T) {
	dir := t.TempDir()
	binary, err := e2e.Build(dir)
	if err != nil {
		t.Fatal(err)
	}
	armed, err := e2e.BuildArmed(dir)
	if err != nil {
		t.Fatal(err)
	}
	// They measure time and memory, so they come before all else.
	t.Run("faults", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, *site){"SQLite": testDiskFaults, "PostgreSQL": testDatabaseFaults} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, newSite(t, binary, armed, sqlite))
			})
		}
	})
	for name, test := range map[string]func(*testing.T, *site){
		"unarmed":                testUnarmed,
		"SQLite/not held":        testSocketNotHeld,
		"SQLite/held by systemd": testHeldBySystemd,
		"SQLite/wrong sockets":   testWrongSockets,
		"SQLite/notify":          testNotify,
		"SQLite/power":           testPower,
		"PostgreSQL/failover":    testFailover,
		"PostgreSQL/zombie":      testZombie,
		"PostgreSQL/two":         func(t *testing.T, s *site) { testTwo(t, newSite(t, s.Binary, s.armed, postgreSQL)) },
		"PostgreSQL/ambiguity":   func(t *testing.T, s *site) { testAmbiguity(t, newSite(t, s.Binary, s.armed, postgreSQL)) },
		"PostgreSQL/stop frozen": testStopFrozen,
		"PostgreSQL/dump":        func(t *testing.T, s *site) { testDump(t, newSite(t, s.Binary, s.armed, postgreSQL)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newSite(t, binary, armed, sqlite))
		})
	}
	for _, e := range []engine{sqlite, postgreSQL} {
		for name, test := range map[string]func(*testing.T, *site){
			"journey":      testJourney,
			"wire":         testWire,
			"kill":         testKill,
			"stop":         testStop,
			"stops":        testStops,
			"soak":         testSoak,
			"survive":      testSurvive,
			"upgrade":      testUpgrade,
			"upkeep":       testUpkeep,
			"cold":         testColdStart,
			"poison":       testPoison,
			"held":         testHeldSocket,
			"held, killed": testHeldSocketKilled,
		} {
			t.Run(e.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				test(t, newSite(t, binary, armed, e))
			})
		}
	}
	t.Run("demo", func(t *testing.T) {
		t.Parallel()
		testDemo(t, binary)
	})
	t.Run("pair", func(t *testing.T) {
		t.Parallel()
		testPair(t, binary)
	})
	t.Run("heartbeat", func(t *testing.T) {
		t.Parallel()
		testHeartbeat(t, binary, armed)
	})
	t.Run("logs", func(t *testing.T) {
		t.Parallel()
		testLogs(t, binary)
	})
	t.Run("refuse", func(t *testing.T) {
		t.Parallel()
		testRefuse(t, binary)
	})
}

// engine is one of the two databases.
type engine struct {
	name, driver string
	create       func(*testing.T) string
}

var (
	sqlite     = engine{"SQLite", "sqlite", func(t *testing.T) string { return filepath.Join(t.TempDir(), "rollcall.db") }}
	postgreSQL = engine{"PostgreSQL", "pgx", func(t *testing.T) string { return pgtest.Database(t, pgtest.Durable) }}
)

// site is one installation of Rollcall.
type site struct {
	e2e.Serve
	engine engine
	armed  string   // the binary with failpoints
	mail   string   // where it takes mail; "" for nowhere
	held   []string // the names of the sockets that are held for it
	db     *sql.DB  // for looking, beside the server
}

// another returns a new installation of the same kind.
func (s *site) another(t *testing.T) *site { return newSite(t, s.Binary, s.armed, s.engine) }

func newSite(t *testing.T, binary, armed string, e engine) *site {
	t.Helper()
	s := &site{engine: e, armed: armed, Serve: e2e.Serve{Binary: binary, Listen: freeAddress(t), Ops: freeAddress(t), Database: e.create(t)}}
	source := s.Database
	if e.driver == "sqlite" {
		source = "file:" + source + "?_pragma=busy_timeout(5000)"
	}
	var err error
	if s.db, err = sql.Open(e.driver, source); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.db.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := e2e.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// provision lets the server begin with a described state.
func (s *site) provision(t *testing.T, document string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "provision.yaml")
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	s.More = append(s.More, "--provision", file)
}

// takeMail lets the server take pings by mail.
func (s *site) takeMail(t *testing.T) {
	t.Helper()
	s.mail = freeAddress(t)
	s.More = append(s.More, "--mail-listen", s.mail, "--mail-domain", mailDomain)
}

// run starts the server and returns when it answers. It is killed at the end of
// the test, if it has not been stopped.
func (s *site) run(t *testing.T) *e2e.Server {
	t.Helper()
	server, err := s.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := server.Answering(ctx); err != nil {
		t.Fatal(err)
	}
	return server
}

// stop asks the server to end and expects that it does well.
func stop(t *testing.T, server *e2e.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stopLimit)
	defer cancel()
	if err := server.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// rows reads a query of the database. Both engines take the same.
func rows[T any](t *testing.T, s *site, query string, fields func(*T) []any) []T {
	t.Helper()
	result, err := s.db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	var list []T
	for result.Next() {
		var row T
		if err := result.Scan(fields(&row)...); err != nil {
			t.Fatal(err)
		}
		list = append(list, row)
	}
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// count reads one number.
func count(t *testing.T, s *site, query string) int {
	t.Helper()
	return rows(t, s, query, func(n *int) []any { return []any{n} })[0]
}

// eventually polls until done says so, for at most limit.
func eventually(t *testing.T, limit time.Duration, what string, done func() bool) {
	t.Helper()
	deadline := time.After(limit)
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("not within %s: %s", limit, what)
		case <-poll.C:
		}
	}
}

// newIDs returns the UUIDs of n checks.
func newIDs(n int) []uuid.UUID {
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = uuid.New()
	}
	return ids
}

// told describes checks each of which has a channel of its own, of the same name.
func told(ids []uuid.UUID, name, period, grace string) (text string) {
	for i, id := range ids {
		text += fmt.Sprintf("      - {name: %s %d, slug: %s-%d, uuid: %s, period: %s, grace: %s, channels: [%s-%d]}\n", name, i, name, i, id, period, grace, name, i)
	}
	return text
}

// every describes checks for a provision file.
func every(ids []uuid.UUID, name, period, grace, more string) string {
	text := ""
	for i, id := range ids {
		text += fmt.Sprintf("      - {name: %s %d, slug: %s-%d, uuid: %s, period: %s, grace: %s%s}\n", name, i, name, i, id, period, grace, more)
	}
	return text
}
