package provision_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/provision"
	"rollcall/internal/schedule"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlite"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// site is a database and a directory for provision files.
type site struct {
	*testing.T
	*sqlite.Store
	dir string
}

func newSite(t *testing.T) site {
	t.Helper()
	dir := t.TempDir()
	st, err := sqlite.Open(t.Context(), filepath.Join(dir, "rollcall.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return site{t, st, dir}
}

func (s site) write(name, text string) string {
	s.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	return path
}

// apply brings a file about and returns what it changed.
func (s site) apply(text string, at time.Time) (provision.Result, error) {
	s.Helper()
	doc, err := provision.Load(s.write("state.yml", text))
	if err != nil {
		return provision.Result{}, err
	}
	return doc.Apply(s.Context(), s.Store, at)
}

func (s site) mustApply(text string, at time.Time) provision.Result {
	s.Helper()
	result, err := s.apply(text, at)
	if err != nil {
		s.Fatal(err)
	}
	return result
}

// dump returns every row of every table as text.
func (s site) dump() string {
	s.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.dir, "rollcall.db")+"?_pragma=query_only(1)")
	if err != nil {
		s.Fatal(err)
	}
	defer db.Close()
	var out strings.Builder
	for _, table := range s.column(db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name") {
		rows, err := db.QueryContext(s.Context(), "SELECT * FROM "+table)
		if err != nil {
			s.Fatal(err)
		}
		columns, _ := rows.Columns()
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			if err := rows.Scan(values...); err != nil {
				s.Fatal(err)
			}
			out.WriteString(table)
			for i, v := range values {
				fmt.Fprintf(&out, " %s=%v", columns[i], *v.(*any))
			}
			out.WriteByte('\n')
		}
		if err := rows.Err(); err != nil {
			s.Fatal(err)
		}
	}
	return out.String()
}

func (s site) column(db *sql.DB, query string) []string {
	s.Helper()
	rows, err := db.QueryContext(s.Context(), query)
	if err != nil {
		s.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			s.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

// project returns the only project of a user with its channels.
func (s site) project(owner string) (account.Project, map[string]monitor.Channel) {
	s.Helper()
	user, err := s.UserByEmail(s.Context(), owner)
	if err != nil {
		s.Fatal(err)
	}
	projects, err := s.ProjectsOf(s.Context(), user.ID)
	if err != nil || len(projects) != 1 {
		s.Fatalf("projects: %v, %v", projects, err)
	}
	uses, err := s.Channels(s.Context(), projects[0].ID)
	if err != nil {
		s.Fatal(err)
	}
	channels := map[string]monitor.Channel{}
	for _, c := range uses {
		channels[c.Name] = c.Channel
	}
	return projects[0].Project, channels
}

func (s site) bySlug(p account.Project, slug string) monitor.Check {
	s.Helper()
	all, err := s.Checks(s.Context(), p.ID, 1_000)
	if err != nil {
		s.Fatal(err)
	}
	at := slices.IndexFunc(all, func(c monitor.Check) bool { return c.Slug == slug })
	if at < 0 {
		s.Fatalf("no check has the slug %s", slug)
	}
	return all[at]
}

// check returns a check of a project by its slug, and the names of who is told.
func (s site) check(p account.Project, channels map[string]monitor.Channel, slug string) (monitor.Check, []string) {
	s.Helper()
	c := s.bySlug(p, slug)
	ids, err := s.AssignedChannels(s.Context(), c.ID)
	if err != nil {
		s.Fatal(err)
	}
	var told []string
	for _, id := range ids {
		for name, channel := range channels {
			if channel.ID == id {
				told = append(told, name)
			}
		}
	}
	return c, told
}

const whole = `
projects:
  - name: Main
    owner: Ops@Example.org
    ping_key: abcdefghijklmnopqrstuv
    api_key: rw345678901234567890123456789012
    api_key_readonly_file: ro.key
    channels:
      - {name: ops-mail, kind: email, address: ops@example.org}
      - {name: hook, kind: webhook, url: "https://example.org/hook"}
    checks:
      - {name: Nightly backup, slug: nightly, schedule: "0 3 * * *", timezone: Europe/Riga, grace: 30m, tags: [db, prod], channels: [ops-mail]}
      - {name: Queue worker, slug: worker, period: 5m, grace: 90, max_runtime: 1h30m, uuid: 5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91}
      - {name: Quiet, slug: quiet, period: 2d, manual_resume: true, post_only: true, description: nobody is told, channels: []}
      - {name: Weekly, slug: weekly, schedule: "Mon *-*-* 04:00"}
`

func TestWholeFileIsBroughtAbout(t *testing.T) {
	s := newSite(t)
	s.write("ro.key", "ro345678901234567890123456789012\n")
	want := provision.Result{Created: 7, Owners: []string{"ops@example.org"}}
	if diff := cmp.Diff(want, s.mustApply(whole, now)); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}

	p, channels := s.project("ops@example.org")
	for key, want := range map[string]account.KeyKind{
		"abcdefghijklmnopqrstuv":           account.KeyPing,
		"rw345678901234567890123456789012": account.KeyReadWrite,
		"ro345678901234567890123456789012": account.KeyReadOnly,
	} {
		owner, found, err := s.KeyByHash(t.Context(), account.HashKey(key))
		if err != nil || found.Kind != want || owner.ID != p.ID {
			t.Errorf("key %s: project %d, kind %q, %v", key, owner.ID, found.Kind, err)
		}
	}
	if _, err := channels["hook"].Valid(); err != nil {
		t.Errorf("the webhook has no usable secret: %v", err)
	}

	runtime := 90 * time.Minute
	for slug, want := range map[string]struct {
		config monitor.Config
		told   []string
	}{
		"nightly": {monitor.Config{
			Name: "Nightly backup", Slug: "nightly", Tags: []string{"db", "prod"}, Grace: 30 * time.Minute,
			Schedule: schedule.Spec{Kind: schedule.Cron, Expr: "0 3 * * *", Zone: "Europe/Riga"},
		}, []string{"ops-mail"}},
		"worker": {monitor.Config{
			Name: "Queue worker", Slug: "worker", Grace: 90 * time.Second, MaxRuntime: &runtime,
			Schedule: schedule.Spec{Kind: schedule.Every, Period: 5 * time.Minute},
		}, []string{"ops-mail", "hook"}},
		"quiet": {monitor.Config{
			Name: "Quiet", Slug: "quiet", Description: "nobody is told", Grace: time.Hour,
			Schedule:     schedule.Spec{Kind: schedule.Every, Period: 48 * time.Hour},
			ManualResume: true, PostOnly: true,
		}, nil},
		"weekly": {monitor.Config{
			Name: "Weekly", Slug: "weekly", Grace: time.Hour,
			Schedule: schedule.Spec{Kind: schedule.OnCalendar, Expr: "Mon *-*-* 04:00", Zone: "UTC"},
		}, []string{"ops-mail", "hook"}},
	} {
		c, told := s.check(p, channels, slug)
		if !c.Config.Equal(want.config) {
			t.Errorf("%s:\n%s", slug, cmp.Diff(want.config, c.Config))
		}
		if diff := cmp.Diff(want.told, told); diff != "" {
			t.Errorf("%s is told to others:\n%s", slug, diff)
		}
		if c.Status != monitor.New {
			t.Errorf("%s is %s, want new", slug, c.Status)
		}
	}
	worker, _ := s.check(p, channels, "worker")
	if got, want := worker.UUID, uuid.MustParse("5f0b6a3e-8c1d-4e57-9a44-2d1f6c0b7e91"); got != want {
		t.Errorf("uuid = %s, want %s", got, want)
	}
}

func TestSecondTimeChangesNothing(t *testing.T) {
	s := newSite(t)
	s.write("ro.key", "ro345678901234567890123456789012")
	s.mustApply(whole, now)
	before := s.dump()
	if !strings.Contains(before, "slug=worker") {
		t.Fatalf("the dump shows no checks:\n%s", before)
	}
	if diff := cmp.Diff(provision.Result{}, s.mustApply(whole, now.Add(time.Hour))); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, s.dump()); diff != "" {
		t.Errorf("applied twice (-once +twice):\n%s", diff)
	}
}

// An anchor saves an author from writing the same twice.
func TestAnchorsAreFollowed(t *testing.T) {
	s := newSite(t)
	s.mustApply(`
projects:
  - name: Main
    owner: ops@example.org
    channels:
      - {name: a, kind: email, address: a@example.org}
      - {name: b, kind: email, address: b@example.org}
    checks:
      - {name: One, slug: one, period: &often 5m, channels: &few [b]}
      - {name: Two, slug: two, period: *often, channels: *few}
`, now)
	p, channels := s.project("ops@example.org")
	two, told := s.check(p, channels, "two")
	if two.Schedule.Period != 5*time.Minute || !cmp.Equal(told, []string{"b"}) {
		t.Errorf("two: every %s, told %v", two.Schedule.Period, told)
	}
}

func TestEditedFileEditsWhatDiffers(t *testing.T) {
	const tmpl = `
projects:
  - name: Main
    owner: ops@example.org
    channels:
      - {name: hook, kind: webhook, url: "%s"}
      - {name: mail, kind: email, address: ops@example.org}
    checks:
      - {name: One, slug: one, period: 5m, grace: %s, channels: [%s]}
      - {name: Two, slug: two, period: 5m}
`
	s := newSite(t)
	s.mustApply(fmt.Sprintf(tmpl, "https://example.org/a", "1m", "hook"), now)
	p, before := s.project("ops@example.org")
	s.pauseAndDisable(p, before["hook"])

	result := s.mustApply(fmt.Sprintf(tmpl, "https://example.org/b", "2m", "mail"), now.Add(time.Hour))
	if diff := cmp.Diff(provision.Result{Edited: 2}, result); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	again, after := s.project("ops@example.org")
	if diff := cmp.Diff(p, again); diff != "" {
		t.Errorf("the project changed:\n%s", diff)
	}
	hook := before["hook"]
	hook.Settings.URL = "https://example.org/b"
	if diff := cmp.Diff(hook, after["hook"]); diff != "" {
		t.Errorf("the webhook keeps its secret and works again (-want +got):\n%s", diff)
	}
	one, told := s.check(p, after, "one")
	if one.Grace != 2*time.Minute || !one.Updated.Equal(now.Add(time.Hour)) || !cmp.Equal(told, []string{"mail"}) {
		t.Errorf("one: grace %s, updated %s, told %v", one.Grace, one.Updated, told)
	}
	if one.Status != monitor.Paused {
		t.Errorf("one is %s: a file says what is watched, not what has happened", one.Status)
	}
	two, _ := s.check(p, after, "two")
	if !two.Updated.Equal(now) {
		t.Errorf("two was written at %s though nothing about it differs", two.Updated)
	}
}

// pauseAndDisable does what may happen between two starts: somebody pauses the
// check one, and a channel proves to be gone.
func (s site) pauseAndDisable(p account.Project, c monitor.Channel) {
	s.Helper()
	_, err := s.Transitions(s.Context(), []store.Step{{
		Ref:    store.Ref{ID: s.bySlug(p, "one").ID},
		Decide: func(c monitor.Check) monitor.Change { return c.Pause(now) },
	}})
	if err != nil {
		s.Fatal(err)
	}
	c.Disabled = "gone"
	if err := s.EditChannel(s.Context(), c); err != nil {
		s.Fatal(err)
	}
}

func TestKeysAreReplaced(t *testing.T) {
	const tmpl = `
projects:
  - {name: Main, owner: ops@example.org, ping_key: %s, api_key: %s}
  - {name: Second, owner: ops@example.org}
`
	s := newSite(t)
	const oldKey, newKey = "old45678901234567890123456789012", "new45678901234567890123456789012"
	s.mustApply(fmt.Sprintf(tmpl, "aaaaaaaaaaaaaaaaaaaaaa", oldKey), now)
	s.mustApply(fmt.Sprintf(tmpl, "bbbbbbbbbbbbbbbbbbbbbb", newKey), now)
	for key, want := range map[string]string{oldKey: "", "aaaaaaaaaaaaaaaaaaaaaa": "", newKey: "Main", "bbbbbbbbbbbbbbbbbbbbbb": "Main"} {
		if p, _, err := s.KeyByHash(t.Context(), account.HashKey(key)); p.Name != want || (err == nil) != (want != "") {
			t.Errorf("%s is the key of %q, want %q; %v", key, p.Name, want, err)
		}
	}
}

// reconfigure does what a page does.
func (s site) reconfigure(c monitor.Check) {
	s.Helper()
	results, err := s.Transitions(s.Context(), []store.Step{{
		Ref:    store.Ref{ID: c.ID},
		Decide: func(is monitor.Check) monitor.Change { return is.Reconfigure(c.Config, now.Add(time.Minute)) },
	}})
	if err != nil || results[0].Err != nil {
		s.Fatal(err, results[0].Err)
	}
}
