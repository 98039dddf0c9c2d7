package provision_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/internal/provision"
)

// What a client sends names no file of the server, and need not name the owner.
func TestParseReadsNoFiles(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("abcdefghijklmnopqrstuv"), 0o600); err != nil {
		t.Fatal(err)
	}
	const refusal = " names a file that this server does not read; send what stands in it, as rollcall apply does"
	for text, want := range map[string]string{
		"projects:\n  - name: Main\n":                                                                         "",
		"projects:\n  - name: Main\n    ping_key_file: " + secret:                                             "line 3: ping_key_file" + refusal,
		"projects:\n  - name: Main\n    api_key_file: " + secret:                                              "line 3: api_key_file" + refusal,
		"projects:\n  - name: Main\n    api_key_readonly_file: " + secret:                                     "line 3: api_key_readonly_file" + refusal,
		"projects:\n  - channels:\n      - {kind: webhook, name: a, url_file: " + secret + "}":                "line 3: url_file" + refusal,
		"projects:\n  - channels:\n      - {kind: webhook, name: a, secret_file: " + secret + "}":             "line 3: secret_file" + refusal,
		"projects:\n  - name: Main\n    owner: Ann\n":                                                         `line 3: project "Main": owner must be one plain e-mail address, such as ops@example.org`,
		"projects:\n  - name: Main\n    checks:\n      - {name: A, slug: a, period: 5m}\n      - {slug: b}\n": `line 5: check "b": schedule is missing; give schedule: "0 3 * * *" or period: 5m`,
	} {
		_, err := provision.Parse([]byte(text))
		if got := message(err); got != want {
			t.Errorf("%s\n%s\nwant %s", text, got, want)
		}
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestParseTakesUpToTheLimit(t *testing.T) {
	const text = "projects: [{name: Main}]\n#"
	full := text + strings.Repeat("x", provision.SizeLimit-len(text))
	if _, err := provision.Parse([]byte(full)); err != nil {
		t.Errorf("%d bytes: %v", len(full), err)
	}
	_, err := provision.Parse([]byte(full + "x"))
	if want := "line 1: the file is larger than 1048576 bytes"; message(err) != want {
		t.Errorf("%d bytes: %v, want %s", len(full)+1, err, want)
	}
	if _, err := provision.Inline([]byte(full+"x"), ""); message(err) != "line 1: the file is larger than 1048576 bytes" {
		t.Errorf("sending %d bytes: %v", len(full)+1, err)
	}
}

// A file without an owner says whose project to change, not which to make.
func TestSentFileMakesNoProject(t *testing.T) {
	doc, err := provision.Parse([]byte("projects: [{name: Main}]"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = doc.Plan(t.Context(), newSite(t).Store, provision.Options{})
	if want := `line 1: project "Main": owner is missing`; message(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// Whatever a client sends is read or refused with a line of it.
func FuzzParse(f *testing.F) {
	f.Add([]byte(complete))
	f.Add([]byte(other))
	f.Add([]byte(whole))
	f.Add([]byte("a: &a [*a]\nb: {<<: *a, ? [x] : !!binary y}\n"))
	f.Add([]byte("projects:\n  - {name: \"\\u0000\", checks: [{period: 99999999999999999999d, schedule: |\n   x}]}\n"))
	f.Add([]byte("\ufeffprojects: []\r\n---\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, err := provision.Parse(raw)
		var mistake provision.Mistake
		switch {
		case err == nil:
		case !errors.As(err, &mistake):
			t.Errorf("%v is no mistake of the file", err)
		case mistake.Line < 1 || mistake.Words == "" || strings.Contains(mistake.Words, "\n"):
			t.Errorf("the mistake is told as %+v", mistake)
		}
		if strings.Contains(string(raw), "_file") {
			return
		}
		if inlined, err := provision.Inline(raw, ""); err == nil && string(inlined) != string(raw) {
			t.Errorf("a file that names no other came out as %q", inlined)
		}
	})
}
