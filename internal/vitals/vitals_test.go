package vitals_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/alerter"
	"rollcall/internal/fault"
	"rollcall/internal/ingest"
	"rollcall/internal/monitor"
	"rollcall/internal/prove"
	"rollcall/internal/scheduler"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlite"
	"rollcall/internal/vitals"
)

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

const watcher = "https://watch.example.org/ping/5e8f2d1c-7a4b-4c3d-9e2f-1a0b3c4d5e6f"

// plant is an installation whose stages can be broken.
type plant struct {
	*sqlite.Store
	t       *testing.T
	project account.Project
	channel monitor.Channel

	unjudged, unsent, readOnly, away atomic.Bool // stages that hang or fail
	relay, full, planted             atomic.Bool
	unread, still, unverified        atomic.Bool

	mu    sync.Mutex // guards what the watcher has heard
	beats []time.Time
	fails []string
}

var errBroken = errors.New("broken by the test")

// DueChecks hangs while the scheduler is to be stuck.
func (p *plant) DueChecks(ctx context.Context, at time.Time, limit int) ([]monitor.CheckID, time.Time, error) {
	for p.unjudged.Load() && ctx.Err() == nil {
		time.Sleep(100 * time.Millisecond)
	}
	if p.away.Load() {
		return nil, time.Time{}, errBroken
	}
	return p.Store.DueChecks(ctx, at, limit)
}

// LeaseDeliveries hangs while the alerter is to be stuck.
func (p *plant) LeaseDeliveries(ctx context.Context, l store.Lease) ([]store.Dispatch, error) {
	for p.unsent.Load() && ctx.Err() == nil {
		time.Sleep(100 * time.Millisecond)
	}
	if p.readOnly.Load() || p.away.Load() {
		return nil, errBroken
	}
	return p.Store.LeaseDeliveries(ctx, l)
}

// Transitions fails while nothing can be written.
func (p *plant) Transitions(ctx context.Context, steps []store.Step) ([]store.Result, error) {
	if p.readOnly.Load() || p.away.Load() {
		return nil, fmt.Errorf("%w: %w", fault.Unavailable, errBroken)
	}
	return p.Store.Transitions(ctx, steps)
}

// Ready fails while nothing can be written.
func (p *plant) Ready(ctx context.Context) error {
	if p.readOnly.Load() || p.away.Load() {
		return errBroken
	}
	return p.Store.Ready(ctx)
}

// NextDelivery hangs while what waits cannot be read.
func (p *plant) NextDelivery(ctx context.Context) (time.Time, error) {
	if p.unread.Load() {
		<-ctx.Done()
		return time.Time{}, ctx.Err()
	}
	return p.Store.NextDelivery(ctx)
}

// Violations finds one more while one is planted.
func (p *plant) Violations(ctx context.Context, now, judged time.Time) ([]store.Violation, error) {
	if p.unverified.Load() {
		return nil, errBroken
	}
	found, err := p.Store.Violations(ctx, now, judged)
	if p.planted.Load() {
		found = append(found, store.Violation{Rule: store.LeaseEnds, Count: 1, First: "delivery 1"})
	}
	return found, err
}

// Do is the watcher.
func (p *plant) Do(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch r.URL.String() {
	case watcher:
		p.beats = append(p.beats, now())
	case watcher + "/fail":
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		p.fails = append(p.fails, string(body))
	default:
		p.t.Errorf("asked for %s", r.URL)
	}
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

// heard returns the beats since a time, and the words of the failures.
func (p *plant) heard(since time.Time) (beats []time.Time, fails []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range p.beats {
		if !at.Before(since) {
			beats = append(beats, at)
		}
	}
	return beats, slices.Clone(p.fails)
}

type taken struct{}

// Send takes every message.
func (taken) Send(context.Context, alerter.Message) alerter.Outcome {
	return alerter.Outcome{Result: monitor.Result{Verdict: monitor.Done}}
}

func newPlant(t *testing.T) *plant {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rollcall.db"))
	if err != nil {
		t.Fatal(err)
	}
	p := &plant{Store: st, t: t}
	user, err := st.CreateUser(t.Context(), account.User{Email: "ops@example.org", Created: now()})
	if err != nil {
		t.Fatal(err)
	}
	if p.project, err = st.CreateProject(t.Context(), account.Project{Name: "Main", PingKey: account.NewPingKey(), Created: now()}, user.ID); err != nil {
		t.Fatal(err)
	}
	p.channel, err = st.CreateChannel(t.Context(), monitor.Channel{
		Project: p.project.ID, Name: "hook", Kind: monitor.Webhook,
		Settings: monitor.Settings{URL: "https://example.org/hook", Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, Created: now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// vitals looks after an installation.
func (p *plant) vitals(log *slog.Logger) *vitals.Vitals {
	return &vitals.Vitals{
		Store: p, Now: now, Log: log,
		Relay: func(context.Context) error {
			if p.relay.Load() {
				return errBroken
			}
			return nil
		},
		Disk: func() (free, size uint64, err error) {
			if p.full.Load() {
				return 10 << 20, 10 << 30, nil
			}
			return 5 << 30, 10 << 30, nil
		},
		Still: func() []string {
			if p.still.Load() {
				return []string{"lookout"}
			}
			return nil
		},
		Heartbeat: &vitals.Heartbeat{
			Targets: func(context.Context) ([]vitals.Target, error) { return []vitals.Target{{URL: watcher, Via: p}}, nil },
			Log:     log, UserAgent: "rollcall/test",
		},
	}
}

// run lets the installation work until the returned function is called.
func (p *plant) run() (stop func()) {
	log := slog.New(slog.DiscardHandler)
	in := ingest.New(p, ingest.Options{Now: now, Node: "test", Log: log})
	s := &scheduler.Scheduler{Store: p, Now: now, Evidence: in.Evidence, Node: "test", Log: log}
	a := &alerter.Alerter{Store: p, Pings: p.Store, Now: now, Log: log, Senders: map[monitor.ChannelKind]alerter.Sender{monitor.Webhook: taken{}}}
	v := p.vitals(log)
	v.JudgedUpTo, v.Alerts = s.JudgedUpTo, true
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	for _, work := range []func(context.Context) error{in.Run, s.Run, a.Run, v.Run} {
		parts.Go(func() {
			if err := work(ctx); err != nil {
				p.t.Error(err)
			}
		})
	}
	parts.Go(func() { // somebody is always owed something
		for n := 0; ctx.Err() == nil; n++ {
			if _, err := p.EnqueueTest(ctx, p.project.ID, p.channel.ID, now()); err != nil && ctx.Err() == nil {
				p.t.Error(err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Second):
			}
		}
	})
	return func() { cancel(); parts.Wait() }
}

// TestTheHeartbeatStopsWithEachStage breaks each stage of an installation in turn.
func TestTheHeartbeatStopsWithEachStage(t *testing.T) {
	const mostSilence, soonBack = 3 * time.Minute, time.Minute
	stages := []struct {
		name  string
		stage func(*plant) *atomic.Bool
		says  string
	}{
		{"the scheduler hangs", func(p *plant) *atomic.Bool { return &p.unjudged }, "deadlines are judged up to"},
		{"the alerter hangs", func(p *plant) *atomic.Bool { return &p.unsent }, "an alert has been waiting since"},
		{"what waits cannot be read", func(p *plant) *atomic.Bool { return &p.unread }, "the database has not said since"},
		{"a loop stands still", func(p *plant) *atomic.Bool { return &p.still }, "the lookout stands still"},
		{"the database is read-only", func(p *plant) *atomic.Bool { return &p.readOnly }, "the database has taken no writes since"},
		{"the database is away", func(p *plant) *atomic.Bool { return &p.away }, "the database has taken no writes since"},
		{"the mail server refuses", func(p *plant) *atomic.Bool { return &p.relay }, "the mail server has refused since"},
		{"the disk is full", func(p *plant) *atomic.Bool { return &p.full }, "the disk of the database has 10 MiB left"},
	}
	trials, violations := 0, 0
	for _, s := range stages {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlant(t)
				defer p.Close()
				defer p.run()()
				stage := s.stage(p)
				time.Sleep(4 * time.Minute)
				synctest.Wait()
				if beats, fails := p.heard(time.Time{}); len(beats) < 7 || len(beats) > 9 || len(fails) > 0 {
					t.Fatalf("%d heartbeats and %d failures in four good minutes", len(beats), len(fails))
				}
				for range prove.Scale(1, 20) {
					trials += 3
					broken := now()
					stage.Store(true)
					time.Sleep(5 * time.Minute)
					synctest.Wait()
					beats, fails := p.heard(broken)
					if n := len(beats); n > 0 && beats[n-1].Sub(broken) > mostSilence {
						violations++
						t.Errorf("still alive %v after it broke", beats[n-1].Sub(broken))
					}
					if len(fails) != 1 || !strings.Contains(fails[0], s.says) {
						violations++
						t.Errorf("told of trouble: %q, want one with %q", fails, s.says)
					}
					repaired := now()
					stage.Store(false)
					time.Sleep(2 * time.Minute)
					synctest.Wait()
					if beats, _ := p.heard(repaired); len(beats) == 0 || beats[0].Sub(repaired) > soonBack {
						violations++
						t.Errorf("not back within a minute: %v after %v", beats, repaired)
					}
					p.mu.Lock()
					p.fails = nil
					p.mu.Unlock()
				}
			})
		})
	}
	prove.Report(t, "WATCHDOG: the heartbeat stops within 3 min of a broken stage, is back within 1 min of its repair", trials, violations)
}

// TestTheHeartbeatStopsForAnInconsistentDatabase finds within the hour that the
// database is not consistent, and within two that this cannot be found out, and the
// repair within a minute.
func TestTheHeartbeatStopsForAnInconsistentDatabase(t *testing.T) {
	for name, fault := range map[string]struct {
		of    func(*plant) *atomic.Bool
		limit time.Duration
		says  string
	}{
		"a rule is broken": {func(p *plant) *atomic.Bool { return &p.planted }, time.Hour, "lease_ends: 1, the first is delivery 1"},
		"nobody can tell":  {func(p *plant) *atomic.Bool { return &p.unverified }, 2 * time.Hour, "whether the database is consistent has not been known since"},
	} {
		t.Run(name, func(t *testing.T) { testInconsistent(t, fault.of, fault.limit, fault.says) })
	}
}

func testInconsistent(t *testing.T, of func(*plant) *atomic.Bool, limit time.Duration, says string) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlant(t)
		defer p.Close()
		ctx, cancel := context.WithCancel(context.Background())
		var watch sync.WaitGroup
		watch.Go(func() { _ = p.vitals(slog.New(slog.DiscardHandler)).Run(ctx) })
		defer watch.Wait()
		defer cancel()
		time.Sleep(10 * time.Minute)
		broken := now()
		of(p).Store(true)
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		beats, fails := p.heard(broken)
		if last := beats[len(beats)-1].Sub(broken); last > limit+time.Minute {
			t.Errorf("still alive %v after it broke", last)
		}
		if len(fails) != 1 || !strings.Contains(fails[0], says) {
			t.Errorf("told of trouble: %q", fails)
		}
		repaired := now()
		of(p).Store(false)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if beats, _ := p.heard(repaired); len(beats) == 0 || beats[0].Sub(repaired) > time.Minute {
			t.Errorf("not back within a minute: %v after %v", beats, repaired)
		}
	})
}

// TestANewStartTellsNoTrouble lets nobody be woken for a restart.
func TestANewStartTellsNoTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlant(t)
		defer p.Close()
		for range 20 {
			began := now()
			stop := p.run()
			time.Sleep(4 * time.Second)
			synctest.Wait()
			stop()
			if beats, fails := p.heard(began); len(beats) == 0 || len(fails) > 0 {
				t.Fatalf("%d heartbeats within 4 s of the start, trouble %q", len(beats), fails)
			}
		}
	})
}

func TestFailURL(t *testing.T) {
	for address, want := range map[string]string{
		watcher: watcher + "/fail",
		"https://hc-ping.com/5E8F2D1C-7A4B-4C3D-9E2F-1A0B3C4D5E6F":             "https://hc-ping.com/5E8F2D1C-7A4B-4C3D-9E2F-1A0B3C4D5E6F/fail",
		"https://watch.example.org/ping/0123456789abcdefghijkl/rollcall?rid=1": "https://watch.example.org/ping/0123456789abcdefghijkl/rollcall/fail?rid=1",
		"https://nosnch.in/c2354d53d2":                                         "",
		"https://uptime.example.org/api/push/abcdefghij?status=up":             "",
		"https://watch.example.org/ping/short/slug":                            "",
		"://": "",
	} {
		if got, ok := vitals.FailURL(address); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %t, want %q", address, got, ok, want)
		}
	}
}
