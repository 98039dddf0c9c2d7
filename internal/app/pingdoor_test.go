package app_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/pgtest"
	"rollcall/internal/schedule"
	"rollcall/internal/store"
)

// badPing is a row of the corpus of bad inputs: a request as no client should send
// it, to the last byte, and what is answered. In it UUID, KEY and SLUG stand for
// those of a check that only this row has.
type badPing struct {
	id   string // P01 and so on; most have several rows
	name string

	sent   string
	stream func(io.Writer)                // what is sent after that
	run    func(*pingDoor, monitor.Check) // in the place of both, for what is no single request
	proved string                         // in the place of all, the test that has it
	set    func(*monitor.Config)          // the settings of the check
	from   string                         // the client's address; "" is 127.0.0.1

	code   int    // 200 counts, all else does not
	text   string // of the answer; "" is OK for 200, and anything for others
	header string // "Name: value" that the answer has
	ends   bool   // the connection is closed behind the answer
	kept   func(monitor.Ping) bool
}

// trustedProxy is the client of which X-Forwarded-For is believed.
const trustedProxy = "127.0.0.9"

// pingDoor is a running Rollcall to which bad requests come.
type pingDoor struct {
	*testing.T
	p       *process
	st      store.Store
	project account.Project
}

// onBothEngines runs rows on SQLite and on PostgreSQL, and returns how many there
// were and how many failed.
func onBothEngines(t *testing.T, rows []badPing) (trials, violations int) {
	for _, engine := range []struct{ name, database string }{{name: "sqlite"}, {name: "postgres", database: pgtest.Database(t, pgtest.Durable)}} {
		c := config(t)
		if engine.database != "" {
			c.Database = engine.database
		}
		c.BaseURL = "http://rollcall.example"
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(trustedProxy + "/32")}
		d := &pingDoor{T: t, p: run(t, c)}
		d.st = d.p.Store()
		user, err := d.st.CreateUser(t.Context(), account.User{Email: "ops@example.org", Created: time.Now()})
		d.ok(err)
		d.project, err = d.st.CreateProject(t.Context(), account.Project{Name: "Main", PingKey: account.NewPingKey(), Created: time.Now()}, user.ID)
		d.ok(err)
		for _, row := range rows {
			if row.proved != "" {
				continue
			}
			trials++
			if !t.Run(engine.name+"/"+row.id+"/"+row.name, func(t *testing.T) { d.try(t, row) }) {
				violations++
			}
		}
		if log := d.p.log.String(); strings.Contains(log, "panic") || strings.Contains(log, d.project.PingKey) {
			violations++
			t.Errorf("the log of %s:\n%s", engine.name, log)
		}
	}
	return trials, violations
}

// complete wants rows of every id of a family.
func complete(t *testing.T, rows []badPing, family string, from, to int) {
	t.Helper()
	for n := from; n <= to; n++ {
		id := fmt.Sprintf("%s%02d", family, n)
		if !slices.ContainsFunc(rows, func(r badPing) bool { return r.id == id }) {
			t.Errorf("%s is not in the table", id)
		}
	}
}

func (d *pingDoor) ok(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d *pingDoor) newCheck(set func(*monitor.Config)) monitor.Check {
	d.Helper()
	id := uuid.New()
	slug := "job-" + id.String()[:8]
	c := monitor.Config{Name: slug, Slug: slug, Grace: time.Hour, Schedule: schedule.Spec{Kind: schedule.Every, Period: time.Hour}}
	if set != nil {
		set(&c)
	}
	check, err := d.st.CreateCheck(d.Context(), monitor.Create(monitor.Check{UUID: id, Project: d.project.ID, Config: c}, time.Now()), nil)
	d.ok(err)
	return check
}

// now returns the check as it stands.
func (d *pingDoor) now(c monitor.Check) monitor.Check {
	d.Helper()
	c, err := d.st.Check(d.Context(), d.project.ID, c.UUID)
	d.ok(err)
	return c
}

func (d *pingDoor) fill(c monitor.Check, text string) string {
	return strings.NewReplacer("UUID", c.UUID.String(), "Uuid", strings.ToUpper(c.UUID.String()), "KEY", d.project.PingKey, "SLUG", c.Slug).Replace(text)
}

// try sends one row and looks at the answer and at the database.
func (d *pingDoor) try(t *testing.T, row badPing) {
	d = &pingDoor{T: t, p: d.p, st: d.st, project: d.project}
	check := d.newCheck(row.set)
	if row.run != nil {
		row.run(d, check)
		return
	}
	answer, text, ended := d.exchange(row, check)
	if answer == nil {
		t.Fatalf("no answer, want %d", row.code)
	}
	if row.code == 200 && row.text == "" && answer.Request.Method != http.MethodHead {
		row.text = "OK"
	}
	if answer.StatusCode != row.code || row.text != "" && text != row.text {
		t.Errorf("answered %d %.200q, want %d %q", answer.StatusCode, text, row.code, row.text)
	}
	if strings.Contains(text, "tcp") || strings.Contains(text, "chunk") || strings.Contains(text, "SQL") {
		t.Errorf("the answer tells how it is made: %q", text)
	}
	if name, value, _ := strings.Cut(row.header, ": "); row.header != "" && !strings.HasPrefix(answer.Header.Get(name), value) {
		t.Errorf("%s: %q, want %q", name, answer.Header.Get(name), value)
	}
	if row.ends && !ended {
		t.Error("the connection is not closed")
	}
	after := d.now(check)
	if want := map[bool]int64{true: 1}[row.code == 200]; after.NPings != want {
		t.Fatalf("%d pings are counted, want %d", after.NPings, want)
	}
	if row.kept == nil {
		return
	}
	ping, err := d.st.Ping(t.Context(), check.ID, 1)
	d.ok(err)
	if !row.kept(ping) {
		ping.Body = ping.Body[:min(len(ping.Body), 50)]
		t.Errorf("kept as %+v", ping)
	}
}

// exchange sends one request and reads the answer to it. Whether the connection is
// closed behind it is known by asking once more.
func (d *pingDoor) exchange(row badPing, check monitor.Check) (answer *http.Response, text string, ended bool) {
	d.Helper()
	conn := d.dial(row.from)
	defer conn.Close()
	go func() {
		_, _ = io.WriteString(conn, d.fill(check, row.sent))
		if row.stream != nil {
			row.stream(conn)
		}
	}()
	method, _, _ := strings.Cut(row.sent, " ")
	in := bufio.NewReader(conn)
	answer, text, err := readAnswer(in, method)
	if err != nil {
		return nil, "", true
	}
	if row.ends {
		_, err = in.ReadByte()
		var network net.Error
		ended = err != nil && !(errors.As(err, &network) && network.Timeout())
	}
	return answer, text, ended
}

// readAnswer reads an answer behind those that say nothing yet.
func readAnswer(in *bufio.Reader, method string) (*http.Response, string, error) {
	for {
		answer, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return nil, "", err
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil && !answer.Close { // what was sent in vain may cut the end of it off
			return nil, "", err
		}
		if answer.StatusCode >= 200 {
			return answer, string(text), nil
		}
	}
}

func (d *pingDoor) dial(from string) *net.TCPConn {
	d.Helper()
	if from == "" {
		from = "127.0.0.1"
	}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := dialer.DialContext(d.Context(), "tcp", d.p.Addr())
	d.ok(err)
	d.ok(conn.SetDeadline(time.Now().Add(30 * time.Second)))
	return conn.(*net.TCPConn)
}
