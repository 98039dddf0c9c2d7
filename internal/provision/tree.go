package provision

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"rollcall/internal/fault"
)

// Mistake is what is wrong with a file, and where. Its author may be told.
type Mistake struct {
	File  string // "" when a client sent it
	Line  int    // from 1
	Words string
}

// Error begins with the line, and with the name of the file where there is one.
func (m Mistake) Error() string {
	if m.File == "" {
		return fmt.Sprintf("line %d: %s", m.Line, m.Words)
	}
	return fmt.Sprintf("%s:%d: %s", m.File, m.Line, m.Words)
}

func wrong(node *yaml.Node, format string, args ...any) error {
	return Mistake{Line: node.Line, Words: fmt.Sprintf(format, args...)}
}

// plainText refuses bytes that YAML does not take, of which its parser does not
// say where they are.
func plainText(raw []byte) error {
	line := 1
	for rest := raw; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == '\n':
			line++
		case r == utf8.RuneError && size == 1:
			return Mistake{Line: line, Words: "the file is not in UTF-8"}
		case unicode.IsControl(r) && r != '\t' && r != '\r' && r != '\u0085':
			return Mistake{Line: line, Words: fmt.Sprintf("the file contains the control character %U; remove it", r)}
		}
		rest = rest[size:]
	}
	return nil
}

var (
	yamlLine   = regexp.MustCompile(`^line (\d+): `)
	yamlAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// notYAML finds the line of what the parser says: that of the problem, the one
// before, or where the thing around it begins. It names none for the first.
func notYAML(raw []byte, err error) error {
	words := strings.TrimPrefix(err.Error(), "yaml: ")
	m := Mistake{Line: 1, Words: "not valid YAML, here or soon after: " + words}
	if at := yamlLine.FindStringSubmatch(words); at != nil {
		m.Line, _ = strconv.Atoi(at[1])
		m.Words = "not valid YAML, here or soon after: " + strings.TrimPrefix(words, at[0])
	} else if at := yamlAnchor.FindStringSubmatch(words); at != nil {
		before, _, _ := bytes.Cut(raw, []byte("*"+at[1]))
		m.Line = 1 + bytes.Count(before, []byte("\n"))
	}
	return m
}

// valuesLimit is how many values a file may hold, counted once for each alias
// that stands for them: some lines of aliases of aliases could be billions.
const valuesLimit = 1_000_000

// weigh counts the values below a node, up to about valuesLimit.
func weigh(node *yaml.Node, counted map[*yaml.Node]int) int {
	if n, known := counted[node]; known {
		return n
	}
	counted[node] = valuesLimit + 1 // of an alias inside of what it stands for
	sum := 1
	for _, child := range node.Content {
		if sum += weigh(resolved(child), counted); sum > valuesLimit {
			break
		}
	}
	counted[node] = sum
	return sum
}

// object names the members that a mapping may have and how each is read.
type object map[string]func(*yaml.Node) error

// lines tells on which line of the file each member of a mapping stands.
type lines map[string]int

// read reads a mapping strictly: a member that is not known or stands twice is a
// mistake, because a misspelt name would otherwise switch a watch off in silence.
func (o object) read(node *yaml.Node, what string) (lines, error) {
	if node.Kind != yaml.MappingNode {
		return nil, wrong(node, "%s is written as members, such as name: …", what)
	}
	at := lines{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], resolved(node.Content[i+1])
		read, known := o[key.Value]
		switch {
		case !known:
			return nil, wrong(key, "%s has no member %q; it takes %s", what, key.Value, strings.Join(slices.Sorted(maps.Keys(o)), ", "))
		case at[key.Value] != 0:
			return nil, wrong(key, "%s stands twice; the first is in line %d", key.Value, at[key.Value])
		}
		at[key.Value] = key.Line
		if err := read(value); err != nil {
			var m Mistake
			if errors.As(err, &m) {
				return nil, err
			}
			return nil, wrong(key, "%s %v", key.Value, err)
		}
	}
	return at, nil
}

// place puts what a rule found wrong with members of what into the line of the
// first of them.
func (at lines) place(node *yaml.Node, what string, found fault.Invalid) error {
	var first Mistake
	for _, member := range slices.Sorted(maps.Keys(found)) {
		line := node.Line
		for _, written := range []string{member, member + fileSuffix} {
			line = max(line, at[written])
		}
		if first.Line == 0 || line < first.Line {
			first = Mistake{Line: line, Words: fmt.Sprintf("%s: %s %s", what, member, found[member])}
		}
	}
	if first.Line == 0 {
		return nil
	}
	return first
}

// resolved follows an alias to what it stands for. One step is enough: an anchor
// names a node and never another alias.
func resolved(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// scalar returns the text of a plain value, whatever type YAML sees in it: a key
// of digits is a key, not a number.
func scalar(node *yaml.Node) (string, error) {
	switch {
	case node.Kind != yaml.ScalarNode:
		return "", errors.New("must be one value")
	case strings.TrimSpace(node.Value) == "" || node.Tag == "!!null":
		return "", errors.New("is empty; leave it out instead")
	}
	return node.Value, nil
}

func text(to *string) func(*yaml.Node) error {
	return func(node *yaml.Node) (err error) {
		*to, err = scalar(node)
		return err
	}
}

// number reads a whole number. Its limits are for the rules to say.
func number(to *int) func(*yaml.Node) error {
	return func(node *yaml.Node) error {
		if node.Tag != "!!int" || node.Decode(to) != nil {
			return errors.New("must be a whole number")
		}
		return nil
	}
}

func flag(to *bool) func(*yaml.Node) error {
	return func(node *yaml.Node) error {
		if node.Tag != "!!bool" || node.Decode(to) != nil {
			return errors.New("must be true or false")
		}
		return nil
	}
}

// texts reads a list of plain values. An empty list is a value and not the same
// as none.
func texts(to *[]string) func(*yaml.Node) error {
	return func(node *yaml.Node) error {
		*to = []string{}
		return list(func(item *yaml.Node) error {
			value, err := scalar(item)
			*to = append(*to, value)
			return err
		})(node)
	}
}

func list(each func(*yaml.Node) error) func(*yaml.Node) error {
	return func(node *yaml.Node) error {
		if node.Kind != yaml.SequenceNode {
			return errors.New("must be a list")
		}
		for _, item := range node.Content {
			if err := each(resolved(item)); err != nil {
				return err
			}
		}
		return nil
	}
}
