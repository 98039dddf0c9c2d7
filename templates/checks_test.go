package templates_test

import (
	"fmt"
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

// drawn is a list whose first rows are drawn with their runs.
func drawn(q templates.Query, checks []monitor.Check, runs map[monitor.CheckID][]templates.RunEnd, clock templates.Clock) templates.List {
	l := templates.ListOf(q, checks, clock)
	l.First().Draw(runs)
	return l
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
		got := outline(drawn(query(t, c.query), project(t), nil, clock(t)))
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.query, diff)
		}
	}
}

// Counts of statuses are of what the words and tags leave, whichever is looked at.
func TestFacetsCountWhatIsFound(t *testing.T) {
	l := drawn(query(t, "tag=backup&status=up"), project(t), nil, clock(t))
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
		"/checks", "/checks?q=a+b", "/checks?from=2000&q=a", "/checks?group=none&q=x&sort=name&status=down&tag=a&tag=b",
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
	for _, g := range drawn(query(t, ""), project(t), nil, clock(t)).Groups {
		for _, r := range g.Rows {
			got[r.Name] = said{plain(r.Why), plain(r.Last.Words), plain(r.Next.Words), plain(r.Took)}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// shown is what a browser says that shows the list.
func shown(l templates.List) string {
	seen := l.Seen()
	for _, row := range l.Rows(0, templates.PageRows).List {
		seen += row.Version()
	}
	return seen
}

// many is a list of up checks, of which the first was pinged n times.
func many(t *testing.T, size, pings int) []monitor.Check {
	t.Helper()
	checks := make([]monitor.Check, size)
	for i := range checks {
		checks[i] = job(t, i+1, fmt.Sprintf("Job %04d", i), []string{fmt.Sprintf("team-%d", i/130)}, every(24*time.Hour))
	}
	for range pings {
		checks[0] = receive(t, checks[0], report(t, "2026-11-23T08:14:31Z", monitor.Success))
	}
	return checks
}

func TestABrowserIsSentWhatItLacks(t *testing.T) {
	later := func(d time.Duration) templates.Clock {
		c := clock(t)
		c.Now = c.Now.Add(d)
		return c
	}
	failed := many(t, 300, 1)
	failed[299] = receive(t, failed[299], report(t, "2026-11-23T08:14:31Z", monitor.Fail))
	for _, test := range []struct {
		name   string
		before templates.List
		now    templates.List
		whole  bool
		rows   []string
	}{
		{"nothing", drawn(query(t, ""), project(t), nil, clock(t)), templates.ListOf(query(t, ""), project(t), clock(t)), false, nil},
		{"one ping", drawn(query(t, ""), many(t, 3, 1), nil, clock(t)), templates.ListOf(query(t, ""), many(t, 3, 2), clock(t)), false, []string{"Job 0000 drawn"}},
		{"a row that is not drawn", drawn(query(t, "sort=name&group=none&from=0"), many(t, 300, 1), nil, clock(t)), templates.ListOf(query(t, "sort=name&group=none"), failed, clock(t)), false, nil},
		{"time passes", drawn(query(t, ""), many(t, 3, 1), nil, clock(t)), templates.ListOf(query(t, ""), many(t, 3, 1), later(2*time.Minute)), false, []string{"Job 0000 drawn"}},
		{"a new check", drawn(query(t, ""), many(t, 3, 1), nil, clock(t)), templates.ListOf(query(t, ""), many(t, 4, 1), clock(t)), true, nil},
		{"another order", drawn(query(t, "sort=name"), many(t, 3, 1), nil, clock(t)), templates.ListOf(query(t, "sort=took"), many(t, 3, 1), clock(t)), false, nil},
		{"a failure in a long list", drawn(query(t, ""), many(t, 300, 1), nil, clock(t)), templates.ListOf(query(t, ""), failed, later(5*time.Second)), false, nil},
		{"the same a little later", drawn(query(t, ""), many(t, 300, 1), nil, clock(t)), templates.ListOf(query(t, ""), failed, later(10*time.Second)), true, nil},
	} {
		news := test.now.Since(shown(test.before))
		var rows []string
		for _, row := range news.List {
			name := row.Name
			if row.Drawn {
				name += " drawn"
			}
			rows = append(rows, name)
		}
		if diff := cmp.Diff(test.rows, rows); news.Whole != test.whole || diff != "" {
			t.Errorf("%s: whole %t, want %t; rows (-want +got):\n%s", test.name, news.Whole, test.whole, diff)
		}
	}
}

// What a browser says is as good as any other input.
func TestNonsenseIsSentTheWholeList(t *testing.T) {
	l := templates.ListOf(query(t, ""), project(t), clock(t))
	for _, seen := range []string{"", ".", "..", l.Seen(), l.Seen() + "AAA", l.Seen() + strings.Repeat("é", 100), "x" + shown(l), strings.Repeat("A", 10_000)} {
		if news := l.Since(seen); !news.Whole {
			t.Errorf("%.40q: not sent the whole list", seen)
		}
	}
	if got, want := templates.ListOf(query(t, ""), nil, clock(t)).Total, 0; got != want {
		t.Errorf("%d checks", got)
	}
}

// A list beyond its first rows is cut into parts that are drawn when they are
// scrolled to; beyond its page it goes on at another address.
func TestLongLists(t *testing.T) {
	checks := many(t, templates.PageRows+50, 1)
	first := drawn(query(t, ""), checks, nil, clock(t))
	page := templates.ChecksPage{Page: frame(t, "Checks", "/checks"), List: first}
	html := rendered(t, templates.Checks(page))
	for _, want := range []string{
		`hx-get="/checks?rows=60-130" hx-swap="none" hx-trigger="intersect once"`,
		`hx-get="/checks?rows=130-230"`, `hx-get="/checks?rows=230-260"`, `<noscript>`,
		`rel="next" href="/checks?from=2000"`, "Rows 1 to 2,000 of 2,050",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if got := strings.Count(html, `<tr id="c-`); got != templates.PageRows {
		t.Errorf("%d rows, want %d", got, templates.PageRows)
	}
	second := drawn(query(t, "from=2000"), checks, nil, clock(t))
	rows := second.Rows(0, 10_000).List
	if len(rows) != 50 || !rows[0].Drawn || second.Groups[0].Count != 130 {
		t.Errorf("the second page has %d rows, drawn %t, of a group of %d", len(rows), rows[0].Drawn, second.Groups[0].Count)
	}
}

func TestSparkline(t *testing.T) {
	c := project(t)[0]
	l := drawn(query(t, "q=offsite"), []monitor.Check{c}, runsOfProject(t), clock(t))
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
		Page: frame(t, "Checks", "/checks"), List: drawn(query(t, ""), project(t), runsOfProject(t), clock(t)),
	}
	goldenPage(t, "checks.html", templates.Checks(page))
	goldenPage(t, "checks-live.html", templates.ChecksLive(page, page.Since(strings.TrimSuffix(shown(page.List), page.Rows(6, 7).List[0].Version())+"AAA")))
	page.List = drawn(query(t, "q=<script>&status=down"), project(t), nil, clock(t))
	goldenPage(t, "checks-none.html", templates.Checks(page))
	page.List = drawn(query(t, ""), nil, nil, clock(t))
	page.Page.Worst, page.Page.Down = "", 0
	page.TryAddress = "https://rollcall.example/ping/5f0b1c9e-6d43-4a4e-9a53-0d2f6c1f7a11"
	goldenPage(t, "checks-empty.html", templates.Checks(page))
}
