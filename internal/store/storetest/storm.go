package storetest

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var stormTests = []test{
	{"a storm is told in a digest after its first messages", stormGathered},
	{"a quiet channel is no storm", noStorm},
	{"down goes before its up by way of a digest", digestKeepsOrder},
	{"a digest does not overtake what is tried singly", digestWaitsForSingles},
	{"each change is told once when several gather", gatherRace},
	{"a digest keeps its content", digestKeeps},
	{"what no channel took is known", untold},
}

// storm takes n checks of a channel down at one time.
func (s *site) storm(n int, when time.Time, channel monitor.Channel) []monitor.Check {
	s.Helper()
	checks, steps := make([]monitor.Check, n), make([]store.Step, n)
	for i := range checks {
		checks[i] = s.addCheck(s.project, fmt.Sprintf("storm-%d-%03d", when.Unix(), i), channel)
		steps[i] = step(checks[i], tell(monitor.Down, when))
	}
	for i, r := range s.apply(steps...) {
		checks[i] = r.Change.Check
	}
	return checks
}

// gather asks for the storms and lets each be gathered until there is no more.
func (s *site) gather(now time.Time) {
	s.Helper()
	storms, err := s.Storms(s.ctx, now)
	s.ok(err)
	for _, id := range storms {
		for more := true; more; {
			more, err = s.Gather(s.ctx, id, now)
			s.ok(err)
		}
	}
}

// states counts the deliveries of the project by kind and state.
func (s *site) states() map[string]int {
	s.Helper()
	list, err := s.Deliveries(s.ctx, store.DeliveryQuery{Project: s.project.ID, Limit: 20_000})
	s.ok(err)
	count := map[string]int{}
	for _, d := range list {
		count[fmt.Sprint(d.Kind, " ", d.State)]++
	}
	return count
}

func stormGathered(s *site) {
	hook := s.addChannel(s.project, "hook")
	checks := s.storm(30, at(0), hook)
	s.gather(at(0))
	singles := s.lease(at(0))
	s.same("told singly", len(singles), monitor.StormAfter)
	next, err := s.NextDelivery(s.ctx)
	s.ok(err)
	s.same("the digest's time", next, at(monitor.StormWait))
	for _, d := range singles {
		s.settle(d.Delivery, monitor.Result{Verdict: monitor.Done}, at(time.Second))
	}
	s.gather(at(9 * time.Second))
	s.same("leased before the digest's time", len(s.lease(at(9*time.Second))), 0)

	s.gather(at(monitor.StormWait))
	s.gather(at(monitor.StormWait)) // forms nothing new
	s.same("states", s.states(), map[string]int{"flip sent": 20, "flip merged": 10, "digest pending": 1})
	got := s.lease(at(monitor.StormWait))
	if len(got) != 1 || got[0].Roundup == nil {
		s.Fatalf("leased %+v, want the digest", got)
	}
	digest := *got[0].Roundup
	s.same("sum", []any{digest.Down, digest.Up, digest.From, digest.To, len(digest.Changes)}, []any{10, 0, at(0), at(0), 10})
	s.same("first change", digest.Changes[0], monitor.Turn{
		Page: monitor.PageKey(checks[20].UUID), Name: checks[20].Title(),
		Old: monitor.New, New: monitor.Down, Reason: monitor.Failed, At: at(0), Rev: 1,
	})
	id := got[0].Delivery.ID
	told, err := s.Deliveries(s.ctx, store.DeliveryQuery{Project: s.project.ID, Digest: id, Limit: 100})
	s.ok(err)
	s.same("listed by digest", len(told), 10)
	for _, d := range told {
		s.same("told", []any{d.State, d.Delivery.Digest, d.NextAt, d.Ended, d.Attempts}, []any{monitor.Merged, id, time.Time{}, at(monitor.StormWait), 0})
	}
	row, err := s.Deliveries(s.ctx, store.DeliveryQuery{Project: s.project.ID, ID: id, Limit: 1})
	s.ok(err)
	s.same("sum in the list", []int{row[0].DigestDown, row[0].DigestUp}, []int{10, 0})

	// What comes within the pause waits for the next one.
	s.storm(3, at(20*time.Second), hook)
	s.gather(at(20 * time.Second))
	next, err = s.NextDelivery(s.ctx)
	s.ok(err)
	s.same("the next digest's time", next, at(monitor.StormWait+monitor.StormPause))
}

func noStorm(s *site) {
	hook := s.addChannel(s.project, "hook")
	s.storm(monitor.StormAfter, at(0), hook)
	s.storm(1, at(monitor.StormSpan), hook)
	s.gather(at(time.Hour))
	s.same("told singly", len(s.lease(at(time.Hour))), monitor.StormAfter+1)
}

func digestKeepsOrder(s *site) {
	hook := s.addChannel(s.project, "hook")
	checks := s.storm(22, at(0), hook)
	for _, d := range s.lease(at(0)) {
		s.settle(d.Delivery, monitor.Result{Verdict: monitor.Done}, at(0))
	}
	s.gather(at(monitor.StormWait))
	digest := s.leaseOne(at(monitor.StormWait))
	failed := s.settle(digest, monitor.Result{Verdict: monitor.Retry}, at(monitor.StormWait))

	// The storm is over, but what the digest tells is not told yet.
	later := at(monitor.StormSpan)
	s.apply(step(checks[21], tell(monitor.Up, later)))
	again := s.lease(later)
	if len(again) != 1 || again[0].Delivery.ID != failed.ID {
		s.Fatalf("leased %+v, want the digest alone", again)
	}
	s.settle(again[0].Delivery, monitor.Result{Verdict: monitor.Done}, later)
	if up := s.lease(later); len(up) != 1 || up[0].Flip == nil || up[0].Flip.New != monitor.Up {
		s.Fatalf("leased %+v, want the up", up)
	}
}

func digestWaitsForSingles(s *site) {
	hook := s.addChannel(s.project, "hook")
	checks := s.storm(25, at(0), hook)
	singles := s.lease(at(0))
	// The first is still being told when it comes up again, and so does one of the storm.
	s.apply(step(checks[0], tell(monitor.Up, at(time.Second))), step(checks[24], tell(monitor.Up, at(time.Second))))
	s.gather(at(monitor.StormWait))
	s.same("states", s.states(), map[string]int{"flip sending": 20, "flip merged": 6, "flip pending": 1, "digest pending": 1})
	for _, d := range singles {
		s.settle(d.Delivery, monitor.Result{Verdict: monitor.Done}, at(15*time.Second))
	}
	s.settle(s.leaseOne(at(15*time.Second)), monitor.Result{Verdict: monitor.Done}, at(15*time.Second))
	s.gather(at(2 * time.Minute))
	got := s.lease(at(2 * time.Minute))
	if len(got) != 1 || got[0].Roundup == nil || got[0].Roundup.Up != 1 || got[0].Roundup.Changes[0].Name != checks[0].Title() {
		s.Fatalf("leased %+v, want a digest of the up", got)
	}
}

func gatherRace(s *site) {
	hook := s.addChannel(s.project, "hook")
	s.storm(60, at(0), hook)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			// Of several at the same time all but one may find nothing to do.
			_, err := s.Gather(s.ctx, hook.ID, at(time.Minute))
			s.ok(err)
		})
	}
	group.Wait()
	s.same("states", s.states(), map[string]int{"flip pending": 20, "flip merged": 40, "digest pending": 1})
}

func digestKeeps(s *site) {
	hook := s.addChannel(s.project, "hook")
	checks := s.storm(24, at(0), hook)
	for _, d := range s.lease(at(0)) {
		s.settle(d.Delivery, monitor.Result{Verdict: monitor.Done}, at(0))
	}
	s.engine.Exec(s.T, s.Store, fmt.Sprintf("UPDATE flips SET facts = 'no JSON' WHERE check_id = %d", checks[22].ID))
	s.gather(at(time.Minute))
	s.engine.Exec(s.T, s.Store, fmt.Sprintf("UPDATE flips SET facts = '{}' WHERE check_id = %d", checks[22].ID))
	first := s.lease(at(time.Minute))[0]
	s.same("name of one that cannot be read", first.Roundup.Changes[2].Name, checks[22].Name)
	s.ok(s.DeleteCheck(s.ctx, s.project.ID, checks[23].ID))
	dead := s.settle(first.Delivery, monitor.Result{Verdict: monitor.Refuse}, at(time.Minute))
	s.ok(s.ReplayDelivery(s.ctx, s.project.ID, dead.ID, at(time.Hour)))
	again := s.lease(at(time.Hour))[0]
	s.same("content", again.Roundup, first.Roundup)

	told, err := s.Deliveries(s.ctx, store.DeliveryQuery{Project: s.project.ID, Digest: dead.ID, Limit: 1})
	s.ok(err)
	err = s.ReplayDelivery(s.ctx, s.project.ID, told[0].ID, at(time.Hour))
	s.fails(err, fault.Conflict)
	if words, _ := fault.Words(err); !strings.Contains(fmt.Sprint(words), fmt.Sprint(dead.ID)) {
		s.Errorf("the refusal %q does not name the digest %d", words, dead.ID)
	}
}

func untold(s *site) {
	is := func(what string, now time.Time, want ...monitor.Untold) {
		s.Helper()
		got, err := s.Untold(s.ctx, s.project.ID, now)
		s.ok(err)
		s.same(what, got, append([]monitor.Untold{}, want...))
	}
	a, b := s.addChannel(s.project, "a"), s.addChannel(s.project, "b")
	s.owe("nightly", at(0), a, b)
	later := monitor.UntoldAfter
	is("too soon", at(later-time.Second))
	is("in time", at(later), monitor.Untold{Project: s.project.ID, Name: s.project.Name, Checks: 1, Since: at(0), Latest: at(0)})
	is("a day later", at(monitor.UntoldSpan))
	leased := s.lease(at(0))
	s.settle(leased[0].Delivery, monitor.Result{Verdict: monitor.Refuse}, at(0))
	is("one is dead", at(later), monitor.Untold{Project: s.project.ID, Name: s.project.Name, Checks: 1, Since: at(0), Latest: at(0)})
	s.settle(leased[1].Delivery, monitor.Result{Verdict: monitor.Done}, at(0))
	is("the other took it", at(later))

	c := s.addChannel(s.project, "c")
	s.storm(22, at(time.Hour), c)
	for _, d := range s.lease(at(time.Hour)) {
		s.settle(d.Delivery, monitor.Result{Verdict: monitor.Done}, at(time.Hour))
	}
	s.gather(at(time.Hour + time.Minute))
	got, err := s.Untold(s.ctx, 0, at(time.Hour+later))
	s.ok(err)
	s.same("checks of an untold digest", got[0].Checks, 2)
	s.settle(s.leaseOne(at(time.Hour+time.Minute)), monitor.Result{Verdict: monitor.Done}, at(time.Hour+time.Minute))
	is("told by the digest", at(time.Hour+later))
}
