package e2e_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"rollcall/internal/prove"
)

// testPower records everything that SQLite writes while jobs report, and then lets
// the power go at many moments of it: whatever had not been confirmed by an fsync is
// lost, kept or torn. A ping that had been acknowledged by then must be there.
//
// The same with a setting that makes SQLite confirm less must lose pings: else the
// test would be blind.
func testPower(t *testing.T, s *site) {
	for _, test := range []struct {
		name, setting string
		inject        []string
		blind         bool
	}{
		{name: "power"},
		{name: "power and a disk that failed", inject: []string{"-e", "inject=fsync,fdatasync:error=EIO:when=20..30"}},
		{name: "control", setting: "sqlite.synchronous=NORMAL", blind: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := s.another(t)
			if test.setting != "" {
				s.Binary, s.Failures = s.armed, test.setting
			}
			p := recordPower(t, s, test.inject)
			cuts := prove.Scale(8, 400)
			lost, broken := p.cuts(t, cuts, dropped)
			if test.blind {
				missed := 0
				if lost == 0 {
					t.Error("with synchronous=NORMAL nothing is lost when the power goes: this test would not see a loss")
					missed = 1
				}
				prove.Report(t, "CONTROL: with synchronous=NORMAL the loss of power loses pings, so a loss is seen", cuts, missed)
				return
			}
			lostToo, brokenToo := p.cuts(t, cuts, anyhow)
			cuts, lost, broken = 2*cuts, lost+lostToo, broken+brokenToo
			prove.Report(t, "POWER: a ping acknowledged before the power went is in the database", cuts, lost)
			prove.Report(t, "CORRUPT: a database that lost power is whole", cuts, broken)
			if lost+broken > 0 {
				t.Errorf("of %d cuts, %d pings were lost and %d databases broken", cuts, lost, broken)
			}
		})
	}
}

// power is a recording, and what was acknowledged when.
type power struct {
	start disk
	calls []syscallOnFile
	history
}

func recordPower(t *testing.T, s *site, inject []string) power {
	t.Helper()
	plain, runs := newIDs(80), newIDs(40)
	s.provision(t, "projects:\n  - name: Power\n    owner: ops@example.org\n    checks:\n"+every(plain, "plain", "1h", "1h", "")+every(runs, "run", "1h", "1h", ""))
	server := s.run(t)
	trace := filepath.Join(t.TempDir(), "trace")
	detach := attach(t, server.PID(), append(recording(trace), inject...)...)
	// Whatever is written meanwhile is in the trace too, and written once more.
	p := power{start: loadDisk(t, s.Database, s.Database+"-wal")}
	var clients []client
	for i := range 8 { // a batch of many pings costs no more than one of a single ping
		clients = append(clients, client{checks: plain[i*10 : i*10+10], pace: time.Millisecond, rounds: 900, calls: bodies("")})
	}
	load := begin(t, s, append(clients, client{checks: runs, pace: time.Millisecond, rounds: 450, calls: startAndEnd})...)
	// Long enough for SQLite to move its log into the database.
	eventually(t, time.Minute, "pings are acknowledged", func() bool { return load.log.acks.Load() >= 1200 })
	p.history = load.stop()
	detach()
	server.Kill()
	p.calls = readTrace(t, trace, filepath.Dir(s.Database))
	kinds := map[string]int{}
	for _, call := range p.calls {
		kinds[fmt.Sprint(call.name, " of ", call.file, " failed ", call.failed)]++
	}
	t.Logf("recorded %v", kinds)
	for _, needed := range []string{"pwrite64 of rollcall.db-wal failed false", "pwrite64 of rollcall.db failed false"} {
		if kinds[needed] == 0 {
			t.Fatalf("there was no %s, so there is too little to lose", needed)
		}
	}
	if inject != nil && kinds["fsync of rollcall.db-wal failed true"]+kinds["fdatasync of rollcall.db-wal failed true"] == 0 {
		t.Fatal("no fsync failed")
	}
	return p
}

// cuts lets the power go n times, and returns how many acknowledged pings were not
// there then, and how many databases were not whole.
func (p power) cuts(t *testing.T, n int, how loss) (lost, broken int) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed of the cuts: %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	moments := map[int]bool{len(p.calls) - 1: true}
	for len(moments) < min(n, len(p.calls)) {
		moments[random.IntN(len(p.calls))] = true
	}
	d := p.start.clone()
	for i, call := range p.calls {
		if moments[i] { // before this call, and after whatever was acknowledged until it
			dir := t.TempDir()
			d.cut(t, dir, random, how)
			have, err := recovered(filepath.Join(dir, "rollcall.db"))
			if err != nil {
				broken++
				t.Logf("cut before call %d of %d: %v", i, len(p.calls), err)
				continue
			}
			for id, at := range p.acked {
				if at.Before(call.began) && !have[id] {
					lost++
				}
			}
		}
		d.apply(call)
	}
	return lost, broken
}

// recovered opens a database that lost power and returns the pings in it.
func recovered(path string) (map[pingID]bool, error) {
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var found string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&found); err != nil || found != "ok" {
		return nil, fmt.Errorf("integrity_check: %s, %w", found, err)
	}
	result, err := db.Query(pingRows)
	if err != nil {
		return nil, err
	}
	defer result.Close()
	have := map[pingID]bool{}
	for result.Next() {
		var r pingRow
		if err := result.Scan(r.fields()...); err != nil {
			return nil, err
		}
		have[r.id()] = true
	}
	return have, result.Err()
}
