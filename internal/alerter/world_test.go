package alerter_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/alerter"
	"rollcall/internal/monitor"
	"rollcall/internal/outbound"
	"rollcall/internal/schedule"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlite"
)

const (
	baseURL = "https://rollcall.example"
	secret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

// clock is the time of a test; it stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

func (c *clock) advance(d time.Duration) { c.set(c.Now().Add(d)) }

// world is a database with a project, an alerter on it, and a clock for both.
type world struct {
	*testing.T
	*clock
	store   *sqlite.Store
	project account.Project
	alerter *alerter.Alerter
	made    int // channels
}

// everywhere resolves every name to this machine, so that a test can have as many
// hosts as it wants.
func everywhere() *outbound.Out {
	return outbound.New(outbound.Config{
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			if strings.HasPrefix(host, "gone.") {
				return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
			}
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		},
	})
}

// schema is an empty database. Making one for each of some hundred worlds took most
// of the time of these tests, so it is made once and copied.
var schema = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "rollcall-schema-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "rollcall.db")
	st, err := sqlite.Open(context.Background(), path)
	if err != nil {
		return nil, err
	}
	if err := st.Close(); err != nil { // which moves the log into the file
		return nil, err
	}
	return os.ReadFile(path)
})

// empty is the path of a new and empty database.
func empty(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	if err := os.WriteFile(path, must(schema())(t), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func newWorld(t *testing.T) *world {
	t.Helper()
	st, err := sqlite.Open(t.Context(), empty(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	w := &world{T: t, store: st, clock: &clock{now: time.Now().UTC().Truncate(time.Second)}}
	user := must(st.CreateUser(t.Context(), account.User{Email: "ops@example.org", Created: w.now}))(t)
	w.project = must(st.CreateProject(t.Context(), account.Project{Name: "Production", PingKey: account.NewPingKey(), Created: w.now}, user.ID))(t)
	w.alerter = w.another(st)
	return w
}

// another is a second alerter, as of another process.
func (w *world) another(st store.Outbox) *alerter.Alerter {
	return &alerter.Alerter{
		Store: st, Pings: w.store, Now: w.Now, BaseURL: baseURL, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Senders: map[monitor.ChannelKind]alerter.Sender{monitor.Webhook: alerter.Webhook(everywhere().Client(), "1.2.3")},
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (w *world) channel(c monitor.Channel) monitor.Channel {
	w.Helper()
	c.Project, c.Created = w.project.ID, w.Now()
	w.made++
	c.Name = fmt.Sprintf("channel %d", w.made)
	c = must(c.Valid())(w.T)
	return must(w.store.CreateChannel(w.Context(), c))(w.T)
}

func (w *world) webhook(url string) monitor.Channel {
	w.Helper()
	return w.channel(monitor.Channel{Kind: monitor.Webhook, Settings: monitor.Settings{URL: url, Secret: secret}})
}

func (w *world) check(channels ...monitor.Channel) monitor.Check {
	w.Helper()
	ids := make([]monitor.ChannelID, len(channels))
	for i, c := range channels {
		ids[i] = c.ID
	}
	c := monitor.Check{UUID: uuid.New(), Project: w.project.ID, Config: monitor.Config{
		Name: "Offsite backup", Slug: "offsite-" + uuid.NewString()[:8], Tags: []string{"restic"}, Grace: 15 * time.Minute,
		Schedule: schedule.Spec{Kind: schedule.Every, Period: time.Hour},
	}}
	return must(w.store.CreateCheck(w.Context(), monitor.Create(c, w.Now()), ids))(w.T)
}

// ping lets the job report.
func (w *world) ping(c monitor.Check, p monitor.Ping) {
	w.Helper()
	p.At, p.Method = w.Now(), http.MethodPost
	p.BodySize = int64(len(p.Body))
	step := store.Step{Ref: store.Ref{ID: c.ID}, Decide: func(c monitor.Check) monitor.Change { return c.Receive(p) }}
	results, err := w.store.Transitions(w.Context(), []store.Step{step})
	if err != nil || results[0].Err != nil {
		w.Fatal(err, results)
	}
}

func (w *world) fail(c monitor.Check) {
	w.Helper()
	exit := int64(1)
	w.ping(c, monitor.Ping{Signal: monitor.Fail, Exit: &exit, Body: []byte("disk full\n")})
}

// recover owes the channels a message that is no alarm: that a check is up again of
// which they were not told that it was down.
func (w *world) recover(channels ...monitor.Channel) {
	w.Helper()
	c := w.check()
	w.fail(c)
	ids := make([]monitor.ChannelID, len(channels))
	for i, one := range channels {
		ids[i] = one.ID
	}
	results, err := w.store.Transitions(w.Context(), []store.Step{{
		Ref: store.Ref{ID: c.ID}, Assign: &ids,
		Decide: func(c monitor.Check) monitor.Change { return monitor.Change{Check: c, Unchanged: true} },
	}})
	if err != nil || results[0].Err != nil {
		w.Fatal(err, results)
	}
	w.succeed(c)
}

func (w *world) succeed(c monitor.Check) {
	w.Helper()
	exit := int64(0)
	w.ping(c, monitor.Ping{Signal: monitor.Success, Exit: &exit})
}

func (w *world) tick() int {
	w.Helper()
	return must(w.alerter.Tick(w.Context(), w.Now()))(w.T)
}

// drain ticks at every instant at which something is due until nothing is.
func (w *world) drain() {
	w.Helper()
	for range 1000 {
		w.tick()
		next := must(w.store.NextDelivery(w.Context()))(w.T)
		if next.IsZero() {
			return
		}
		if next.After(w.Now()) {
			w.set(next)
		}
	}
	w.Fatal("the outbox does not come to an end")
}

func (w *world) deliveries() []store.DeliveryRow {
	w.Helper()
	return must(w.store.Deliveries(w.Context(), store.DeliveryQuery{Project: w.project.ID, Limit: 5000}))(w.T)
}

// only is the one delivery of a test.
func (w *world) only() store.DeliveryRow {
	w.Helper()
	rows := w.deliveries()
	if len(rows) != 1 {
		w.Fatalf("%d deliveries, want 1", len(rows))
	}
	return rows[0]
}

func (w *world) attempts(d monitor.Delivery) []monitor.Attempt {
	w.Helper()
	return must(w.store.Attempts(w.Context(), w.project.ID, d.ID))(w.T)
}

// request is what a receiver was sent.
type request struct {
	Header http.Header
	Path   string
	Body   []byte
	Event  map[string]any
}

func (r request) data() map[string]any { return r.Event["data"].(map[string]any) }

// receiver is a web server that keeps what it is sent.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	requests []request
}

// receive runs a receiver that answers by the given handler, which is told how
// many requests came before to the same path.
func receive(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, before int)) *receiver {
	t.Helper()
	in := &receiver{}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		got := request{Header: r.Header, Path: r.URL.Path, Body: body}
		if err != nil || json.Unmarshal(body, &got.Event) != nil {
			t.Errorf("%s: not JSON: %q, %v", r.URL, body, err)
		}
		answer(w, r, in.keep(got))
	}))
	t.Cleanup(in.Close)
	return in
}

func (in *receiver) keep(r request) (before int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, earlier := range in.requests {
		if earlier.Path == r.Path {
			before++
		}
	}
	in.requests = append(in.requests, r)
	return before
}

// all returns the requests so far.
func (in *receiver) all() []request {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]request(nil), in.requests...)
}

func status(code int) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(code) }
}
