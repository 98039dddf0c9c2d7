package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/internal/store"
)

// site is a store with one user and one project.
type site struct {
	store.Store
	*testing.T
	engine   Engine
	ctx      context.Context
	user     account.User
	project  account.Project
	projects []account.Project // all of the site
}

func newSite(t *testing.T, e Engine, opened store.Store) *site {
	s := &site{Store: opened, T: t, engine: e, ctx: t.Context()}
	s.user = s.addUser()
	s.project = s.addProject("Main")
	t.Cleanup(s.clear)
	return s
}

// clear deletes what is seen across projects: checks, which may be due, and
// deliveries, which go with their channels.
func (s *site) clear() {
	ctx := context.Background() // the test's own has ended
	for _, p := range s.projects {
		checks, err := s.Checks(ctx, p.ID, 1_000)
		s.ok(err)
		for _, c := range checks {
			s.ok(s.DeleteCheck(ctx, p.ID, c.ID))
		}
		channels, err := s.Channels(ctx, p.ID)
		s.ok(err)
		for _, c := range channels {
			s.ok(s.DeleteChannel(ctx, p.ID, c.ID))
		}
	}
}

// at returns an instant of the time in which the tests play.
func at(d time.Duration) time.Time {
	return time.Date(2026, 3, 1, 12, 0, 0, 123_456_000, time.UTC).Add(d)
}

// addUser makes somebody whom no other test knows.
func (s *site) addUser() account.User {
	s.Helper()
	u, err := s.CreateUser(s.ctx, account.User{Email: uuid.NewString() + "@example.org", PasswordHash: "hash", Created: at(0)})
	s.ok(err)
	return u
}

func (s *site) addProject(name string) account.Project {
	s.Helper()
	p, err := s.CreateProject(s.ctx, account.Project{Name: name, PingKey: account.NewPingKey(), Created: at(0)}, s.user.ID)
	s.ok(err)
	s.projects = append(s.projects, p)
	return p
}

// asRead is a project as it is read again: without the key it was given.
func asRead(p account.Project) account.Project {
	p.PingKey = ""
	return p
}

func (s *site) addChannel(project account.Project, name string) monitor.Channel {
	s.Helper()
	c, err := s.CreateChannel(s.ctx, monitor.Channel{
		Project:  project.ID,
		Name:     name,
		Kind:     monitor.Webhook,
		Settings: monitor.Settings{URL: "https://example.org/" + name, Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
		Created:  at(0),
	})
	s.ok(err)
	return c
}

func (s *site) addCheck(project account.Project, slug string, channels ...monitor.Channel) monitor.Check {
	s.Helper()
	c, err := s.CreateCheck(s.ctx, newCheck(project, slug), idsOf(channels))
	s.ok(err)
	return c
}

// newCheck returns a check that expects a ping every five minutes.
func newCheck(project account.Project, slug string) monitor.Check {
	return monitor.Create(monitor.Check{
		UUID:    uuid.New(),
		Project: project.ID,
		Config: monitor.Config{
			Name:     "Check " + slug,
			Slug:     slug,
			Schedule: schedule.Spec{Kind: schedule.Every, Period: 5 * time.Minute},
			Grace:    2 * time.Minute,
		},
	}, at(0))
}

func idsOf(channels []monitor.Channel) []monitor.ChannelID {
	ids := make([]monitor.ChannelID, len(channels))
	for i, c := range channels {
		ids[i] = c.ID
	}
	return ids
}

// apply takes steps that must all succeed through the door.
func (s *site) apply(steps ...store.Step) []store.Result {
	s.Helper()
	results, err := s.Transitions(s.ctx, steps)
	s.ok(err)
	for _, r := range results {
		s.ok(r.Err)
	}
	return results
}

// load returns a check as it is stored.
func (s *site) load(c monitor.Check) monitor.Check {
	s.Helper()
	stored, err := s.Check(s.ctx, c.Project, c.UUID)
	s.ok(err)
	return stored
}

// pings returns all pings of a check, the newest first.
func (s *site) pings(c monitor.Check) []monitor.Ping {
	s.Helper()
	list, err := s.Pings(s.ctx, c.ID, 0, 100_000)
	s.ok(err)
	return list
}

// flips returns all flips of a check, the newest first.
func (s *site) flips(c monitor.Check) []monitor.Flip {
	s.Helper()
	list, err := s.Flips(s.ctx, c.ID, 0, 100_000)
	s.ok(err)
	return list
}

// deliveries returns all deliveries of the first project, the newest first.
func (s *site) deliveries() []store.DeliveryRow {
	s.Helper()
	list, err := s.Deliveries(s.ctx, store.DeliveryQuery{Project: s.project.ID, Limit: 100_000})
	s.ok(err)
	return list
}

// assigned returns the channels that a check tells.
func (s *site) assigned(c monitor.Check) []monitor.ChannelID {
	s.Helper()
	list, err := s.AssignedChannels(s.ctx, c.ID)
	s.ok(err)
	return list
}

// step is a step on a check.
func step(c monitor.Check, decide func(monitor.Check) monitor.Change) store.Step {
	return store.Step{Ref: store.Ref{ID: c.ID}, Decide: decide}
}

// receive is what a ping does, by the rules.
func receive(p monitor.Ping) func(monitor.Check) monitor.Change {
	return func(c monitor.Check) monitor.Change { return c.Receive(p) }
}

// ping returns a ping as it arrives.
func ping(signal monitor.Signal, at time.Time) monitor.Ping {
	return monitor.Ping{Signal: signal, At: at, Scheme: "https", Method: "GET", RemoteAddr: "192.0.2.1", UserAgent: "curl/8"}
}

// tell flips a check to a status, and somebody is to be told.
func tell(to monitor.Status, when time.Time) func(monitor.Check) monitor.Change {
	return func(c monitor.Check) monitor.Change {
		flip := monitor.Flip{
			Check: c.ID, Rev: c.Rev + 1, At: when, Judged: when,
			Old: c.Status, New: to, Reason: monitor.Failed, Tell: true, Facts: monitor.Facts{Name: c.Name},
		}
		c.Rev++
		c.Status, c.Since, c.Reason = to, when, monitor.Failed
		return monitor.Change{Check: c, Flip: &flip}
	}
}

// wake sets when a check is to be judged.
func wake(when time.Time) func(monitor.Check) monitor.Change {
	return func(c monitor.Check) monitor.Change {
		c.Wake = when
		return monitor.Change{Check: c}
	}
}

// part runs a part of a test under a name of its own.
func (s *site) part(name string, run func(*site)) {
	s.Run(name, func(t *testing.T) {
		part := *s
		part.T = t
		run(&part)
	})
}

// ok ends the test when there is an error.
func (s *site) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("unexpected error: %v", err)
	}
}

// fails ends the test unless err is of the given kind and of no other.
func (s *site) fails(err, kind error) {
	s.Helper()
	for _, other := range []error{fault.NotFound, fault.Conflict, fault.Unavailable} {
		if errors.Is(err, other) != errors.Is(kind, other) {
			s.Fatalf("got error %v, want %v", err, kind)
		}
	}
}

// same compares what is to be equal; no slice and an empty one are.
func (s *site) same(what string, got, want any) {
	s.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		s.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}
