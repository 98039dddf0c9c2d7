package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/internal/e2e"
	"rollcall/internal/prove"
)

// watcher is an installation that watches another, which reaches it through a link.
type watcher struct {
	*site
	link   *link
	hook   *receiver
	apiKey string // a file
	server *e2e.Server
}

// testPair pairs two installations by one command. When one is killed the other tells;
// when the link between them is cut, both do. The long form waits as long as it takes;
// the short one lets the time pass in the database.
func testPair(t *testing.T, binary string) {
	a, b := newWatcher(t, binary), newWatcher(t, binary)
	pair := func(more ...string) (string, error) {
		args := append([]string{
			"pair", b.link.URL(), "--url", a.link.URL(), "--api-key-file", a.apiKey, "--other-api-key-file", b.apiKey,
		}, more...)
		out, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput()
		return string(out), err
	}
	for range 2 { // twice does no harm
		if out, err := pair(); err != nil || !strings.Contains(out, " hears ") {
			t.Fatalf("pair: %v\n%s\n%s\n%s", err, out, a.server.Output(), b.server.Output())
		}
	}
	for _, w := range []*watcher{a, b} {
		if n := count(t, w.site, "SELECT count(*) FROM checks WHERE slug LIKE 'rollcall-%' AND status = 'up'"); n != 1 {
			t.Fatalf("%d checks for the other side, want one that is up", n)
		}
	}
	tells := func(w *watcher, told int) {
		t.Helper()
		limit := 150 * time.Second // the period, the grace, and what a machine under load needs
		if !prove.Long() {
			limit = 20 * time.Second
			due := time.Now().Add(-time.Hour).UnixMicro()
			if _, err := w.db.ExecContext(t.Context(), fmt.Sprintf("UPDATE checks SET due = %d, wake = %d WHERE slug LIKE 'rollcall-%%'", due, due)); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, limit, "the other side tells", func() bool { return w.hook.count("check.down") >= told })
	}
	trials := 3
	a.server.Kill()
	tells(b, 1)
	a.server = a.run(t)
	eventually(t, 60*time.Second, "it is heard again", func() bool { return b.hook.count("check.up") == 1 })
	a.link.cut()
	b.link.cut()
	tells(a, 1)
	tells(b, 2)
	a.link.mend(t)
	b.link.mend(t)
	prove.Report(t, "WATCHDOG: of two paired installations each tells when the other is killed or cut off", trials, 0)

	if out, err := pair("--undo"); err != nil {
		t.Fatalf("undo: %v\n%s", err, out)
	}
	for _, w := range []*watcher{a, b} {
		if n := count(t, w.site, "SELECT (SELECT count(*) FROM checks) + (SELECT count(*) FROM heartbeats)"); n != 0 {
			t.Errorf("%d checks and addresses are left after the undo", n)
		}
		if printed := w.server.Output(); strings.Contains(printed, "/ping/") {
			t.Errorf("the log tells where the heartbeat goes:\n%s", printed)
		}
		stop(t, w.server)
	}
	if out, err := pair(); err == nil || !strings.Contains(out, a.link.address) {
		t.Errorf("pairing with nobody: %v\n%s", err, out)
	}
}

func newWatcher(t *testing.T, binary string) *watcher {
	t.Helper()
	w := &watcher{hook: newReceiver(t, 0)}
	w.site = newSite(t, binary, "", sqlite)
	w.link = newLink(t, w.Listen)
	add := exec.Command(binary, "user", "add", "ops@example.org", "--project", "Watch", "--json", "--database", w.Database)
	add.Stdin, add.Stderr = strings.NewReader("correct horse battery staple 7\n"), os.Stderr
	out, err := add.Output()
	if err != nil {
		t.Fatal(err)
	}
	var made struct {
		APIKey string `json:"api_key"`
	}
	if err := json.NewDecoder(bytes.NewReader(out)).Decode(&made); err != nil {
		t.Fatal(err)
	}
	w.apiKey = filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(w.apiKey, []byte(made.APIKey), 0o600); err != nil {
		t.Fatal(err)
	}
	w.provision(t, "projects:\n  - name: Watch\n    owner: ops@example.org\n    channels:\n"+w.hook.channel("hook"))
	w.More = append(w.More, "--base-url", w.link.URL(), "--egress-allow", "127.0.0.0/8")
	w.server = w.run(t)
	return w
}

// count returns how many messages of a kind came in.
func (r *receiver) count(kind string) (n int) {
	for _, got := range r.all() {
		if strings.Contains(got.body, `"`+kind+`"`) {
			n++
		}
	}
	return n
}

// link is the network in front of a server.
type link struct {
	address, to string

	mu       sync.Mutex // guards the rest
	listener net.Listener
	open     map[net.Conn]bool
}

func newLink(t *testing.T, to string) *link {
	t.Helper()
	l := &link{address: freeAddress(t), to: to}
	l.mend(t)
	t.Cleanup(l.cut)
	return l
}

// URL is the address of the server behind the link.
func (l *link) URL() string { return "http://" + l.address }

// mend lets connections through.
func (l *link) mend(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", l.address)
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	l.listener, l.open = listener, map[net.Conn]bool{}
	l.mu.Unlock()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go l.carry(conn)
		}
	}()
}

// carry is one connection.
func (l *link) carry(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer out.Close()
	l.mu.Lock()
	l.open[in] = true
	l.mu.Unlock()
	go func() {
		_, _ = io.Copy(out, in)
		_ = out.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(in, out)
}

// cut ends all connections and takes no more.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.listener.Close()
	for conn := range l.open {
		_ = conn.Close()
	}
}
