package storetest

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var checkPageTests = []test{
	{"turns are the newest flips, lightly", turnsListed},
	{"a rotated check is pinged by its new address alone", rotated},
	{"an old address goes on until it ends", rotatedGently},
	{"what a rotated check said is known by its first address", rotatedMessages},
	{"a check moves with its history and without its channels", moved},
	{"a check does not move onto a slug that is taken", movedOnto},
	{"a channel is told by the checks that are chosen for it", channelAssigned},
	{"deliveries are searched by name, state and time", deliveriesSearched},
	{"a search is bounded", searchBounded},
	{"a delivery that waits can be given up or hurried", givenUp},
}

func turnsListed(s *site) {
	c := s.addCheck(s.project, "nightly")
	for i, status := range []monitor.Status{monitor.Down, monitor.Up, monitor.Down, monitor.Up} {
		s.apply(step(c, tell(status, at(time.Duration(i)*time.Hour))))
	}
	light := s.flips(c)
	for i := range light {
		light[i].Facts = monitor.Facts{}
	}
	for since, want := range map[time.Duration]int{0: 4, time.Hour: 3, time.Hour + 1000: 2, 9 * time.Hour: 0} {
		got, err := s.Turns(s.ctx, c.ID, at(since), 100)
		s.ok(err)
		s.same(fmt.Sprint("turns since ", since), got, light[:want])
	}
	got, err := s.Turns(s.ctx, c.ID, at(-time.Hour), 3)
	s.ok(err)
	s.same("the newest three", got, light[:3])
}

func rotated(s *site) {
	token := monitor.Token{Dialect: "kuma", Text: "rotated-" + uuid.NewString()[:8]}
	c, err := s.CreateCheck(s.ctx, newCheck(s.project, "nightly"), nil, token)
	s.ok(err)
	other := s.addCheck(s.project, "other")
	to := uuid.New()
	s.fails(s.RotateCheck(s.ctx, s.addProject("Other").ID, c.ID, to, at(0), time.Time{}), fault.NotFound)
	s.fails(s.RotateCheck(s.ctx, s.project.ID, c.ID, other.UUID, at(0), time.Time{}), fault.Conflict)
	s.ok(s.RotateCheck(s.ctx, s.project.ID, c.ID, to, at(0), time.Time{}))
	s.ok(s.RotateCheck(s.ctx, s.project.ID, c.ID, to, at(time.Second), time.Time{})) // the same form again

	want := c
	want.UUID = to
	for _, id := range []uuid.UUID{to, c.UUID} { // pages and programs may still name it as before
		got, err := s.Check(s.ctx, s.project.ID, id)
		s.ok(err)
		s.same("check", got, want)
	}
	results, err := s.Transitions(s.ctx, []store.Step{
		{Ref: store.Ref{UUID: to}, Decide: receive(ping(monitor.Success, at(0)))},
		{Ref: store.Ref{UUID: c.UUID}, Decide: receive(ping(monitor.Success, at(0)))},
	})
	s.ok(err)
	s.ok(results[0].Err)
	s.fails(results[1].Err, fault.NotFound)
	_, _, err = s.TokenOwner(s.ctx, c.UUID.String())
	s.fails(err, fault.NotFound)
	s.fails(s.Known(s.ctx, store.Ref{UUID: c.UUID}), fault.NotFound)
	dialect, id, err := s.TokenOwner(s.ctx, token.Text)
	s.ok(err)
	s.same("the imported token", fmt.Sprint(dialect, id), fmt.Sprint("kuma", c.ID))
	s.fails(s.RotateCheck(s.ctx, s.project.ID, other.ID, c.UUID, at(0), time.Time{}), fault.Conflict)
}

func rotatedGently(s *site) {
	c := s.addCheck(s.project, "nightly")
	first, second, third := c.UUID, uuid.New(), uuid.New()
	s.ok(s.RotateCheck(s.ctx, s.project.ID, c.ID, second, at(0), at(24*time.Hour)))
	s.ok(s.RotateCheck(s.ctx, s.project.ID, c.ID, third, at(time.Hour), at(25*time.Hour)))
	old, err := s.OldAddresses(s.ctx, s.project.ID)
	s.ok(err)
	s.same("old addresses", old, []store.OldAddress{
		{UUID: first, Check: c.ID, Ends: at(24 * time.Hour)}, {UUID: second, Check: c.ID, Ends: at(25 * time.Hour)},
	})
	holds := func(id uuid.UUID, want error) {
		s.Helper()
		_, owner, err := s.TokenOwner(s.ctx, id.String())
		located := s.Known(s.ctx, store.Ref{UUID: id})
		if want != nil {
			s.fails(err, want)
			s.fails(located, want)
			return
		}
		s.ok(err)
		s.ok(located)
		s.same("owner", owner, c.ID)
	}
	s.trim(store.Keep{Pings: 1 << 30, Expired: at(24*time.Hour - time.Second)})
	holds(first, nil)
	s.trim(store.Keep{Pings: 1 << 30, Expired: at(24 * time.Hour)})
	holds(first, fault.NotFound)
	holds(second, nil)
	s.ok(s.DeleteCheck(s.ctx, s.project.ID, c.ID))
	holds(second, fault.NotFound)
}

func rotatedMessages(s *site) {
	c := s.owe("nightly", at(0), s.addChannel(s.project, "hook"))
	to := uuid.New()
	s.ok(s.RotateCheck(s.ctx, s.project.ID, c.ID, to, at(0), time.Time{}))
	s.ok(s.RotateCheck(s.ctx, s.project.ID, c.ID, uuid.New(), at(time.Second), time.Time{}))
	s.same("the check of the message", s.lease(at(0))[0].Check, c.UUID)
	row := s.deliveries()[0]
	s.same("the check as its log names it", row.First, c.UUID)
	s.same("and as its page is found", row.CheckUUID == c.UUID, false)
}

func moved(s *site) {
	hook := s.addChannel(s.project, "hook")
	token := monitor.Token{Dialect: "kuma", Text: "moved-" + uuid.NewString()[:8]}
	c := s.owe("nightly", at(0), hook)
	s.ok(s.AddToken(s.ctx, c.ID, token))
	s.apply(step(c, receive(ping(monitor.Success, at(time.Second)))), step(c, func(c monitor.Check) monitor.Change {
		c.Misses = []monitor.Miss{{Rev: 1, By: at(0)}}
		return monitor.Change{Check: c}
	}))
	c = s.load(c)
	other := s.addProject("Other")
	s.fails(s.MoveCheck(s.ctx, other.ID, c.ID, s.project.ID), fault.NotFound)
	s.ok(s.MoveCheck(s.ctx, s.project.ID, c.ID, other.ID))
	s.fails(s.MoveCheck(s.ctx, s.project.ID, c.ID, other.ID), fault.NotFound)

	want := c
	want.Project, want.Misses = other.ID, nil
	got, err := s.Check(s.ctx, other.ID, c.UUID)
	s.ok(err)
	s.same("check", got, want)
	_, err = s.Check(s.ctx, s.project.ID, c.UUID)
	s.fails(err, fault.NotFound)
	s.same("channels", len(s.assigned(c)), 0)
	s.same("pings", len(s.pings(c)), 1)
	s.same("flips", len(s.flips(c)), 2)
	_, owner, err := s.TokenOwner(s.ctx, token.Text)
	s.ok(err)
	s.same("owner of its token", owner, c.ID)

	// What is owed to the old project's channel is still sent, and stands in its log
	// without leading anywhere.
	s.same("what is owed first", len(s.lease(at(time.Hour))), 1)
	for _, row := range s.deliveries() {
		if row.CheckUUID != uuid.Nil || row.CheckName != row.Flip.Facts.Name || row.First != c.UUID {
			s.Errorf("the old project sees %+v", row)
		}
	}
	theirs, err := s.Deliveries(s.ctx, store.DeliveryQuery{Project: other.ID, Check: c.ID, Limit: 10})
	s.ok(err)
	s.same("what the new project was told", len(theirs), 0)
}

func movedOnto(s *site) {
	hook := s.addChannel(s.project, "hook")
	c := s.addCheck(s.project, "nightly", hook)
	other := s.addProject("Other")
	s.addCheck(other, "nightly")
	s.fails(s.MoveCheck(s.ctx, s.project.ID, c.ID, other.ID), fault.Conflict)
	s.same("check", s.load(c), c)
	s.same("channels", s.assigned(c), []monitor.ChannelID{hook.ID})
}

func channelAssigned(s *site) {
	hook, mail := s.addChannel(s.project, "hook"), s.addChannel(s.project, "mail")
	a, b, c := s.addCheck(s.project, "a", hook, mail), s.addCheck(s.project, "b", mail), s.addCheck(s.project, "c")
	other := s.addProject("Other")
	theirs := s.addCheck(other, "theirs")
	told := func(want ...monitor.CheckID) {
		s.Helper()
		got, err := s.ChecksOf(s.ctx, s.project.ID, hook.ID)
		s.ok(err)
		s.same("checks that tell it", got, want)
	}
	told(a.ID)
	s.ok(s.AssignChannel(s.ctx, s.project.ID, hook.ID, []monitor.CheckID{c.ID, b.ID, c.ID}))
	told(b.ID, c.ID)
	s.same("the others of a", s.assigned(a), []monitor.ChannelID{mail.ID})
	s.fails(s.AssignChannel(s.ctx, s.project.ID, hook.ID, []monitor.CheckID{a.ID, theirs.ID}), fault.NotFound)
	s.fails(s.AssignChannel(s.ctx, other.ID, hook.ID, []monitor.CheckID{theirs.ID}), fault.NotFound)
	told(b.ID, c.ID)
	s.ok(s.AssignChannel(s.ctx, s.project.ID, hook.ID, nil))
	told()
	got, err := s.ChecksOf(s.ctx, other.ID, mail.ID)
	s.ok(err)
	s.same("as another project sees it", len(got), 0)
}

func deliveriesSearched(s *site) {
	hook, mail := s.addChannel(s.project, "Ops hook"), s.addChannel(s.project, "Über-Post")
	a := s.owe("alpha", at(0), hook, mail)
	s.owe("beta", at(time.Hour), hook)
	s.settle(s.lease(at(0))[0].Delivery, monitor.Result{Verdict: monitor.Refuse}, at(0))
	all := s.deliveries() // beta to hook, alpha to mail, alpha to hook
	find := func(q store.Search, want ...store.DeliveryRow) {
		s.Helper()
		q.Project = s.project.ID
		if q.Limit == 0 {
			q.Limit = 10
		}
		got, next, err := s.SearchDeliveries(s.ctx, q)
		s.ok(err)
		s.same("found", got, want)
		s.same("there is more", next != 0, len(want) == q.Limit && len(want) < len(all))
	}
	narrow := func(q store.DeliveryQuery) store.Search { return store.Search{DeliveryQuery: q} }
	find(store.Search{}, all...)
	find(store.Search{Text: " ALPHA "}, all[1:]...)
	find(store.Search{Text: "über"}, all[1])
	find(store.Search{Text: "ops"}, all[0], all[2])
	find(store.Search{Text: "100%"})
	find(store.Search{Since: at(time.Hour)}, all[0])
	find(store.Search{Until: at(time.Hour)}, all[1:]...)
	find(store.Search{Until: at(-time.Hour)})
	find(store.Search{Since: at(time.Second), Until: at(time.Hour)})
	find(narrow(store.DeliveryQuery{Channel: hook.ID}), all[0], all[2])
	find(narrow(store.DeliveryQuery{Check: a.ID}), all[1:]...)
	find(narrow(store.DeliveryQuery{State: monitor.Dead}), slicesOf(all, monitor.Dead)...)
	find(narrow(store.DeliveryQuery{State: monitor.Pending}), slicesOf(all, monitor.Pending, monitor.Sending)...)
	find(narrow(store.DeliveryQuery{Limit: 1}), all[0])
	find(narrow(store.DeliveryQuery{Before: all[0].ID}), all[1:]...)
	find(store.Search{Until: at(2 * time.Hour), DeliveryQuery: store.DeliveryQuery{Before: all[1].ID}}, all[2])
}

func slicesOf(rows []store.DeliveryRow, states ...monitor.DeliveryState) []store.DeliveryRow {
	var found []store.DeliveryRow
	for _, row := range rows {
		for _, state := range states {
			if row.State == state {
				found = append(found, row)
			}
		}
	}
	return found
}

func searchBounded(s *site) {
	hook, rare := s.addChannel(s.project, "hook"), s.addChannel(s.project, "rare")
	_, err := s.EnqueueTest(s.ctx, s.project.ID, rare.ID, at(0))
	s.ok(err)
	c := s.addCheck(s.project, "flapping", hook)
	steps := make([]store.Step, store.SearchSpan)
	for i := range steps {
		status := []monitor.Status{monitor.Down, monitor.Up}[i%2]
		steps[i] = step(c, tell(status, at(time.Duration(i)*time.Second)))
	}
	s.apply(steps...)
	search := store.Search{Text: "rare", DeliveryQuery: store.DeliveryQuery{Project: s.project.ID, Limit: 10}}
	found, next, err := s.SearchDeliveries(s.ctx, search)
	s.ok(err)
	if len(found) != 0 || next == 0 {
		s.Fatalf("found %d in the newest %d, next %d", len(found), store.SearchSpan, next)
	}
	search.Before = next
	found, next, err = s.SearchDeliveries(s.ctx, search)
	s.ok(err)
	s.same("found further on", len(found), 1)
	s.same("next", next, monitor.DeliveryID(0))
}

func givenUp(s *site) {
	hook := s.addChannel(s.project, "hook")
	c := s.owe("nightly", at(0), hook)
	s.apply(step(c, tell(monitor.Up, at(time.Minute))))
	other := s.addProject("Other")
	first := s.leaseOne(at(0))
	s.fails(s.GiveUpDelivery(s.ctx, s.project.ID, first.ID, "given up", at(0)), fault.Conflict) // it is being sent
	s.fails(s.HurryDelivery(s.ctx, s.project.ID, first.ID, at(0)), fault.Conflict)
	waits := s.settle(first, monitor.Result{Verdict: monitor.Retry, Answer: "503"}, at(0))

	s.fails(s.HurryDelivery(s.ctx, other.ID, waits.ID, at(0)), fault.NotFound)
	s.ok(s.HurryDelivery(s.ctx, s.project.ID, waits.ID, at(time.Second)))
	again := s.settle(s.leaseOne(at(time.Second)), monitor.Result{Verdict: monitor.Retry, Answer: "503"}, at(time.Second))

	s.fails(s.GiveUpDelivery(s.ctx, other.ID, again.ID, "given up", at(0)), fault.NotFound)
	s.same("what waits behind it", len(s.lease(at(time.Minute))), 1) // the same one: its retry is due
	after := s.settle(again, monitor.Result{Verdict: monitor.Retry, Answer: "503"}, at(time.Minute))
	s.ok(s.GiveUpDelivery(s.ctx, s.project.ID, after.ID, "given up by ines@example.org", at(time.Hour)))
	s.same("given up", s.delivery(after.ID), after.GiveUp("given up by ines@example.org", at(time.Hour)))
	s.same("attempts", len(s.attempts(after.ID)), 3)
	s.fails(s.GiveUpDelivery(s.ctx, s.project.ID, after.ID, "again", at(0)), fault.Conflict)
	s.same("the next of its lane", s.leaseOne(at(time.Hour)).ID == after.ID, false)
}
