package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"rollcall/internal/account"
	"rollcall/internal/alerter"
	"rollcall/internal/ingest"
	"rollcall/internal/monitor"
	"rollcall/internal/outbound"
	"rollcall/internal/pgtest"
	"rollcall/internal/prove"
	"rollcall/internal/schedule"
	"rollcall/internal/scheduler"
	"rollcall/internal/store"
	"rollcall/internal/store/postgres"
	"rollcall/internal/store/sqlite"
)

// herd is a server's stages on one store, and the checks that fall due together.
type herd struct {
	*testing.T
	store    store.Store
	project  account.Project
	hook     monitor.Channel
	healthy  []monitor.CheckID // are pinged all the while
	ahead    atomic.Int64      // of the alerter's clock before the others'
	received receivedChanges
}

// receivedChanges is what a receiver was told, by check and change.
type receivedChanges struct {
	mu       sync.Mutex // guards the fields below
	messages int
	times    map[string]int
}

func (r *receivedChanges) ServeHTTP(_ http.ResponseWriter, request *http.Request) {
	type turn struct {
		Check struct{ URL string }
		Seq   int64
	}
	var body struct {
		Data struct {
			turn
			Changes []turn
		}
	}
	_ = json.NewDecoder(request.Body).Decode(&body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages++
	for _, t := range append(body.Data.Changes, body.Data.turn) {
		if t.Seq != 0 {
			r.times[fmt.Sprint(t.Check.URL, " ", t.Seq)]++
		}
	}
}

func instantNow() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// seed makes checks that were pinged so long ago that they fell due a moment before.
func (h *herd) seed(n int, due time.Time) []monitor.CheckID {
	h.Helper()
	const period, grace = time.Hour, time.Minute
	pinged := due.Add(-period - grace)
	var ids []monitor.CheckID
	for from := 0; from < n; from += 500 {
		var steps []store.Step
		for i := range min(500, n-from) {
			made := monitor.Create(monitor.Check{UUID: uuid.New(), Project: h.project.ID, Config: monitor.Config{
				Name: fmt.Sprint("Check ", from+i), Slug: fmt.Sprintf("c%d-%d", due.Unix(), from+i), Grace: grace,
				Schedule: schedule.Spec{Kind: schedule.Every, Period: period},
			}}, pinged.Add(-time.Hour))
			steps = append(steps, store.Step{
				Ref: store.Ref{PingKey: h.project.PingKey, Slug: made.Slug, Create: func() monitor.Check { return made }},
				Decide: func(c monitor.Check) monitor.Change {
					return c.Receive(monitor.Ping{At: pinged, Signal: monitor.Success})
				},
			})
		}
		results, err := h.store.Transitions(h.Context(), steps)
		if err != nil {
			h.Fatal(err)
		}
		for _, r := range results {
			if r.Err != nil {
				h.Fatal(r.Err)
			}
			ids = append(ids, r.Change.Check.ID)
		}
	}
	return ids
}

// When very many checks fall due in the same second, all of them are decided soon,
// pings are answered meanwhile, and a channel gets digests that tell each change once.
func TestHerd(t *testing.T) {
	checks := prove.Scale(5_000, 100_000)
	for _, engine := range []struct {
		name string
		open func() (store.Store, error)
	}{
		{"sqlite", func() (store.Store, error) {
			return sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rollcall.db"))
		}},
		{"postgres", func() (store.Store, error) {
			return postgres.Open(t.Context(), pgtest.Database(t, pgtest.Durable))
		}},
	} {
		t.Run(engine.name, func(t *testing.T) {
			st, err := engine.open()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = st.Close() }()
			stampede(t, st, checks)
		})
	}
}

func stampede(t *testing.T, st store.Store, checks int) {
	h := &herd{T: t, store: st}
	h.received.times = map[string]int{}
	in := httptest.NewServer(&h.received)
	defer in.Close()
	began := instantNow()
	owner, err := st.CreateUser(t.Context(), account.User{Email: "ops@example.org", Created: began})
	if err != nil {
		t.Fatal(err)
	}
	if h.project, err = st.CreateProject(t.Context(), account.Project{Name: "Main", PingKey: account.NewPingKey(), Created: began}, owner.ID); err != nil {
		t.Fatal(err)
	}
	h.healthy = h.seed(100, began.Add(time.Hour)) // before there is a channel to tell
	if h.hook, err = st.CreateChannel(t.Context(), monitor.Channel{
		Project: h.project.ID, Name: "hook", Kind: monitor.Webhook, Created: began,
		Settings: monitor.Settings{URL: in.URL, Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
	}); err != nil {
		t.Fatal(err)
	}
	due := began.Add(-time.Second)
	h.seed(checks, due)
	seeded := time.Since(began)

	taken := ingest.New(st, ingest.Options{Now: instantNow, Log: slog.New(slog.DiscardHandler), Writers: 2, Node: "herd"})
	tell := &alerter.Alerter{
		Store: st, Pings: st, BaseURL: "https://rollcall.example", Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Now: func() time.Time { return instantNow().Add(time.Duration(h.ahead.Load())) },
		Senders: map[monitor.ChannelKind]alerter.Sender{monitor.Webhook: alerter.Webhook(outbound.New(outbound.Config{
			Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		}).Client(), "test")},
	}
	judge := &scheduler.Scheduler{Store: st, Now: instantNow, Evidence: taken.Evidence, Node: "herd", Flipped: tell.Kick, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}

	ctx, cancel := context.WithCancel(t.Context())
	group, ctx := errgroup.WithContext(ctx)
	for _, run := range []func(context.Context) error{taken.Run, tell.Run, judge.Run} {
		group.Go(func() error { return run(ctx) })
	}
	pinging, stopPings := context.WithCancel(ctx)
	var waits []time.Duration
	group.Go(func() error { waits = h.ping(pinging, taken); return nil })

	start, lies := time.Now(), 0
	limit := start.Add(2 * time.Minute)
	for judge.Stats().Flips.Load() < int64(checks) && time.Now().Before(limit) {
		// What is not decided yet shows as lag.
		if upTo := judge.JudgedUpTo(); judge.Stats().Flips.Load() < int64(checks) && !upTo.IsZero() && !upTo.Before(due) {
			lies++
		}
		<-time.After(5 * time.Millisecond)
	}
	decided := time.Since(start)
	stopPings()
	moved := time.Now()
	for waiting, before := 1, 0; waiting > 0 && time.Now().Before(limit); <-time.After(20 * time.Millisecond) {
		if _, waiting, err = st.OutboxAge(t.Context(), instantNow().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if waiting != before {
			before, moved = waiting, time.Now()
		} else if time.Since(moved) > 2*monitor.Pace && tell.Stats().InFlight == 0 { // nothing is under way: the next digest waits for its time
			h.ahead.Add(int64(monitor.StormPause))
			tell.Kick()
			moved = time.Now()
		}
	}
	told := time.Since(start)
	cancel()
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	h.verdict(checks, decided, lies, waits)
	slices.Sort(waits)
	t.Logf("%d checks (made in %s): decided after %s, told after %s in %d messages; %d pings meanwhile: median %s, p99 %s, longest %s",
		checks, seeded.Round(time.Millisecond), decided.Round(time.Millisecond), told.Round(time.Millisecond), h.received.messages,
		len(waits), waits[len(waits)/2], waits[len(waits)*99/100], waits[len(waits)-1])
}

// ping pings one healthy check after the other until ctx ends, and returns how long
// each ping took until it was stored; one that was refused counts as the longest wait.
func (h *herd) ping(ctx context.Context, to *ingest.Ingest) (waits []time.Duration) {
	every := time.NewTicker(10 * time.Millisecond)
	defer every.Stop()
	for i := 0; ; i++ {
		began := time.Now()
		_, err := to.Submit(context.WithoutCancel(ctx), ingest.Report{
			Ref: store.Ref{ID: h.healthy[i%len(h.healthy)]}, Ping: monitor.Ping{Signal: monitor.Success, Scheme: "http", Method: "GET"},
		})
		took := time.Since(began)
		if err != nil {
			took = max(took, ingest.AnswerLimit)
		}
		waits = append(waits, took)
		select {
		case <-every.C:
		case <-ctx.Done():
			return waits
		}
	}
}

func (h *herd) verdict(checks int, decided time.Duration, lies int, waits []time.Duration) {
	h.Helper()
	if prove.Long() && decided > 30*time.Second {
		h.Errorf("decided after %s, want 30 s at most", decided)
	}
	if lies > 0 {
		h.Errorf("the lag was said to be none %d times while checks were not judged", lies)
	}
	late := 0
	for _, w := range waits {
		if w >= ingest.AnswerLimit {
			late++
		}
	}
	if late*prove.Scale(2, 10) > len(waits) { // fewer are the fault of a busy machine
		h.Errorf("%d of %d pings were not taken in time", late, len(waits))
	}
	prove.Report(h, "HERD: pings are answered in time while very many checks go down in the same second", len(waits), late)
	wrong := checks - len(h.received.times)
	for change, n := range h.received.times {
		if n != 1 {
			wrong++
			h.Errorf("%s was told %d times", change, n)
		}
	}
	if wrong != 0 {
		h.Errorf("%d of %d changes were told", len(h.received.times), checks)
	}
	if most := monitor.StormAfter + checks/monitor.Webhook.DigestMost() + 2; h.received.messages > most {
		h.Errorf("%d messages, want %d at most", h.received.messages, most)
	}
	if blinds, err := h.store.Blinds(h.Context(), time.Time{}, 10); err != nil || len(blinds) != 0 {
		h.Errorf("blind intervals %v, %v", blinds, err)
	}
	prove.Report(h, "DIGEST: in a storm each change is told by exactly one message, down before up", checks, wrong)
}
