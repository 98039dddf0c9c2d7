package app_test

import (
	"database/sql"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"rollcall/internal/prove"
)

// Who has no more patience with a stop gets a quick one: what was being sent is given
// back and does not count as tried, so that the next process sends it at once.
func TestAQuickStopLeavesNoLeases(t *testing.T) {
	t.Parallel()
	arrived, hang := make(chan struct{}, 1), make(chan struct{})
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-hang
	}))
	defer receiver.Close()
	defer close(hang)
	c := provisioned(t, config(t), strings.Replace(oneCheck, "    checks:", "    channels:\n      - {name: hook, kind: webhook, url: "+receiver.URL+"}\n    checks:", 1))
	c.EgressAllow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	hurry := make(chan struct{})
	c.Hurry = hurry
	p := run(t, c)
	for _, path := range []string{pingPath, pingPath + "/fail"} {
		if got := p.web(path); got.code != 200 {
			t.Fatalf("%s: %d", path, got.code)
		}
	}
	<-arrived
	p.cancel()
	p.eventually("told to stop", func() bool { return strings.Contains(p.log.String(), "msg=stopping") })
	began := time.Now()
	close(hurry)
	err := p.stop()
	took := time.Since(began)
	if err == nil || !strings.Contains(err.Error(), "told a second time") || took > 10*time.Second {
		t.Errorf("it ended after %s: %v", took, err)
	}

	db, err := sql.Open("sqlite", c.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var state string
	var attempts, next int64
	if err := db.QueryRowContext(t.Context(), "SELECT state, attempts, next_at FROM deliveries").Scan(&state, &attempts, &next); err != nil {
		t.Fatal(err)
	}
	left := 0
	if state != "pending" || attempts != 0 || time.UnixMicro(next).After(time.Now()) {
		left++
		t.Errorf("the delivery is %s after %d attempts, until %s", state, attempts, time.UnixMicro(next))
	}
	prove.Report(t, "STOP: a stop that is hurried leaves no leases and counts no attempt", 1, left)
}
