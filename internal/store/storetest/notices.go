package storetest

import (
	"errors"
	"sync/atomic"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
)

var noticeTests = []test{
	{"what somebody asked for is kept, and their key with it", noticesKept},
	{"what is due is found", noticesDue},
	{"what is due is settled once, with its letters", noticesSettled},
	{"of 10 nodes one settles what is due", noticesRace},
	{"what is down in all of somebody's projects is found", downOf},
	{"the zone of a user is kept", userZone},
}

// addNotices lets a new user ask for a report and reminders.
func (s *site) addNotices(report, reminder time.Time) account.Notices {
	s.Helper()
	n := account.NewNotices(s.addUser().ID)
	n.Report, n.Reminder, n.NextReport, n.NextReminder = account.Weekly, account.Hourly, report, reminder
	s.ok(s.SetNotices(s.ctx, n))
	return n
}

// forget ends what is due, which tests of the same store would see.
func (s *site) forget(notices ...account.Notices) {
	s.Helper()
	for _, n := range notices {
		n.NextReport, n.NextReminder = time.Time{}, time.Time{}
		s.ok(s.SetNotices(s.ctx, n))
	}
}

func (s *site) notices(user account.UserID) account.Notices {
	s.Helper()
	n, err := s.Notices(s.ctx, user)
	s.ok(err)
	return n
}

func noticesKept(s *site) {
	_, err := s.Notices(s.ctx, s.user.ID)
	s.fails(err, fault.NotFound)
	other := s.addProject("Other")
	n := account.NewNotices(s.user.ID)
	n.Report, n.Day, n.Reminder, n.NextReport, n.LeftOut = account.Monthly, 28, account.Daily, at(0), []monitor.ProjectID{other.ID}
	s.ok(s.SetNotices(s.ctx, n))
	s.same("notices", s.notices(s.user.ID), n)
	byName, err := s.NoticesByStop(s.ctx, n.StopName())
	s.ok(err)
	s.same("notices by the name in addresses", byName, n)

	again := account.NewNotices(s.user.ID)
	again.LeftOut = []monitor.ProjectID{s.project.ID, -1} // of which no member of none is told
	s.ok(s.SetNotices(s.ctx, again))
	again.StopKey, again.LeftOut = n.StopKey, []monitor.ProjectID{s.project.ID}
	s.same("changed notices", s.notices(s.user.ID), again)
	_, err = s.NoticesByStop(s.ctx, "0123456789abcdef")
	s.fails(err, fault.NotFound)
}

func noticesDue(s *site) {
	none, err := s.NextNotice(s.ctx)
	s.ok(err)
	s.same("next of nothing", none, time.Time{})
	late := s.addNotices(at(2*time.Hour), time.Time{})
	both := s.addNotices(at(time.Hour), at(time.Hour))
	early := s.addNotices(at(3*time.Hour), at(0))
	quiet := s.addNotices(time.Time{}, time.Time{})
	due := func(now time.Time, limit int, want ...account.Notices) {
		s.Helper()
		got, err := s.DueNotices(s.ctx, now, limit)
		s.ok(err)
		s.same("due", got, want)
	}
	due(at(-time.Microsecond), 10)
	due(at(0), 10, early)
	due(at(2*time.Hour), 10, early, both, late)
	due(at(2*time.Hour), 2, early, both)
	next, err := s.NextNotice(s.ctx)
	s.ok(err)
	s.same("next", next, at(0))
	s.forget(early)
	next, err = s.NextNotice(s.ctx)
	s.ok(err)
	s.same("next then", next, at(time.Hour))
	s.forget(late, both, quiet)
}

func noticesSettled(s *site) {
	due := s.addNotices(at(0), at(time.Hour))
	after := due
	after.NextReport = at(7 * 24 * time.Hour)
	owed := letter("ana@example.org")
	owed.Key = "report/settled"
	s.ok(s.SettleNotices(s.ctx, due, after, owed))
	s.same("after it", s.notices(due.User), after)
	s.fails(s.SettleNotices(s.ctx, due, after, letter("ben@example.org")), fault.Conflict)

	changed := after
	changed.Report, changed.NextReport = account.Off, time.Time{}
	s.ok(s.SetNotices(s.ctx, changed))
	s.fails(s.SettleNotices(s.ctx, after, after, letter("ben@example.org")), fault.Conflict)
	s.same("what was changed stays", s.notices(due.User), changed)
	s.ok(s.SettleNotices(s.ctx, changed, changed, owed)) // a key is queued once
	s.same("letters", len(s.leaseLetters(at(0))), 1)
	s.endLetters()
	s.forget(changed)
}

func noticesRace(s *site) {
	due := s.addNotices(at(0), at(0))
	after := due
	after.NextReport, after.NextReminder = at(time.Hour), at(2*time.Hour)
	var settled atomic.Int64
	s.allOK(together(10, func(int) error {
		err := s.SettleNotices(s.ctx, due, after, letter("ana@example.org"))
		if err == nil {
			settled.Add(1)
		} else if errors.Is(err, fault.Conflict) {
			return nil
		}
		return err
	}))
	s.same("times it was settled", settled.Load(), int64(1))
	s.same("letters", len(s.leaseLetters(at(0))), 1)
	s.endLetters()
	s.forget(due)
}

func downOf(s *site) {
	reader := s.addUser()
	second, left, foreign := s.addProject("Second"), s.addProject("Left out"), s.addProject("Foreign")
	for _, p := range []account.Project{s.project, second, left} {
		s.ok(s.SetMember(s.ctx, p.ID, reader.ID, account.ReadOnly))
	}
	down := func(p account.Project, slug string, since time.Time) monitor.Check {
		c := s.addCheck(p, slug)
		s.apply(step(c, tell(monitor.Down, since)))
		return s.load(c)
	}
	later, first := down(s.project, "later", at(time.Hour)), down(second, "first", at(0))
	down(left, "left", at(0))
	down(foreign, "foreign", at(0))
	s.addCheck(s.project, "new")
	n := account.NewNotices(reader.ID)
	n.LeftOut = []monitor.ProjectID{left.ID}
	s.ok(s.SetNotices(s.ctx, n))

	got, err := s.DownOf(s.ctx, reader.ID, 10)
	s.ok(err)
	s.same("down", got, []monitor.Check{first, later})
	got, err = s.DownOf(s.ctx, reader.ID, 1)
	s.ok(err)
	s.same("the longest down", got, []monitor.Check{first})
}

func userZone(s *site) {
	u := s.addUser()
	s.same("zone of who has chosen none", u.Zone, "")
	u, err := s.CreateUser(s.ctx, account.User{Email: "zone-" + u.Email, Zone: "Europe/Berlin", Created: at(0)})
	s.ok(err)
	got, err := s.User(s.ctx, u.ID)
	s.ok(err)
	s.same("user", got, u)
}
