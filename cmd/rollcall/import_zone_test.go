package main

import (
	"os"
	"path/filepath"
	"testing"
)

// It stands in package main, because no command prints the zone of a machine
// other than this one.
func TestTheZoneOfAMachine(t *testing.T) {
	for name, test := range map[string]struct{ timezone, localtime, want string }{
		"Debian writes it down":            {"Europe/Riga\n", "/usr/share/zoneinfo/Etc/UTC", "Europe/Riga"},
		"others link to its file":          {"", "../usr/share/zoneinfo/America/Argentina/Ushuaia", "America/Argentina/Ushuaia"},
		"an empty file says nothing":       {"\n", "/usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo"},
		"a link to elsewhere says nothing": {"", "/etc/somewhere", "UTC"},
		"a machine that does not say it":   {"", "", "UTC"},
	} {
		root := t.TempDir()
		if err := os.Mkdir(filepath.Join(root, "etc"), 0o700); err != nil {
			t.Fatal(err)
		}
		if test.timezone != "" {
			if err := os.WriteFile(filepath.Join(root, "etc/timezone"), []byte(test.timezone), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if test.localtime != "" {
			if err := os.Symlink(test.localtime, filepath.Join(root, "etc/localtime")); err != nil {
				t.Fatal(err)
			}
		}
		if got := machineZone(root); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
