package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/smtp"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
	"rollcall/internal/prove"
)

// hold opens a socket and gives it to every server that the site starts, as systemd
// does. It stays open until the test ends.
func (s *site) hold(t *testing.T, name, address string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	file, err := l.(*net.TCPListener).File() // a copy, with which the socket stays open
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s.give(t, name, file)
}

// give hands a file to every server that the site starts, by the protocol of systemd.
func (s *site) give(t *testing.T, name string, file *os.File) {
	t.Helper()
	t.Cleanup(func() { _ = file.Close() }) // it was for the servers
	s.Files = append(s.Files, file)
	s.held = append(s.held, name)
	s.Environment = []string{
		fmt.Sprintf("LISTEN_FDS=%d", len(s.held)),
		"LISTEN_FDNAMES=" + strings.Join(s.held, ":"),
	}
	s.Through = []string{"sh", "-c", `export LISTEN_PID=$$; exec "$0" "$@"`}
}

// How jobs report in these tests.
const (
	pingEvery = 20 * time.Millisecond
	mailEvery = 200 * time.Millisecond // the mailbox lets 25 of one network in at a time
	tryLimit  = 20 * time.Second       // beyond the longest pause below and a start on a busy machine
)

// tries are jobs that report once each, on a connection of their own, whatever
// becomes of it. They come at a fixed rate and do not wait for one another.
type tries struct {
	end context.CancelFunc
	all sync.WaitGroup

	mu     sync.Mutex // guards the rest
	log    history
	failed []failedTry
}

// failedTry is one that was not taken.
type failedTry struct {
	began time.Time
	code  int // of the answer; 0 for none
	err   error
}

func (f failedTry) String() string { return fmt.Sprintf("%d, %v", f.code, f.err) }

// try reports for a check and returns the code of the answer, which is 200 when it is
// the best.
type try func(check uuid.UUID, body string) (code int, err error)

// beginTries lets checks be reported for in turn.
func beginTries(t *testing.T, every time.Duration, checks []uuid.UUID, report try) *tries {
	ctx, end := context.WithCancel(t.Context())
	l := &tries{end: end, log: newHistory()}
	t.Cleanup(func() { l.stop() })
	l.all.Go(func() {
		pace := time.NewTicker(every)
		defer pace.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-pace.C:
				id := pingID{checks[n%len(checks)], fmt.Sprintf("report %d", n)}
				l.all.Go(func() { l.report(id, report) })
			}
		}
	})
	return l
}

func (l *tries) report(id pingID, report try) {
	began := time.Now()
	code, err := report(id.check, id.name)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.log.sent[id] = began
	if err != nil || code != http.StatusOK {
		l.failed = append(l.failed, failedTry{began, code, err})
		return
	}
	l.log.acked[id] = time.Now()
}

// onceHTTP tries by HTTP.
func onceHTTP(s *site) try {
	client := &http.Client{Timeout: tryLimit, Transport: &http.Transport{DisableKeepAlives: true}}
	return func(check uuid.UUID, body string) (int, error) {
		resp, err := client.Post("http://"+s.Listen+"/ping/"+check.String(), "text/plain", strings.NewReader(body))
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode, err
	}
}

// onceMail tries by SMTP.
func onceMail(s *site) try {
	return func(check uuid.UUID, body string) (int, error) {
		mail := fmt.Sprintf("Message-ID: <%s.%s@jobs.test>\r\nDate: Sun, 01 Mar 2026 12:00:00 +0000\r\nFrom: jobs@jobs.test\r\nSubject: report\r\n\r\n%s\r\n", strings.ReplaceAll(body, " ", "-"), check, body)
		err := smtp.SendMail(s.mail, nil, "jobs@jobs.test", []string{check.String() + "@" + mailDomain}, []byte(mail))
		if answer := (*textproto.Error)(nil); errors.As(err, &answer) {
			return answer.Code, nil
		}
		if err != nil {
			return 0, err
		}
		return http.StatusOK, nil
	}
}

// acknowledged waits until n more have been.
func (l *tries) acknowledged(t *testing.T, n int) {
	t.Helper()
	have := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.log.acked)
	}
	before := have()
	eventually(t, 20*time.Second, fmt.Sprintf("%d more are acknowledged", n), func() bool { return have() >= before+n })
}

// stop begins no more, and waits until those under way have an end.
func (l *tries) stop() history {
	l.end()
	l.all.Wait()
	return l.log
}

// refused are those that found nobody listening.
func (l *tries) refused() (n int) {
	for _, f := range l.failed {
		if errors.Is(f.err, syscall.ECONNREFUSED) {
			n++
		}
	}
	return n
}

// longPause is one in which deadlines pass: see heldChecks.
const longPause = 4 * time.Second

// heldChecks describes checks of which a deadline is 3 s after each report, when 0.8 s are
// between reports, and others that are told by mail.
func heldChecks(t *testing.T, s *site) (jobs, mails []uuid.UUID) {
	jobs, mails = newIDs(40), newIDs(20)
	s.provision(t, "projects:\n  - name: Held\n    owner: ops@example.org\n    checks:\n"+every(jobs, "job", "2s", "1s", untold)+every(mails, "mail", "1h", "1h", untold))
	return jobs, mails
}

// testHeldSocket exchanges the server again and again while its sockets stay open.
// Jobs that try once are all let in, and none is taken for silent, although at times a
// deadline passes while a job waits for the next server.
func testHeldSocket(t *testing.T, s *site) {
	jobs, mails := heldChecks(t, s)
	s.takeMail(t)
	s.hold(t, "http", s.Listen)
	s.hold(t, "smtp", s.mail)
	server := s.run(t)
	pinging, mailing := beginTries(t, pingEvery, jobs, onceHTTP(s)), beginTries(t, mailEvery, mails, onceMail(s))
	restarts, longest := prove.Scale(6, 60), time.Duration(0)
	for i := range restarts {
		pinging.acknowledged(t, 25)
		mailing.acknowledged(t, 2)
		began := time.Now()
		stop(t, server)
		if i%3 == 2 {
			<-time.After(longPause)
		}
		server = s.run(t)
		longest = max(longest, time.Since(began))
	}
	pinging.acknowledged(t, 25)
	h, mailed := pinging.stop(), mailing.stop()
	stop(t, server)
	// On a machine that is busy with other things a commit may take longer than the 2 s
	// after which a ping is told so, which is no refusal.
	refused := pinging.unexplained(t, func(f failedTry) bool { return f.code == http.StatusServiceUnavailable })
	prove.Report(t, "REFUSED: while a server is exchanged whose socket is held, a client that tries once is let in and answered", len(h.sent), refused)
	if 10*len(h.acked) < 9*len(h.sent) {
		t.Errorf("of %d pings %d were answered 200", len(h.sent), len(h.acked))
	}
	refused = mailing.unexplained(t, comesAgain)
	prove.Report(t, "REFUSED: while a server is exchanged whose socket is held, a mail system is let in, and told 250 or to come again", len(mailed.sent), refused)
	t.Logf("%d restarts, of which the longest took %s: %d pings and %d mails acknowledged, %d told to come again",
		restarts, longest.Round(time.Millisecond), len(h.acked), len(mailed.acked), len(mailing.failed))
	maps.Copy(h.sent, mailed.sent)
	maps.Copy(h.acked, mailed.acked)
	s.spared(t, h, restarts)
}

// comesAgain reports whether a mail system tries again later and knew that at once: it
// was told 4xx, or wrote when it had been told already.
func comesAgain(f failedTry) bool {
	return f.code/100 == 4 || errors.Is(f.err, syscall.EPIPE) || errors.Is(f.err, syscall.ECONNRESET)
}

// testHeldSocketKilled kills the server while its socket is held: those whose
// connection it had accepted are not answered, and nobody else.
func testHeldSocketKilled(t *testing.T, s *site) {
	jobs, _ := heldChecks(t, s)
	s.hold(t, "http", s.Listen)
	server := s.run(t)
	pinging := beginTries(t, pingEvery, jobs, onceHTTP(s))
	kills := prove.Scale(6, 60)
	var died []time.Time
	for range kills {
		pinging.acknowledged(t, 25)
		server.Kill()
		died = append(died, time.Now())
		server = s.run(t)
	}
	pinging.acknowledged(t, 25)
	h := pinging.stop()
	stop(t, server)
	refused := pinging.unexplained(t, func(f failedTry) bool {
		underWay := slices.ContainsFunc(died, func(at time.Time) bool { return f.began.Before(at) && f.began.After(at.Add(-time.Second)) })
		return underWay && f.code == 0 && (errors.Is(f.err, syscall.ECONNRESET) || errors.Is(f.err, io.EOF))
	})
	prove.Report(t, "REFUSED: when a server is killed whose socket is held, only a connection that it had accepted is cut off", len(h.sent), refused)
	t.Logf("%d kills: %d pings acknowledged, %d cut off", kills, len(h.acked), len(pinging.failed))
	h.crashes = died
	s.spared(t, h, kills)
}

// unexplained counts the tries that failed in a way that nothing excuses.
func (l *tries) unexplained(t *testing.T, excused func(failedTry) bool) (n int) {
	t.Helper()
	for _, f := range l.failed {
		if excused(f) {
			continue
		}
		if n++; n < 20 {
			t.Errorf("not answered as it must be: %v", f)
		}
	}
	return n
}

// spared holds what clients saw against the database, in which nothing but pings may
// have happened.
func (s *site) spared(t *testing.T, h history, restarts int) {
	t.Helper()
	s.read(t, &h)
	tally(t, restarts, h.violations())
	if silent := h.silent(); silent > 0 {
		t.Errorf("%d jobs were told down that had reported", silent)
	}
	prove.Report(t, "SPARED: a job that reports in time to a socket that is held is not told down for a restart", restarts*len(h.checks), h.silent())
}

// silent counts how often a check was judged to be.
func (h history) silent() (n int) {
	for _, f := range h.flips {
		if f.reason == string(monitor.Silent) {
			n++
		}
	}
	return n
}

// testSocketNotHeld shows that the others would see a job that is refused or told down:
// without a held socket that is what a restart does.
func testSocketNotHeld(t *testing.T, s *site) {
	jobs, _ := heldChecks(t, s)
	server := s.run(t)
	pinging := beginTries(t, pingEvery, jobs, onceHTTP(s))
	for range 3 {
		pinging.acknowledged(t, 25)
		stop(t, server)
		<-time.After(longPause)
		server = s.run(t)
	}
	pinging.acknowledged(t, 25)
	h := pinging.stop()
	stop(t, server)
	s.read(t, &h)
	if pinging.refused() == 0 || h.silent() == 0 {
		t.Errorf("%d were refused and %d told down: so what the other tests count proves nothing", pinging.refused(), h.silent())
	}
	t.Logf("of %d, %d were refused; %d times a job was told down", len(h.sent), pinging.refused(), h.silent())
}

// testHeldBySystemd lets a program of systemd hand over the socket.
func testHeldBySystemd(t *testing.T, s *site) {
	for _, more := range [][]string{nil, {"--fdname=http"}} {
		s.Through = append([]string{"systemd-socket-activate", "--listen=" + s.Listen}, more...)
		stop(t, s.run(t)) // the first connection starts it
	}
}

// testWrongSockets gives the server what it has no use for. It says so and ends.
func testWrongSockets(t *testing.T, s *site) {
	tcp := func(t *testing.T) *os.File {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		return fileOf(t, l.(*net.TCPListener), err)
	}
	for _, c := range []struct {
		name  string
		names []string
		last  func(*testing.T) *os.File // the others are as they must be
		more  []string
		says  string
	}{
		{"of another name", []string{"http", "ftp"}, tcp, nil, "socket ftp from systemd: nothing here goes by that name"},
		{"twice", []string{"http", "http"}, tcp, nil, "there is another one of that name"},
		{"without a name", []string{"http", ""}, tcp, nil, "socket LISTEN_FD_4 from systemd: nothing here"},
		{"for datagrams", []string{"http"}, func(t *testing.T) *os.File {
			l, err := net.ListenPacket("udp", "127.0.0.1:0")
			return fileOf(t, l.(*net.UDPConn), err)
		}, nil, "nobody can connect to it"},
		{"of a path", []string{"http"}, func(t *testing.T) *os.File {
			l, err := net.Listen("unix", filepath.Join(t.TempDir(), "rollcall"))
			return fileOf(t, l.(*net.UnixListener), err)
		}, nil, "is no address of TCP"},
		{"no socket", []string{"http"}, func(t *testing.T) *os.File {
			file, err := os.Open(os.DevNull)
			if err != nil {
				t.Fatal(err)
			}
			return file
		}, nil, "socket http from systemd: socket operation on non-socket"},
		{"for a process without pages", []string{"http"}, tcp, []string{"--roles", "scheduler"}, "role web"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := *s
			s.More = append(s.More, c.more...)
			for i, name := range c.names {
				file := tcp
				if i == len(c.names)-1 {
					file = c.last
				}
				s.give(t, name, file(t))
			}
			server, err := s.Start()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(server.Kill)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if code, err := server.Wait(ctx); err != nil || code != 1 || !strings.Contains(server.Output(), c.says) {
				t.Errorf("it ends with %d, %v, and says %q, not %q", code, err, server.Output(), c.says)
			}
		})
	}
	// What is for another process is none of ours.
	s.Environment = []string{"LISTEN_PID=1", "LISTEN_FDS=1", "LISTEN_FDNAMES=ftp"}
	stop(t, s.run(t))
}

// fileOf returns the file of a socket, which is closed itself.
func fileOf(t *testing.T, socket interface {
	File() (*os.File, error)
	Close() error
}, err error,
) *os.File {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	file, err := socket.File()
	if err != nil {
		t.Fatal(err)
	}
	if err := socket.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

// testNotify plays systemd, which is told when the server is ready, that it works, and
// that it stops.
func testNotify(t *testing.T, s *site) {
	path := filepath.Join(t.TempDir(), "notify")
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer told.Close()
	next := func() string {
		t.Helper()
		text := make([]byte, 100)
		if err := told.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := told.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		return string(text[:n])
	}
	s.Environment = []string{"NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=200000"}
	server := s.run(t)
	for _, want := range []string{"READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"} {
		if got := next(); got != want {
			t.Fatalf("it says %s, want %s", got, want)
		}
		if status := curl(t, "http://"+s.Ops+"/readyz").status; status != http.StatusOK {
			t.Errorf("it says %s and is not ready: %d", want, status)
		}
	}
	server.Terminate()
	for got := next(); got != "STOPPING=1"; got = next() {
		if got != "WATCHDOG=1" {
			t.Fatalf("it says %s", got)
		}
	}
	server.Ended()
	if err := told.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if n, err := told.Read(make([]byte, 100)); err == nil {
		t.Errorf("it said %d bytes more after it was told to stop", n)
	}
}
