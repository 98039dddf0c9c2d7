package dialect_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"rollcall/internal/dialect"
	"rollcall/internal/monitor"
)

// job is one event of a monitor that is made when it is not known.
func job(slug, title string, p monitor.Ping) []dialect.Event {
	return []dialect.Event{{PingKey: key, Slug: slug, Title: title, Create: true, Ping: p}}
}

func TestCronitor(t *testing.T) {
	const at = "/p/" + key + "/nightly"
	success, start, fail := monitor.Ping{Signal: monitor.Success}, monitor.Ping{Signal: monitor.Start}, monitor.Ping{Signal: monitor.Fail}
	in := func(run string, p monitor.Ping) monitor.Ping { p.RunID = run; return p }
	code := func(n int64, p monitor.Ping) monitor.Ping { p.Exit = &n; return p }
	took := func(d time.Duration, p monitor.Ping) monitor.Ping { p.Duration = &d; return p }
	said := func(message string, p monitor.Ping) monitor.Ping { p.Detail.Message = message; return p }
	warn := func(warning string, p monitor.Ping) []dialect.Event {
		events := job("nightly", "nightly", p)
		events[0].Warning = warning
		return events
	}
	nightly := func(p monitor.Ping) []dialect.Event { return job("nightly", "nightly", p) }
	readAs(t, dialect.Cronitor, []wire{
		{line: "GET " + at, want: nightly(success)},
		{line: "HEAD " + at + "/?state=", want: nightly(success)},
		{line: "POST " + at + "?state=run", want: nightly(start)},
		{line: "PUT " + at + "?state=RUN&series=r1", want: nightly(in("r1", start))},
		{line: "GET " + at + "?state=complete&series=r1", want: nightly(in("r1", success))},
		{line: "GET " + at + "?state=fail&series=r1", want: nightly(in("r1", fail))},
		{line: "GET " + at + "?state=tick", want: nightly(success)},
		{line: "GET " + at + "?state=logs&message=copied", want: nightly(said("copied", monitor.Ping{Signal: monitor.Log}))},
		// A person's reset ends whatever runs.
		{line: "GET " + at + "?state=ok&series=r1", want: nightly(success)},
		// The state wins, the exit status is kept.
		{line: "GET " + at + "?state=complete&status_code=3", want: nightly(code(3, success))},
		{line: "GET " + at + "?state=fail&exit_code=0", want: nightly(code(0, fail))},
		{line: "GET " + at + "?state=fail&status_code=3221225477&exit_code=1", want: nightly(code(3221225477, fail))},
		// Without a state the exit status decides.
		{line: "GET " + at + "?exit_code=1", want: nightly(code(1, fail))},
		{line: "GET " + at + "?status_code=0", want: nightly(code(0, success))},
		{line: "GET " + at + "?status_code=oops", want: warn("bad-status-code", fail)},
		// A state that is not known is no success.
		{line: "GET " + at + "?state=pause", want: warn("bad-state", monitor.Ping{Signal: monitor.Log})},
		{line: "GET " + at + "?state=failed&series=r1", want: warn("bad-state", in("r1", fail))},
		{line: "GET " + at + "?state=fail%zz", want: warn("bad-state", fail)},
		// Runs.
		{line: "GET " + at + "?state=run&series=two%20words", want: nightly(in("a03f1d611645eb53", start))},
		{line: "GET " + at + "?state=complete&series=two%20words", want: nightly(in("a03f1d611645eb53", success))},
		{line: "GET " + at + "?state=run&series=" + strings.Repeat("x", 65), want: nightly(in("9537c5fdf120482f", start))},
		// Durations and metrics.
		{line: "GET " + at + "?state=complete&duration=12.345", want: nightly(took(12345*time.Millisecond, success))},
		{line: "GET " + at + "?state=complete&metric=duration:1.5", want: nightly(took(1500*time.Millisecond, success))},
		{line: "GET " + at + "?state=complete&metric=duration:1.5&duration=0", want: nightly(took(0, success))},
		{line: "GET " + at + "?state=run&duration=5", want: nightly(start)},
		{line: "GET " + at + "?state=logs&metric=duration:5", want: nightly(took(5*time.Second, monitor.Ping{Signal: monitor.Log}))},
		{line: "GET " + at + "?state=complete&duration=-1", want: warn("bad-duration", success)},
		{line: "GET " + at + "?state=complete&duration=" + "1e30", want: warn("bad-duration", success)},
		{
			line: "GET " + at + "?metric=count:5&metric=error_count:0&metric=a:b:1e3&metric=length%3A4096",
			want: nightly(monitor.Ping{Signal: monitor.Success, Detail: monitor.Detail{Metrics: map[string]float64{"count": 5, "error_count": 0, "a:b": 1000, "length": 4096}}}),
		},
		{line: "GET " + at + "?metric=count&metric=:5&metric=x:y", want: warn("bad-metric", success)},
		{line: "GET " + at + "?metric=x:Inf", want: nightly(monitor.Ping{Signal: monitor.Success, Detail: monitor.Detail{Metrics: map[string]float64{"x": math.Inf(1)}}})}, // Bounded drops it
		// Words.
		{line: "GET " + at + "?msg=hello&env=staging&host=db1", want: nightly(monitor.Ping{Signal: monitor.Success, Detail: monitor.Detail{Message: "hello", Environment: "staging", Host: "db1"}})},
		{line: "GET " + at + "?message=a&msg=b", want: nightly(said("a", success))},
		{line: "POST " + at + "?state=complete&msg=a%0Ab%0A", want: nightly(said("a\nb\n", monitor.Ping{Signal: monitor.Success, Body: []byte("a\nb\n")}))},
		{line: "POST " + at + "?state=complete&msg=a%0Ab", body: "output", want: nightly(said("a\nb", monitor.Ping{Signal: monitor.Success, Body: []byte("output")}))},
		{line: "POST " + at + "?msg=done%0A", want: nightly(said("done\n", success))},
		// Names.
		{line: "GET /p/" + key + "/Nightly%20Job?state=run", want: job("nightly-job", "Nightly Job", start)},
		{line: "GET /p/" + key + "/%E3%81%B0", want: job("6eb4beb351ba4dd8", "ば", success)},
		{line: "GET /p/" + key + "/%00", want: job("6e340b9cffb37a98", "\x00", success)},
		{line: "GET /p/" + key + "/a%2Fb", want: job("a-b", "a/b", success)},
		{line: "GET /p/" + key + "/%20", refuse: dialect.Refusal{Code: 404, Text: "not found"}},
		{line: "GET /p/" + key + "/..", refuse: dialect.Refusal{Code: 404, Text: "not found"}},
		// Imported tokens.
		{line: "GET /" + token + "?state=run", want: pinged(start)},
		{line: "GET /" + token + "/complete?host=h", want: pinged(monitor.Ping{Signal: monitor.Success, Detail: monitor.Detail{Host: "h"}})},
		{line: "GET /" + token + "/fail", want: pinged(fail)},
	})
	answersAs(t, dialect.Cronitor, plainOK, plainNotFound, plainTryAgain)
}

// The address at /ping/ is also one of ours. It is Cronitor's when it says
// something that only Cronitor's clients do.
func TestCronitorAtPing(t *testing.T) {
	const at = "/ping/" + key + "/"
	for path, foreign := range map[string]bool{
		"nightly": false, "nightly?rid=r1&create=1": false, "nightly?state=": false,
		"nightly?state=run": true, "nightly?stamp=1.5": true, "nightly?state=fail;x": true, "nightly/start?state=x": true,
	} {
		target, query, _ := strings.Cut(at+path, "?")
		if event, err := dialect.Healthchecks(target, query); err != nil || event.Foreign != foreign {
			t.Errorf("%s: %v, %v; want %v", path, event.Foreign, err, foreign)
		}
	}
	readAs(t, dialect.Cronitor, []wire{
		{line: "GET " + at + "nightly?state=run", want: job("nightly", "nightly", monitor.Ping{Signal: monitor.Start})},
		{line: "GET " + at + "Nightly%20Job?stamp=1.5", want: job("nightly-job", "Nightly Job", monitor.Ping{Signal: monitor.Success})},
		{line: "GET " + at + "Nightly", refuse: dialect.Refusal{Code: 400, Text: "invalid url format"}},
		{line: "GET " + at + "nightly%20job", refuse: dialect.Refusal{Code: 404, Text: "not found"}},
		{line: "GET /ping/" + id + "/4294967296", refuse: dialect.Refusal{Code: 400, Text: "invalid url format"}},
		{line: "GET /ping/" + id + "/whatever", refuse: dialect.Refusal{Code: 404, Text: "not found"}},
		{line: "GET " + at + "nightly", refuse: dialect.Refusal{Code: 404, Text: "not found"}}, // not reached: it is ours
	})
}

// The requests that were recorded from Cronitor's clients, or read in their source.
func TestCronitorRecorded(t *testing.T) {
	const js, cli = "/ping/KEY123/nightly%20job?", "/ping/KEY123/NightlyJob?"
	event := func(slug, title string, p monitor.Ping) []dialect.Event {
		return []dialect.Event{{PingKey: "KEY123", Slug: slug, Title: title, Create: true, Ping: p}}
	}
	const header = "User-Agent: cronitor-js\nAuthorization: Basic S0VZMTIzOg==\nAccept: application/json, text/plain, */*"
	readAs(t, dialect.Cronitor, []wire{
		{
			line: "GET " + js + "state=run&series=s1&stamp=1795419916.859&env=staging", header: header,
			want: event("nightly-job", "nightly job", monitor.Ping{Signal: monitor.Start, RunID: "s1", Detail: monitor.Detail{Environment: "staging"}}),
		},
		{
			line:   "GET " + js + "state=complete&message=ok%2050%25%20%26%20done&metric=count:5&metric=error_count:0&metric=duration:1.5&series=s1&host=h1&stamp=1795419916.878&env=staging",
			header: header,
			want: event("nightly-job", "nightly job", monitor.Ping{
				Signal: monitor.Success, RunID: "s1", Duration: lasted(1500 * time.Millisecond),
				Detail: monitor.Detail{Message: "ok 50% & done", Environment: "staging", Host: "h1", Metrics: map[string]float64{"count": 5, "error_count": 0}},
			}),
		},
		{
			line: "GET " + js + "state=ok&stamp=1795419916.927&env=staging", header: header,
			want: event("nightly-job", "nightly job", monitor.Ping{Signal: monitor.Success, Detail: monitor.Detail{Environment: "staging"}}),
		},
		{ // cronitor-cli
			line: "GET " + cli + "state=run&try=1&stamp=1795419916.123&msg=backup.sh+--all&host=db1&series=1795419916.123&env=prod",
			want: event("nightlyjob", "NightlyJob", monitor.Ping{Signal: monitor.Start, RunID: "1795419916.123", Detail: monitor.Detail{Message: "backup.sh --all", Environment: "prod", Host: "db1"}}),
		},
		{
			line: "GET " + cli + "state=fail&try=1&stamp=1795419929.468&msg=disk+full%0Agiving+up+%5Bexit+status+3%5D&host=db1&duration=12.345&series=1795419916.123&status_code=3&metric=length%3A4096&env=prod",
			want: event("nightlyjob", "NightlyJob", monitor.Ping{
				Signal: monitor.Fail, RunID: "1795419916.123", Exit: exited(3), Duration: lasted(12345 * time.Millisecond),
				Detail: monitor.Detail{Message: "disk full\ngiving up [exit status 3]", Environment: "prod", Host: "db1", Metrics: map[string]float64{"length": 4096}},
				Body:   []byte("disk full\ngiving up [exit status 3]"),
			}),
		},
		{ // dkron
			line: "GET /p/KEY123/job?host=NODE&message=Job+run+by+Dkron&series=EXECKEY&state=run",
			want: event("job", "job", monitor.Ping{Signal: monitor.Start, RunID: "EXECKEY", Detail: monitor.Detail{Message: "Job run by Dkron", Host: "NODE"}}),
		},
		{ // cronitor-kubernetes
			line: "POST /ping/KEY123/job?state=fail&message=BackoffLimitExceeded&series=7a1c&exit_code=137&env=k8s&host=node-1&stamp=1795419916.1&metric=duration:2",
			want: event("job", "job", monitor.Ping{
				Signal: monitor.Fail, RunID: "7a1c", Exit: exited(137), Duration: lasted(2 * time.Second),
				Detail: monitor.Detail{Message: "BackoffLimitExceeded", Environment: "k8s", Host: "node-1"},
			}),
		},
	})
}

// FuzzCronitor: nothing panics, what is understood names a check and has a signal,
// and a failure is never a success.
func FuzzCronitor(f *testing.F) {
	f.Add("/p/"+key+"/nightly", "state=run&series=r1&stamp=1795419916.859")
	f.Add("/ping/"+key+"/nightly%20job", "state=complete&metric=count:5&duration=1.5&status_code=0")
	f.Add("/"+token+"/fail", "msg=a%0Ab&metric=:&series=%20")
	f.Fuzz(func(t *testing.T, path, query string) {
		for _, match := range dialect.Find([]dialect.Format{dialect.Cronitor}, path) {
			said := dialect.Query(query)
			events, err := match.Read(dialect.Request{Method: "GET", Pattern: match.Pattern, Path: match.Path, Query: said})
			if err != nil {
				if !errors.As(err, new(dialect.Refusal)) {
					t.Fatalf("%q: %v", path, err)
				}
				continue
			}
			e := events[0]
			state := said.Get("state")
			if match.Path["state"] != "" {
				state = match.Path["state"]
			}
			switch {
			case len(events) != 1 || e.Slug != "" && len(e.Slug) > monitor.SlugLimit:
				t.Fatalf("%q: %+v", path, events)
			case e.Ping.RunID != "" && !monitor.ValidRunID(e.Ping.RunID):
				t.Fatalf("run id %q", e.Ping.RunID)
			case e.Ping.Signal == "" || strings.EqualFold(state, "fail") && e.Ping.Signal != monitor.Fail:
				t.Fatalf("%q?%q: %q", path, query, e.Ping.Signal)
			}
		}
	})
}
