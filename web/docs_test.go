package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"rollcall/docs"
	"rollcall/internal/account"
	"rollcall/internal/dialect"
	"rollcall/internal/doctest"
	"rollcall/internal/monitor"
	"rollcall/templates"
	"rollcall/web"
)

func TestDocsSayTheLimits(t *testing.T) {
	number := func(n int) string { return doctest.Number(int64(n)) }
	per := func(n int, d time.Duration) string {
		return number(n) + " in " + strings.TrimPrefix(doctest.Time(d), "1 ")
	}
	doctest.Holds(t, "limits.md", "pages", doctest.Limits(
		doctest.Limit{"form", doctest.Size(web.FormLimit), "413; nothing is saved"},
		doctest.Limit{"checks of a project that are shown", number(web.ChecksLimit), "not shown"},
		doctest.Limit{"password", fmt.Sprintf("%d characters to %s", account.PasswordMin, doctest.Size(account.PasswordMax)), "refused"},
		doctest.Limit{"name of a project", number(account.ProjectNameLimit) + " characters", "refused"},
		doctest.Limit{"test messages of a project", per(web.TestsEach, web.TestWindow), "429"},
		doctest.Limit{"time logged in", doctest.Time(web.SessionLife) + "; " + doctest.Time(web.SessionIdle) + " without a request", "log in again"},
		doctest.Limit{"words of a search in this documentation", number(docs.QueryLimit) + " characters", "the rest is not looked for"},
		doctest.Limit{"places that it finds", number(docs.HitsLimit), "not shown"},
	))
	doctest.Holds(t, "api.md", "api limits", doctest.Limits(
		doctest.Limit{"requests of a key", per(web.APIRequests, web.APIWindow), "429"},
		doctest.Limit{"body", doctest.Size(web.APIBodyLimit), "413"},
		doctest.Limit{"`timeout` and `grace`", fmt.Sprintf("%d to %s seconds", web.APIMinSpan, number(web.APIMaxSpan)), "400"},
		doctest.Limit{"`tokens` in one request", number(web.APITokensLimit), "400"},
		doctest.Limit{"`Idempotency-Key`", fmt.Sprintf("%d printable characters without spaces", web.IdempotencyKeyLimit), "400"},
		doctest.Limit{"pings, events, deliveries in one answer", number(web.EventsMost), "`next_cursor` or `after`; of pings the newest"},
		doctest.Limit{"flips in one answer", number(web.APIFlipsMost), "the newest"},
	))
	doctest.Holds(t, "security.md", "guessing", doctest.Limits(
		doctest.Limit{"log-in attempts for an account", per(web.AccountTries, web.LoginWindow), "429"},
		doctest.Limit{"log-in attempts from one network", per(web.ClientTries, web.LoginWindow), "429"},
		doctest.Limit{"ping addresses that do not exist, from one network", per(web.MissTries, web.MissWindow), "429; those that exist are answered"},
		doctest.Limit{"wrong API keys from one network", per(web.WrongKeys, web.WrongWindow), "429"},
		doctest.Limit{"characters of a ping key", number(account.PingKeyLength), ""},
		doctest.Limit{"characters of an API key", number(account.APIKeyLength), ""},
	))
	doctest.Says(t, "healthchecks-api.md",
		fmt.Sprintf("%d requests a minute", web.APIRequests), fmt.Sprintf("A key is %d characters", account.APIKeyLength),
		fmt.Sprintf("up to %d, of up to %d characters", monitor.TagsLimit, monitor.TagLimit),
		"up to "+number(monitor.DescriptionLimit)+" characters", "the newest "+number(web.APIFlipsMost),
		fmt.Sprintf("%d seconds to %d days in requests", web.APIMinSpan, web.APIMaxSpan/86400),
		"a body of up to "+doctest.Size(web.APIBodyLimit))
	if web.APIWindow != time.Minute || web.APIPingsMost != web.EventsMost {
		t.Error("docs/healthchecks-api.md and api.md speak of a minute, and of as many pings as events")
	}
}

func TestDocsListEveryFormat(t *testing.T) {
	var rows [][]string
	for _, format := range dialect.Formats() {
		paths := "`" + strings.Join(format.Paths, "`, `") + "`"
		if format.Asks != "" {
			paths = fmt.Sprintf("`%s?%s=…`", format.Paths[0], format.Asks)
		}
		name := templates.ServiceName(format.Name)
		if name == "" {
			t.Errorf("%s has no name for people", format.Name)
		}
		if at := slices.IndexFunc(rows, func(row []string) bool { return row[0] == name }); at >= 0 {
			rows[at][1] += ", " + paths
			rows[at][2] = longer(rows[at][2], format.Methods)
			continue
		}
		rows = append(rows, []string{name, paths, format.Methods})
	}
	slices.SortFunc(rows, func(a, b []string) int { return strings.Compare(strings.ToLower(a[0]), strings.ToLower(b[0])) })
	doctest.Holds(t, "dialects.md", "formats", doctest.Table([]string{"service", "address", "methods"}, rows...))
	meanings := doctest.Rows(t, "dialects.md", "service")
	for _, row := range rows {
		if !slices.ContainsFunc(meanings, func(m []string) bool { return strings.Contains(m[0], row[0]) && m[1] != row[1] }) {
			t.Errorf("docs/dialects.md does not say what a report of %s means", row[0])
		}
	}
	doctest.Says(t, "dialects.md", fmt.Sprintf("%d to %d letters, digits, `-` and `_`, at least %d of them different", monitor.MinToken, monitor.MaxToken, monitor.MinTokenKinds))
}

func longer(a, b string) string {
	if len(a) > len(b) {
		return a
	}
	return b
}

// Every signal in the tables is read as what it is listed under.
func TestDocsSignals(t *testing.T) {
	for _, row := range doctest.Rows(t, "signals.md", "signal") {
		signal, address := row[0], strings.ReplaceAll(row[1], "UUID", "7d5f0c5e-94a1-4e0b-9d35-6a1a8e0a2b11")
		event, err := dialect.Healthchecks(address, "")
		got := string(event.Ping.Signal)
		if event.Ping.Exit != nil {
			got = "exit status"
		}
		if err != nil || got != signal {
			t.Errorf("%s is %q (%v), and listed as %s", address, got, err, signal)
		}
	}
}

// documents are all pages of the documentation with their addresses.
func documents() []string {
	paths := []string{docs.Path}
	for _, chapter := range docs.Read(docs.Place{Base: "http://localhost:8000"}) {
		for _, page := range chapter.Pages {
			paths = append(paths, page.Path())
		}
	}
	return paths
}

func TestDocsPages(t *testing.T) {
	s := newSite(t)
	anybody := s.browser()
	pages := map[string]*html.Node{}
	for _, path := range documents() {
		w := anybody.get(path)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d", path, w.Code)
		}
		page, err := html.Parse(w.Body)
		s.ok(err)
		pages[path] = page
	}
	ids := map[string]map[string]bool{}
	for path, page := range pages {
		ids[path] = idsOf(t, path, page)
		sound(t, path, page)
	}
	for path, page := range pages {
		for node := range page.Descendants() {
			link := attribute(node, "href")
			if node.Data != "a" || link == "" || strings.HasPrefix(link, "http") {
				continue
			}
			target, fragment, _ := strings.Cut(link, "#")
			target, _, _ = strings.Cut(target, "?")
			if target == "" {
				target = path
			}
			switch known := ids[target]; {
			case known == nil && strings.HasPrefix(target, docs.Path):
				t.Errorf("%s leads to %s, which is no page", path, link)
			case known != nil && fragment != "" && !known[fragment]:
				t.Errorf("%s leads to %s, which has no such place", path, link)
			case known == nil && anybody.get(target).Code >= http.StatusBadRequest:
				t.Errorf("%s leads to %s, which is nothing", path, link)
			}
		}
	}
}

// sound checks what every page has to be: one title, headings in order, all examples
// with a button to copy them, every cell with its column.
func sound(t *testing.T, path string, page *html.Node) {
	t.Helper()
	level, titles := 0, 0
	for node := range page.Descendants() {
		if node.Type != html.ElementNode {
			continue
		}
		switch node.Data {
		case "h1", "h2", "h3", "h4":
			now := int(node.Data[1] - '0')
			if now > level+1 {
				t.Errorf("%s: %s follows a heading of level %d", path, node.Data, level)
			}
			if level = now; now == 1 {
				titles++
			}
		case "pre":
			if attribute(node.Parent, "class") != "code" {
				t.Errorf("%s: an example cannot be copied", path)
			}
		case "td":
			if !hasAttribute(node, "data-column") {
				t.Errorf("%s: a cell does not know its column", path)
			}
		case "script":
			if attribute(node, "src") == "" {
				t.Errorf("%s: an inline script", path)
			}
		}
		if attribute(node, "style") != "" || strings.Contains(node.Data, "raw HTML omitted") {
			t.Errorf("%s: inline style", path)
		}
	}
	if titles != 1 {
		t.Errorf("%s has %d titles", path, titles)
	}
}

func idsOf(t *testing.T, path string, page *html.Node) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for node := range page.Descendants() {
		if id := attribute(node, "id"); id != "" && ids[id] {
			t.Errorf("%s has two places called %s", path, id)
		} else if id != "" {
			ids[id] = true
		}
	}
	return ids
}

func hasAttribute(node *html.Node, name string) bool {
	return slices.ContainsFunc(node.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func TestDocsForWhoeverReads(t *testing.T) {
	s := newSite(t)
	anybody, ines := s.browser(), s.signedIn()
	s.wants(anybody.get("/docs"), http.StatusOK, "Quick start", `<a href="/login">Log in</a>`)
	s.wants(ines.get("/docs/signals"), http.StatusOK, `<a href="/channels">`, "http://localhost:8000/ping/")
	s.wants(anybody.get("/docs/nothing"), http.StatusNotFound, "There is nothing at this address")
	if w := anybody.ask(http.MethodHead, "/docs/limits", nil); w.Code != http.StatusOK {
		t.Errorf("HEAD: %d", w.Code)
	}
	if page := anybody.get("/docs/quick-start").Body.String(); strings.Contains(page, "rollcall.example.org") {
		t.Error("the page speaks of another server")
	}
}

func TestDocsSearch(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	s.wants(b.get("/docs?q=exit+status"), http.StatusOK, `<a href="/docs/command-line#exit-statuses">Exit statuses</a>`, "<mark>exit</mark>")
	s.wants(b.get("/docs?q=RETRY-after"), http.StatusOK, "Notifications")
	s.wants(b.get("/docs?q=%3Cb%3Enope"), http.StatusOK, "Nothing in the documentation has all of “&lt;b&gt;nope”", "Show the contents")
	s.wants(b.get("/docs?q="+strings.Repeat("%F0%9F%98%80+", 300)), http.StatusOK, "Nothing in")
	s.wants(b.get("/docs?q=++"), http.StatusOK, "Quick start")
}

func TestDocsPlayground(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	play := func(expr, zone string) string {
		return "/docs/schedules?" + url.Values{"expr": {expr}, "zone": {zone}}.Encode()
	}
	for _, test := range []struct{ expr, zone, want, read string }{
		{"", "", "Cron expression is missing", "a cron expression"},
		{"30 6 * * 1-5", "Europe/Berlin", "Weekdays at 06:30", "a cron expression"},
		{"0 2 * * *", "Europe/Berlin", "02:00", "a cron expression"},
		{"Mon..Fri 06:30", "UTC", "Weekdays at 06:30", "OnCalendar"},
		{"90 min", "UTC", "Every 1 hour and 30 minutes", "a length of time"},
		{"61 * * * *", "UTC", "write numbers from 0 to 59", "a cron expression"},
		{"0 0 3 * * ?", "UTC", "0 3 * * * in UTC</a>", "a cron expression"},
		{"0 0 3 ? * MON-FRI *", "UTC", "0 3 * * MON-FRI in UTC</a>", "a cron expression"},
		{"*/5 * * * * /usr/bin/sync", "UTC", "*/5 * * * * in UTC</a>", "a cron expression"},
		{"@every 5m", "UTC", "5m in UTC</a>", "a cron expression"},
		{"0 3 * * *", "berlin", "0 3 * * * in Europe/Berlin</a>", "a cron expression"},
		{"0 3 * * *", "Middle Earth", "0 3 * * * in UTC</a>", "a cron expression"},
		{"<script>", "UTC", "&lt;script&gt;", "OnCalendar"},
		{"99999999999999999999h", "UTC", "", ""},
	} {
		w := b.get(play(test.expr, test.zone))
		s.wants(w, http.StatusOK, test.want, "Read as "+test.read)
		part := b.ask(http.MethodGet, play(test.expr, test.zone), nil, "HX-Request", "true")
		s.wants(part, http.StatusOK, test.want, "Read as "+test.read)
		if strings.Contains(part.Body.String(), "<html") {
			t.Error("htmx is given a whole page")
		}
	}
	if n := strings.Count(b.get(play("* * * * *", "UTC")).Body.String(), `<li><time datetime`); n != 10 {
		t.Errorf("%d times, want ten", n)
	}
}
