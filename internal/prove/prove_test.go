package prove_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/prove"
)

func TestTalliesAddUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tallies")
	t.Setenv(prove.Env, path)
	t.Setenv(prove.FormEnv, "long")
	if got, want := prove.Scale(1, 7), 7; got != want {
		t.Errorf("long form tries %d times, want %d", got, want)
	}
	prove.Report(t, "LOST: b", 3, 0)
	prove.Report(t, "EARLY: a", 2, 1)
	t.Run("again", func(t *testing.T) { prove.Report(t, "LOST: b", 4, 2) })
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	got, err := prove.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	want := []prove.Tally{
		{"EARLY: a", 2, 1, "TestTalliesAddUp"},
		{"LOST: b", 7, 2, "TestTalliesAddUp, TestTalliesAddUp/again"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheShortForm(t *testing.T) {
	t.Setenv(prove.Env, "")
	if got, want := prove.Scale(1, 7), 1; got != want {
		t.Errorf("short form tries %d times, want %d", got, want)
	}
	prove.Report(t, "LOST: b", 3, 0)

	path := filepath.Join(t.TempDir(), "tallies")
	t.Setenv(prove.Env, path)
	t.Setenv(prove.FormEnv, "short")
	if got, want := prove.Scale(1, 7), 1; got != want {
		t.Errorf("the short form with a file tries %d times, want %d", got, want)
	}
}
