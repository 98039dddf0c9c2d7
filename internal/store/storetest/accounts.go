package storetest

import (
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var accountTests = []test{
	{"users are kept by address", usersKept},
	{"projects are their members'", projectsKept},
	{"a ping key is one project's", pingKeys},
	{"API keys are replaced by kind", apiKeys},
	{"a token is good once, for its purpose and in time", tokens},
}

func usersKept(s *site) {
	empty := s.engine.Open(s.T)
	has, err := empty.HasUsers(s.ctx)
	s.ok(err)
	s.same("an empty store has users", has, false)
	has, err = s.HasUsers(s.ctx)
	s.ok(err)
	s.same("a store with a user has users", has, true)

	_, err = s.CreateUser(s.ctx, account.User{Email: s.user.Email, Created: at(0)})
	s.fails(err, fault.Conflict)
	u, err := s.CreateUser(s.ctx, account.User{Email: "dev@example.org", Created: at(time.Second)}) // without a password
	s.ok(err)
	for range 2 { // as made, then with a password
		got, err := s.User(s.ctx, u.ID)
		s.ok(err)
		s.same("user by id", got, u)
		got, err = s.UserByEmail(s.ctx, "dev@example.org")
		s.ok(err)
		s.same("user by address", got, u)
		u.PasswordHash = "$argon2id$…"
		s.ok(s.SetPassword(s.ctx, u.ID, u.PasswordHash))
	}
	_, err = s.User(s.ctx, u.ID+1_000)
	s.fails(err, fault.NotFound)
	_, err = s.UserByEmail(s.ctx, "nobody@example.org")
	s.fails(err, fault.NotFound)
	s.fails(s.SetPassword(s.ctx, u.ID+1_000, "hash"), fault.NotFound)
}

func projectsKept(s *site) {
	beta, alpha := s.addProject("beta"), s.addProject("Alpha")
	u := s.addUser()
	_, err := s.CreateProject(s.ctx, account.Project{Name: "Theirs", PingKey: account.NewPingKey(), Created: at(0)}, u.ID)
	s.ok(err)
	got, err := s.ProjectsOf(s.ctx, s.user.ID)
	s.ok(err)
	s.same("projects", got, []store.Membership{
		{Project: alpha, Role: account.Owner}, {Project: beta, Role: account.Owner}, {Project: s.project, Role: account.Owner},
	})
	got, err = s.ProjectsOf(s.ctx, u.ID+1_000)
	s.ok(err)
	s.same("projects of nobody", len(got), 0)
}

func pingKeys(s *site) {
	other := s.addProject("Other")
	_, err := s.CreateProject(s.ctx, account.Project{Name: "Third", PingKey: s.project.PingKey, Created: at(0)}, s.user.ID)
	s.fails(err, fault.Conflict)
	list, err := s.ProjectsOf(s.ctx, s.user.ID)
	s.ok(err)
	s.same("projects after a conflict", len(list), 2)
	s.fails(s.SetPingKey(s.ctx, s.project.ID, other.PingKey), fault.Conflict)
	s.fails(s.SetPingKey(s.ctx, s.project.ID+1_000, account.NewPingKey()), fault.NotFound)

	s.addCheck(s.project, "nightly")
	before, after := s.project.PingKey, account.NewPingKey()
	s.ok(s.SetPingKey(s.ctx, s.project.ID, after))
	send := func(key string) error {
		results, err := s.Transitions(s.ctx, []store.Step{{
			Ref: store.Ref{PingKey: key, Slug: "nightly"}, Decide: receive(ping(monitor.Success, at(0))),
		}})
		s.ok(err)
		return results[0].Err
	}
	s.fails(send(before), fault.NotFound)
	s.ok(send(after))
}

func apiKeys(s *site) {
	other := s.addProject("Other")
	s.ok(s.SetAPIKey(s.ctx, s.project.ID, account.KeyReadWrite, "hash-1", at(0)))
	s.ok(s.SetAPIKey(s.ctx, s.project.ID, account.KeyReadOnly, "hash-2", at(0)))
	s.ok(s.SetAPIKey(s.ctx, other.ID, account.KeyReadWrite, "hash-3", at(0)))
	for hash, want := range map[string]struct {
		project account.Project
		kind    account.KeyKind
	}{
		"hash-1": {s.project, account.KeyReadWrite},
		"hash-2": {s.project, account.KeyReadOnly},
		"hash-3": {other, account.KeyReadWrite},
	} {
		project, kind, err := s.ProjectByAPIKey(s.ctx, hash)
		s.ok(err)
		s.same("project", project, want.project)
		s.same("kind", kind, want.kind)
	}
	s.fails(s.SetAPIKey(s.ctx, other.ID, account.KeyReadWrite, "hash-1", at(0)), fault.Conflict)
	s.fails(s.SetAPIKey(s.ctx, other.ID+1_000, account.KeyReadWrite, "hash-4", at(0)), fault.NotFound)

	s.ok(s.SetAPIKey(s.ctx, s.project.ID, account.KeyReadWrite, "hash-5", at(time.Hour)))
	_, _, err := s.ProjectByAPIKey(s.ctx, "hash-1")
	s.fails(err, fault.NotFound)
	_, kind, err := s.ProjectByAPIKey(s.ctx, "hash-5")
	s.ok(err)
	s.same("kind", kind, account.KeyReadWrite)
	_, _, err = s.ProjectByAPIKey(s.ctx, "hash-2")
	s.ok(err)
}

func tokens(s *site) {
	valid := func(purpose, hash string, now time.Time, want bool) {
		s.Helper()
		got, err := s.TokenValid(s.ctx, purpose, hash, now)
		s.ok(err)
		s.same("valid", got, want)
		if !want {
			s.fails(s.UseToken(s.ctx, purpose, hash, now), fault.NotFound)
		}
	}
	s.ok(s.PutToken(s.ctx, "setup", "one", at(time.Hour)))
	s.ok(s.PutToken(s.ctx, "reset", "two", at(time.Hour)))
	valid("setup", "one", at(0), true)
	valid("setup", "two", at(0), false) // it is for another purpose
	valid("setup", "unknown", at(0), false)
	valid("setup", "one", at(time.Hour), false) // it has expired

	s.ok(s.PutToken(s.ctx, "setup", "three", at(time.Hour)))
	valid("setup", "one", at(0), false) // a newer one ended it
	valid("reset", "two", at(0), true)
	valid("setup", "three", at(0), true)
	s.ok(s.UseToken(s.ctx, "setup", "three", at(0)))
	valid("setup", "three", at(0), false) // it was used
}
