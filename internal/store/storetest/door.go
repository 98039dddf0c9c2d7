package storetest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var doorTests = []test{
	{"a ping, its flip and the check are stored", pingIsStored},
	{"a told flip owes a delivery to every channel", flipOwesDeliveries},
	{"a channel that is disabled is owed nothing", disabledOwedNothing},
	{"a batch touches many checks", batchOfManyChecks},
	{"steps on one check fold in order", stepsFold},
	{"what is not there fails alone", absentFailsAlone},
	{"a rule that panics fails alone", panicFailsAlone},
	{"create makes a check with all channels", createMakesCheck},
	{"an edit is stored", editIsStored},
	{"an edit to a taken slug is a conflict", editConflicts},
	{"unchanged writes nothing", unchangedWritesNothing},
	{"assign replaces the channels", assignReplaces},
	{"a flip is not written twice", flipOnce},
	{"no steps are no error", func(s *site) { s.apply() }},
}

var failureTests = []test{
	{"a transaction that fails leaves nothing", failureLeavesNothing},
}

func pingIsStored(s *site) {
	c := s.addCheck(s.project, "nightly")
	p := ping(monitor.Success, at(time.Minute))
	p.Exit, p.RunID, p.Body, p.BodySize = new(int64), "run-1", []byte("done\n"), 5

	result := s.apply(step(c, receive(p)))[0]
	if result.Created || result.Change.Outcome != monitor.Recorded {
		s.Fatalf("got created %t, outcome %q", result.Created, result.Change.Outcome)
	}
	s.same("check", s.load(c), result.Change.Check)
	s.same("pings", s.pings(c), []monitor.Ping{*result.Change.Ping})
	s.same("flips", s.flips(c), []monitor.Flip{*result.Change.Flip})
	s.same("deliveries of a flip that is not told", len(s.deliveries()), 0)
	if zone := s.load(c).LastPing.Location(); zone != time.UTC {
		s.Errorf("times are read in %v", zone)
	}
}

func flipOwesDeliveries(s *site) {
	a, b, unassigned := s.addChannel(s.project, "a"), s.addChannel(s.project, "b"), s.addChannel(s.project, "c")
	c := s.addCheck(s.project, "nightly", b, a)
	flip := s.apply(step(c, tell(monitor.Down, at(time.Minute))))[0].Change.Flip

	got := map[monitor.ChannelID]store.DeliveryRow{}
	for _, d := range s.deliveries() {
		got[d.Channel] = d
	}
	if len(got) != 2 || got[unassigned.ID].ID != 0 {
		s.Fatalf("deliveries to channels %v", got)
	}
	s.same("delivery", got[a.ID], store.DeliveryRow{
		Delivery: monitor.Delivery{
			ID: got[a.ID].ID, Project: s.project.ID, Channel: a.ID, Kind: monitor.ForFlip, Check: c.ID, Rev: 1,
			State: monitor.Pending, Created: at(time.Minute), NextAt: at(time.Minute),
		},
		ChannelName: "a", ChannelKind: monitor.Webhook, CheckUUID: c.UUID, CheckName: c.Name, First: c.UUID, Flip: flip,
	})
}

func disabledOwedNothing(s *site) {
	gone, there := s.addChannel(s.project, "gone"), s.addChannel(s.project, "there")
	gone.Disabled = "its receiver is gone"
	s.ok(s.EditChannel(s.ctx, gone))
	s.owe("nightly", at(0), gone, there)
	owed := s.deliveries()
	if len(owed) != 1 || owed[0].Channel != there.ID {
		s.Fatalf("deliveries: %v", owed)
	}
}

func batchOfManyChecks(s *site) {
	var steps []store.Step
	var checks []monitor.Check
	for i := range 40 {
		c := s.addCheck(s.project, fmt.Sprint("check-", i))
		checks = append(checks, c)
		steps = append(steps, step(c, receive(ping(monitor.Success, at(time.Duration(i)*time.Second)))))
	}
	rand.Shuffle(len(steps), func(i, j int) {
		steps[i], steps[j] = steps[j], steps[i]
		checks[i], checks[j] = checks[j], checks[i]
	})
	for i, result := range s.apply(steps...) {
		s.same("result stands at the place of its step", result.Change.Check.ID, checks[i].ID)
		s.same("check", s.load(checks[i]), result.Change.Check)
		s.same("pings", s.pings(checks[i]), []monitor.Ping{*result.Change.Ping})
	}
}

func stepsFold(s *site) {
	channel := s.addChannel(s.project, "mail")
	c := s.addCheck(s.project, "nightly", channel)
	results := s.apply(
		store.Step{Ref: store.Ref{ID: c.ID}, Decide: receive(ping(monitor.Start, at(1*time.Second)))},
		store.Step{Ref: store.Ref{UUID: c.UUID}, Decide: receive(ping(monitor.Fail, at(2*time.Second)))},
		store.Step{Ref: store.Ref{PingKey: s.project.PingKey, Slug: "nightly"}, Decide: receive(ping(monitor.Success, at(3*time.Second)))},
		store.Step{Ref: store.Ref{UUID: c.UUID}, Decide: receive(ping(monitor.Log, at(4*time.Second)))},
	)
	last := results[3].Change.Check
	if last.NPings != 4 || last.Rev != 2 {
		s.Fatalf("after four pings: %d pings, rev %d", last.NPings, last.Rev)
	}
	s.same("check", s.load(c), last)
	s.same("pings", s.pings(c), []monitor.Ping{
		*results[3].Change.Ping, *results[2].Change.Ping, *results[1].Change.Ping, *results[0].Change.Ping,
	})
	s.same("flips", s.flips(c), []monitor.Flip{*results[2].Change.Flip, *results[1].Change.Flip})
	s.same("deliveries", len(s.deliveries()), 2)
}

func absentFailsAlone(s *site) {
	other := s.addProject("Other")
	c := s.addCheck(s.project, "nightly")
	s.addCheck(other, "theirs")
	refs := map[string]store.Ref{
		"id":                      {ID: c.ID + 1_000},
		"uuid":                    {UUID: uuid.New()},
		"slug":                    {PingKey: s.project.PingKey, Slug: "unknown"},
		"slug of another project": {PingKey: s.project.PingKey, Slug: "theirs"},
		"ping key":                {PingKey: "unknownunknownunknown1", Slug: "nightly"},
		"ping key with create": {PingKey: "unknownunknownunknown1", Slug: "nightly", Create: func() monitor.Check {
			return monitor.Provisioned(uuid.New(), "nightly", "", nil)
		}},
	}
	for name, ref := range refs {
		s.part(name, func(s *site) {
			n := s.load(c).NPings
			good := step(c, receive(ping(monitor.Success, at(time.Second))))
			results, err := s.Transitions(s.ctx, []store.Step{good, {Ref: ref, Decide: receive(ping(monitor.Fail, at(0)))}, good})
			s.ok(err)
			s.ok(results[0].Err)
			s.fails(results[1].Err, fault.NotFound)
			s.ok(results[2].Err)
			s.same("pings of the others", s.load(c).NPings, n+2)
		})
	}
}

func panicFailsAlone(s *site) {
	c, d := s.addCheck(s.project, "c"), s.addCheck(s.project, "d")
	good := receive(ping(monitor.Success, at(time.Second)))
	results, err := s.Transitions(s.ctx, []store.Step{
		step(c, good),
		step(c, func(monitor.Check) monitor.Change { panic("no rule for this") }),
		step(d, good),
		step(c, good),
	})
	s.ok(err)
	if results[1].Err == nil {
		s.Fatal("a panic is no error")
	}
	s.same("pings of the check", s.load(c).NPings, int64(2))
	s.same("pings of the other", s.load(d).NPings, int64(1))
}

// provision is a first ping with create.
func (s *site) provision(slug string, p monitor.Ping) store.Step {
	return store.Step{
		Ref: store.Ref{PingKey: s.project.PingKey, Slug: slug, Create: func() monitor.Check {
			return monitor.Create(monitor.Provisioned(uuid.New(), slug, "", nil), at(0))
		}},
		Decide: receive(p),
	}
}

func createMakesCheck(s *site) {
	a, b := s.addChannel(s.project, "a"), s.addChannel(s.project, "b")
	s.addChannel(s.addProject("Other"), "theirs")
	results := s.apply(
		s.provision("nightly", ping(monitor.Fail, at(1*time.Second))),
		s.provision("nightly", ping(monitor.Success, at(2*time.Second))),
	)
	if !results[0].Created || results[1].Created {
		s.Fatalf("created: first %t, second %t", results[0].Created, results[1].Created)
	}
	c := results[1].Change.Check
	s.same("project", c.Project, s.project.ID)
	s.same("check", s.load(c), c)
	s.same("flips", s.flips(c), []monitor.Flip{*results[1].Change.Flip, *results[0].Change.Flip})
	s.same("channels", s.assigned(c), []monitor.ChannelID{a.ID, b.ID})
	s.same("deliveries", len(s.deliveries()), 4)

	again := s.apply(s.provision("nightly", ping(monitor.Success, at(3*time.Second))))[0]
	if again.Created || again.Change.Check.ID != c.ID {
		s.Fatalf("created again: %+v", again)
	}
}

func editIsStored(s *site) {
	c := s.addCheck(s.project, "nightly")
	s.apply(step(c, receive(ping(monitor.Success, at(time.Second)))))
	limit := 90 * time.Second
	config := c.Config
	config.Name, config.Slug, config.Description, config.Tags = "Nachtlauf ✓", "nachts", "two\nlines", []string{"db", "prod"}
	config.Schedule.Period, config.Grace, config.MaxRuntime = time.Hour, 3*time.Minute, &limit
	config.Threshold, config.ManualResume, config.PostOnly = new(3), true, true
	config.Filter = monitor.Filter{On: true, Fail: "ERROR", Success: "ok", Default: monitor.Fail}
	edited := s.apply(step(c, func(c monitor.Check) monitor.Change { return c.Reconfigure(config, at(time.Minute)) }))[0].Change.Check
	s.same("edited", edited.Config, config)
	s.same("check", s.load(c), edited)

	config.Slug, config.Tags, config.MaxRuntime, config.Threshold, config.Filter = "", nil, nil, nil, monitor.Filter{}
	edited = s.apply(step(c, func(c monitor.Check) monitor.Change { return c.Reconfigure(config, at(2*time.Minute)) }))[0].Change.Check
	s.same("check without what is optional", s.load(c), edited)
}

func editConflicts(s *site) {
	s.addCheck(s.project, "taken")
	c := s.addCheck(s.project, "nightly")
	config := c.Config
	config.Slug = "taken"
	_, err := s.Transitions(s.ctx, []store.Step{step(c, func(c monitor.Check) monitor.Change {
		return c.Reconfigure(config, at(time.Minute))
	})})
	s.fails(err, fault.Conflict)
	s.same("check", s.load(c), c)
}

func unchangedWritesNothing(s *site) {
	c := s.addCheck(s.project, "nightly")
	s.apply(step(c, func(c monitor.Check) monitor.Change {
		c.NPings, c.Name, c.Wake = 7, "changed", at(0)
		return monitor.Change{Check: c, Unchanged: true}
	}))
	s.same("check", s.load(c), c)
}

func assignReplaces(s *site) {
	a, b := s.addChannel(s.project, "a"), s.addChannel(s.project, "b")
	theirs := s.addChannel(s.addProject("Other"), "theirs")
	c := s.addCheck(s.project, "nightly", a)
	assign := func(channels ...monitor.Channel) error {
		ids := idsOf(channels)
		_, err := s.Transitions(s.ctx, []store.Step{{
			Ref:    store.Ref{ID: c.ID},
			Assign: &ids,
			Decide: func(c monitor.Check) monitor.Change { return monitor.Change{Check: c, Unchanged: true} },
		}})
		return err
	}
	s.ok(assign(b))
	s.same("channels", s.assigned(c), []monitor.ChannelID{b.ID})
	s.ok(assign(a, b))
	s.same("channels", s.assigned(c), []monitor.ChannelID{a.ID, b.ID})
	s.apply(step(c, receive(ping(monitor.Success, at(0)))))
	s.same("channels after a step without assign", s.assigned(c), []monitor.ChannelID{a.ID, b.ID})
	s.ok(assign())
	s.same("channels", s.assigned(c), []monitor.ChannelID{})
	_ = assign(theirs) // refused or passed over, but never done
	s.same("channels of another project", s.assigned(c), []monitor.ChannelID{})
}

func failureLeavesNothing(s *site) {
	channel := s.addChannel(s.project, "mail")
	c, d := s.addCheck(s.project, "c", channel), s.addCheck(s.project, "d", channel)
	none := []monitor.ChannelID{}
	steps := []store.Step{
		step(d, receive(ping(monitor.Success, at(time.Second)))),
		{Ref: store.Ref{ID: d.ID}, Decide: wake(at(0)), Assign: &none},
		step(c, receive(ping(monitor.Fail, at(time.Second)))),
		s.provision("new", ping(monitor.Success, at(time.Second))),
	}
	for _, fails := range [][2]string{
		{"INSERT", "deliveries"},
		{"INSERT", "flips"},
		{"INSERT", "pings"},
		{"INSERT", "checks"},
		{"UPDATE", "checks"},
		{"DELETE", "check_channels"},
	} {
		begin, end := s.engine.Fail(fails[0], fails[1])
		s.engine.Exec(s.T, s.Store, begin)
		if _, err := s.Transitions(s.ctx, steps); err == nil {
			s.Fatalf("that %s fails on %s is no error", fails[0], fails[1])
		}
		s.engine.Exec(s.T, s.Store, end)
		s.nothingDone(channel, c, d)
	}

	// The store is as good as before.
	s.apply(steps...)
	s.same("pings", s.load(c).NPings, int64(1))
	s.same("flips", len(s.flips(c)), 1)
	s.same("deliveries", len(s.deliveries()), 1)
}

// nothingDone expects two checks of a channel as they were made, and nothing else.
func (s *site) nothingDone(channel monitor.Channel, c, d monitor.Check) {
	s.Helper()
	for _, before := range []monitor.Check{c, d} {
		s.same("check", s.load(before), before)
		s.same("pings", s.pings(before), []monitor.Ping{})
		s.same("flips", s.flips(before), []monitor.Flip{})
		s.same("channels", s.assigned(before), []monitor.ChannelID{channel.ID})
	}
	s.same("deliveries", len(s.deliveries()), 0)
	checks, err := s.Checks(s.ctx, s.project.ID, 10)
	s.ok(err)
	s.same("checks", len(checks), 2)
}

func flipOnce(s *site) {
	channel := s.addChannel(s.project, "mail")
	c := s.addCheck(s.project, "nightly", channel)
	s.apply(step(c, tell(monitor.Down, at(time.Minute))))
	before := s.load(c)
	_, err := s.Transitions(s.ctx, []store.Step{step(c, func(c monitor.Check) monitor.Change {
		c.Rev-- // as if a second writer had not seen the first
		return tell(monitor.Up, at(2*time.Minute))(c)
	})})
	s.fails(err, fault.Conflict)
	s.same("check", s.load(c), before)
	s.same("flips", len(s.flips(c)), 1)
	s.same("deliveries", len(s.deliveries()), 1)
}
