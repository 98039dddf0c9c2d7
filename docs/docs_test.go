package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/docs"
	"rollcall/internal/doctest"
)

func chapters() []docs.Chapter { return docs.Read(docs.Place{Base: "https://rollcall.example.org"}) }

// The index on a forge is made of the same contents as the one on a server.
func TestIndex(t *testing.T) {
	var index strings.Builder
	listed := map[string]bool{"README": true}
	for _, chapter := range chapters() {
		index.WriteString("## " + chapter.Title + "\n\n")
		for _, page := range chapter.Pages {
			listed[page.Name] = true
			index.WriteString("- [" + page.Title + "](" + page.Name + ".md): " + page.Summary + "\n")
		}
		index.WriteString("\n")
	}
	doctest.Holds(t, "README.md", "contents", index.String())
	files, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(file, ".md"); !listed[name] {
			t.Errorf("%s is in no chapter", file)
		}
	}
}

// What both readers of the files understand, and no more.
func TestForm(t *testing.T) {
	comment := regexp.MustCompile(`^<!-- (from the code: [a-z ]+|end) -->$`)
	for _, chapter := range chapters() {
		for _, page := range chapter.Pages {
			text, err := os.ReadFile(page.Name + ".md")
			if err != nil {
				t.Fatal(err)
			}
			if page.Title == "" || page.Summary == "" || !strings.HasSuffix(page.Summary, ".") {
				t.Errorf("%s.md does not begin with a title and a sentence", page.Name)
			}
			fence := false
			for i, line := range strings.Split(string(text), "\n") {
				if strings.HasPrefix(line, "```") {
					fence = !fence
					if fence && line == "```" {
						t.Errorf("%s.md:%d: an example of no language", page.Name, i+1)
					}
				}
				switch {
				case fence:
				case strings.HasPrefix(line, "<") && !comment.MatchString(line):
					t.Errorf("%s.md:%d: HTML: %s", page.Name, i+1, line)
				case strings.HasPrefix(strings.TrimSpace(line), "```") && !strings.HasPrefix(line, "```"):
					t.Errorf("%s.md:%d: an example within a list has no button", page.Name, i+1)
				}
			}
			for _, part := range page.Parts {
				if strings.Contains(part.HTML, "raw HTML omitted") || strings.Contains(part.HTML, "<pre>") {
					t.Errorf("%s.md: left out, or an example without a button:\n%s", page.Name, part.HTML)
				}
			}
		}
	}
}

func TestPlace(t *testing.T) {
	for _, chapter := range docs.Read(docs.Place{Base: "http://cron.lan:8000", MailDomain: "mail.lan"}) {
		for _, page := range chapter.Pages {
			for _, part := range page.Parts {
				if text := part.HTML + part.Code; strings.Contains(text, "rollcall.example.org") || strings.Contains(text, "@ping.example.org") {
					t.Errorf("%s speaks of another server:\n%s", page.Name, text)
				}
			}
		}
	}
}

func TestSearch(t *testing.T) {
	found := func(query string) []string {
		var paths []string
		for _, hit := range docs.Search(chapters(), query) {
			paths = append(paths, hit.Path())
		}
		return paths
	}
	for _, test := range []struct{ query, best string }{
		{"blind", "/docs/statuses#blind-intervals"},
		{"verify signature", "/docs/notifications#verify-a-signature"},
		{"  ETAG ", "/docs/api#changes-that-meet"},
		{"limits", "/docs/limits"},
	} {
		if got := found(test.query); len(got) == 0 || got[0] != test.best {
			t.Errorf("%q finds %v first, want %s", test.query, got, test.best)
		}
	}
	for _, query := range []string{"", " ", `"`, "no-such-word-anywhere", "exit \xff", strings.Repeat("a", 10*docs.QueryLimit)} {
		if got := found(query); got != nil {
			t.Errorf("%q finds %v", query, got)
		}
	}
	if got := found("a"); len(got) != docs.HitsLimit {
		t.Errorf("%d places, want %d", len(got), docs.HitsLimit)
	}
}

func TestExcerpt(t *testing.T) {
	hits := docs.Search(chapters(), "argon2id")
	if len(hits) != 1 {
		t.Fatalf("%d hits", len(hits))
	}
	var found []string
	for _, piece := range hits[0].Excerpt {
		if piece.Found {
			found = append(found, piece.Text)
		}
	}
	if diff := cmp.Diff([]string{"Argon2id"}, found); diff != "" {
		t.Error(diff)
	}
}
