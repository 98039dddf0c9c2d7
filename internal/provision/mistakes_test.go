package provision_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/provision"
)

// Every mistake is told with its line, in one line, and changes nothing.
func TestMistakesAreTold(t *testing.T) {
	project := func(members ...string) string {
		return "projects:\n  - name: Main\n    owner: ops@example.org\n    " + strings.Join(members, "\n    ") + "\n"
	}
	check := func(member string) string {
		return project("checks:", "  - {name: N, slug: n, "+member+"}")
	}
	channel := func(members string) string {
		return project("channels:", "  - {name: c, "+members+"}")
	}
	const key = "abcdefghijklmnopqrstuv"
	s := newSite(t)
	s.write("empty", "\n")
	before := s.dump()
	for name, test := range map[string]struct{ text, want string }{
		"empty":              {"", ":1: the file is empty; it describes no projects"},
		"comment only":       {"# nothing\n", ":1: the file is empty; it describes no projects"},
		"no YAML":            {"projects: [\n", ":1: not valid YAML, here or soon after: did not find expected node content"},
		"YAML with a tab":    {"projects:\n  - name: a\n\tb: c\n", ":2: not valid YAML, here or soon after: found a tab character that violates indentation"},
		"no YAML at its end": {"projects: []\n--- [\n", ":2: not valid YAML, here or soon after: did not find expected node content"},
		"unknown anchor":     {"projects:\n  - name: *main\n", ":2: not valid YAML, here or soon after: unknown anchor 'main' referenced"},
		"Latin-1":            {"projects:\n  - name: M\xe4in\n", ":2: the file is not in UTF-8"},
		"control character":  {"projects:\n\n  - name: M\x1bin\n", ":3: the file contains the control character U+001B; remove it"},
		"two documents":      {"projects: []\n---\nprojects: []\n", ":2: the file goes on after its end; remove the line ---"},
		"not members":        {"- a\n", ":1: the file is written as members, such as name: …"},
		"unknown at top":     {"project: []\n", `:1: the file has no member "project"; it takes projects`},
		"projects no list":   {"projects: {name: Main}\n", ":1: projects must be a list"},
		"unknown member":     {project("color: red"), `:4: a project has no member "color"; it takes api_key, api_key_file, api_key_readonly, api_key_readonly_file, channels, checks, name, owner, ping_key, ping_key_file`},
		"member twice":       {project("name: Other"), ":4: name stands twice; the first is in line 2"},
		"no name":            {"projects:\n  - owner: ops@example.org\n", `:2: project "": name must be 1 to 100 characters`},
		"no owner":           {"projects:\n  - name: Main\n", `:2: project "Main": owner must be one plain e-mail address, such as ops@example.org`},
		"bad owner":          {"projects:\n  - name: Main\n    owner: Ops <ops@example.org>\n", `:3: project "Main": owner must be one plain e-mail address, such as ops@example.org`},
		"null":               {"projects:\n  - name:\n", ":2: name is empty; leave it out instead"},
		"list for a value":   {"projects:\n  - name: [a]\n", ":2: name must be one value"},
		"short ping key":     {project("ping_key: abc"), `:4: project "Main": ping_key must be 22 lower-case letters and digits`},
		"short API key":      {project("api_key: abc"), `:4: project "Main": api_key must be 32 printable characters without spaces`},
		"bad read-only key":  {project("api_key_readonly: abc"), `:4: project "Main": api_key_readonly must be 32 printable characters without spaces`},
		"key twofold":        {project("ping_key: "+key, "ping_key_file: state.yml"), `:5: project "Main": ping_key and ping_key_file exclude each other`},
		"no such file":       {project("ping_key_file: /nowhere/key"), ":4: ping_key_file cannot be read: open /nowhere/key: no such file or directory"},
		"empty file":         {project("ping_key_file: empty"), ":4: ping_key_file names a file that is empty: DIR/empty"},
		"bad key in a file":  {project("ping_key_file: state.yml"), `:4: project "Main": ping_key must be 22 lower-case letters and digits`},
		"project twice":      {project() + "  - {name: Main, owner: ops@example.org}\n", `:5: the name of project "Main" is already that of line 2`},
		"ping key twice":     {project("ping_key: "+key) + "  - {name: B, owner: ops@example.org, ping_key: " + key + "}\n", `:5: the ping_key of project "B" is already that of line 2`},
		"API key twice":      {project("api_key: "+key+"0123456789", "api_key_readonly: "+key+"0123456789"), `:2: the api_key of project "Main" is already that of line 2`},
		"channel twice":      {project("channels:", "  - {name: c, kind: email, address: a@example.org}", "  - {name: c, kind: email, address: b@example.org}"), `:6: the name of channel "c" is already that of line 5`},
		"slug twice":         {project("checks:", "  - {name: A, slug: a, period: 5m}", "  - {name: B, slug: a, period: 5m}"), `:6: the slug of check "a" is already that of line 5`},
		"uuid twice":         {project("checks:", "  - {name: A, slug: a, period: 5m, uuid: 5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91}", "  - {name: B, slug: b, period: 5m, uuid: 5F0B6A3E-8c1d-4e57-9a44-2d1f6c0b7e91}"), `:6: the uuid of check "b" is already that of line 5`},
		"channel unknown":    {check("period: 5m, channels: [pager]"), `:5: check "n" is told to the channel "pager", which project "Main" does not list`},
		"channel kind":       {channel("kind: sms"), `:5: channel "c": kind is either email or webhook`},
		"channel no address": {channel("kind: email"), `:5: channel "c": address is missing; one address, such as ops@example.org`},
		"mail with url":      {channel("kind: email, address: a@example.org, url: https://example.org"), `:5: channel "c": url means nothing to the kind email`},
		"hook with address":  {channel("kind: webhook, url: https://example.org, address: a@example.org"), `:5: channel "c": address means nothing to the kind webhook`},
		"hook scheme":        {channel("kind: webhook, url: ftp://example.org"), `:5: channel "c": url must begin with http:// or https://`},
		"hook secret":        {channel("kind: webhook, url: https://example.org, secret: abc"), `:5: channel "c": secret must be whsec_ and the base64 of 24 to 64 bytes; leave it empty to get a new one`},
		"no slug":            {project("checks:", "  - {name: N, period: 5m}"), `:5: check "N": slug is missing; it is what the check is known by when the file is read again, unless its uuid is given`},
		"bad slug":           {project("checks:", "  - {name: N, slug: Ä, period: 5m}"), `:5: check "Ä": slug takes up to 100 of a–z, 0–9, - and _`},
		"no schedule":        {check("grace: 5m"), `:5: check "n": schedule is missing; give schedule: "0 3 * * *" or period: 5m`},
		"schedule":           {check(`schedule: "61 * * * *"`), `:5: check "n": schedule WORDS`},
		"timezone":           {check(`schedule: "0 3 * * *", timezone: Riga`), `:5: check "n": timezone WORDS`},
		"both schedules":     {check(`period: 5m, schedule: "@daily"`), `:5: check "n": period and schedule exclude each other`},
		"zone of a period":   {check("period: 5m, timezone: UTC"), `:5: check "n": timezone means nothing to a period`},
		"period no time":     {check("period: often"), ":5: period must be a time such as 90s, 5m, 1h30m or 2d, or a number of seconds"},
		"period unit":        {check("period: 5y"), ":5: period must be a time such as 90s, 5m, 1h30m or 2d, or a number of seconds"},
		"period negative":    {check("period: -5m"), ":5: period must be a time such as 90s, 5m, 1h30m or 2d, or a number of seconds"},
		"period too big":     {check("period: 99999999999d"), ":5: period must be a time such as 90s, 5m, 1h30m or 2d, or a number of seconds"},
		"grace zero":         {check("period: 5m, grace: 0"), `:5: check "n": grace must be from 1 second to 365 days, in whole seconds`},
		"threshold of zero":  {check("period: 5m, threshold: 0"), `:5: check "n": threshold must be from 1 to 720 bad results in a row; leave it out to be told of the first`},
		"threshold of words": {check("period: 5m, threshold: two"), `:5: threshold must be a whole number`},
		"runtime too long":   {check("period: 5m, max_runtime: 366d"), `:5: check "n": max_runtime must be from 1 second to 365 days, in whole seconds`},
		"flag":               {check("period: 5m, post_only: maybe"), ":5: post_only must be true or false"},
		"tags no list":       {check("period: 5m, tags: db"), ":5: tags must be a list"},
		"filter without in":  {check("period: 5m, filter_fail: [ERROR]"), `:5: check "n": filter_in is missing; it says where the keywords are looked for: [body, subject, mail]`},
		"filter elsewhere":   {check("period: 5m, filter_in: [header]"), `:5: check "n": filter_in takes body (of HTTP pings), subject and mail (the text of mails)`},
		"filter otherwise":   {check("period: 5m, filter_in: [body], filter_default: success"), `:5: check "n": filter_default is either fail or ignore`},
		"keyword with comma": {check("period: 5m, filter_in: [body], filter_start: ['a,b']"), `:5: check "n": filter_start has a keyword with a comma; write each one as its own item`},
		"keywords too long":  {check("period: 5m, filter_in: [body], filter_success: [" + strings.Repeat("x", 201) + "]"), `:5: check "n": filter_success is longer than 200 characters`},
		"token no object":    {check("period: 5m, tokens: [abc]"), `:5: a token is written as members, such as name: …`},
		"token weak":         {check("period: 5m, tokens: [{dialect: kuma, token: aaaaaaaa}]"), `:5: a token: token is too easy to guess; at least 8 characters, 5 of them different`},
		"token of nobody":    {check("period: 5m, tokens: [{token: aB3dE5gH}]"), `:5: a token: dialect is the service that the token comes from: alertmanager, appsignal, WORDS`},
		"token twice":        {check("period: 5m, tokens: [{dialect: kuma, token: aB3dE5gH}, {dialect: cronhub, token: aB3dE5gH}]"), `:5: a token of check "n" is already that of line 5`},
		"uuid":               {check("period: 5m, uuid: 5f0b"), `:5: check "n": uuid is none; it looks like 5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91`},
		"the second line":    {project("checks:", "  - name: N", "    slug: n", "    period: 5m", "    grace: 0"), `:8: check "n": grace must be from 1 second to 365 days, in whole seconds`},
	} {
		t.Run(name, func(t *testing.T) {
			s := s
			s.T = t
			_, err := s.apply(test.text, now)
			want := filepath.Join(s.dir, "state.yml") + strings.ReplaceAll(test.want, "DIR", s.dir)
			if begin, theirs := strings.CutSuffix(want, "WORDS"); theirs { // package schedule's, whatever they are
				if err == nil || !strings.HasPrefix(err.Error(), begin) {
					t.Errorf("error:\n%v\nwant it to begin:\n%s", err, begin)
				}
			} else if err == nil || err.Error() != want {
				t.Errorf("error:\n%v\nwant:\n%s", err, want)
			}
			if diff := cmp.Diff(before, s.dump()); diff != "" {
				t.Errorf("something was written:\n%s", diff)
			}
		})
	}
}

// Aliases of aliases stand for more than anybody could store; a list that holds
// itself has no end.
func TestFileThatGrowsIsRefused(t *testing.T) {
	var doubling strings.Builder
	doubling.WriteString("projects: &a0 [x, x]\n")
	for i := range 30 {
		fmt.Fprintf(&doubling, "a%d: &a%d [*a%d, *a%d]\n", i+1, i+1, i, i)
	}
	for name, text := range map[string]string{"doubling": doubling.String(), "endless": "projects: &a [*a]\n"} {
		_, err := provision.Parse([]byte(text))
		if want := "line 1: the file holds more than 1000000 values, those behind aliases included"; err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// What contradicts the database is told like a mistake, before anything is written.
func TestContradictionsAreTold(t *testing.T) {
	const stored = `
projects:
  - name: Main
    owner: ops@example.org
    ping_key: abcdefghijklmnopqrstuv
    api_key: rw345678901234567890123456789012
    channels: [{name: c, kind: email, address: ops@example.org}]
    checks: [{name: N, slug: n, period: 5m, uuid: 5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91, tokens: [{dialect: kuma, token: aB3dE5gH}]}]
`
	// New comes first in each file, so that anything written early would show.
	const first = "projects:\n  - {name: New, owner: new@example.org}\n  - name: %\n    owner: ops@example.org\n    "
	for name, test := range map[string]struct{ text, want string }{
		"kind of a channel": {
			strings.Replace(first, "%", "Main", 1) + "channels: [{name: c, kind: webhook, url: 'https://example.org'}]\n",
			`:5: channel "c" exists with the kind email, which cannot be changed`,
		},
		"uuid of a check": {
			strings.Replace(first, "%", "Main", 1) + "checks: [{name: N, slug: n, period: 5m, uuid: 00000000-0000-4000-8000-000000000001}]\n",
			`:5: check "n" exists with another uuid, which cannot be changed`,
		},
		"uuid of another": {
			strings.Replace(first, "%", "Other", 1) + "checks: [{name: N, slug: n, period: 5m, uuid: 5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91}]\n",
			`:5: the uuid of check "n" is that of another check`,
		},
		"key of another project": {
			strings.Replace(first, "%", "Other", 1) + "api_key: rw345678901234567890123456789012\n",
			`:3: the api_key of project "Other" is in use for something else`,
		},
		"key of another kind": {
			strings.Replace(first, "%", "Main", 1) + "api_key_readonly: rw345678901234567890123456789012\n",
			`:3: the api_key_readonly of project "Main" is in use for something else`,
		},
		"token of another": {
			strings.Replace(first, "%", "Main", 1) + "checks: [{name: O, slug: o, period: 5m, tokens: [{dialect: kuma, token: aB3dE5gH}]}]\n",
			`:5: a token of check "o" is that of another check`,
		},
		"one check twice": {
			strings.Replace(first, "%", "Main", 1) + "checks:\n" +
				"      - {name: N, slug: n, period: 5m}\n" +
				"      - {name: N, uuid: 5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91, period: 5m}\n",
			`:7: check "N" is the check that line 6 describes by its uuid or slug`,
		},
		"new webhook without url": {
			strings.Replace(first, "%", "Main", 1) + "channels: [{name: hook, kind: webhook}]\n",
			`:5: channel "hook" is new, so it needs its url, such as https://example.org/hook`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.mustApply(stored, now)
			before := s.dump()
			_, err := s.apply(test.text, now)
			if want := filepath.Join(s.dir, "state.yml") + test.want; err == nil || err.Error() != want {
				t.Errorf("error:\n%v\nwant:\n%s", err, want)
			}
			if diff := cmp.Diff(before, s.dump()); diff != "" {
				t.Errorf("something was written:\n%s", diff)
			}
		})
	}
}

func TestMissingFileIsTold(t *testing.T) {
	_, err := provision.Load("/nowhere/state.yml")
	if want := "read the provision file: open /nowhere/state.yml: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("error = %v, want %s", err, want)
	}
}
