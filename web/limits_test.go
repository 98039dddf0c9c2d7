package web_test

import (
	"strconv"
	"testing"
	"time"

	"rollcall/web"
)

func TestLimiter(t *testing.T) {
	l := web.NewLimiter(3, time.Hour)
	start := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for _, step := range []struct {
		at    time.Duration
		key   string
		after time.Duration // 0: it is heard
	}{
		{0, "ines", 0},
		{0, "ines", 0},
		{0, "ines", 0},
		{0, "ines", 20 * time.Minute},
		{5 * time.Minute, "ines", 15 * time.Minute},
		{5 * time.Minute, "tomas", 0},
		{20 * time.Minute, "ines", 0},
		{20 * time.Minute, "ines", 20 * time.Minute},
		{2 * time.Hour, "ines", 0},
		{2 * time.Hour, "ines", 0},
		{2 * time.Hour, "ines", 0},
		{2 * time.Hour, "ines", 20 * time.Minute},
	} {
		after, ok := l.Take(step.key, start.Add(step.at))
		if ok != (step.after == 0) || after.Round(time.Second) != step.after {
			t.Errorf("%s after %v: %v %v, want %v", step.key, step.at, ok, after, step.after)
		}
	}
	l.Forget("ines")
	if _, ok := l.Take("ines", start.Add(2*time.Hour)); !ok {
		t.Error("the tries did not come back")
	}
}

// A flood of made-up keys is forgotten; the one that is used all the time is not.
func TestLimiterIsBounded(t *testing.T) {
	l, now := web.NewLimiter(1, time.Hour), time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	l.Take("guessed", now)
	for i := range 50_000 {
		if _, ok := l.Take(strconv.Itoa(i), now); !ok {
			t.Fatalf("key %d is not heard", i)
		}
		if i%5_000 == 0 {
			if _, ok := l.Take("guessed", now); ok {
				t.Fatal("the flood gave a key its tries back")
			}
		}
	}
	if n := l.Keys(); n > 20_000 {
		t.Errorf("%d keys are remembered", n)
	}
}
