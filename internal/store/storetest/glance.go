package storetest

import (
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var glanceTests = []test{
	{"statuses are counted as each check shows its own", statusCounts},
	{"the mark of a project changes with all that its pages show", marks},
}

// statusCounts lets a check of every kind there is be counted by the database, and
// one by one by the rule.
func statusCounts(s *site) {
	other := s.addProject("Other")
	s.addProject("Empty")
	checks := map[string]monitor.Check{}
	for _, name := range []string{"new", "up", "twin", "running", "ended", "late", "down", "paused", "unknown", "overran", "theirs"} {
		project := s.project
		if name == "theirs" {
			project = other
		}
		checks[name] = s.addCheck(project, name)
	}
	pings := func(name string, list ...monitor.Ping) {
		for _, p := range list {
			s.apply(step(checks[name], receive(p)))
		}
	}
	now := at(10 * time.Hour)
	fresh := now.Add(-time.Minute)
	for _, name := range []string{"up", "twin", "theirs"} {
		pings(name, ping(monitor.Success, fresh))
	}
	pings("running", ping(monitor.Success, fresh.Add(-time.Minute)), ping(monitor.Start, fresh))
	pings("ended", ping(monitor.Start, fresh.Add(-time.Second)), ping(monitor.Success, fresh))
	pings("late", ping(monitor.Success, at(0)))
	pings("down", ping(monitor.Fail, fresh))
	pings("overran", ping(monitor.Start, at(0)))
	s.apply(step(checks["paused"], func(c monitor.Check) monitor.Change { return c.Pause(fresh) }))
	s.apply(step(checks["overran"], func(c monitor.Check) monitor.Change { return c.Expire(now, now) }))
	pings("unknown", ping(monitor.Success, at(0)))
	s.apply(step(checks["unknown"], func(c monitor.Check) monitor.Change {
		c.Status = monitor.Unknown
		return monitor.Change{Check: c}
	}))

	want := map[monitor.ProjectID]map[monitor.Status]int{}
	seen := map[monitor.Status]bool{}
	for _, p := range s.projects {
		list, err := s.Checks(s.ctx, p.ID, 100)
		s.ok(err)
		for _, c := range list {
			if want[p.ID] == nil {
				want[p.ID] = map[monitor.Status]int{}
			}
			want[p.ID][c.Shown(now)]++
			seen[c.Shown(now)] = true
		}
	}
	for _, status := range []monitor.Status{monitor.New, monitor.Up, monitor.Down, monitor.Paused, monitor.Unknown, monitor.Late, monitor.Running} {
		if !seen[status] {
			s.Errorf("no check of the test is %s", status)
		}
	}
	got, err := s.StatusCounts(s.ctx, s.user.ID, 0, now)
	s.ok(err)
	s.same("counts", got, want)
	delete(want, s.project.ID)
	got, err = s.StatusCounts(s.ctx, s.user.ID, s.project.ID, now)
	s.ok(err)
	s.same("counts of the others", got, want)
	none, err := s.StatusCounts(s.ctx, s.addUser().ID, 0, now)
	s.ok(err)
	s.same("counts of somebody else", none, map[monitor.ProjectID]map[monitor.Status]int{})
}

func marks(s *site) {
	now := at(0)
	last, err := s.Mark(s.ctx, s.project.ID, now)
	s.ok(err)
	s.same("the mark of nothing", last, store.Mark{})
	check := s.addCheck(s.project, "Nightly")
	other := s.addProject("Other")
	foreign := s.addCheck(other, "Foreign")
	expect := func(what string, changes bool) {
		s.Helper()
		mark, err := s.Mark(s.ctx, s.project.ID, now)
		s.ok(err)
		if changed := mark != last; changed != changes {
			s.Errorf("%s: the mark changed is %t, want %t: %+v", what, changed, changes, mark)
		}
		last = mark
	}
	expect("a new check", true)
	expect("nothing", false)
	s.apply(step(check, receive(ping(monitor.Success, at(0)))))
	expect("a ping", true)
	s.apply(step(check, func(c monitor.Check) monitor.Change { return c.Pause(at(time.Second)) }))
	expect("a flip", true)
	config := check.Config
	config.Description = "other"
	s.apply(step(check, func(c monitor.Check) monitor.Change { return c.Reconfigure(config, at(2*time.Second)) }))
	expect("an edit", true)
	s.ok(s.Quarantine(s.ctx, check.ID, "trouble"))
	expect("trouble", true)
	s.apply(step(foreign, receive(ping(monitor.Success, at(0)))))
	expect("another project's ping", false)
	late := s.addCheck(s.project, "Late")
	s.apply(step(late, receive(ping(monitor.Success, at(0)))))
	expect("another check", true)
	now = at(365 * 24 * time.Hour)
	expect("the hour at which it is late", true)
	channel := s.addChannel(s.project, "Desk")
	_, err = s.EnqueueTest(s.ctx, s.project.ID, channel.ID, at(0))
	s.ok(err)
	expect("a delivery", true)
	leased, err := s.LeaseDeliveries(s.ctx, store.Lease{Now: at(time.Minute), Until: at(time.Hour), Limit: 1, PerChannel: 1})
	s.ok(err)
	after, _ := leased[0].Delivery.Settle(monitor.Result{Verdict: monitor.Done}, at(time.Minute))
	s.ok(s.RecordAttempt(s.ctx, monitor.Attempt{Delivery: leased[0].Delivery.ID, N: 1, Started: at(time.Minute), OK: true}, after, ""))
	expect("its end", true)
	s.ok(s.DeleteCheck(s.ctx, s.project.ID, late.ID))
	expect("a deleted check", true)
}
