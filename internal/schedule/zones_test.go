package schedule_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/internal/schedule"
)

func TestZones(t *testing.T) {
	names := schedule.Zones()
	if len(names) < 400 || !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("%d zones, sorted: %v", len(names), slices.IsSorted(names))
	}
	for _, name := range []string{"UTC", "Europe/Kyiv", "Europe/Riga", "America/New_York", "Etc/GMT+5"} {
		if !slices.Contains(names, name) {
			t.Errorf("%s is missing", name)
		}
	}
	for _, name := range []string{"Europe/Kiev", "Etc/UTC", "EST", "US/Eastern", "Local", ""} {
		if slices.Contains(names, name) {
			t.Errorf("%q is offered", name)
		}
	}
	for _, name := range names {
		s := parse(t, cronIn(name, "0 0 * * *"))
		if s.Spec().Zone != name || s.Location().String() != name {
			t.Errorf("%s is stored as %s", name, s.Spec().Zone)
		}
	}
	names[0] = "changed"
	if schedule.Zones()[0] == "changed" {
		t.Error("a caller can change the list")
	}
}

// TestOldZones compares each old spelling with the name that is stored for it:
// nobody's jobs may move by it. Rules without a place (CET) were given one
// later, so only the time since counts.
func TestOldZones(t *testing.T) {
	text, err := os.ReadFile("zones.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		names := strings.Fields(line)
		for _, old := range names[1:] {
			s := parse(t, cronIn(old, "0 0 * * *"))
			if got := s.Spec().Zone; got != names[0] {
				t.Errorf("%s is stored as %s, not %s", old, got, names[0])
			}
			loc, err := time.LoadLocation(old)
			if err != nil {
				t.Fatal(err)
			}
			for day := at(t, "2020-01-01T00:30:00Z"); day.Year() < 2040; day = day.Add(7 * 24 * time.Hour) {
				if offset(day, loc) != offset(day, s.Location()) {
					t.Errorf("%s and %s differ at %v", old, names[0], day)
					break
				}
			}
		}
	}
}
