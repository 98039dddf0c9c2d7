package provision_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rollcall/internal/account"
	"rollcall/internal/provision"
)

// complete has every member of the file's form, but for the API keys.
const complete = `
projects:
  - name: Main
    owner: ops@example.org
    ping_key: abcdefghijklmnopqrstuv
    channels:
      - {name: hook, kind: webhook, url: "https://a.example.org/SECRETPATH", secret: whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB}
      - {name: ops-mail, kind: email, address: ops@example.org}
    checks:
      - name: Nightly
        slug: nightly
        uuid: 5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91
        description: |-
          Dumps the database.
          Call Ann.
        tags: [db, prod]
        schedule: 0 3 * * *
        timezone: Europe/Riga
        grace: 30m
        max_runtime: 1h30m
        threshold: 3
        manual_resume: true
        post_only: true
        filter_in: [body, mail]
        filter_fail: [ERROR, FATAL]
        filter_success: [done]
        filter_start: [begin]
        filter_default: fail
        channels: [hook]
        tokens: [{dialect: kuma, token: aB3dE5gH}]
      - name: Worker
        slug: worker
        period: 5m
        grace: 2m
`

// other is complete with every member changed that can be.
const other = `
projects:
  - name: Main
    owner: ops@example.org
    ping_key: bbbbbbbbbbbbbbbbbbbbbb
    api_key: rw345678901234567890123456789012
    channels:
      - {name: hook, kind: webhook, url: "https://b.example.org/SECRETPATH", secret: whsec_QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC}
      - {name: ops-mail, kind: email, address: dev@example.org}
    checks:
      - name: Every night
        slug: at-night
        uuid: 5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91
        tags: [prod]
        period: 1d
        grace: 36h
        filter_in: [subject]
        filter_success: ["yes"]
        channels: []
        tokens: [{dialect: cronhub, token: 9f8e7d6c5b}]
      - name: Worker
        slug: worker
        period: 300
        grace: 120s
`

// plan parses what a client of the project of these tests sends.
func (s site) plan(text string, options provision.Options) (provision.Plan, error) {
	s.Helper()
	doc, err := provision.Parse([]byte(text))
	if err != nil {
		return provision.Plan{}, err
	}
	p, _ := s.project("ops@example.org")
	return doc.PlanFor(s.Context(), s.Store, p, options)
}

func (s site) mustPlan(text string, options provision.Options) provision.Plan {
	s.Helper()
	plan, err := s.plan(text, options)
	if err != nil {
		s.Fatal(err)
	}
	return plan
}

// lines writes changes as a reader would.
func lines(plan provision.Plan) []string {
	var list []string
	for _, c := range plan.Changes {
		list = append(list, fmt.Sprintf("%s %s %s", c.Action, c.Kind, c.Name))
		for _, f := range c.Fields {
			list = append(list, fmt.Sprintf("  %s: %q > %q", f.Name, f.Old, f.New))
		}
	}
	return list
}

func TestPlanTellsEveryMemberThatDiffers(t *testing.T) {
	s := newSite(t)
	s.mustApply(complete, now)
	before := s.dump()
	plan := s.mustPlan(other, provision.Options{})
	want := []string{
		`update project Main`,
		`  ping_key: "" > "set"`,
		`  api_key: "" > "set"`,
		`update channel hook`,
		`  url: "a.example.org" > "b.example.org"`,
		`  secret: "set" > "changed"`,
		`update channel ops-mail`,
		`  address: "ops@example.org" > "dev@example.org"`,
		`update check nightly`,
		`  name: "Nightly" > "Every night"`,
		`  slug: "nightly" > "at-night"`,
		`  description: "Dumps the database.\nCall Ann." > ""`,
		`  tags: "db, prod" > "prod"`,
		`  period: "" > "1d"`,
		`  schedule: "0 3 * * *" > ""`,
		`  timezone: "Europe/Riga" > ""`,
		`  grace: "30m" > "36h"`,
		`  max_runtime: "90m" > ""`,
		`  threshold: "3" > ""`,
		`  manual_resume: "true" > "false"`,
		`  post_only: "true" > "false"`,
		`  filter_in: "body, mail" > "subject"`,
		`  filter_fail: "ERROR, FATAL" > ""`,
		`  filter_success: "done" > "yes"`,
		`  filter_start: "begin" > ""`,
		`  filter_default: "fail" > ""`,
		`  channels: "hook" > ""`,
		`  tokens: "kuma" > "cronhub, kuma"`, // those there are stay
	}
	if diff := cmp.Diff(want, lines(plan)); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, s.dump()); diff != "" {
		t.Errorf("a plan wrote something:\n%s", diff)
	}

	result, err := plan.Execute(t.Context(), s.Store, now.Add(time.Hour))
	if diff := cmp.Diff(provision.Result{Edited: 4}, result); diff != "" || err != nil {
		t.Errorf("result: %v (-want +got):\n%s", err, diff)
	}
	if left := lines(s.mustPlan(other, provision.Options{})); len(left) > 0 {
		t.Errorf("after it was carried out, the plan still has:\n%s", strings.Join(left, "\n"))
	}
}

func TestPlanOfNewThings(t *testing.T) {
	s := newSite(t)
	s.mustApply("projects: [{name: Main, owner: ops@example.org}]", now)
	want := []string{
		`create channel hook`,
		`  name: "" > "hook"`,
		`  kind: "" > "webhook"`,
		`  url: "" > "a.example.org"`,
		`create check worker`,
		`  name: "" > "Worker"`,
		`  slug: "" > "worker"`,
		`  period: "" > "5m"`,
		`  grace: "" > "1h"`,
		`  post_only: "" > "true"`,
		`  channels: "" > "hook"`,
	}
	plan := s.mustPlan(`
projects:
  - name: Main
    channels: [{name: hook, kind: webhook, url: "https://a.example.org/SECRETPATH"}]
    checks: [{name: Worker, slug: worker, period: 300s, post_only: true}]
`, provision.Options{})
	if diff := cmp.Diff(want, lines(plan)); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

// Neither what is stored nor what is described of these may stand in a plan.
func TestPlanHoldsNoSecret(t *testing.T) {
	secrets := []string{
		"abcdefghijklmnopqrstuv", "bbbbbbbbbbbbbbbbbbbbbb", "SECRETPATH", "OTHERPATH", "QUFB", "QkJC",
		"5f0b6a3e", "aB3dE5gH", "9f8e7d6c5b", "rw3456789",
	}
	s := newSite(t)
	created, err := provision.Parse([]byte(complete))
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := created.Plan(t.Context(), s.Store, provision.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.mustApply(complete, now)
	samePlace := strings.Replace(complete, "SECRETPATH", "OTHERPATH", 1)
	for name, plan := range map[string]provision.Plan{
		"of new things": fresh,
		"of changes":    s.mustPlan(other, provision.Options{}),
		"on one host":   s.mustPlan(samePlace, provision.Options{}),
		"that deletes":  s.mustPlan("projects: [{name: Main}]", provision.Options{Prune: true}),
	} {
		text := strings.Join(lines(plan), "\n")
		if len(plan.Changes) == 0 {
			t.Errorf("%s: an empty plan proves nothing", name)
		}
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s: the plan holds %s:\n%s", name, secret, text)
			}
		}
	}
	want := []string{"update channel hook", `  url: "a.example.org" > "changed"`}
	if diff := cmp.Diff(want, lines(s.mustPlan(samePlace, provision.Options{}))); diff != "" {
		t.Errorf("another path on the same host (-want +got):\n%s", diff)
	}
}

func TestPruneDeletesWhatIsNotNamed(t *testing.T) {
	const little = `
projects:
  - name: Main
    channels: [{name: ops-mail, kind: email, address: ops@example.org}]
    checks: [{name: Worker, slug: worker, period: 5m, grace: 2m}]
`
	s := newSite(t)
	s.mustApply(complete, now)
	s.mustApply(strings.ReplaceAll(strings.ReplaceAll(complete[:strings.Index(complete, "    channels")], "Main", "Other"), "abcdef", "zbcdef"), now)
	if left := lines(s.planOf("Main", little, provision.Options{})); len(left) > 0 {
		t.Errorf("without prune the rest is left alone, but:\n%s", strings.Join(left, "\n"))
	}

	plan := s.planOf("Main", little, provision.Options{Prune: true})
	want := []string{
		`update check worker`,
		`  channels: "hook, ops-mail" > "ops-mail"`, // the file says all, and there will be one
		`delete check nightly`,
		`delete channel hook`,
	}
	if diff := cmp.Diff(want, lines(plan)); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	result, err := plan.Execute(t.Context(), s.Store, now)
	if diff := cmp.Diff(provision.Result{Edited: 1, Deleted: 2}, result); diff != "" || err != nil {
		t.Errorf("result: %v (-want +got):\n%s", err, diff)
	}
	if left := lines(s.planOf("Main", little, provision.Options{Prune: true})); len(left) > 0 {
		t.Errorf("after it was carried out, the plan still has:\n%s", strings.Join(left, "\n"))
	}
	user, err := s.UserByEmail(t.Context(), "ops@example.org")
	if err != nil {
		t.Fatal("pruning deleted a person:", err)
	}
	projects, err := s.ProjectsOf(t.Context(), user.ID)
	if err != nil || len(projects) != 2 {
		t.Errorf("projects: %v, %v; pruning deletes none", projects, err)
	}
}

// planOf is plan for an owner of several projects.
func (s site) planOf(name, text string, options provision.Options) provision.Plan {
	s.Helper()
	doc, err := provision.Parse([]byte(text))
	if err != nil {
		s.Fatal(err)
	}
	plan, err := doc.PlanFor(s.Context(), s.Store, s.projectNamed(name), options)
	if err != nil {
		s.Fatal(err)
	}
	return plan
}

func (s site) projectNamed(name string) account.Project {
	s.Helper()
	user, err := s.UserByEmail(s.Context(), "ops@example.org")
	if err != nil {
		s.Fatal(err)
	}
	projects, err := s.ProjectsOf(s.Context(), user.ID)
	if err != nil {
		s.Fatal(err)
	}
	for _, p := range projects {
		if p.Name == name {
			return p.Project
		}
	}
	s.Fatalf("no project %s among %v", name, projects)
	return account.Project{}
}

// A check that has no slug is known by its uuid, and can be given a slug by it.
func TestChecksAreKnownByTheirUUIDToo(t *testing.T) {
	const tmpl = `
projects:
  - name: Main
    owner: ops@example.org
    checks: [{name: N, %s, period: 5m, uuid: 5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91}]
`
	s := newSite(t)
	unnamed := strings.Replace(tmpl, "%s, ", "", 1)
	if diff := cmp.Diff(provision.Result{Created: 2}, s.mustApply(unnamed, now), cmpopts.IgnoreFields(provision.Result{}, "Owners")); diff != "" {
		t.Errorf("first (-want +got):\n%s", diff)
	}
	if left := lines(s.mustPlan(unnamed, provision.Options{Prune: true})); len(left) > 0 {
		t.Errorf("the same file again:\n%s", strings.Join(left, "\n"))
	}
	named := fmt.Sprintf(tmpl, "slug: n")
	if diff := cmp.Diff([]string{`update check N`, `  slug: "" > "n"`}, lines(s.mustPlan(named, provision.Options{Prune: true}))); diff != "" {
		t.Errorf("with a slug (-want +got):\n%s", diff)
	}
	s.mustApply(named, now.Add(time.Hour))
	renamed := fmt.Sprintf(tmpl, "slug: m")
	if diff := cmp.Diff([]string{`update check n`, `  slug: "n" > "m"`}, lines(s.mustPlan(renamed, provision.Options{Prune: true}))); diff != "" {
		t.Errorf("with another slug (-want +got):\n%s", diff)
	}
}

// Keywords are compared word by word: how somebody spaced them on a page is no drift.
func TestSpacesBetweenKeywordsAreNoDrift(t *testing.T) {
	const file = `
projects:
  - name: Main
    owner: ops@example.org
    checks: [{name: N, slug: n, period: 5m, filter_in: [body], filter_fail: [a, b c]}]
`
	s := newSite(t)
	s.mustApply(file, now)
	p, channels := s.project("ops@example.org")
	c, _ := s.check(p, channels, "n")
	c.Filter.Fail = " a,, b c ,"
	s.reconfigure(c)
	if left := lines(s.mustPlan(file, provision.Options{})); len(left) > 0 {
		t.Errorf("drift:\n%s", strings.Join(left, "\n"))
	}
}

func TestFileOfAnotherProjectIsRefused(t *testing.T) {
	s := newSite(t)
	s.mustApply(complete, now)
	for name, test := range map[string]struct{ text, want string }{
		"none":    {"projects: []", "line 1: the file describes no project"},
		"another": {"projects:\n  - name: Other\n", `line 2: the file describes the project "Other", and the API key is that of the project "Main"`},
		"several": {"projects:\n  - name: Main\n  - name: Other\n", `line 3: the file describes the project "Other", and the API key is that of the project "Main"`},
		"twice":   {"projects:\n  - name: Main\n  - {name: Main, owner: ops@example.org}\n", `line 3: the file describes several projects, and the API key is that of one`},
		"owner":   {"projects:\n  - name: Main\n    owner: eve@example.org\n", `line 2: project "Main" does not belong to eve@example.org; leave the owner out, or name the one it has`},
	} {
		_, err := s.plan(test.text, provision.Options{})
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: %v\nwant %s", name, err, test.want)
		}
	}
	if _, err := s.plan("projects:\n  - name: Main\n    owner: Ops@Example.org\n", provision.Options{}); err != nil {
		t.Errorf("the owner it has: %v", err)
	}
}

// What happened since the plan was made is told, with what is done and what to do.
func TestPlanThatWasOvertakenSaysSo(t *testing.T) {
	const file = "projects: [{name: Main, owner: ops@example.org, checks: [{name: A, slug: a, period: 5m}, {name: B, slug: b, period: 5m}]}]"
	s := newSite(t)
	s.mustApply("projects: [{name: Main, owner: ops@example.org}]", now)
	plan := s.mustPlan(file, provision.Options{})
	s.mustApply("projects: [{name: Main, owner: ops@example.org, checks: [{name: B, slug: b, period: 9m}]}]", now)
	result, err := plan.Execute(t.Context(), s.Store, now)
	want := `check "b" was changed by somebody else in the meantime; 1 of 2 changes are made, apply the file again for the rest`
	if err == nil || err.Error() != want || result.Created != 1 {
		t.Errorf("%+v, %v\nwant %s", result, err, want)
	}
}

func TestPingKeyOfAnotherProjectIsRefused(t *testing.T) {
	s := newSite(t)
	s.mustApply("projects: [{name: Other, owner: ann@example.org, ping_key: abcdefghijklmnopqrstuv}, {name: Main, owner: ops@example.org}]", now)
	_, err := s.plan("projects:\n  - {name: Main, ping_key: abcdefghijklmnopqrstuv}", provision.Options{})
	if want := `line 2: the ping_key of project "Main" is in use for something else`; err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}
