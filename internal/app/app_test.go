package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"rollcall/internal/app"
	"rollcall/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const oneCheck = `
projects:
  - name: Main
    owner: ops@example.org
    checks:
      - {name: Job, slug: job, period: 1h, uuid: 5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91}
`

const pingPath = "/ping/5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91"

// output is what a process says; it is written and read at the same time.
type output struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// process is an App that runs until the test ends or stop is called.
type process struct {
	*testing.T
	*app.App
	out, log *output
	cancel   context.CancelFunc
	ended    chan error
}

// config is a configuration that meets nobody else: any ports, a new database.
func config(t *testing.T) app.Config {
	t.Helper()
	return app.Config{
		Listen: "127.0.0.1:0", OpsListen: "127.0.0.1:0",
		Database: filepath.Join(t.TempDir(), "data", "rollcall.db"), Version: "test",
		Log: slog.New(slog.DiscardHandler), Out: io.Discard,
	}
}

func provisioned(t *testing.T, c app.Config, text string) app.Config {
	t.Helper()
	c.Provision = filepath.Join(t.TempDir(), "state.yml")
	if err := os.WriteFile(c.Provision, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

func run(t *testing.T, c app.Config) *process {
	t.Helper()
	p := &process{T: t, out: &output{}, log: &output{}, ended: make(chan error, 1)}
	c.Out, c.Log = p.out, app.NewLogger(p.log, app.LogText, slog.LevelInfo)
	a, err := app.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	p.App = a
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	go func() { p.ended <- a.Run(ctx) }()
	t.Cleanup(func() { p.stop() })
	return p
}

// stop ends the process and returns what Run did.
func (p *process) stop() error {
	p.Helper()
	p.cancel()
	select {
	case err := <-p.ended:
		p.ended <- err
		return err
	case <-time.After(45 * time.Second):
		p.Error("the process does not stop")
		return nil
	}
}

type answer struct {
	code   int
	header http.Header
	body   string
}

func get(t *testing.T, address string) answer {
	t.Helper()
	return ask(t, http.MethodGet, address)
}

func ask(t *testing.T, method, address string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

func (p *process) ops(path string) answer {
	p.Helper()
	return get(p.T, "http://"+p.OpsAddr()+path)
}

func (p *process) web(path string) answer {
	p.Helper()
	return get(p.T, "http://"+p.Addr()+path)
}

// eventually asks until the answer is as wanted.
func (p *process) eventually(what string, ok func() bool) {
	p.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			p.Fatalf("%s: not within a minute\n%s", what, p.log)
		}
	}
}

func TestPingIsStoredAndServerStopsInOrder(t *testing.T) {
	t.Parallel()
	c := provisioned(t, config(t), oneCheck)
	p := run(t, c)
	if got := p.web(pingPath); got.code != 200 || got.body != "OK" {
		t.Errorf("ping: %d %q", got.code, got.body)
	}
	p.eventually("started", func() bool { return p.ops("/startupz").code == 200 })
	for path, want := range map[string]string{
		"/livez":  `{"status":"alive"}`,
		"/readyz": `{"alerts":true,"database":true,"pings":true,"status":"ready","stopping":false}`,
	} {
		if got := p.ops(path); got.code != 200 || strings.TrimSpace(got.body) != want {
			t.Errorf("%s: %d %s, want %s", path, got.code, got.body, want)
		}
	}

	// Somebody asked whether work may be sent here, so they are told before
	// connections are refused.
	p.cancel()
	p.eventually("not ready while it stops", func() bool { return p.ops("/readyz").code == 503 })
	if got := p.web(pingPath); got.code != 200 {
		t.Errorf("a ping that comes before the load balancer has noticed: %d", got.code)
	}
	if err := p.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if conn, err := net.Dial("tcp", p.Addr()); err == nil {
		_ = conn.Close()
		t.Error("it still listens")
	}

	if log, err := os.Stat(c.Database + "-wal"); err == nil {
		t.Errorf("the write-ahead log was left behind, with %d bytes", log.Size())
	}
	again := run(t, c) // the database was given up
	if got := again.web(pingPath); got.code != 200 {
		t.Errorf("ping after a new start: %d", got.code)
	}
}

func TestStatusTellsHowTheProductDoes(t *testing.T) {
	p := run(t, config(t))
	p.eventually("started", func() bool { return p.ops("/startupz").code == 200 })
	var got struct {
		Version    string     `json:"version"`
		Database   bool       `json:"database"`
		JudgedUpTo *time.Time `json:"judged_up_to"`
		Waiting    *int       `json:"deliveries_waiting"`
		Oldest     *time.Time `json:"deliveries_oldest"`
		LastBlind  *struct{}  `json:"last_blind"`
	}
	if err := json.Unmarshal([]byte(p.ops("/statusz").body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Version != "test" || !got.Database || got.JudgedUpTo == nil || got.Waiting == nil || *got.Waiting != 0 || got.Oldest != nil || got.LastBlind != nil {
		t.Errorf("status: %+v", got)
	}
}

func TestOperationsAreNotPublic(t *testing.T) {
	t.Parallel()
	p := run(t, config(t))
	for _, path := range []string{"/metrics", "/debug/pprof/", "/readyz", "/statusz", "/livez"} {
		if got := p.web(path); got.code != 404 {
			t.Errorf("%s is answered %d on the public listener", path, got.code)
		}
		if got := p.ops(path); got.code != 200 {
			t.Errorf("%s is answered %d on the operators' listener", path, got.code)
		}
	}
}

func TestMetrics(t *testing.T) {
	p := run(t, provisioned(t, config(t), oneCheck))
	p.web(pingPath)
	p.web("/ping/00000000-0000-4000-8000-000000000001")
	p.web("/login")
	before := p.ops("/metrics").body
	for _, want := range []string{
		`(?m)^scheduler_hold\{reason="stale"\} 0$`, `(?m)^pings_accepted_total 1$`, `(?m)^pings_unknown_total 1$`, `(?m)^pings_refused_total 0$`, `(?m)^pings_coalesced_total 0$`,
		`(?m)^ping_commit_duration_seconds_count [1-9]`, `(?m)^db_up 1$`, `(?m)^notifications_pending 0$`, `(?m)^notifications_oldest_age_seconds 0$`,
		`(?m)^evaluations_total `, `(?m)^flips_total `, `(?m)^build_info\{version="test"\} 1$`,
		`(?m)^http_requests_total\{code="200",method="GET",route="/login"\} 1$`, `(?m)^go_goroutines `,
		`(?m)^breaker_open\{kind="webhook"\} 0$`, `(?m)^endpoints_failing 0$`, `(?m)^endpoints_disabled_total 0$`,
		`(?m)^replays_total 0$`, `(?m)^leases_expired_total 0$`, `(?m)^notifications_merged_total 0$`,
		`(?m)^consistency_violations\{rule="deadline_is_judged"\} 0$`, `(?m)^trouble 0$`, `(?m)^disk_free_bytes [1-9]`, `(?m)^sqlite_wal_bytes `,
	} {
		if !regexp.MustCompile(want).MatchString(before) {
			t.Errorf("no %s", want)
		}
	}
	problems, err := promlint.New(strings.NewReader(before)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}

	// What strangers send makes no series.
	ask(t, "BREW", "http://"+p.Addr()+"/nowhere/1")
	strange := func() int {
		return len(regexp.MustCompile(`(?m)^(?:http|pings)_`).FindAllString(p.ops("/metrics").body, -1))
	}
	series := strange()
	for _, path := range []string{"2", "3", "4"} {
		ask(t, "BREW"+path, "http://"+p.Addr()+"/nowhere/"+path)
	}
	if got := strange(); got != series || got == 0 {
		t.Errorf("%d series grew to %d", series, got)
	}
}

func TestSetupLinkUntilThereIsAnAccount(t *testing.T) {
	c := config(t)
	link := regexp.MustCompile(`http://127\.0\.0\.1:\d+/setup/\S+`)
	p := run(t, c)
	p.eventually("link", func() bool { return link.MatchString(p.out.String()) })
	if got := get(t, link.FindString(p.out.String())); got.code != 200 {
		t.Errorf("the link is answered %d", got.code)
	}
	if strings.Contains(p.log.String(), "/setup/") {
		t.Errorf("the link is in the log:\n%s", p.log)
	}
	_ = p.stop()

	_, err := app.AddUser(t.Context(), c.Database, "", app.NewAccount{Email: "ops@example.org", Password: "correct horse", Project: "Main"})
	if err != nil {
		t.Fatal(err)
	}
	p = run(t, c)
	p.eventually("ready", func() bool { return strings.Contains(p.out.String(), "ready at http://"+p.Addr()) })
	_ = p.stop()
	if strings.Contains(p.out.String(), "setup") {
		t.Errorf("there is an account, and it says:\n%s", p.out)
	}
}

func TestRolesRunAlone(t *testing.T) {
	t.Parallel()
	server, err := pgtest.Start(pgtest.Durable)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Stop() }()
	address, err := server.CreateDatabase(t.Context(), "roles")
	if err != nil {
		t.Fatal(err)
	}
	c := provisioned(t, config(t), oneCheck)
	c.Database = address
	c.Roles = []app.Role{app.RoleWeb}
	pages := run(t, c)
	c.Provision = ""
	c.Roles = []app.Role{app.RoleScheduler, app.RoleAlerter}
	workers := run(t, c)
	if got := pages.web(pingPath); got.code != 200 {
		t.Errorf("ping: %d", got.code)
	}
	if got := workers.Addr(); got != "" {
		t.Errorf("without the role it listens on %s", got)
	}
	added := app.NewAccount{Email: "new@example.org", Password: "correct horse", Project: "Beside a server"}
	if _, err := app.AddUser(t.Context(), address, "", added); err != nil {
		t.Errorf("add a user while servers run: %v", err)
	}
	workers.eventually("judged", func() bool { return workers.ops("/startupz").code == 200 })
	if got := pages.ops("/metrics").body; strings.Contains(got, "scheduler_lag_seconds") || !strings.Contains(got, "pings_accepted_total 1") {
		t.Errorf("metrics of a process with pages only:\n%s", got)
	}
	if got := workers.ops("/metrics").body; !strings.Contains(got, "scheduler_lag_seconds") || strings.Contains(got, "pings_accepted_total") {
		t.Errorf("metrics of a process without pages:\n%s", got)
	}
}

func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	server, err := pgtest.Start(pgtest.Durable)
	if err != nil {
		t.Fatal(err)
	}
	address, err := server.CreateDatabase(t.Context(), "away")
	if err != nil {
		t.Fatal(err)
	}
	c := provisioned(t, config(t), oneCheck)
	c.Database = address
	p := run(t, c)
	if got := p.web(pingPath); got.code != 200 {
		t.Errorf("ping: %d %q", got.code, got.body)
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	p.eventually("not ready", func() bool { return p.ops("/readyz").code == 503 })
	if got := p.ops("/livez"); got.code != 200 {
		t.Errorf("livez: %d; a new start would not bring the database back", got.code)
	}
	if got := p.web(pingPath); got.code != 503 || got.header.Get("Retry-After") == "" {
		t.Errorf("ping: %d %v", got.code, got.header)
	}
	if got := p.ops("/metrics").body; !strings.Contains(got, "\ndb_up 0\n") {
		t.Errorf("metrics:\n%s", got)
	}
	if err := p.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestWhatIsWrongIsFoundBeforeAnythingIsWritten(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, test := range map[string]struct {
		change func(*app.Config)
		want   string
	}{
		"base URL":            {func(c *app.Config) { c.BaseURL = "example.org" }, "--base-url must be an address such as https://rollcall.example.org"},
		"base URL with path":  {func(c *app.Config) { c.BaseURL = "https://example.org/rollcall" }, "--base-url must end after the host and port"},
		"mail server":         {func(c *app.Config) { c.SMTP = "mail.example.org" }, "mail server: the address must begin with smtp:// or smtps://"},
		"sign-up, no mail":    {func(c *app.Config) { c.SignupOpen = true }, "--signup open mails a link to whoever signs up; give --smtp as well"},
		"kind of database":    {func(c *app.Config) { c.Database = "mysql://db/rollcall" }, "--database must be a path, or an address that begins with postgres://"},
		"no provision file":   {func(c *app.Config) { c.Provision = "/nowhere.yml" }, "read the provision file: open /nowhere.yml: no such file or directory"},
		"provision file":      {func(c *app.Config) { *c = provisioned(t, *c, "projects:\n- {}\n") }, `name must be 1 to 100 characters`},
		"taken port":          {func(c *app.Config) { c.Listen = taken.Addr().String() }, "cannot listen on " + taken.Addr().String() + ": address already in use; give another address with --listen"},
		"taken port, ops":     {func(c *app.Config) { c.OpsListen = taken.Addr().String() }, "cannot listen on " + taken.Addr().String() + ": address already in use; give another address with --ops-listen"},
		"port without a host": {func(c *app.Config) { c.Listen = "8000" }, "cannot listen on 8000: address 8000: missing port in address; give another address with --listen"},
	} {
		t.Run(name, func(t *testing.T) {
			c := provisioned(t, config(t), oneCheck)
			test.change(&c)
			_, err := app.Open(t.Context(), c)
			if err == nil || !strings.HasSuffix(err.Error(), test.want) {
				t.Fatalf("error:\n%v\nwant:\n%s", err, test.want)
			}
			if _, err := os.Stat(c.Database); errors.Is(err, os.ErrNotExist) {
				return
			}
			st, err := app.OpenStore(t.Context(), c.Database, "")
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			if has, err := st.HasUsers(t.Context()); has || err != nil {
				t.Errorf("the provision file was applied: %v, %v", has, err)
			}
		})
	}
}

func TestSecondProcessOnAFileIsRefused(t *testing.T) {
	t.Parallel()
	c := config(t)
	p := run(t, c)
	_, err := app.Open(t.Context(), c)
	if err == nil || !strings.Contains(err.Error(), "another rollcall process is using the database") {
		t.Errorf("error = %v", err)
	}
	if got := p.ops("/statusz"); !strings.Contains(got.body, `"database":true`) {
		t.Errorf("the first one has lost its database: %s", got.body)
	}
}

func TestBaseURL(t *testing.T) {
	for listen, want := range map[string]string{"127.0.0.1:0": `^http://127\.0\.0\.1:\d+$`, "0.0.0.0:0": `^http://localhost:\d+$`} {
		c := config(t)
		c.Listen = listen
		if p := run(t, c); !regexp.MustCompile(want).MatchString(p.BaseURL()) {
			t.Errorf("listening on %s: %s, want %s", listen, p.BaseURL(), want)
		}
	}
	c := config(t)
	c.BaseURL = "https://rollcall.example.org/"
	if got, want := run(t, c).BaseURL(), "https://rollcall.example.org"; got != want {
		t.Errorf("base URL = %s, want %s", got, want)
	}
}
