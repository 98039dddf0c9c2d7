package templates_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/templates"
)

// story lets things happen to a check by the real rules, and keeps what the store
// would: everything newest first.
type story struct {
	check monitor.Check
	templates.History
}

func (s *story) then(changes ...func(monitor.Check) monitor.Change) {
	for _, decide := range changes {
		change := decide(s.check)
		s.check = change.Check
		if change.Ping != nil {
			s.Pings = append([]monitor.Ping{*change.Ping}, s.Pings...)
		}
		if change.Flip != nil {
			s.Flips = append([]monitor.Flip{*change.Flip}, s.Flips...)
		}
		if d := change.Decision; d != nil && d.Suppressed == monitor.ByThreshold {
			kept := map[monitor.Matter]*[]monitor.Decision{monitor.OfDeadline: &s.Missed, monitor.OfPing: &s.Failed}[d.About]
			*kept = append([]monitor.Decision{*d}, *kept...)
		}
	}
	s.Check, s.Show, s.Size = s.check, templates.ShowAll, 60
}

func ping(p monitor.Ping) func(monitor.Check) monitor.Change {
	return func(c monitor.Check) monitor.Change { return c.Receive(p) }
}

func expire(t *testing.T, at string) func(monitor.Check) monitor.Change {
	t.Helper()
	now := instant(t, at)
	return func(c monitor.Check) monitor.Change { return c.Expire(now, now) }
}

// nights is a week of a nightly backup that ends in a miss: a run each night, one
// with output, and two channels of which one took the message.
func nights(t *testing.T) story {
	t.Helper()
	s := story{check: job(t, 1, "Offsite backup", []string{"backup", "prod"}, nightly())}
	s.check.Slug, s.check.Description = "offsite-backup", "Restic to <Helsinki>."
	s.check.MaxRuntime = new(45 * time.Minute)
	for night := range 8 {
		start := report(t, "2026-11-15T01:00:02Z", monitor.Start)
		start.At, start.RunID = start.At.AddDate(0, 0, night), "c41f"
		end := report(t, "2026-11-15T01:22:00Z", monitor.Success)
		end.At, end.RunID, end.Exit = end.At.AddDate(0, 0, night).Add(time.Duration(night)*time.Minute), "c41f", new(int64(0))
		if night == 7 {
			end.Body = []byte("snapshot 9e0f31c2 saved\n\x1b[32mdone\x1b[0m <b>\n")
			end.BodySize = int64(len(end.Body))
		}
		s.then(ping(start), ping(end))
	}
	s.then(expire(t, "2026-11-23T01:15:00.4Z"))
	judged := s.Flips[0].Judged
	s.Deliveries = []templates.Telling{
		{ChannelName: "Paging", ChannelKind: monitor.Webhook, Delivery: monitor.Delivery{
			ID: 8, Channel: 2, Kind: monitor.ForFlip, Rev: s.check.Rev, State: monitor.Pending, Attempts: 11, Created: judged,
			NextAt: instant(t, "2026-11-23T09:14:00Z"), Answer: "503 Service Unavailable",
		}},
		{ChannelName: "Night shift", ChannelKind: monitor.Email, Delivery: monitor.Delivery{
			ID: 7, Channel: 1, Kind: monitor.ForFlip, Rev: s.check.Rev, State: monitor.Sent, Attempts: 1, Created: judged,
			Ended: judged.Add(1600 * time.Millisecond), Answer: "250 2.0.0 queued as 4F1c9",
		}},
	}
	s.Blinds = []monitor.Blind{{From: instant(t, "2026-11-17T12:52:00Z"), To: instant(t, "2026-11-17T14:10:00Z"), Cause: "the database did not answer"}}
	return s
}

func pageOf(t *testing.T, s story, channels ...monitor.Channel) templates.CheckPage {
	t.Helper()
	facts := templates.CheckFacts{
		Check: s.check, Runs: templates.RunsOf(s.Pings, s.Flips, s.Missed), History: s.History, Latest: s.Deliveries,
		Channels: channels, BaseURL: "https://rollcall.example",
	}
	if len(s.Flips) > 0 {
		facts.Flip = &s.Flips[0]
	}
	return templates.CheckPageOf(frame(t, s.check.Name, "/checks"), facts)
}

func TestCheckPage(t *testing.T) {
	page := pageOf(t, nights(t),
		monitor.Channel{ID: 1, Name: "Night shift", Kind: monitor.Email}, monitor.Channel{ID: 2, Name: "Paging", Kind: monitor.Webhook},
		monitor.Channel{ID: 3, Name: "Old hook", Kind: monitor.Webhook, Disabled: "its receiver answered 410 twice"})
	goldenPage(t, "check.html", templates.CheckView(page))
	goldenPage(t, "check-live.html", templates.CheckLive(page, false))

	fresh := story{check: job(t, 7, "Sitemap", nil, every(time.Hour))}
	fresh.then()
	goldenPage(t, "check-new.html", templates.CheckView(pageOf(t, fresh)))
}

func TestPingPage(t *testing.T) {
	s := nights(t)
	goldenPage(t, "ping.html", templates.PingView(templates.PingPage{
		Page: frame(t, "Ping", "/checks"), Path: templates.CheckPath(s.check.UUID), Check: s.check, Ping: s.Pings[0],
	}))
}

// A mail that came late and says much.
func TestPingPageOfOneThatSaysMuch(t *testing.T) {
	s := nights(t)
	p := s.Pings[0]
	p.Scheme, p.Method, p.Duration = monitor.Mail, "", nil
	p.Detail = monitor.Detail{
		Dialect: "cronitor", Message: "50 % <b>done</b>", Environment: "staging", Host: "h1",
		Metrics: map[string]float64{"rows": 0, "size": 1.25}, Arrived: p.At.Add(90 * time.Minute),
	}
	goldenPage(t, "ping-told.html", templates.PingView(templates.PingPage{
		Page: frame(t, "Ping", "/checks"), Path: templates.CheckPath(s.check.UUID), Check: s.check, Ping: p,
	}))
}

// lines is a timeline in short: headings, folds in brackets, and entries.
func lines(l templates.Timeline) []string {
	var out []string
	for _, b := range l.Blocks {
		switch {
		case b.Fold != nil:
			out = append(out, plain("["+b.Fold.When+": "+b.Fold.What+"]"))
			continue
		case b.Heading != "":
			out = append(out, b.Heading)
		}
		for _, e := range b.Entries {
			words := e.Time.Words
			if e.Old != "" {
				words += " " + templates.StatusWord(e.Old) + " → " + templates.StatusWord(e.Status)
			}
			for _, part := range []string{e.Lead, e.Quote, e.Rest, e.Code, e.Note, e.End} {
				if part != "" {
					words += " · " + part
				}
			}
			out = append(out, plain(words))
		}
	}
	return out
}

func TestTimelineTellsAStory(t *testing.T) {
	s := nights(t)
	want := []string{
		"Today, Monday 23 November",
		"02:15 · Paging · did not take it, for the 11th time: · 503 Service Unavailable · next try 10:14",
		"02:15 · Night shift · took the mail: · 250 2.0.0 queued as 4F1c9 · after 1.6 s",
		"02:15 Up → Down · Nothing arrived by 02:15. Judged at 02:15:00.4. 1 of 2 channels took the message.",
		"Yesterday, Sunday 22 November",
		"02:29 · Run succeeded · exit status 0, run c41f, started 02:00:02, from 203.0.113.14 · 28 min 58 s",
		"Saturday 21 November",
		"02:28 · Run succeeded · exit status 0, run c41f, started 02:00:02, from 203.0.113.14 · 27 min 58 s",
		"Friday 20 November",
		"02:27 · Run succeeded · exit status 0, run c41f, started 02:00:02, from 203.0.113.14 · 26 min 58 s",
		"Thursday 19 November",
		"02:26 · Run succeeded · exit status 0, run c41f, started 02:00:02, from 203.0.113.14 · 25 min 58 s",
		"Wednesday 18 November",
		"02:25 · Run succeeded · exit status 0, run c41f, started 02:00:02, from 203.0.113.14 · 24 min 58 s",
		"Tuesday 17 November",
		"13:52 · Rollcall was blind · until 15:10: the database did not answer. Pings sent then could not be stored. · 1 h 18 min",
		"02:24 · Run succeeded · exit status 0, run c41f, started 02:00:02, from 203.0.113.14 · 23 min 58 s",
		"Monday 16 November",
		"02:23 · Run succeeded · exit status 0, run c41f, started 02:00:02, from 203.0.113.14 · 22 min 58 s",
		"Sunday 15 November",
		"02:22 New → Up · Reported exit status 0 after 21 min 58 s. ",
		"02:22 · Run succeeded · exit status 0, run c41f, started 02:00:02, from 203.0.113.14 · 21 min 58 s",
	}
	got := lines(templates.TimelineOf(s.History, "/checks/x", clock(t)))
	for i := range want {
		want[i] = strings.TrimSpace(want[i])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("timeline (-want +got):\n%s", diff)
	}
}

// What was counted without being kept is said, and a ping without effect says why.
func TestTimelineOwnsUpToWhatIsMissing(t *testing.T) {
	s := story{check: job(t, 1, "Flooded", nil, every(time.Hour))}
	for i := range 48 {
		p := report(t, "2026-11-23T08:10:00Z", monitor.Log)
		p.At, p.Body = p.At.Add(time.Duration(i)*time.Millisecond), []byte("stale lock removed\n")
		s.then(ping(p))
	}
	s.check.PostOnly = true
	s.then(ping(report(t, "2026-11-23T08:11:00Z", monitor.Success)))
	got := lines(templates.TimelineOf(s.History, "/checks/x", clock(t)))
	want := []string{
		"Today, Monday 23 November",
		"09:11 · Ping ignored · only POST counts for this check; it said success. from 203.0.113.14",
		"09:10 · 38 more pings in this second were counted but not kept.",
		"09:10 · Log · stale lock removed · from 203.0.113.14",
	}
	if diff := cmp.Diff(want, got[:4]); diff != "" {
		t.Errorf("timeline (-want +got):\n%s", diff)
	}
	if got, want := len(got), 3+10; got != want {
		t.Errorf("%d lines, want %d", got, want)
	}
}

// What is shown narrows the story: runs alone with those that never came, or every ping.
func TestTimelineIsNarrowed(t *testing.T) {
	s := nights(t)
	s.then(ping(report(t, "2026-11-23T06:00:00Z", monitor.Log)), ping(report(t, "2026-11-23T06:01:00Z", monitor.Start)))
	s.Deliveries = nil // which are not read for these
	for show, want := range map[string]string{
		templates.ShowRuns:  "02:15 Up → Down · Nothing",
		templates.ShowPings: "07:01 · Run started · from",
	} {
		s.Show = show
		got := lines(templates.TimelineOf(s.History, "/checks/x", clock(t)))
		if !strings.HasPrefix(got[1], want) {
			t.Errorf("%s begins %q, want %q", show, got[1], want)
		}
		var starts, logs, changes int
		for _, line := range got {
			starts += strings.Count(line, "Run started")
			logs += strings.Count(line, "· Log")
			changes += strings.Count(line, "New → Up")
		}
		if show == templates.ShowRuns && starts+logs+changes > 0 || show == templates.ShowPings && (starts != 9 || logs != 1) {
			t.Errorf("%s shows %d starts, %d logs, %d changes\n%s", show, starts, logs, changes, strings.Join(got, "\n"))
		}
	}
}

// A bad result that did not take the check down stands where it happened.
func TestTimelineOfToleratedResults(t *testing.T) {
	s := story{check: job(t, 1, "Patient", nil, every(time.Hour))}
	s.check.Threshold = new(5)
	s.then(ping(report(t, "2026-11-23T03:00:00Z", monitor.Success)), expire(t, "2026-11-23T04:15:00Z"),
		expire(t, "2026-11-23T05:15:00Z"), ping(report(t, "2026-11-23T05:30:00Z", monitor.Fail)),
		ping(report(t, "2026-11-23T05:40:00Z", monitor.Start)), expire(t, "2026-11-23T05:55:00Z"))
	want := []string{
		"Today, Monday 23 November",
		"06:55 · Run over its limit · started 06:40:00; 4 of 5 bad results in a row, nobody was told",
		"06:40 · Run started · from 203.0.113.14",
		"06:30 · Failure · from 203.0.113.14; 3 of 5 bad results in a row, nobody was told",
		"06:15 · Missed · expected by 06:00; 2 of 5 bad results in a row, nobody was told",
		"05:15 · Missed · expected by 05:00; 1 of 5 bad results in a row, nobody was told",
		"04:00 New → Up · Reported success.",
		"04:00 · Success · from 203.0.113.14",
	}
	if diff := cmp.Diff(want, lines(templates.TimelineOf(s.History, "/checks/x", clock(t)))); diff != "" {
		t.Errorf("timeline (-want +got):\n%s", diff)
	}
	v := templates.VerdictOf(s.check, nil, nil, clock(t))
	if want := "Expected by 07:55. Alerts at 08:10. Last success 04:00. 4 of 5 bad results in a row."; v.Status != monitor.Late || plain(v.Sentence) != want {
		t.Errorf("%s: %q, want %q", v.Status, plain(v.Sentence), want)
	}
	if got := plain(templates.WhyOf(s.check, clock(t))); !strings.HasSuffix(got, "4 of 5 bad results in a row.") {
		t.Errorf("in the list: %q", got)
	}
	var ends []templates.How
	for _, run := range templates.RunsOf(s.Pings, s.Flips, s.Missed) {
		ends = append(ends, run.How)
	}
	if want := []templates.How{templates.Good, templates.Missed, templates.Missed, templates.Failed, templates.Missed}; !slices.Equal(ends, want) {
		t.Errorf("runs ended %v, want %v", ends, want)
	}
	s.Show = templates.ShowRuns
	if got := lines(templates.TimelineOf(s.History, "/checks/x", clock(t))); len(got) != 1+5 {
		t.Errorf("runs: %q", got)
	}
}

// The pages of a timeline hold everything once, in the same order as one page would.
func TestTimelinePagesLoseNothing(t *testing.T) {
	s := nights(t)
	s.Blinds = nil
	for day := range 4 {
		at := instant(t, "2026-11-20T12:00:00Z").AddDate(0, 0, -day)
		s.Missed = append(s.Missed, monitor.Decision{Key: at.UnixMicro(), Deadline: at, Due: at, Bad: 1, Of: 2})
	}
	entries := func(l templates.Timeline) (n int) {
		for _, b := range l.Blocks {
			for _, e := range b.Entries {
				if e.Lead != "Run started" { // its end may stand on the page before
					n++
				}
			}
		}
		return n
	}
	whole := entries(templates.TimelineOf(s.History, "/x", clock(t)))
	seen, pages := 0, 0
	for from := ""; ; pages++ {
		if pages > 20 {
			t.Fatal("the pages have no end")
		}
		h := s.History
		h.Size, h.From = 3, templates.ParseCursor(from)
		h.Pings = below(s.Pings, h.From.Ping, h.Size+1, func(p monitor.Ping) int64 { return p.N })
		h.Flips = below(s.Flips, h.From.Rev, h.Size+1, func(f monitor.Flip) int64 { return f.Rev })
		h.Missed = below(s.Missed, h.From.Missed, h.Size+1, func(d monitor.Decision) int64 { return d.Key })
		h.Deliveries = below(s.Deliveries, int64(h.From.Delivery), h.Size+1, func(d templates.Telling) int64 { return int64(d.ID) })
		l := templates.TimelineOf(h, "/x", clock(t))
		seen += entries(l)
		if l.Older == "" {
			break
		}
		_, from, _ = strings.Cut(l.Older, "before=")
		from = strings.TrimSuffix(from, "#timeline")
	}
	if seen != whole || whole != 16 || pages < 5 {
		t.Errorf("%d entries on %d pages, %d on one; want 16", seen, pages+1, whole)
	}
}

// below is a page of a list as the store gives it.
func below[T any](list []T, before int64, limit int, number func(T) int64) []T {
	var page []T
	for _, item := range list {
		if (before == 0 || number(item) < before) && len(page) < limit {
			page = append(page, item)
		}
	}
	return page
}

func TestQuietStretchesAreFolded(t *testing.T) {
	s := story{check: job(t, 1, "Heartbeat", nil, every(time.Minute))}
	for i := range 30 {
		p := report(t, "2026-11-23T07:44:00Z", monitor.Success)
		p.At = p.At.Add(time.Duration(i) * time.Minute)
		s.then(ping(p))
	}
	got := lines(templates.TimelineOf(s.History, "/checks/x", clock(t)))
	want := []string{
		"Today, Monday 23 November",
		"09:13 · Success · from 203.0.113.14", "09:12 · Success · from 203.0.113.14", "09:11 · Success · from 203.0.113.14",
		"09:10 · Success · from 203.0.113.14", "09:09 · Success · from 203.0.113.14",
		"[08:45 to 09:08: 24 successes in a row]",
		"08:44 New → Up · Reported success.", "08:44 · Success · from 203.0.113.14",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("timeline (-want +got):\n%s", diff)
	}
}

func TestCursorsThatMakeNoSenseAreTheFirstPage(t *testing.T) {
	for _, text := range []string{"", "x", "1-2-3", "-1-2-3-4", "1-2-3-0", "9999999999999999999999-1-1-1"} {
		if got := templates.ParseCursor(text); got != (templates.Cursor{}) {
			t.Errorf("ParseCursor(%q) = %v", text, got)
		}
	}
	c := templates.Cursor{Ping: 12, Rev: 0, Delivery: 7, At: 1_700_000_000_000_000}
	if got := templates.ParseCursor(c.String()); got != c {
		t.Errorf("ParseCursor(%q) = %v", c, got)
	}
}

func TestVerdicts(t *testing.T) {
	checks := project(t)
	overran := receive(t, job(t, 8, "Overran", nil, nightly()), report(t, "2026-11-21T01:05:00Z", monitor.Success))
	overran = receive(t, overran, report(t, "2026-11-22T01:03:00Z", monitor.Start))
	overran = overran.Expire(instant(t, "2026-11-22T01:18:01Z"), instant(t, "2026-11-22T01:18:01Z")).Check
	troubled := checks[4]
	troubled.Trouble = "no such time zone"
	manual := checks[5]
	manual.ManualResume = true
	resumed, err := checks[5].Resume(instant(t, "2026-11-23T08:00:00Z"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		check monitor.Check
		want  string
	}{
		{checks[0], "Down since 02:15 | Expected by 02:00, grace 15 min. Nothing arrived. Last success yesterday 02:25, took 22 min."},
		{checks[1], "Down since 09:06 | Reported exit status 1. It has never succeeded."},
		{checks[2], "Late | Expected by 09:10. Alerts at 09:25. Last success 07:10."},
		{checks[3], "Running since 09:02 | It has been running for 12 min. Last success 03:10."},
		{checks[4], "Up | Last success 09:12. Next by 09:17."},
		{checks[5], "Paused since Wed 18 Nov, 10:00 | Nothing is expected, and nobody is told. The next ping starts the watch again."},
		{manual, "Paused since Wed 18 Nov, 10:00 | Nothing is expected, and nobody is told. Pings are ignored until somebody resumes it."},
		{checks[6], "New | It is never late before its first ping."},
		{resumed.Check, "New | Resumed, no ping since then. Expected by tomorrow 02:00."},
		{overran, "Down since yesterday 02:18 | Run started yesterday 02:03, limit 15 min, has not ended. Last success Sat 21 Nov, 02:05."},
		{troubled, "Up | It cannot be judged: no such time zone. Last success 09:12. Next by 09:17."},
	} {
		v := templates.VerdictOf(test.check, nil, nil, clock(t))
		got := v.Word
		if !v.Since.IsZero() {
			got += " since " + clock(t).At(v.Since)
		}
		if got = plain(got + " | " + v.Sentence); got != test.want {
			t.Errorf("%s: %q, want %q", test.check.Name, got, test.want)
		}
	}
}

// A check that was blind when it was due says when that was, not when it was judged.
func TestVerdictOfUnknown(t *testing.T) {
	c := receive(t, job(t, 1, "Tape", nil, schedule.Spec{Kind: schedule.Cron, Expr: "30 2 14 * *", Zone: "Europe/Berlin"}),
		report(t, "2026-10-14T00:52:00Z", monitor.Success))
	c = c.Overlook(monitor.Blind{From: instant(t, "2026-11-14T00:52:00Z"), To: instant(t, "2026-11-14T02:10:00Z")}).Check
	c = c.Expire(instant(t, "2026-11-14T06:00:00Z"), instant(t, "2026-11-14T06:00:00Z")).Check
	v := templates.VerdictOf(c, nil, nil, clock(t))
	want := "Rollcall was blind when it was due, Sat 14 Nov, 02:30. Nobody was alerted. Last success Wed 14 Oct, 02:52."
	if v.Status != monitor.Unknown || plain(v.Sentence) != want {
		t.Errorf("%s: %q, want %q", v.Status, v.Sentence, want)
	}
}

func TestRulerOfWhatIsDown(t *testing.T) {
	s := nights(t)
	var got []string
	for _, p := range templates.VerdictOf(s.check, &s.Flips[0], nil, clock(t)).Ruler {
		got = append(got, plain(clock(t).At(p.At)+" "+p.What))
	}
	want := []string{"yesterday 02:29 last success", "02:00 expected", "02:15 grace over", "09:14 now, 6 h 59 min down"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ruler (-want +got):\n%s", diff)
	}
}

func TestChartScalesToItsRuns(t *testing.T) {
	for _, test := range []struct {
		longest time.Duration
		want    string
	}{
		{400 * time.Millisecond, "0.4 s 0.3 0.2 0.1 0"},
		{3 * time.Second, "3 s 2 1 0"},
		{28 * time.Minute, "30 min 20 10 0"},
		{95 * time.Minute, "120 min 90 60 30 0"},
		{5 * time.Hour, "6 h 4 2 0"},
	} {
		s := story{check: job(t, 1, "Chart", nil, nightly())}
		start := report(t, "2026-11-20T01:00:00Z", monitor.Start)
		end := start
		end.Signal, end.At = monitor.Success, start.At.Add(test.longest)
		s.then(ping(start), ping(end))
		if got := plain(strings.Join(pageOf(t, s).Chart.Ys, " ")); got != test.want {
			t.Errorf("%v: axis %q, want %q", test.longest, got, test.want)
		}
	}
}

// Without start signals there is no axis and no range, and the page says why.
func TestChartWithoutDurations(t *testing.T) {
	s := story{check: job(t, 1, "Ticks", nil, every(time.Minute))}
	s.then(ping(report(t, "2026-11-23T08:10:00Z", monitor.Success)))
	c := pageOf(t, s).Chart
	if c.Timed || c.Band != nil || len(c.Ys) != 0 || c.Note != "no start signal, so durations are not known" {
		t.Errorf("chart %+v", c)
	}
}

func TestCrontabLines(t *testing.T) {
	for _, test := range []struct {
		spec schedule.Spec
		want string
	}{
		{nightly(), "0 2 * * * your-command; curl"},
		{every(time.Minute), "* * * * * your-command; curl"},
		{every(15 * time.Minute), "*/15 * * * * your-command; curl"},
		{every(time.Hour), "0 * * * * your-command; curl"},
		{every(6 * time.Hour), "0 */6 * * * your-command; curl"},
		{every(7 * time.Minute), "0 3 * * * your-command; curl"},
		{every(30 * time.Second), "0 3 * * * your-command; curl"},
		{schedule.Spec{Kind: schedule.OnCalendar, Expr: "daily", Zone: "UTC"}, "0 3 * * * your-command; curl"},
		{schedule.Spec{Kind: schedule.Cron, Expr: "@weekly", Zone: "UTC"}, "0 0 * * 0 your-command; curl"},
	} {
		s := story{check: job(t, 1, "Cron", nil, test.spec)}
		s.then()
		if got := pageOf(t, s).How.Tabs[1].Before; !strings.HasPrefix(got, test.want) {
			t.Errorf("%+v: %q, want %q", test.spec, got, test.want)
		}
	}
}

// A body is a stranger's: nothing in it may act.
func TestExcerptsAreInert(t *testing.T) {
	for body, want := range map[string]string{
		"plain\r\ntext\t.":       "plain\ntext\t.",
		"\x1b[31mred\x1b[0m":     "␛[31mred␛[0m",
		"a\x00b\x7f":             "a␀b␡",
		"bad \xff\xfe utf-8":     "bad \uFFFD utf-8",
		"turned \u202egnp.exe":   "turned \uFFFDgnp.exe",
		"next line \u0085 there": "next line \uFFFD there",
	} {
		if got := templates.Excerpt([]byte(body)); got != want {
			t.Errorf("Excerpt(%q) = %q, want %q", body, got, want)
		}
	}
}
