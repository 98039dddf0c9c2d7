package archtest_test

import (
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// Every module that we import stands in ARCHITECTURE.md, with what it saves us.
func TestLibrariesAreExplained(t *testing.T) {
	module, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	architecture, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, libraries, found := strings.Cut(string(architecture), "\n## Libraries\n")
	if !found {
		t.Fatal("ARCHITECTURE.md has no chapter on libraries")
	}
	// A row names modules by the end of their paths, many owners having several.
	version := regexp.MustCompile(`/v\d+$`)
	direct := regexp.MustCompile(`(?m)^\t(\S+) v\S+$`) // an indirect one has a comment
	for _, match := range direct.FindAllStringSubmatch(string(module), -1) {
		if name := path.Base(version.ReplaceAllString(match[1], "")); !strings.Contains(libraries, name) {
			t.Errorf("%s is imported, and no row of ARCHITECTURE.md says what it saves us", match[1])
		}
	}
}
