package archtest_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// SECURITY.md names tests as proof; each of them exists in the package that it names.
func TestProofsExist(t *testing.T) {
	text, err := os.ReadFile("../../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	proof := regexp.MustCompile("`([a-z0-9/]+)` ((?:Test[A-Za-z]+(?:, )?)+)")
	known, named := tests(t), 0
	for _, m := range proof.FindAllStringSubmatch(string(text), -1) {
		for name := range strings.SplitSeq(m[2], ", ") {
			if named++; !known[module+m[1]+"."+name] {
				t.Errorf("%s has no %s", m[1], name)
			}
		}
	}
	if all := regexp.MustCompile(`\bTest[A-Z]\w*`).FindAllString(string(text), -1); named != len(all) {
		t.Errorf("%d of %d tests are named behind their package", named, len(all))
	}
}
