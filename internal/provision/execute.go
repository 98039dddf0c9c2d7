package provision

import (
	"cmp"
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

// Result is what a document changed: nothing when it was in force.
type Result struct {
	Created, Edited, Deleted int      // projects, channels and checks
	Owners                   []string // whose accounts were made, without a password
}

// Apply plans a document and carries the plan out. It deletes nothing.
func (d Document) Apply(ctx context.Context, st Store, now time.Time) (Result, error) {
	plan, err := d.Plan(ctx, st, Options{})
	if err != nil {
		return Result{}, err
	}
	return plan.Execute(ctx, st, now)
}

// Execute makes the changes of a plan, once. Each is a transaction of its own:
// when one fails, those before it stand, and planning anew finds what is left.
// What somebody else changed since the plan was made is a fault.Conflict.
func (plan Plan) Execute(ctx context.Context, st Store, now time.Time) (Result, error) {
	w := work{st: st, now: now, owners: map[string]account.UserID{}}
	for made, change := range plan.Changes {
		err := change.carry(ctx, &w)
		switch {
		case errors.Is(err, fault.Conflict), errors.Is(err, fault.NotFound):
			err = fault.Say(fault.Conflict, "%s %q was changed by somebody else in the meantime; %d of %d changes are made, apply the file again for the rest",
				change.Kind, change.Name, made, len(plan.Changes))
		case err != nil:
			err = plan.doc.located(fmt.Errorf("%s %q: %w", change.Kind, change.Name, err))
		}
		if err != nil {
			return w.result, err
		}
		switch change.Action {
		case Create:
			w.result.Created++
		case Update:
			w.result.Edited++
		case Delete:
			w.result.Deleted++
		}
	}
	return w.result, nil
}

// work is one execution of a plan.
type work struct {
	st     Store
	now    time.Time
	owners map[string]account.UserID // by address, those that were made now
	result Result
}

func (s *site) createProject(p project) func(context.Context, *work) error {
	return func(ctx context.Context, w *work) error {
		if s.owner == 0 {
			s.owner = w.owners[p.owner]
		}
		if s.owner == 0 {
			user, err := w.st.CreateUser(ctx, account.User{Email: p.owner, Created: w.now})
			if err != nil {
				return err
			}
			w.result.Owners = append(w.result.Owners, p.owner)
			s.owner, w.owners[p.owner] = user.ID, user.ID
		}
		made := account.Project{Name: p.name, Created: w.now}
		var err error
		if s.project, err = w.st.CreateProject(ctx, made, s.owner); err != nil {
			return err
		}
		return s.setKeys(ctx, w, p)
	}
}

// editProject sets the keys of a project that differ.
func (s *site) editProject(p project) func(context.Context, *work) error {
	return func(ctx context.Context, w *work) error { return s.setKeys(ctx, w, p) }
}

// setKeys puts the described keys in the place of those that were set before.
func (s *site) setKeys(ctx context.Context, w *work, p project) error {
	for kind, key := range p.keys {
		k := account.Key{Project: s.project.ID, Kind: kind, Name: account.FirstKey, Created: w.now}
		if _, err := w.st.PutKey(ctx, k.Of(key)); err != nil {
			if errors.Is(err, fault.Conflict) {
				return wrong(p.node, "the %s of %s is in use for something else", keyMember(kind), p)
			}
			return err
		}
	}
	return nil
}

func (s *site) createChannel(c channel) func(context.Context, *work) error {
	return func(ctx context.Context, w *work) error {
		if c.Kind == monitor.Webhook && c.Settings.Secret == "" {
			c.Settings.Secret = newSecret()
		}
		c.Project, c.Created = s.project.ID, w.now
		made, err := w.st.CreateChannel(ctx, c.Channel)
		s.channels[c.Name] = channel{Channel: made}
		return err
	}
}

// editChannel gives a channel its settings. One that was disabled is tried again:
// what made it fail may be what was changed.
func (s *site) editChannel(c channel) func(context.Context, *work) error {
	return func(ctx context.Context, w *work) error {
		to := s.channels[c.Name].Channel
		to.Settings, to.Disabled = c.Settings, ""
		return w.st.EditChannel(ctx, to)
	}
}

func (s *site) deleteChannel(c channel) func(context.Context, *work) error {
	return func(ctx context.Context, w *work) error {
		return w.st.DeleteChannel(ctx, s.project.ID, c.ID)
	}
}

func (s *site) createCheck(c check) func(context.Context, *work) error {
	return func(ctx context.Context, w *work) error {
		made := monitor.Create(monitor.Check{UUID: c.uuid, Project: s.project.ID, Config: c.Config}, w.now)
		if made.UUID == uuid.Nil {
			made.UUID = uuid.New()
		}
		_, err := w.st.CreateCheck(ctx, made, s.ids(c.channels), c.tokens...)
		return err
	}
}

func (s *site) editCheck(stored, wanted check) func(context.Context, *work) error {
	return func(ctx context.Context, w *work) error {
		step := store.Step{Ref: store.Ref{ID: stored.id}, Decide: unchanged}
		if !stored.Config.Equal(wanted.Config) {
			step.Decide = func(now monitor.Check) monitor.Change { return now.Reconfigure(wanted.Config, w.now) }
		}
		told := s.ids(wanted.channels)
		if !slices.Equal(s.ids(stored.channels), told) {
			step.Assign = &told
		}
		results, err := w.st.Transitions(ctx, []store.Step{step})
		if err == nil {
			err = results[0].Err
		}
		for _, token := range wanted.tokens {
			if err == nil && !slices.Contains(stored.tokens, token) {
				err = w.st.AddToken(ctx, stored.id, token)
			}
		}
		return err
	}
}

func (s *site) deleteCheck(c check) func(context.Context, *work) error {
	return func(ctx context.Context, w *work) error {
		return w.st.DeleteCheck(ctx, s.project.ID, c.id)
	}
}

// ids returns the ids of channels by their names, in ascending order.
func (s *site) ids(names []string) []monitor.ChannelID {
	var list []monitor.ChannelID
	for _, name := range names {
		list = append(list, s.channels[name].ID)
	}
	slices.Sort(list)
	return list
}

// unnamed returns the stored channels that a described project does not name, by
// name.
func (s *site) unnamed(p project) []channel {
	var others []channel
	for name, c := range s.channels {
		if !slices.ContainsFunc(p.channels, func(d channel) bool { return d.Name == name }) {
			others = append(others, c)
		}
	}
	slices.SortFunc(others, func(a, b channel) int { return cmp.Compare(a.Name, b.Name) })
	return others
}

// newSecret returns a random key for signing webhooks.
func newSecret() string {
	key := make([]byte, 32)
	rand.Read(key) // never fails, see crypto/rand
	return monitor.SecretPrefix + base64.StdEncoding.EncodeToString(key)
}
