package e2e_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
)

// kills is how often the process is killed on each engine, each time at a random
// moment of this span after its first acknowledged ping.
const (
	kills    = 20
	killSpan = 400 * time.Millisecond
)

// testKill kills the process again and again while jobs report and alerts are on
// their way, and then holds what clients and receiver saw against the database.
func testKill(t *testing.T, s *site) {
	hooks := newReceiver(t, 10*time.Millisecond) // long enough to be killed under way
	plain, runs, flood, moody, silent := newIDs(60), newIDs(40), newIDs(1), newIDs(6), newIDs(6)
	s.provision(t, `
projects:
  - name: Kill
    owner: ops@example.org
    channels:
`+hooks.channel("one")+hooks.channel("two")+`    checks:
`+every(plain, "plain", "1h", "1h", "")+every(runs, "run", "1h", "1h", "")+every(flood, "flood", "1h", "1h", ", channels: []")+
		every(moody, "moody", "1h", "1h", "")+every(silent, "silent", "1s", "1s", ", channels: [two]"))
	s.More = append(s.More, "--egress-allow", "127.0.0.0/8")

	load, end := context.WithCancel(t.Context())
	defer end()
	log := &ackLog{history: history{sent: map[pingID]bool{}, acked: map[pingID]bool{}, coalesced: map[uuid.UUID]int{}}}
	var clients sync.WaitGroup
	base := "http://" + s.Listen
	for _, c := range []client{
		{checks: plain[:30], pace: 2 * time.Millisecond, calls: bodies("")},
		{checks: plain[30:], pace: 2 * time.Millisecond, calls: bodies("")},
		{checks: runs, pace: 2 * time.Millisecond, calls: startAndEnd},
		{checks: flood, pace: 4 * time.Millisecond, calls: bodies("")},
		{checks: moody, pace: 60 * time.Millisecond, calls: bodies("/fail", "")},
		{checks: silent, pace: 600 * time.Millisecond, calls: bodies("")},
	} {
		c.log, c.base = log, base
		c.http = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
		clients.Go(func() { c.run(load) })
	}

	seed := rand.Uint64()
	t.Logf("seed of the moments: %d", seed)
	moments := rand.New(rand.NewPCG(seed, 0))
	for range kills {
		server := s.run(t)
		before := log.acks.Load()
		eventually(t, 20*time.Second, "a ping is acknowledged", func() bool { return log.acks.Load() > before })
		<-time.After(time.Duration(moments.Int64N(int64(killSpan))))
		server.Kill()
	}
	server := s.run(t)
	before := log.acks.Load()
	eventually(t, 20*time.Second, "a ping is acknowledged", func() bool { return log.acks.Load() > before })
	end()
	clients.Wait()
	// What was being sent when the process was killed is sent again when its lease
	// has run out, after a minute.
	var open []string
	defer func() {
		if len(open) > 0 {
			t.Logf("in the end: %q\n%s", open, server.Output())
		}
	}()
	eventually(t, 2*time.Minute, "everybody is told", func() bool {
		open = s.open(t)
		return len(open) == 0
	})
	stop(t, server)

	h := log.history
	h.kills = kills
	s.read(t, &h)
	for _, got := range hooks.all() {
		h.received = append(h.received, got.id)
		if got.wrong != nil {
			t.Errorf("message %s: %v", got.id, got.wrong)
		}
	}
	wrong := h.violations()
	for _, w := range wrong[:min(len(wrong), 20)] {
		t.Error(w)
	}
	t.Logf("%d kills, %d violations: %d pings sent, %d acknowledged, %d rows; %d flips, %d deliveries, %d messages",
		kills, len(wrong), len(h.sent), len(h.acked), len(h.pings), len(h.flips), len(h.deliveries), len(h.received))
	missed := count(t, s, "SELECT count(*) FROM flips WHERE reason = 'timeout'")
	if len(h.acked) < 10*kills || len(h.deliveries) < kills || missed == 0 {
		t.Error("there was too little to lose")
	}
}

// open is what still has to happen: silence to be noticed, deliveries to be made.
func (s *site) open(t *testing.T) []string {
	t.Helper()
	return rows(t, s, `SELECT name || ' is ' || status FROM checks WHERE status = 'up' AND name LIKE 'silent%'
		UNION ALL SELECT 'delivery ' || id || ' of check ' || check_id || ' is ' || state || ' after ' || attempts || ' attempts: ' || answer
		FROM deliveries WHERE state IN ('pending', 'sending')`, func(text *string) []any { return []any{text} })
}

// read takes what the database holds into a history.
func (s *site) read(t *testing.T, h *history) {
	t.Helper()
	h.checks = rows(t, s, `SELECT uuid, status, rev, n_pings, coalesced,
		(SELECT count(*) FROM check_channels WHERE check_id = checks.id) FROM checks`, func(c *checkRow) []any {
		return []any{&c.uuid, &c.status, &c.rev, &c.pings, &c.coalesced, &c.channels}
	})
	type row struct {
		check             uuid.UUID
		signal, run, body string
	}
	for _, r := range rows(t, s, "SELECT c.uuid, p.signal, p.run_id, p.body FROM pings p JOIN checks c ON c.id = p.check_id", func(r *row) []any {
		return []any{&r.check, &r.signal, &r.run, (*nullText)(&r.body)}
	}) {
		h.pings = append(h.pings, newPingID(r.check, r.signal, r.run, r.body))
	}
	h.flips = rows(t, s, "SELECT c.uuid, f.rev, f.new_status, f.tell FROM flips f JOIN checks c ON c.id = f.check_id", func(f *flipRow) []any {
		return []any{&f.check, &f.rev, &f.to, &f.tell}
	})
	h.deliveries = rows(t, s, `SELECT d.id, d.channel_id, d.kind, d.rev, d.state, d.attempts, c.uuid
		FROM deliveries d JOIN checks c ON c.id = d.check_id`, func(d *deliveryRow) []any {
		return []any{&d.ID, &d.Channel, &d.Kind, &d.Rev, &d.State, &d.Attempts, &d.check}
	})
}

// ackLog is the clients' side of a history.
type ackLog struct {
	acks atomic.Int64 // pings acknowledged so far

	mu sync.Mutex // guards history
	history
}

// client reports for its checks in turn, until it is told to end.
type client struct {
	log    *ackLog
	http   *http.Client
	base   string
	checks []uuid.UUID
	pace   time.Duration
	calls  func(n int) []call // for the nth time that a check reports
}

// call is one ping. One of a run is repeated until it is acknowledged, as jobs do
// that can tell their runs apart; another one is not.
type call struct{ path, signal, run, body string }

// bodies sends one ping with a body of its own, by the given paths in turn.
func bodies(paths ...string) func(int) []call {
	return func(n int) []call {
		path := paths[n%len(paths)]
		signal := "success"
		if path != "" {
			signal = strings.TrimPrefix(path, "/")
		}
		return []call{{path: path, signal: signal, body: fmt.Sprintf("report %d", n)}}
	}
}

// startAndEnd sends the two pings of a run.
func startAndEnd(n int) []call {
	run := fmt.Sprintf("run-%d", n)
	return []call{
		{path: "/start?rid=" + run, signal: "start", run: run},
		{path: "?rid=" + run, signal: "success", run: run},
	}
}

func newPingID(check uuid.UUID, signal, run, body string) pingID {
	if run != "" {
		return pingID{check, signal + " of " + run}
	}
	return pingID{check, body}
}

func (c client) run(ctx context.Context) {
	pace := time.NewTicker(c.pace)
	defer pace.Stop()
	for n := 0; ; n++ {
		for _, check := range c.checks {
			for _, call := range c.calls(n) {
				for {
					select {
					case <-ctx.Done():
						return
					case <-pace.C:
					}
					if c.send(check, call) || call.run == "" {
						break
					}
				}
			}
		}
	}
}

// send sends one ping and reports whether it was acknowledged.
func (c client) send(check uuid.UUID, call call) bool {
	id := newPingID(check, call.signal, call.run, call.body)
	c.log.mu.Lock()
	c.log.sent[id] = true
	c.log.mu.Unlock()
	resp, err := c.http.Post(c.base+"/ping/"+check.String()+call.path, "text/plain", strings.NewReader(call.body))
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		return false
	}
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	if resp.Header.Get("Ping-Coalesced") != "" {
		c.log.coalesced[check]++
	} else {
		c.log.acked[id] = true
	}
	c.log.acks.Add(1)
	return true
}
