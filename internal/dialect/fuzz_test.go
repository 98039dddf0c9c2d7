package dialect_test

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rollcall/internal/dialect"
	"rollcall/internal/monitor"
)

// FuzzFormats: whatever a request says, no format panics, and what it makes of it is
// something that can be stored. The parts of the path stand for the named parts of
// every address of every format, one after the other.
func FuzzFormats(f *testing.F) {
	f.Add("/%2e%2e/%00", "status=%zz&duration=NaN&s=1e999&metric=a:Inf", "Authorization: Bearer \xff", "{\"status\":")
	f.Add("/KEY123/nightly%20job", "state=complete&message=ok&metric=count:5&metric=duration:1.5&series=s1&stamp=1.5&try=1", "", "")
	f.Add("/42", "", "X-Sentry-Auth: Sentry sentry_key=KEY", "{}\n{\"type\":\"check_in\"}\n{\"monitor_slug\":\"x\",\"status\":\"error\",\"duration\":1e-3}")
	f.Add("/key/watchdog", "by=cluster&resolved=fail", "", `{"status":"firing","alerts":[{"status":"firing","labels":{"cluster":"a b"}}]}`)
	f.Add("/token", "event=any", "X-GitHub-Event: workflow_run\nX-Gitlab-Event: Pipeline Hook", `{"action":"completed","workflow_run":{"id":1,"conclusion":"failure"},"object_kind":"pipeline","object_attributes":{"id":1,"status":"failed","duration":-1}}`)
	f.Fuzz(func(t *testing.T, path, query, header, body string) {
		parts := strings.Split(strings.Trim(path, "/"), "/")
		for _, format := range dialect.Formats() {
			for _, pattern := range format.Paths {
				r := dialect.Request{Method: "POST", Pattern: pattern, Path: map[string]string{}, Query: dialect.Query(query), Header: http.Header{}, Body: []byte(body)}
				for line := range strings.Lines(header) {
					name, value, _ := strings.Cut(line, ":")
					r.Header.Add(name, strings.TrimSpace(value))
				}
				for i, name := range variable.FindAllStringSubmatch(pattern, -1) {
					r.Path[name[1]] = parts[i%len(parts)]
				}
				events, err := format.Read(r)
				var refusal dialect.Refusal
				if err != nil {
					if !errors.As(err, &refusal) || refusal.Text == "" || refusal.Code != 200 && refusal.Code/100 != 4 {
						t.Fatalf("%s %s: %#v", format.Name, pattern, err)
					}
					continue
				}
				for _, event := range events {
					if flaw := flawOf(event); flaw != "" {
						t.Fatalf("%s %s: %s: %+v", format.Name, pattern, flaw, event)
					}
				}
			}
		}
		for _, match := range dialect.Find(dialect.Formats(), path) {
			if match.Name == "" || match.Path == nil || !slices.Contains(match.Paths, match.Pattern) {
				t.Fatalf("%q: %+v", path, match)
			}
		}
	})
}

var (
	variable  = regexp.MustCompile(`{(\w+)}`)
	slugForm  = regexp.MustCompile(`^[a-z0-9_-]{1,100}$`)
	tokenForm = regexp.MustCompile(`^[A-Za-z0-9_-]{0,100}$`)
)

// flawOf says why an event cannot be stored as it is; "" when it can.
func flawOf(e dialect.Event) string {
	ping := e.Ping
	switch {
	case !slices.Contains([]monitor.Signal{monitor.Success, monitor.Fail, monitor.Start, monitor.Log}, ping.Signal):
		return "no such signal"
	case ping.RunID != "" && !monitor.ValidRunID(ping.RunID):
		return "no run id"
	case ping.Exit != nil && (*ping.Exit < monitor.MinExit || *ping.Exit > monitor.MaxExit):
		return "no exit status"
	case ping.Duration != nil && (*ping.Duration < 0 || *ping.Duration > monitor.LongestReported):
		return "no duration"
	case !tokenForm.MatchString(e.Token), !tokenForm.MatchString(e.PingKey):
		return "no token or ping key"
	case e.PingKey == "" && e.Create:
		return "a check without a project"
	case e.PingKey != "" && !slugForm.MatchString(e.Slug) && (e.Slug != "" || e.Create):
		return "no slug"
	}
	return ""
}
