package main_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ticker is a server at which something happens at each request.
type ticker struct {
	t      *testing.T
	events atomic.Int64
}

// ServeHTTP says that one event happened after the one with the number in the
// cursor. The first request only asks for the cursor of now.
func (k *ticker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	after := r.URL.Query().Get("after")
	n := k.events.Load()
	if after != "" && after != fmt.Sprint(n) {
		k.t.Errorf("asked for what is after %s, and %d was told", after, n)
	}
	if after == "" {
		fmt.Fprintf(w, `{"events":[],"cursor":"%d"}`, n)
		return
	}
	n = k.events.Add(1)
	fmt.Fprintf(w, `{"events":[{"at":"2026-01-02T03:04:05+00:00", "kind":"ping","check":{"name":"N","slug":"n"},"n":%d,"signal":"success"}],"cursor":"%d"}`, n, n)
}

// start serves at an address until the server is closed.
func (k *ticker) start(address string) *httptest.Server {
	k.t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		k.t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(k)
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	return server
}

// lines reads what a command prints as it comes.
type lines struct {
	t *testing.T
	*bufio.Scanner
}

func (l lines) next() string {
	l.t.Helper()
	if !l.Scan() {
		l.t.Fatalf("it says nothing more: %v", l.Err())
	}
	return l.Text()
}

// Following goes on over a restart of the server, misses nothing, says so once,
// and ends in good order when it is interrupted.
func TestFollow(t *testing.T) {
	happenings := &ticker{t: t}
	server := happenings.start("127.0.0.1:0")
	address := server.Listener.Addr().String()
	follow := exec.Command("rollcall", "events", "--follow", "--json", "--url", server.URL)
	follow.Env = []string{"ROLLCALL_API_KEY=key"}
	outPipe, err := follow.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errPipe, err := follow.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.AfterFunc(time.Minute, func() { _ = follow.Process.Kill() })
	defer deadline.Stop()
	out, errs := lines{t, bufio.NewScanner(outPipe)}, lines{t, bufio.NewScanner(errPipe)}

	var got []string
	got = append(got, out.next())
	server.Close()
	if said, want := errs.next(), "rollcall: ask "+address+": "; !strings.HasPrefix(said, want) || !strings.HasSuffix(said, "; asking again until it is back") {
		t.Errorf("it says %q", said)
	}
	defer happenings.start(address).Close()
	if said := errs.next(); said != "rollcall: the server is back" {
		t.Errorf("it says %q", said)
	}
	for range 2 {
		got = append(got, out.next())
	}
	want := []string{}
	for n := range 3 {
		want = append(want, fmt.Sprintf(`{"at":"2026-01-02T03:04:05+00:00","kind":"ping","check":{"name":"N","slug":"n"},"n":%d,"signal":"success"}`, n+1))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	if err := follow.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for errs.Scan() {
		t.Errorf("at its end it says %q", errs.Text())
	}
	for out.Scan() { // an event may be on its way
	}
	if err := follow.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// A page that is full is not the last one.
func TestManyEvents(t *testing.T) {
	const total = 1500
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var after, limit int
		if _, err := fmt.Sscan(r.URL.Query().Get("after")+" "+r.URL.Query().Get("limit"), &after, &limit); err != nil {
			t.Error(err)
		}
		end := min(after+limit, total)
		events := make([]string, 0, limit)
		for n := after; n < end; n++ {
			events = append(events, fmt.Sprintf(`{"at":"2026-01-02T03:04:05+00:00","kind":"ping","check":{"slug":"n"},"n":%d,"signal":"log"}`, n))
		}
		fmt.Fprintf(w, `{"events":[%s],"cursor":"%d"}`, strings.Join(events, ","), end)
	}))
	defer server.Close()
	for _, flag := range []string{"", "--json"} {
		events := exec.Command("rollcall", strings.Fields("events --after 0 --url "+server.URL+" "+flag)...)
		events.Env = []string{"ROLLCALL_API_KEY=key"}
		out, err := events.Output()
		if got := regexp.MustCompile(`#\d+ log|"n": \d+`).FindAll(out, -1); err != nil || len(got) != total {
			t.Errorf("%q: %d events, want %d: %v", flag, len(got), total, err)
		}
	}
}
