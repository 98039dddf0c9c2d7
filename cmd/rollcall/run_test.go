package main_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// job is a program for tests: it prints the signals that it ignores and those that
// it gets, each once they come, and ends with status 5 at the end of its input.
func job() {
	signals := make(chan os.Signal, 10)
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2} {
		if signal.Ignored(s) {
			fmt.Println("ignored:", s)
		} else {
			signal.Notify(signals, s)
		}
	}
	fmt.Println("ready")
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends when it is closed
		close(ended)
	}()
	for {
		select {
		case s := <-signals:
			fmt.Println(s)
		case <-ended:
			os.Exit(5)
		}
	}
}

const pingPath = "/ping/5f0b3a52-9c1d-4e7f-8a6b-2d3c4e5f6a7b"

// rollcallRun is a rollcall run whose job is talked to.
type rollcallRun struct {
	*exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	errs  bytes.Buffer
	spool string
}

// startRun puts rollcall run before a command, without a terminal.
func startRun(t *testing.T, url string, args ...string) *rollcallRun {
	t.Helper()
	r := &rollcallRun{spool: filepath.Join(t.TempDir(), "spool")}
	r.Cmd = exec.Command("rollcall", append([]string{"run"}, args...)...)
	r.Env = append(os.Environ(), "ROLLCALL_CHECK="+url+pingPath, "ROLLCALL_SPOOL="+r.spool)
	r.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	r.Stderr = &r.errs
	var err error
	if r.in, err = r.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := r.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.out = bufio.NewReader(out)
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Process.Kill() }) // it has ended, if all is well
	return r
}

// says fails unless the job's next line is the wanted one.
func (r *rollcallRun) says(t *testing.T, want string) {
	t.Helper()
	if got, err := r.out.ReadString('\n'); got != want+"\n" {
		t.Fatalf("the job says %q, %v; want %q\n%s", got, err, want, r.errs.String())
	}
}

// end closes the job's input and returns the rest of the output, and the exit status.
func (r *rollcallRun) end(t *testing.T) (string, int) {
	t.Helper()
	if err := r.in.Close(); err != nil {
		t.Error(err)
	}
	rest, err := io.ReadAll(r.out)
	if err != nil {
		t.Error(err)
	}
	_ = r.Wait() // its error is the status
	return string(rest), r.ProcessState.ExitCode()
}

// kept is how many pings are in the spool.
func (r *rollcallRun) kept(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir(r.spool)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return len(files)
}

// broken are servers that are none, each in its own way.
func broken(t *testing.T) map[string]string {
	answering := func(handler http.HandlerFunc) string {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		return server.URL
	}
	hanging := make(chan struct{})
	urls := map[string]string{
		"refuses connections": "http://127.0.0.1:1",
		"has no name":         "http://rollcall.invalid",
		"answers 500":         answering(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "broken", 500) }),
		"answers 404":         answering(http.NotFound),
		"redirects": answering(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusMovedPermanently)
		}),
		"answers a page": answering(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<h1>Welcome</h1>") }),
		"hangs":          answering(func(http.ResponseWriter, *http.Request) { <-hanging }),
		"answers without end": answering(func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				fmt.Fprint(w, "and so on, ")
			}
		}),
		"resets connections": listening(t, func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }),
		"speaks no HTTP":     listening(t, func(c net.Conn) { fmt.Fprint(c, "220 mail.example.org ESMTP\r\n\x00\xff") }),
	}
	t.Cleanup(func() { close(hanging) }) // before the servers wait for it
	return urls
}

// listening is the address of a server of connections, each of which is closed after
// a greeting.
func listening(t *testing.T, greet func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			greet(c)
			_ = c.Close() // the client may have been faster
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	return "http://" + l.Addr().String()
}

// ran is what a command did.
type ran struct {
	Out, Err string
	Code     int
}

func runWith(t *testing.T, env []string, input []byte, args ...string) ran {
	cmd := exec.Command(args[0], args[1:]...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = append(os.Environ(), env...), bytes.NewReader(input), &out, &errs
	err := cmd.Run()
	code := cmd.ProcessState.ExitCode()
	if code < 0 { // as a shell says it
		code = 128 + int(cmd.ProcessState.Sys().(syscall.WaitStatus).Signal())
	}
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		t.Error(err)
	}
	return ran{out.String(), errs.String(), code}
}

var ownLine = regexp.MustCompile(`(?m)^rollcall: .*\n`)

// Whatever the server does: input, output and exit status are those of the job alone.
func TestJobIsAsAlone(t *testing.T) {
	input := make([]byte, 300_000) // more than a pipe, and no text
	for i := range input {
		input[i] = byte(i * i >> 5)
	}
	jobs := map[string]string{
		"everything":  `cat; echo error >&2; exit 7`,
		"two streams": `printf 'no newline'; echo error >&2; printf '\0\377\n' >&2`,
		"kills":       `echo before; kill -USR2 $$`,
		"closes":      `exec >&- 2>&-; cat >/dev/null; exit 3`,
		"says no":     `exec false`,
	}
	for server, url := range broken(t) {
		for name, script := range jobs {
			if server != "hangs" && name != "everything" {
				continue // one of each is enough
			}
			t.Run(server+"/"+name, func(t *testing.T) {
				t.Parallel()
				want := runWith(t, nil, input, "sh", "-c", script)
				env := []string{"ROLLCALL_CHECK=" + url + pingPath, "ROLLCALL_SPOOL=" + filepath.Join(t.TempDir(), "spool")}
				begin := time.Now()
				got := runWith(t, env, input, "rollcall", "run", "--timeout", "400ms", "--", "sh", "-c", script)
				told := len(ownLine.FindAllString(got.Err, -1))
				got.Err = ownLine.ReplaceAllString(got.Err, "")
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%.2000s", diff)
				}
				if took := time.Since(begin); told != 1 || took > 30*time.Second {
					t.Errorf("told %d times, took %s", told, took)
				}
			})
		}
	}
}

// arrivals are the pings that came to a test server, without their run id.
type arrivals struct {
	*httptest.Server
	mu   sync.Mutex // guards got
	got  []string   // path, run and body
	came chan string
}

// newArrivals answers each ping by its path; the handler may be nil.
func newArrivals(t *testing.T, handler http.HandlerFunc) *arrivals {
	a := &arrivals{came: make(chan string, 100)}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what did not come is missed below
		a.mu.Lock()
		a.got = append(a.got, fmt.Sprintf("%s %d %s", strings.TrimPrefix(r.URL.Path, pingPath), len(r.URL.Query().Get("rid")), body))
		a.mu.Unlock()
		a.came <- r.URL.Path
		if handler != nil {
			handler(w, r)
			return
		}
		fmt.Fprint(w, "OK")
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *arrivals) all() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.got)
}

// The job runs while the server still thinks about the start, and its output comes
// as it is written.
func TestJobDoesNotWaitForTheServer(t *testing.T) {
	for _, quiet := range []bool{false, true} {
		release := make(chan struct{})
		server := newArrivals(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/start") {
				<-release
			}
			fmt.Fprint(w, "OK")
		})
		begin := time.Now()
		r := startRun(t, server.URL, "--timeout", "60s", fmt.Sprintf("--quiet=%t", quiet), "--", "sh", "-c", "printf ?; read x; printf $x; read y")
		question := make([]byte, 2)
		if _, err := io.ReadFull(r.out, question[:1]); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintln(r.in, "!"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r.out, question[1:]); err != nil || string(question) != "?!" {
			t.Fatalf("%q, %v", question, err)
		}
		if waited := time.Since(begin); waited > 20*time.Second { // a try ends after 30 s
			t.Errorf("the job waited for %s", waited)
		}
		close(release)
		if rest, code := r.end(t); rest != "" || code != 1 {
			t.Errorf("%q, %d\n%s", rest, code, r.errs.String())
		}
		want := []string{"/start 36 ", "/1 36 ?!"}
		if quiet {
			want[1] = "/1 36 "
		}
		if diff := cmp.Diff(want, server.all()); diff != "" {
			t.Error(diff)
		}
	}
}

// A start that could not be told is told while the job runs, and before the end.
func TestStartIsToldLate(t *testing.T) {
	busy := 2
	server := newArrivals(t, func(w http.ResponseWriter, _ *http.Request) {
		if busy--; busy >= 0 {
			w.WriteHeader(503)
		}
		fmt.Fprint(w, "OK")
	})
	r := startRun(t, server.URL, "job")
	r.says(t, "ready")
	for range 3 {
		<-server.came
	}
	if _, code := r.end(t); code != 5 || r.kept(t) != 0 || r.errs.Len() > 0 {
		t.Errorf("%d, %d kept\n%s", code, r.kept(t), r.errs.String())
	}
	// When the job ends before the answer to the third is read, the start is told once more.
	got := server.all()
	want := []string{"/start 36 ", "/5 36 ready\n"}
	if !slices.Equal(want, slices.Compact(slices.Clone(got))) || len(got) < 4 || len(got) > 5 {
		t.Errorf("%d came: %q", len(got), got)
	}
}

// The server says how much of a body it keeps: then the end of the output comes.
func TestServersBodyLimit(t *testing.T) {
	server := newArrivals(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Ping-Body-Limit", "5")
		fmt.Fprint(w, "OK")
	})
	r := startRun(t, server.URL, "--", "sh", "-c", "echo beginning; echo end")
	r.end(t)
	if diff := cmp.Diff([]string{"/start 36 ", "/0 36 \nend\n"}, server.all()); diff != "" {
		t.Error(diff)
	}
}

// Every signal reaches the job once, also while the server hangs, and the job decides
// what it means.
func TestSignalsAreHandedOn(t *testing.T) {
	urls := broken(t)
	for _, url := range []string{urls["hangs"], urls["refuses connections"]} {
		r := startRun(t, url, "--timeout", "500ms", "job")
		r.says(t, "ready")
		for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2} {
			if err := r.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
			r.says(t, s.String())
			if err := syscall.Kill(-r.Process.Pid, s); err != nil { // as a supervisor may do
				t.Fatal(err)
			}
			r.says(t, s.String())
		}
		if rest, code := r.end(t); rest != "" || code != 5 {
			t.Errorf("it says %q and ends with %d", rest, code)
		}
		if n := r.kept(t); n != 2 {
			t.Errorf("%d pings are kept", n)
		}
	}
}

// A signal that ends the job ends what the job has started too.
func TestSignalEndsAll(t *testing.T) {
	server := newArrivals(t, nil)
	held := filepath.Join(t.TempDir(), "held")
	if err := syscall.Mkfifo(held, 0o600); err != nil {
		t.Fatal(err)
	}
	r := startRun(t, server.URL, "--", "sh", "-c", "sleep 600 >"+held+" & echo ready; wait; sleep 600")
	r.says(t, "ready")
	begun, err := os.Open(held)
	if err != nil {
		t.Fatal(err)
	}
	defer begun.Close()
	if err := r.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, code := r.end(t); code != 143 {
		t.Errorf("it ends with %d", code)
	}
	if _, err := io.ReadAll(begun); err != nil { // as long as the sleep holds it
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"/start 36 ", "/fail 36 ready\nrollcall: ended by signal 15 (terminated)\n"}, server.all()); diff != "" {
		t.Error(diff)
	}
}

// What nohup and background shells keep from us is kept from the job too.
func TestIgnoredSignalsStayIgnored(t *testing.T) {
	server := newArrivals(t, nil)
	r := startRun(t, server.URL, "--", "sh", "-c", "trap '' HUP INT; exec rollcall run job")
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT} {
		r.says(t, "ignored: "+s.String())
	}
	r.says(t, "ready")
	if _, code := r.end(t); code != 5 {
		t.Errorf("it ends with %d\n%s", code, r.errs.String())
	}
}

// Who tells us to end while we report gets the job's status at once; the report is
// kept.
func TestSignalCutsReportingShort(t *testing.T) {
	hanging := make(chan struct{})
	server := newArrivals(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/start") {
			<-hanging
		}
		fmt.Fprint(w, "OK")
	})
	defer close(hanging)
	r := startRun(t, server.URL, "--timeout", "10m", "--", "sh", "-c", "exit 6")
	for !strings.HasSuffix(<-server.came, "/6") {
	}
	if err := r.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, code := r.end(t); code != 6 || r.kept(t) != 1 || !strings.Contains(r.errs.String(), "; kept in ") {
		t.Errorf("%d, %d kept\n%s", code, r.kept(t), r.errs.String())
	}
}
