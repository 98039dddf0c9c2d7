package storetest

import (
	"fmt"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var consistencyTests = []test{
	{"what the door writes is consistent", consistent},
	{"every planted violation is found", violationsFound},
	{"checks are counted by their status", checksCounted},
	{"a channel owes nothing for flips before it was assigned or enabled", assignedLater},
}

func checksCounted(s *site) {
	before, err := s.CheckCounts(s.ctx)
	s.ok(err)
	s.addCheck(s.project, "fresh")
	a, b := s.addCheck(s.project, "a"), s.addCheck(s.project, "b")
	s.apply(step(a, tell(monitor.Down, at(0))), step(b, tell(monitor.Down, at(0))))
	after, err := s.CheckCounts(s.ctx)
	s.ok(err)
	for status, want := range map[monitor.Status]int{monitor.New: 1, monitor.Down: 2, monitor.Up: 0} {
		s.same(fmt.Sprint("more checks that are ", status), after[status]-before[status], want)
	}
	if pool := s.Pool(); pool.InUse < 0 || pool.Waited < 0 {
		s.Errorf("a pool of %+v", pool)
	}
}

// broken returns the rules that are broken.
func (s *site) broken(now, judged time.Time) []store.Rule {
	s.Helper()
	list, err := s.Violations(s.ctx, now, judged)
	s.ok(err)
	var rules []store.Rule
	for _, v := range list {
		if v.Count < 1 || v.First == "" {
			s.Errorf("violation without a case: %v", v)
		}
		rules = append(rules, v.Rule)
	}
	return rules
}

// pair makes a check that has told two flips to a channel, the second one of which
// every rule looks at.
func (s *site) pair(slug string, channel monitor.Channel) monitor.Check {
	s.Helper()
	c := s.addCheck(s.project, slug, channel)
	s.apply(step(c, tell(monitor.Down, at(0))))
	s.apply(step(c, tell(monitor.Up, at(time.Second))))
	s.apply(step(c, tell(monitor.Down, at(2*time.Second))))
	return c
}

func consistent(s *site) {
	hook := s.addChannel(s.project, "hook")
	s.pair("nightly", hook)
	s.same("broken", s.broken(at(time.Minute), at(0)), []store.Rule(nil))
	for range 3 {
		leased := s.leaseOne(at(time.Minute))
		s.same("broken while it is sent", s.broken(at(time.Minute), at(0)), []store.Rule(nil))
		s.settle(leased, monitor.Result{Verdict: monitor.Done}, at(time.Minute))
	}
	s.same("broken when all is sent", s.broken(at(time.Hour), at(0)), []store.Rule(nil))
}

func violationsFound(s *site) {
	hook := s.addChannel(s.project, "hook")
	drifted, untold := s.pair("drifted", hook), s.pair("untold", hook)
	unwatched, unjudged := s.addCheck(s.project, "unwatched"), s.addCheck(s.project, "unjudged")
	s.apply(step(unwatched, receive(ping(monitor.Success, at(0)))))
	s.apply(step(unjudged, wake(at(0))))
	now := at(time.Hour)
	s.same("broken before", s.broken(now, at(30*time.Second)), []store.Rule(nil))

	for _, plant := range []struct {
		rule store.Rule
		sql  string
	}{
		{store.StatusIsLastFlip, fmt.Sprintf("UPDATE checks SET status = 'up' WHERE id = %d", drifted.ID)},
		{store.FlipHasDeliveries, fmt.Sprintf("DELETE FROM deliveries WHERE check_id = %d AND rev = 3", untold.ID)},
		{store.LeaseEnds, fmt.Sprintf("UPDATE deliveries SET state = 'sending', next_at = %d WHERE check_id = %d AND rev = 1", at(0).UnixMicro(), drifted.ID)},
		{store.DeliveryIsQueued, fmt.Sprintf("UPDATE deliveries SET next_at = NULL WHERE check_id = %d AND rev = 2", drifted.ID)},
		{store.AwaitedHasWake, fmt.Sprintf("UPDATE checks SET wake = NULL WHERE id = %d", unwatched.ID)},
		{store.DeadlineIsJudged, fmt.Sprintf("UPDATE checks SET wake = %d WHERE id = %d", at(-time.Hour).UnixMicro(), unjudged.ID)},
	} {
		before := s.broken(now, at(30*time.Second))
		s.engine.Exec(s.T, s.Store, plant.sql)
		s.same("broken after "+plant.sql, s.broken(now, at(30*time.Second)), append(before, plant.rule))
	}
	s.same("rules that are tried", s.broken(now, at(30*time.Second)), store.Rules())
}

func assignedLater(s *site) {
	early, late := s.addChannel(s.project, "early"), s.addChannel(s.project, "late")
	c := s.pair("nightly", early)
	s.ok(s.AssignChannel(s.ctx, s.project.ID, late.ID, []monitor.CheckID{c.ID}))
	early.Disabled = "it is gone"
	s.ok(s.EditChannel(s.ctx, early))
	s.apply(step(c, tell(monitor.Up, at(3*time.Second))))
	s.apply(step(c, tell(monitor.Down, at(4*time.Second))))
	s.same("broken", s.broken(at(time.Minute), at(0)), []store.Rule(nil))
	early.Disabled = ""
	s.ok(s.EditChannel(s.ctx, early))
	s.same("broken when it is enabled again", s.broken(at(time.Minute), at(0)), []store.Rule(nil))
}
