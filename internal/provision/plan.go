package provision

import (
	"context"
	"reflect"
	"slices"

	"rollcall/internal/account"
)

// Action is what a change does.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	Delete Action = "delete"
)

// Kind is what a change is about.
type Kind string

// The kinds of things that a file describes.
const (
	Project Kind = "project"
	Channel Kind = "channel"
	Check   Kind = "check"
)

// Plan is what it takes to bring a document about: what Execute does, in this
// order. It is empty when the document is in force.
type Plan struct {
	Changes []Change
	doc     Document
	owners  []string
}

// Change is one thing that has to be made, edited or deleted.
type Change struct {
	Action Action
	Kind   Kind
	Name   string  // of the project or channel; the slug of a check, or its name when it has none
	Fields []Field // those that differ, in the order of the file; none of what is deleted
	carry  func(context.Context, *work) error
}

// Field is a member before and after, in the words of the file. "" is nothing.
// What is secret is "set" or "changed", and a URL is its host.
type Field struct {
	Name, Old, New string
}

// Options say how far a plan goes.
type Options struct {
	// Prune deletes the checks and channels of described projects that the
	// document does not name.
	Prune bool
}

// Plan compares a document with what is stored. It writes nothing, and its error
// is a Mistake when the document contradicts what is stored.
func (d Document) Plan(ctx context.Context, st Store, options Options) (Plan, error) {
	plan := Plan{doc: d}
	for _, p := range d.projects {
		if p.owner == "" {
			return Plan{}, d.located(wrong(p.node, "%s: owner is missing", p))
		}
		if err := plan.add(ctx, st, p, account.Project{}, options); err != nil {
			return Plan{}, d.located(err)
		}
	}
	return plan, nil
}

// PlanFor is Plan for whoever may change one project only: the document has to
// describe that one and no other.
func (d Document) PlanFor(ctx context.Context, st Store, only account.Project, options Options) (Plan, error) {
	if len(d.projects) == 0 {
		return Plan{}, d.located(Mistake{Line: 1, Words: "the file describes no project"})
	}
	for _, p := range d.projects {
		if p.name != only.Name {
			return Plan{}, d.located(wrong(p.node, "the file describes the project %q, and the API key is that of the project %q", p.name, only.Name))
		}
	}
	if len(d.projects) > 1 {
		return Plan{}, d.located(wrong(d.projects[1].node, "the file describes several projects, and the API key is that of one"))
	}
	plan := Plan{doc: d}
	if err := plan.add(ctx, st, d.projects[0], only, options); err != nil {
		return Plan{}, d.located(err)
	}
	return plan, nil
}

// add plans a project, which is the given one unless that is none.
func (plan *Plan) add(ctx context.Context, st Store, p project, known account.Project, options Options) error {
	s, err := look(ctx, st, p, known, options.Prune)
	if err != nil {
		return err
	}
	if s.owner == 0 && p.owner != "" && !slices.Contains(plan.owners, p.owner) {
		plan.owners = append(plan.owners, p.owner)
	}
	plan.project(p, s)
	all := plan.channels(p, s, options.Prune)
	for i, c := range p.checks {
		plan.check(c, s, i, all)
	}
	for _, c := range s.others {
		plan.change(Delete, Check, c.called(), nil, s.deleteCheck(c))
	}
	if options.Prune {
		for _, c := range s.unnamed(p) {
			plan.change(Delete, Channel, c.Name, nil, s.deleteChannel(c))
		}
	}
	return nil
}

func (plan *Plan) change(action Action, kind Kind, name string, fields []Field, carry func(context.Context, *work) error) {
	plan.Changes = append(plan.Changes, Change{Action: action, Kind: kind, Name: name, Fields: fields, carry: carry})
}

func (plan *Plan) project(p project, s *site) {
	if s.project.ID == 0 {
		plan.change(Create, Project, p.name, differences(nil, p.members()), s.createProject(p))
		return
	}
	stored := project{name: p.name, owner: p.owner}
	wanted := p
	wanted.keys = map[account.KeyKind]string{}
	for kind, key := range p.keys {
		if !s.keys[kind] { // whether there is another one is not known
			wanted.keys[kind] = key
		}
	}
	if fields := differences(stored.members(), wanted.members()); len(fields) > 0 {
		plan.change(Update, Project, p.name, fields, s.editProject(wanted))
	}
}

// channels plans the channels and returns the names of those that there will be.
func (plan *Plan) channels(p project, s *site, prune bool) []string {
	all := map[string]bool{}
	for name := range s.channels {
		all[name] = !prune
	}
	for _, c := range p.channels {
		all[c.Name] = true
		stored, known := s.channels[c.Name]
		if !known {
			plan.change(Create, Channel, c.Name, differences(nil, c.members()), s.createChannel(c))
			continue
		}
		wanted := c.over(stored)
		if fields := differences(stored.members(), wanted.members()); len(fields) > 0 {
			plan.change(Update, Channel, c.Name, fields, s.editChannel(wanted))
		}
	}
	names := []string{}
	for name, stays := range all {
		if stays {
			names = append(names, name)
		}
	}
	return names
}

func (plan *Plan) check(c check, s *site, place int, all []string) {
	stored, known := s.checks[place]
	wanted := c.over(stored, all)
	if !known {
		plan.change(Create, Check, c.called(), differences(nil, wanted.members()), s.createCheck(wanted))
		return
	}
	if fields := differences(stored.members(), wanted.members()); len(fields) > 0 {
		plan.change(Update, Check, stored.called(), fields, s.editCheck(stored, wanted))
	}
}

// differences compares the members of a thing, of which there may be nothing yet.
func differences(stored, wanted []member) []Field {
	var fields []Field
	for i, m := range wanted {
		var was member
		if stored != nil {
			was = stored[i]
		}
		switch {
		case reflect.DeepEqual(was.value, m.value):
			continue
		case was.words == m.words: // they hide what is secret
			m.words = "changed"
		}
		fields = append(fields, Field{Name: m.name, Old: was.words, New: m.words})
	}
	return fields
}
