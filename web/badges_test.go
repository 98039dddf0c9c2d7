package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"rollcall/internal/monitor"
)

func TestBadgesOfPeople(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	check := s.addCheck(s.project.ID, `A]"<b>`)
	s.change(check, func(c monitor.Check) monitor.Change {
		config := c.Config
		config.Tags = []string{"</text><script>"}
		return c.Reconfigure(config, s.now())
	})
	paths := map[string]string{}
	for name, tt := range map[string]struct{ of, states, label string }{
		"project":        {"", "2", "![checks]("},
		"tag":            {"tag:</text><script>", "2", "![&lt;/text&gt;&lt;script&gt;]("},
		"check":          {"check:" + check.UUID.String(), "2", `![A\]&#34;&lt;b&gt;](`},
		"check in three": {"check:" + check.UUID.String(), "3", "alt=&#34;A]&amp;quot;&amp;lt;b&amp;gt;&#34;&gt;"},
	} {
		w := b.get("/badges?" + url.Values{"of": {tt.of}, "states": {tt.states}}.Encode())
		s.wants(w, 200, tt.label, "https://img.shields.io/endpoint?url=http%3A%2F%2Flocalhost%3A8000")
		_, src, _ := strings.Cut(w.Body.String(), `<img class="shot" src="`)
		src, _, _ = strings.Cut(src, `"`)
		paths[name] = src
		if got := s.browser().get(src); got.Code != 200 || got.Header().Get("Content-Type") != "image/svg+xml" || strings.Contains(got.Body.String(), "<script") {
			t.Errorf("%s: %s is %d %s", name, src, got.Code, got.Body)
		}
	}
	if len(paths) != 4 || paths["check"] == paths["check in three"] {
		t.Errorf("%v", paths)
	}
	for _, of := range []string{"tag:none", "check:none"} {
		s.wants(b.get("/badges?of="+of), http.StatusNotFound)
	}
	s.leads(b.post("/badges/key"), "/badges")
	for name, path := range paths {
		if w := s.browser().get(path); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "not found</text>") {
			t.Errorf("%s after the key was replaced: %d", name, w.Code)
		}
	}
}
