package storetest

import (
	"sync"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var peopleTests = []test{
	{"a link is good once, for its purpose and in time", linkGoodOnce},
	{"of several who use a link at once one gets it", linkRace},
	{"an account is made whole or not at all", registered},
	{"a zone is kept", zoneKept},
	{"an address is changed by a link, and shuts everybody out", emailMoved},
	{"an account is deleted with what nobody else sees", accountDeleted},
	{"an account that others need stays", accountKept},
}

// putLink keeps a link under a hash, good for an hour.
func (s *site) putLink(hash string, l store.Link) store.Link {
	s.Helper()
	l.Hash, l.Expires = hash, at(time.Hour)
	s.ok(s.PutLink(s.ctx, l))
	return l
}

func linkGoodOnce(s *site) {
	login := s.putLink("one", store.Link{Purpose: account.ForLogin, User: s.user.ID, Email: s.user.Email})
	twin := s.putLink("two", store.Link{Purpose: account.ForLogin, User: s.user.ID, Email: s.user.Email})
	signup := s.putLink("three", store.Link{Purpose: account.ForSignup, Email: "new-" + s.user.Email})
	s.fails(s.PutLink(s.ctx, login), fault.Conflict)

	got, err := s.FindLink(s.ctx, account.ForLogin, "one", at(0))
	s.ok(err)
	s.same("link", got, login)
	for _, wrong := range []struct {
		purpose account.Purpose
		hash    string
		now     time.Time
	}{
		{account.ForSignup, "one", at(0)}, // it is for another purpose
		{account.ForLogin, "three", at(0)},
		{account.ForLogin, "unknown", at(0)},
		{account.ForLogin, "one", at(time.Hour)}, // it has expired
	} {
		_, err := s.FindLink(s.ctx, wrong.purpose, wrong.hash, wrong.now)
		s.fails(err, fault.NotFound)
		_, err = s.UseLink(s.ctx, wrong.purpose, wrong.hash, wrong.now)
		s.fails(err, fault.NotFound)
	}
	got, err = s.UseLink(s.ctx, account.ForLogin, "two", at(0))
	s.ok(err)
	s.same("used", got, twin)
	for _, hash := range []string{"one", "two"} { // the twin ends with it
		_, err = s.UseLink(s.ctx, account.ForLogin, hash, at(0))
		s.fails(err, fault.NotFound)
	}
	got, err = s.FindLink(s.ctx, account.ForSignup, "three", at(0))
	s.ok(err)
	s.same("another's", got, signup)
}

func linkRace(s *site) {
	s.putLink("wanted", store.Link{Purpose: account.ForLogin, User: s.user.ID, Email: s.user.Email})
	got := make(chan bool, 8)
	var all sync.WaitGroup
	for range cap(got) {
		all.Go(func() {
			_, err := s.UseLink(s.ctx, account.ForLogin, "wanted", at(0))
			got <- err == nil
		})
	}
	all.Wait()
	close(got)
	n := 0
	for ok := range got {
		if ok {
			n++
		}
	}
	s.same("uses of one link", n, 1)
}

func registered(s *site) {
	address := "new-" + s.user.Email
	newcomer := func(link string) store.Newcomer {
		first := newCheck(account.Project{}, "first")
		return store.Newcomer{
			Link: link, Purpose: account.ForSignup,
			User: account.User{Email: address, PasswordHash: "hash", Created: at(0)},
			Project: &store.Beginning{
				Project: account.Project{Name: "Main", PingKey: account.NewPingKey(), Created: at(0)},
				Channel: &monitor.Channel{Name: address, Kind: monitor.Email, Settings: monitor.Settings{Address: address}, Created: at(0)},
				Check:   &first,
			},
		}
	}
	s.putLink("sign up", store.Link{Purpose: account.ForSignup, Email: address})
	taken := newcomer("sign up")
	taken.Project.Project.PingKey = s.project.PingKey
	_, err := s.Register(s.ctx, taken, at(0))
	s.fails(err, fault.Conflict)
	_, err = s.UserByEmail(s.ctx, address)
	s.fails(err, fault.NotFound)

	made, err := s.Register(s.ctx, newcomer("sign up"), at(0)) // the link is still good
	s.ok(err)
	got, err := s.UserByEmail(s.ctx, address)
	s.ok(err)
	s.same("user", got, made)
	projects, err := s.ProjectsOf(s.ctx, made.ID)
	s.ok(err)
	s.same("projects", []any{len(projects), projects[0].Name, projects[0].Role}, []any{1, "Main", account.Owner})
	s.projects = append(s.projects, projects[0].Project)
	checks, err := s.Checks(s.ctx, projects[0].ID, 10)
	s.ok(err)
	told, err := s.AssignedChannels(s.ctx, checks[0].ID)
	s.ok(err)
	s.same("the first check, and how many are told", []any{len(checks), checks[0].Slug, len(told)}, []any{1, "first", 1})
	channels, err := s.Channels(s.ctx, projects[0].ID)
	s.ok(err)
	s.same("channels", []any{len(channels), channels[0].Settings.Address}, []any{1, address})

	_, err = s.Register(s.ctx, newcomer("sign up"), at(0))
	s.fails(err, fault.NotFound)
	_, err = s.Register(s.ctx, newcomer(""), at(0))
	s.fails(err, fault.Conflict)
	alone, err := s.Register(s.ctx, store.Newcomer{User: account.User{Email: "alone-" + s.user.Email, Created: at(0)}}, at(0))
	s.ok(err)
	projects, err = s.ProjectsOf(s.ctx, alone.ID)
	s.ok(err)
	s.same("projects of who needs none", len(projects), 0)
}

func zoneKept(s *site) {
	s.ok(s.SetZone(s.ctx, s.user.ID, "Europe/Riga"))
	got, err := s.User(s.ctx, s.user.ID)
	s.ok(err)
	s.same("zone", got.Zone, "Europe/Riga")
	s.fails(s.SetZone(s.ctx, -1, "Europe/Riga"), fault.NotFound)
}

func emailMoved(s *site) {
	before, after, other := s.user, "moved-"+s.user.Email, s.addUser()
	notice := func(u account.User) account.Letter {
		return account.NewLetter(account.LetterNotice, u.Email, account.NoticeLetter{What: account.NoticeEmail, Email: after}, at(0), time.Hour)
	}
	s.ok(s.BeginSession(s.ctx, session("moving", before.ID, at(time.Hour))))
	s.putLink("theirs", store.Link{Purpose: account.ForEmail, User: before.ID, Email: other.Email})
	_, err := s.MoveEmail(s.ctx, "theirs", at(0), notice)
	s.fails(err, fault.Conflict)
	s.same("letters about nothing", len(s.leaseLetters(at(0))), 0)

	s.putLink("move", store.Link{Purpose: account.ForEmail, User: before.ID, Email: after})
	s.putLink("door", store.Link{Purpose: account.ForLogin, User: before.ID, Email: before.Email})
	moved, err := s.MoveEmail(s.ctx, "move", at(0), notice)
	s.ok(err)
	want := before
	want.Email = after
	s.same("user", moved, want)
	_, err = s.UserByEmail(s.ctx, before.Email)
	s.fails(err, fault.NotFound)
	s.finds("moving", at(0), nil)
	for purpose, hash := range map[account.Purpose]string{account.ForLogin: "door", account.ForEmail: "move"} {
		_, err = s.FindLink(s.ctx, purpose, hash, at(0))
		s.fails(err, fault.NotFound)
	}
	letters := s.leaseLetters(at(0))
	s.same("letters", []any{len(letters), letters[0].To}, []any{1, before.Email})
	s.endLetters()
	_, err = s.MoveEmail(s.ctx, "move", at(0), notice)
	s.fails(err, fault.NotFound)
}

func accountDeleted(s *site) {
	goodbye := account.NewLetter(account.LetterNotice, s.user.Email, account.NoticeLetter{What: account.NoticeDeleted}, at(0), time.Hour)
	other := s.addUser()
	check := s.addCheck(s.project, "nightly", s.addChannel(s.project, "mail"))
	s.apply(step(check, receive(ping(monitor.Success, at(time.Second)))))
	shared := s.addProject("Shared")
	s.ok(s.SetMember(s.ctx, shared.ID, other.ID, account.Owner))
	s.ok(s.BeginSession(s.ctx, session("last", s.user.ID, at(time.Hour))))
	owned, err := s.Owned(s.ctx, s.user.ID)
	s.ok(err)
	s.same("owned", owned, []store.Owned{{ID: s.project.ID, Name: "Main"}, {ID: shared.ID, Name: "Shared", Others: 1, Owners: 1}})

	s.ok(s.DeleteAccount(s.ctx, s.user.ID, goodbye))
	_, err = s.User(s.ctx, s.user.ID)
	s.fails(err, fault.NotFound)
	s.finds("last", at(0), nil)
	_, err = s.Check(s.ctx, s.project.ID, check.UUID)
	s.fails(err, fault.NotFound)
	members, err := s.Members(s.ctx, shared.ID)
	s.ok(err)
	s.same("members", members, []store.Member{{User: other, Role: account.Owner}})
	s.same("letters", len(s.leaseLetters(at(0))), 1)
	s.endLetters()
	s.fails(s.DeleteAccount(s.ctx, s.user.ID), fault.NotFound)
}

func accountKept(s *site) {
	other := s.addUser()
	s.ok(s.SetMember(s.ctx, s.project.ID, other.ID, account.Manager))
	alone := s.addProject("Alone")
	s.fails(s.DeleteAccount(s.ctx, s.user.ID), fault.Conflict)
	projects, err := s.ProjectsOf(s.ctx, s.user.ID)
	s.ok(err)
	s.same("projects", []any{len(projects), projects[0].Name}, []any{2, alone.Name})
	s.ok(s.RemoveMember(s.ctx, s.project.ID, other.ID))
	s.ok(s.DeleteAccount(s.ctx, s.user.ID))
}
