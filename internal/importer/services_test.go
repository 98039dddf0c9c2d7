package importer_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/importer"
	"rollcall/internal/schedule"
)

func documents(texts ...string) []json.RawMessage {
	list := make([]json.RawMessage, len(texts))
	for i, text := range texts {
		list[i] = json.RawMessage(text)
	}
	return list
}

func TestHealthchecks(t *testing.T) {
	found, err := importer.ReadHealthchecks(documents(
		`{"name":"DB backup","slug":"db-backup","tags":"prod db","desc":"dumps","grace":1800,"status":"up","manual_resume":true,
		  "methods":"POST","start_kw":"begin","success_kw":"done","failure_kw":"error","filter_subject":true,"filter_body":true,
		  "filter_http_body":true,"filter_default_fail":true,"timeout":3600,"uuid":"5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91",
		  "ping_url":"https://hc-ping.com/x","channels":"","n_pings":3,"last_ping":null}`,
		`{"name":"db-two","slug":"","tags":"","grace":60,"schedule":"0 3 * * 1-5","tz":"Europe/Riga","status":"paused","uuid":"5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e92"}`,
		`{"name":"Two","slug":"db-two","grace":60,"schedule":"Mon *-*-* 03:00","tz":"UTC","unique_key":"abc"}`,
		`{"name":"","slug":"db-two","grace":60,"timeout":60}`,
		`{"name":"Broken","slug":"broken","grace":60,"schedule":"never","tz":"UTC"}`,
		`{"name":7}`,
	))
	if err != nil {
		t.Fatal(err)
	}
	want := []importer.Check{
		{
			Name: "DB backup", Slug: "db-backup", Description: "dumps", Tags: []string{"prod", "db"},
			Schedule: schedule.Spec{Kind: schedule.Every, Period: time.Hour}, Grace: 30 * time.Minute,
			UUID:  "5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91",
			Rules: &importer.Rules{ManualResume: true, PostOnly: true, Start: "begin", Success: "done", Failure: "error", Subject: true, Body: true, HTTPBody: true, DefaultFail: true},
		},
		{
			Name: "db-two", Slug: "db-two-3", Grace: time.Minute, UUID: "5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e92",
			Schedule: schedule.Spec{Kind: schedule.Cron, Expr: "0 3 * * 1-5", Zone: "Europe/Riga"}, Rules: &importer.Rules{},
		},
		{Name: "Two", Slug: "db-two", Grace: time.Minute, Schedule: schedule.Spec{Kind: schedule.OnCalendar, Expr: "Mon *-*-* 03:00", Zone: "UTC"}, Rules: &importer.Rules{}},
		{Name: "db-two", Slug: "db-two-2", Grace: time.Minute, Schedule: schedule.Spec{Kind: schedule.Every, Period: time.Minute}, Rules: &importer.Rules{}},
	}
	if diff := cmp.Diff(want, found.Checks); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	notes := []string{
		"check 6: not imported: it is not what Healthchecks shows: ",
		"db-two: its slug is another one's too, and is db-two-2 here: change the address of jobs that ping by slug",
		"db-two: is paused there, and is watched here from its first ping on; rollcall checks pause db-two-3 pauses it",
		`Broken: not imported: schedule `,
		"the checks keep their UUIDs: in the ping addresses of the jobs, only the host changes",
		"the API key does not tell the UUIDs, so the ping addresses are new ones; with a read-write key the old ones are kept",
	}
	checkNotes(t, found.Notes, notes)
}

// checkNotes compares notes with their beginnings.
func checkNotes(t *testing.T, notes []importer.Note, want []string) {
	t.Helper()
	for i := range max(len(notes), len(want)) {
		switch {
		case i >= len(want):
			t.Errorf("a note too many: %s", notes[i])
		case i >= len(notes):
			t.Errorf("a note is missing: %s", want[i])
		case !strings.HasPrefix(notes[i].String(), want[i]):
			t.Errorf("note %q, want %q", notes[i], want[i])
		}
	}
}

func TestKuma(t *testing.T) {
	found, err := importer.ReadKuma(`{"version":"1.23.11","notificationList":[{"id":1,"name":"mail"}],"monitorList":[
		{"id":1,"name":"Backup","type":"push","interval":86400,"retryInterval":600,"maxretries":3,"resendInterval":0,"active":true,"description":null,
		 "pushToken":"Aq3xY7Bm2k","notificationIDList":{"1":true},"tags":[{"tag_id":1,"monitor_id":1,"value":"","name":"prod","color":"#f00"},{"value":"riga 2","name":"site"}]},
		{"id":2,"name":"Website","type":"http","url":"https://example.org","interval":60},
		{"id":3,"name":"Резерв","type":"push","interval":300,"retryInterval":60,"maxretries":0,"active":0,"upsideDown":1,"pushToken":"0123456789abcdef0123456789abcdef"},
		{"id":4,"name":"Backup","type":"push","interval":20,"pushToken":null,"notificationIDList":{}},
		{"id":5,"name":"Odd","type":"push","interval":"often"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	want := []importer.Check{
		{
			Name: "Backup", Slug: "backup", Tags: []string{"prod", "site=riga-2"}, Grace: 30 * time.Minute,
			Schedule: schedule.Spec{Kind: schedule.Every, Period: 24 * time.Hour}, Tokens: []importer.Token{{Dialect: "kuma", Token: "Aq3xY7Bm2k"}},
		},
		{
			Name: "Резерв", Slug: "kuma-3", Grace: time.Minute,
			Schedule: schedule.Spec{Kind: schedule.Every, Period: 5 * time.Minute}, Tokens: []importer.Token{{Dialect: "kuma", Token: "0123456789abcdef0123456789abcdef"}},
		},
		{Name: "Backup", Slug: "backup-2", Grace: time.Minute, Schedule: schedule.Spec{Kind: schedule.Every, Period: time.Minute}},
	}
	if diff := cmp.Diff(want, found.Checks); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	checkNotes(t, found.Notes, []string{
		"Резерв: is paused there, and is watched here from its first ping on; rollcall checks pause kuma-3 pauses it",
		"Резерв: is upside down there: it wants silence, and a check wants pings",
		"Backup: has no push token, so its job needs the new ping address",
		"Backup: runs every 20s, and the shortest period is 1m0s, which it has here",
		"monitor 5: not imported: it is not what Uptime Kuma exports: ",
		"the checks keep their push tokens: in the addresses of the jobs, only the host changes",
		"not imported: 1 monitor that Uptime Kuma itself asks",
		"notifications are not imported; all channels of the project are told",
	})

	for text, want := range map[string]string{
		"":                     "file is not a backup of Uptime Kuma as JSON",
		"[]":                   "file is not a backup of Uptime Kuma as JSON",
		`{"monitorList":true}`: "file is not a backup of Uptime Kuma as JSON",
	} {
		if _, err := importer.ReadKuma(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if found, err := importer.ReadKuma("{}"); err != nil || told(found.Notes) != "the file has no monitorList; is it a backup of Uptime Kuma?\n" {
		t.Error(told(found.Notes), err)
	}
}

func TestCronitor(t *testing.T) {
	found, err := importer.ReadCronitor(`
jobs:
  nightly-backup:
    name: Nightly backup
    schedule: "0 3 * * *"
    timezone: Europe/Riga
    grace_seconds: 600
    schedule_tolerance: 1
    tags: [prod, data base]
    group: backups
    note: dumps everything
    notify: [default, ops]
    failure_tolerance: 2
    realert_interval: every 8 hours
    assertions:
      - metric.duration < 5 min
      - metric.duration < 1 hour
      - metric.error_count < 5
  Reports:
    schedules:
      - 0 6 * * *
      - 0 18 * * *
  reports:
    schedule: every 2 hours
  mixed:
    schedules: ["0 6 * * *", "30 7 * * 1"]
    paused: true
  idle: {name: Idle, notify: null, environments: []}
heartbeats:
  worker:
    schedule: every 5 minutes
    consecutive_alert_threshold: 1
  hourly:
    schedule: every hour
  odd:
    schedule: now and then
    name: [a list]
checks:
  website:
    request: {url: https://example.org}
`, "UTC")
	if err != nil {
		t.Fatal(err)
	}
	want := []importer.Check{
		{
			Name: "Nightly backup", Slug: "nightly-backup", Description: "dumps everything", Tags: []string{"backups", "prod", "data-base"},
			Schedule: schedule.Spec{Kind: schedule.Cron, Expr: "0 3 * * *", Zone: "Europe/Riga"},
			Grace:    24*time.Hour + 10*time.Minute, MaxRuntime: new(5 * time.Minute),
		},
		{Name: "Reports", Slug: "reports", Schedule: schedule.Spec{Kind: schedule.Cron, Expr: "0 6,18 * * *", Zone: "UTC"}, Grace: time.Hour},
		{Name: "reports", Slug: "reports-2", Schedule: schedule.Spec{Kind: schedule.Every, Period: 2 * time.Hour}, Grace: 12 * time.Minute},
		{Name: "mixed", Slug: "mixed", Schedule: schedule.Spec{Kind: schedule.Cron, Expr: "0 6 * * *", Zone: "UTC"}, Grace: time.Hour},
		{Name: "worker", Slug: "worker", Schedule: schedule.Spec{Kind: schedule.Every, Period: 5 * time.Minute}, Grace: 5 * time.Minute},
		{Name: "hourly", Slug: "hourly", Schedule: schedule.Spec{Kind: schedule.Every, Period: time.Hour}, Grace: 6 * time.Minute},
	}
	if diff := cmp.Diff(want, found.Checks); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	checkNotes(t, found.Notes, []string{
		"Nightly backup: tolerates 1 missed schedules there; its grace is longer by that",
		`Nightly backup: without counterpart: the assertions "metric.error_count < 5"`,
		"Nightly backup: without counterpart: notify, failure_tolerance, realert_interval",
		`reports: its key "reports" does not lead to this check: change it to reports-2 in the job`,
		`mixed: has several schedules, of which the check has the first; without counterpart: "30 7 * * 1"`,
		"mixed: is paused there, and is watched here from its first ping on; rollcall checks pause mixed pauses it",
		"Idle: not imported: it has no schedule, so nothing would be missed",
		"worker: without counterpart: consecutive_alert_threshold",
		"odd: without counterpart: name",
		`odd: not imported: schedule needs five fields`,
		"not imported: 1 monitor that Cronitor itself asks",
	})

	for text, want := range map[string]string{
		"":             "file has no jobs and no heartbeats;",
		"- a":          "file has no jobs and no heartbeats;",
		"jobs: [a]":    "file has no monitors under jobs or heartbeats;",
		"other: {}":    "file has no monitors under jobs or heartbeats;",
		"jobs: {a: \t": "file is not YAML: ",
	} {
		if _, err := importer.ReadCronitor(text, "UTC"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestWhatIsTooLongIsCutAndTold(t *testing.T) {
	long := strings.Repeat("ä", 20_000)
	doc, err := json.Marshal(map[string]any{
		"name": long, "slug": strings.Repeat("s", 300), "desc": long, "tags": strings.Repeat("t", 300) + " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20",
		"success_kw": long, "timeout": int64(1) << 62, "grace": -5, "uuid": "u",
	})
	if err != nil {
		t.Fatal(err)
	}
	found, err := importer.ReadHealthchecks([]json.RawMessage{doc})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Checks) != 0 {
		t.Errorf("a period of ages was taken: %v", found.Checks[0].Schedule)
	}
	doc = []byte(strings.Replace(string(doc), `"timeout":4611686018427387904`, `"timeout":60`, 1))
	if found, err = importer.ReadHealthchecks([]json.RawMessage{doc}); err != nil || len(found.Checks) != 1 {
		t.Fatal(err, told(found.Notes))
	}
	c := found.Checks[0]
	for what, got := range map[string][2]int{
		"name":        {len([]rune(c.Name)), 100},
		"slug":        {len(c.Slug), 100},
		"description": {len([]rune(c.Description)), 10_000},
		"keywords":    {len([]rune(c.Rules.Success)), 200},
		"tags":        {len(c.Tags), 20},
		"first tag":   {len(c.Tags[0]), 50},
		"grace":       {int(c.Grace), int(time.Minute)},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d, want %d", what, got[0], got[1])
		}
	}
	short := string([]rune(c.Name))
	checkNotes(t, found.Notes, []string{
		short + ": its slug is another one's too, and is " + c.Slug,
		short + ": its description was cut to 10000 characters",
		short + ": its list of keywords was cut to 200 characters",
		short + ": has 21 tags, of which the first 20 were taken",
		"the checks keep their UUIDs: ",
	})
}
