package clienttest_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var anyUUID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// The library of the Terraform provider takes a check through its life.
func testHealthchecksIO(t *testing.T, s *site, program string) {
	got := run(t, nil, program, s.URL("/api/v1"), apiKey)
	if got.exit != 0 || got.stderr != "" {
		t.Fatalf("%+v", got)
	}
	said := anyUUID.ReplaceAllString(strings.ReplaceAll(got.stdout, s.URL(""), "ROLLCALL"), "UUID")
	check := func(members string) string {
		return `{` + members + `"pause_url":"ROLLCALL/api/v1/checks/UUID/pause","ping_url":"ROLLCALL/ping/UUID",`
	}
	const update = `"update_url":"ROLLCALL/api/v1/checks/UUID"}`
	later := check(`"desc":"Look at the tape","grace":900,"methods":"POST","name":"Nightly Backup","slug":"nightly-backup",`)
	want := []string{
		`[{"id":"UUID","kind":"email","name":"Desk"}]`,
		check(`"channels":"UUID","grace":900,"name":"Nightly Backup","slug":"nightly-backup",`) + `"schedule":"0 4 * * *","status":"new","tags":"prod db","tz":"Europe/Riga",` + update,
		check(`"grace":900,"name":"Nightly Backup","slug":"nightly-backup",`) + `"status":"new","tags":"prod db","timeout":7200,` + update,
		later + `"status":"new","tags":"prod db","timeout":7200,` + update,
		later + `"status":"paused","tags":"prod db","timeout":7200,` + update,
		`2`,
		`error: json validation error: schedule is not a valid cron or OnCalendar expression. POST ROLLCALL/api/v1/checks/UUID >> 400 Bad Request`,
		later + `"status":"paused","tags":"prod db","timeout":7200,` + update,
		`error: not found. DELETE ROLLCALL/api/v1/checks/UUID >> 404 Not Found`,
		`error: missing api key. GET ROLLCALL/api/v1/checks/ >> 401 Unauthorized`,
	}
	if diff := cmp.Diff(want, strings.Split(said, "\n")); diff != "" {
		t.Errorf("the client saw (-want +got):\n%s", diff)
	}
}
