package ingest_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/ingest"
	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlite"
)

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// seed makes a project with n checks and returns their UUIDs.
func seed(tb testing.TB, st store.Store, n int) []uuid.UUID {
	tb.Helper()
	ctx := context.Background()
	user, err := st.CreateUser(ctx, account.User{Email: "ops@example.org", Created: now()})
	if err != nil {
		tb.Fatal(err)
	}
	project, err := st.CreateProject(ctx, account.Project{Name: "Main", PingKey: account.NewPingKey(), Created: now()}, user.ID)
	if err != nil {
		tb.Fatal(err)
	}
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = uuid.New()
		check := monitor.Create(monitor.Check{
			UUID: ids[i], Project: project.ID,
			Config: monitor.Config{
				Name: fmt.Sprintf("Job %d", i), Slug: fmt.Sprintf("job-%d", i), Grace: time.Hour,
				Schedule: schedule.Spec{Kind: schedule.Every, Period: 24 * time.Hour},
			},
		}, now())
		if _, err := st.CreateCheck(ctx, check, nil); err != nil {
			tb.Fatal(err)
		}
	}
	return ids
}

// BenchmarkSubmit measures a ping from Submit to its commit, without HTTP, with
// many clients at once on 2,000 checks.
func BenchmarkSubmit(b *testing.B) {
	st, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "bench.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	ids := seed(b, st, 2000)
	in := ingest.New(st, ingest.Options{Now: now, Log: slog.Default()})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- in.Run(ctx) }()
	b.SetParallelism(64)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			ping := monitor.Ping{Signal: monitor.Success, Scheme: "http", Method: "GET", RemoteAddr: "127.0.0.1", UserAgent: "curl/8"}
			if _, err := in.Submit(ctx, ingest.Report{Ref: store.Ref{UUID: ids[rand.IntN(len(ids))]}, Ping: ping}); err != nil {
				b.Error(err)
			}
		}
	})
	b.StopTimer()
	stop()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
