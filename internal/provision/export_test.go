package provision_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/provision"
	"rollcall/internal/schedule"
)

func (s site) export(p account.Project, secrets bool) string {
	s.Helper()
	file, err := provision.Export(s.Context(), s.Store, p, secrets)
	if err != nil {
		s.Fatal(err)
	}
	return string(file)
}

func TestExport(t *testing.T) {
	s := newSite(t)
	s.mustApply(complete, now)
	p, _ := s.project("ops@example.org")
	const want = `projects:
  - name: Main
    owner: ops@example.org
    channels:
      - name: hook
        kind: webhook
        url: https://a.example.org/SECRETPATH
        secret: whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB
      - name: ops-mail
        kind: email
        address: ops@example.org
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
        max_runtime: 90m
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
        uuid: UUID
        period: 5m
        grace: 2m
`
	worker, _ := s.check(p, nil, "worker")
	got := s.export(p, true)
	if diff := cmp.Diff(strings.ReplaceAll(want, "UUID", worker.UUID.String()), got); diff != "" {
		t.Errorf("export (-want +got):\n%s", diff)
	}
	if left := lines(s.mustPlan(got, provision.Options{Prune: true})); len(left) > 0 {
		t.Errorf("what was exported differs from what is stored:\n%s", strings.Join(left, "\n"))
	}
}

// Who may only read gets no secret. What is left out is kept when the file is
// applied.
func TestExportWithoutSecrets(t *testing.T) {
	s := newSite(t)
	s.mustApply(complete, now)
	p, _ := s.project("ops@example.org")
	got := s.export(p, false)
	for _, secret := range []string{"owner", "ping_key", "url", "secret", "uuid", "token", "SECRETPATH", "5f0b6a3e", "whsec_"} {
		if strings.Contains(got, secret) {
			t.Errorf("the export holds %s:\n%s", secret, got)
		}
	}
	if left := lines(s.mustPlan(got, provision.Options{Prune: true})); len(left) > 0 {
		t.Errorf("what was exported differs from what is stored:\n%s", strings.Join(left, "\n"))
	}
}

func TestExportOfAnEmptyProject(t *testing.T) {
	s := newSite(t)
	s.mustApply("projects: [{name: Main, owner: ops@example.org, ping_key: abcdefghijklmnopqrstuv}]", now)
	p, _ := s.project("ops@example.org")
	if got, want := s.export(p, false), "projects:\n  - name: Main\n"; got != want {
		t.Errorf("export:\n%s\nwant:\n%s", got, want)
	}
}

// Nothing that can be stored is lost or changed on its way through a file: applied
// to where it comes from it changes nothing, and applied elsewhere it makes a
// project that exports the same bytes.
func TestExportsAreLossless(t *testing.T) {
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		t.Cleanup(func() { _ = checks.Value.Set(checks.DefValue) })
		_ = checks.Value.Set("40") // each is some thirty transactions
	}
	here, there := newSite(t), newSite(t)
	here.mustApply("projects: [{name: Main, owner: ops@example.org}]", now)
	there.mustApply("projects: [{name: Main, owner: ops@example.org}]", now)
	rapid.Check(t, func(r *rapid.T) {
		here.mustEmpty(r, "Main")
		there.mustEmpty(r, "Main")
		p, _ := here.project("ops@example.org")
		channels := drawChannels(r, here, p.ID)
		for range rapid.IntRange(0, 3).Draw(r, "checks") {
			drawCheck(r, here, p.ID, channels)
		}
		file := here.export(p, true)
		for name, s := range map[string]site{"here": here, "there": there} {
			plan, err := s.plan(file, provision.Options{Prune: true})
			if err != nil {
				r.Fatalf("%s: %v\n%s", name, err, file)
			}
			if name == "here" && len(plan.Changes) > 0 {
				r.Fatalf("it is no copy:\n%s\n%s", strings.Join(lines(plan), "\n"), file)
			}
			if _, err := plan.Execute(t.Context(), s.Store, now); err != nil {
				r.Fatalf("%s: %v\n%s", name, err, file)
			}
		}
		copied, _ := there.project("ops@example.org")
		if diff := cmp.Diff(file, there.export(copied, true)); diff != "" {
			r.Fatalf("the copy is exported otherwise (-original +copy):\n%s", diff)
		}
		if diff := cmp.Diff(here.all(p.ID), there.all(copied.ID)); diff != "" {
			r.Fatalf("the copy differs (-original +copy):\n%s\n%s", diff, file)
		}
	})
}

// stored is what a file describes of a check.
type stored struct {
	UUID   uuid.UUID
	Config monitor.Config
	Told   []string
	Tokens []monitor.Token
}

// all reads what is stored of a project past the package that is tested.
func (s site) all(id monitor.ProjectID) any {
	s.Helper()
	must := func(err error) {
		if err != nil {
			s.Fatal(err)
		}
	}
	uses, err := s.Channels(s.Context(), id)
	must(err)
	names, settings := map[monitor.ChannelID]string{}, map[string]monitor.Settings{}
	for _, use := range uses {
		names[use.ID], settings[use.Name] = use.Name, use.Settings
	}
	list, err := s.Checks(s.Context(), id, 100)
	must(err)
	checks := map[uuid.UUID]stored{}
	for _, c := range list {
		for _, words := range []*string{&c.Filter.Fail, &c.Filter.Success, &c.Filter.Start} {
			*words = strings.Join(strings.FieldsFunc(strings.ReplaceAll(*words, " ", ""), func(r rune) bool { return r == ',' }), ",")
		}
		told, err := s.AssignedChannels(s.Context(), c.ID)
		must(err)
		is := stored{UUID: c.UUID, Config: c.Config}
		for _, id := range told {
			is.Told = append(is.Told, names[id])
		}
		is.Tokens, err = s.Tokens(s.Context(), c.ID)
		must(err)
		slices.Sort(is.Told)
		slices.SortFunc(is.Tokens, func(a, b monitor.Token) int { return strings.Compare(a.Text, b.Text) })
		checks[c.UUID] = is
	}
	return []any{settings, checks}
}

// mustEmpty deletes the channels and checks of a project.
func (s site) mustEmpty(r *rapid.T, name string) {
	plan, err := s.plan(fmt.Sprintf("projects: [{name: %s}]", name), provision.Options{Prune: true})
	if err == nil {
		_, err = plan.Execute(s.Context(), s.Store, now)
	}
	if err != nil {
		r.Fatal(err)
	}
}

// drawText draws what people type, and what YAML could take for something else.
func drawText(label string, limit int) *rapid.Generator[string] {
	awkward := rapid.SampledFrom([]string{
		"null", "~", "true", "no", "0x1F", "1e3", "12:30:45", "2026-01-02", "- a", "? a", "a: b", "a #b", "#a", "&a", "*a", "!a",
		"!!str a", "|", ">", "%a", "@a", "`a`", "'a'", `"a"`, `\n`, "{a}", "[a", "a,b", "---", "...", "a\nb", "a\n\nb", "a\n  b\nc", "a\n# b",
		"a \nb", "a\tb", "a\n\tb", "é ü", "中文", "🚀", "a\u2028b", "\ufeffa", "a\u00a0b", "\ufffd", "a\U0010ffff", "<<", "=", "…",
	})
	typed := rapid.StringOfN(rapid.RuneFrom([]rune("ab Z09-_:#,'\"\\{}[]&*!|>%@`~?\n\té🚀\u2028\ufeff")), 1, limit, -1)
	return rapid.OneOf(awkward, typed, rapid.StringN(1, limit, -1)).Filter(func(text string) bool {
		c := monitor.Config{
			Name: text, Grace: time.Second,
			Schedule: schedule.Spec{Kind: schedule.Every, Period: time.Second},
		}
		_, err := c.Valid()
		return err == nil
	})
}

func drawChannels(r *rapid.T, s site, p monitor.ProjectID) []monitor.ChannelID {
	var ids []monitor.ChannelID
	names := rapid.SliceOfNDistinct(drawText("name", 100).Filter(func(text string) bool {
		return strings.TrimSpace(text) == text
	}), 0, 3, rapid.ID).Draw(r, "channels")
	for _, name := range names {
		c := monitor.Channel{Project: p, Name: name, Kind: monitor.Email, Created: now}
		if rapid.Bool().Draw(r, "webhook") {
			c.Kind = monitor.Webhook
			c.Settings.URL = "https://example.org/" + rapid.StringMatching(`[a-z0-9?&=:,%2F'!*~]{0,20}`).Filter(func(path string) bool {
				return !strings.Contains(path, "%") || strings.Contains(path, "%2F")
			}).Draw(r, "path")
			c.Settings.Secret = "whsec_" + strings.Repeat("QUFB", rapid.IntRange(8, 20).Draw(r, "secret"))
		} else {
			c.Settings.Address = rapid.StringMatching(`[a-z0-9'+!]{1,9}@[a-z]{1,9}\.org`).Draw(r, "address")
		}
		valid, err := c.Valid()
		if err != nil {
			r.Skip(err)
		}
		made, err := s.CreateChannel(s.Context(), valid)
		if err != nil {
			r.Fatal(err)
		}
		ids = append(ids, made.ID)
	}
	return ids
}

func drawCheck(r *rapid.T, s site, p monitor.ProjectID, channels []monitor.ChannelID) {
	seconds := rapid.Custom(func(r *rapid.T) time.Duration {
		unit := rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour}).Draw(r, "unit")
		return unit * time.Duration(rapid.IntRange(1, 365).Draw(r, "number"))
	})
	zones := rapid.SampledFrom([]string{"UTC", "Europe/Riga", "Asia/Calcutta", ""})
	spec := rapid.OneOf(
		rapid.Custom(func(r *rapid.T) schedule.Spec {
			return schedule.Spec{Kind: schedule.Every, Period: seconds.Draw(r, "period")}
		}),
		rapid.Custom(func(r *rapid.T) schedule.Spec {
			expr := rapid.SampledFrom([]string{"0 3 * * *", "@hourly", "*/5 0-4 1,15 * MON#1", "  0 0 29 2 * "}).Draw(r, "cron")
			return schedule.Spec{Kind: schedule.Cron, Expr: expr, Zone: zones.Draw(r, "zone")}
		}),
		rapid.Custom(func(r *rapid.T) schedule.Spec {
			lines := rapid.SliceOfN(rapid.SampledFrom([]string{"Mon *-*-* 04:00", "daily", "*-*~01 00:00:00", "*:0/5", "Sat,Sun 12:00 Asia/Tokyo", "2026-12-31"}), 1, 4).Draw(r, "lines")
			return schedule.Spec{Kind: schedule.OnCalendar, Expr: strings.Join(lines, "\n"), Zone: zones.Draw(r, "zone")}
		}),
	).Draw(r, "schedule")
	keywords := rapid.StringOfN(rapid.RuneFrom([]rune("ab,, '\":#[é")), 0, 30, -1)
	c := monitor.Config{
		Name:         drawText("name", 100).Draw(r, "name"),
		Slug:         rapid.StringMatching(`([a-z0-9_-]{1,9})?`).Draw(r, "slug"),
		Description:  rapid.OneOf(rapid.Just(""), drawText("description", 100)).Draw(r, "description"),
		Tags:         rapid.SliceOfN(drawText("tag", 20), 0, 4).Draw(r, "tags"),
		Schedule:     spec,
		Grace:        seconds.Draw(r, "grace"),
		ManualResume: rapid.Bool().Draw(r, "manual"),
		PostOnly:     rapid.Bool().Draw(r, "post"),
		Filter: monitor.Filter{
			On: rapid.Bool().Draw(r, "on"), Subject: rapid.Bool().Draw(r, "subject"), Mail: rapid.Bool().Draw(r, "mail"),
			Fail: keywords.Draw(r, "fail"), Success: keywords.Draw(r, "success"), Start: keywords.Draw(r, "start"),
			Default: rapid.SampledFrom([]monitor.Signal{"", monitor.Fail}).Draw(r, "default"),
		},
	}
	if rapid.Bool().Draw(r, "limited") {
		limit := seconds.Draw(r, "limit")
		c.MaxRuntime = &limit
	}
	c.Threshold = rapid.SampledFrom([]*int{nil, new(1), new(monitor.MaxThreshold)}).Draw(r, "threshold")
	valid, err := c.Valid()
	if err != nil {
		c.Tags = nil // most often what was wrong
		if valid, err = c.Valid(); err != nil {
			r.Fatal(err)
		}
	}
	told := slices.DeleteFunc(slices.Clone(channels), func(monitor.ChannelID) bool { return rapid.Bool().Draw(r, "untold") })
	var tokens []monitor.Token
	for range rapid.IntRange(0, 2).Draw(r, "tokens") {
		tokens = append(tokens, monitor.Token{Dialect: "kuma", Text: uuid.NewString()[:20]})
	}
	made := monitor.Create(monitor.Check{UUID: uuid.New(), Project: p, Config: valid}, now)
	if _, err := s.CreateCheck(s.Context(), made, told, tokens...); err != nil {
		r.Skip(err) // the slug is that of another one
	}
}

// crowded is a store with a project that is too large for a file.
type crowded struct{ provision.Store }

// Checks returns as many as are asked for.
func (crowded) Checks(_ context.Context, _ monitor.ProjectID, limit int) ([]monitor.Check, error) {
	return make([]monitor.Check, limit), nil
}

func TestProjectThatIsTooLargeIsNeitherExportedNorPruned(t *testing.T) {
	s := newSite(t)
	s.mustApply("projects: [{name: Main, owner: ops@example.org}]", now)
	p, _ := s.project("ops@example.org")
	const want = "the project has more than 100000 checks, which is too many for one file"
	if _, err := provision.Export(t.Context(), crowded{s.Store}, p, true); message(err) != want {
		t.Errorf("export: %v, want %s", err, want)
	}
	doc, err := provision.Parse([]byte("projects: [{name: Main}]"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := doc.PlanFor(t.Context(), crowded{s.Store}, p, provision.Options{Prune: true}); message(err) != want {
		t.Errorf("prune: %v, want %s", err, want)
	}
}
