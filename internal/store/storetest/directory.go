package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var directoryTests = []test{
	{"a token names its check", tokenNamesCheck},
	{"a token belongs to one check", tokenTaken},
	{"a token goes with its check", tokenGoes},
	{"of a deleted check it is known that there was one", deletedIsGone},
	{"of a rotated address it is known when it has ended", rotatedIsGone},
	{"the ping key is found by every name of a check", pingKeyFound},
	{"what was reported is known by run and signal", reportedKnown},
	{"many that look for the same check make one", findOrCreateOnce},
	{"of several that are the same the oldest is found", findsOldest},
	{"a correction is owed to those who were alarmed", correctionOwed},
}

func tokenNamesCheck(s *site) {
	kuma, snitch := monitor.Token{Dialect: "kuma", Text: "aB3dE5fG7h"}, monitor.Token{Dialect: "deadmanssnitch", Text: "c2354d53d2"}
	c, err := s.CreateCheck(s.ctx, newCheck(s.project, "nightly"), nil, kuma)
	s.ok(err)
	s.ok(s.AddToken(s.ctx, c.ID, snitch))
	for _, token := range []monitor.Token{kuma, snitch} {
		dialect, id, err := s.TokenOwner(s.ctx, token.Text)
		s.ok(err)
		s.same("owner", fmt.Sprint(dialect, id), fmt.Sprint(token.Dialect, c.ID))
	}
	_, _, err = s.TokenOwner(s.ctx, "AB3DE5FG7H")
	s.fails(err, fault.NotFound)
	tokens, err := s.Tokens(s.ctx, c.ID)
	s.ok(err)
	s.same("tokens", len(tokens), 2)
}

func tokenTaken(s *site) {
	token := monitor.Token{Dialect: "kuma", Text: "taken-12345"}
	c, err := s.CreateCheck(s.ctx, newCheck(s.project, "first"), nil, token)
	s.ok(err)
	_, err = s.CreateCheck(s.ctx, newCheck(s.project, "second"), nil, token)
	s.fails(err, fault.Conflict)
	s.fails(s.AddToken(s.ctx, c.ID, token), fault.Conflict)
	list, err := s.Checks(s.ctx, s.project.ID, 10)
	s.ok(err)
	s.same("checks", len(list), 1)
}

func tokenGoes(s *site) {
	c, err := s.CreateCheck(s.ctx, newCheck(s.project, "nightly"), nil, monitor.Token{Dialect: "kuma", Text: "gone-123456"})
	s.ok(err)
	s.ok(s.DeleteCheck(s.ctx, s.project.ID, c.ID))
	_, _, err = s.TokenOwner(s.ctx, "gone-123456")
	s.fails(err, fault.NotFound)
}

// gone compares what is known of the addresses of checks that are not there.
func (s *site) gone(want bool, ids ...uuid.UUID) {
	s.Helper()
	for _, id := range ids {
		got, err := s.Gone(s.ctx, id)
		s.ok(err)
		s.same(fmt.Sprint("gone ", id), got, want)
	}
}

func deletedIsGone(s *site) {
	user := s.addUser()
	projects := []account.Project{s.addProject("Deleted"), s.addProject("Of the account")}
	s.projects = s.projects[:len(s.projects)-2] // they end here
	s.ok(s.SetMember(s.ctx, projects[1].ID, user.ID, account.Owner))
	s.ok(s.RemoveMember(s.ctx, projects[1].ID, s.user.ID))

	one, two := s.addCheck(s.project, "one"), s.addCheck(s.project, "two")
	three, four := s.addCheck(projects[0], "three"), s.addCheck(projects[1], "four")
	to := uuid.New()
	s.ok(s.RotateCheck(s.ctx, s.project.ID, one.ID, to, at(0), at(time.Hour)))
	every := []uuid.UUID{one.UUID, to, two.UUID, three.UUID, four.UUID}
	s.gone(false, append(every, uuid.New())...)

	s.fails(s.DeleteCheck(s.ctx, projects[0].ID, one.ID), fault.NotFound)
	s.fails(s.DeleteCheckIf(s.ctx, s.project.ID, two.ID, func(monitor.Check) error { return fault.Conflict }), fault.Conflict)
	s.gone(false, every...)
	s.ok(s.DeleteCheck(s.ctx, s.project.ID, one.ID))
	s.ok(s.DeleteCheckIf(s.ctx, s.project.ID, two.ID, func(monitor.Check) error { return nil }))
	s.ok(s.DeleteProject(s.ctx, projects[0].ID))
	s.ok(s.DeleteAccount(s.ctx, user.ID))
	s.gone(true, every...)

	again := newCheck(s.project, "again") // a provision file may bring a UUID back, and leave it out again
	again.UUID = two.UUID
	again, err := s.CreateCheck(s.ctx, again, nil)
	s.ok(err)
	s.ok(s.Known(s.ctx, store.Ref{UUID: two.UUID}))
	s.ok(s.DeleteCheck(s.ctx, s.project.ID, again.ID))
	s.gone(true, two.UUID)
}

func rotatedIsGone(s *site) {
	c, to := s.addCheck(s.project, "nightly"), uuid.New()
	s.ok(s.RotateCheck(s.ctx, s.project.ID, c.ID, to, at(0), at(time.Hour)))
	s.gone(false, c.UUID, to)
	keep := all()
	keep.Expired = at(time.Hour)
	s.trim(keep)
	s.gone(true, c.UUID)
	s.gone(false, to)
}

func pingKeyFound(s *site) {
	c := s.addCheck(s.project, "nightly")
	for _, ref := range []store.Ref{{ID: c.ID}, {UUID: c.UUID}, {PingKey: s.project.PingKey, Slug: "nightly"}} {
		s.ok(s.Known(s.ctx, ref))
	}
	s.fails(s.Known(s.ctx, store.Ref{PingKey: s.project.PingKey, Slug: "weekly"}), fault.NotFound)
}

func reportedKnown(s *site) {
	c := s.addCheck(s.project, "nightly")
	p := ping(monitor.Success, at(time.Minute))
	p.RunID = "run-1"
	s.apply(step(c, receive(p)))
	for _, q := range []struct {
		ref    store.Ref
		run    string
		signal monitor.Signal
		want   bool
	}{
		{store.Ref{UUID: c.UUID}, "run-1", monitor.Success, true},
		{store.Ref{PingKey: s.project.PingKey, Slug: "nightly"}, "run-1", monitor.Success, true},
		{store.Ref{UUID: c.UUID}, "run-1", monitor.Start, false},
		{store.Ref{UUID: c.UUID}, "run-2", monitor.Success, false},
		{store.Ref{PingKey: s.project.PingKey, Slug: "weekly"}, "run-1", monitor.Success, false},
	} {
		got, err := s.Reported(s.ctx, q.ref, q.run, q.signal)
		s.ok(err)
		s.same(fmt.Sprint(q), got, q.want)
	}
}

func findOrCreateOnce(s *site) {
	const many = 20
	channel := s.addChannel(s.project, "mail")
	var wg sync.WaitGroup
	made := make([]bool, many)
	ids := make([]monitor.CheckID, many)
	errs := make([]error, many)
	for i := range many {
		wg.Go(func() {
			want := newCheck(s.project, "")
			want.Name = "Nightly"
			var c monitor.Check
			c, made[i], errs[i] = s.FindOrCreateCheck(s.ctx, want,
				func(c monitor.Check) bool { return c.Name == "Nightly" }, []monitor.ChannelID{channel.ID})
			ids[i] = c.ID
		})
	}
	wg.Wait()
	created := 0
	for i := range many {
		s.ok(errs[i])
		s.same("check", ids[i], ids[0])
		if made[i] {
			created++
		}
	}
	s.same("checks made", created, 1)
	list, err := s.Checks(s.ctx, s.project.ID, 10)
	s.ok(err)
	s.same("checks", len(list), 1)
	s.same("channels", s.assigned(list[0]), []monitor.ChannelID{channel.ID})
}

func findsOldest(s *site) {
	first := s.addCheck(s.project, "a")
	s.addCheck(s.project, "b")
	found, created, err := s.FindOrCreateCheck(s.ctx, newCheck(s.project, "c"), func(monitor.Check) bool { return true }, nil)
	s.ok(err)
	s.same("created", created, false)
	s.same("found", found, first)
	nowhere := newCheck(s.project, "d")
	nowhere.Project = -1
	_, _, err = s.FindOrCreateCheck(s.ctx, nowhere, func(monitor.Check) bool { return true }, nil)
	s.fails(err, fault.NotFound)
}

func correctionOwed(s *site) {
	told, later := s.addChannel(s.project, "told"), s.addChannel(s.project, "later")
	c := s.addCheck(s.project, "nightly", told)
	s.apply(step(c, tell(monitor.Down, at(time.Minute))))
	assigned := []monitor.ChannelID{told.ID, later.ID}
	s.apply(store.Step{Ref: store.Ref{ID: c.ID}, Decide: tell(monitor.Up, at(2*time.Minute)), Assign: &assigned})
	s.apply(step(c, func(c monitor.Check) monitor.Change {
		change := tell(monitor.Up, at(3*time.Minute))(c)
		change.Flip.Facts.Corrects = 1
		return change
	}))
	var owed []monitor.ChannelID
	for _, d := range s.deliveries() {
		if d.Rev == 3 {
			owed = append(owed, d.Channel)
		}
	}
	s.same("channels that get the correction", owed, []monitor.ChannelID{told.ID})
}
