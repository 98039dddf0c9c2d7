package e2e_test

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/internal/prove"
)

// testAmbiguity cuts the connection to PostgreSQL behind one of twenty commits, when
// it is done and before Rollcall knows: nothing is lost by that and nothing counted
// twice, because a client that was not acknowledged asks again with its run id.
func testAmbiguity(t *testing.T, s *site) {
	address, err := url.Parse(s.Database)
	if err != nil {
		t.Fatal(err)
	}
	query := address.Query()
	p := newCommitCutter(t, filepath.Join(query.Get("host"), ".s.PGSQL.5432"))
	query.Set("host", filepath.Dir(p.address))
	address.RawQuery = query.Encode()
	s.Database = address.String()

	hooks := newReceiver(t, 0)
	load := jobs(t, s, hooks, "")
	server := s.run(t)
	p.cutting.Store(true)
	cuts := prove.Scale(40, 1000)
	eventually(t, 10*time.Minute, "enough commits are cut off", func() bool { return p.cuts.Load() >= int64(cuts) })
	p.cutting.Store(false)
	load.acknowledged(t, time.Minute)
	h := load.stop()
	stop(t, server)
	s.leasesRunOut(t)
	server = s.run(t)
	eventually(t, 3*time.Minute, "everybody is told", func() bool { return len(s.open(t)) == 0 })
	stop(t, server)
	s.read(t, &h)
	hooks.read(t, &h)
	tally(t, cuts, h.violations())
	t.Logf("%d commits cut off: %d pings acknowledged, %d rows; %d deliveries, %d messages", p.cuts.Load(), len(h.acked), len(h.pings), len(h.deliveries), len(h.received))
}

// commitCutter stands between Rollcall and PostgreSQL.
type commitCutter struct {
	address string // of its socket
	cutting atomic.Bool
	cuts    atomic.Int64
}

func newCommitCutter(t *testing.T, server string) *commitCutter {
	t.Helper()
	p := &commitCutter{address: filepath.Join(t.TempDir(), ".s.PGSQL.5432")}
	listener, err := net.Listen("unix", p.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.pass(client, server)
		}
	}()
	return p
}

// pass joins a client with the server, until one of them ends or a commit is cut off.
func (p *commitCutter) pass(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("unix", address)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		server.Close()
	}()
	// What the server says is a type, a length that counts itself, and the rest.
	for header := make([]byte, 5); ; {
		if _, err := io.ReadFull(server, header); err != nil {
			return
		}
		rest := make([]byte, binary.BigEndian.Uint32(header[1:])-4)
		if _, err := io.ReadFull(server, rest); err != nil {
			return
		}
		const commandComplete = 'C'
		if header[0] == commandComplete && string(rest) == "COMMIT\x00" && p.cutting.Load() && rand.IntN(20) == 0 {
			p.cuts.Add(1)
			return
		}
		if _, err := client.Write(append(header[:5:5], rest...)); err != nil {
			return
		}
	}
}
