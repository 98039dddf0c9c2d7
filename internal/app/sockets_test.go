package app_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"rollcall/internal/app"
	"rollcall/internal/prove"
)

// pingOn sends a ping on a connection that is there already.
func pingOn(t *testing.T, conn net.Conn) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://rollcall"+pingPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := request.Write(conn); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the server may have closed it
	return conn
}

func refused(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err == nil {
		_ = conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// Who was accepted before a stop is answered, also when the request comes only after it.
func TestAStopAnswersWhomItHasAccepted(t *testing.T) {
	t.Parallel()
	p := run(t, provisioned(t, config(t), oneCheck))
	accepted := dial(t, p.Addr())
	if got := p.web(pingPath); got.code != 200 { // by a connection that is accepted after it
		t.Fatalf("ping: %d", got.code)
	}
	p.cancel()
	p.eventually("accepts no more", func() bool { return refused(p.Addr()) })
	unanswered := 0
	if got := pingOn(t, accepted); got != 200 {
		unanswered++
		t.Errorf("who was accepted is answered %d", got)
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	prove.Report(t, "STOP: a connection that was accepted before a stop is answered after it", 1, unanswered)
}

// To send an alert may take long. Meanwhile a server that stops goes on taking pings.
func TestAStopTakesPingsWhileItSends(t *testing.T) {
	t.Parallel()
	arrived, goOn := make(chan struct{}, 1), make(chan struct{})
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-goOn
	}))
	defer receiver.Close()
	c := provisioned(t, config(t), strings.Replace(oneCheck, "    checks:", "    channels:\n      - {name: hook, kind: webhook, url: "+receiver.URL+"}\n    checks:", 1))
	c.EgressAllow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	p := run(t, c)
	for _, path := range []string{pingPath, pingPath + "/fail"} {
		if got := p.web(path); got.code != 200 {
			t.Fatalf("%s: %d", path, got.code)
		}
	}
	<-arrived
	p.cancel()
	p.eventually("told to stop", func() bool { return strings.Contains(p.log.String(), "msg=stopping") })
	if got := get(t, "http://"+p.Addr()+pingPath); got.code != 200 {
		t.Errorf("a ping while an alert is being sent: %d", got.code)
	}
	close(goOn)
	if err := p.stop(); err != nil {
		t.Error(err)
	}
}

// heldSocket is one that outlives the processes that listen on it.
func heldSocket(t *testing.T) (next func() *net.TCPListener) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	held, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(held.Close(), l.Close()) })
	return func() *net.TCPListener {
		t.Helper()
		l, err := net.FileListener(held)
		if err != nil {
			t.Fatal(err)
		}
		return l.(*net.TCPListener)
	}
}

// Who waits at a held socket while a deadline passes, and takes a second to speak when
// the next process has come, is heard before the deadline is judged.
func TestNobodyIsJudgedWhoWaitsAtAHeldSocket(t *testing.T) {
	t.Parallel()
	next := heldSocket(t)
	c := provisioned(t, config(t), strings.Replace(oneCheck, "period: 1h", "period: 1s, grace: 1s", 1))
	c.Listen, c.Sockets = "nowhere:nothing", app.Sockets{HTTP: next()}
	p := run(t, c)
	if got := p.web(pingPath); got.code != 200 {
		t.Fatalf("ping: %d", got.code)
	}
	pinged := time.Now()
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	waiting := dial(t, p.Addr())
	<-time.After(time.Until(pinged.Add(2500 * time.Millisecond)))

	c.Sockets = app.Sockets{HTTP: next()}
	p = run(t, c)
	<-time.After(time.Second)
	if got := pingOn(t, waiting); got != 200 {
		t.Errorf("who waited: %d", got)
	}
	p.eventually("judges again", func() bool { return p.ops("/startupz").code == 200 })
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", c.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var down int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM flips WHERE new_status = 'down'").Scan(&down); err != nil {
		t.Fatal(err)
	}
	if down > 0 {
		t.Error("it was told down while it waited")
	}
	prove.Report(t, "SPARED: who waits at a socket that is held is heard before a deadline is judged", 1, down)
}

func TestSocketsNeedTheRoleWeb(t *testing.T) {
	t.Parallel()
	next := heldSocket(t)
	c := config(t)
	c.Roles = []app.Role{app.RoleScheduler}
	c.Sockets.SMTP = next()
	a, err := app.Open(context.Background(), c)
	if err == nil || !strings.Contains(err.Error(), "role web") {
		t.Errorf("%v, %v", a, err)
	}
}
