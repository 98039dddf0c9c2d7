package provision_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rollcall/internal/account"
	"rollcall/internal/doctest"
	"rollcall/internal/provision"
)

func TestDocsDescribeTheFile(t *testing.T) {
	text, err := os.ReadFile("../../docs/checks-as-code.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(text)
	dir := t.TempDir()
	key, file := filepath.Join(dir, "ping"), filepath.Join(dir, "rollcall.yml")
	for path, text := range map[string]string{key: account.NewPingKey(), file: strings.ReplaceAll(string(example[1]), "/run/secrets/ping", key)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := provision.Load(file); err != nil {
		t.Error(err)
	}

	for _, row := range doctest.Rows(t, "checks-as-code.md", "member") {
		members := map[string]string{"name": "A job", "slug": "job", "period": "5m", row[0]: row[1]}
		switch row[0] {
		case "schedule", "timezone":
			delete(members, "period")
			members["schedule"] = `"0 3 * * *"`
		case "filter_in", "filter_default":
			members["filter_in"], members["filter_fail"] = "[body]", "[error]"
		case "filter_fail":
			members["filter_in"] = "[body]"
		}
		members[row[0]] = row[1]
		document := "projects:\n  - name: Main\n    channels: [{name: ops-mail, kind: email, address: ops@example.org}]\n    checks:\n      - {"
		for name, value := range members {
			document += name + ": " + value + ", "
		}
		if _, err := provision.Parse([]byte(document + "}\n")); err != nil {
			t.Errorf("%s: %v\n%s", row[0], err, document)
		}
	}
}
