package importer_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/importer"
)

func TestTimers(t *testing.T) {
	for _, s := range []struct{ name, unit, checks, notes string }{
		{
			"a calendar", `
			[Unit]
			Description=Nightly
			OnCalendar=not here
			[Timer]
			OnCalendar=*-*-* 02:30:00
			Persistent=true
			[Install]
			WantedBy=timers.target`,
			"web1-backup-timer | backup.timer (web1) | *-*-* 02:30:00 | Europe/Riga | 1h0m0s", "",
		},
		{
			"several calendars are several lines", `
			[Timer]
			OnCalendar=Mon..Fri 09:00
			OnCalendar = Sat 12:00`,
			"web1-backup-timer | backup.timer (web1) | Mon..Fri 09:00 / Sat 12:00 | Europe/Riga | 1h0m0s", "",
		},
		{
			"an empty value takes back the others, as drop-ins do", `
			[Timer]
			OnCalendar=daily
			# /etc/systemd/system/backup.timer.d/more.conf
			[Timer]
			OnCalendar=
			OnCalendar=hourly`,
			"web1-backup-timer | backup.timer (web1) | hourly | Europe/Riga | 6m0s", "",
		},
		{
			"a delay by chance lengthens the grace", `
			[Timer]
			OnCalendar=hourly
			RandomizedDelaySec=1h 30min`,
			"web1-backup-timer | backup.timer (web1) | hourly | Europe/Riga | 1h36m0s", "",
		},
		{
			"a line that goes on", "\n[Timer]\nOnCalendar=\\\n; a comment within\n  *:0/15\n",
			"web1-backup-timer | backup.timer (web1) | *:0/15 | Europe/Riga | 5m0s", "",
		},
		{
			"every so often", `
			[Timer]
			OnBootSec=5min
			OnUnitActiveSec=2h`,
			"web1-backup-timer | backup.timer (web1) | every 2h0m0s |  | 12m0s", "",
		},
		{
			"both: the calendar counts", `
			[Timer]
			OnUnitActiveSec=2h
			OnCalendar=daily`,
			"web1-backup-timer | backup.timer (web1) | daily | Europe/Riga | 1h0m0s",
			"backup.timer: the check follows OnCalendar= alone, not OnUnitActiveSec=",
		},
		{
			"once after the start of the machine", `
			[Timer]
			OnBootSec=15min`,
			"", "backup.timer: OnBootSec= does not say how often it runs: no check; make one with a period for it",
		},
		{"nothing", "[Timer]", "", "backup.timer: has no OnCalendar= and no OnUnitActiveSec=: no check"},
		{
			"a calendar that is none", `
			[Timer]
			OnCalendar=fortnightly`,
			"", `backup.timer: not imported: schedule has a fault in "fortnightly"`,
		},
	} {
		t.Run(s.name, func(t *testing.T) {
			found, err := importer.ReadTimers([]importer.Unit{{Path: "/etc/systemd/system/backup.timer", Text: text(s.unit)}}, importer.Place{Zone: "Europe/Riga", Prefix: "web1"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s.checks, strings.TrimSpace(brief(found.Checks))); diff != "" {
				t.Errorf("checks: -want +got\n%s", diff)
			}
			if got := strings.TrimSpace(told(found.Notes)); got != s.notes && (s.notes == "" || !strings.HasPrefix(got, s.notes)) {
				t.Errorf("notes: got %q, want %q", got, s.notes)
			}
		})
	}
}

func TestUnitsAreToldApart(t *testing.T) {
	units := importer.SplitUnits(text(`
		# /usr/lib/systemd/system/a.timer
		# a comment
		[Timer]
		OnCalendar=daily

		# /etc/systemd/system/a.timer.d/often.conf
		[Timer]
		OnCalendar=
		OnCalendar=hourly

		# /etc/systemd/system/b@.timer
		[Timer]
		OnCalendar=daily
		# /etc/systemd/system/c.service
		[Service]
		ExecStart=/bin/true
		# /etc/systemd/system/d@home.timer
		[Timer]
		OnCalendar=weekly
		Unit=sync.service
		# /etc/systemd/system/e.timer
		[Timer]
		OnCalendar=monthly
		Unit=sync.service`))
	found, err := importer.ReadTimers(units, importer.Place{Zone: "UTC"})
	if err != nil {
		t.Fatal(err)
	}
	want := text(`
		a-timer | a.timer | hourly | UTC | 6m0s
		d-home-timer | d@home.timer | weekly | UTC | 1h0m0s
		e-timer | e.timer | monthly | UTC | 1h0m0s
		`)
	if diff := cmp.Diff(want, brief(found.Checks)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got, want := told(found.Notes), "b@.timer: is a template; give the files of its instances\n"; got != want {
		t.Errorf("notes %q, want %q", got, want)
	}
	var files strings.Builder
	for _, file := range found.DropIns(curlTo.URL) {
		files.WriteString(file.Path + "\n" + file.Text)
	}
	want = text(`
		/etc/systemd/system/a.service.d/rollcall.conf
		[Service]
		ExecStopPost=-/bin/sh -c 'case $$SERVICE_RESULT in success) end=0 ;; exit-code) end=$$EXIT_STATUS ;; *) end=fail ;; esac; curl -fsS -m 10 --retry 5 --retry-connrefused -o /dev/null https://r/ping/k/a-timer/"$$end"'
		/etc/systemd/system/sync.service.d/rollcall.conf
		[Service]
		ExecStopPost=-/bin/sh -c 'case $$SERVICE_RESULT in success) end=0 ;; exit-code) end=$$EXIT_STATUS ;; *) end=fail ;; esac; curl -fsS -m 10 --retry 5 --retry-connrefused -o /dev/null https://r/ping/k/d-home-timer/"$$end"'
		ExecStopPost=-/bin/sh -c 'case $$SERVICE_RESULT in success) end=0 ;; exit-code) end=$$EXIT_STATUS ;; *) end=fail ;; esac; curl -fsS -m 10 --retry 5 --retry-connrefused -o /dev/null https://r/ping/k/e-timer/"$$end"'
		`)
	if diff := cmp.Diff(want, files.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestDropInsStandWithTheAdministrators(t *testing.T) {
	for from, want := range map[string]string{
		"/etc/systemd/system/a.timer":                       "/etc/systemd/system/a.service.d/rollcall.conf",
		"/etc/systemd/system/timers.target.wants/a.timer":   "/etc/systemd/system/a.service.d/rollcall.conf",
		"/usr/lib/systemd/system/a.timer":                   "/etc/systemd/system/a.service.d/rollcall.conf",
		"/usr/lib/systemd/user/timers.target.wants/a.timer": "/etc/systemd/user/a.service.d/rollcall.conf",
		"/home/ann/.config/systemd/user/a.timer":            "/home/ann/.config/systemd/user/a.service.d/rollcall.conf",
	} {
		found, err := importer.ReadTimers([]importer.Unit{{Path: from, Text: "[Timer]\nOnCalendar=daily\n"}}, importer.Place{})
		if err != nil {
			t.Fatal(err)
		}
		if got := found.DropIns(curlTo.URL)[0].Path; got != want {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
}

// TestADropInReportsTheEnd runs what a drop-in has systemd run, with what
// systemd says of ends.
func TestADropInReportsTheEnd(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "curl"), []byte("#!/bin/sh\nfor last; do :; done\necho \"$last\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	found, err := importer.ReadTimers([]importer.Unit{{Path: "a.timer", Text: "[Timer]\nOnCalendar=daily\n"}}, importer.Place{})
	if err != nil {
		t.Fatal(err)
	}
	file := found.DropIns(func(slug string) string { return "https://r/it's/100%/" + slug })[0]
	_, script, _ := strings.Cut(strings.TrimSuffix(file.Text, "'\n"), "-c '")
	script = strings.NewReplacer(`\'`, `'`, `\\`, `\`, `$$`, `$`, `%%`, `%`).Replace(script)
	for end, want := range map[[2]string]string{
		{"success", "0"}:        "0",
		{"success", "143"}:      "0", // SuccessExitStatus=143
		{"exit-code", "3"}:      "3",
		{"signal", "KILL"}:      "fail",
		{"timeout", "TERM"}:     "fail",
		{"oom-kill", "9"}:       "fail",
		{"start-limit-hit", ""}: "fail",
	} {
		cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", script)
		cmd.Env = []string{"PATH=" + bin, "SERVICE_RESULT=" + end[0], "EXIT_STATUS=" + end[1]}
		out, err := cmd.Output()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("%s: %v %s", script, err, exit.Stderr)
		}
		if got, want := string(bytes.TrimSpace(out)), "https://r/it's/100%/a-timer/"+want; got != want {
			t.Errorf("%v: pinged %s, want %s", end, got, want)
		}
	}
}
