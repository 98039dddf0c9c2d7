// Package provision brings about the state that a file describes: projects with
// their owners and keys, channels and checks. It is behind serve --provision,
// and behind the management API's apply and export.
//
// It owns the file's form, in both directions, which is strict: a file is read
// and checked whole before anything is written, and what is wrong is told with
// its line.
//
//	Load, Parse   a file becomes a Document           document.go, reader.go
//	Plan, PlanFor and that, compared with what is
//	              stored, a Plan                      look.go, plan.go
//	Execute       and that is carried out             execute.go
//	Export        what is stored becomes a file       export.go
//
// A file that is in force makes an empty plan. The package leaves alone what the
// file does not name, unless it is told to prune; it never deletes projects or
// people, and puts no secret into a plan or an error.
package provision

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
)

// SizeLimit is the size in bytes of the largest file that is taken from a client.
const SizeLimit = 1 << 20

// Document is a described state, checked as far as that can be done without a
// database.
type Document struct {
	name     string // of the file, "" when a client sent it
	projects []project
}

type project struct {
	node     *yaml.Node
	name     string
	owner    string                     // an e-mail address; "" only in what a client sent
	keys     map[account.KeyKind]string // a kind that is not there keeps those there are
	channels []channel
	checks   []check
}

func (p project) String() string { return fmt.Sprintf("project %q", p.name) }

// channel is a channel as it is described or stored. A described webhook whose
// URL or secret is "" keeps the one it has; a new one is given a secret.
type channel struct {
	node *yaml.Node
	monitor.Channel
}

func (c channel) String() string { return fmt.Sprintf("channel %q", c.Name) }

// check is a check as it is described or stored.
type check struct {
	node     *yaml.Node
	id       monitor.CheckID // of a stored one
	uuid     uuid.UUID       // zero: the file leaves it open
	channels []string        // nil: all of the project
	tokens   []monitor.Token // those it has besides are kept
	monitor.Config
}

// called is what a check is known by where its UUID would give it away.
func (c check) called() string {
	if c.Slug != "" {
		return c.Slug
	}
	return c.Name
}

func (c check) String() string { return fmt.Sprintf("check %q", c.called()) }

// Load reads and checks a file of this machine. Paths in its *_file members are
// relative to it.
func Load(path string) (Document, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Document{}, fmt.Errorf("read the provision file: %w", err)
	}
	return parse(raw, Document{name: path}, reader{dir: filepath.Dir(path)})
}

// Parse reads and checks a file that a client sent. It refuses members that name
// files, and lets projects be without an owner. Its errors are Mistakes.
func Parse(raw []byte) (Document, error) {
	if err := small(raw); err != nil {
		return Document{}, err
	}
	return parse(raw, Document{}, reader{remote: true})
}

// small refuses a file that no server takes.
func small(raw []byte) error {
	if len(raw) > SizeLimit {
		return Mistake{Line: 1, Words: fmt.Sprintf("the file is larger than %d bytes", SizeLimit)}
	}
	return nil
}

func parse(raw []byte, doc Document, r reader) (Document, error) {
	root, err := tree(raw)
	if err != nil {
		return doc, doc.located(err)
	}
	if err := r.document(resolved(root), &doc); err != nil {
		return doc, doc.located(err)
	}
	return doc, doc.located(doc.consistent())
}

// tree reads the one YAML document of a file.
func tree(raw []byte) (*yaml.Node, error) {
	if err := plainText(raw); err != nil {
		return nil, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	var root, second yaml.Node
	switch err := decoder.Decode(&root); {
	case errors.Is(err, io.EOF):
		return nil, Mistake{Line: 1, Words: "the file is empty; it describes no projects"}
	case err != nil:
		return nil, notYAML(raw, err)
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		return nil, wrong(&second, "the file goes on after its end; remove the line ---")
	case !errors.Is(err, io.EOF):
		return nil, notYAML(raw, err)
	}
	if weigh(root.Content[0], map[*yaml.Node]int{}) > valuesLimit {
		return nil, wrong(root.Content[0], "the file holds more than %d values, those behind aliases included", valuesLimit)
	}
	return root.Content[0], nil
}

// located puts the name of the file to a mistake.
func (d Document) located(err error) error {
	var m Mistake
	if errors.As(err, &m) {
		m.File = d.name
		return m
	}
	return err
}

// consistent refuses what stands twice and names that mean nothing.
func (d Document) consistent() error {
	seen := map[string]int{}
	once := func(node *yaml.Node, what, key string) error {
		if line, twice := seen[key]; twice {
			return wrong(node, "%s is already that of line %d", what, line)
		}
		seen[key] = node.Line
		return nil
	}
	for i, p := range d.projects {
		errs := []error{once(p.node, "the name of "+p.String(), fmt.Sprint("project ", p.owner, " ", p.name))}
		for _, kind := range slices.Sorted(maps.Keys(p.keys)) {
			errs = append(errs, once(p.node, "the "+keyMember(kind)+" of "+p.String(), "key "+p.keys[kind]))
		}
		channels := map[string]bool{}
		for _, c := range p.channels {
			channels[c.Name] = true
			errs = append(errs, once(c.node, "the name of "+c.String(), fmt.Sprint("channel ", i, " ", c.Name)))
		}
		for _, c := range p.checks {
			if c.Slug != "" {
				errs = append(errs, once(c.node, "the slug of "+c.String(), fmt.Sprint("check ", i, " ", c.Slug)))
			}
			if c.uuid != uuid.Nil {
				errs = append(errs, once(c.node, "the uuid of "+c.String(), fmt.Sprint("uuid ", c.uuid)))
			}
			for _, token := range c.tokens {
				errs = append(errs, once(c.node, "a token of "+c.String(), "token "+token.Text))
			}
			for _, name := range c.channels {
				if !channels[name] {
					errs = append(errs, wrong(c.node, "%s is told to the channel %q, which %s does not list", c, name, p))
				}
			}
		}
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
	}
	return nil
}
