package storetest

import (
	"fmt"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var healthTests = []test{
	{"failures in a row open the breaker, and the oldest alone is tried", breakerOpens},
	{"an open breaker is asked sooner while an alarm waits", probedForAlarm},
	{"a success closes the breaker, and what waits goes, the oldest first", breakerCloses},
	{"a channel rests when its receiver wants it", channelRests},
	{"a channel is sent to at a pace", channelPaced},
	{"what is our fault is not the channel's", notTheChannels},
	{"what is tried at once does not wait for the breaker", triedAtOnce},
	{"a changed channel begins anew", changedChannel},
	{"a test of a disabled channel enables it when it is taken", testEnables},
	{"owners are warned once, and the last channel stays on", warnedOf},
	{"the other channels that take messages are told, each once", othersTold},
}

// attempt records an attempt on a leased delivery, and says what the channel is told of it.
func (s *site) attempt(d store.Dispatch, r monitor.Result, now time.Time) monitor.Delivery {
	s.Helper()
	after, _ := d.Delivery.Settle(r, now)
	a := attemptOf(after, now)
	a.Took, a.Probe, a.Ours, a.Rest = 0, !d.Delivery.Planned.IsZero(), r.Ours, r.Rest(after.NextAt.Sub(now))
	s.ok(s.RecordAttempt(s.ctx, a, after, ""))
	return after
}

var no = monitor.Result{Verdict: monitor.Retry, Answer: "no"}

// ids are those of what was leased.
func ids(leased []store.Dispatch) []monitor.DeliveryID {
	list := []monitor.DeliveryID{}
	for _, d := range leased {
		list = append(list, d.Delivery.ID)
	}
	return list
}

// leasedAt fails unless what is leased next is leased at that time, and returns it.
func (s *site) leasedAt(want time.Time) []store.Dispatch {
	s.Helper()
	next, err := s.NextDelivery(s.ctx)
	s.ok(err)
	s.same("next", next, want)
	s.same("leased before", ids(s.lease(want.Add(-time.Microsecond))), []monitor.DeliveryID{})
	leased := s.lease(want)
	if len(leased) == 0 {
		s.Fatalf("nothing is leased at %s", want)
	}
	return leased
}

// breaks owes a channel the ups of n checks, or their downs, and lets so many fail at
// 10 s as open the breaker. It returns them all, the oldest first.
func (s *site) breaks(n int, status monitor.Status, channel monitor.Channel) (owed []monitor.Delivery) {
	s.Helper()
	for i := range n {
		c := s.addCheck(s.project, fmt.Sprintf("%s-%d", channel.Name, i), channel)
		s.apply(step(c, tell(status, at(time.Duration(i)*time.Millisecond))))
	}
	leased := s.lease(at(time.Second))
	s.same("leased", len(leased), n)
	for i, d := range leased {
		if i < monitor.BreakerAfter {
			owed = append(owed, s.attempt(d, no, at(10*time.Second)))
			continue
		}
		s.ok(s.PostponeDelivery(s.ctx, d.Delivery, at(time.Second)))
		owed = append(owed, s.delivery(d.Delivery.ID))
	}
	return owed
}

func breakerOpens(s *site) {
	hook := s.addChannel(s.project, "hook")
	owed := s.breaks(7, monitor.Up, hook)
	other := s.owe("other", at(20*time.Second), s.addChannel(s.project, "other"))
	oldest := s.leasedAt(owed[0].NextAt)
	s.same("oldest", ids(oldest), []monitor.DeliveryID{owed[0].ID})
	s.same("it is its own attempt", oldest[0].Delivery.Planned, time.Time{})
	apart := s.leasedAt(at(20 * time.Second)) // which the breaker of one does not hold up
	s.same("another channel's", apart[0].Delivery.Check, other.ID)
	s.attempt(apart[0], monitor.Result{Verdict: monitor.Done}, at(21*time.Second))

	again := s.attempt(oldest[0], no, at(25*time.Second))
	dead := s.attempt(s.leasedAt(again.NextAt)[0], monitor.Result{Verdict: monitor.Refuse, Answer: "never"}, at(45*time.Second))
	s.same("given up", dead.State, monitor.Dead)
	next := s.leasedAt(owed[1].NextAt)
	s.same("the next in line", ids(next), []monitor.DeliveryID{owed[1].ID})
	for _, d := range owed[2:] {
		s.same("waits without an attempt", s.delivery(d.ID), d)
	}
	// What is under way is not taken twice, and what was left behind is.
	s.leasedAt(owed[1].NextAt.Add(time.Minute))
}

func probedForAlarm(s *site) {
	hook := s.addChannel(s.project, "hook")
	owed := s.breaks(6, monitor.Up, hook)
	late := owed[0]
	for late.NextAt.Before(at(5 * time.Minute)) {
		late = s.attempt(s.leasedAt(late.NextAt)[0], no, late.NextAt)
	}
	failed := late
	s.owe("alarm", at(2*time.Minute), hook)
	attempts := s.attempts(late.ID)
	last := attempts[len(attempts)-1].Started
	probe := s.leasedAt(last.Add(monitor.ProbeEvery))
	s.same("it is the oldest", ids(probe), []monitor.DeliveryID{late.ID})
	s.same("ahead of its time", probe[0].Delivery.Planned, failed.NextAt)
	asked := last.Add(monitor.ProbeEvery)
	after := s.attempt(probe[0], no, asked)
	s.same("tries", after.Tries, failed.Tries)
	s.same("delivery", s.delivery(late.ID), after)
	s.same("a probe that failed is not kept", s.attempts(late.ID), attempts)

	asked = asked.Add(monitor.ProbeEvery)
	s.attempt(s.leasedAt(asked)[0], monitor.Result{Ours: true}, asked)
	asked = asked.Add(monitor.ProbeEvery)
	sent := s.attempt(s.leasedAt(asked)[0], monitor.Result{Verdict: monitor.Done}, asked)
	kept := s.attempts(late.ID)
	s.same("a probe that was taken is kept", kept[len(kept)-1].N, sent.Attempts)
}

func breakerCloses(s *site) {
	hook := s.addChannel(s.project, "hook")
	owed := s.breaks(7, monitor.Up, hook)
	oldest := s.leasedAt(owed[0].NextAt)
	s.attempt(oldest[0], monitor.Result{Verdict: monitor.Done}, at(20*time.Second))
	var want []monitor.DeliveryID
	for _, d := range owed[1:] {
		want = append(want, d.ID)
	}
	// Whatever was due when: the oldest go first, one after the other.
	var got []monitor.DeliveryID
	for i := range want {
		now := at(20*time.Second + time.Duration(i)*monitor.Pace)
		leased, err := s.LeaseDeliveries(s.ctx, store.Lease{Now: now, Until: now.Add(time.Minute), Limit: 100, PerChannel: 1, Pace: monitor.Pace})
		s.ok(err)
		got = append(got, ids(leased)...)
	}
	s.same("in order", got, want)
}

func channelRests(s *site) {
	hook := s.addChannel(s.project, "hook")
	a, b := s.owe("a", at(0), hook), s.owe("b", at(time.Second), hook)
	busy := monitor.Result{Verdict: monitor.Retry, Answer: "503", Overloaded: true, RetryAfter: 10 * time.Minute}
	s.attempt(s.leasedAt(at(0))[0], busy, at(0))
	_, waiting, err := s.OutboxAge(s.ctx, at(2*time.Second))
	s.ok(err)
	s.same("waiting", waiting, 2)
	oldest, _, err := s.OutboxAge(s.ctx, at(2*time.Second))
	s.ok(err)
	s.same("oldest that is due", oldest, time.Time{})
	both := s.leasedAt(at(10 * time.Minute))
	s.same("both", []monitor.CheckID{both[0].Delivery.Check, both[1].Delivery.Check}, []monitor.CheckID{b.ID, a.ID})
}

func channelPaced(s *site) {
	hook, other := s.addChannel(s.project, "hook"), s.addChannel(s.project, "other")
	for i := range 3 {
		s.owe(fmt.Sprint("check-", i), at(0), hook, other)
	}
	lease := func(now time.Time) int {
		leased, err := s.LeaseDeliveries(s.ctx, store.Lease{Now: now, Until: now.Add(time.Minute), Limit: 100, PerChannel: 1, Pace: monitor.Pace})
		s.ok(err)
		return len(leased)
	}
	s.same("one of each channel", lease(at(0)), 2)
	s.same("no more at once", lease(at(monitor.Pace-time.Microsecond)), 0)
	next, err := s.NextDelivery(s.ctx)
	s.ok(err)
	s.same("next", next, at(monitor.Pace))
	_, err = s.EnqueueTest(s.ctx, s.project.ID, hook.ID, at(0))
	s.ok(err)
	s.same("a test does not wait", lease(at(1)), 1)
	s.same("the next of each channel", lease(at(monitor.Pace)), 2)
	s.same("the last of each channel", lease(at(2*monitor.Pace)), 2)
}

func notTheChannels(s *site) {
	hook := s.addChannel(s.project, "hook")
	s.owe("other", at(0), hook)
	s.owe("nightly", at(0), hook)
	d := s.lease(at(0))
	for range 2 * monitor.BreakerAfter {
		after := s.attempt(d[0], monitor.Result{Verdict: monitor.Retry, Ours: true}, d[0].Delivery.NextAt)
		s.ok(s.PostponeDelivery(s.ctx, d[1].Delivery, after.NextAt))
		d = s.lease(after.NextAt)
		s.same("both are tried", len(d), 2)
	}
}

func triedAtOnce(s *site) {
	hook := s.addChannel(s.project, "hook")
	owed := s.breaks(6, monitor.Up, hook)
	newest := owed[5]
	id, err := s.EnqueueTest(s.ctx, s.project.ID, hook.ID, at(11*time.Second))
	s.ok(err)
	test := s.leasedAt(at(11 * time.Second))
	s.same("a test", ids(test), []monitor.DeliveryID{id})
	s.attempt(test[0], monitor.Result{Verdict: monitor.Refuse}, at(11*time.Second))

	s.ok(s.HurryDelivery(s.ctx, s.project.ID, newest.ID, at(11*time.Second)))
	s.same("hurried", ids(s.lease(at(11*time.Second))), []monitor.DeliveryID{newest.ID})
	now := at(30 * time.Second)
	for _, d := range s.lease(now) {
		s.attempt(d, monitor.Result{Verdict: monitor.Refuse}, now) // which opens it again
	}
	s.ok(s.ReplayDelivery(s.ctx, s.project.ID, owed[4].ID, now))
	s.same("replayed", ids(s.lease(now)), []monitor.DeliveryID{owed[4].ID})
}

func changedChannel(s *site) {
	hook := s.addChannel(s.project, "hook")
	owed := s.breaks(7, monitor.Up, hook)
	hook.Settings.URL = "https://example.org/other"
	s.ok(s.EditChannel(s.ctx, hook))
	s.same("due", ids(s.lease(at(10*time.Second))), []monitor.DeliveryID{owed[5].ID, owed[6].ID})
}

func testEnables(s *site) {
	hook := s.addChannel(s.project, "hook")
	hook.Disabled = "it is gone"
	s.ok(s.EditChannel(s.ctx, hook))
	send := func(r monitor.Result, now time.Time) string {
		s.Helper()
		_, err := s.EnqueueTest(s.ctx, s.project.ID, hook.ID, now)
		s.ok(err)
		s.attempt(s.leasedAt(now)[0], r, now)
		stored, err := s.Channel(s.ctx, s.project.ID, hook.ID)
		s.ok(err)
		return stored.Disabled
	}
	s.same("after a test that failed", send(monitor.Result{Verdict: monitor.Refuse}, at(0)), "it is gone")
	s.same("after one that was taken", send(monitor.Result{Verdict: monitor.Done}, at(time.Minute)), "")
	s.owe("nightly", at(2*time.Minute), hook)
	s.leasedAt(at(2 * time.Minute))
}

// failing returns the one channel that fails.
func (s *site) failing(project monitor.ProjectID) monitor.Failing {
	s.Helper()
	list, err := s.FailingChannels(s.ctx, project)
	s.ok(err)
	if len(list) != 1 {
		s.Fatalf("%d channels fail, want 1", len(list))
	}
	return list[0]
}

func warnedOf(s *site) {
	hook := s.addChannel(s.project, "hook")
	s.breaks(6, monitor.Up, hook)
	f := s.failing(0)
	s.same("failing", f, monitor.Failing{
		Health:  monitor.Health{Channel: hook.ID, Failures: 5, Hours: 1, Since: at(10 * time.Second), Failed: at(10 * time.Second), Opened: at(10 * time.Second)},
		Project: s.project.ID, ProjectName: s.project.Name, Name: "hook", Kind: monitor.Webhook, Last: true,
	})
	none, err := s.FailingChannels(s.ctx, s.addProject("Other").ID)
	s.ok(err)
	s.same("of another project", len(none), 0)

	letter := account.Letter{Kind: account.FailsLetter, To: "ops@example.org", Key: "fails/1", Created: at(0), NextAt: at(0), Expires: at(time.Hour)}
	s.ok(s.WarnOfChannel(s.ctx, f, monitor.FailsForADay, at(time.Hour), letter))
	again := letter
	again.Key = "fails/again"
	s.fails(s.WarnOfChannel(s.ctx, f, monitor.FailsForADay, at(time.Hour), again), fault.Conflict)
	letters, err := s.LeaseLetters(s.ctx, at(time.Hour), at(2*time.Hour), 10)
	s.ok(err)
	s.same("letters", len(letters), 1)
	f = s.failing(s.project.ID)
	s.same("warned", f.Warned, monitor.FailsForADay)

	// The last one stays on.
	s.fails(s.WarnOfChannel(s.ctx, f, monitor.SwitchedOff, at(2*time.Hour)), fault.Conflict)
	s.same("still warned", s.failing(0).Warned, monitor.FailsForADay)
	other := s.addChannel(s.project, "other")
	s.ok(s.WarnOfChannel(s.ctx, f, monitor.SwitchedOff, at(2*time.Hour)))
	off := s.failing(0)
	s.same("why", off.Disabled, monitor.FailedTooLong)
	told := s.lease(at(100 * time.Hour))
	s.same("channels that are sent to", []monitor.ChannelID{told[0].Channel.ID}, []monitor.ChannelID{other.ID})
	s.attempt(told[0], monitor.Result{Verdict: monitor.Done}, at(100*time.Hour))
	log, err := s.AuditLog(s.ctx, store.AuditQuery{Project: s.project.ID, Limit: 2})
	s.ok(err)
	s.same("newest entries", []account.Verb{log[0].Verb, log[1].Verb}, []account.Verb{account.Disabled, account.Warned})
	s.same("by", log[0].Kind, account.ByItself)

	// What is well again is not warned of.
	_, err = s.EnqueueTest(s.ctx, s.project.ID, hook.ID, at(101*time.Hour))
	s.ok(err)
	s.attempt(s.leasedAt(at(101 * time.Hour))[0], monitor.Result{Verdict: monitor.Done}, at(101*time.Hour))
	s.fails(s.WarnOfChannel(s.ctx, off, monitor.SwitchedOff+1, at(102*time.Hour)), fault.Conflict)
	list, err := s.FailingChannels(s.ctx, 0)
	s.ok(err)
	s.same("failing", len(list), 0)
}

func othersTold(s *site) {
	hook := s.addChannel(s.project, "hook")
	s.breaks(6, monitor.Up, hook)
	fails := s.addChannel(s.project, "fails")
	s.breaks(5, monitor.Up, fails)
	off := s.addChannel(s.project, "off")
	off.Disabled = "by hand"
	s.ok(s.EditChannel(s.ctx, off))
	good := s.addChannel(s.project, "good")
	s.addChannel(s.addProject("Other"), "elsewhere")
	list, err := s.FailingChannels(s.ctx, s.project.ID)
	s.ok(err)
	f := list[0]
	said := f
	said.Warned = monitor.FailsForADay
	s.ok(s.WarnOfChannel(s.ctx, f, monitor.FailsForADay, at(time.Hour)))
	s.fails(s.WarnOfChannel(s.ctx, f, monitor.FailsForADay, at(time.Hour)), fault.Conflict)

	told := []store.DeliveryRow{}
	rows, err := s.Deliveries(s.ctx, store.DeliveryQuery{Project: s.project.ID, Limit: 100})
	s.ok(err)
	for _, row := range rows {
		if row.Kind == monitor.ForChannel {
			told = append(told, row)
		}
	}
	if len(told) != 1 {
		s.Fatalf("%d messages about it, want 1", len(told))
	}
	s.same("told", told[0].Channel, good.ID)
	s.same("of what", told[0].Failing, &said)
	for _, d := range s.lease(at(time.Hour)) {
		if d.Delivery.Kind == monitor.ForChannel {
			s.same("leased", d.Failing, &said)
			s.attempt(d, monitor.Result{Verdict: monitor.Done}, at(time.Hour))
		}
	}
	s.same("it ends", s.delivery(told[0].ID).State, monitor.Sent)
}
