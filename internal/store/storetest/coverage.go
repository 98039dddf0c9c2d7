package storetest

import (
	"time"

	"rollcall/internal/monitor"
)

var coverageTests = []test{
	{"coverage is the newest mark of any node", coverage},
	{"a blind interval is one however often it is seen", blinds},
}

func coverage(s *site) {
	covered := func(want time.Time) {
		s.Helper()
		got, err := s.LastCovered(s.ctx)
		s.ok(err)
		s.same("covered", got, want)
	}
	covered(time.Time{})
	s.ok(s.Cover(s.ctx, "a", at(1*time.Second)))
	covered(at(1 * time.Second))
	s.ok(s.Cover(s.ctx, "b", at(3*time.Second)))
	s.ok(s.Cover(s.ctx, "a", at(2*time.Second)))
	covered(at(3 * time.Second))
	s.ok(s.Cover(s.ctx, "a", at(4*time.Second)))
	covered(at(4 * time.Second))
	s.ok(s.Cover(s.ctx, "a", at(1*time.Second))) // a clock that was set back
	covered(at(4 * time.Second))
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
	list(at(0), 10)
	s.ok(s.AddBlind(s.ctx, first))
	s.ok(s.AddBlind(s.ctx, second))
	s.ok(s.AddBlind(s.ctx, first))
	list(at(0), 10, second, first)
	list(at(0), 1, second)
	list(at(2*time.Minute), 10, second)

	// Seen again after a restart, it has lasted longer; it never lasts shorter.
	longer := monitor.Blind{From: first.From, To: at(3 * time.Minute), Cause: first.Cause}
	s.ok(s.AddBlind(s.ctx, longer))
	s.ok(s.AddBlind(s.ctx, first))
	list(at(0), 10, second, longer)
}
