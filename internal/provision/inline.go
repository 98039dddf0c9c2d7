package provision

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// fileSuffix ends the name of a member whose value stands in a file of its own.
const fileSuffix = "_file"

// Inline replaces the members of a file that name other files, such as url_file,
// by what stands in those, so that it can be sent to a server. Paths are relative
// to dir. Every line keeps its number, and everything else is left as it is, to
// be judged by the server. Its errors are Mistakes.
func Inline(raw []byte, dir string) ([]byte, error) {
	if err := small(raw); err != nil {
		return nil, err
	}
	root, err := tree(raw)
	if err != nil {
		return nil, err
	}
	text := source(strings.SplitAfter(string(raw), "\n"))
	if err := text.inline(root, dir); err != nil {
		return nil, err
	}
	raw = []byte(strings.Join(text, ""))
	return raw, small(raw)
}

// source is the lines of a file.
type source []string

// inline replaces what is below a node, from its end, so that what comes first
// stays where it is.
func (s source) inline(node *yaml.Node, dir string) error {
	for i := len(node.Content) - 1; i >= 0; i-- {
		child := node.Content[i]
		if err := s.inline(child, dir); err != nil {
			return err
		}
		if node.Kind == yaml.MappingNode && i%2 == 0 && strings.HasSuffix(child.Value, fileSuffix) {
			if err := s.member(child, node.Content[i+1], dir); err != nil {
				return wrong(child, "%s %v", child.Value, err)
			}
		}
	}
	return nil
}

// member replaces one member that names a file.
func (s source) member(key, value *yaml.Node, dir string) error {
	path, err := scalar(resolved(value))
	if err != nil {
		return err
	}
	keyPlace, plainKey := s.find(key)
	valuePlace, plainValue := s.find(value)
	if !plainKey || !plainValue {
		return errors.New("must stand on one line with the plain name of a file")
	}
	secret, err := readSecret(path, dir)
	if err != nil {
		return err
	}
	quoted, err := json.Marshal(secret)
	if err != nil {
		return err
	}
	s.replace(valuePlace, string(quoted))
	s.replace(keyPlace, strings.TrimSuffix(key.Value, fileSuffix))
	return nil
}

// place is a part of a line, in bytes.
type place struct{ line, from, to int }

// find returns where a scalar stands; false when it is not written as it reads,
// with quotes or without.
func (s source) find(node *yaml.Node) (place, bool) {
	at := place{line: node.Line - 1}
	if node.Kind != yaml.ScalarNode || at.line >= len(s) {
		return at, false // an alias, or lines that end in another way
	}
	line := s[at.line]
	for range node.Column - 1 {
		_, size := utf8.DecodeRuneInString(line[at.from:])
		at.from += size
	}
	for _, written := range []string{`"` + node.Value + `"`, "'" + node.Value + "'", node.Value} {
		if strings.HasPrefix(line[at.from:], written) {
			at.to = at.from + len(written)
			return at, true
		}
	}
	return at, false
}

func (s source) replace(at place, text string) {
	s[at.line] = s[at.line][:at.from] + text + s[at.line][at.to:]
}

// readSecret reads a file that holds one value.
func readSecret(path, dir string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", err)
	}
	text := strings.TrimSpace(string(raw))
	if text == "" {
		return "", fmt.Errorf("names a file that is empty: %s", path)
	}
	return text, nil
}
