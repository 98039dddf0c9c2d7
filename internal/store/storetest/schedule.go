package storetest

import (
	"fmt"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
)

var scheduleTests = []test{
	{"due checks come longest overdue first", dueInOrder},
	{"due checks keep to the limit", dueLimited},
	{"a check is due at its wake", dueExactly},
	{"a wake that moves is found at its new place", wakeMoves},
	{"a quarantined check rests until its next step", quarantineRests},
	{"awaited checks are walked by id", awaitedWalk},
}

// sleepers makes checks with the given wakes; zero has none.
func (s *site) sleepers(wakes ...time.Time) []monitor.CheckID {
	s.Helper()
	var ids []monitor.CheckID
	for i, when := range wakes {
		c := s.addCheck(s.project, fmt.Sprint("check-", i))
		s.apply(step(c, wake(when)))
		ids = append(ids, c.ID)
	}
	return ids
}

// due asserts what is due at now, and when the next is.
func (s *site) due(now time.Time, limit int, want []monitor.CheckID, wantNext time.Time) {
	s.Helper()
	got, next, err := s.DueChecks(s.ctx, now, limit)
	s.ok(err)
	s.same("due", got, want)
	s.same("next", next, wantNext)
}

func dueInOrder(s *site) {
	s.due(at(0), 10, nil, time.Time{})
	ids := s.sleepers(at(3*time.Second), at(1*time.Second), time.Time{}, at(9*time.Second), at(2*time.Second))
	s.due(at(0), 10, nil, at(1*time.Second))
	s.due(at(5*time.Second), 10, []monitor.CheckID{ids[1], ids[4], ids[0]}, at(9*time.Second))
	s.due(at(10*time.Second), 10, []monitor.CheckID{ids[1], ids[4], ids[0], ids[3]}, time.Time{})
}

func dueLimited(s *site) {
	ids := s.sleepers(at(1*time.Second), at(2*time.Second), at(3*time.Second))
	s.due(at(5*time.Second), 1, ids[:1], at(2*time.Second))
	s.due(at(5*time.Second), 2, ids[:2], at(3*time.Second))
	s.due(at(5*time.Second), 3, ids, time.Time{})
}

func dueExactly(s *site) {
	ids := s.sleepers(at(time.Second))
	s.due(at(time.Second-time.Microsecond), 10, nil, at(time.Second))
	s.due(at(time.Second), 10, ids, time.Time{})
}

func wakeMoves(s *site) {
	c := s.addCheck(s.project, "nightly")
	s.apply(step(c, wake(at(1*time.Second))))
	s.apply(step(c, wake(at(8*time.Second))))
	s.due(at(5*time.Second), 10, nil, at(8*time.Second))
	// Within one batch the last word counts.
	s.apply(step(c, wake(at(2*time.Second))), step(c, wake(at(3*time.Second))))
	s.due(at(5*time.Second), 10, []monitor.CheckID{c.ID}, time.Time{})
	s.same("wake", s.load(c).Wake, at(3*time.Second))
	s.apply(step(c, wake(time.Time{})))
	s.due(at(5*time.Second), 10, nil, time.Time{})
	s.same("wake", s.load(c).Wake, time.Time{})
}

func quarantineRests(s *site) {
	c := s.addCheck(s.project, "nightly")
	s.apply(step(c, receive(ping(monitor.Success, at(0)))))
	before := s.load(c)
	s.ok(s.Quarantine(s.ctx, c.ID, "no rule for this"))
	s.due(at(time.Hour), 10, nil, time.Time{})
	after := before
	after.Wake, after.Trouble = time.Time{}, "no rule for this"
	s.same("check", s.load(c), after)

	s.apply(step(c, receive(ping(monitor.Success, at(time.Minute)))))
	s.due(at(time.Hour), 10, []monitor.CheckID{c.ID}, time.Time{})
	s.same("trouble after a ping", s.load(c).Trouble, "")

	s.fails(s.Quarantine(s.ctx, c.ID+1_000, "gone"), fault.NotFound)
}

func awaitedWalk(s *site) {
	ids := s.sleepers(at(3*time.Second), time.Time{}, at(1*time.Second), at(2*time.Second))
	walk := func(after monitor.CheckID, limit int, want ...monitor.CheckID) {
		s.Helper()
		got, err := s.AwaitedChecks(s.ctx, after, limit)
		s.ok(err)
		s.same("awaited", got, want)
	}
	walk(0, 2, ids[0], ids[2])
	walk(ids[2], 2, ids[3])
	walk(ids[3], 2)
}
