package storetest

import (
	"fmt"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var trimTests = []test{
	{"nothing is trimmed that is to be kept", trimKeeps},
	{"the newest pings of each check stay", trimPings},
	{"coalesced pings, which have no row, take no place of others", trimCoalesced},
	{"old deliveries go once they have ended", trimDeliveries},
	{"old flips go unless they are needed", trimFlips},
	{"what has expired goes", trimExpired},
	{"that a check was deleted is forgotten after a month", trimGone},
	{"one call trims a bounded amount", trimBounded},
}

// all keeps everything.
func all() store.Keep { return store.Keep{Pings: 1 << 30} }

// trim trims to the end and returns how many calls that took.
func (s *site) trim(keep store.Keep) (calls int) {
	s.Helper()
	for calls = 1; calls < 100; calls++ {
		more, err := s.Trim(s.ctx, keep)
		s.ok(err)
		if !more {
			return calls
		}
	}
	s.Fatal("there is always more to trim")
	return calls
}

// receiveMany takes n pings of a check, one a second.
func (s *site) receiveMany(c monitor.Check, n int) {
	s.Helper()
	steps := make([]store.Step, n)
	for i := range steps {
		steps[i] = step(c, receive(ping(monitor.Log, at(time.Duration(i)*time.Second))))
	}
	s.apply(steps...)
}

func trimKeeps(s *site) {
	c := s.owe("nightly", at(0), s.addChannel(s.project, "hook"))
	s.settle(s.leaseOne(at(0)), monitor.Result{Verdict: monitor.Done}, at(0))
	s.receiveMany(c, 3)
	s.ok(s.BeginSession(s.ctx, session("hash", 0, at(0))))
	s.trim(all())
	s.same("pings", len(s.pings(c)), 3)
	s.same("flips", len(s.flips(c)), 1)
	s.same("attempts", len(s.attempts(s.deliveries()[0].ID)), 1)
	_, found, err := s.FindSession(s.ctx, "hash", at(-time.Hour))
	s.ok(err)
	s.same("session", found, true)
}

func trimPings(s *site) {
	many, few := s.addCheck(s.project, "many"), s.addCheck(s.project, "few")
	s.receiveMany(many, 30)
	s.receiveMany(few, 5)
	keep := all()
	keep.Pings = 10
	s.trim(keep)
	left := s.pings(many)
	s.same("pings that are left", len(left), 10)
	s.same("newest", left[0].N, int64(30))
	s.same("oldest", left[9].N, int64(21))
	s.same("pings of the other check", len(s.pings(few)), 5)
	s.same("n_pings", s.load(many).NPings, int64(30))

	keep.Pings = 0 // none is a number too
	s.trim(keep)
	s.same("pings", len(s.pings(many))+len(s.pings(few)), 0)
}

func trimCoalesced(s *site) {
	c := s.addCheck(s.project, "flood")
	s.receiveMany(c, 5)
	var flood []store.Step
	for range 100 {
		flood = append(flood, step(c, receive(ping(monitor.Log, at(10*time.Second)))))
	}
	s.apply(flood...)
	before := s.pings(c)
	if len(before) >= 105 || s.load(c).NPings != 105 {
		s.Fatalf("%d of %d pings have a row: nothing was coalesced", len(before), s.load(c).NPings)
	}
	keep := all()
	keep.Pings = len(before)
	s.trim(keep)
	s.same("pings that are left", len(s.pings(c)), len(before))
	keep.Pings = 7
	s.trim(keep)
	left := s.pings(c)
	s.same("pings that are left of seven", len(left), 7)
	s.same("the newest of them", left[0].N, before[0].N)
}

func trimDeliveries(s *site) {
	channel := s.addChannel(s.project, "hook")
	for i := range 5 {
		s.owe(fmt.Sprint("check-", i), at(time.Duration(i)*time.Second), channel)
	}
	all5 := s.deliveries()
	leased := s.lease(at(3 * time.Second)) // the first four
	sent := s.settle(leased[0].Delivery, monitor.Result{Verdict: monitor.Done}, at(time.Minute))
	s.settle(leased[1].Delivery, monitor.Result{Verdict: monitor.Refuse}, at(time.Minute))
	s.settle(leased[2].Delivery, monitor.Result{Verdict: monitor.Retry}, at(time.Minute))

	keep := all()
	keep.Deliveries = at(1 * time.Second)
	s.trim(keep)
	s.same("after the first", len(s.deliveries()), 4)
	s.same("its attempts", len(s.attempts(sent.ID)), 0)
	keep.Deliveries = at(time.Hour)
	s.trim(keep)
	var left []monitor.DeliveryID
	for _, d := range s.deliveries() {
		left = append(left, d.ID)
	}
	s.same("what has not ended", left, []monitor.DeliveryID{all5[0].ID, all5[1].ID, all5[2].ID})
}

func trimFlips(s *site) {
	quiet := s.addCheck(s.project, "quiet")
	loud := s.addCheck(s.project, "loud", s.addChannel(s.project, "hook"))
	for i := range 6 {
		to := []monitor.Status{monitor.Down, monitor.Up}[i%2]
		s.apply(step(quiet, tell(to, at(time.Duration(i)*time.Second))), step(loud, tell(to, at(time.Duration(i)*time.Second))))
	}
	revs := func(c monitor.Check) (revs []int64) {
		for _, f := range s.flips(c) {
			revs = append(revs, f.Rev)
		}
		return revs
	}
	keep := all()
	keep.Flips = at(2 * time.Second)
	s.trim(keep)
	s.same("since then", revs(quiet), []int64{6, 5, 4, 3})
	s.same("owed to somebody", revs(loud), []int64{6, 5, 4, 3, 2, 1})

	keep.Flips = at(time.Hour)
	s.trim(keep)
	s.same("the newest stays", revs(quiet), []int64{6})
	s.settle(s.leaseOne(at(time.Hour)), monitor.Result{Verdict: monitor.Done}, at(time.Hour))
	keep.Deliveries = at(time.Hour)
	s.trim(keep)
	s.same("told and trimmed", revs(loud), []int64{6, 5, 4, 3, 2})
}

func trimExpired(s *site) {
	s.ok(s.BeginSession(s.ctx, session("old", 0, at(1*time.Second))))
	s.ok(s.BeginSession(s.ctx, session("young", 0, at(3*time.Second))))
	s.ok(s.PutToken(s.ctx, "setup", "old", at(1*time.Second)))
	s.ok(s.PutToken(s.ctx, "reset", "young", at(3*time.Second)))
	keep := all()
	keep.Expired = at(2 * time.Second)
	s.trim(keep)
	for hash, want := range map[string]bool{"old": false, "young": true} {
		_, found, err := s.FindSession(s.ctx, hash, at(0))
		s.ok(err)
		s.same("session "+hash, found, want)
	}
	old, err := s.TokenValid(s.ctx, "setup", "old", at(0))
	s.ok(err)
	young, err := s.TokenValid(s.ctx, "reset", "young", at(0))
	s.ok(err)
	s.same("tokens", []bool{old, young}, []bool{false, true})
}

func trimGone(s *site) {
	c := s.addCheck(s.project, "nightly")
	s.ok(s.DeleteCheck(s.ctx, s.project.ID, c.ID))
	gone := func(at time.Time, want bool) {
		s.Helper()
		keep := all()
		keep.Expired = at
		s.trim(keep)
		got, err := s.Gone(s.ctx, c.UUID)
		s.ok(err)
		s.same(fmt.Sprint("gone at ", at), got, want)
	}
	gone(at(0), true)
	gone(at(store.GoneKept), true)
	gone(at(store.GoneKept+time.Second), false)
}

func trimBounded(s *site) {
	const pings = 6_000
	before, c, after := s.addCheck(s.project, "a"), s.addCheck(s.project, "b"), s.addCheck(s.project, "c")
	s.receiveMany(before, 3)
	s.receiveMany(c, pings)
	s.receiveMany(after, 3)
	keep := all()
	keep.Pings = 1
	more, err := s.Trim(s.ctx, keep)
	s.ok(err)
	left := len(s.pings(c))
	if !more || left < pings-5_000 || left == pings {
		s.Fatalf("one call left %d of %d pings, more is %t", left, pings, more)
	}
	s.trim(keep)
	for _, check := range []monitor.Check{before, c, after} {
		s.same("pings", len(s.pings(check)), 1)
	}
}
