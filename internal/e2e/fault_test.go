package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/e2e"
	"rollcall/internal/pgtest"
	"rollcall/internal/prove"
)

// What is expected while the database cannot be written, and after.
const (
	faultPace    = 2 * time.Millisecond // 500 pings in a second
	faultSpan    = 3 * time.Second
	faultCrowd   = 300 // connections, which there are before the first fault too
	answerWithin = 2 * time.Second
	recoverWith  = 10 * time.Second
	growth       = 30 << 20 // bytes of memory, of which a third is garbage that nobody has swept yet
)

// fault is something that goes wrong with the database.
type fault struct {
	name  string
	begin func(t *testing.T, s *site, server *e2e.Server) (end func())
}

// testDiskFaults lets the disk under SQLite fail, fill up and stall.
func testDiskFaults(t *testing.T, s *site) {
	inject := func(name, what string) fault {
		return fault{name, func(t *testing.T, _ *site, server *e2e.Server) func() {
			return attach(t, server.PID(), "-o", "/dev/null", "-e", "signal=none", "-e", "trace=pwrite64,fsync,fdatasync", "-e", "inject="+what)
		}}
	}
	faults := []fault{inject("a disk that stalls", "fsync,fdatasync:delay_enter=3000000")}
	for n := range prove.Scale(2, 30) { // the nth call and all after it
		faults = append(faults,
			inject(fmt.Sprintf("a disk that fails from call %d on", 1+3*n), fmt.Sprintf("fsync,fdatasync:error=EIO:when=%d+", 1+3*n)),
			inject(fmt.Sprintf("a disk that is full from call %d on", 1+7*n), fmt.Sprintf("pwrite64:error=ENOSPC:when=%d+", 1+7*n)))
	}
	testFaults(t, s, faults)
}

// testDatabaseFaults stops, freezes and slows PostgreSQL.
func testDatabaseFaults(t *testing.T, s *site) {
	server, s := ownDatabase(t, s)
	can := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	testFaults(t, s, []fault{
		{"a database that crashed", func(t *testing.T, _ *site, _ *e2e.Server) func() {
			can(t, server.Crash())
			return func() { can(t, server.Restart()) }
		}},
		{"a database that stands still", func(t *testing.T, _ *site, _ *e2e.Server) func() {
			can(t, server.Freeze())
			return func() { can(t, server.Thaw()) }
		}},
		{"a database that is slow", func(t *testing.T, _ *site, _ *e2e.Server) func() {
			ctx, end := context.WithCancel(t.Context())
			var limping sync.WaitGroup
			limping.Go(func() { // it works for a tenth of the time
				for ctx.Err() == nil {
					can(t, server.Freeze())
					<-time.After(900 * time.Millisecond)
					can(t, server.Thaw())
					<-time.After(100 * time.Millisecond)
				}
			})
			return func() { end(); limping.Wait() }
		}},
	})
}

// ownDatabase is a PostgreSQL that the test may harm, and a site on it.
func ownDatabase(t *testing.T, s *site) (*pgtest.Server, *site) {
	t.Helper()
	server, err := pgtest.Start(pgtest.Durable)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server, newSite(t, s.Binary, s.armed, engine{"PostgreSQL", "pgx", func(t *testing.T) string {
		url, err := server.CreateDatabase(t.Context(), "harmed")
		if err != nil {
			t.Fatal(err)
		}
		return url
	}})
}

// testFaults lets one process meet each fault in turn, under load.
func testFaults(t *testing.T, s *site, faults []fault) {
	ids := newIDs(1000)
	s.provision(t, "projects:\n  - name: Faults\n    owner: ops@example.org\n    checks:\n"+every(ids, "job", "1h", "1h", ""))
	server := s.run(t)
	crowd := newCrowd(s, ids)
	crowd.gather()
	crowd.ping(t, faultSpan, nil)
	calm := sizeOf(t, s, server)
	crowd.answers = nil
	var wrong []string
	for _, f := range faults {
		wrong = append(wrong, crowd.meet(t, f, server, calm)...)
	}
	for _, w := range wrong {
		t.Error(w)
	}
	prove.Report(t, "OUTAGE: while the database is away pings are answered within 2 s, memory is bounded, and the process recovers by itself within 10 s", len(faults), len(wrong))
	stop(t, server)
	h := history{sent: crowd.sent, acked: crowd.acked}
	s.read(t, &h)
	lost := h.wrongPings()
	for _, w := range lost[:min(len(lost), 20)] {
		t.Error(w)
	}
	prove.Report(t, "LOST: "+invariants["LOST"], len(faults), len(lost))
}

// crowd is many jobs, each of which waits for its own answer only.
type crowd struct {
	site   *site
	checks []uuid.UUID
	client *http.Client
	serial int

	mu          sync.Mutex // guards the rest
	sent, acked map[pingID]time.Time
	answers     []answered
}

// answered is how a ping went.
type answered struct {
	at     time.Time
	took   time.Duration
	status int // 0: none
	retry  bool
}

func newCrowd(s *site, checks []uuid.UUID) *crowd {
	return &crowd{
		site: s, checks: checks, sent: map[pingID]time.Time{}, acked: map[pingID]time.Time{},
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 2000}},
	}
}

// gather lets many jobs report at the same time, so that the process has met a crowd.
func (c *crowd) gather() {
	var all sync.WaitGroup
	defer all.Wait()
	for i := range faultCrowd {
		all.Go(func() {
			for n := range 5 { // more in one second are counted and not kept
				c.one(c.checks[i], fmt.Sprintf("gathered %d", n))
			}
		})
	}
}

// ping lets jobs report at their pace, for a span or until done says so, and returns
// when all are answered.
func (c *crowd) ping(t *testing.T, span time.Duration, done func() bool) {
	t.Helper()
	var waiting sync.WaitGroup
	defer waiting.Wait()
	pace := time.NewTicker(faultPace)
	defer pace.Stop()
	end := time.After(span)
	for done == nil || !done() {
		select {
		case <-end:
			return
		case <-pace.C:
		}
		c.serial++
		check, body := c.checks[c.serial%len(c.checks)], fmt.Sprint("report ", c.serial)
		waiting.Go(func() { c.one(check, body) })
	}
}

func (c *crowd) one(check uuid.UUID, body string) {
	id := newPingID(check, "success", "", body)
	began := time.Now()
	c.mu.Lock()
	c.sent[id] = began
	c.mu.Unlock()
	got := answered{}
	if resp, err := c.client.Post("http://"+c.site.Listen+"/ping/"+check.String(), "text/plain", strings.NewReader(body)); err == nil {
		if _, err := io.Copy(io.Discard, resp.Body); err == nil {
			got.status, got.retry = resp.StatusCode, resp.Header.Get("Retry-After") != ""
		}
		resp.Body.Close()
	}
	got.at, got.took = time.Now(), time.Since(began)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers = append(c.answers, got)
	if got.status == http.StatusOK {
		c.acked[id] = got.at
	}
}

// meet lets a fault begin and end under load, and returns what went wrong.
func (c *crowd) meet(t *testing.T, f fault, server *e2e.Server, calm size) (wrong []string) {
	t.Helper()
	c.answers = nil
	end := f.begin(t, c.site, server)
	c.ping(t, faultSpan, nil)
	under := sizeOf(t, c.site, server)
	during := c.answers
	c.answers = nil
	end()
	ended := time.Now()
	var back time.Duration
	c.ping(t, time.Duration(prove.Scale(3, 1))*recoverWith, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		i := slices.IndexFunc(c.answers, func(a answered) bool { return a.status == http.StatusOK })
		if i >= 0 {
			back = c.answers[i].at.Sub(ended)
		}
		return i >= 0
	})
	say := func(form string, args ...any) { wrong = append(wrong, f.name+": "+fmt.Sprintf(form, args...)) }
	if back == 0 {
		say("no ping was stored in time after its end")
	}
	slices.SortFunc(during, func(a, b answered) int { return int(a.took - b.took) })
	p99 := during[len(during)*99/100].took
	// A short form may run on a machine that has other things to do. Who waits for the
	// database itself waits longer still.
	if slack := time.Duration(prove.Scale(3000, 500)) * time.Millisecond; p99 > answerWithin+slack {
		say("one of a hundred waited for %s or longer", p99)
	}
	refusals := 0
	for _, a := range during {
		switch {
		case a.status == http.StatusServiceUnavailable && a.retry:
			refusals++
		case a.status != http.StatusOK:
			say("a ping was answered %d, Retry-After %t", a.status, a.retry)
		}
	}
	if refusals == 0 {
		say("nothing was refused, so it was no fault")
	}
	if grown := under.memory - calm.memory; grown > growth {
		say("memory grew by %d MB", grown>>20)
	}
	if under.goroutines > calm.goroutines+4*faultCrowd || under.files > calm.files+2*faultCrowd {
		say("%d goroutines and %d files, before it %d and %d", under.goroutines, under.files, calm.goroutines, calm.files)
	}
	t.Logf("%s: %d of %d refused, p99 %s, longest %s; back after %s; %d MB, %d goroutines, %d files, before it %d, %d, %d", f.name,
		refusals, len(during), p99.Round(time.Millisecond), during[len(during)-1].took.Round(time.Millisecond), back.Round(time.Millisecond),
		under.memory>>20, under.goroutines, under.files, calm.memory>>20, calm.goroutines, calm.files)
	return wrong
}

// size is what a process takes.
type size struct{ memory, goroutines, files int }

func sizeOf(t *testing.T, s *site, server *e2e.Server) size {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", server.PID()))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(status, []byte("VmRSS:"))
	kilobytes, err := strconv.Atoi(strings.Fields(string(rest))[0])
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", server.PID()))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get("http://" + s.Ops + "/debug/pprof/goroutine?debug=1")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var goroutines int
	if _, err := fmt.Fscanf(resp.Body, "goroutine profile: total %d", &goroutines); err != nil {
		t.Fatal(err)
	}
	return size{kilobytes << 10, goroutines, len(files)}
}
