package storetest

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var memberTests = []test{
	{"an invitation is accepted once, by whom it is for", invitationAccepted},
	{"an invitation makes the account on the way", invitationMakesAccount},
	{"letters of invitations are bounded", invitationsBounded},
	{"an invitation ends", invitationEnds},
	{"a role is never made weaker by an invitation", roleStays},
	{"a project is offered, and accepted", transferred},
	{"an offer does not hold for ever", transferEnds},
	{"a project is deleted with all that is in it, but its log", projectDeleted},
	{"leaving", leaving},
	{"two at a time do not pass the limit of checks", checksLimited},
	{"the limit of checks counts all projects of the account", checksOfAccount},
	{"a project has room for so many members", membersLimited},
	{"an account owns so many projects", projectsLimited},
}

func (s *site) invite(email string, role account.Role, now time.Time) (account.Invitation, error) {
	return s.Invite(s.ctx, account.Invitation{Project: s.project.ID, Email: email, Role: role, Inviter: s.user.Email}, now)
}

func (s *site) roleOf(user account.User) account.Role {
	s.Helper()
	members, err := s.Members(s.ctx, s.project.ID)
	s.ok(err)
	for _, m := range members {
		if m.ID == user.ID {
			return m.Role
		}
	}
	return ""
}

func someone() string { return uuid.NewString() + "@example.org" }

func invitationAccepted(s *site) {
	defer s.endLetters()
	s.as(s.user.Email, at(0))
	guest, other := s.addUser(), s.addUser()
	made, err := s.invite(guest.Email, account.Member, at(0))
	s.ok(err)
	want := account.Invitation{
		ID: made.ID, Project: s.project.ID, Name: "Main", Email: guest.Email, Role: account.Member,
		Inviter: s.user.Email, Created: at(0), Expires: at(store.InvitationLife), Letters: 1,
	}
	list, err := s.Invitations(s.ctx, s.project.ID, at(time.Hour))
	s.ok(err)
	s.same("invitations", list, []account.Invitation{want})
	list, err = s.InvitationsTo(s.ctx, guest.Email, at(time.Hour))
	s.ok(err)
	s.same("invitations of the guest", list, []account.Invitation{want})
	letters := s.leaseLetters(at(0))
	s.same("letter", []any{len(letters), letters[0].To, letters[0].Kind, letters[0].Expires}, []any{1, guest.Email, account.LetterInvitation, want.Expires})

	for _, hash := range []string{"one", "two"} { // each letter has its own link, and all of them work
		s.ok(s.AddInvitationToken(s.ctx, made.ID, s.project.Name+uuid.NewString()))
		s.ok(s.AddInvitationToken(s.ctx, made.ID, hash+guest.Email))
		found, err := s.InvitationByToken(s.ctx, hash+guest.Email, at(time.Hour))
		s.ok(err)
		s.same("by its link", found, want)
	}
	_, err = s.InvitationByToken(s.ctx, "else", at(time.Hour))
	s.fails(err, fault.NotFound)
	_, err = s.AcceptInvitation(s.ctx, made.ID, other, at(time.Hour))
	s.fails(err, fault.Forbidden)
	_, err = s.AcceptInvitation(s.ctx, made.ID, guest, at(time.Hour))
	s.ok(err)
	s.same("role", s.roleOf(guest), account.Member)
	_, err = s.AcceptInvitation(s.ctx, made.ID, guest, at(time.Hour))
	s.fails(err, fault.NotFound)
	_, err = s.InvitationByToken(s.ctx, "one"+guest.Email, at(time.Hour))
	s.fails(err, fault.NotFound)
	_, err = s.invite(guest.Email, account.Member, at(0))
	s.fails(err, fault.Conflict)
	s.same("log", s.log(), []string{"invited invitation " + guest.Email, "joined member " + guest.Email})
}

func invitationMakesAccount(s *site) {
	defer s.endLetters()
	made, err := s.invite(someone(), account.ReadOnly, at(0))
	s.ok(err)
	user := account.User{Email: made.Email, PasswordHash: "hash", Created: at(0)}
	errs := together(8, func(int) error {
		_, err := s.AcceptInvitation(s.ctx, made.ID, user, at(0))
		return err
	})
	accepted := 0
	for _, err := range errs {
		if err == nil {
			accepted++
		}
	}
	s.same("accepted", accepted, 1)
	found, err := s.UserByEmail(s.ctx, made.Email)
	s.ok(err)
	s.same("role", s.roleOf(found), account.ReadOnly)
}

func invitationsBounded(s *site) {
	defer s.endLetters()
	s.as(s.user.Email, at(0))
	first := someone()
	for range store.InvitationLetters {
		_, err := s.invite(first, account.Member, at(0))
		s.ok(err)
	}
	_, err := s.invite(first, account.Member, at(0))
	s.fails(err, fault.Forbidden)
	for range store.InvitationsEach - store.InvitationLetters {
		_, err := s.invite(someone(), account.Member, at(0))
		s.ok(err)
	}
	_, err = s.invite(someone(), account.Member, at(0))
	s.fails(err, fault.Forbidden)
	// Taking one back makes no room, nor does another project of the same person.
	list, err := s.Invitations(s.ctx, s.project.ID, at(0))
	s.ok(err)
	s.ok(s.RevokeInvitation(s.ctx, s.project.ID, list[0].ID))
	_, err = s.invite(someone(), account.Member, at(0))
	s.fails(err, fault.Forbidden)
	main := s.project
	s.project = s.addProject("Other")
	_, err = s.invite(someone(), account.Member, at(0))
	s.fails(err, fault.Forbidden)
	s.project = main
	_, err = s.invite(someone(), account.Member, at(store.InvitationsSpan))
	s.ok(err)
}

func invitationEnds(s *site) {
	defer s.endLetters()
	s.as(s.user.Email, at(0))
	guest := s.addUser()
	made, err := s.invite(guest.Email, account.Member, at(0))
	s.ok(err)
	_, err = s.Invitation(s.ctx, made.ID, made.Expires)
	s.fails(err, fault.NotFound)
	_, err = s.AcceptInvitation(s.ctx, made.ID, guest, made.Expires)
	s.fails(err, fault.NotFound)
	again, err := s.invite(guest.Email, account.Manager, made.Expires)
	s.ok(err)
	s.same("a new one", []any{again.Letters, again.Role}, []any{1, account.Manager})
	s.same("letters", len(s.leaseLetters(made.Expires)), 2)
	other := s.addProject("Other")
	s.fails(s.RevokeInvitation(s.ctx, other.ID, again.ID), fault.NotFound)
	s.ok(s.RevokeInvitation(s.ctx, s.project.ID, again.ID))
	_, err = s.AcceptInvitation(s.ctx, again.ID, guest, made.Expires)
	s.fails(err, fault.NotFound)
	s.same("role", s.roleOf(guest), account.Role(""))
	keep := all()
	_, err = s.invite(guest.Email, account.Member, at(0))
	s.ok(err)
	keep.Expired = at(store.InvitationLife + time.Second)
	s.trim(keep)
	list, err := s.Invitations(s.ctx, s.project.ID, at(0))
	s.ok(err)
	s.same("after trimming", len(list), 0)
}

func roleStays(s *site) {
	defer s.endLetters()
	guest := s.addUser()
	made, err := s.invite(guest.Email, account.ReadOnly, at(0))
	s.ok(err)
	s.ok(s.SetMember(s.ctx, s.project.ID, guest.ID, account.Manager))
	_, err = s.AcceptInvitation(s.ctx, made.ID, guest, at(0))
	s.ok(err)
	s.same("role", s.roleOf(guest), account.Manager)
}

func (s *site) offer(to account.User, now time.Time) error {
	return s.ProposeTransfer(s.ctx, account.Transfer{Project: s.project.ID, From: s.user.ID, To: to.ID, Created: now})
}

func transferred(s *site) {
	s.as(s.user.Email, at(0))
	heir, other := s.addUser(), s.addUser()
	s.fails(s.offer(heir, at(0)), fault.NotFound)
	s.ok(s.SetMember(s.ctx, s.project.ID, heir.ID, account.ReadOnly))
	s.ok(s.SetMember(s.ctx, s.project.ID, other.ID, account.Member))
	s.fails(s.AcceptTransfer(s.ctx, s.project.ID, heir.ID, at(0)), fault.Conflict)
	s.ok(s.offer(heir, at(0)))
	t, err := s.Transfer(s.ctx, s.project.ID, at(time.Hour))
	s.ok(err)
	s.same("offer", t, account.Transfer{Project: s.project.ID, From: s.user.ID, To: heir.ID, Created: at(0)})
	s.fails(s.AcceptTransfer(s.ctx, s.project.ID, other.ID, at(0)), fault.Conflict)
	s.fails(s.EndTransfer(s.ctx, s.project.ID, other.ID), fault.NotFound)
	s.ok(s.AcceptTransfer(s.ctx, s.project.ID, heir.ID, at(time.Hour)))
	s.same("roles", []account.Role{s.roleOf(heir), s.roleOf(s.user)}, []account.Role{account.Owner, account.Manager})
	s.fails(s.AcceptTransfer(s.ctx, s.project.ID, heir.ID, at(time.Hour)), fault.Conflict)
	s.same("log", s.log()[2:], []string{"proposed member " + heir.Email, "accepted member " + heir.Email})
}

func transferEnds(s *site) {
	heir, other := s.addUser(), s.addUser()
	s.ok(s.SetMember(s.ctx, s.project.ID, heir.ID, account.Member))
	s.ok(s.offer(heir, at(0)))
	_, err := s.Transfer(s.ctx, s.project.ID, at(store.TransferLife))
	s.fails(err, fault.NotFound)
	s.fails(s.AcceptTransfer(s.ctx, s.project.ID, heir.ID, at(store.TransferLife)), fault.Conflict)
	for _, by := range []account.User{s.user, heir} {
		s.ok(s.offer(heir, at(0)))
		s.ok(s.EndTransfer(s.ctx, s.project.ID, by.ID))
		s.fails(s.EndTransfer(s.ctx, s.project.ID, by.ID), fault.NotFound)
	}
	s.ok(s.offer(heir, at(0)))
	s.ok(s.RemoveMember(s.ctx, s.project.ID, heir.ID))
	s.fails(s.AcceptTransfer(s.ctx, s.project.ID, heir.ID, at(0)), fault.Conflict)
	// Who is no owner any more gives nothing away.
	s.ok(s.SetMember(s.ctx, s.project.ID, heir.ID, account.Member))
	s.ok(s.SetMember(s.ctx, s.project.ID, other.ID, account.Owner))
	s.ok(s.offer(heir, at(0)))
	s.ok(s.SetMember(s.ctx, s.project.ID, s.user.ID, account.Member))
	s.fails(s.AcceptTransfer(s.ctx, s.project.ID, heir.ID, at(0)), fault.Conflict)
}

func projectDeleted(s *site) {
	s.as(s.user.Email, at(0))
	s.project = s.addProject("Short-lived")
	defer func() { s.projects = s.projects[:len(s.projects)-1] }()
	channel := s.addChannel(s.project, "desk")
	check := s.addCheck(s.project, "nightly", channel)
	s.apply(step(check, tell(monitor.Down, at(0))))
	s.ok(s.DeleteProject(s.ctx, s.project.ID))
	s.fails(s.DeleteProject(s.ctx, s.project.ID), fault.NotFound)
	results, err := s.Transitions(s.ctx, []store.Step{step(check, receive(ping(monitor.Success, at(0))))})
	s.ok(err)
	s.fails(results[0].Err, fault.NotFound)
	log := s.log()
	s.same("last of the log", log[len(log)-1], "deleted project Short-lived")
	s.intact()
}

func leaving(s *site) {
	s.as(s.user.Email, at(0))
	other := s.addUser()
	s.fails(s.LeaveProject(s.ctx, s.project.ID, s.user.ID), fault.Conflict)
	s.ok(s.SetMember(s.ctx, s.project.ID, other.ID, account.Member))
	s.ok(s.LeaveProject(s.ctx, s.project.ID, other.ID))
	s.fails(s.LeaveProject(s.ctx, s.project.ID, other.ID), fault.NotFound)
	s.same("log", s.log(), []string{"added member " + other.Email, "left member " + other.Email})
}

// limited sets limits for one test.
func (s *site) limited(l store.Limits) {
	s.Bound(l)
	s.Cleanup(func() { s.Bound(store.Limits{}) })
}

// passed counts those that were let through, and checks why the others were not.
func (s *site) passed(errs []error) (n int) {
	s.Helper()
	for _, err := range errs {
		if err == nil {
			n++
			continue
		}
		s.fails(err, fault.Forbidden)
	}
	return n
}

func checksLimited(s *site) {
	most := 5
	s.limited(store.Limits{Checks: &most})
	s.addCheck(s.project, "first")
	s.same("made by hand", s.passed(together(12, func(i int) error {
		if i%2 == 0 {
			_, err := s.CreateCheck(s.ctx, newCheck(s.project, fmt.Sprint("a", i)), nil)
			return err
		}
		step := s.provision(fmt.Sprint("b", i), ping(monitor.Success, at(0)))
		results, err := s.Transitions(s.ctx, []store.Step{step})
		if err != nil {
			return err
		}
		return results[0].Err
	})), 4)
	usage, err := s.Usage(s.ctx, s.project.ID)
	s.ok(err)
	s.same("used", []int{usage.Checks, usage.Members, *usage.Limits.Checks}, []int{5, 1, 5})
	// One that is there is found, also when no more may be made.
	_, created, err := s.FindOrCreateCheck(s.ctx, newCheck(s.project, "first"), func(c monitor.Check) bool { return c.Slug == "first" }, nil)
	s.ok(err)
	s.same("created", created, false)
	// A ping that may make no check does not harm those that come with it.
	known := newCheck(s.project, "first")
	results, err := s.Transitions(s.ctx, []store.Step{
		s.provision("more", ping(monitor.Success, at(0))), s.provision(known.Slug, ping(monitor.Success, at(0))),
	})
	s.ok(err)
	s.fails(results[0].Err, fault.Forbidden)
	s.ok(results[1].Err)
}

func checksOfAccount(s *site) {
	most := 2
	s.limited(store.Limits{Checks: &most})
	other := s.addProject("Second")
	s.addCheck(s.project, "one")
	s.addCheck(other, "two")
	_, err := s.CreateCheck(s.ctx, newCheck(other, "three"), nil)
	s.fails(err, fault.Forbidden)
	// A member's own projects are another account's.
	member := s.addUser()
	s.ok(s.SetMember(s.ctx, s.project.ID, member.ID, account.Manager))
	theirs, err := s.CreateProject(s.ctx, account.Project{Name: "Theirs", PingKey: account.NewPingKey(), Created: at(0)}, member.ID)
	s.ok(err)
	s.projects = append(s.projects, theirs)
	s.addCheck(theirs, "one")
	// A project cannot be given to an account that has no room for it.
	s.addCheck(theirs, "two")
	s.ok(s.offer(member, at(0)))
	s.fails(s.AcceptTransfer(s.ctx, s.project.ID, member.ID, at(0)), fault.Forbidden)
	s.same("role", s.roleOf(member), account.Manager)
}

func membersLimited(s *site) {
	defer s.endLetters()
	most := 3
	s.limited(store.Limits{Members: &most})
	users := make([]account.User, 6)
	for i := range users {
		users[i] = s.addUser()
	}
	s.same("added", s.passed(together(len(users), func(i int) error {
		return s.SetMember(s.ctx, s.project.ID, users[i].ID, account.Member)
	})), 2)
	_, err := s.invite(someone(), account.Member, at(0))
	s.fails(err, fault.Forbidden)
	for _, u := range users {
		if s.roleOf(u) != "" {
			s.ok(s.SetMember(s.ctx, s.project.ID, u.ID, account.ReadOnly)) // a change needs no room
			s.ok(s.RemoveMember(s.ctx, s.project.ID, u.ID))
		}
	}
	var made []account.Invitation
	for range 2 {
		i, err := s.invite(someone(), account.Member, at(0))
		s.ok(err)
		made = append(made, i)
	}
	_, err = s.invite(someone(), account.Member, at(0)) // those that are invited count
	s.fails(err, fault.Forbidden)
	for range 2 {
		u := s.addUser()
		s.ok(s.SetMember(s.ctx, s.project.ID, u.ID, account.Member))
	}
	_, err = s.AcceptInvitation(s.ctx, made[0].ID, account.User{Email: made[0].Email, Created: at(0)}, at(0))
	s.fails(err, fault.Forbidden)
	_, err = s.UserByEmail(s.ctx, made[0].Email) // and no account was made on the way
	s.fails(err, fault.NotFound)
}

func projectsLimited(s *site) {
	owner := s.addUser()
	create := func(int) error {
		_, err := s.CreateProject(s.ctx, account.Project{Name: "P", PingKey: account.NewPingKey(), Created: at(0)}, owner.ID)
		return err
	}
	s.allOK(together(store.ProjectsLimit-2, create))
	s.same("the last", s.passed(together(6, create)), 2)
}
