package provision_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/provision"
)

func TestInline(t *testing.T) {
	s := newSite(t)
	s.write("key", "  abcdefghijklmnopqrstuv\n")
	s.write("hook url", "https://example.org/\"é<x>\n")
	s.write("secret", "whsec_QUFB\n")
	const file = `# who is told
projects:
- name: Main # the main one

  ping_key_file: key   # kept elsewhere
  channels:
  - {name: Bürö, url_file: 'hook url', "secret_file": secret, kind: webhook}
  unknown: "stays"
`
	const want = `# who is told
projects:
- name: Main # the main one

  ping_key: "abcdefghijklmnopqrstuv"   # kept elsewhere
  channels:
  - {name: Bürö, url: "https://example.org/\"é\u003cx\u003e", secret: "whsec_QUFB", kind: webhook}
  unknown: "stays"
`
	got, err := provision.Inline([]byte(file), s.dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("inlined (-want +got):\n%s", diff)
	}
	if got, err := provision.Inline([]byte(complete), s.dir); err != nil || string(got) != complete {
		t.Errorf("a file that names no other was changed: %v\n%s", err, cmp.Diff(complete, string(got)))
	}
}

func TestInlineRefuses(t *testing.T) {
	s := newSite(t)
	s.write("key", "abcdefghijklmnopqrstuv")
	s.write("empty", "\n")
	for text, want := range map[string]string{
		"a:\n  b_file: none\n":          "line 2: b_file cannot be read: open DIR/none: no such file or directory",
		"a:\n  b_file: empty\n":         "line 2: b_file names a file that is empty: DIR/empty",
		"a:\n  b_file: [key]\n":         "line 2: b_file must be one value",
		"a:\n  b_file:\n":               "line 2: b_file is empty; leave it out instead",
		"a:\n  b_file: &k key\n":        "line 2: b_file must stand on one line with the plain name of a file",
		"a: &k key\nb:\n  b_file: *k\n": "line 3: b_file must stand on one line with the plain name of a file",
		"a:\n  b_file: |\n    key\n":    "line 2: b_file must stand on one line with the plain name of a file",
		"a:\n  b_file: \"\\x6bey\"\n":   "line 2: b_file must stand on one line with the plain name of a file",
		"a: [\n":                        "line 1: not valid YAML, here or soon after: did not find expected node content",
	} {
		_, err := provision.Inline([]byte(text), s.dir)
		if want = strings.ReplaceAll(want, "DIR", s.dir); message(err) != want {
			t.Errorf("%q\n%s\nwant %s", text, message(err), want)
		}
	}
}
