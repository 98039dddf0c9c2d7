package web_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/prove"
	"rollcall/internal/store"
	"rollcall/web"
)

// What the corpus of bad inputs cannot say in a row.

// Nothing that somebody types into an address of a page is our failure or a panic, on
// either engine.
func TestHostileAddressesOfPages(t *testing.T) {
	values := []string{"%00", "%ff%fe", "%ed%a0%80", "0", "-1", "9223372036854775808", "99999999999999999999", "..", "%2e%2e", "%2F", "%D9%A1", "'%20OR%201=1--", "%25", strings.Repeat("x", 4_000)}
	names := []string{
		"q", "tag", "status", "sort", "group", "rows", "check", "channel", "state", "before", "after", "open", "from", "to", "next", "kind", "who", "copy", "every", "cron", "cron_zone", "calendar", "unit",
		"project", "page", "show", "code", "expr", "zone", "until", "days", "limit",
	}
	tried := 0
	for _, engine := range []struct {
		name string
		site func(*testing.T) *site
	}{{"sqlite", func(t *testing.T) *site { return newSite(t) }}, {"postgres", func(t *testing.T) *site { return postgresSite(t) }}} {
		t.Run(engine.name, func(t *testing.T) {
			s := engine.site(t)
			check := s.addCheck(s.project.ID, "Nightly")
			b := s.signedIn()
			for _, way := range web.Ways() {
				if way.Method != http.MethodGet || way.Path == "/account/export" {
					continue // a copy may be taken a few times only
				}
				for _, value := range values {
					query := "?"
					for _, name := range names {
						query += name + "=" + value + "&"
					}
					paths := []string{variable.ReplaceAllLiteralString(way.Path, value)}
					if strings.HasPrefix(way.Path, "/checks/{id}") {
						paths = append(paths, fill(way.Path, map[string]string{"id": check.UUID.String(), "n": value}))
					}
					for _, path := range paths {
						for _, address := range []string{path, path + query} {
							tried++
							if w := b.get(address); w.Code >= 500 {
								t.Errorf("%.200s: %d", address, w.Code)
							}
						}
					}
				}
			}
			if log := s.log.String(); strings.Contains(log, "panic") {
				t.Errorf("something panicked:\n%s", log)
			}
		})
	}
	prove.Report(t, "INPUT U: no address of a page is our failure", tried, violations(t))
}

// goingAway is a reader who leaves after so many bytes.
type goingAway struct {
	*httptest.ResponseRecorder
	left    int
	largest int
}

var errLeft = errors.New("the reader has left")

// Write fails when the reader has left.
func (g *goingAway) Write(b []byte) (int, error) {
	g.largest = max(g.largest, len(b))
	if g.left -= len(b); g.left < 0 {
		return 0, errLeft
	}
	return g.ResponseRecorder.Write(b)
}

// A copy of an account is written as it is read, a page of pings at a time, and ends
// when nobody reads it any more (A38).
func TestACopyIsWrittenAsItIsRead(t *testing.T) {
	c := &counts{}
	s := newSite(t, counting(c))
	check := s.addCheck(s.project.ID, "Busy")
	most := prove.Scale(6_000, 200_000)
	for begun := 0; begun < most; begun += 2_000 {
		steps := make([]store.Step, 2_000)
		for i := range steps {
			ping := monitor.Ping{At: s.now().Add(time.Duration(begun+i) * time.Second), Signal: monitor.Success}
			steps[i] = store.Step{Ref: store.Ref{ID: check.ID}, Decide: func(c monitor.Check) monitor.Change { return c.Receive(ping) }}
		}
		_, err := s.st.Transitions(t.Context(), steps)
		s.ok(err)
	}
	b := s.signedIn()
	read := func(bytes int) *goingAway {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/account/export", nil)
		r.Host, r.RemoteAddr = s.base.Host, b.remote
		for _, cookie := range b.jar.Cookies(s.base) {
			r.AddCookie(cookie)
		}
		w := &goingAway{ResponseRecorder: httptest.NewRecorder(), left: bytes}
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
		}()
		s.handler.ServeHTTP(w, r)
		return w
	}
	whole := read(1 << 30)
	if pages := c.pings.Load(); pages < int64(most/1_000) || c.most.Load() > 1_000 || whole.largest > 64<<10 {
		t.Errorf("%d pages of up to %d pings, up to %d bytes at once", pages, c.most.Load(), whole.largest)
	}
	c.pings.Store(0)
	read(100 << 10)
	if pages := c.pings.Load(); pages > 2 {
		t.Errorf("%d pages were read for nobody", pages)
	}
}

// Whatever a request holds, each line of the log is one record of ours (H3s).
func TestARecordOfTheLogIsOneLine(t *testing.T) {
	const forged = "a\n{\"level\":\"ERROR\",\"msg\":\"forged\"}\r\n\x1b[31m"
	log := &lockedBuffer{}
	s := newSite(t, func(c *web.Config) {
		c.Log = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.Store = broken{c.Store, func() error { return fmt.Errorf("read %s: %w", forged, fault.Unavailable) }}
	})
	b := s.signedIn()
	escaped := url.PathEscape(forged)
	for _, path := range []string{"/channels", "/channels?q=" + escaped, "/" + escaped, "/checks/" + escaped} {
		b.ask("GET", path, nil, "User-Agent", "x\t\x7f", "Referer", escaped)
	}
	b.login(forged, forged)
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	for _, line := range lines {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil || record["msg"] == "forged" || record["time"] == nil {
			t.Errorf("a record is %q: %v", line, err)
		}
	}
	if len(lines) < 2 {
		t.Errorf("only %d records were written", len(lines))
	}
}

// The search of the logs finds what it looks for (H3s).
func TestSecretsInLogsAreFound(t *testing.T) {
	s := &secrets{all: map[string]bool{}}
	s.use("short")
	s.use("a-long-enough-secret")
	if found := s.in(`time=… msg="request failed" path=/login/a-long-enough-secret short`); len(found) != 1 || found[0] != "a-long-enough-secret" {
		t.Errorf("found %q", found)
	}
	if found := s.in("nothing here"); len(found) != 0 {
		t.Errorf("found %q", found)
	}
}
