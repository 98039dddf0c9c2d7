package storetest

import (
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/store"
)

var accountTests = []test{
	{"users are kept by address", usersKept},
	{"projects are their members'", projectsKept},
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
	for _, address := range []string{"nobody@example.org", "a\x00b@example.org", "\xff@example.org", "\xed\xa0\x80@example.org"} {
		_, err = s.UserByEmail(s.ctx, address) // also a text that no row can hold
		s.fails(err, fault.NotFound)
	}
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
		{Project: asRead(alpha), Role: account.Owner}, {Project: asRead(beta), Role: account.Owner}, {Project: asRead(s.project), Role: account.Owner},
	})
	got, err = s.ProjectsOf(s.ctx, u.ID+1_000)
	s.ok(err)
	s.same("projects of nobody", len(got), 0)
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
