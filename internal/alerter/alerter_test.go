package alerter_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/alerter"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// A receiver that fails in the beginning hears that the check went down before it
// hears that it came up again, however the attempts fall.
func TestDownComesBeforeItsUp(t *testing.T) {
	w := newWorld(t)
	in := receive(t, func(rw http.ResponseWriter, _ *http.Request, before int) {
		if before%3 != 2 {
			rw.WriteHeader(http.StatusBadGateway)
		}
	})
	c := w.check(w.webhook(in.URL))
	for range 4 {
		w.fail(c)
		w.advance(time.Second)
		w.tick()
		w.succeed(c)
		w.advance(time.Second)
		w.tick()
	}
	w.drain()
	if len(w.deliveries()) != 8 {
		t.Fatalf("%d deliveries, want 8", len(w.deliveries()))
	}
	var seqs, taken []float64
	for i, r := range in.all() {
		seq := r.data()["seq"].(float64)
		seqs = append(seqs, seq)
		if i%3 == 2 {
			taken = append(taken, seq)
		}
	}
	if !slices.IsSorted(seqs) {
		t.Errorf("messages came in the order %v", seqs)
	}
	if want := []float64{1, 2, 3, 4, 5, 6, 7, 8}; !slices.Equal(taken, want) {
		t.Errorf("taken %v, want %v", taken, want)
	}
}

// interfering is a store that does something of its own before it records.
type interfering struct {
	store.Outbox
	record func(context.Context, monitor.Attempt, monitor.Delivery, string) error
}

func (i interfering) RecordAttempt(ctx context.Context, a monitor.Attempt, after monitor.Delivery, disable string) error {
	return i.record(ctx, a, after, disable)
}

func TestCrashAfterSendingRepeatsTheSameMessage(t *testing.T) {
	w := newWorld(t)
	in := receive(t, status(200))
	w.fail(w.check(w.webhook(in.URL)))

	crashed := w.another(interfering{w.store, func(context.Context, monitor.Attempt, monitor.Delivery, string) error {
		return errors.New("the process died here")
	}})
	must(crashed.Tick(t.Context(), w.Now()))(t)
	if d := w.only(); d.State != monitor.Sending || d.Attempts != 0 {
		t.Fatalf("after the crash the delivery is %s with %d attempts", d.State, d.Attempts)
	}
	if n := w.tick(); n != 0 {
		t.Fatalf("%d deliveries leased while the lease still runs", n)
	}
	w.advance(time.Minute)
	w.tick()
	got := in.all()
	if len(got) != 2 || got[0].Header.Get("webhook-id") != got[1].Header.Get("webhook-id") || string(got[0].Body) != string(got[1].Body) {
		t.Errorf("%d requests, or not the same message: %v", len(got), got)
	}
	if d := w.only(); d.State != monitor.Sent || d.Attempts != 1 {
		t.Errorf("%s after %d attempts", d.State, d.Attempts)
	}
}

// While one alerter sends, its lease runs out and another sends and records. What
// the first one then has to say is dropped.
func TestLostLease(t *testing.T) {
	w := newWorld(t)
	second := w.another(w.store)
	in := receive(t, first(func(rw http.ResponseWriter, _ *http.Request, _ int) {
		w.advance(2 * time.Minute)
		if _, err := second.Tick(t.Context(), w.Now()); err != nil {
			t.Error(err)
		}
		rw.WriteHeader(http.StatusInternalServerError)
	}, status(200)))
	w.fail(w.check(w.webhook(in.URL)))
	w.tick()
	if d := w.only(); d.State != monitor.Sent || d.Attempts != 1 {
		t.Errorf("%s after %d attempts, want it sent by the second", d.State, d.Attempts)
	}
	if attempts := w.attempts(w.only().Delivery); len(attempts) != 1 || !attempts[0].OK {
		t.Errorf("attempts %+v", attempts)
	}
	if first, second := w.alerter.Stats().Expired, second.Stats().Expired; first != 0 || second != 1 {
		t.Errorf("leases that ran out: %d and %d", first, second)
	}
}

func TestRecordIsTriedAgainWhileTheDatabaseIsAway(t *testing.T) {
	w := newWorld(t)
	in := receive(t, status(200))
	w.fail(w.check(w.webhook(in.URL)))
	tries := 0
	a := w.another(interfering{w.store, func(ctx context.Context, at monitor.Attempt, after monitor.Delivery, disable string) error {
		if tries++; tries < 3 {
			return fmt.Errorf("record: %w", fault.Unavailable)
		}
		return w.store.RecordAttempt(ctx, at, after, disable)
	}})
	must(a.Tick(t.Context(), w.Now()))(t)
	if d := w.only(); d.State != monitor.Sent || len(in.all()) != 1 {
		t.Errorf("%s after %d requests", d.State, len(in.all()))
	}
}

// sender is a Sender made of a function.
type sender func(context.Context, alerter.Message) alerter.Outcome

func (s sender) Send(ctx context.Context, m alerter.Message) alerter.Outcome { return s(ctx, m) }

func done() alerter.Outcome {
	return alerter.Outcome{Result: monitor.Result{Verdict: monitor.Done, Answer: "ok"}, Class: "ok"}
}

func TestPanicIsAFailedAttempt(t *testing.T) {
	w := newWorld(t)
	bad, good := w.webhook("http://bad.example"), w.webhook("http://good.example")
	w.alerter.Senders[monitor.Webhook] = sender(func(_ context.Context, m alerter.Message) alerter.Outcome {
		if m.Channel.ID == bad.ID {
			panic("poison")
		}
		return done()
	})
	w.fail(w.check(bad, good))
	w.tick()
	for _, d := range w.deliveries() {
		want := map[monitor.ChannelID]monitor.DeliveryState{bad.ID: monitor.Pending, good.ID: monitor.Sent}[d.Channel]
		if d.State != want || d.Attempts != 1 {
			t.Errorf("channel %d: %s after %d attempts, want %s", d.Channel, d.State, d.Attempts, want)
		}
	}
	if n := w.alerter.Stats().Attempts[alerter.AttemptClass{Kind: monitor.Webhook, Class: "panic"}]; n != 1 {
		t.Errorf("%d panics counted", n)
	}
}

func TestKindWithoutSender(t *testing.T) {
	w := newWorld(t)
	w.fail(w.check(w.channel(monitor.Channel{Kind: monitor.Email, Settings: monitor.Settings{Address: "ops@example.org"}})))
	w.drain()
	if d := w.only(); d.State != monitor.Dead || !strings.Contains(d.Answer, "no messages of kind email") {
		t.Errorf("%s: %s", d.State, d.Answer)
	}
}

func TestMessageCarriesTheOutput(t *testing.T) {
	w := newWorld(t)
	var got []alerter.Message
	w.alerter.Senders[monitor.Webhook] = sender(func(_ context.Context, m alerter.Message) alerter.Outcome {
		got = append(got, m)
		return done()
	})
	hook := w.webhook("http://good.example")
	w.fail(w.check(hook))
	w.tick()
	must(w.store.EnqueueTest(t.Context(), w.project.ID, hook.ID, w.Now()))(t)
	w.tick()
	if len(got) != 2 || got[0].Ping == nil || string(got[0].Ping.Body) != "disk full\n" || got[0].Attempt != 1 {
		t.Fatalf("%+v", got)
	}
	if got[1].Ping != nil || got[1].CheckPage() != "" || got[1].Flip != nil {
		t.Errorf("a test speaks of a check: %+v", got[1])
	}
}

// gate is a Sender whose attempts to some hosts hang until it is opened.
type gate struct {
	hangs func(monitor.Channel) bool
	open  chan struct{}

	mu      sync.Mutex
	changed *sync.Cond
	now     map[string]int // attempts under way by host
	most    map[string]int
	sent    int // of those that do not hang
}

func newGate(hangs func(monitor.Channel) bool) *gate {
	g := &gate{hangs: hangs, open: make(chan struct{}), now: map[string]int{}, most: map[string]int{}}
	g.changed = sync.NewCond(&g.mu)
	return g
}

func (g *gate) Send(ctx context.Context, m alerter.Message) alerter.Outcome {
	host, hangs := m.Channel.Target(), g.hangs(m.Channel)
	g.mu.Lock()
	g.now[host]++
	g.most[host] = max(g.most[host], g.now[host])
	g.changed.Broadcast()
	g.mu.Unlock()
	out := done()
	if hangs {
		select {
		case <-g.open:
		case <-ctx.Done():
			out.Verdict = monitor.Retry
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now[host]--
	if !hangs {
		g.sent++
	}
	g.changed.Broadcast()
	return out
}

// await waits until the condition holds, or ctx ends.
func (g *gate) await(ctx context.Context, holds func() bool) bool {
	defer context.AfterFunc(ctx, g.changed.Broadcast)()
	g.mu.Lock()
	defer g.mu.Unlock()
	for !holds() && ctx.Err() == nil {
		g.changed.Wait()
	}
	return holds()
}

// run runs the alerter until the test ends.
func (w *world) run() (stop func()) {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.alerter.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				w.Error(err)
			}
		})
	}
	w.Cleanup(stop)
	return stop
}

func TestHangingReceiversDelayNobodyElse(t *testing.T) {
	const hanging = 200
	tests := []struct {
		name     string
		channels int
		address  func(i int) string
	}{
		{"each a host of its own", 1000, func(i int) string { return fmt.Sprintf("http://hang%d.example", i) }},
		{"all one host", 300, func(int) string { return "http://hang.example" }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			g := newGate(func(c monitor.Channel) bool { return strings.HasPrefix(c.Target(), "hang") })
			w.alerter.Senders[monitor.Webhook] = g
			var all []monitor.Channel
			for i := range test.channels {
				url := fmt.Sprintf("http://good%d.example", i)
				if i < hanging { // the hanging ones are first in line
					url = test.address(i)
				}
				all = append(all, w.webhook(url))
			}
			w.fail(w.check(all...))
			stop := w.run()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if !g.await(ctx, func() bool { return g.sent == test.channels-hanging }) {
				t.Errorf("%d of %d healthy channels were told while %d hung", g.sent, test.channels-hanging, hanging)
			}
			if n := g.most["hang.example"]; n > alerter.PerHost {
				t.Errorf("%d attempts to one host at a time, want at most %d", n, alerter.PerHost)
			}
			close(g.open)
			stop()
		})
	}
}

func TestOneChannelTakesFewAtATime(t *testing.T) {
	w := newWorld(t)
	g := newGate(func(monitor.Channel) bool { return true })
	w.alerter.Senders[monitor.Webhook] = g
	hook := w.webhook("http://slow.example")
	for range 3 * alerter.PerChannel {
		w.fail(w.check(hook))
	}
	stop := w.run()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for n := 1; n <= alerter.PerChannel; n++ {
		if !g.await(ctx, func() bool { return g.now["slow.example"] == n }) {
			t.Fatalf("%d attempts under way", g.now["slow.example"])
		}
		w.advance(monitor.Pace)
		w.alerter.Kick()
	}
	close(g.open)
	for len(w.with(monitor.Sent)) < 3*alerter.PerChannel && ctx.Err() == nil {
		w.advance(time.Second) // those that were put back are due a second later
		w.alerter.Kick()
		g.await(ctx, func() bool { return g.now["slow.example"] == 0 })
	}
	stop()
	if n := len(w.with(monitor.Sent)); n != 3*alerter.PerChannel {
		t.Errorf("%d sent", n)
	}
	if n := g.most["slow.example"]; n != alerter.PerChannel {
		t.Errorf("%d attempts of one channel at a time, want %d", n, alerter.PerChannel)
	}
}

func (w *world) with(state monitor.DeliveryState) []store.DeliveryRow {
	return slices.DeleteFunc(w.deliveries(), func(d store.DeliveryRow) bool { return d.State != state })
}

// watched is a store that tells what is put back.
type watched struct {
	store.Outbox
	back chan monitor.DeliveryID
}

func (s watched) PostponeDelivery(ctx context.Context, d monitor.Delivery, until time.Time) error {
	defer func() { s.back <- d.ID }()
	return s.Outbox.PostponeDelivery(ctx, d, until)
}

// When the process stops, what is under way ends and is recorded, what waits is
// given back, and nothing new is begun.
func TestStop(t *testing.T) {
	w := newWorld(t)
	g := newGate(func(monitor.Channel) bool { return true })
	w.alerter.Senders[monitor.Webhook] = g
	const queued = alerter.PerHost + 5
	var all []monitor.Channel
	for range queued {
		all = append(all, w.webhook("http://slow.example"))
	}
	w.fail(w.check(all...))
	back := make(chan monitor.DeliveryID, queued)
	w.alerter.Store = watched{w.store, back}
	stop := w.run()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if !g.await(ctx, func() bool { return g.now["slow.example"] == alerter.PerHost }) {
		t.Fatal("nothing is under way")
	}
	time.AfterFunc(0, func() {
		for range queued - alerter.PerHost {
			<-back // what waits is given back before the attempts end
		}
		close(g.open)
	})
	stop()
	if sent, pending := len(w.with(monitor.Sent)), len(w.with(monitor.Pending)); sent != alerter.PerHost || pending != queued-alerter.PerHost {
		t.Errorf("%d sent and %d pending", sent, pending)
	}
	w.advance(monitor.Pace)
	if n := w.tick(); n != queued-alerter.PerHost {
		t.Errorf("another process leases %d of what was given back", n)
	}
}

// hurried is a store whose claims are kept just when the process is hurried to its end;
// as with any database, who stopped listening does not learn it.
type hurried struct {
	store.Outbox
	hurry func()
}

func (s hurried) LeaseDeliveries(ctx context.Context, l store.Lease) ([]store.Dispatch, error) {
	got, err := s.Outbox.LeaseDeliveries(ctx, l)
	if len(got) > 0 {
		s.hurry()
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return got, err
}

func TestAHurriedStopLeavesNoClaim(t *testing.T) {
	w := newWorld(t)
	w.fail(w.check(w.webhook("http://hook.example")))
	ctx, cancel := context.WithCancel(t.Context())
	w.alerter.Store = hurried{w.store, func() { cancel(); w.alerter.Hurry() }}
	if err := w.alerter.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if d := w.only(); d.State != monitor.Pending || d.Attempts != 0 {
		t.Errorf("%s after %d attempts", d.State, d.Attempts)
	}
}

// An attempt that ends neither by itself nor with the process is cut. It does not count,
// and another process can make it at once.
func TestStopIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.alerter.Now = time.Now
		w.set(time.Now())
		cut := make(chan time.Duration, 1)
		began := time.Now()
		w.alerter.Senders[monitor.Email] = sender(func(ctx context.Context, _ alerter.Message) alerter.Outcome {
			<-ctx.Done()
			cut <- time.Since(began)
			return alerter.Outcome{Result: monitor.Result{Answer: "cut"}, Class: "timeout"}
		})
		w.fail(w.check(w.channel(monitor.Channel{Kind: monitor.Email, Settings: monitor.Settings{Address: "ops@example.org"}})))
		stop := w.run()
		synctest.Wait()
		stop()
		if after := <-cut; after > 16*time.Second {
			t.Errorf("cut after %s", after)
		}
		if d := w.only(); d.State != monitor.Pending || d.Attempts != 0 || d.NextAt.After(time.Now()) {
			t.Errorf("%s after %d attempts, until %s", d.State, d.Attempts, d.NextAt)
		}
	})
}

// Run keeps to the schedule by itself; TestAnswers follows it to its end.
func TestRunFollowsTheSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.alerter.Now = time.Now
		w.set(time.Now())
		began := time.Now()
		var at []time.Duration
		w.alerter.Senders[monitor.Webhook] = sender(func(context.Context, alerter.Message) alerter.Outcome {
			at = append(at, time.Since(began))
			return alerter.Outcome{Result: monitor.Result{Answer: "no"}, Class: "5xx"}
		})
		w.fail(w.check(w.webhook("http://bad.example")))
		stop := w.run()
		time.Sleep(6 * time.Minute)
		stop()
		pauses := []time.Duration{3 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute}
		if len(at) <= len(pauses) || at[0] > time.Second {
			t.Fatalf("attempts at %v", at)
		}
		for i, want := range pauses {
			if got := at[i+1] - at[i]; got < want*8/10 || got > want*12/10+50*time.Millisecond {
				t.Errorf("pause %d is %s, want about %s", i+1, got, want)
			}
		}
		// Then the breaker is open, and an alarm waits.
		for i := len(pauses) + 1; i < len(at); i++ {
			if pause := at[i] - at[i-1]; pause > monitor.ProbeEvery+time.Second {
				t.Errorf("pause %d is %s, with an alarm waiting", i, pause)
			}
		}
		if d := w.only(); d.Tries != len(pauses)+2 || d.Attempts != len(at) {
			t.Errorf("%d attempts, of which %d are of the schedule", d.Attempts, d.Tries)
		}
	})
}

func TestKickIsHeardAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.alerter.Now = time.Now
		var sent []time.Time
		w.alerter.Senders[monitor.Webhook] = sender(func(context.Context, alerter.Message) alerter.Outcome {
			sent = append(sent, time.Now())
			return done()
		})
		hook := w.webhook("http://good.example")
		c := w.check(hook)
		stop := w.run()
		time.Sleep(1500 * time.Millisecond)
		kicked := time.Now()
		w.set(kicked)
		w.fail(c)
		w.alerter.Kick()
		w.alerter.Kick() // never blocks
		synctest.Wait()
		stop()
		if len(sent) != 1 || sent[0].Sub(kicked) > 50*time.Millisecond {
			t.Errorf("kicked at %s, sent at %s", kicked, sent)
		}
	})
}
