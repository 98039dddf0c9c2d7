package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
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
	eventually(t, 20*time.Second, "500 pings are acknowledged", func() bool { return acks.Load() > 500 })
	stop(t, server)
	clients.Wait()

	h.sent = h.acked
	s.read(t, &h)
	for _, w := range h.wrongPings() { // none was cut off, so every row was acknowledged
		t.Error(w)
	}
	t.Logf("%d pings acknowledged until the stop", len(h.acked))
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
