package storetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var checkTests = []test{
	{"a check is found in its project alone", checkScoped},
	{"a slug is unique in its project, a uuid everywhere", checkUnique},
	{"a check tells channels of its own project", checkChannelsScoped},
	{"checks are listed by name", checksByName},
	{"deleting a check takes all of it along", checkDeleted},
	{"pings are listed by page with excerpts", pingsListed},
	{"flips are listed by page", flipsListed},
	{"recent runs are ends that counted", recentRuns},
}

func checkScoped(s *site) {
	c := s.addCheck(s.project, "nightly")
	other := s.addProject("Other")
	s.same("check", s.load(c), c)
	_, err := s.Check(s.ctx, other.ID, c.UUID)
	s.fails(err, fault.NotFound)
	_, err = s.Check(s.ctx, s.project.ID, uuid.New())
	s.fails(err, fault.NotFound)
	s.fails(s.DeleteCheck(s.ctx, other.ID, c.ID), fault.NotFound)
	s.same("check", s.load(c), c)
	list, err := s.Checks(s.ctx, other.ID, 10)
	s.ok(err)
	s.same("checks of the other project", len(list), 0)
}

func checkUnique(s *site) {
	c := s.addCheck(s.project, "nightly")
	other := s.addProject("Other")
	s.addCheck(other, "nightly")
	_, err := s.CreateCheck(s.ctx, newCheck(s.project, "nightly"), nil)
	s.fails(err, fault.Conflict)
	twin := newCheck(other, "twin")
	twin.UUID = c.UUID
	_, err = s.CreateCheck(s.ctx, twin, nil)
	s.fails(err, fault.Conflict)
	s.addCheck(s.project, "") // no slug is no name that could be taken
	s.addCheck(s.project, "")
	list, err := s.Checks(s.ctx, s.project.ID, 10)
	s.ok(err)
	s.same("checks", len(list), 3)
}

func checkChannelsScoped(s *site) {
	channel := s.addChannel(s.project, "mail")
	theirs := s.addChannel(s.addProject("Other"), "theirs")
	_, err := s.CreateCheck(s.ctx, newCheck(s.project, "nightly"), idsOf([]monitor.Channel{channel, theirs}))
	s.fails(err, fault.NotFound)
	list, err := s.Checks(s.ctx, s.project.ID, 10)
	s.ok(err)
	s.same("checks", len(list), 0)
	c := s.addCheck(s.project, "nightly", channel)
	s.same("channels", s.assigned(c), []monitor.ChannelID{channel.ID})
}

func checksByName(s *site) {
	for _, name := range []string{"banana", "Äpfel", "apple", "Banana", "cherry"} {
		c := newCheck(s.project, "")
		c.Name = name
		_, err := s.CreateCheck(s.ctx, c, nil)
		s.ok(err)
	}
	list, err := s.Checks(s.ctx, s.project.ID, 10)
	s.ok(err)
	var names []string
	for _, c := range list {
		names = append(names, c.Name)
	}
	s.same("names", names, []string{"apple", "Banana", "banana", "cherry", "Äpfel"})
	list, err = s.Checks(s.ctx, s.project.ID, 3)
	s.ok(err)
	s.same("limited", len(list), 3)
}

func checkDeleted(s *site) {
	channel := s.addChannel(s.project, "hook")
	c := s.owe("nightly", at(0), channel)
	s.apply(step(c, receive(ping(monitor.Success, at(time.Second)))))
	leased := s.leaseOne(at(0))
	s.ok(s.DeleteCheck(s.ctx, s.project.ID, c.ID))

	_, err := s.Check(s.ctx, s.project.ID, c.UUID)
	s.fails(err, fault.NotFound)
	s.same("pings", len(s.pings(c)), 0)
	s.same("flips", len(s.flips(c)), 0)
	s.same("deliveries", len(s.deliveries()), 0)
	s.same("channels", len(s.assigned(c)), 0)
	s.fails(s.DeleteCheck(s.ctx, s.project.ID, c.ID), fault.NotFound)

	// An alerter that had leased its delivery finds that it is gone.
	after, _ := leased.Settle(monitor.Result{Verdict: monitor.Done}, at(0))
	s.fails(s.RecordAttempt(s.ctx, attemptOf(after, at(0)), after, ""), fault.Conflict)
	_, err = s.Channel(s.ctx, s.project.ID, channel.ID)
	s.ok(err)
}

func pingsListed(s *site) {
	c := s.addCheck(s.project, "nightly")
	long := []byte(strings.Repeat("0123456789", store.ExcerptSize/10) + "beyond")
	var sent []monitor.Ping // the newest first
	for i := range 5 {
		p := ping(monitor.Success, at(time.Duration(i)*time.Second))
		p.Body, p.BodySize = long, 70_000
		sent = append([]monitor.Ping{*s.apply(step(c, receive(p)))[0].Change.Ping}, sent...)
	}
	whole, err := s.Ping(s.ctx, c.ID, 2)
	s.ok(err)
	s.same("one ping", whole, sent[3])
	for i := range sent {
		sent[i].Body = long[:store.ExcerptSize]
	}
	page := func(before int64, limit int, want []monitor.Ping) {
		s.Helper()
		got, err := s.Pings(s.ctx, c.ID, before, limit)
		s.ok(err)
		s.same("page", got, want)
	}
	page(0, 2, sent[:2])
	page(4, 2, sent[2:4])
	page(2, 2, sent[4:])
	page(1, 2, nil)
	page(0, 0, nil)

	_, err = s.Ping(s.ctx, c.ID, 6)
	s.fails(err, fault.NotFound)
	_, err = s.Ping(s.ctx, c.ID+1_000, 1)
	s.fails(err, fault.NotFound)
}

func flipsListed(s *site) {
	c := s.addCheck(s.project, "nightly")
	var made []monitor.Flip // the newest first
	for i := range 5 {
		flip := s.apply(step(c, tell([]monitor.Status{monitor.Down, monitor.Up}[i%2], at(time.Duration(i)*time.Second))))[0].Change.Flip
		made = append([]monitor.Flip{*flip}, made...)
	}
	page := func(before int64, limit int, want []monitor.Flip) {
		s.Helper()
		got, err := s.Flips(s.ctx, c.ID, before, limit)
		s.ok(err)
		s.same("page", got, want)
	}
	page(0, 2, made[:2])
	page(4, 2, made[2:4])
	page(2, 2, made[4:])
	page(1, 2, nil)
}

func recentRuns(s *site) {
	runs := func(each int, want map[monitor.CheckID][]store.RunEnd, checks ...monitor.CheckID) {
		s.Helper()
		got, err := s.RecentRuns(s.ctx, checks, each)
		s.ok(err)
		s.same("runs", got, want)
	}
	busy, quiet := s.addCheck(s.project, "busy"), s.addCheck(s.project, "quiet")
	silent := s.addCheck(s.project, "silent")
	config := busy.Config
	config.PostOnly = true
	s.apply(step(busy, receive(ping(monitor.Start, at(0)))))
	s.apply(step(busy, receive(ping(monitor.Success, at(0)))))
	s.apply(step(quiet, receive(ping(monitor.Fail, at(1*time.Second)))))
	s.apply(step(busy, receive(ping(monitor.Fail, at(2*time.Second)))))
	s.apply(step(busy, receive(ping(monitor.Log, at(3*time.Second)))))
	s.apply(step(busy, func(c monitor.Check) monitor.Change { return c.Reconfigure(config, at(3*time.Second)) }))
	s.apply(step(busy, receive(ping(monitor.Success, at(4*time.Second))))) // ignored: it is no POST

	zero := time.Duration(0)
	first := store.RunEnd{N: 2, At: at(0), Signal: monitor.Success, Duration: &zero}
	second := store.RunEnd{N: 3, At: at(2 * time.Second), Signal: monitor.Fail}
	other := store.RunEnd{N: 1, At: at(1 * time.Second), Signal: monitor.Fail}
	both := []monitor.CheckID{busy.ID, quiet.ID, silent.ID}
	runs(10, map[monitor.CheckID][]store.RunEnd{busy.ID: {first, second}, quiet.ID: {other}}, both...)
	runs(1, map[monitor.CheckID][]store.RunEnd{busy.ID: {second}, quiet.ID: {other}}, both...)
	runs(10, map[monitor.CheckID][]store.RunEnd{quiet.ID: {other}}, quiet.ID)
	runs(10, map[monitor.CheckID][]store.RunEnd{})

	for i := range 40 {
		p := ping(monitor.Log, at(time.Minute))
		p.RunID = fmt.Sprint(i)
		s.apply(step(quiet, receive(p)))
	}
	runs(5, map[monitor.CheckID][]store.RunEnd{busy.ID: {first, second}}, both...)
}
