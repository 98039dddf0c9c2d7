package storetest

import (
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var coverageTests = []test{
	{"a mark is committed with the pings or not at all", coverageMarks},
	{"a node that begins anew ends what it covered before", spans},
	{"a gap is recorded once, pends until it is made good, and ends its spans", gaps},
	{"a blind interval is one however often it is seen", blinds},
	{"a digest names the checks of its channel, once", digests},
	{"two schedulers that tell the same checks tell them once", digestRace},
}

// mark takes one through the door beside the given steps.
func (s *site) mark(m store.CoverageMark, beside ...store.Step) error {
	_, err := s.Transitions(s.ctx, append(beside, store.Step{Mark: &m}))
	return err
}

func (s *site) spans(what string, want ...monitor.Span) {
	s.Helper()
	got, err := s.Spans(s.ctx)
	s.ok(err)
	s.same(what, got, want)
}

func coverageMarks(s *site) {
	c := s.hourly("job")
	s.spans("nobody covers")
	s.ok(s.mark(store.CoverageMark{Node: "a", Since: at(1 * time.Second), At: at(1 * time.Second), Begin: true}, step(c, receive(ping(monitor.Success, at(0*time.Second))))))
	s.same("pings", s.load(c).NPings, int64(1))
	s.spans("begun", monitor.Span{Node: "a", Since: at(1 * time.Second), At: at(1 * time.Second)})
	s.ok(s.mark(store.CoverageMark{Node: "a", Since: at(1 * time.Second), At: at(5 * time.Second)}))
	s.ok(s.mark(store.CoverageMark{Node: "a", Since: at(1 * time.Second), At: at(3 * time.Second)})) // of a slower writer
	s.spans("a mark never moves back", monitor.Span{Node: "a", Since: at(1 * time.Second), At: at(5 * time.Second)})

	failing := s.hourly("failing", s.addChannel(s.project, "ops"))
	begin, end := s.engine.Fail("INSERT", "deliveries")
	s.engine.Exec(s.T, s.Store, begin)
	defer s.engine.Exec(s.T, s.Store, end)
	fail := step(failing, receive(ping(monitor.Fail, at(6*time.Second))))
	if s.mark(store.CoverageMark{Node: "a", Since: at(1 * time.Second), At: at(6 * time.Second)}, fail) == nil {
		s.Fatal("the batch did not fail")
	}
	s.spans("what fails proves nothing", monitor.Span{Node: "a", Since: at(1 * time.Second), At: at(5 * time.Second)})
}

func spans(s *site) {
	s.ok(s.mark(store.CoverageMark{Node: "a", Since: at(1 * time.Second), At: at(1 * time.Second), Begin: true}))
	s.ok(s.mark(store.CoverageMark{Node: "b", Since: at(2 * time.Second), At: at(2 * time.Second), Begin: true}))
	s.ok(s.mark(store.CoverageMark{Node: "b", Since: at(2 * time.Second), At: at(3 * time.Second), Stopped: true}))
	s.ok(s.mark(store.CoverageMark{Node: "a", Since: at(9 * time.Second), At: at(9 * time.Second), Begin: true, Cause: "slow"}))
	s.spans("spans",
		monitor.Span{Node: "a", Since: at(1 * time.Second), At: at(1 * time.Second), Resumed: at(9 * time.Second), Cause: "slow"},
		monitor.Span{Node: "b", Since: at(2 * time.Second), At: at(3 * time.Second), Stopped: true},
		monitor.Span{Node: "a", Since: at(9 * time.Second), At: at(9 * time.Second)})
}

func gaps(s *site) {
	s.ok(s.mark(store.CoverageMark{Node: "a", Since: at(1 * time.Second), At: at(1 * time.Second), Begin: true}))
	s.ok(s.mark(store.CoverageMark{Node: "a", Since: at(9 * time.Second), At: at(9 * time.Second), Begin: true}))
	over := []monitor.Span{{Node: "a", Since: at(1 * time.Second), At: at(1 * time.Second)}}
	gap := monitor.Blind{From: at(1 * time.Second), To: at(9 * time.Second), Cause: "restart"}
	pending := func(want ...monitor.Blind) {
		s.Helper()
		got, err := s.PendingBlinds(s.ctx)
		s.ok(err)
		s.same("pending", got, append([]monitor.Blind{}, want...))
	}
	pending()
	s.ok(s.RecordGaps(s.ctx, []monitor.Blind{gap}, over))
	pending(gap)
	s.spans("what is left", monitor.Span{Node: "a", Since: at(9 * time.Second), At: at(9 * time.Second)})
	s.ok(s.SettleBlind(s.ctx, gap))
	s.ok(s.RecordGaps(s.ctx, []monitor.Blind{{From: gap.From, To: at(20 * time.Second), Cause: "another"}}, []monitor.Span{{Node: "a", Since: at(9 * time.Second), At: at(8 * time.Second)}}))
	pending()
	s.spans("a span that went on is kept", monitor.Span{Node: "a", Since: at(9 * time.Second), At: at(9 * time.Second)})
	listed, err := s.Blinds(s.ctx, time.Time{}, 9)
	s.ok(err)
	s.same("listed", listed, []monitor.Blind{gap})
}

// hourly is a check that no ping will decide about soon.
func (s *site) hourly(slug string, channels ...monitor.Channel) monitor.Check {
	s.Helper()
	c := newCheck(s.project, slug)
	c.Schedule.Period = time.Hour
	c, err := s.CreateCheck(s.ctx, c, idsOf(channels))
	s.ok(err)
	return c
}

// doubt lets the ping that a check awaits be due a minute after a blind interval began.
func (s *site) doubt(blind monitor.Blind, c monitor.Check) {
	s.Helper()
	s.apply(
		step(c, receive(ping(monitor.Success, blind.From.Add(time.Minute-c.Schedule.Period)))),
		step(c, func(c monitor.Check) monitor.Change { return c.Overlook(blind) }))
}

// unverified makes checks unknown by a blind interval.
func (s *site) unverified(blind monitor.Blind, checks ...monitor.Check) {
	s.Helper()
	s.ok(s.AddBlind(s.ctx, blind))
	for _, c := range checks {
		s.doubt(blind, c)
		s.apply(step(c, func(c monitor.Check) monitor.Change {
			d, _ := c.Deadline()
			return c.Expire(d.At, d.At)
		}))
		if got := s.load(c); got.Status != monitor.Unknown || !got.BlindFrom.Equal(blind.From) || !got.BlindTo.IsZero() {
			s.Fatalf("%s is %s, blind from %v to %v", got.Name, got.Status, got.BlindFrom, got.BlindTo)
		}
	}
}

func digests(s *site) {
	ops, dev := s.addChannel(s.project, "ops"), s.addChannel(s.project, "dev")
	a, b, c := s.hourly("a", ops, dev), s.hourly("b", ops), s.hourly("c", ops)
	blind := monitor.Blind{From: at(time.Hour), To: at(time.Hour + 3*time.Minute), Cause: "restart"}
	s.ok(s.AddBlind(s.ctx, blind))
	s.doubt(blind, c)
	s.unverified(blind, a, b)

	waiting, err := s.Unverified(s.ctx)
	s.ok(err)
	judged := s.load(a).Since
	s.same("waiting", waiting, []monitor.Unverified{{Project: s.project.ID, From: blind.From, Oldest: judged, Doubted: 1}})
	now := at(2 * time.Hour)
	queued, err := s.QueueDigest(s.ctx, waiting[0], now)
	s.ok(err)
	s.same("queued", queued, true)
	if waiting, err := s.Unverified(s.ctx); err != nil || len(waiting) > 0 {
		s.Fatalf("still waiting: %v, %v", waiting, err)
	}
	queued, err = s.QueueDigest(s.ctx, waiting[0], now)
	s.ok(err)
	s.same("queued again", queued, false)

	leased, err := s.LeaseDeliveries(s.ctx, store.Lease{Now: now, Until: now.Add(time.Minute), Limit: 9, PerChannel: 9})
	s.ok(err)
	got := map[monitor.ChannelID]monitor.Digest{}
	for _, d := range leased {
		if d.Delivery.Kind != monitor.ForBlind || d.Digest == nil {
			s.Fatalf("leased %+v", d)
		}
		got[d.Channel.ID] = *d.Digest
	}
	line := func(c monitor.Check) monitor.DigestCheck {
		return monitor.DigestCheck{UUID: c.UUID, Name: c.Name, Due: monitor.Micros(blind.From.Add(time.Minute))}
	}
	digest := func(checks ...monitor.DigestCheck) monitor.Digest {
		return monitor.Digest{From: blind.From.UnixMicro(), To: blind.To.UnixMicro(), Cause: "restart", Total: len(checks), Checks: checks}
	}
	s.same("digests", got, map[monitor.ChannelID]monitor.Digest{ops.ID: digest(line(a), line(b)), dev.ID: digest(line(a))})
}

func digestRace(s *site) {
	ops := s.addChannel(s.project, "ops")
	blind := monitor.Blind{From: at(5 * time.Hour), To: at(5*time.Hour + 3*time.Minute)}
	s.unverified(blind, s.hourly("a", ops), s.hourly("b", ops))
	const schedulers = 4
	queued := make(chan bool, schedulers)
	var group errgroup.Group
	for range schedulers {
		group.Go(func() error {
			did, err := s.QueueDigest(s.ctx, monitor.Unverified{Project: s.project.ID, From: blind.From}, at(6*time.Hour))
			queued <- did
			return err
		})
	}
	s.ok(group.Wait())
	told := 0
	for range schedulers {
		if <-queued {
			told++
		}
	}
	s.same("told", told, 1)
	rows, err := s.Deliveries(s.ctx, store.DeliveryQuery{Project: s.project.ID, Limit: 9})
	s.ok(err)
	s.same("deliveries", len(rows), 1)
}

func blinds(s *site) {
	list := func(since time.Time, limit int, want ...monitor.Blind) {
		s.Helper()
		got, err := s.Blinds(s.ctx, since, limit)
		s.ok(err)
		s.same("blinds", got, want)
	}
	first := monitor.Blind{From: at(1 * time.Minute), To: at(2 * time.Minute), Cause: "restart"}
	second := monitor.Blind{From: at(5 * time.Minute), To: at(6 * time.Minute), Cause: "disk"}
	list(at(0*time.Second), 10)
	s.ok(s.AddBlind(s.ctx, first))
	s.ok(s.AddBlind(s.ctx, second))
	s.ok(s.AddBlind(s.ctx, first))
	list(at(0*time.Second), 10, second, first)
	list(at(0*time.Second), 1, second)
	list(at(2*time.Minute), 10, second)

	// Seen again after a restart, it has lasted longer; it never lasts shorter.
	longer := monitor.Blind{From: first.From, To: at(3 * time.Minute), Cause: first.Cause}
	s.ok(s.AddBlind(s.ctx, longer))
	s.ok(s.AddBlind(s.ctx, first))
	list(at(0*time.Second), 10, second, longer)
}
