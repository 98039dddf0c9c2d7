package storetest

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var teamTests = []test{
	{"members come and go, an owner stays", membersComeAndGo},
	{"a project gets another name", projectRenamed},
	{"events of all kinds come in the order in which they became known", eventsInOrder},
	{"a list of events that is cut ends with whole instants", eventsCut},
}

func membersComeAndGo(s *site) {
	project := s.addProject("Team")
	members, err := s.Members(s.ctx, project.ID)
	s.ok(err)
	s.same("members of a new project", len(members), 1)
	owner := members[0]
	s.same("its role", owner.Role, account.Owner)
	s.fails(s.SetMember(s.ctx, project.ID, owner.ID, account.Member), fault.Conflict)
	s.fails(s.RemoveMember(s.ctx, project.ID, owner.ID), fault.Conflict)

	other := s.addUser()
	s.ok(s.SetMember(s.ctx, project.ID, other.ID, account.ReadOnly))
	s.ok(s.SetMember(s.ctx, project.ID, other.ID, account.Owner))
	s.ok(s.RemoveMember(s.ctx, project.ID, owner.ID))
	members, err = s.Members(s.ctx, project.ID)
	s.ok(err)
	s.same("members", members, []store.Member{{User: other, Role: account.Owner}})

	s.fails(s.RemoveMember(s.ctx, project.ID, owner.ID), fault.NotFound)
	s.fails(s.SetMember(s.ctx, project.ID, -1, account.Member), fault.NotFound)
	s.fails(s.SetMember(s.ctx, -1, other.ID, account.Member), fault.NotFound)
}

func projectRenamed(s *site) {
	project := s.addProject("Before")
	s.ok(s.RenameProject(s.ctx, project.ID, "After"))
	s.fails(s.RenameProject(s.ctx, -1, "Nowhere"), fault.NotFound)
	members, err := s.Members(s.ctx, project.ID)
	s.ok(err)
	list, err := s.ProjectsOf(s.ctx, members[0].ID)
	s.ok(err)
	for _, m := range list {
		if m.ID == project.ID && m.Name != "After" {
			s.Errorf("name %q", m.Name)
		}
	}
}

func eventsInOrder(s *site) {
	channel := s.addChannel(s.project, "mail")
	c := s.addCheck(s.project, "nightly", channel)
	late := monitor.Ping{Signal: monitor.Log, RunID: "r1", Age: time.Hour}.Dated(at(3 * time.Second))
	s.apply(step(c, receive(ping(monitor.Success, at(time.Second)))))
	s.apply(step(c, tell(monitor.Down, at(2*time.Second))))
	s.apply(step(c, receive(late)))
	s.settle(s.leaseOne(at(4*time.Second)), monitor.Result{Verdict: monitor.Done, Answer: "250 ok"}, at(5*time.Second))
	other := s.addProject("Other")
	s.apply(step(s.addCheck(other, "theirs"), receive(ping(monitor.Success, at(time.Second)))))

	events, err := s.Events(s.ctx, s.project.ID, at(0), at(time.Minute), 100)
	s.ok(err)
	var told []string
	for _, e := range events {
		kind := "delivery"
		switch {
		case e.Ping != nil:
			kind = "ping " + string(e.Ping.Signal)
		case e.Flip != nil:
			kind = "flip " + string(e.Flip.New)
		default:
			s.same("delivery", []any{e.Delivery.State, e.Delivery.Attempts, e.Delivery.Answer, e.Channel}, []any{monitor.Sent, 1, "250 ok", "mail"})
		}
		told = append(told, fmt.Sprint(e.At.Sub(at(0)), " ", kind))
		s.same("check", e.Check, c.UUID)
	}
	s.same("events", told, []string{"1s ping success", "1s flip up", "2s flip down", "3s ping log", "5s delivery"})

	events, err = s.Events(s.ctx, s.project.ID, at(2*time.Second), at(4*time.Second), 100)
	s.ok(err)
	s.same("after one instant and up to another", len(events), 1)
	_, err = s.EnqueueTest(s.ctx, s.project.ID, channel.ID, at(6*time.Second))
	s.ok(err)
	s.settle(s.leaseOne(at(6*time.Second)), monitor.Result{Verdict: monitor.Done}, at(7*time.Second))
	events, err = s.Events(s.ctx, s.project.ID, at(5*time.Second), at(time.Minute), 100)
	s.ok(err)
	s.same("a test has no check", events[0].Check, uuid.Nil)
}

func eventsCut(s *site) {
	c := s.addCheck(s.project, "nightly")
	for i := range 6 {
		p := ping(monitor.Log, at(time.Duration(i/3+1)*time.Second))
		p.RunID = fmt.Sprint(i)
		s.apply(step(c, receive(p)))
	}
	events, err := s.Events(s.ctx, s.project.ID, at(0), at(time.Minute), 2)
	s.ok(err)
	s.same("first", len(events), 3)
	events, err = s.Events(s.ctx, s.project.ID, events[2].At, at(time.Minute), 2)
	s.ok(err)
	s.same("then", len(events), 3)
}
