// Package archtest keeps the shape of the code: who may import whom, and what
// may be mentioned where.
//
// It owns the table in table_test.go. It refuses opinions that another linter has.
package archtest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "rollcall/"

// listed is a package as go list describes it; test files are not part of it.
type listed struct {
	ImportPath, Dir        string
	GoFiles, Imports, Deps []string
}

// name is the path relative to the module.
func (p listed) name() string { return strings.TrimPrefix(p.ImportPath, module) }

// packages returns all of ours that hold more than tests, or fail the test.
func packages(t *testing.T) []listed {
	t.Helper()
	var stdout, stderr bytes.Buffer
	list := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports,Deps", module+"...")
	list.Stdout, list.Stderr = &stdout, &stderr
	if err := list.Run(); err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var all []listed
	for decoder := json.NewDecoder(&stdout); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		own, ok := table[p.name()]
		if !ok {
			t.Errorf("no line says what %s may import: add one to the table in internal/archtest, and to ARCHITECTURE.md", p.name())
			continue
		}
		may := strings.Fields(strings.ReplaceAll(own.may, "pure", pure))
		for _, imported := range p.Imports {
			name, ours := strings.CutPrefix(imported, module)
			switch {
			case !ours:
			case table[name].tests && !own.tests:
				t.Errorf("%s imports %s, which is for tests only", p.name(), name)
			case own.may != "*" && !slices.Contains(may, name):
				t.Errorf("%s must not import %s: its line allows %q", p.name(), name, own.may)
			}
		}
	}
}

func TestPurePackagesReachNeitherDatabaseNorNetwork(t *testing.T) {
	for _, p := range packages(t) {
		if !slices.Contains(strings.Fields(pure), p.name()) {
			continue
		}
		for _, forbidden := range []string{"database/sql", "net/http", "os/exec"} {
			if slices.Contains(p.Deps, forbidden) {
				t.Errorf("%s is pure, but reaches %s through what it imports", p.name(), forbidden)
			}
		}
	}
}

func TestUses(t *testing.T) {
	eachFile(t, func(p listed, files *token.FileSet, file *ast.File) {
		for _, use := range uses {
			if slices.Contains(use.within, p.name()) {
				continue
			}
			for _, mention := range mentions(file, use) {
				t.Errorf("%s: %s.%s: %s", files.Position(mention.Pos()), use.of, mention.Sel.Name, use.rule)
			}
		}
	})
}

func TestNothingHappensAtImport(t *testing.T) {
	eachFile(t, func(_ listed, files *token.FileSet, file *ast.File) {
		for _, declaration := range file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: func init: what a program does is to be read in main", files.Position(f.Pos()))
			}
		}
	})
}

// eachFile parses every file that runs in production.
func eachFile(t *testing.T, visit func(listed, *token.FileSet, *ast.File)) {
	t.Helper()
	files := token.NewFileSet()
	for _, p := range packages(t) {
		if table[p.name()].tests {
			continue
		}
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			visit(p, files, file)
		}
	}
}

// mentions returns where a file mentions one of the names. A pointer type, as in
// a parameter that is a *http.Client, is no mention: somebody else made that one.
func mentions(file *ast.File, use use) []*ast.SelectorExpr {
	local, ok := localName(file, use.of)
	if !ok {
		return nil
	}
	var found []*ast.SelectorExpr
	ast.Inspect(file, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.StarExpr:
			_, named := n.X.(*ast.SelectorExpr)
			return !named
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == local && slices.Contains(use.names, n.Sel.Name) {
				found = append(found, n)
			}
		}
		return true
	})
	return found
}

// localName is what a file calls a package that it imports.
func localName(file *ast.File, imported string) (string, bool) {
	for _, spec := range file.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err != nil || p != imported {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name, true
		}
		return path.Base(imported), true
	}
	return "", false
}
