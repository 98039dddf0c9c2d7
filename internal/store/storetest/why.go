package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/prove"
	"rollcall/internal/store"
)

var whyTests = []test{
	{"every judgement leaves a record, an ordinary ping none", decisionsKept},
	{"each bad result leaves a record, and those that are tolerated are listed", badResults},
	{"a record names the channels that were owed a message, and those that were disabled", decisionsOwed},
	{"a correction is recorded with the channels of the alarm", decisionsCorrected},
	{"one deadline is recorded once", decisionsOnce},
	{"a record is written with its change, or not at all", decisionsFail},
	{"what is around a minute is what happened in it, and what came before and after", aroundMinute},
	{"who paused a check is told for as long as it is paused", aroundPause},
	{"latencies are those of the records and of the first success", latencies},
	{"records go with their flips and pings", decisionsTrimmed},
	{"every message and every silence is explained", explained},
}

// around returns what is kept around the minute that begins at an instant.
func (s *site) around(c monitor.Check, from time.Time) monitor.Around {
	s.Helper()
	a, err := s.Around(s.ctx, s.load(c), from, from.Add(time.Minute))
	s.ok(err)
	return a
}

// decisions returns the records of a check, the oldest first.
func (s *site) decisions(c monitor.Check) []monitor.Decision {
	s.Helper()
	a, err := s.Around(s.ctx, s.load(c), at(-24*time.Hour), at(1000*time.Hour))
	s.ok(err)
	return a.Decisions
}

// expire is what the passing of time does, judged at once.
func expire(now time.Time) func(monitor.Check) monitor.Change {
	return func(c monitor.Check) monitor.Change { return c.Expire(now, now) }
}

func decisionsKept(s *site) {
	c := s.addCheck(s.project, "nightly")
	first, second := ping(monitor.Success, at(0)), ping(monitor.Success, at(5*time.Minute))
	first.Stored = at(20 * time.Millisecond)
	s.apply(step(c, receive(first)), step(c, receive(second))) // new to up, and an ordinary one
	late := ping(monitor.Success, at(13*time.Minute))
	s.apply(step(c, receive(late)))                                    // after the deadline, before it was judged
	s.apply(step(c, expire(at(30*time.Minute))))                       // down at 20:00
	s.apply(step(c, expire(at(40*time.Minute))))                       // nothing more is due
	s.apply(step(c, receive(ping(monitor.Start, at(41*time.Minute))))) // a run, while down
	s.apply(step(c, expire(at(44*time.Minute))))                       // that overruns
	s.same("records", s.decisions(c), []monitor.Decision{
		{
			Check: c.ID, About: monitor.OfFlip, Key: 1, Judged: at(20 * time.Millisecond), Arrived: at(0), Ping: 1,
			Was: monitor.New, Is: monitor.Up, Reason: monitor.Succeeded, Suppressed: monitor.NoNews,
		},
		{
			Check: c.ID, About: monitor.OfDeadline, Key: at(12 * time.Minute).UnixMicro(), Judged: at(13 * time.Minute), Arrived: at(13 * time.Minute), Ping: 3,
			Deadline: at(12 * time.Minute), Due: at(10 * time.Minute), Seen: at(5 * time.Minute), Until: at(20 * time.Minute),
			Was: monitor.Up, Is: monitor.Up, Reason: monitor.Succeeded, Suppressed: monitor.ByAnswer,
		},
		{
			Check: c.ID, About: monitor.OfFlip, Key: 2, Judged: at(30 * time.Minute),
			Deadline: at(20 * time.Minute), Due: at(18 * time.Minute), Seen: at(13 * time.Minute),
			Was: monitor.Up, Is: monitor.Down, Reason: monitor.Silent, Tell: true, Bad: 1, Of: 1,
		},
		{
			Check: c.ID, About: monitor.OfDeadline, Key: at(43 * time.Minute).UnixMicro(), Judged: at(44 * time.Minute),
			Deadline: at(43 * time.Minute), Due: at(41 * time.Minute), Seen: at(13 * time.Minute),
			Was: monitor.Down, Is: monitor.Down, Reason: monitor.Overran, Suppressed: monitor.ByDown, Bad: 2, Of: 1,
		},
	})
}

func badResults(s *site) {
	c := s.addCheck(s.project, "nightly") // every 5 minutes, with a grace of 2
	config := c.Config
	config.Threshold = new(4)
	s.apply(step(c, func(c monitor.Check) monitor.Change { return c.Reconfigure(config, at(0)) }))
	s.apply(step(c, receive(ping(monitor.Success, at(0)))))
	s.apply(step(c, expire(at(7*time.Minute))))
	s.apply(step(c, expire(at(17*time.Minute))))
	for i := range time.Duration(3) {
		s.apply(step(c, receive(ping(monitor.Fail, at((25+i)*time.Minute)))))
	}
	var kept []string
	for _, d := range s.decisions(c) {
		if d.Bad > 0 {
			kept = append(kept, fmt.Sprintf("%s %s %v %d of %d", d.About, d.Reason, d.Silenced(), d.Bad, d.Of))
		}
	}
	s.same("records", kept, []string{
		"deadline timeout [below threshold] 1 of 4", "deadline timeout [below threshold] 2 of 4", "ping fail [below threshold] 3 of 4",
		"flip fail [no channel] 4 of 4", "ping fail [already down] 5 of 4",
	})
	keys := func(about monitor.Matter, before int64, limit int) (keys []int64) {
		list, err := s.Tolerated(s.ctx, c.ID, about, before, limit)
		s.ok(err)
		for _, d := range list {
			keys = append(keys, d.Key)
		}
		return keys
	}
	first, second := at(7*time.Minute).UnixMicro(), at(12*time.Minute).UnixMicro()
	s.same("missed", keys(monitor.OfDeadline, 0, 10), []int64{second, first})
	s.same("the newest", keys(monitor.OfDeadline, 0, 1), []int64{second})
	s.same("before it", keys(monitor.OfDeadline, second, 10), []int64{first})
	s.same("failed", keys(monitor.OfPing, 0, 10), []int64{2})
}

func decisionsOwed(s *site) {
	a, b, off := s.addChannel(s.project, "a"), s.addChannel(s.project, "b"), s.addChannel(s.project, "off")
	s.addChannel(s.project, "of no concern")
	off.Disabled = "410 twice"
	s.ok(s.EditChannel(s.ctx, off))
	both, none := s.addCheck(s.project, "both", off, b, a), s.addCheck(s.project, "none")
	for _, c := range []monitor.Check{both, none} {
		s.apply(step(c, receive(ping(monitor.Fail, at(0)))), step(c, func(c monitor.Check) monitor.Change { return c.Pause(at(time.Second)) }))
	}
	records := s.decisions(both)
	s.same("owed", records[0].Owed, []monitor.ChannelID{a.ID, b.ID})
	s.same("disabled", records[0].Off, []monitor.ChannelID{off.ID})
	s.same("suppressions", records[0].Silenced(), []monitor.Suppression{monitor.ChannelDisabled})
	s.same("of a pause nobody is told", len(records[1].Owed)+len(records[1].Off), 0)
	s.same("suppressions", s.decisions(none)[0].Silenced(), []monitor.Suppression{monitor.NoChannel})
}

func decisionsCorrected(s *site) {
	hook, off, later := s.addChannel(s.project, "hook"), s.addChannel(s.project, "off"), s.addChannel(s.project, "later")
	c := s.addCheck(s.project, "nightly", hook, off)
	s.apply(step(c, receive(ping(monitor.Success, at(0)))), step(c, expire(at(10*time.Minute))))
	off.Disabled = "410 twice"
	s.ok(s.EditChannel(s.ctx, off))
	s.ok(s.AssignChannel(s.ctx, s.project.ID, later.ID, []monitor.CheckID{c.ID}))
	ran := monitor.Ping{Signal: monitor.Success, Age: 15 * time.Minute, Scheme: "https", Method: "POST"}
	s.apply(step(c, receive(ran.Dated(at(20*time.Minute)))))
	records := s.decisions(c)
	last := records[len(records)-1]
	s.same("what it corrects", []any{last.Reason, last.Corrects}, []any{monitor.Corrected, int64(2)})
	s.same("owed", last.Owed, []monitor.ChannelID{hook.ID})
	s.same("disabled", last.Off, []monitor.ChannelID{off.ID})
}

func decisionsOnce(s *site) {
	c := s.addCheck(s.project, "nightly")
	again := func(until time.Time) func(monitor.Check) monitor.Change {
		return func(c monitor.Check) monitor.Change {
			return monitor.Change{Check: c, Decision: &monitor.Decision{
				Check: c.ID, About: monitor.OfDeadline, Key: at(0).UnixMicro(), Judged: at(0), Deadline: at(0), Until: until, Suppressed: monitor.ByEdit,
			}}
		}
	}
	s.apply(step(c, again(at(time.Hour))), step(c, again(at(2*time.Hour))))
	s.apply(step(c, again(at(3*time.Hour))))
	records := s.decisions(c)
	s.same("records", len(records), 1)
	s.same("the first stands", records[0].Until, at(time.Hour))
}

func decisionsFail(s *site) {
	c := s.addCheck(s.project, "nightly")
	broken := func(c monitor.Check) monitor.Change {
		change := tell(monitor.Down, at(0))(c)
		change.Flip.Rev = 1
		change.Decision = &monitor.Decision{Check: c.ID, About: monitor.OfFlip, Key: 7, Judged: at(0)}
		return change
	}
	s.apply(step(c, broken))
	if _, err := s.Transitions(s.ctx, []store.Step{step(c, broken)}); err == nil { // its flip is there already
		s.Fatal("the same flip was written twice")
	}
	s.same("records", len(s.decisions(c)), 1)
}

func aroundMinute(s *site) {
	hook := s.addChannel(s.project, "hook")
	c := s.addCheck(s.project, "nightly", hook)
	s.apply(
		step(c, receive(ping(monitor.Success, at(0)))),
		step(c, receive(ping(monitor.Log, at(4*time.Minute)))),
		step(c, expire(at(9*time.Minute))), // dated at 7:00
		step(c, receive(ping(monitor.Success, at(20*time.Minute)))),
	)
	s.settle(s.leaseOne(at(9*time.Minute)), monitor.Result{Verdict: monitor.Retry, Answer: "503"}, at(9*time.Minute))
	revs := func(a monitor.Around) (revs []int64) {
		for _, f := range a.Flips {
			revs = append(revs, f.Rev)
		}
		return revs
	}
	a := s.around(c, at(9*time.Minute))
	s.same("flips", revs(a), []int64{1, 2, 3})
	s.same("records", len(a.Decisions), 3)
	s.same("the last ping before", a.Before[0].N, int64(1)) // a log counts for nothing
	s.same("the first ping after", a.After[0].N, int64(3))
	s.same("the oldest ping", a.Oldest.N, int64(1))
	s.same("messages", []any{a.Messages[0].Rev, a.Messages[0].Name, a.Messages[0].Attempts[0].Answer}, []any{int64(2), "hook", "503"})
	s.same("channels", a.Channels, map[monitor.ChannelID]string{hook.ID: "hook"})
	s.same("tells", a.Tells, 1)

	s.same("flips of the minute that one is dated in", revs(s.around(c, at(7*time.Minute))), []int64{1, 2, 3})
	s.same("flips of a minute in which nothing was", revs(s.around(c, at(8*time.Minute))), []int64{1, 2})
	quiet := s.around(c, at(4*time.Minute))
	s.same("pings", len(quiet.Pings), 1)
	s.same("flips", revs(quiet), []int64{1, 2})
	s.same("before everything", revs(s.around(c, at(-time.Hour))), []int64{1})
	s.same("after everything", revs(s.around(c, at(time.Hour))), []int64{3})
}

func aroundPause(s *site) {
	c := s.addCheck(s.project, "nightly")
	ctx := store.By(s.ctx, account.Actor{Kind: account.ByPerson, ID: 1, Name: "ines@example.org", At: at(0)})
	_, err := s.Transitions(ctx, []store.Step{step(c, func(c monitor.Check) monitor.Change { return c.Pause(at(time.Second)) })})
	s.ok(err)
	want := []monitor.Act{{At: at(0), By: "ines@example.org", Verb: "paused"}}
	s.same("in the minute", s.around(c, at(0)).Acts, want)
	s.same("days after", s.around(c, at(72*time.Hour)).Acts, want)
	s.same("before", len(s.around(c, at(-time.Hour)).Acts), 0)
}

func latencies(s *site) {
	read := func(since time.Time) monitor.Latencies {
		s.Helper()
		l, err := s.Latencies(s.ctx, s.project.ID, since)
		s.ok(err)
		return l
	}
	s.same("without anything", read(at(-time.Hour)), monitor.Latencies{})
	hook, dead := s.addChannel(s.project, "hook"), s.addChannel(s.project, "dead")
	c := s.addCheck(s.project, "nightly", hook, dead)
	s.apply(
		step(c, receive(ping(monitor.Success, at(0)))),                                         // noticed at once
		step(c, expire(at(7*time.Minute+300*time.Second))),                                     // five minutes after the deadline
		step(c, func(c monitor.Check) monitor.Change { return c.Pause(at(13 * time.Minute)) }), // a person's doing
	)
	l := read(at(-time.Hour))
	s.same("detection", l.Detection, monitor.Spread{Count: 2, P50: 0, P90: 5 * time.Minute, P99: 5 * time.Minute, Max: 5 * time.Minute})
	s.same("waiting", []int{l.Waiting, l.Dead, l.Delivery.Count}, []int{2, 0, 0})

	judged := at(12 * time.Minute)
	for _, d := range s.lease(judged) {
		if d.Channel.ID == dead.ID {
			s.settle(d.Delivery, monitor.Result{Verdict: monitor.Refuse}, judged)
			continue
		}
		s.settle(d.Delivery, monitor.Result{Verdict: monitor.Done}, judged.Add(2*time.Second))
		s.ok(s.ReplayDelivery(s.ctx, s.project.ID, d.Delivery.ID, at(time.Hour))) // its first success counts
	}
	l = read(at(-time.Hour))
	s.same("waiting", []int{l.Waiting, l.Dead}, []int{0, 1})
	s.same("delivery", l.Delivery.Count, 1)
	if l.Delivery.Max < 0 || l.Delivery.Max > 10*time.Second {
		s.Errorf("took %v", l.Delivery.Max)
	}
	s.same("later on", read(at(24*time.Hour)), monitor.Latencies{})
	other, err := s.Latencies(s.ctx, s.addProject("Other").ID, at(-time.Hour))
	s.ok(err)
	s.same("of another project", other, monitor.Latencies{})
}

func decisionsTrimmed(s *site) {
	loud := s.addCheck(s.project, "loud", s.addChannel(s.project, "hook"))
	quiet := s.addCheck(s.project, "quiet")
	for _, c := range []monitor.Check{loud, quiet} {
		s.apply(
			step(c, receive(ping(monitor.Success, at(0)))),
			step(c, receive(ping(monitor.Success, at(8*time.Minute)))), // late, but in time
			step(c, receive(ping(monitor.Fail, at(9*time.Minute)))),
			step(c, receive(ping(monitor.Success, at(10*time.Minute)))),
		)
	}
	keep := all()
	keep.Flips = at(time.Hour)
	s.trim(keep)
	s.same("a flip that is owed keeps its record", len(s.decisions(loud)), len(s.flips(loud)))
	s.same("the newest flip keeps its record", len(s.decisions(quiet)), 1)

	strict := newCheck(s.project, "strict")
	strict.PostOnly = true
	strict, err := s.CreateCheck(s.ctx, strict, nil)
	s.ok(err)
	for i := range 5 {
		s.apply(step(strict, receive(ping(monitor.Success, at(time.Duration(i)*time.Second)))))
	}
	s.same("ignored pings", len(s.decisions(strict)), 5)
	keep = all()
	keep.Pings = 2
	s.trim(keep)
	s.same("ignored pings that are kept", len(s.decisions(strict)), 2)
}

// voice says times so that they can be read in a failure.
type voice struct{}

func (voice) At(t time.Time) string          { return t.Format("15:04") }
func (voice) AtSecond(t time.Time) string    { return t.Format("15:04:05") }
func (voice) Lasting(d time.Duration) string { return d.String() }
func explain(a monitor.Around, from time.Time) monitor.Explanation {
	return monitor.Explain(a, from, from.Add(time.Minute), at(10_000*time.Hour), voice{})
}

// explained lets much happen to checks and asks about every flip: of one that is told
// the fate of the message to each channel that it told then is named, of any other
// the rule by which nobody was.
func explained(s *site) {
	trials, violations := 0, 0
	wrong := func(format string, args ...any) {
		violations++
		s.Errorf(format, args...)
	}
	for seed := range prove.Scale(6, 300) {
		h := newHistory(s, uint64(seed))
		for range 40 {
			h.happen()
		}
		for rev, told := range h.told {
			trials++
			flip := h.flips[rev]
			e := explain(s.around(h.check, flip.Judged.Truncate(time.Minute)), flip.Judged.Truncate(time.Minute))
			var fates []monitor.ChannelID
			for _, f := range e.Fates {
				if f.Rev == rev && f.Channel != 0 {
					fates = append(fates, f.Channel)
				}
			}
			slices.Sort(fates)
			if !slices.Equal(fates, told) {
				wrong("seed %d, rev %d was owed to %v, explained are %v: %+v", seed, rev, told, fates, e)
			}
			if len(told) == 0 && !silenced(e) {
				wrong("seed %d, rev %d: no suppression is named: %+v", seed, rev, e)
			}
			if e.Answer == "" || len(e.Statements) == 0 {
				wrong("seed %d, rev %d: nothing is said: %+v", seed, rev, e)
			}
		}
		for _, minute := range []time.Duration{-100 * time.Hour, 9_999 * time.Hour, 20_000 * time.Hour, time.Duration(h.rand.IntN(300)) * time.Minute} {
			trials++
			if e := explain(s.around(h.check, at(minute)), at(minute)); e.Answer == "" {
				wrong("seed %d, %v: nothing is said", seed, minute)
			}
		}
	}
	prove.Report(s.T, "EXPLAIN: every message and every silence about a check is explained", trials, violations)
}

func silenced(e monitor.Explanation) bool {
	return slices.ContainsFunc(e.Statements, func(st monitor.Statement) bool { return len(st.Suppressed) > 0 })
}

// history is a check to which things happen, and what is to be explained of them.
type history struct {
	*site
	rand     *rand.Rand
	check    monitor.Check
	now      time.Time
	channels []monitor.Channel
	assigned []monitor.ChannelID
	flips    map[int64]monitor.Flip
	told     map[int64][]monitor.ChannelID // by rev; none for a flip that is not told
}

func newHistory(s *site, seed uint64) *history {
	h := &history{site: s, rand: rand.New(rand.NewPCG(seed, 1)), now: at(0), flips: map[int64]monitor.Flip{}, told: map[int64][]monitor.ChannelID{}}
	for i := range 3 {
		c := s.addChannel(s.project, fmt.Sprintf("%d of %d", i, seed))
		if i == 2 {
			c.Disabled = "410 twice"
			s.ok(s.EditChannel(s.ctx, c))
		}
		h.channels = append(h.channels, c)
	}
	h.check = s.addCheck(s.project, fmt.Sprintf("job-%d", seed))
	return h
}

// happen lets one thing happen, sometimes after it was chosen anew who is told.
func (h *history) happen() {
	h.now = h.now.Add(time.Duration(h.rand.IntN(600)+61) * time.Second)
	st := step(h.check, h.rule())
	if h.rand.IntN(4) == 0 {
		h.assigned = nil
		for _, c := range h.channels {
			if h.rand.IntN(2) == 0 {
				h.assigned = append(h.assigned, c.ID)
			}
		}
		st.Assign = &h.assigned
	}
	change := h.apply(st)[0].Change
	if f := change.Flip; f != nil {
		h.flips[f.Rev], h.told[f.Rev] = *f, nil
		switch {
		case f.Tell && f.Facts.Corrects > 0:
			for _, d := range h.decisionsOf(f.Facts.Corrects) {
				h.told[f.Rev] = append(h.told[f.Rev], d...)
			}
		case f.Tell:
			h.told[f.Rev] = slices.Clone(h.assigned)
		}
	}
}

// decisionsOf is who was owed the message about an earlier flip.
func (h *history) decisionsOf(rev int64) [][]monitor.ChannelID {
	owed := slices.DeleteFunc(slices.Clone(h.told[rev]), func(id monitor.ChannelID) bool { return id == h.channels[2].ID })
	return [][]monitor.ChannelID{owed}
}

func (h *history) rule() func(monitor.Check) monitor.Change {
	now := h.now
	p := ping([]monitor.Signal{monitor.Success, monitor.Fail, monitor.Start, monitor.Log}[h.rand.IntN(4)], now)
	switch h.rand.IntN(8) {
	case 0:
		return func(c monitor.Check) monitor.Change { return c.Pause(now) }
	case 1:
		return func(c monitor.Check) monitor.Change {
			change, err := c.Resume(now)
			if err != nil {
				return monitor.Change{Check: c, Unchanged: true}
			}
			return change
		}
	case 2:
		return func(c monitor.Check) monitor.Change {
			return c.Overlook(monitor.Blind{From: now.Add(-3 * time.Minute), To: now})
		}
	case 3:
		p.Signal, p.Age = monitor.Success, 20*time.Minute
		return receive(p.Dated(now))
	case 4, 5:
		return expire(now)
	}
	return receive(p)
}
