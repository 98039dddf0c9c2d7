package sealed_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/internal/sealed"
)

var here = sealed.Place{Table: "channels", Row: 12, Column: "settings"}

func create(t *testing.T) *sealed.Ring {
	t.Helper()
	ring, err := sealed.Create(filepath.Join(t.TempDir(), "keys", "rollcall.key"))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestASecretOpensWhereItWasSealed(t *testing.T) {
	ring := create(t)
	for _, secret := range []string{"", "x", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", strings.Repeat("long ", 10_000), "\x00\xff"} {
		text := ring.Seal(here, secret)
		if !sealed.Is(text) || sealed.KeyOf(text) != ring.Current() || secret != "" && len(secret) > 1 && strings.Contains(text, secret) {
			t.Errorf("%.40q is stored as %.80q", secret, text)
		}
		if got, err := ring.Open(here, text); err != nil || got != secret {
			t.Errorf("%.40q opens as %.40q: %v", secret, got, err)
		}
		if again := ring.Seal(here, secret); again == text {
			t.Errorf("%.40q is sealed the same twice", secret)
		}
	}
	if got, err := ring.Open(here, `{"url":"https://example.org"}`); err != nil || got != `{"url":"https://example.org"}` {
		t.Errorf("what is in the clear: %q, %v", got, err)
	}
}

func TestNothingElseOpens(t *testing.T) {
	ring, other := create(t), create(t)
	text := ring.Seal(here, "secret")
	wrong := map[string]struct {
		ring *sealed.Ring
		at   sealed.Place
		text string
	}{
		"another row":    {ring, sealed.Place{Table: "channels", Row: 13, Column: "settings"}, text},
		"another column": {ring, sealed.Place{Table: "channels", Row: 12, Column: "name"}, text},
		"another table":  {ring, sealed.Place{Table: "heartbeats", Row: 12, Column: "settings"}, text},
		"another key":    {other, here, text},
		"a changed end":  {ring, here, text[:len(text)-2] + "AA"},
		"cut off":        {ring, here, text[:len(text)-8]},
		"nothing":        {ring, here, "sealed:1:" + ring.Current() + ":"},
		"no key":         {ring, here, "sealed:1:"},
	}
	for name, w := range wrong {
		if got, err := w.ring.Open(w.at, w.text); !errors.Is(err, sealed.ErrOpen) || got != "" {
			t.Errorf("%s opens: %q, %v", name, got, err)
		}
	}
	if ring.Failed() != int64(len(wrong)-1) || other.Failed() != 1 {
		t.Errorf("%d and %d failures are counted", ring.Failed(), other.Failed())
	}
}

func TestANewKeySealsAndOldOnesOpen(t *testing.T) {
	ring := create(t)
	before := ring.Seal(here, "secret")
	server, err := sealed.Load(ring.Path()) // another process, which has read the file before
	if err != nil {
		t.Fatal(err)
	}
	old := ring.Current()
	if err := ring.Rotate(); err != nil {
		t.Fatal(err)
	}
	after := ring.Seal(here, "secret")
	if ring.Current() == old || sealed.KeyOf(after) != ring.Current() {
		t.Errorf("key %s seals after %s", ring.Current(), old)
	}
	for _, text := range []string{before, after} {
		for _, r := range []*sealed.Ring{ring, server} {
			if got, err := r.Open(here, text); err != nil || got != "secret" {
				t.Errorf("%q, %v", got, err)
			}
		}
	}
	info, err := os.Stat(ring.Path())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of keys: %v, %v", info.Mode(), err)
	}
}

func TestAFileOfKeysThatIsNone(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"empty": "", "comment": "# nothing\n", "short": "c2hvcnQ=\n", "text": "correct horse battery staple\n"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := sealed.Load(path); err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "horse") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := sealed.Create(path); !errors.Is(err, os.ErrExist) {
			t.Errorf("%s was overwritten: %v", name, err)
		}
	}
	if _, err := sealed.Load(filepath.Join(dir, "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
