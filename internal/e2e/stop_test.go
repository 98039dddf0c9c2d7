package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rollcall/internal/prove"
)

// testStop stops the process while jobs report. Every report is answered, or
// finds nobody listening; none is cut off.
func testStop(t *testing.T, s *site) {
	ids := newIDs(16)
	s.provision(t, `
projects:
  - name: Stop
    owner: ops@example.org
    checks:
`+every(ids, "job", "1h", "1h", ""))
	server := s.run(t)

	var clients sync.WaitGroup
	var acks atomic.Int64
	var mu sync.Mutex // guards h
	h := newHistory()
	for _, id := range ids {
		clients.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
			for n := 0; ; n++ {
				run := fmt.Sprintf("run-%d", n)
				status, err := report(client, server.URL("/ping/"+id.String()+"?rid="+run))
				switch {
				case err == nil && status == http.StatusOK:
					acks.Add(1)
					mu.Lock()
					h.acked[newPingID(id, "success", run, "")] = time.Now()
					mu.Unlock()
					continue
				case err == nil && status != http.StatusServiceUnavailable:
					t.Errorf("%s was answered %d", run, status)
				case err != nil && !errors.Is(err, syscall.ECONNREFUSED):
					t.Errorf("%s was cut off: %v", run, err)
				}
				return
			}
		})
	}
	eventually(t, time.Minute, "500 pings are acknowledged", func() bool { return acks.Load() > 500 })
	stop(t, server)
	clients.Wait()

	h.sent = h.acked
	s.read(t, &h)
	for _, w := range h.wrongPings() { // none was cut off, so every row was acknowledged
		t.Error(w)
	}
	t.Logf("%d pings acknowledged until the stop", len(h.acked))
}

// stopLimit is how long an end may take, whatever happens meanwhile.
const stopLimit = 40 * time.Second

// testStops ends the process again and again while jobs report and alerts are on
// their way: by asking it, which loses nothing and repeats no message, and every
// third time by asking twice, which cuts off what is under way like a crash, but leaves
// nothing behind that another process would have to wait for.
func testStops(t *testing.T, s *site) {
	hooks := newReceiver(t, 10*time.Millisecond)
	load := jobs(t, s, hooks, "")
	var crashes []time.Time
	stops, slow := prove.Scale(9, 100), 0
	for i := range stops {
		server := s.run(t)
		load.acknowledged(t, time.Minute)
		<-time.After(rand.N(killSpan))
		began := time.Now()
		if i%3 == 2 {
			server.Terminate()
			server.Terminate()
			server.Ended()
			crashes = append(crashes, time.Now())
			if n := count(t, s, "SELECT count(*) FROM deliveries WHERE state = 'sending'"); n > 0 {
				t.Errorf("%d deliveries are still leased\n%s", n, server.Output())
			}
		} else {
			stop(t, server)
		}
		if took := time.Since(began); took > stopLimit {
			t.Errorf("the end took %s", took)
			slow++
		}
	}
	server := s.run(t)
	load.acknowledged(t, time.Minute)
	h := load.stop()
	eventually(t, 3*time.Minute, "everybody is told", func() bool { return len(s.open(t)) == 0 })
	stop(t, server)
	h.crashes = crashes
	s.read(t, &h)
	hooks.read(t, &h)
	prove.Report(t, "STOP: a process that is told to end has ended within 40 s", stops, slow)
	tally(t, stops, h.violations())
	t.Logf("%d ends: %d pings acknowledged; %d deliveries, %d messages", stops, len(h.acked), len(h.deliveries), len(h.received))
}

// testStopFrozen ends the process while its database stands still.
func testStopFrozen(t *testing.T, s *site) {
	database, s := ownDatabase(t, s)
	hooks := newReceiver(t, 0)
	load := jobs(t, s, hooks, "")
	server := s.run(t)
	load.acknowledged(t, time.Minute)
	if err := database.Freeze(); err != nil {
		t.Fatal(err)
	}
	<-time.After(time.Second) // until pings, alerts and the scheduler wait for it
	began := time.Now()
	server.Terminate()
	ctx, cancel := context.WithTimeout(t.Context(), 2*stopLimit)
	defer cancel()
	code, err := server.Wait(ctx)
	took, slow := time.Since(began), 0
	if err != nil || took > stopLimit+time.Second {
		t.Errorf("it ended after %s with %d, %v\n%s", took, code, err, server.Output())
		slow++
	}
	t.Logf("it ended after %s with status %d", took.Round(time.Millisecond), code)
	prove.Report(t, "STOP: a process that is told to end has ended within 40 s", 1, slow)
	if err := database.Thaw(); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	crashed := time.Now()
	s.leasesRunOut(t)
	server = s.run(t)
	load.acknowledged(t, time.Minute)
	h := load.stop()
	eventually(t, 3*time.Minute, "everybody is told", func() bool { return len(s.open(t)) == 0 })
	stop(t, server)
	h.crashes = []time.Time{crashed}
	s.read(t, &h)
	hooks.read(t, &h)
	tally(t, 1, h.violations())
}

// report sends one ping and returns the status of its whole answer.
func report(client *http.Client, url string) (int, error) {
	resp, err := client.Get(url)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}
