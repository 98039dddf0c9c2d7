package mailbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/textproto"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/ingest"
	"rollcall/internal/mailbox"
	"rollcall/internal/monitor"
	"rollcall/internal/pgtest"
	"rollcall/internal/schedule"
	"rollcall/internal/store"
	"rollcall/internal/store/postgres"
	"rollcall/internal/store/sqlite"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const domain = "pings.example.org"

// office is a mailbox on a real store, with one check.
type office struct {
	*testing.T
	st      store.Store
	project account.Project
	check   monitor.Check
	door    *gate
	in      *ingest.Ingest
	box     *mailbox.Mailbox
	addr    string
	ahead   atomic.Int64 // how far the clock is ahead, time.Duration
	log     *lockedBuffer
	secrets []string // that no log may tell
	shut    func()   // ends the mailbox in good order
}

// gate is the door through which pings are stored. It can be held, and it can fail.
type gate struct {
	store.Door
	mu   sync.Mutex    // guards what follows
	held chan struct{} // transactions wait until it is closed
	fail error         // of every transaction, which does nothing then
}

func (g *gate) Transitions(ctx context.Context, steps []store.Step) ([]store.Result, error) {
	g.mu.Lock()
	held, fail := g.held, g.fail
	g.mu.Unlock()
	if held != nil {
		<-held
	}
	if fail != nil {
		return nil, fail
	}
	return g.Door.Transitions(ctx, steps)
}

// hold lets transactions wait until release is called.
func (g *gate) hold() (release func()) {
	held := make(chan struct{})
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = held
	return sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.held = nil
		close(held)
	})
}

func (g *gate) failWith(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fail = err
}

// lockedBuffer is a log that sessions write at the same time.
type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func openSQLite(t *testing.T) store.Store {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rollcall.db"))
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func openPostgres(t *testing.T) store.Store {
	t.Helper()
	st, err := postgres.Open(t.Context(), pgtest.Prepared(t, migrated, pgtest.Durable))
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// migrated gives a database our schema.
func migrated(ctx context.Context, url string) error {
	st, err := postgres.Open(ctx, url)
	if err != nil {
		return err
	}
	return st.Close()
}

// newOffice opens a mailbox on SQLite; change, if any, has the last word about its
// configuration.
func newOffice(t *testing.T, change ...func(*mailbox.Config)) *office {
	t.Helper()
	return newOfficeOn(t, openSQLite(t), change...)
}

func newOfficeOn(t *testing.T, st store.Store, change ...func(*mailbox.Config)) *office {
	t.Helper()
	o := &office{T: t, st: st, door: &gate{Door: st}, log: &lockedBuffer{}}
	user, err := st.CreateUser(t.Context(), account.User{Email: "ops@example.org", Created: o.now()})
	if err != nil {
		t.Fatal(err)
	}
	if o.project, err = st.CreateProject(t.Context(), account.Project{Name: "Main", PingKey: account.NewPingKey(), Created: o.now()}, user.ID); err != nil {
		t.Fatal(err)
	}
	o.check = o.newCheck("nightly", monitor.Filter{})
	o.in = ingest.New(o.door, ingest.Options{Now: o.now, Log: slog.New(slog.DiscardHandler)})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.in.Run(ctx) }()
	o.open(change...)
	t.Cleanup(func() {
		o.shut()
		stop()
		if err := errors.Join(<-done, st.Close()); err != nil {
			t.Error(err)
		}
		log := strings.ToLower(o.log.String())
		for _, secret := range append(o.secrets, o.project.PingKey) {
			if strings.Contains(log, secret) {
				t.Error("the log tells an address")
			}
		}
	})
	return o
}

// open starts a new mailbox, which knows nothing of an earlier one.
func (o *office) open(change ...func(*mailbox.Config)) {
	o.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		o.Fatal(err)
	}
	o.addr = l.Addr().String()
	o.serve(l, change...)
}

func (o *office) serve(l net.Listener, change ...func(*mailbox.Config)) {
	o.Helper()
	c := mailbox.Config{
		Domain: domain, Ingest: o.in, Archive: o.st, Now: o.now,
		Log: slog.New(slog.NewTextHandler(o.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, change := range change {
		change(&c)
	}
	o.box = mailbox.New(c)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.box.Serve(ctx, l) }()
	o.shut = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			o.Error(err)
		}
	})
}

func (o *office) now() time.Time {
	return time.Now().Add(time.Duration(o.ahead.Load())).UTC().Truncate(time.Microsecond)
}

func (o *office) newCheck(slug string, f monitor.Filter) monitor.Check {
	o.Helper()
	c, err := o.st.CreateCheck(o.Context(), monitor.Create(monitor.Check{
		UUID: uuid.New(), Project: o.project.ID,
		Config: monitor.Config{
			Name: slug, Slug: slug, Grace: time.Hour, Filter: f,
			Schedule: schedule.Spec{Kind: schedule.Every, Period: 24 * time.Hour},
		},
	}, o.now()), nil)
	if err != nil {
		o.Fatal(err)
	}
	o.secrets = append(o.secrets, c.UUID.String())
	return c
}

// onBothEngines runs a story on SQLite and on PostgreSQL.
func onBothEngines(t *testing.T, story func(*office)) {
	t.Helper()
	for _, engine := range []struct {
		name string
		open func(*testing.T) store.Store
	}{{"SQLite", openSQLite}, {"PostgreSQL", openPostgres}} {
		t.Run(engine.name, func(t *testing.T) { story(newOfficeOn(t, engine.open(t))) })
	}
}

// row runs one row of a table, with a check of its own, in the office of all of them:
// to open a database takes far longer than to take a mail.
func (o *office) row(name string, run func()) (passed bool) {
	o.Helper()
	outer := o.T
	defer func() { o.T = outer }()
	return outer.Run(name, func(t *testing.T) {
		o.T = t
		o.check = o.newCheck(fmt.Sprintf("row-%d", len(o.secrets)), monitor.Filter{})
		run()
	})
}

// pings returns what a check has kept, the oldest first.
func (o *office) pings(c monitor.Check) []monitor.Ping {
	o.Helper()
	newest, err := o.st.Pings(o.Context(), c.ID, 0, 100)
	if err != nil {
		o.Fatal(err)
	}
	var all []monitor.Ping
	for i := range newest {
		p, err := o.st.Ping(o.Context(), c.ID, newest[len(newest)-1-i].N)
		if err != nil {
			o.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// counted is how many pings a check has counted.
func (o *office) counted(c monitor.Check) int64 {
	o.Helper()
	found, err := o.st.Check(o.Context(), o.project.ID, c.UUID)
	if err != nil {
		o.Fatal(err)
	}
	return found.NPings
}

// client is one SMTP connection, spoken by hand.
type client struct {
	*office
	net.Conn
	text *textproto.Conn
}

// dial opens a connection and reads the greeting.
func (o *office) dial() *client {
	o.Helper()
	conn, err := net.Dial("tcp", o.addr)
	if err != nil {
		o.Fatal(err)
	}
	c := o.clientOf(conn)
	c.expect("220 " + domain)
	return c
}

func (o *office) clientOf(conn net.Conn) *client {
	o.Cleanup(func() { _ = conn.Close() })
	return &client{o, conn, textproto.NewConn(conn)}
}

// send writes text as it stands.
func (c *client) send(text string) {
	c.Helper()
	if _, err := c.Conn.Write([]byte(text)); err != nil {
		c.Fatal(err)
	}
}

// say sends a line and returns the answer: its code and last line.
func (c *client) say(line string) string {
	c.Helper()
	c.send(c.fill(line) + "\r\n")
	return c.answer()
}

// fill puts the addresses of the check into a line.
func (o *office) fill(line string) string {
	return strings.NewReplacer("%uuid", o.check.UUID.String(), "%UUID", strings.ToUpper(o.check.UUID.String()),
		"%key", o.project.PingKey, "%slug", o.check.Slug, "%KEY", strings.ToUpper(o.project.PingKey), "%domain", domain).Replace(line)
}

// answer reads an answer; "closed" when there will be none.
func (c *client) answer() string {
	c.Helper()
	code, text, err := c.text.ReadResponse(0)
	if err != nil {
		return "closed"
	}
	lines := strings.Split(text, "\n")
	return fmt.Sprintf("%d %s", code, lines[len(lines)-1])
}

// expect reads an answer and wants it to begin with the given words.
func (c *client) expect(want string) {
	c.Helper()
	if got := c.answer(); !strings.HasPrefix(got, want) {
		c.Fatalf("answered %q, want %q", got, want)
	}
}

// tell sends a line and wants the answer to begin with the given words.
func (c *client) tell(line, want string) {
	c.Helper()
	if got := c.say(line); !strings.HasPrefix(got, want) {
		c.Fatalf("%.60q answered %q, want %q", line, got, want)
	}
}

// mail sends one mail to the given mailboxes in a session of its own and returns
// the answer to it. The mail stands as in a Go raw string.
func (o *office) mail(raw string, mailboxes ...string) string {
	o.Helper()
	c := o.dial()
	defer c.Close()
	c.tell("EHLO job.example", "250")
	return c.mail(raw, mailboxes...)
}

func (c *client) mail(raw string, mailboxes ...string) string {
	c.Helper()
	c.tell("MAIL FROM:<root@nas.example>", "250")
	for _, to := range mailboxes {
		c.tell("RCPT TO:<"+to+"@%domain>", "250")
	}
	c.tell("DATA", "354")
	c.send(onWire(raw))
	return c.answer()
}

// onWire gives a mail the line ends and dots of SMTP.
func onWire(raw string) string {
	raw = strings.TrimPrefix(raw, "\n")
	raw = strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\n", "\r\n")
	raw = strings.ReplaceAll("\r\n"+raw, "\r\n.", "\r\n..")[2:]
	return strings.TrimSuffix(raw, "\r\n") + "\r\n.\r\n"
}
