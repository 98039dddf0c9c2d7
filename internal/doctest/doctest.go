// Package doctest holds the documentation against the code.
//
// A table that follows from constants is written by the test of the package that
// owns them, between two comments of a file in docs:
//
//	<!-- from the code: NAME -->
//	…
//	<!-- end -->
//
// The test fails when the table is another one, and with -update-docs puts it right.
// The package owns that form, and how numbers are said there. It refuses to know
// what the tables are about.
package doctest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/templates"
)

var update = flag.Bool("update-docs", false, "rewrite the parts of the documentation that are made of the code")

const end = "\n\n<!-- end -->"

// Holds checks that a block of a file in docs is the given Markdown.
func Holds(t *testing.T, file, block, want string) {
	t.Helper()
	path := docsFile(t, file)
	text := read(t, path)
	begin := "<!-- from the code: " + block + " -->\n\n"
	before, rest, found := strings.Cut(text, begin)
	if !found {
		t.Fatalf("docs/%s has no block %q", file, block)
	}
	rest = "\n\n" + strings.TrimPrefix(rest, "\n\n")
	got, after, found := strings.Cut(rest, end)
	if !found {
		t.Fatalf("docs/%s: the block %q has no end", file, block)
	}
	if got, want = strings.TrimSpace(got), strings.TrimSpace(want); got == want {
		return
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("docs/%s: the block %q is not what the code says; go test -update-docs writes it. It is:\n%s\nand should be:\n%s", file, block, got, want)
}

// Says checks that a file in docs has a text, whatever its lines.
func Says(t *testing.T, file string, texts ...string) {
	t.Helper()
	said := strings.Join(strings.Fields(read(t, docsFile(t, file))), " ")
	for _, text := range texts {
		if !strings.Contains(said, text) {
			t.Errorf("docs/%s does not say %q", file, text)
		}
	}
}

// Rows returns the cells of the tables in a file in docs whose header begins with
// the given cell, without the marks of code.
func Rows(t *testing.T, file, header string) [][]string {
	t.Helper()
	var rows [][]string
	in := false
	for line := range strings.Lines(read(t, docsFile(t, file))) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			in = false
			continue
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "|"), " | ") {
			cells = append(cells, strings.Trim(cell, " `"))
		}
		if in && !strings.HasPrefix(cells[0], "---") {
			rows = append(rows, cells)
		}
		in = in || cells[0] == header
	}
	if rows == nil {
		t.Fatalf("docs/%s has no table that begins with %q", file, header)
	}
	return rows
}

// Table is a table in Markdown.
func Table(header []string, rows ...[]string) string {
	var text strings.Builder
	write := func(cells []string) { text.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	write(header)
	rule := make([]string, len(header))
	for i := range rule {
		rule[i] = "---"
	}
	write(rule)
	for _, row := range rows {
		write(row)
	}
	return text.String()
}

// Limit is a line of a table of limits: of what, how much, and what happens beyond it.
type Limit [3]string

// Limits is a table of limits.
func Limits(limits ...Limit) string {
	var rows [][]string
	for _, l := range limits {
		rows = append(rows, l[:])
	}
	return Table([]string{"limit", "", "beyond it"}, rows...)
}

// Time says how long something lasts, Size how many bytes there are, and Number how
// many of something.
func Time(d time.Duration) string { return plain(templates.Duration(d)) }

// Size says how many bytes there are.
func Size(bytes int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if bytes >= unit.size && bytes%unit.size == 0 {
			return fmt.Sprintf("%d %s", bytes/unit.size, unit.name)
		}
	}
	return Number(bytes) + " bytes"
}

// Number says how many there are, with a comma at the thousands.
func Number(n int64) string {
	digits := fmt.Sprint(n)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

func plain(text string) string { return strings.ReplaceAll(text, "\u00a0", " ") }

// docsFile finds a file in docs from the directory of any package.
func docsFile(t *testing.T, file string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "docs", file)
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("the module has no root")
		}
		dir = filepath.Dir(dir)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
