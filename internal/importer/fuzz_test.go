package importer_test

import (
	"encoding/json"
	"strings"
	"testing"

	"rollcall/internal/importer"
	"rollcall/internal/monitor"
)

// takable fails a test when a server would refuse one of the checks, or cannot
// tell two of them apart.
func takable(t *testing.T, found importer.Import) {
	t.Helper()
	seen := map[string]bool{}
	for _, c := range found.Checks {
		config := monitor.Config{
			Name: c.Name, Slug: c.Slug, Description: c.Description, Tags: c.Tags, Schedule: c.Schedule, Grace: c.Grace, MaxRuntime: c.MaxRuntime,
		}
		if r := c.Rules; r != nil {
			config.Filter = monitor.Filter{Start: r.Start, Success: r.Success, Fail: r.Failure}
		}
		valid, err := config.Valid()
		if err != nil || valid.Name != c.Name || c.Slug == "" || seen[c.Slug] {
			t.Errorf("%+v: %v", c, err)
		}
		seen[c.Slug] = true
	}
	for _, note := range found.Notes {
		if strings.ContainsAny(note.String(), "\n\x1b\x00") {
			t.Errorf("a note is not one line: %q", note)
		}
	}
}

func FuzzCrontab(f *testing.F) {
	f.Add("0 1 * * * /opt/backup 'a' %in\n@reboot x\nCRON_TZ=Asia/Tokyo\n*/5 * * * * root sh -c \"y; z\" # c\n", true)
	f.Add("SHELL=/bin/bash\r\n@daily su - x -c 'flock -n l -c \"curl https://u:p@h/\"'\n", false)
	f.Fuzz(func(t *testing.T, text string, system bool) {
		found, err := importer.ReadCrontabs([]importer.Crontab{{Name: "c", Text: text, System: system}}, importer.Place{Zone: "UTC", Prefix: "h"})
		if err != nil {
			return
		}
		takable(t, found.Import)
		for _, run := range []string{"", "/opt/rollcall"} {
			edited, _ := found.Edited(0, importer.Reporting{Run: run, URL: curlTo.URL})
			if got, want := strings.Count(edited, "\n"), strings.Count(text, "\n"); got != want {
				t.Errorf("%d lines became %d:\n%s", want, got, edited)
			}
		}
	})
}

func FuzzTimers(f *testing.F) {
	f.Add("# /etc/systemd/system/a.timer\n[Timer]\nOnCalendar=daily\\\n\nRandomizedDelaySec=1h 5min\n# /x/a.timer.d/b.conf\nOnUnitActiveSec=5M\nUnit=b.service\n")
	f.Fuzz(func(t *testing.T, text string) {
		found, err := importer.ReadTimers(importer.SplitUnits(text), importer.Place{Zone: "UTC"})
		if err != nil {
			return
		}
		takable(t, found.Import)
		for _, file := range found.DropIns(curlTo.URL) {
			if strings.Contains(file.Path, "\n") {
				t.Errorf("a path of several lines: %q", file.Path)
			}
		}
	})
}

func FuzzCronitor(f *testing.F) {
	f.Add("jobs:\n  a:\n    schedules: ['0 1 * * *', '0 2 * * *']\n    assertions: [metric.duration < 5 min]\n    grace_seconds: 60\n    tags: &t [x]\nheartbeats: {b: {schedule: every 5 minutes, tags: *t}}\n")
	f.Add("jobs: &a {x: *a}")
	f.Fuzz(func(t *testing.T, text string) {
		if found, err := importer.ReadCronitor(text, "UTC"); err == nil {
			takable(t, found)
		}
	})
}

func FuzzKuma(f *testing.F) {
	f.Add(`{"monitorList":[{"id":1,"type":"push","name":"a","interval":60,"maxretries":2,"retryInterval":60,"pushToken":"x","tags":[{"name":"n","value":"v"}],"active":1}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		if found, err := importer.ReadKuma(text); err == nil {
			takable(t, found)
		}
	})
}

func FuzzHealthchecks(f *testing.F) {
	f.Add(`{"name":"a","slug":"a","tags":"x y","timeout":60,"grace":60,"uuid":"u"}`, `{"name":"b","slug":"a","schedule":"* * * * *","tz":"UTC","grace":60,"status":"paused"}`)
	f.Fuzz(func(t *testing.T, one, two string) {
		if found, err := importer.ReadHealthchecks([]json.RawMessage{json.RawMessage(one), json.RawMessage(two)}); err == nil {
			takable(t, found)
		}
	})
}
