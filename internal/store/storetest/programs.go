package storetest

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var programTests = []test{
	{"a check is found by its row", checkByRow},
	{"a check is deleted if it is still the same", deleteIf},
	{"assignments are the project's", assignments},
	{"a project is found by its badge", projectByBadge},
	{"an idempotency key is one request's", requests},
	{"20 requests with one key are one", manyRequests},
	{"answers to requests go after a day", trimRequests},
	{"of a step that is refused nothing is done", refusedStep},
}

func checkByRow(s *site) {
	c := s.addCheck(s.project, "nightly")
	got, err := s.CheckByID(s.ctx, c.ID)
	s.ok(err)
	s.same("check", got, c)
	_, err = s.CheckByID(s.ctx, c.ID+1_000)
	s.fails(err, fault.NotFound)
}

func deleteIf(s *site) {
	other := s.addProject("Other")
	c := s.addCheck(s.project, "nightly")
	s.apply(step(c, receive(ping(monitor.Success, at(time.Second)))))
	same := func(monitor.Check) error { return nil }
	s.fails(s.DeleteCheckIf(s.ctx, other.ID, c.ID, same), fault.NotFound)
	s.fails(s.DeleteCheckIf(s.ctx, s.project.ID, c.ID+1_000, same), fault.NotFound)

	err := s.DeleteCheckIf(s.ctx, s.project.ID, c.ID, func(now monitor.Check) error {
		s.same("n_pings", now.NPings, int64(1))
		return fault.Say(fault.Conflict, "changed")
	})
	s.fails(err, fault.Conflict)
	s.load(c) // it is still there

	var deleted atomic.Int64
	s.allOK(together(20, func(int) error {
		if err := s.DeleteCheckIf(s.ctx, s.project.ID, c.ID, same); err == nil {
			deleted.Add(1)
		}
		return nil
	}))
	s.same("times it was deleted", deleted.Load(), int64(1))
	_, err = s.Check(s.ctx, s.project.ID, c.UUID)
	s.fails(err, fault.NotFound)
}

func assignments(s *site) {
	a, b := s.addChannel(s.project, "a"), s.addChannel(s.project, "b")
	both, one := s.addCheck(s.project, "both", b, a), s.addCheck(s.project, "one", b)
	s.addCheck(s.project, "none")
	other := s.addProject("Other")
	s.addCheck(other, "theirs", s.addChannel(other, "c"))
	got, err := s.Assignments(s.ctx, s.project.ID)
	s.ok(err)
	s.same("assignments", got, map[monitor.CheckID][]monitor.ChannelID{both.ID: {a.ID, b.ID}, one.ID: {b.ID}})
}

func projectByBadge(s *site) {
	s.addProject("Other")
	got, err := s.ProjectByBadge(s.ctx, s.project.BadgeKey[:store.BadgeName])
	s.ok(err)
	s.same("project", got, asRead(s.project))
	for _, wrong := range []string{"", s.project.BadgeKey, s.project.BadgeKey[:store.BadgeName-1], strings.Repeat("x", store.BadgeName)} {
		_, err = s.ProjectByBadge(s.ctx, wrong)
		s.fails(err, fault.NotFound)
	}
}

func requests(s *site) {
	other := s.addProject("Other")
	code := 201
	begin := func(r store.Request, want *store.Request) {
		s.Helper()
		got, err := s.BeginRequest(s.ctx, r)
		s.ok(err)
		s.same("earlier request", got, want)
	}
	first := store.Request{Project: s.project.ID, Key: "k", Fingerprint: "f", Begun: at(0)}
	begin(first, nil)
	begin(store.Request{Project: other.ID, Key: "k", Fingerprint: "g", Begun: at(0)}, nil) // each project has its own keys
	second := first
	second.Fingerprint, second.Begun = "g", at(time.Second)
	begin(second, &first) // it is being answered
	s.fails(s.AnswerRequest(s.ctx, second), fault.NotFound)

	answered := first
	answered.Code, answered.Header, answered.Body = &code, `{"Content-Type":"application/json"}`, `{"name":"ä"}`
	s.ok(s.AnswerRequest(s.ctx, answered))
	begin(second, &answered)
	s.fails(s.AnswerRequest(s.ctx, answered), fault.NotFound) // the first answer stays
	s.ok(s.DropRequest(s.ctx, answered))
	begin(second, &answered) // and is not dropped

	second.Begun = at(store.RequestLife - time.Microsecond)
	begin(second, &answered)
	second.Begun = at(store.RequestLife)
	begin(second, nil) // the claim has ended
	s.ok(s.DropRequest(s.ctx, first))
	begin(store.Request{Project: s.project.ID, Key: "k", Begun: second.Begun.Add(time.Second)}, &second) // which the first cannot give back
	s.ok(s.DropRequest(s.ctx, second))

	third := second
	third.Begun = second.Begun.Add(time.Second)
	begin(third, nil) // it was given back
	fourth := third
	fourth.Begun = third.Begun.Add(store.RequestTime)
	begin(fourth, nil) // who began it has died
	third.Code = &code
	s.fails(s.AnswerRequest(s.ctx, third), fault.NotFound) // or only seemed to
}

func manyRequests(s *site) {
	var mine atomic.Int64
	s.allOK(together(20, func(i int) error {
		earlier, err := s.BeginRequest(s.ctx, store.Request{Project: s.project.ID, Key: "k", Fingerprint: fmt.Sprint(i), Begun: at(time.Duration(i))})
		if earlier == nil {
			mine.Add(1)
		}
		return err
	}))
	s.same("requests that got the key", mine.Load(), int64(1))
}

func trimRequests(s *site) {
	code := 200
	for i := range 3 {
		r := store.Request{Project: s.project.ID, Key: fmt.Sprint("k", i), Fingerprint: "f", Begun: at(time.Duration(i) * time.Second)}
		_, err := s.BeginRequest(s.ctx, r)
		s.ok(err)
		r.Code = &code
		s.ok(s.AnswerRequest(s.ctx, r))
	}
	keep := all()
	keep.Expired = at(time.Second + store.RequestLife)
	s.trim(keep)
	for i, left := range []bool{false, true, true} {
		earlier, err := s.BeginRequest(s.ctx, store.Request{Project: s.project.ID, Key: fmt.Sprint("k", i), Fingerprint: "f", Begun: at(3 * time.Second)})
		s.ok(err)
		s.same(fmt.Sprintf("answer %d is kept", i), earlier != nil, left)
	}
}

func refusedStep(s *site) {
	channel := s.addChannel(s.project, "a")
	c, d := s.addCheck(s.project, "nightly", channel), s.addCheck(s.project, "hourly")
	none, all := []monitor.ChannelID{}, idsOf([]monitor.Channel{channel})
	refuse := func(when bool) func(monitor.Check) error {
		return func(monitor.Check) error {
			if when {
				return fault.Say(fault.Conflict, "changed")
			}
			return nil
		}
	}
	results, err := s.Transitions(s.ctx, []store.Step{
		{Ref: store.Ref{ID: c.ID}, Refuse: refuse(true), Decide: receive(ping(monitor.Success, at(0))), Assign: &none},
		{Ref: store.Ref{ID: d.ID}, Refuse: refuse(false), Decide: receive(ping(monitor.Success, at(0))), Assign: &all},
	})
	s.ok(err)
	s.fails(results[0].Err, fault.Conflict)
	s.ok(results[1].Err)
	s.same("the check that was refused", s.load(c), c)
	s.same("its channels", s.assigned(c), all)
	s.same("pings of the other", s.load(d).NPings, int64(1))
	s.same("channels of the other", s.assigned(d), all)
}
