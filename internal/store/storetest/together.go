package storetest

import (
	"fmt"
	"sync"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var togetherTests = []test{
	{"an alarm that was tried in vain is told with its end", alarmMerged},
	{"what may still go by itself is not merged", alarmGoesAlone},
	{"a digest takes no end that tells its alarm too", endIsNoStorm},
	{"each change is told once when alarms are merged and leased at once", togetherRace},
}

// addMail adds a channel that people read.
func (s *site) addMail(name string) monitor.Channel {
	s.Helper()
	c, err := s.CreateChannel(s.ctx, monitor.Channel{
		Project: s.project.ID, Name: name, Kind: monitor.Email, Settings: monitor.Settings{Address: "ops@example.org"}, Created: at(0),
	})
	s.ok(err)
	return c
}

// together merges what can be, and returns how many alarms that were.
func (s *site) together(now time.Time) int {
	s.Helper()
	n, err := s.TellTogether(s.ctx, now)
	s.ok(err)
	return n
}

// inVain makes one attempt of all that is due.
func (s *site) inVain(now time.Time) {
	s.Helper()
	for _, d := range s.lease(now) {
		s.attempt(d, monitor.Result{Verdict: monitor.Retry, Answer: "451 come again", Ours: true}, now) // opens no breaker
	}
}

func alarmMerged(s *site) {
	mail, hook := s.addMail("mail"), s.addChannel(s.project, "hook")
	c := s.owe("nightly", at(0), mail, hook)
	s.inVain(at(0))
	s.apply(step(c, tell(monitor.Up, at(time.Second))), step(c, tell(monitor.Down, at(2*time.Second))))
	s.same("merged", s.together(at(3*time.Second)), 1)
	s.same("merged again", s.together(at(3*time.Second)), 0)
	s.same("states", s.states(), map[string]int{"flip merged": 1, "flip pending": 5})

	alone := func(now time.Time) store.Dispatch {
		s.Helper()
		got := s.lease(now)
		if len(got) != 1 || got[0].Channel.ID != mail.ID || got[0].Flip.Rev != 2 {
			s.Fatalf("leased %+v, want the end by mail", got)
		}
		if ends := got[0].Ends; ends == nil || ends.Rev != 1 || ends.New != monitor.Down || !ends.At.Equal(at(0)) || ends.Facts.Name != c.Name {
			s.Errorf("it ends %+v", ends)
		}
		return got[0]
	}
	end := alone(at(3 * time.Second)).Delivery // and the next alarm waits for it
	list, err := s.Deliveries(s.ctx, store.DeliveryQuery{Project: s.project.ID, Digest: end.ID, Limit: 10})
	s.ok(err)
	s.same("told by it", len(list), 1)
	alarm := list[0].Delivery
	s.same("alarm", []any{alarm.WithEnd(), alarm.Rev, alarm.NextAt, alarm.Ended}, []any{true, int64(1), time.Time{}, at(3 * time.Second)})
	s.fails(s.ReplayDelivery(s.ctx, s.project.ID, alarm.ID, at(4*time.Second)), fault.Conflict)
	for _, d := range s.lease(at(10 * time.Second)) { // meanwhile the program's alarm alone
		if d.Channel.ID != hook.ID || d.Flip.Rev != 1 || d.Ends != nil {
			s.Errorf("leased %+v", d)
		}
	}
	// A process that dies leaves the end to the next one, which sends the same.
	end = alone(at(3*time.Second + time.Minute)).Delivery
	end = s.settle(end, monitor.Result{Verdict: monitor.Retry}, at(70*time.Second))
	s.same("an end that was tried is no part of it", s.together(at(71*time.Second)), 0)
	got := s.lease(end.NextAt)
	for _, d := range got {
		if d.Channel.ID == mail.ID {
			s.settle(d.Delivery, monitor.Result{Verdict: monitor.Done}, end.NextAt)
		}
	}
	s.same("its state", s.delivery(end.ID).State, monitor.Sent)
	left := s.lease(end.NextAt)
	if len(left) != 1 || left[0].Flip.Rev != 3 || left[0].Ends != nil {
		s.Errorf("after it was told: %+v, want the next alarm", left)
	}
	found, err := s.Violations(s.ctx, end.NextAt, at(0))
	s.ok(err)
	s.same("violations", len(found), 0)
}

func alarmGoesAlone(s *site) {
	mail := s.addMail("mail")
	untried := s.owe("untried", at(0), mail)
	s.apply(step(untried, tell(monitor.Up, at(time.Second))))
	s.same("an alarm that was not tried", s.together(at(time.Second)), 0)

	leased := s.leaseOne(at(time.Second)) // that alarm
	s.same("an alarm that is being sent", s.together(at(time.Second)), 0)
	s.settle(leased, monitor.Result{Verdict: monitor.Refuse}, at(time.Second))
	s.same("an alarm that was given up", s.together(at(time.Second)), 0)
	s.settle(s.leaseOne(at(time.Second)), monitor.Result{Verdict: monitor.Done}, at(time.Second))

	twice := s.owe("twice", at(2*time.Second), mail)
	s.inVain(at(2 * time.Second))
	s.apply(step(twice, tell(monitor.Down, at(3*time.Second))))
	s.same("an alarm after an alarm", s.together(at(3*time.Second)), 0)
	s.same("an alarm that goes on", s.delivery(s.lease(at(time.Minute))[0].Delivery.ID).Rev, int64(1))
}

func endIsNoStorm(s *site) {
	mail := s.addMail("mail")
	checks := s.storm(30, at(0), mail)
	for _, d := range s.lease(at(0)) { // of those that go singly one is not taken
		verdict := monitor.Done
		if d.Flip.Check == checks[0].ID {
			verdict = monitor.Retry
		}
		s.settle(d.Delivery, monitor.Result{Verdict: verdict}, at(0))
	}
	s.apply(step(checks[0], tell(monitor.Up, at(time.Second))), step(checks[29], tell(monitor.Up, at(time.Second))))
	s.gather(at(time.Second)) // lets what is of the storm wait
	s.same("merged", s.together(at(time.Second)), 1)
	s.gather(at(monitor.StormWait))
	s.same("states", s.states(), map[string]int{"flip merged": 1 + 10 + 1, "flip sent": 19, "flip pending": 1, "digest pending": 1})
	ends := 0
	for _, d := range s.lease(at(time.Hour)) {
		if d.Ends != nil {
			ends++
			s.same("the end", []any{d.Flip.Rev, d.Ends.Rev, d.Flip.Check}, []any{int64(2), int64(1), checks[0].ID})
		}
	}
	s.same("ends that tell their alarms", ends, 1)
}

func togetherRace(s *site) {
	const checks = 15
	for i := range checks { // each with a channel of its own, so that none is left alone for its failures
		c := s.owe(fmt.Sprintf("flapping-%02d", i), at(0), s.addMail(fmt.Sprintf("mail-%02d", i)))
		s.inVain(at(0))
		s.apply(step(c, tell(monitor.Up, at(time.Second))))
	}
	now := at(10 * time.Second) // every alarm is due again
	var group sync.WaitGroup
	leased := make([][]store.Dispatch, 4)
	for i := range leased {
		group.Go(func() {
			if _, err := s.TellTogether(s.ctx, now); err != nil {
				s.Errorf("tell together: %v", err)
			}
		})
		group.Go(func() {
			var err error
			if leased[i], err = s.LeaseDeliveries(s.ctx, store.Lease{Now: now, Until: now.Add(time.Minute), Limit: 100, PerChannel: 100}); err != nil {
				s.Errorf("lease: %v", err)
			}
		})
	}
	group.Wait()
	leased = append(leased, s.lease(now))
	told := map[string]int{}
	for _, batch := range leased {
		for _, d := range batch {
			told[fmt.Sprint(d.Flip.Check, " ", d.Flip.Rev)]++
			if d.Ends != nil {
				told[fmt.Sprint(d.Flip.Check, " ", d.Ends.Rev)]++
			} else if d.Flip.New == monitor.Up {
				s.Errorf("the end of check %d goes beside its alarm", d.Flip.Check)
			}
		}
	}
	for change, n := range told {
		if n != 1 {
			s.Errorf("change %s is told %d times", change, n)
		}
	}
	if len(told) < checks {
		s.Errorf("%d changes are under way, of %d checks", len(told), checks)
	}
}
