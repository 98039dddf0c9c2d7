package provision

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

// Store is what is needed of a store.
type Store interface {
	store.Door
	store.Accounts
	store.Checks
	store.Channels
	store.Keys
	// TokenOwner is that of store.Directory, Members that of store.Team.
	TokenOwner(ctx context.Context, token string) (dialect string, id monitor.CheckID, err error)
	Members(ctx context.Context, project monitor.ProjectID) ([]store.Member, error)
}

// site is what is stored of a described project. While a plan is carried out it
// learns what was made.
type site struct {
	owner    account.UserID // 0: there is no such user
	project  account.Project
	keys     map[account.KeyKind]bool // the described keys that are in force
	channels map[string]channel       // all of the project, by name
	checks   map[int]check            // those that are described, by their place in the file
	others   []check                  // those that are not, when pruning
}

// look reads what is stored of p, which is the given project or, when that is
// none, the one of this name that the owner has. It refuses what contradicts it.
func look(ctx context.Context, st Store, p project, known account.Project, prune bool) (*site, error) {
	s := &site{project: known, keys: map[account.KeyKind]bool{}, channels: map[string]channel{}, checks: map[int]check{}}
	if p.owner != "" {
		if err := s.lookAtOwner(ctx, st, p); err != nil {
			return nil, err
		}
	}
	if err := s.lookAtKeys(ctx, st, p); err != nil {
		return nil, err
	}
	if err := s.lookAtChannels(ctx, st, p); err != nil {
		return nil, err
	}
	if err := s.lookAtChecks(ctx, st, p); err != nil {
		return nil, err
	}
	if prune && s.project.ID != 0 {
		return s, s.lookAtOthers(ctx, st)
	}
	return s, nil
}

func (s *site) lookAtOwner(ctx context.Context, st Store, p project) error {
	user, err := st.UserByEmail(ctx, p.owner)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return err
	}
	var own []store.Membership
	if err == nil {
		s.owner = user.ID
		if own, err = st.ProjectsOf(ctx, user.ID); err != nil {
			return err
		}
	}
	at := slices.IndexFunc(own, func(m store.Membership) bool {
		return m.Role == account.Owner && m.Name == p.name && (s.project.ID == 0 || s.project.ID == m.ID)
	})
	switch {
	case at >= 0:
		s.project = own[at].Project
	case s.project.ID != 0:
		return wrong(p.node, "%s does not belong to %s; leave the owner out, or name the one it has", p, p.owner)
	}
	return nil
}

func (s *site) lookAtKeys(ctx context.Context, st Store, p project) error {
	for kind, key := range p.keys {
		owner, stored, err := st.KeyByHash(ctx, account.HashKey(key))
		switch {
		case err == nil && (owner.ID != s.project.ID || stored.Kind != kind):
			return wrong(p.node, "the %s of %s is in use for something else", keyMember(kind), p)
		case err != nil && !errors.Is(err, fault.NotFound):
			return err
		}
		s.keys[kind] = err == nil
	}
	return nil
}

func (s *site) lookAtChannels(ctx context.Context, st Store, p project) error {
	if s.project.ID != 0 {
		uses, err := st.Channels(ctx, s.project.ID)
		if err != nil {
			return err
		}
		for _, use := range uses {
			s.channels[use.Name] = channel{Channel: use.Channel}
		}
	}
	for _, c := range p.channels {
		stored, known := s.channels[c.Name]
		switch {
		case known && stored.Kind != c.Kind:
			return wrong(c.node, "%s exists with the kind %s, which cannot be changed", c, stored.Kind)
		case !known && c.Kind == monitor.Webhook && c.Settings.URL == "":
			return wrong(c.node, "%s is new, so it needs its url, such as https://example.org/hook", c)
		}
	}
	return nil
}

// lookAtChecks finds the checks of p by uuid and by slug, and refuses a uuid that
// names another one. Without a uuid a ref names nothing: the file leaves it open.
func (s *site) lookAtChecks(ctx context.Context, st Store, p project) error {
	slugs, err := slugsOf(ctx, st, s.project.ID)
	if err != nil {
		return err
	}
	byUUID := make([]store.Ref, len(p.checks))
	for i, c := range p.checks {
		byUUID[i] = store.Ref{UUID: c.uuid}
	}
	uuids, err := find(ctx, st, byUUID)
	if err != nil {
		return err
	}
	taken := map[monitor.CheckID]int{} // by the line that describes it
	for i, c := range p.checks {
		same := slugs[c.Slug]
		switch {
		case same.ID != 0 && c.uuid != uuid.Nil && same.UUID != c.uuid:
			return wrong(c.node, "%s exists with another uuid, which cannot be changed", c)
		case uuids[i].ID != 0 && uuids[i].Project != s.project.ID:
			return wrong(c.node, "the uuid of %s is that of another check", c)
		case same.ID == 0:
			same = uuids[i] // under another slug, or none
		}
		if line, twice := taken[same.ID]; twice {
			return wrong(c.node, "%s is the check that line %d describes by its uuid or slug", c, line)
		}
		if same.ID != 0 {
			taken[same.ID] = c.node.Line
			if s.checks[i], err = s.read(ctx, st, same); err != nil {
				return err
			}
		}
		if err := lookAtTokens(ctx, st, c, same.ID); err != nil {
			return err
		}
	}
	return nil
}

// slugsOf returns the checks of a project that have a slug, by it.
func slugsOf(ctx context.Context, st Store, id monitor.ProjectID) (map[string]monitor.Check, error) {
	if id == 0 { // the project is not there yet
		return nil, nil
	}
	all, err := checksOf(ctx, st, id)
	if err != nil {
		return nil, err
	}
	bySlug := map[string]monitor.Check{}
	for _, c := range all {
		if c.Slug != "" {
			bySlug[c.Slug] = c
		}
	}
	return bySlug, nil
}

func lookAtTokens(ctx context.Context, st Store, c check, id monitor.CheckID) error {
	for _, token := range c.tokens {
		_, owner, err := st.TokenOwner(ctx, token.Text)
		switch {
		case err == nil && owner != id:
			return wrong(c.node, "a token of %s is that of another check", c)
		case err != nil && !errors.Is(err, fault.NotFound):
			return err
		}
	}
	return nil
}

// read completes a stored check with what stands beside its row.
func (s *site) read(ctx context.Context, st Store, stored monitor.Check) (check, error) {
	c := check{id: stored.ID, uuid: stored.UUID, Config: stored.Config, channels: []string{}}
	told, err := st.AssignedChannels(ctx, c.id)
	if err != nil {
		return c, err
	}
	for name, channel := range s.channels {
		if slices.Contains(told, channel.ID) {
			c.channels = append(c.channels, name)
		}
	}
	c.tokens, err = st.Tokens(ctx, c.id)
	return c, err
}

// checksLimit is the largest project, in checks, that is exported or pruned.
const checksLimit = 100_000

// lookAtOthers finds the checks that the file does not name.
func (s *site) lookAtOthers(ctx context.Context, st Store) error {
	all, err := checksOf(ctx, st, s.project.ID)
	if err != nil {
		return err
	}
	named := map[monitor.CheckID]bool{}
	for _, c := range s.checks {
		named[c.id] = true
	}
	for _, c := range all {
		if !named[c.ID] {
			s.others = append(s.others, check{id: c.ID, uuid: c.UUID, Config: c.Config})
		}
	}
	return nil
}

// checksOf lists the checks of a project.
func checksOf(ctx context.Context, st Store, id monitor.ProjectID) ([]monitor.Check, error) {
	all, err := st.Checks(ctx, id, checksLimit+1)
	if err == nil && len(all) > checksLimit {
		err = fault.Say(fault.Conflict, "the project has more than %d checks, which is too many for one file", checksLimit)
	}
	return all, err
}

// findAtOnce is how many checks are read in one transaction, for pings to pass.
const findAtOnce = 100

// find reads checks through the door, leaving them as they are. A check that is
// not there has no ID.
func find(ctx context.Context, st Store, refs []store.Ref) ([]monitor.Check, error) {
	checks := make([]monitor.Check, 0, len(refs))
	for some := range slices.Chunk(refs, findAtOnce) {
		steps := make([]store.Step, len(some))
		for i, ref := range some {
			steps[i] = store.Step{Ref: ref, Decide: unchanged}
		}
		results, err := st.Transitions(ctx, steps)
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
