package provision

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// Store is what is needed of a store to apply a document.
type Store interface {
	store.Door
	store.Accounts
	store.Checks
	store.Channels
}

// Result is what a document changed: nothing when it was in force.
type Result struct {
	Created, Edited int
	Owners          []string // whose accounts were made, without a password
}

// Apply brings the described state about. It reads first and refuses a document
// that contradicts what is stored before it writes anything. A write that is cut
// short is made good by applying the document again.
func (d Document) Apply(ctx context.Context, st Store, now time.Time) (Result, error) {
	run := apply{st: st, now: now, owners: map[string]account.UserID{}}
	stored := make([]existing, len(d.projects))
	for i, p := range d.projects {
		var err error
		if stored[i], err = run.look(ctx, p); err != nil {
			return Result{}, d.located(err)
		}
	}
	for i, p := range d.projects {
		if err := run.project(ctx, p, stored[i]); err != nil {
			return run.result, d.located(fmt.Errorf("%s: %w", p, err))
		}
	}
	return run.result, nil
}

// apply is one application of a document.
type apply struct {
	st     Store
	now    time.Time
	owners map[string]account.UserID // by address, those that were made now
	result Result
}

// existing is what is stored of a described project.
type existing struct {
	owner    account.UserID // 0: there is no such user
	project  account.Project
	channels map[string]monitor.Channel
	checks   map[string]monitor.Check
}

// look reads what is stored of p and refuses what contradicts it.
func (a *apply) look(ctx context.Context, p project) (existing, error) {
	e := existing{channels: map[string]monitor.Channel{}, checks: map[string]monitor.Check{}}
	user, err := a.st.UserByEmail(ctx, p.owner)
	switch {
	case err == nil:
		e.owner = user.ID
		projects, err := a.st.ProjectsOf(ctx, user.ID)
		if err != nil {
			return e, err
		}
		at := slices.IndexFunc(projects, func(m store.Membership) bool { return m.Name == p.name && m.Role == account.Owner })
		if at >= 0 {
			e.project = projects[at].Project
		}
	case !errors.Is(err, fault.NotFound):
		return e, err
	}
	if err := a.lookAtKeys(ctx, p, e.project.ID); err != nil {
		return e, err
	}
	if e.project.ID != 0 {
		channels, err := a.st.Channels(ctx, e.project.ID)
		if err != nil {
			return e, err
		}
		for _, c := range channels {
			e.channels[c.Name] = c.Channel
		}
	}
	for _, c := range p.channels {
		if stored, ok := e.channels[c.Name]; ok && stored.Kind != c.Kind {
			return e, wrong(c.node, "%s exists with the kind %s, which cannot be changed", c, stored.Kind)
		}
	}
	return e, a.lookAtChecks(ctx, p, e)
}

func (a *apply) lookAtKeys(ctx context.Context, p project, id monitor.ProjectID) error {
	for kind, key := range p.apiKeys {
		owner, stored, err := a.st.ProjectByAPIKey(ctx, account.HashKey(key))
		switch {
		case err == nil && (owner.ID != id || stored != kind):
			return wrong(p.node, "an API key of %s is in use for something else", p)
		case err != nil && !errors.Is(err, fault.NotFound):
			return err
		}
	}
	return nil
}

// lookAtChecks finds the checks of p by slug, and refuses a uuid that names
// another one. Without a key or a uuid a ref names nothing: the project is not
// there yet, or the file leaves the uuid open.
func (a *apply) lookAtChecks(ctx context.Context, p project, e existing) error {
	bySlug, byUUID := make([]store.Ref, len(p.checks)), make([]store.Ref, len(p.checks))
	for i, c := range p.checks {
		bySlug[i] = store.Ref{PingKey: e.project.PingKey, Slug: c.Slug}
		byUUID[i] = store.Ref{UUID: c.uuid}
	}
	stored, err := a.find(ctx, bySlug)
	if err != nil {
		return err
	}
	named, err := a.find(ctx, byUUID)
	if err != nil {
		return err
	}
	for i, c := range p.checks {
		known := stored[i].ID != 0
		switch {
		case known && c.uuid != uuid.Nil && stored[i].UUID != c.uuid:
			return wrong(c.node, "%s exists with another uuid, which cannot be changed", c)
		case !known && named[i].ID != 0:
			return wrong(c.node, "the uuid of %s is that of another check", c)
		case known:
			e.checks[c.Slug] = stored[i]
		}
	}
	return nil
}

// findAtOnce is how many checks are read in one transaction, for pings to pass.
const findAtOnce = 100

// find reads checks through the door, leaving them as they are. A check that is
// not there has no ID.
func (a *apply) find(ctx context.Context, refs []store.Ref) ([]monitor.Check, error) {
	checks := make([]monitor.Check, 0, len(refs))
	for some := range slices.Chunk(refs, findAtOnce) {
		steps := make([]store.Step, len(some))
		for i, ref := range some {
			steps[i] = store.Step{Ref: ref, Decide: unchanged}
		}
		results, err := a.st.Transitions(ctx, steps)
		if err != nil {
			return nil, err
		}
		for _, result := range results {
			if result.Err != nil && !errors.Is(result.Err, fault.NotFound) {
				return nil, result.Err
			}
			checks = append(checks, result.Change.Check)
		}
	}
	return checks, nil
}

func unchanged(c monitor.Check) monitor.Change { return monitor.Change{Check: c, Unchanged: true} }

func (a *apply) project(ctx context.Context, p project, e existing) error {
	if err := a.ownerAndKeys(ctx, p, &e); err != nil {
		return err
	}
	for _, c := range p.channels {
		if err := a.channel(ctx, c, &e); err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
	}
	for _, c := range p.checks {
		if err := a.check(ctx, c, e); err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
	}
	return nil
}

func (a *apply) ownerAndKeys(ctx context.Context, p project, e *existing) error {
	if e.owner == 0 {
		e.owner = a.owners[p.owner]
	}
	if e.owner == 0 {
		user, err := a.st.CreateUser(ctx, account.User{Email: p.owner, Created: a.now})
		if err != nil {
			return err
		}
		a.result.Created++
		a.result.Owners = append(a.result.Owners, p.owner)
		e.owner, a.owners[p.owner] = user.ID, user.ID
	}
	var err error
	switch {
	case e.project.ID == 0:
		made := account.Project{Name: p.name, PingKey: p.pingKey, Created: a.now}
		if made.PingKey == "" {
			made.PingKey = account.NewPingKey()
		}
		e.project, err = a.st.CreateProject(ctx, made, e.owner)
		a.result.Created++
	case p.pingKey != "" && p.pingKey != e.project.PingKey:
		err = a.st.SetPingKey(ctx, e.project.ID, p.pingKey)
		a.result.Edited++
	}
	if errors.Is(err, fault.Conflict) {
		return wrong(p.node, "its ping_key is that of another project")
	}
	if err != nil {
		return err
	}
	for kind, key := range p.apiKeys {
		hash := account.HashKey(key)
		if _, _, err := a.st.ProjectByAPIKey(ctx, hash); err == nil {
			continue // look has seen that it is this one
		}
		if err := a.st.SetAPIKey(ctx, e.project.ID, kind, hash, a.now); err != nil {
			return err
		}
		a.result.Edited++
	}
	return nil
}

func (a *apply) channel(ctx context.Context, c channel, e *existing) error {
	stored, known := e.channels[c.Name]
	if c.Kind == monitor.Webhook && c.Settings.Secret == "" {
		if c.Settings.Secret = stored.Settings.Secret; !known {
			c.Settings.Secret = newSecret()
		}
	}
	switch {
	case !known:
		c.Project, c.Created = e.project.ID, a.now
		made, err := a.st.CreateChannel(ctx, c.Channel)
		if err != nil {
			return err
		}
		a.result.Created++
		e.channels[c.Name] = made
	case stored.Settings != c.Settings:
		stored.Settings, stored.Disabled = c.Settings, "" // what made it fail may be what was changed
		if err := a.st.EditChannel(ctx, stored); err != nil {
			return err
		}
		a.result.Edited++
	}
	return nil
}

func (a *apply) check(ctx context.Context, c check, e existing) error {
	var told []monitor.ChannelID
	for name, channel := range e.channels {
		if c.channels == nil || slices.Contains(c.channels, name) {
			told = append(told, channel.ID)
		}
	}
	slices.Sort(told)
	stored, known := e.checks[c.Slug]
	if !known {
		made := monitor.Create(monitor.Check{UUID: c.uuid, Project: e.project.ID, Config: c.Config}, a.now)
		if made.UUID == uuid.Nil {
			made.UUID = uuid.New()
		}
		_, err := a.st.CreateCheck(ctx, made, told)
		a.result.Created++
		return err
	}
	assigned, err := a.st.AssignedChannels(ctx, stored.ID)
	if err != nil {
		return err
	}
	slices.Sort(assigned)
	c.Filter = stored.Filter // the file has no words for it
	step := store.Step{Ref: store.Ref{ID: stored.ID}, Decide: unchanged}
	if !stored.Config.Equal(c.Config) {
		step.Decide = func(now monitor.Check) monitor.Change { return now.Reconfigure(c.Config, a.now) }
	}
	if !slices.Equal(assigned, told) {
		step.Assign = &told
	} else if stored.Config.Equal(c.Config) {
		return nil
	}
	results, err := a.st.Transitions(ctx, []store.Step{step})
	if err != nil {
		return err
	}
	a.result.Edited++
	return results[0].Err
}

// newSecret returns a random key for signing webhooks.
func newSecret() string {
	key := make([]byte, 32)
	rand.Read(key) // never fails, see crypto/rand
	return monitor.SecretPrefix + base64.StdEncoding.EncodeToString(key)
}
