package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var raceTests = []test{
	{"50 writers on one check", manyWriters},
	{"batches in any order do not lock each other out", crossedBatches},
	{"20 creators make one check", manyCreators},
	{"leasers never share a delivery", manyLeasers},
	{"a token is used once", manyTokenUsers},
}

// together runs n functions at the same time and returns what failed.
func together(n int, run func(i int) error) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = run(i) })
	}
	all.Wait()
	return errs
}

func (s *site) allOK(errs []error) {
	s.Helper()
	for _, err := range errs {
		s.ok(err)
	}
}

func manyWriters(s *site) {
	const writers, each = 50, 20
	a, b := s.addChannel(s.project, "a"), s.addChannel(s.project, "b")
	c := s.addCheck(s.project, "nightly", a, b)
	s.allOK(together(writers, func(i int) error {
		var steps []store.Step
		for j := range each {
			signal := monitor.Success
			if (i+j)%2 == 0 {
				signal = monitor.Fail
			}
			p := ping(signal, at(time.Duration(j)*time.Second))
			p.RunID = fmt.Sprintf("%d-%d", i, j) // with a run id nothing is coalesced
			steps = append(steps, step(c, receive(p)))
		}
		size := 5
		if i%5 == 0 {
			size = 1 // some come one by one
		}
		for ; len(steps) > 0; steps = steps[size:] {
			if _, err := s.Transitions(s.ctx, steps[:size]); err != nil {
				return err
			}
		}
		return nil
	}))

	stored := s.load(c)
	s.same("n_pings", stored.NPings, int64(writers*each))
	pings := s.pings(c)
	s.same("rows of pings", len(pings), writers*each)
	for i, p := range pings {
		s.same("n", p.N, int64(writers*each-i))
	}
	flips := s.flips(c)
	s.same("rev", stored.Rev, int64(len(flips)))
	told := 0
	for i, f := range flips {
		s.same("rev of a flip", f.Rev, int64(len(flips)-i))
		if i > 0 {
			s.same("a flip begins where the one before ended", flips[i-1].Old, f.New)
		}
		if f.Tell {
			told++
		}
	}
	s.same("status", stored.Status, flips[0].New)
	s.same("deliveries", len(s.deliveries()), told*2)
}

func crossedBatches(s *site) {
	var checks []monitor.Check
	for i := range 10 {
		checks = append(checks, s.addCheck(s.project, fmt.Sprint("check-", i)))
	}
	const writers, rounds = 8, 5
	s.allOK(together(writers, func(i int) error {
		var steps []store.Step
		for j := range checks {
			at := j
			if i%2 == 1 {
				at = len(checks) - 1 - j
			}
			c := checks[at]
			ref := []store.Ref{{ID: c.ID}, {UUID: c.UUID}, {PingKey: s.project.PingKey, Slug: c.Slug}}[i%3]
			steps = append(steps, store.Step{Ref: ref, Decide: func(c monitor.Check) monitor.Change {
				c.NPings++
				return monitor.Change{Check: c}
			}})
		}
		for range rounds {
			if _, err := s.Transitions(s.ctx, steps); err != nil {
				return err
			}
		}
		return nil
	}))
	for _, c := range checks {
		s.same("pings", s.load(c).NPings, int64(writers*rounds))
	}
}

func manyCreators(s *site) {
	channel := s.addChannel(s.project, "mail")
	bystander := s.addCheck(s.project, "bystander")
	const creators = 20
	var created atomic.Int64
	s.allOK(together(creators, func(i int) error {
		results, err := s.Transitions(s.ctx, []store.Step{
			step(bystander, receive(ping(monitor.Log, at(time.Duration(i)*time.Second)))),
			s.provision("nightly", ping(monitor.Success, at(time.Duration(i)*time.Second))),
		})
		if err != nil {
			return err
		}
		if results[1].Created {
			created.Add(1)
		}
		return results[1].Err
	}))
	s.same("checks that were created", created.Load(), int64(1))
	checks, err := s.Checks(s.ctx, s.project.ID, 10)
	s.ok(err)
	s.same("checks", len(checks), 2)
	for _, c := range checks {
		s.same("pings of "+c.Name, c.NPings, int64(creators))
		s.same("rows of pings of "+c.Name, len(s.pings(c)), creators)
		if c.Slug == "nightly" {
			s.same("channels", s.assigned(c), []monitor.ChannelID{channel.ID})
		}
	}
}

func manyLeasers(s *site) {
	a, b := s.addChannel(s.project, "a"), s.addChannel(s.project, "b")
	const checks, leasers = monitor.StormAfter, 8
	var steps []store.Step
	for i := range checks {
		c := s.addCheck(s.project, fmt.Sprint("check-", i), a, b)
		steps = append(steps, step(c, tell(monitor.Down, at(0))))
	}
	s.apply(steps...)

	var leased sync.Map
	var total atomic.Int64
	s.allOK(together(leasers, func(int) error {
		for range 10_000 { // another may hold what is due for a moment
			got, err := s.LeaseDeliveries(s.ctx, store.Lease{Now: at(0), Until: at(time.Minute), Limit: 5, PerChannel: 5})
			if err != nil {
				return err
			}
			for _, d := range got {
				total.Add(1)
				if _, again := leased.LoadOrStore(d.Delivery.ID, true); again {
					return fmt.Errorf("delivery %d was leased twice", d.Delivery.ID)
				}
			}
			if total.Load() == 2*checks {
				return nil
			}
		}
		return fmt.Errorf("only %d deliveries were leased", total.Load())
	}))
	s.same("leased", total.Load(), int64(2*checks))
}

func manyTokenUsers(s *site) {
	s.ok(s.PutToken(s.ctx, "setup", "hash", at(time.Hour)))
	used := 0
	for _, err := range together(10, func(int) error { return s.UseToken(s.ctx, "setup", "hash", at(0)) }) {
		if err == nil {
			used++
			continue
		}
		s.fails(err, fault.NotFound)
	}
	s.same("uses", used, 1)
}
