package provision

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"rollcall/internal/fault"
)

// mistake is what is wrong with a file, and where.
type mistake struct {
	line  int
	words string
}

func (m mistake) Error() string { return m.words }

func wrong(node *yaml.Node, format string, args ...any) error {
	return mistake{node.Line, fmt.Sprintf(format, args...)}
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
			var m mistake
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
	var first mistake
	for _, member := range slices.Sorted(maps.Keys(found)) {
		line := node.Line
		for _, written := range []string{member, member + "_file"} {
			line = max(line, at[written])
		}
		if first.line == 0 || line < first.line {
			first = mistake{line, fmt.Sprintf("%s: %s %s", what, member, found[member])}
		}
	}
	if first.line == 0 {
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
