package e2e_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/e2e"
	"rollcall/internal/mailtest"
	"rollcall/internal/prove"
)

// What the heartbeat promises, and the part of its waits that the short form makes do
// with.
const (
	silentWithin = 3 * time.Minute // of the fault
	backWithin   = time.Minute     // of the repair
	beatEvery    = 30 * time.Second
	shortPart    = 20
)

// stage is an installation of which one part is broken and then repaired.
type stage struct {
	*site
	name   string
	says   string // by the process, of what is wrong
	fails  func(*testing.T)
	mends  func(*testing.T)
	server *e2e.Server
	heard  *heartbeats
	hook   *receiver
	told   [2]uuid.UUID // checks of which a failure is told
	silent uuid.UUID    // one that is judged soon after it has reported

	broken, gone, repaired time.Time
}

// testHeartbeat breaks each stage of real processes, and hears their heartbeats stop,
// and begin again after the repair. Where nobody can reach in, the binary with
// failpoints runs. In the long form all waits are those that people have.
func testHeartbeat(t *testing.T, binary, armed string) {
	stages := []*stage{
		lockedFile(t, binary, armed), hangingScheduler(t, armed), hangingAlerter(t, armed), refusingRelay(t, binary, armed),
		lockedTable(t, binary, armed, "checks", "deadlines are judged up to"),
		lockedTable(t, binary, armed, "deliveries", "the database has not said since"),
	}
	silence := 2 * beatEvery / shortPart
	if prove.Long() {
		silence = 2 * beatEvery
		stages = append(stages, frozenDatabase(t, binary, armed), hangingLookout(t, armed))
	}
	for _, s := range stages {
		s.begin(t)
	}
	for _, s := range stages { // they break one after the other, and all are broken for a while
		eventually(t, time.Minute, s.name+", but not yet: it is heard", func() bool { return s.heard.last().alive })
		s.broken = time.Now()
		s.fails(t)
	}
	late := 0
	for _, s := range stages {
		eventually(t, 2*silentWithin, s.name+": it says that it fails, and "+s.says, func() bool {
			return !s.heard.last().alive && slices.ContainsFunc(s.trouble(t), func(words string) bool { return strings.Contains(words, s.says) })
		})
		s.gone = s.heard.last().at
	}
	<-time.After(silence) // in which a heartbeat that has not stopped would be heard
	for _, s := range stages {
		if last := s.heard.last(); last.alive {
			t.Errorf("%s: it was heard %s after it told that it failed", s.name, last.at.Sub(s.gone))
			late++
		}
		s.repaired = time.Now()
		s.mends(t)
	}
	for _, s := range stages {
		var heard time.Time
		eventually(t, 2*backWithin, s.name+", but not any more: it is heard", func() bool {
			heard = s.heard.first(s.repaired)
			return !heard.IsZero()
		})
		silent, back := s.gone.Sub(s.broken), heard.Sub(s.repaired)
		if prove.Long() && (silent > silentWithin || back > backWithin) {
			t.Errorf("%s: silent after %s, back after %s", s.name, silent, back)
			late++
		}
		t.Logf("%s: it failed %s later, and was back %s after the repair", s.name, silent.Round(time.Millisecond), back.Round(time.Millisecond))
		stop(t, s.server)
	}
	prove.Report(t, "WATCHDOG: the heartbeat of a real process stops with each of its stages, and comes back with its repair", len(stages), late)
}

// begin starts the process.
func (s *stage) begin(t *testing.T) {
	t.Helper()
	s.heard, s.hook = newHeartbeats(t), newReceiver(t, 0)
	ids := newIDs(3)
	s.told, s.silent = [2]uuid.UUID(ids[:2]), ids[2]
	s.provision(t, "projects:\n  - name: Watched\n    owner: ops@example.org\n    channels:\n"+s.hook.channels("job", 2)+
		"    checks:\n"+told(ids[:2], "job", "1h", "1h")+every(ids[2:], "silent", "1s", "1s", untold))
	s.More = append(s.More, "--egress-allow", "127.0.0.0/8", "--heartbeat-url", s.heard.URL)
	if !prove.Long() {
		s.Binary, s.Failures = s.armed, fmt.Sprintf("vitals.part=%d,%s", shortPart, s.Failures)
	}
	s.server = s.run(t)
}

// trouble asks the process what is wrong.
func (s *stage) trouble(t *testing.T) []string {
	t.Helper()
	resp, err := http.Get("http://" + s.Ops + "/statusz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var status struct {
		Trouble []string `json:"trouble"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&status); err != nil {
		t.Fatal(err)
	}
	return status.Trouble
}

// ping reports for a check.
func (s *stage) ping(t *testing.T, check uuid.UUID, more string) {
	t.Helper()
	if status, err := report(http.DefaultClient, s.server.URL("/ping/"+check.String()+more)); err != nil || status != http.StatusOK {
		t.Fatalf("ping: %d, %v", status, err)
	}
}

// hang makes a stage that stands still at a failpoint, once what leads there has been
// done.
func hang(t *testing.T, armed, name, point, says string, lead func(*testing.T, *stage)) *stage {
	s := &stage{site: newSite(t, armed, armed, sqlite), name: name, says: says}
	s.Failures = point + ":1:hang"
	s.fails = func(t *testing.T) {
		lead(t, s)
		eventually(t, time.Minute, point+" is passed", func() bool { return strings.Contains(s.server.Output(), "failpoint "+point+" hang") })
	}
	s.mends = func(*testing.T) { s.server.GoOn() }
	return s
}

func hangingScheduler(t *testing.T, armed string) *stage {
	return hang(t, armed, "the scheduler hangs", "scheduler.after_select", "deadlines are judged up to", func(t *testing.T, s *stage) {
		s.ping(t, s.silent, "")
	})
}

// hangingAlerter hangs with one message, while another one waits.
func hangingAlerter(t *testing.T, armed string) *stage {
	s := hang(t, armed, "the alerter hangs", "alerter.after_lease", "an alert has been waiting since", func(t *testing.T, s *stage) {
		s.ping(t, s.told[0], "/fail")
	})
	first := s.fails
	s.fails = func(t *testing.T) {
		first(t)
		s.ping(t, s.told[1], "/fail")
	}
	return s
}

// hangingLookout hangs at the second look, half a minute after the first.
func hangingLookout(t *testing.T, armed string) *stage {
	s := hang(t, armed, "the lookout hangs", "lookout.before_look", "the lookout stands still", func(*testing.T, *stage) {})
	s.Failures = "lookout.before_look:2:hang"
	return s
}

// refusingRelay has a mail server that is not there any more.
func refusingRelay(t *testing.T, binary, armed string) *stage {
	s := &stage{site: newSite(t, binary, armed, sqlite), name: "the mail server refuses", says: "the mail server has refused since"}
	relay := newLink(t, mailtest.Start(t, mailtest.Options{}).Addr)
	s.More = append(s.More, "--smtp", "smtp://"+relay.address+"?from=rollcall@example.org")
	s.fails = func(*testing.T) { relay.cut() }
	s.mends = relay.mend
	return s
}

// lockedFile has a database file to which somebody else writes, and does not end.
func lockedFile(t *testing.T, binary, armed string) *stage {
	s := &stage{site: newSite(t, binary, armed, sqlite), name: "the database takes no writes", says: "the database has taken no writes since"}
	s.fails, s.mends = s.holds("BEGIN IMMEDIATE")
	return s
}

// lockedTable has a database of which somebody else keeps one table to themselves.
func lockedTable(t *testing.T, binary, armed, table, says string) *stage {
	s := &stage{site: newSite(t, binary, armed, postgreSQL), name: "the table " + table + " cannot be read", says: says}
	s.fails, s.mends = s.holds("BEGIN; LOCK TABLE " + table + " IN ACCESS EXCLUSIVE MODE")
	return s
}

// holds returns how a transaction begins, and how it ends.
func (s *site) holds(begin string) (fails, mends func(*testing.T)) {
	var conn *sql.Conn
	do := func(t *testing.T, statement string) {
		t.Helper()
		if _, err := conn.ExecContext(context.WithoutCancel(t.Context()), statement); err != nil {
			t.Fatal(err)
		}
	}
	fails = func(t *testing.T) {
		t.Helper()
		var err error
		if conn, err = s.db.Conn(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		do(t, begin)
	}
	return fails, func(t *testing.T) { t.Helper(); do(t, "ROLLBACK") }
}

// frozenDatabase has a PostgreSQL that stands still.
func frozenDatabase(t *testing.T, binary, armed string) *stage {
	database, site := ownDatabase(t, newSite(t, binary, armed, sqlite))
	s := &stage{site: site, name: "the database stands still", says: "the database has taken no writes since"}
	can := func(do func() error) func(*testing.T) {
		return func(t *testing.T) {
			t.Helper()
			if err := do(); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.fails, s.mends = can(database.Freeze), can(database.Thaw)
	return s
}

// heartbeats is who expects a sign of life: a check at another Rollcall.
type heartbeats struct {
	URL string

	mu  sync.Mutex // guards got
	got []heartbeat
}

// heartbeat is a sign of life, or the word that there is trouble.
type heartbeat struct {
	at    time.Time
	alive bool
}

func newHeartbeats(t *testing.T) *heartbeats {
	t.Helper()
	path := "/ping/" + uuid.NewString()
	h := &heartbeats{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case path, path + "/fail":
		default:
			t.Errorf("somebody asked for %s", r.URL.Path)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.got = append(h.got, heartbeat{time.Now(), r.URL.Path == path})
	}))
	t.Cleanup(server.Close)
	h.URL = server.URL + path
	return h
}

// first returns when the first sign of life was heard after an instant; zero: none was.
func (h *heartbeats) first(after time.Time) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.IndexFunc(h.got, func(g heartbeat) bool { return g.alive && g.at.After(after) }); i >= 0 {
		return h.got[i].at
	}
	return time.Time{}
}

// last returns what was heard last.
func (h *heartbeats) last() heartbeat {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.got) == 0 {
		return heartbeat{}
	}
	return h.got[len(h.got)-1]
}
