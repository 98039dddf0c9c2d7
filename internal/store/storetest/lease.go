package storetest

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var leaseTests = []test{
	{"a lease brings all that a message needs", leaseBringsAll},
	{"only what is due is leased", leaseOnlyDue},
	{"down goes before its up", leaseInOrder},
	{"a lease runs out", leaseRunsOut},
	{"a lease is limited in all and by channel", leaseLimited},
	{"busy channels are left out", leaseLeavesBusy},
	{"a disabled channel takes nothing until it is enabled", leaseSkipsDisabled},
	{"a row that cannot be read holds up no other", unreadableDelivery},
	{"an attempt is recorded", attemptRecorded},
	{"a lost lease records nothing", lostLease},
	{"a lease lost to an attempt that failed records nothing", overtakenLease},
	{"an attempt may disable the channel", attemptDisables},
	{"a postponed delivery waits without an attempt", postponed},
	{"the next delivery is found", nextDelivery},
}

// lease claims up to 100 deliveries for a minute.
func (s *site) lease(now time.Time) []store.Dispatch {
	s.Helper()
	got, err := s.LeaseDeliveries(s.ctx, store.Lease{Now: now, Until: now.Add(time.Minute), Limit: 100, PerChannel: 100})
	s.ok(err)
	return got
}

// leaseOne claims the one delivery that is due.
func (s *site) leaseOne(now time.Time) monitor.Delivery {
	s.Helper()
	got := s.lease(now)
	if len(got) != 1 {
		s.Fatalf("leased %d deliveries, want 1", len(got))
	}
	return got[0].Delivery
}

// settle records an attempt with the given outcome on a leased delivery.
func (s *site) settle(d monitor.Delivery, r monitor.Result, now time.Time) monitor.Delivery {
	s.Helper()
	after, _ := d.Settle(r, now)
	s.ok(s.RecordAttempt(s.ctx, attemptOf(after, now), after, ""))
	return after
}

// attemptOf returns the attempt that led to a delivery's present state.
func attemptOf(after monitor.Delivery, now time.Time) monitor.Attempt {
	return monitor.Attempt{
		Delivery: after.ID, N: after.Attempts, Started: now, Took: 1500 * time.Microsecond,
		OK: after.State == monitor.Sent, Code: after.Code, Answer: after.Answer,
	}
}

// delivery returns a delivery of the first project as it is stored.
func (s *site) delivery(id monitor.DeliveryID) monitor.Delivery {
	s.Helper()
	list, err := s.Deliveries(s.ctx, store.DeliveryQuery{Project: s.project.ID, ID: id, Limit: 1})
	s.ok(err)
	if len(list) != 1 || list[0].ID != id {
		s.Fatalf("delivery %d: got %v", id, list)
	}
	return list[0].Delivery
}

func (s *site) attempts(id monitor.DeliveryID) []monitor.Attempt {
	s.Helper()
	list, err := s.Attempts(s.ctx, s.project.ID, id)
	s.ok(err)
	return list
}

// owe makes a check that is down and owes one delivery to each channel.
func (s *site) owe(slug string, when time.Time, channels ...monitor.Channel) monitor.Check {
	s.Helper()
	c := s.addCheck(s.project, slug, channels...)
	return s.apply(step(c, tell(monitor.Down, when)))[0].Change.Check
}

func leaseBringsAll(s *site) {
	channel := s.addChannel(s.project, "hook")
	c := s.addCheck(s.project, "nightly", channel)
	flip := s.apply(step(c, tell(monitor.Down, at(0))))[0].Change.Flip
	got := s.lease(at(time.Second))
	if len(got) != 1 {
		s.Fatalf("leased %d deliveries", len(got))
	}
	d := got[0].Delivery
	if d.State != monitor.Sending {
		s.Errorf("state of a leased delivery is %q", d.State)
	}
	s.same("dispatch", got[0], store.Dispatch{Delivery: d, Channel: channel, Project: asRead(s.project), Check: c.UUID, Flip: flip})
	d.NextAt = s.delivery(d.ID).NextAt // while it is leased this is the engine's
	s.same("delivery", s.delivery(d.ID), d)
	s.settle(d, monitor.Result{Verdict: monitor.Done}, at(2*time.Second))

	id, err := s.EnqueueTest(s.ctx, s.project.ID, channel.ID, at(time.Minute))
	s.ok(err)
	got = s.lease(at(time.Minute))
	if len(got) != 1 || got[0].Delivery.ID != id {
		s.Fatalf("leased %v, want the test %d", got, id)
	}
	s.same("dispatch of a test", got[0], store.Dispatch{Delivery: got[0].Delivery, Channel: channel, Project: asRead(s.project), Check: uuid.Nil})
}

func leaseOnlyDue(s *site) {
	s.owe("nightly", at(time.Minute), s.addChannel(s.project, "hook"))
	s.same("leased before it is due", len(s.lease(at(time.Minute-time.Microsecond))), 0)
	s.same("leased when it is due", len(s.lease(at(time.Minute))), 1)
}

func leaseInOrder(s *site) {
	a, b := s.addChannel(s.project, "a"), s.addChannel(s.project, "b")
	c := s.owe("nightly", at(0), a, b)
	s.apply(step(c, tell(monitor.Up, at(1*time.Second))))
	s.apply(step(c, tell(monitor.Down, at(2*time.Second))))
	// leased maps each channel to the rev of what was leased for it.
	leased := func(now time.Time) (map[monitor.ChannelID]int64, map[monitor.ChannelID]monitor.Delivery) {
		s.Helper()
		revs, all := map[monitor.ChannelID]int64{}, map[monitor.ChannelID]monitor.Delivery{}
		for _, d := range s.lease(now) {
			if _, two := revs[d.Channel.ID]; two {
				s.Fatalf("two deliveries of one check and channel at once")
			}
			revs[d.Channel.ID], all[d.Channel.ID] = d.Delivery.Rev, d.Delivery
		}
		return revs, all
	}
	revs, first := leased(at(3 * time.Second))
	s.same("first", revs, map[monitor.ChannelID]int64{a.ID: 1, b.ID: 1})
	s.settle(first[a.ID], monitor.Result{Verdict: monitor.Done}, at(4*time.Second))
	failed := s.settle(first[b.ID], monitor.Result{Verdict: monitor.Retry}, at(4*time.Second))

	revs, second := leased(at(5 * time.Second))
	s.same("after a was sent and b failed", revs, map[monitor.ChannelID]int64{a.ID: 2})
	s.settle(second[a.ID], monitor.Result{Verdict: monitor.Refuse}, at(6*time.Second))

	// A dead letter holds up nobody.
	revs, _ = leased(failed.NextAt)
	s.same("at the retry of b", revs, map[monitor.ChannelID]int64{a.ID: 3, b.ID: 1})
}

func leaseRunsOut(s *site) {
	s.owe("nightly", at(0), s.addChannel(s.project, "hook"))
	first := s.leaseOne(at(0))
	s.same("leased during the lease", len(s.lease(at(time.Minute-time.Microsecond))), 0)
	second := s.leaseOne(at(time.Minute))
	if second.ID != first.ID || second.Attempts != 0 || second.State != monitor.Sending {
		s.Fatalf("leased again: %+v", second)
	}
	s.same("leased during the second lease", len(s.lease(at(time.Minute))), 0)
}

func leaseLimited(s *site) {
	a, b := s.addChannel(s.project, "a"), s.addChannel(s.project, "b")
	for i := range 5 {
		s.owe(fmt.Sprint("check-", i), at(time.Duration(i)*time.Second), a, b)
	}
	lease := func(limit, perChannel int) map[monitor.ChannelID]int {
		s.Helper()
		got, err := s.LeaseDeliveries(s.ctx, store.Lease{Now: at(time.Minute), Until: at(time.Hour), Limit: limit, PerChannel: perChannel})
		s.ok(err)
		counts := map[monitor.ChannelID]int{}
		for _, d := range got {
			counts[d.Channel.ID]++
		}
		return counts
	}
	s.same("two of each", lease(100, 2), map[monitor.ChannelID]int{a.ID: 2, b.ID: 2})
	got := lease(3, 2)
	s.same("three in all", got[a.ID]+got[b.ID], 3)
	got = lease(100, 100)
	s.same("the rest", got[a.ID]+got[b.ID], 3)
}

func leaseLeavesBusy(s *site) {
	a, b := s.addChannel(s.project, "a"), s.addChannel(s.project, "b")
	s.owe("nightly", at(0), a, b)
	got, err := s.LeaseDeliveries(s.ctx, store.Lease{
		Now: at(0), Until: at(time.Hour), Limit: 10, PerChannel: 10, Busy: []monitor.ChannelID{a.ID},
	})
	s.ok(err)
	if len(got) != 1 || got[0].Channel.ID != b.ID {
		s.Fatalf("leased %v, want the one of b", got)
	}
	if d := s.leaseOne(at(0)); d.Channel != a.ID {
		s.Errorf("leased for channel %d, want a", d.Channel)
	}
}

func leaseSkipsDisabled(s *site) {
	channel := s.addChannel(s.project, "hook")
	s.owe("nightly", at(0), channel)
	channel.Disabled = "its receiver is gone"
	s.ok(s.EditChannel(s.ctx, channel))
	s.same("leased", len(s.lease(at(time.Hour))), 0)
	channel.Disabled = ""
	s.ok(s.EditChannel(s.ctx, channel))
	s.same("leased", len(s.lease(at(time.Hour))), 1)
}

func attemptRecorded(s *site) {
	s.owe("nightly", at(0), s.addChannel(s.project, "hook"))
	busy, fine := 503, 200
	first := s.settle(s.leaseOne(at(0)), monitor.Result{Verdict: monitor.Retry, Code: &busy, Answer: "busy ✗"}, at(time.Second))
	s.same("after the first attempt", s.delivery(first.ID), first)
	none := s.settle(s.leaseOne(first.NextAt), monitor.Result{Verdict: monitor.Retry, Answer: "no answer"}, first.NextAt)
	s.same("after the second attempt", s.delivery(first.ID), none)
	sent := s.settle(s.leaseOne(none.NextAt), monitor.Result{Verdict: monitor.Done, Code: &fine}, none.NextAt)
	s.same("after the third attempt", s.delivery(first.ID), sent)
	s.same("attempts", s.attempts(first.ID), []monitor.Attempt{
		attemptOf(first, at(time.Second)), attemptOf(none, first.NextAt), attemptOf(sent, none.NextAt),
	})
	s.same("leased after the end", len(s.lease(at(100*time.Hour))), 0)
}

func lostLease(s *site) {
	channel := s.addChannel(s.project, "hook")
	s.owe("nightly", at(0), channel)
	slow := s.leaseOne(at(0))
	quick := s.leaseOne(at(time.Minute))
	sent := s.settle(quick, monitor.Result{Verdict: monitor.Done, Answer: "quick"}, at(time.Minute))

	lost, _ := slow.Settle(monitor.Result{Verdict: monitor.Retry, Answer: "slow"}, at(2*time.Minute))
	s.fails(s.RecordAttempt(s.ctx, attemptOf(lost, at(2*time.Minute)), lost, "gone"), fault.Conflict)
	s.same("delivery", s.delivery(slow.ID), sent)
	s.same("attempts", s.attempts(slow.ID), []monitor.Attempt{attemptOf(sent, at(time.Minute))})
	stored, err := s.Channel(s.ctx, s.project.ID, channel.ID)
	s.ok(err)
	s.same("channel", stored, channel)

	// Nor is there anything to record where nothing is leased.
	s.owe("other", at(0), channel)
	waiting := s.deliveries()[0].Delivery
	early, _ := waiting.Settle(monitor.Result{Verdict: monitor.Done}, at(0))
	s.fails(s.RecordAttempt(s.ctx, attemptOf(early, at(0)), early, ""), fault.Conflict)
	s.same("delivery", s.delivery(waiting.ID), waiting)
}

func overtakenLease(s *site) {
	s.owe("nightly", at(0), s.addChannel(s.project, "hook"))
	slow := s.leaseOne(at(0))
	failed := s.settle(s.leaseOne(at(time.Minute)), monitor.Result{Verdict: monitor.Retry}, at(time.Minute))
	next := s.leaseOne(failed.NextAt) // is being sent again, as slow believes of itself
	done, _ := slow.Settle(monitor.Result{Verdict: monitor.Done}, failed.NextAt)
	s.fails(s.RecordAttempt(s.ctx, attemptOf(done, failed.NextAt), done, ""), fault.Conflict)
	s.fails(s.PostponeDelivery(s.ctx, slow, at(time.Hour)), fault.Conflict)
	s.same("attempts", s.attempts(slow.ID), []monitor.Attempt{attemptOf(failed, at(time.Minute))})
	sent := s.settle(next, monitor.Result{Verdict: monitor.Done}, failed.NextAt)
	s.same("delivery", s.delivery(slow.ID), sent)
}

func attemptDisables(s *site) {
	channel := s.addChannel(s.project, "hook")
	s.owe("nightly", at(0), channel)
	after, _ := s.leaseOne(at(0)).Settle(monitor.Result{Verdict: monitor.Refuse}, at(0))
	s.ok(s.RecordAttempt(s.ctx, attemptOf(after, at(0)), after, "its receiver answered 410 twice"))
	channel.Disabled = "its receiver answered 410 twice"
	stored, err := s.Channel(s.ctx, s.project.ID, channel.ID)
	s.ok(err)
	s.same("channel", stored, channel)
}

func postponed(s *site) {
	s.owe("nightly", at(0), s.addChannel(s.project, "hook"))
	slow := s.leaseOne(at(0))
	d := s.leaseOne(at(time.Minute)) // the lease had run out: it is another one's now
	s.fails(s.PostponeDelivery(s.ctx, slow, at(time.Minute)), fault.Conflict)
	s.same("delivery", s.delivery(d.ID), d)
	s.ok(s.PostponeDelivery(s.ctx, d, at(10*time.Minute)))
	d.State, d.NextAt = monitor.Pending, at(10*time.Minute)
	s.same("delivery", s.delivery(d.ID), d)
	s.same("leased before its time", len(s.lease(at(9*time.Minute))), 0)
	s.leaseOne(at(10 * time.Minute))
}

func nextDelivery(s *site) {
	next := func(want time.Time) {
		s.Helper()
		got, err := s.NextDelivery(s.ctx)
		s.ok(err)
		s.same("next", got, want)
	}
	a, b := s.addChannel(s.project, "a"), s.addChannel(s.project, "b")
	next(time.Time{})
	c := s.owe("nightly", at(5*time.Second), a)
	s.owe("other", at(8*time.Second), b)
	next(at(5 * time.Second))

	// While it is leased, the end of the lease counts.
	first := s.leaseOne(at(5 * time.Second))
	next(at(8 * time.Second))
	s.leaseOne(at(8 * time.Second))
	next(at(65 * time.Second))

	// One that waits for an earlier one of its lane is not next.
	s.apply(step(c, tell(monitor.Up, at(6*time.Second))))
	next(at(65 * time.Second))
	s.settle(first, monitor.Result{Verdict: monitor.Done}, at(9*time.Second))
	next(at(6 * time.Second))

	// Nor is one whose channel takes no messages.
	a.Disabled = "gone"
	s.ok(s.EditChannel(s.ctx, a))
	next(at(68 * time.Second))
}

func unreadableDelivery(s *site) {
	channel := s.addChannel(s.project, "hook")
	bad, good := s.owe("bad", at(0), channel), s.owe("good", at(0), channel)
	s.engine.Exec(s.T, s.Store, fmt.Sprintf("UPDATE flips SET facts = 'no JSON' WHERE check_id = %d", bad.ID))
	got := s.lease(at(time.Second))
	if len(got) != 1 || got[0].Delivery.Check != good.ID {
		s.Errorf("leased %v, want only that of the good check", got)
	}
	s.engine.Exec(s.T, s.Store, fmt.Sprintf("UPDATE flips SET facts = '{}' WHERE check_id = %d", bad.ID))
	list, err := s.Deliveries(s.ctx, store.DeliveryQuery{Project: s.project.ID, Check: bad.ID, Limit: 1})
	s.ok(err)
	if len(list) != 1 || list[0].State != monitor.Dead || list[0].Answer == "" {
		s.Errorf("the unreadable delivery is %+v, want a dead letter that says why", list)
	}
}
