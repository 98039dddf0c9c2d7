package web_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
)

// local is the path of an address that the API gave out.
func (a *api) local(address any) string {
	a.Helper()
	text, _ := address.(string)
	path, ok := strings.CutPrefix(text, "http://localhost:8000")
	if !ok {
		a.Fatalf("%v is no address of ours", address)
	}
	return path
}

// stranger asks without a key.
func (a *api) stranger(path string) reply {
	a.Helper()
	return a.ask("", http.MethodGet, path, "")
}

func TestAPIBadges(t *testing.T) {
	bothEngines(t, func(a *api) {
		up, late := a.addCheck(a.project.ID, "Up"), a.addCheck(a.project.ID, "Late <&> \"one\"")
		down, fresh := a.addCheck(a.project.ID, "Down"), a.addCheck(a.project.ID, "New")
		tag := func(check monitor.Check, tags ...string) {
			a.change(check, func(c *monitor.Config) { c.Tags = tags })
		}
		tag(up, "good", "all")
		tag(late, "slow", "all", "a/b?c")
		tag(down, "bad", "all", "</text><script>")
		tag(fresh, "good")
		begin := a.now()
		a.report(up, monitor.Ping{At: begin.Add(time.Minute), Signal: monitor.Success})
		a.report(late, monitor.Ping{At: begin, Signal: monitor.Success})
		a.report(down, monitor.Ping{At: begin, Signal: monitor.Fail})
		a.ahead.Store(int64(time.Hour + 30*time.Second)) // late is over its hour, and inside its minute of grace

		badges := a.ask(roKey, http.MethodGet, "/api/v3/badges/", "").is(200).doc()["badges"].(map[string]any)
		for _, test := range []struct {
			tag, two, three     string
			total, grace, downs float64
		}{
			{"*", "down", "down", 4, 1, 1},
			{"good", "up", "up", 2, 0, 0},
			{"slow", "up", "late", 1, 1, 0},
			{"a/b?c", "up", "late", 1, 1, 0},
			{"bad", "down", "down", 1, 0, 1},
			{"all", "down", "down", 3, 1, 1},
			{"</text><script>", "down", "down", 1, 0, 1},
		} {
			urls, ok := badges[test.tag].(map[string]any)
			if !ok || len(urls) != 6 {
				a.Errorf("%s has the badges %v", test.tag, badges[test.tag])
				continue
			}
			label := strings.Replace(test.tag, "*", "checks", 1)
			for _, of := range []struct{ suffix, status string }{{"", test.two}, {"3", test.three}} {
				a.stranger(a.local(urls["json"+of.suffix])).is(200).has("status", of.status, "total", test.total, "grace", test.grace, "down", test.downs)
				color := map[string]string{"up": "success", "late": "important", "down": "critical"}[of.status]
				a.stranger(a.local(urls["shields"+of.suffix])).is(200).has("schemaVersion", 1, "label", label, "message", of.status, "color", color)
				a.drawn(a.local(urls["svg"+of.suffix]), label, of.status)
			}
		}
		if len(badges) != 7 {
			a.Errorf("there are %d badges", len(badges))
		}

		badge := a.get(at(late, "")).doc()["badge_url"]
		a.drawn(a.local(badge), `Late <&> "one"`, "up")
		three := strings.Replace(a.local(badge), "/b/2/", "/b/3/", 1)
		a.drawn(three, `Late <&> "one"`, "late")
		a.stranger(strings.TrimSuffix(three, "svg")+"json").is(200).has("status", "late", "total", 1)

		a.Run("what is no badge", func(t *testing.T) {
			project := a.local(badges["good"].(map[string]any)["svg"])
			parts := strings.Split(project, "/") // "", badge, key, sign-2, good.svg
			guessed := uuid.MustParse(strings.TrimSuffix(strings.TrimPrefix(a.local(badge), "/b/2/"), ".svg"))
			guessed[15] ^= 1
			for _, path := range []string{
				strings.Replace(project, "good", "bad", 1),
				strings.Replace(project, "/good", "", 1),
				"/badge/" + strings.Repeat("x", 16) + "/" + parts[3] + "/good.svg",
				"/b/2/" + guessed.String() + ".svg",
				"/b/2/" + late.UUID.String() + ".svg",
				"/b/2/ffffffff-ffff-ffff-ffff-ffffffffffff.svg",
			} {
				a.gone(path)
			}
			for _, path := range []string{
				strings.Replace(project, ".svg", ".png", 1), strings.Replace(a.local(badge), "/b/2/", "/b/4/", 1), "/badge/x/" + parts[3] + "/good.svg", "/badge/", "/b/",
			} {
				a.stranger(path).is(404)
			}
			if strings.Contains(project, a.project.BadgeKey) {
				t.Error("the address holds the whole key, which signs it")
			}
			a.ask(rwKey, http.MethodDelete, at(late, ""), "").is(200)
			a.gone(a.local(badge))
		})
		a.Run("a new key ends them all", func(t *testing.T) {
			of := func() map[string]any {
				return a.ask(roKey, http.MethodGet, "/api/v3/badges/", "").is(200).doc()["badges"].(map[string]any)["*"].(map[string]any)
			}
			all, one := a.local(of()["svg"]), a.local(a.get(at(up, "")).doc()["badge_url"])
			a.drawn(all, "checks", "down")
			a.drawn(one, "Up", "up")
			a.ok(a.st.SetBadgeKey(t.Context(), a.project.ID, account.NewToken()))
			a.gone(all)
			a.gone(one)
			a.drawn(a.local(of()["svg"]), "checks", "down")
			a.drawn(a.local(a.get(at(up, "")).doc()["badge_url"]), "Up", "up")
		})
	})
}

// gone checks that there is no badge: a picture says so, programs are told as always.
func (a *api) gone(path string) {
	a.Helper()
	a.picture(404, path, "badge", "not found")
	a.stranger(strings.TrimSuffix(path, "svg")+"json").refused(404, "not found")
	a.stranger(strings.TrimSuffix(path, "svg")+"shields").refused(404, "not found")
}

// drawn checks that a badge is well-formed SVG that says its two words and nothing else.
func (a *api) drawn(path, label, status string) {
	a.Helper()
	a.picture(200, path, label, status)
	tag := a.stranger(path).header.Get("ETag")
	a.ask("", http.MethodGet, path, "", "If-None-Match", tag).is(304)
}

func (a *api) picture(code int, path, label, status string) {
	a.Helper()
	w := a.stranger(path).is(code)
	for name, want := range map[string]string{
		"Content-Type": "image/svg+xml", "Cache-Control": "no-cache, max-age=0", "Access-Control-Allow-Origin": "*",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox", "X-Content-Type-Options": "nosniff",
		"Referrer-Policy": "no-referrer", "Set-Cookie": "",
	} {
		if got := w.header.Get(name); got != want {
			a.Errorf("%s of %s is %q", name, path, got)
		}
	}
	var texts []string
	decoder := xml.NewDecoder(bytes.NewReader(w.body))
	inText := false
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		a.ok(err)
		switch token := token.(type) {
		case xml.StartElement:
			inText = token.Name.Local == "text"
			if token.Name.Local == "script" {
				a.Errorf("%s holds a script", path)
			}
		case xml.CharData:
			if inText {
				texts = append(texts, string(token))
			}
		case xml.EndElement:
			inText = false
		}
	}
	if diff := cmp.Diff([]string{label, status}, texts); diff != "" {
		a.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestAPIProjectMetrics(t *testing.T) {
	a := newAPI(t)
	a.ahead.Store(int64(-time.Hour))
	up, down := a.addCheck(a.project.ID, "Up"), a.addCheck(a.project.ID, "Do\"wn\\\nnow")
	fresh := a.addCheck(a.project.ID, "Fresh")
	a.change(up, func(c *monitor.Config) { c.Tags = []string{"prod", "db"} })
	a.change(down, func(c *monitor.Config) { c.Tags = []string{"prod"} })
	begin := a.now().Truncate(time.Second)
	took := 1500 * time.Millisecond
	a.report(up, monitor.Ping{At: begin.Add(30 * time.Minute), Signal: monitor.Success, Duration: &took})
	a.report(down, monitor.Ping{At: begin.Add(30 * time.Minute), Signal: monitor.Fail})
	frozen := begin.Add(45 * time.Minute)
	a.ahead.Store(int64(time.Until(frozen)))

	base := "/projects/" + uuid.NewString()
	for name, w := range map[string]reply{
		"by key in the address": a.stranger(base + "/metrics/" + roKey),
		"by the older address":  a.stranger(base + "/checks/metrics/" + roKey),
		"by Bearer":             a.ask("", http.MethodGet, base+"/metrics/", "", "Authorization", "Bearer "+roKey),
		"without a slash":       a.ask("", http.MethodGet, base+"/metrics", "", "Authorization", "Bearer "+roKey),
	} {
		t.Run(name, func(t *testing.T) {
			w.is(200)
			if got := w.header.Get("Content-Type"); got != "text/plain; version=0.0.4; charset=utf-8" {
				t.Errorf("Content-Type is %s", got)
			}
			problems, err := promlint.New(bytes.NewReader(w.body)).Lint()
			if err != nil || len(problems) > 0 {
				t.Errorf("promlint: %v %v", problems, err)
			}
			of := func(name, tags string, check monitor.Check) string {
				return `{name="` + name + `",tags="` + tags + `",unique_key="` + uniqueKeyOf(a, check) + `"} `
			}
			upLabels, downLabels, freshLabels := of("Up", "prod db", up), of(`Do\"wn\\\nnow`, "prod", down), of("Fresh", "", fresh)
			for _, line := range []string{
				"hc_check_up" + upLabels + "1", "hc_check_up" + downLabels + "0", "hc_check_up" + freshLabels + "1",
				"hc_check_started" + upLabels + "0", "hc_check_grace" + upLabels + "0", "hc_check_paused" + upLabels + "0",
				"hc_check_last_duration_seconds" + upLabels + "1.5",
				"hc_check_next_deadline_timestamp_seconds" + upLabels + idOf(begin.Add(91*time.Minute).Unix()),
				`hc_tag_up{tag="db"} 1`, `hc_tag_up{tag="prod"} 0`, "hc_checks_total 3", "hc_checks_down_total 1",
			} {
				if !strings.Contains(string(w.body), line+"\n") {
					t.Errorf("there is no line %s\n%s", line, w.body)
				}
			}
			for _, absent := range []string{"hc_check_last_ping_age_seconds" + freshLabels, "hc_check_next_deadline_timestamp_seconds" + freshLabels} {
				if strings.Contains(string(w.body), absent) {
					t.Errorf("there is a line %s", absent)
				}
			}
			if !strings.Contains(string(w.body), "hc_check_last_ping_age_seconds"+upLabels+"90") { // 900 s and a little
				t.Errorf("the age of the last ping is not 900 s\n%s", w.body)
			}
		})
	}
	a.stranger(base+"/metrics/").refused(401, "send the read-only key as Authorization: Bearer")
	a.stranger(base+"/metrics/short").refused(400, "the key must be of 32 characters")
	a.stranger(base+"/metrics/"+rwKey).refused(403, "not the read-only key of a project")
	a.stranger(base+"/metrics/"+strings.Repeat("x", 32)).refused(403, "not the read-only key of a project")
	a.ask("", http.MethodGet, base+"/metrics/", "", "Authorization", "Basic x").refused(401, "send the read-only key as Authorization: Bearer")
}

// What belongs to parts of Healthchecks that are not ours, or are elsewhere.
func TestAPIForeignParts(t *testing.T) {
	a := newAPI(t)
	if w := a.stranger("/api/v3/status/").is(200); string(w.body) != "OK" {
		t.Errorf("status says %s", w.body)
	}
	a.ask("", http.MethodGet, "/api/v3/metrics/", "", "X-Metrics-Key", "guessed").refused(403, "forbidden")
	form := url.Values{"error": {"hard bounce"}, "mark_disabled": {"1"}}.Encode()
	a.ask("", http.MethodPost, "/api/v3/notifications/"+uuid.NewString()+"/status", form, "Content-Type", "application/x-www-form-urlencoded").is(200)
	if w := a.ask("", http.MethodPost, "/api/v3/bounces/", "From: mailer-daemon@example.org\r\n\r\n5.1.1").is(200); string(w.body) != "OK (ignored)" {
		t.Errorf("bounces says %s", w.body)
	}
	a.get("/api/v3/channels/").is(200)
}
