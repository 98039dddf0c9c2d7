package archtest_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// attacked holds that every requirement of the given ids, such as "A1-A9" or "3.2", and
// no other, is attacked by tests that exist. They are named as in
// "rollcall/web.TestBadOutputs, rollcall/internal/app.TestBadPings".
func attacked(t *testing.T, requirements map[string]string, ids ...string) {
	t.Helper()
	known := tests(t)
	var wanted []string
	for _, id := range ids {
		wanted = append(wanted, each(t, id)...)
	}
	for _, id := range wanted {
		if requirements[id] == "" {
			t.Errorf("no test attacks %s", id)
		}
	}
	for id, names := range requirements {
		if !slices.Contains(wanted, id) {
			t.Errorf("%s is no requirement", id)
		}
		for name := range strings.SplitSeq(names, ", ") {
			if !known[name] {
				t.Errorf("%s is said to be attacked by %s, which does not exist", id, name)
			}
		}
	}
}

var numbered = regexp.MustCompile(`^([A-Z]+)([0-9]+)-([A-Z]+)([0-9]+)(s?)$`)

// each returns the ids of a range: B1 to B11 of "B1-B11", H1s to H5s of "H1-H5s".
func each(t *testing.T, ids string) []string {
	t.Helper()
	m := numbered.FindStringSubmatch(ids)
	if m == nil {
		return []string{ids}
	}
	first, err1 := strconv.Atoi(m[2])
	last, err2 := strconv.Atoi(m[4])
	if err1 != nil || err2 != nil || m[1] != m[3] || last < first {
		t.Fatalf("%s is no range", ids)
	}
	var all []string
	for n := first; n <= last; n++ {
		all = append(all, fmt.Sprint(m[1], n, m[5]))
	}
	return all
}

// eachTestFile parses every test file of the repository; dir is relative to its root.
func eachTestFile(t *testing.T, visit func(dir string, file *ast.File)) {
	t.Helper()
	root := "../.."
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".") && name != root) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(name))
		visit(filepath.ToSlash(dir), file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

var (
	testsOnce sync.Once
	testsSeen = map[string]bool{}
)

// tests returns the names of all tests and fuzz targets.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	testsOnce.Do(func() {
		eachTestFile(t, func(dir string, file *ast.File) {
			for _, declaration := range file.Decls {
				f, ok := declaration.(*ast.FuncDecl)
				if ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
					testsSeen[module+dir+"."+f.Name.Name] = true
				}
			}
		})
	})
	return testsSeen
}

// A row of a table that says `proved: "web.TestX"` is proved by a test that exists; one
// without a package is in the same directory.
func TestRowsProvedElsewhere(t *testing.T) {
	known, rows := map[string]bool{}, 0
	for name := range tests(t) {
		dir, test, _ := strings.Cut(name[strings.LastIndex(name, "/")+1:], ".")
		known[dir+"."+test] = true
	}
	eachTestFile(t, func(dir string, file *ast.File) {
		ast.Inspect(file, func(node ast.Node) bool {
			pair, ok := node.(*ast.KeyValueExpr)
			if !ok {
				return true
			}
			key, isName := pair.Key.(*ast.Ident)
			value, isText := pair.Value.(*ast.BasicLit)
			if !isName || key.Name != "proved" || !isText {
				return true
			}
			name, err := strconv.Unquote(value.Value)
			if err == nil && !strings.Contains(name, ".") {
				name = path.Base(dir) + "." + name
			}
			if rows++; err != nil || !known[name] {
				t.Errorf("%s: a row is said to be proved by %s, which does not exist", dir, value.Value)
			}
			return true
		})
	})
	if rows == 0 {
		t.Error("no row says so; this test shows nothing")
	}
}

// guessable are the files that may use random numbers which can be foreseen: they make
// pauses of different lengths.
var guessable = []string{"web/ping.go", "web/ping_formats.go", "internal/client/apirequest.go"}

func TestWhatIsGuessable(t *testing.T) {
	eachFile(t, func(p listed, files *token.FileSet, file *ast.File) {
		name := p.name() + "/" + filepath.Base(files.Position(file.Pos()).Filename)
		for _, imported := range file.Imports {
			if strings.HasPrefix(imported.Path.Value, `"math/rand`) && !slices.Contains(guessable, name) {
				t.Errorf("%s imports %s: what opens something is drawn by crypto/rand", name, imported.Path.Value)
			}
		}
	})
}
