package storetest

import (
	"fmt"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var outboxTests = []test{
	{"only what has ended is replayed", replayed},
	{"a test delivery is its channel's", testDelivery},
	{"deliveries are listed by page and by what is asked", deliveriesListed},
	{"deliveries are counted by state", deliveriesCounted},
	{"attempts are of the project's own deliveries", attemptsScoped},
	{"the outbox has an age", outboxAge},
}

func replayed(s *site) {
	s.owe("nightly", at(0), s.addChannel(s.project, "hook"))
	other := s.addProject("Other")
	id := s.deliveries()[0].ID
	s.fails(s.ReplayDelivery(s.ctx, s.project.ID, id, at(0)), fault.Conflict)
	leased := s.leaseOne(at(0))
	s.fails(s.ReplayDelivery(s.ctx, s.project.ID, id, at(0)), fault.Conflict)
	dead := s.settle(leased, monitor.Result{Verdict: monitor.Refuse, Answer: "no such hook"}, at(time.Second))
	s.fails(s.ReplayDelivery(s.ctx, other.ID, id, at(0)), fault.NotFound)
	s.fails(s.ReplayDelivery(s.ctx, s.project.ID, id+1_000, at(0)), fault.NotFound)
	s.same("delivery", s.delivery(id), dead)

	s.ok(s.ReplayDelivery(s.ctx, s.project.ID, id, at(time.Hour)))
	s.same("replayed", s.delivery(id), dead.Replay(at(time.Hour)))
	again := s.leaseOne(at(time.Hour))
	sent := s.settle(again, monitor.Result{Verdict: monitor.Done}, at(time.Hour))
	s.same("attempts", s.attempts(id), []monitor.Attempt{attemptOf(dead, at(time.Second)), attemptOf(sent, at(time.Hour))})
	s.ok(s.ReplayDelivery(s.ctx, s.project.ID, id, at(2*time.Hour)))
	s.same("replayed after it was sent", s.delivery(id), sent.Replay(at(2*time.Hour)))
}

func testDelivery(s *site) {
	channel := s.addChannel(s.project, "hook")
	theirs := s.addChannel(s.addProject("Other"), "theirs")
	id, err := s.EnqueueTest(s.ctx, s.project.ID, channel.ID, at(0))
	s.ok(err)
	again, err := s.EnqueueTest(s.ctx, s.project.ID, channel.ID, at(time.Second))
	s.ok(err)
	if again == id {
		s.Fatal("two tests are one delivery")
	}
	list := s.deliveries()
	s.same("delivery", list[1], store.DeliveryRow{
		Delivery: monitor.Delivery{
			ID: id, Project: s.project.ID, Channel: channel.ID, Kind: monitor.ForTest,
			State: monitor.Pending, Created: at(0), NextAt: at(0),
		},
		ChannelName: "hook", ChannelKind: monitor.Webhook,
	})
	s.same("tests that can be leased at once", len(s.lease(at(time.Minute))), 2)
	_, err = s.EnqueueTest(s.ctx, s.project.ID, theirs.ID, at(0))
	s.fails(err, fault.NotFound)
	s.same("deliveries", len(s.deliveries()), 2)
}

func deliveriesListed(s *site) {
	a, b := s.addChannel(s.project, "a"), s.addChannel(s.project, "b")
	var checks []monitor.Check
	for i := range 3 {
		checks = append(checks, s.owe(fmt.Sprint("check-", i), at(time.Duration(i)*time.Second), a, b))
	}
	other := s.addProject("Other")
	theirs := s.addCheck(other, "theirs", s.addChannel(other, "theirs"))
	s.apply(step(theirs, tell(monitor.Down, at(0))))

	all := s.deliveries() // all six, the newest first
	s.same("deliveries", len(all), 6)
	for i, d := range all {
		if i > 0 && all[i-1].ID <= d.ID {
			s.Fatalf("delivery %d comes after %d", d.ID, all[i-1].ID)
		}
	}
	list := func(q store.DeliveryQuery) []store.DeliveryRow {
		s.Helper()
		q.Project = s.project.ID
		got, err := s.Deliveries(s.ctx, q)
		s.ok(err)
		return got
	}
	s.same("first page", list(store.DeliveryQuery{Limit: 4}), all[:4])
	s.same("second page", list(store.DeliveryQuery{Limit: 4, Before: all[3].ID}), all[4:])
	s.same("by id", list(store.DeliveryQuery{Limit: 4, ID: all[2].ID}), all[2:3])
	s.same("by id beyond the page", len(list(store.DeliveryQuery{Limit: 4, ID: all[2].ID, Before: all[2].ID})), 0)
	s.same("by id and another check", len(list(store.DeliveryQuery{Limit: 4, ID: all[2].ID, Check: checks[0].ID})), 0)
	s.same("by check", list(store.DeliveryQuery{Limit: 4, Check: checks[1].ID}), all[2:4])
	s.same("by check and channel", len(list(store.DeliveryQuery{Limit: 4, Check: checks[1].ID, Channel: a.ID})), 1)
	s.same("by channel", len(list(store.DeliveryQuery{Limit: 4, Channel: b.ID})), 3)
	s.same("by state", len(list(store.DeliveryQuery{Limit: 10, State: monitor.Pending})), 6)
	s.same("by another state", len(list(store.DeliveryQuery{Limit: 10, State: monitor.Dead})), 0)
	s.same("another project's check", len(list(store.DeliveryQuery{Limit: 10, Check: theirs.ID})), 0)
	s.same("none asked for", len(list(store.DeliveryQuery{Limit: 0})), 0)
}

func deliveriesCounted(s *site) {
	channel := s.addChannel(s.project, "hook")
	for i := range 4 {
		s.owe(fmt.Sprint("check-", i), at(time.Duration(i)*time.Second), channel)
	}
	count := func(since time.Time, want map[monitor.DeliveryState]int) {
		s.Helper()
		got, err := s.CountDeliveries(s.ctx, s.project.ID, since)
		s.ok(err)
		s.same("count", got, want)
	}
	leased := s.lease(at(2 * time.Second))
	s.settle(leased[0].Delivery, monitor.Result{Verdict: monitor.Done}, at(5*time.Second))
	s.settle(leased[1].Delivery, monitor.Result{Verdict: monitor.Refuse}, at(5*time.Second))
	count(at(0), map[monitor.DeliveryState]int{monitor.Sent: 1, monitor.Dead: 1, monitor.Sending: 1, monitor.Pending: 1})
	count(at(3*time.Second), map[monitor.DeliveryState]int{monitor.Pending: 1})
	count(at(4*time.Second), map[monitor.DeliveryState]int{})

	other := s.addProject("Other")
	got, err := s.CountDeliveries(s.ctx, other.ID, at(0))
	s.ok(err)
	s.same("another project's", got, map[monitor.DeliveryState]int{})
}

func attemptsScoped(s *site) {
	s.owe("nightly", at(0), s.addChannel(s.project, "hook"))
	d := s.settle(s.leaseOne(at(0)), monitor.Result{Verdict: monitor.Done}, at(0))
	s.same("attempts", len(s.attempts(d.ID)), 1)
	theirs, err := s.Attempts(s.ctx, s.addProject("Other").ID, d.ID)
	s.ok(err)
	s.same("attempts as seen by another project", len(theirs), 0)
}

func outboxAge(s *site) {
	age := func(now, wantOldest time.Time, wantWaiting int) {
		s.Helper()
		oldest, waiting, err := s.OutboxAge(s.ctx, now)
		s.ok(err)
		s.same("oldest", oldest, wantOldest)
		s.same("waiting", waiting, wantWaiting)
	}
	a, b := s.addChannel(s.project, "a"), s.addChannel(s.project, "b")
	age(at(0), time.Time{}, 0)
	s.owe("nightly", at(5*time.Second), a)
	s.owe("other", at(8*time.Second), b)
	age(at(4*time.Second), time.Time{}, 2) // none is due yet
	age(at(9*time.Second), at(5*time.Second), 2)
	leased := s.leaseOne(at(5 * time.Second))
	age(at(9*time.Second), at(5*time.Second), 2) // leased is not sent
	s.settle(leased, monitor.Result{Verdict: monitor.Retry}, at(9*time.Second))
	age(at(9*time.Second), at(8*time.Second), 2) // its retry is not due
	b.Disabled = "gone"
	s.ok(s.EditChannel(s.ctx, b))
	age(at(9*time.Second), time.Time{}, 1)
}
