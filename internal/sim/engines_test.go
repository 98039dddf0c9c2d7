package sim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/pgtest"
	"rollcall/internal/prove"
	"rollcall/internal/schedule"
	"rollcall/internal/scheduler"
	"rollcall/internal/store"
	"rollcall/internal/store/postgres"
	"rollcall/internal/store/sqlite"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // a life keeps little, and makes much that is thrown away
	pgtest.Main(m)
}

// TestBothEnginesHaveTheSameHistory lets the same things happen on both databases,
// at the same given times, and compares all that is stored of them.
func TestBothEnginesHaveTheSameHistory(t *testing.T) {
	n, differ := few(2, 1, 40), 0
	for seed := range uint64(n) {
		embedded, err := sqlite.Open(t.Context(), filepath.Join(memory(t), "rollcall.db"))
		if err != nil {
			t.Fatal(err)
		}
		server, err := postgres.Open(t.Context(), pgtest.Database(t, pgtest.Durable))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(history(t, embedded, seed), history(t, server, seed)); diff != "" {
			differ++
			t.Errorf("seed %d (-sqlite +postgres):\n%s", seed, diff)
		}
		for _, st := range []store.Store{embedded, server} {
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	prove.Report(t, "ENGINES: the same seed has the same history on SQLite and PostgreSQL", n, differ)
}

// tale is a history on one database.
type tale struct {
	t       *testing.T
	st      store.Store
	rng     *rand.Rand
	now     time.Time
	project account.Project
	checks  []monitor.Check
}

// history lets a seed's things happen and returns what is stored in the end.
func history(t *testing.T, st store.Store, seed uint64) []string {
	h := &tale{t: t, st: st, rng: rand.New(rand.NewPCG(seed, 34)), now: time.Date(2027, 3, 20, 0, 0, 0, 0, time.UTC)}
	ctx := t.Context()
	user, err := st.CreateUser(ctx, account.User{Email: "ops@example.org", Created: h.now})
	h.must(err)
	h.project, err = st.CreateProject(ctx, account.Project{Name: "Main", Created: h.now}, user.ID)
	h.must(err)
	var channels []monitor.ChannelID
	for _, name := range []string{"a", "b"} {
		c, err := st.CreateChannel(ctx, monitor.Channel{
			Project: h.project.ID, Name: name, Kind: monitor.Email, Created: h.now,
			Settings: monitor.Settings{Address: name + "@example.org"},
		})
		h.must(err)
		channels = append(channels, c.ID)
	}
	for i, spec := range []schedule.Spec{
		{Kind: schedule.Every, Period: 10 * time.Minute},
		{Kind: schedule.Cron, Expr: "30 2 * * *", Zone: "Europe/Berlin"},
		{Kind: schedule.Cron, Expr: "*/20 * * * *", Zone: "Australia/Lord_Howe"},
	} {
		w := world{rng: h.rng}
		c, err := st.CreateCheck(ctx, monitor.Create(monitor.Check{UUID: w.seeded(), Project: h.project.ID, Config: monitor.Config{
			Name: fmt.Sprintf("job-%d", i), Schedule: spec, Grace: 5 * time.Minute,
		}}, h.now), channels)
		h.must(err)
		h.checks = append(h.checks, c)
	}
	s := &scheduler.Scheduler{Store: st, Now: func() time.Time { return h.now }, Node: "one", Log: quietLog}
	born := h.now
	begin := store.CoverageMark{Node: "one", Since: born, At: born, Begin: true}
	_, err = st.Transitions(ctx, []store.Step{{Mark: &begin}})
	h.must(err)
	for range 150 {
		h.now = h.now.Add(time.Duration(h.rng.Int64N(int64(12 * time.Minute))).Truncate(time.Microsecond))
		if h.rng.IntN(20) > 0 { // otherwise nobody made a mark
			mark := store.CoverageMark{Node: "one", Since: born, At: h.now}
			_, err := st.Transitions(ctx, []store.Step{{Mark: &mark}})
			h.must(err)
		}
		h.happen()
		_, _, err := s.Tick(ctx, h.now)
		h.must(err)
		h.deliver()
	}
	return h.told()
}

func (h *tale) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *tale) words(v any) []byte {
	words, err := json.Marshal(v)
	h.must(err)
	return words
}

// happen lets a check be pinged, paused, resumed or edited.
func (h *tale) happen() {
	c, now := h.checks[h.rng.IntN(len(h.checks))], h.now
	ping := monitor.Ping{At: now, Method: "POST", Body: []byte("out\x00put\xff"), BodySize: 8}
	ping.Signal = []monitor.Signal{monitor.Success, monitor.Success, monitor.Fail, monitor.Start, monitor.Log}[h.rng.IntN(5)]
	ping.RunID = []string{"", "a", "b"}[h.rng.IntN(3)]
	rule := func(c monitor.Check) monitor.Change { return c.Receive(ping) }
	step := store.Step{Ref: store.Ref{ID: c.ID}, Decide: rule}
	switch h.rng.IntN(20) {
	case 0:
		step.Decide = func(c monitor.Check) monitor.Change { return c.Pause(now) }
	case 1:
		step.Refuse = func(c monitor.Check) error { _, err := c.Resume(now); return err }
		step.Decide = func(c monitor.Check) monitor.Change { change, _ := c.Resume(now); return change }
	case 2:
		grace := time.Duration(1+h.rng.IntN(30)) * time.Minute
		step.Decide = func(c monitor.Check) monitor.Change {
			to := c.Config
			to.Grace = grace
			return c.Reconfigure(to, now)
		}
	}
	_, err := h.st.Transitions(h.t.Context(), []store.Step{step, step}) // said twice
	h.must(err)
}

// deliver makes attempts of which some fail.
func (h *tale) deliver() {
	leased, err := h.st.LeaseDeliveries(h.t.Context(), store.Lease{Now: h.now, Until: h.now.Add(time.Minute), Limit: 10, PerChannel: 4})
	h.must(err)
	for _, d := range leased {
		result := monitor.Result{Verdict: []monitor.Verdict{monitor.Done, monitor.Done, monitor.Retry, monitor.Refuse}[hash(d.Delivery.Rev, d.Channel.Name, d.Delivery.Attempts)%4]}
		after, _ := d.Delivery.Settle(result, h.now)
		attempt := monitor.Attempt{Delivery: d.Delivery.ID, N: after.Attempts, Started: h.now, OK: result.Verdict == monitor.Done}
		h.must(h.st.RecordAttempt(h.t.Context(), attempt, after, ""))
	}
}

// told is all that is stored, in words that do not depend on the database.
func (h *tale) told() (lines []string) {
	ctx := context.WithoutCancel(h.t.Context())
	for i, c := range h.checks {
		now, err := h.st.Check(ctx, h.project.ID, c.UUID)
		h.must(err)
		now.ID, now.Project = 0, 0
		lines = append(lines, fmt.Sprintf("check %d: %s", i, h.words(now)))
		pings, err := h.st.Pings(ctx, c.ID, 0, 1000)
		h.must(err)
		for _, p := range pings {
			lines = append(lines, fmt.Sprintf("ping of %d: %s", i, h.words(p)))
		}
		flips, err := h.st.Flips(ctx, c.ID, 0, 1000)
		h.must(err)
		for _, f := range flips {
			f.Check = 0
			lines = append(lines, fmt.Sprintf("flip of %d: %s %s %s rev %d at %s judged %s told %v streak %d", i, f.Old, f.New, f.Reason, f.Rev, f.At, f.Judged, f.Tell, f.Facts.Streak))
		}
		rows, err := h.st.Deliveries(ctx, store.DeliveryQuery{Project: h.project.ID, Check: c.ID, Limit: 500})
		h.must(err)
		for _, d := range rows {
			lines = append(lines, fmt.Sprintf("delivery of %d: rev %d to %s %s after %d, next %s, ended %s", i, d.Rev, d.ChannelName, d.State, d.Attempts, d.NextAt, d.Ended))
		}
	}
	blinds, err := h.st.Blinds(ctx, time.Time{}, 1000)
	h.must(err)
	return append(lines, fmt.Sprint(blinds))
}
