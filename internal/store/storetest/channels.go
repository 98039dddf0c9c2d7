package storetest

import (
	"time"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var channelTests = []test{
	{"a channel is kept", channelKept},
	{"a channel is its project's", channelScoped},
	{"the name of a channel is unique in its project", channelUnique},
	{"deleting a channel takes its deliveries along", channelDeleted},
	{"channels are listed by name with their use", channelsListed},
}

func channelKept(s *site) {
	hook := s.addChannel(s.project, "hook")
	mail, err := s.CreateChannel(s.ctx, monitor.Channel{
		Project: s.project.ID, Name: "mail", Kind: monitor.Email, Created: at(time.Second),
		Settings: monitor.Settings{Address: "ops@example.org"}, Disabled: "not confirmed",
	})
	s.ok(err)
	for _, want := range []monitor.Channel{hook, mail} {
		got, err := s.Channel(s.ctx, s.project.ID, want.ID)
		s.ok(err)
		s.same("channel", got, want)
	}
	hook.Name, hook.Settings.URL, hook.Disabled = "renamed", "https://example.org/new", "gone"
	s.ok(s.EditChannel(s.ctx, hook))
	got, err := s.Channel(s.ctx, s.project.ID, hook.ID)
	s.ok(err)
	s.same("edited", got, hook)
}

func channelScoped(s *site) {
	hook := s.addChannel(s.project, "hook")
	other := s.addProject("Other")
	_, err := s.Channel(s.ctx, other.ID, hook.ID)
	s.fails(err, fault.NotFound)
	s.fails(s.DeleteChannel(s.ctx, other.ID, hook.ID), fault.NotFound)
	edited := hook
	edited.Project, edited.Name = other.ID, "stolen"
	s.fails(s.EditChannel(s.ctx, edited), fault.NotFound)
	got, err := s.Channel(s.ctx, s.project.ID, hook.ID)
	s.ok(err)
	s.same("channel", got, hook)
	list, err := s.Channels(s.ctx, other.ID)
	s.ok(err)
	s.same("channels of the other project", len(list), 0)
}

func channelUnique(s *site) {
	s.addChannel(s.project, "hook")
	s.addChannel(s.addProject("Other"), "hook")
	second := s.addChannel(s.project, "second")
	second.Name = "hook"
	s.fails(s.EditChannel(s.ctx, second), fault.Conflict)
	_, err := s.CreateChannel(s.ctx, second)
	s.fails(err, fault.Conflict)
}

func channelDeleted(s *site) {
	a, b := s.addChannel(s.project, "a"), s.addChannel(s.project, "b")
	c := s.owe("nightly", at(0), a, b)
	s.ok(s.DeleteChannel(s.ctx, s.project.ID, a.ID))
	_, err := s.Channel(s.ctx, s.project.ID, a.ID)
	s.fails(err, fault.NotFound)
	s.fails(s.DeleteChannel(s.ctx, s.project.ID, a.ID), fault.NotFound)
	s.same("channels", s.assigned(c), []monitor.ChannelID{b.ID})
	left := s.deliveries()
	if len(left) != 1 || left[0].Channel != b.ID {
		s.Errorf("deliveries that are left: %v", left)
	}
}

func channelsListed(s *site) {
	zulu, alpha, idle := s.addChannel(s.project, "Zulu"), s.addChannel(s.project, "alpha"), s.addChannel(s.project, "Idle")
	s.owe("one", at(0), zulu, alpha)
	s.owe("two", at(time.Second), zulu)
	last := map[monitor.ChannelID]monitor.Delivery{}
	for _, d := range s.lease(at(time.Minute)) {
		switch {
		case d.Channel.ID == alpha.ID:
			last[alpha.ID] = s.settle(d.Delivery, monitor.Result{Verdict: monitor.Refuse}, at(2*time.Minute))
		case d.Flip.At.Equal(at(0)):
			s.settle(d.Delivery, monitor.Result{Verdict: monitor.Done}, at(3*time.Minute))
		default:
			last[zulu.ID] = s.settle(d.Delivery, monitor.Result{Verdict: monitor.Retry}, at(4*time.Minute))
		}
	}
	got, err := s.Channels(s.ctx, s.project.ID)
	s.ok(err)
	newest := func(c monitor.Channel) *monitor.Delivery { d := last[c.ID]; return &d }
	s.same("channels", got, []store.ChannelUse{
		{Channel: alpha, Checks: 1, Last: newest(alpha)},
		{Channel: idle},
		{Channel: zulu, Checks: 2, LastSent: at(3 * time.Minute), Last: newest(zulu)},
	})
}
