package templates_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/templates"
)

// job is a check that was pinged last at the given time of its story.
func job(t *testing.T, id int, name string, tags []string, spec schedule.Spec) monitor.Check {
	t.Helper()
	return monitor.Create(monitor.Check{
		ID: monitor.CheckID(id), UUID: uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)), Project: 1,
		Config: monitor.Config{Name: name, Tags: tags, Schedule: spec, Grace: 15 * time.Minute},
	}, instant(t, "2026-08-26T08:12:00Z"))
}

func nightly() schedule.Spec {
	return schedule.Spec{Kind: schedule.Cron, Expr: "0 2 * * *", Zone: "Europe/Berlin"}
}

func every(period time.Duration) schedule.Spec {
	return schedule.Spec{Kind: schedule.Every, Period: period}
}

func report(t *testing.T, at string, signal monitor.Signal) monitor.Ping {
	t.Helper()
	return monitor.Ping{At: instant(t, at), Signal: signal, Scheme: "https", Method: "GET", RemoteAddr: "203.0.113.14"}
}

func receive(t *testing.T, c monitor.Check, pings ...monitor.Ping) monitor.Check {
	t.Helper()
	for _, p := range pings {
		c = c.Receive(p).Check
	}
	return c
}

// project is a check of every status as it is at clock's time, by the real rules.
func project(t *testing.T) []monitor.Check {
	t.Helper()
	down := receive(t, job(t, 1, "Offsite backup", []string{"backup", "prod"}, nightly()),
		report(t, "2026-11-22T01:03:00Z", monitor.Start), report(t, "2026-11-22T01:25:00Z", monitor.Success))
	down = down.Expire(instant(t, "2026-11-23T01:15:01Z"), instant(t, "2026-11-23T01:15:01Z")).Check

	failed := report(t, "2026-11-23T08:06:01Z", monitor.Fail)
	failed.Exit = new(int64(1))
	failing := receive(t, job(t, 2, "Invoice export", []string{"billing"}, every(time.Hour)), failed)

	late := receive(t, job(t, 3, "Search re-index", []string{"search", "prod"}, every(2*time.Hour)),
		report(t, "2026-11-23T06:10:00Z", monitor.Success))
	running := receive(t, job(t, 4, "Photo snapshot", []string{"backup", "media"}, every(6*time.Hour)),
		report(t, "2026-11-23T02:10:00Z", monitor.Success), report(t, "2026-11-23T08:02:31Z", monitor.Start))
	up := receive(t, job(t, 5, "WAL archive", []string{"backup"}, every(5*time.Minute)),
		report(t, "2026-11-23T08:12:31Z", monitor.Success))
	paused := receive(t, job(t, 6, "Disk self-test", nil, nightly()), report(t, "2026-11-15T01:22:00Z", monitor.Success))
	paused = paused.Pause(instant(t, "2026-11-18T09:00:00Z")).Check
	return []monitor.Check{down, failing, late, running, up, paused, job(t, 7, "Sitemap <b>", []string{"web"}, nightly())}
}

// runsOfProject are the last runs of the first check: good ones, and a failed one.
func runsOfProject(t *testing.T) map[monitor.CheckID][]templates.RunEnd {
	t.Helper()
	var runs []templates.RunEnd
	for i := range 40 {
		run := templates.RunEnd{
			At: instant(t, "2026-10-14T01:25:00Z").AddDate(0, 0, i), How: templates.Good,
			Took: new(time.Duration(18+i%7) * time.Minute),
		}
		if i == 30 {
			run.How, run.Exit = templates.Failed, new(int64(3))
		}
		runs = append(runs, run)
	}
	return map[monitor.CheckID][]templates.RunEnd{1: runs}
}

func query(t *testing.T, text string) templates.Query {
	t.Helper()
	v, err := url.ParseQuery(text)
	if err != nil {
		t.Fatal(err)
	}
	return templates.ParseQuery(v)
}

// outline is the groups of a list in short: the name of a group, then its rows.
func outline(l templates.List) []string {
	var lines []string
	for _, g := range l.Groups {
		head := g.Name
		if g.Tag != "" {
			head = "#" + g.Tag
		}
		for _, r := range g.Rows {
			head += " | " + r.Name
		}
		lines = append(lines, head)
	}
	return lines
}

func TestTheListIsArrangedAsItsAddressSays(t *testing.T) {
	for _, c := range []struct {
		query string
		want  []string
	}{
		{"", []string{
			"Needs attention | Offsite backup | Invoice export | Search re-index",
			"#backup | Photo snapshot | WAL archive", "#web | Sitemap <b>", "No tag | Disk self-test",
		}},
		{"group=none", []string{
			"Needs attention | Offsite backup | Invoice export | Search re-index",
			" | Disk self-test | Photo snapshot | Sitemap <b> | WAL archive",
		}},
		{"group=status", []string{
			"Down | Invoice export | Offsite backup", "Late | Search re-index", "Running | Photo snapshot",
			"Up | WAL archive", "New | Sitemap <b>", "Paused | Disk self-test",
		}},
		{"group=none&sort=next", []string{
			" | Search re-index | WAL archive | Invoice export | Offsite backup | Disk self-test | Photo snapshot | Sitemap <b>",
		}},
		{"group=none&sort=took", []string{
			" | Offsite backup | Disk self-test | Invoice export | Photo snapshot | Search re-index | Sitemap <b> | WAL archive",
		}},
		{"status=down", []string{"Needs attention | Offsite backup | Invoice export"}},
		{"tag=backup&tag=prod", []string{"Needs attention | Offsite backup"}},
		{"q=BACKUP+02:00", []string{"Needs attention | Offsite backup"}},
		{"q=%23media", []string{"#backup | Photo snapshot"}},
		{"q=every+5+min", []string{"#backup | WAL archive"}},
		{"q=nothing+of+this", nil},
		{"status=nonsense&group=nonsense&sort=nonsense&tag=", []string{
			"Needs attention | Offsite backup | Invoice export | Search re-index",
			"#backup | Photo snapshot | WAL archive", "#web | Sitemap <b>", "No tag | Disk self-test",
		}},
	} {
		got := outline(templates.ListOf(query(t, c.query), project(t), nil, clock(t)))
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.query, diff)
		}
	}
}

// Counts of statuses are of what the words and tags leave, whichever is looked at.
func TestFacetsCountWhatIsFound(t *testing.T) {
	l := templates.ListOf(query(t, "tag=backup&status=up"), project(t), nil, clock(t))
	want := []templates.Facet{{Count: 3}, {monitor.Down, 1}, {monitor.Running, 1}, {monitor.Up, 1}}
	if diff := cmp.Diff(want, l.Facets); diff != "" {
		t.Errorf("facets (-want +got):\n%s", diff)
	}
	if l.Total != 7 || l.Found != 1 {
		t.Errorf("found %d of %d, want 1 of 7", l.Found, l.Total)
	}
}

func TestAQueryIsItsAddress(t *testing.T) {
	for _, address := range []string{
		"/checks", "/checks?q=a+b", "/checks?group=none&q=x&sort=name&status=down&tag=a&tag=b",
	} {
		_, text, _ := strings.Cut(address, "?")
		if got := query(t, text).URL(); got != address {
			t.Errorf("the address of %q is %q", address, got)
		}
	}
}

// The reason is the whole second line of a row; the columns say when.
func TestRowsSayWhatIsAndWhatComes(t *testing.T) {
	type said struct{ Why, Last, Next, Took string }
	want := map[string]said{
		"Offsite backup":  {"Expected by 02:00, grace 15 min. Nothing arrived.", "yesterday 02:25", "7 h overdue", "22 min"},
		"Invoice export":  {"Reported exit status 1.", "9 min ago", "in 52 min", ""},
		"Search re-index": {"Expected by 09:10. Alerts at 09:25.", "2 h ago", "5 min overdue", ""},
		"Photo snapshot":  {"", "12 min ago", "when it ends", "12 min so far"},
		"WAL archive":     {"", "2 min ago", "in 3 min", ""},
		"Disk self-test":  {"", "8 days ago", "–", ""},
		"Sitemap <b>":     {"", "never", "after the first ping", ""},
	}
	got := map[string]said{}
	for _, g := range templates.ListOf(query(t, ""), project(t), nil, clock(t)).Groups {
		for _, r := range g.Rows {
			got[r.Name] = said{plain(r.Why), plain(r.Last.Words), plain(r.Next.Words), plain(r.Took)}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// What a browser shows already is not sent again; one minute later it is news.
func TestSeenChangesWithWhatIsShown(t *testing.T) {
	c, later := clock(t), clock(t)
	later.Now = later.Now.Add(time.Minute)
	list := func(c templates.Clock) templates.List {
		return templates.ListOf(query(t, ""), project(t), runsOfProject(t), c)
	}
	if a, b := list(c).Seen(), list(c).Seen(); a != b {
		t.Errorf("the same list is %s and %s", a, b)
	}
	if a, b := list(c).Seen(), list(later).Seen(); a == b {
		t.Error("a list of a minute later is the same")
	}
	if got, want := (templates.ChecksPage{}).Seen(), templates.SeenEmpty; got != want {
		t.Errorf("a list without checks is %q, want %q", got, want)
	}
}

func TestSparkline(t *testing.T) {
	c := project(t)[0]
	l := templates.ListOf(query(t, "q=offsite"), []monitor.Check{c}, runsOfProject(t), clock(t))
	spark := l.Groups[0].Rows[0].Spark
	if got, want := plain(spark.Label), "Last 30 runs: 28 good, 1 failed, 1 missed"; got != want {
		t.Errorf("label %q, want %q", got, want)
	}
	paths := map[string]string{}
	for _, p := range spark.Paths {
		paths[p.Class] = p.D
	}
	want := map[string]string{
		// Run 11 of the 41 is the first of the 30; the failed one is the 20th, the missing one the last.
		"bad": "M95 10v-2h3v2zm0-3v-7h3v7z", "gap": "M145.5 9.8v-9.6h2v9.6z",
	}
	for class, d := range want {
		if paths[class] != d {
			t.Errorf("path %s is %q, want %q", class, paths[class], d)
		}
	}
	if got := paths["ok"]; !strings.HasPrefix(got, "M0 10v-7h3v7h2") || strings.Count(got, "h5") != 2 || len(paths) != 3 {
		t.Errorf("the good runs are %q, in %d paths", got, len(paths))
	}
}

func TestChecksPage(t *testing.T) {
	page := templates.ChecksPage{
		Page: frame(t, "Checks", "/checks"), List: templates.ListOf(query(t, ""), project(t), runsOfProject(t), clock(t)),
	}
	goldenPage(t, "checks.html", templates.Checks(page))
	goldenPage(t, "checks-live.html", templates.ChecksLive(page, true))
	page.List = templates.ListOf(query(t, "q=<script>&status=down"), project(t), nil, clock(t))
	goldenPage(t, "checks-none.html", templates.Checks(page))
	page.List = templates.ListOf(query(t, ""), nil, nil, clock(t))
	page.Page.Worst, page.Page.Down = "", 0
	page.TryAddress = "https://rollcall.example/ping/5f0b1c9e-6d43-4a4e-9a53-0d2f6c1f7a11"
	goldenPage(t, "checks-empty.html", templates.Checks(page))
}
