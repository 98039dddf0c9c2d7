package e2e_test

import (
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"rollcall/internal/pgtest"
	"rollcall/internal/prove"
)

// cluster is a primary and its synchronous standby, which change places.
type cluster struct {
	*testing.T
	primary, standby *pgtest.Server
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	start := func() *pgtest.Server {
		server, err := pgtest.Start(pgtest.Durable)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := server.Stop(); err != nil {
				t.Error(err)
			}
		})
		return server
	}
	return &cluster{t, start(), start()}
}

func (c *cluster) can(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// database makes one that both servers have, and returns the address by which
// Rollcall finds whichever of them takes writes.
func (c *cluster) database(*testing.T) string {
	c.Helper()
	_, err := c.primary.CreateDatabase(c.Context(), "failover")
	c.can(err)
	c.can(c.standby.Follow(c.Context(), c.primary))
	query := url.Values{
		"host": {c.primary.Dir() + "," + c.standby.Dir()}, "port": {"5432,5432"},
		"sslmode": {"disable"}, "target_session_attrs": {"read-write"},
	}
	return "postgres://rollcall@/failover?" + query.Encode()
}

// swap makes the standby the primary, and the old one its standby.
func (c *cluster) swap() {
	c.Helper()
	c.primary, c.standby = c.standby, c.primary
	c.can(c.standby.Follow(c.Context(), c.primary))
}

// testFailover kills the primary under load, promotes its standby, and goes on, again
// and again, without a restart of Rollcall: what was acknowledged is on the standby.
func testFailover(t *testing.T, s *site) {
	c := newCluster(t)
	hooks := newReceiver(t, 0)
	s, load := c.begin(s, hooks, "")
	server := s.run(t)
	failovers, crashes := prove.Scale(2, 15), []time.Time(nil)
	for range failovers {
		load.acknowledged(t, time.Minute)
		<-time.After(time.Second)
		c.can(c.primary.Crash())
		killed := time.Now()
		c.can(c.standby.Promote(t.Context()))
		load.acknowledged(t, time.Minute)
		t.Logf("the next ping was acknowledged %s after the primary was killed", time.Since(killed).Round(time.Millisecond))
		crashes = append(crashes, time.Now())
		c.swap()
	}
	load.acknowledged(t, time.Minute)
	h := load.stop()
	stop(t, server)
	h.crashes = crashes
	c.settle(s, h, hooks, failovers)
}

// testZombie lets the primary stand still and promotes its standby. Rollcall, whose
// connections all stand still too, stores, judges and tells with the new one, without
// a restart. Then the old primary is woken, which still takes itself for one: it must
// acknowledge nothing.
func testZombie(t *testing.T, s *site) {
	c := newCluster(t)
	hooks, quiet := newReceiver(t, 0), newIDs(8)
	s, load := c.begin(s, hooks, every(quiet, "quiet", "1s", "1s", untold), client{checks: quiet, pace: 500 * time.Millisecond, rounds: 100, calls: bodies("")})
	server := s.run(t)
	failovers, crashes := prove.Scale(1, 5), []time.Time(nil)
	for range failovers {
		load.acknowledged(t, time.Minute)
		<-time.After(time.Second)
		c.can(c.primary.Freeze())
		frozen := time.Now()
		judgedBefore, toldBefore := c.done(c.standby) // which follows no longer
		c.can(c.standby.Promote(t.Context()))
		load.acknowledged(t, time.Minute)
		t.Logf("the next ping was acknowledged %s after the primary stood still", time.Since(frozen).Round(time.Millisecond))
		eventually(t, 2*time.Minute, "silence is judged and changes are told while the old primary stands still", func() bool {
			judged, told := c.done(c.standby)
			return judged > judgedBefore && told > toldBefore
		})
		t.Logf("silence was judged and changes were told after %s", time.Since(frozen).Round(time.Millisecond))
		c.can(c.primary.Thaw())
		if err := c.write(c.primary); err == nil {
			t.Error("the old primary confirmed a commit, which no standby has")
		}
		<-time.After(time.Second) // for Rollcall, which may find the old one first
		c.swap()
		crashes = append(crashes, time.Now()) // the old one knew nothing of what was being sent
	}
	load.acknowledged(t, time.Minute)
	h := load.stop()
	stop(t, server)
	h.crashes = crashes
	c.settle(s, h, hooks, failovers)
}

// done is how many deadlines have passed and how many messages were taken, by what one
// of the servers holds.
func (c *cluster) done(server *pgtest.Server) (judged, told int) {
	c.Helper()
	conn, err := pgx.Connect(c.Context(), server.URL("failover"))
	c.can(err)
	defer conn.Close(context.Background())
	const query = "SELECT (SELECT count(*) FROM flips WHERE reason = 'timeout'), (SELECT count(*) FROM deliveries WHERE state = 'sent')"
	c.can(conn.QueryRow(c.Context(), query).Scan(&judged, &told))
	return judged, told
}

// write tries a commit on one of the servers.
func (c *cluster) write(server *pgtest.Server) error {
	ctx, cancel := context.WithTimeout(c.Context(), 2*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, server.URL("failover"))
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(ctx, "UPDATE checks SET grace = grace")
	return err
}

// begin makes a site on the cluster and lets jobs report to it.
func (c *cluster) begin(s *site, hooks *receiver, more string, clients ...client) (*site, *load) {
	c.Helper()
	s = newSite(c.T, s.Binary, s.armed, engine{"PostgreSQL", "pgx", c.database})
	s.db.SetMaxIdleConns(0) // each look finds the primary anew
	return s, jobs(c.T, s, hooks, more, clients...)
}

// settle lets a last process tell everybody, and holds the history against what the
// last primary has.
func (c *cluster) settle(s *site, h history, hooks *receiver, failovers int) {
	c.Helper()
	s.leasesRunOut(c.T) // an answer to a lease can be lost with the primary
	server := s.run(c.T)
	eventually(c.T, 3*time.Minute, "everybody is told", func() bool { return len(s.open(c.T)) == 0 })
	stop(c.T, server)
	s.read(c.T, &h)
	hooks.read(c.T, &h)
	tally(c.T, failovers, h.violations())
	c.Logf("%d failovers: %d pings acknowledged, %d rows; %d deliveries, %d messages", failovers, len(h.acked), len(h.pings), len(h.deliveries), len(h.received))
	if len(h.acked) < 100 || len(h.deliveries) < 10 {
		c.Error("there was too little to lose")
	}
}

// jobs begin to report to a site: some with run ids, which repeat what is not
// acknowledged, some without, and some that fail again and again. More are checks that
// other clients report for; they may have the channels lapsed-0 to 11.
func jobs(t *testing.T, s *site, hooks *receiver, more string, others ...client) *load {
	t.Helper()
	plain, runs, moody := newIDs(40), newIDs(40), newIDs(100)
	s.provision(t, fmt.Sprintf(`
projects:
  - name: Jobs
    owner: ops@example.org
    channels:
%s    checks:
%s%s%s%s`, hooks.channels("moody", len(moody))+hooks.channels("lapsed", 12),
		every(plain, "plain", "1h", "1h", untold), every(runs, "run", "1h", "1h", untold), told(moody, "moody", "1h", "1h"), more))
	s.More = append(s.More, "--egress-allow", "127.0.0.0/8")
	return begin(t, s, append(others,
		client{checks: plain, pace: 4 * time.Millisecond, rounds: 900, calls: bodies("")},
		client{checks: runs, pace: 4 * time.Millisecond, rounds: 450, calls: startAndEnd},
		client{checks: moody, pace: 100 * time.Millisecond, rounds: calm, calls: bodies("/fail", "")},
	)...)
}
