// Package provision brings about the state that a file describes: projects with
// their owners and keys, channels and checks.
//
// It owns the file's form, which is strict: a file is read and checked whole
// before anything is written, and what is wrong is told with its line. Applying
// a file that is already in force writes nothing. The package deletes nothing,
// leaves alone what the file does not name, and puts no secret into its words.
package provision

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
)

// Document is a described state, checked as far as that can be done without a
// database.
type Document struct {
	path     string
	projects []project
}

type project struct {
	node     *yaml.Node
	name     string
	owner    string // an e-mail address
	pingKey  string // "" keeps the one there is, or makes one
	apiKeys  map[account.KeyKind]string
	channels []channel
	checks   []check
}

func (p project) String() string { return fmt.Sprintf("project %q", p.name) }

// channel is a described channel. A webhook's Secret is "" when the file gives
// none: the one there is is kept, or one is made.
type channel struct {
	node *yaml.Node
	monitor.Channel
}

func (c channel) String() string { return fmt.Sprintf("channel %q", c.Name) }

type check struct {
	node     *yaml.Node
	uuid     uuid.UUID // zero: any
	channels []string  // nil: all of the project
	monitor.Config
}

func (c check) String() string { return fmt.Sprintf("check %q", c.Slug) }

// Load reads and checks a file. Paths in its *_file members are relative to it.
func Load(path string) (Document, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Document{}, fmt.Errorf("read the provision file: %w", err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	var root, second yaml.Node
	switch err := decoder.Decode(&root); {
	case errors.Is(err, io.EOF):
		return Document{}, fmt.Errorf("%s:1: the file is empty; it describes no projects", path)
	case err != nil:
		return Document{}, fmt.Errorf("%s: %w", path, err)
	}
	doc := Document{path: path}
	r := reader{dir: filepath.Dir(path)}
	if err := r.document(resolved(root.Content[0]), &doc); err != nil {
		return doc, doc.located(err)
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return doc, fmt.Errorf("%s:%d: the file goes on after its end; remove the line ---", path, second.Line)
	}
	return doc, doc.located(doc.consistent())
}

// located puts the name of the file and the line before what is wrong.
func (d Document) located(err error) error {
	var m mistake
	if errors.As(err, &m) {
		return fmt.Errorf("%s:%d: %w", d.path, m.line, err)
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
		if p.pingKey != "" {
			errs = append(errs, once(p.node, "the ping_key of "+p.String(), "ping key "+p.pingKey))
		}
		for _, key := range p.apiKeys {
			errs = append(errs, once(p.node, "an API key of "+p.String(), "API key "+key))
		}
		channels := map[string]bool{}
		for _, c := range p.channels {
			channels[c.Name] = true
			errs = append(errs, once(c.node, "the name of "+c.String(), fmt.Sprint("channel ", i, " ", c.Name)))
		}
		for _, c := range p.checks {
			errs = append(errs, once(c.node, "the slug of "+c.String(), fmt.Sprint("check ", i, " ", c.Slug)))
			if c.uuid != uuid.Nil {
				errs = append(errs, once(c.node, "the uuid of "+c.String(), fmt.Sprint("uuid ", c.uuid)))
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
