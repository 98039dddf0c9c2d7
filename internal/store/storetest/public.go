package storetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

var publicTests = []test{
	{"a status page is kept whole, by row and by address", statusPageKept},
	{"an address is one page's", statusPageAddress},
	{"a status page is its project's", statusPageForeign},
	{"a project has so many status pages and no more", statusPagesBounded},
	{"what a page says of a check goes with either", appearancesGo},
	{"history is that of the project, the newest first", historyOfProject},
	{"a badge key is replaced", badgeKeyReplaced},
}

// newPage returns a page whose address no other test knows.
func (s *site) newPage(project account.Project, checks map[monitor.CheckID]monitor.Appearance) monitor.StatusPage {
	return monitor.StatusPage{
		Project: project.ID, Address: "page-" + uuid.NewString(), Title: "Northwind", Description: "Our jobs.\nAll of them.",
		Scope: monitor.OneTag, Tag: "prod", Zone: "Europe/Berlin", Grouped: true, History: true, Unlisted: true, Created: at(0), Checks: checks,
	}
}

func (s *site) addPage(project account.Project, checks map[monitor.CheckID]monitor.Appearance) monitor.StatusPage {
	s.Helper()
	p, err := s.CreateStatusPage(s.ctx, s.newPage(project, checks))
	s.ok(err)
	return p
}

func statusPageKept(s *site) {
	a, b := s.addCheck(s.project, "a"), s.addCheck(s.project, "b")
	page := s.addPage(s.project, map[monitor.CheckID]monitor.Appearance{a.ID: {Chosen: true, Name: "Mail"}, b.ID: {Name: "Web"}})
	found := func() monitor.StatusPage {
		s.Helper()
		byRow, err := s.StatusPage(s.ctx, s.project.ID, page.ID)
		s.ok(err)
		byAddress, err := s.StatusPageAt(s.ctx, byRow.Address)
		s.ok(err)
		s.same("the page by its address", byAddress, byRow)
		return byRow
	}
	s.same("page", found(), page)

	page.Address, page.Title, page.Description, page.Scope, page.Tag, page.Zone = "page-"+uuid.NewString(), "Other", "", monitor.ChosenChecks, "", ""
	page.Grouped, page.History, page.Unlisted = false, false, false
	page.Checks = map[monitor.CheckID]monitor.Appearance{b.ID: {Chosen: true}}
	s.ok(s.EditStatusPage(s.ctx, page))
	s.same("edited page", found(), page)

	second := s.newPage(s.project, nil)
	second.Title = "another"
	second, err := s.CreateStatusPage(s.ctx, second)
	s.ok(err)
	list, err := s.StatusPages(s.ctx, s.project.ID)
	s.ok(err)
	page.Checks = nil
	s.same("pages by title", list, []monitor.StatusPage{second, page})

	s.ok(s.DeleteStatusPage(s.ctx, s.project.ID, page.ID))
	s.fails(s.DeleteStatusPage(s.ctx, s.project.ID, page.ID), fault.NotFound)
	_, err = s.StatusPageAt(s.ctx, page.Address)
	s.fails(err, fault.NotFound)
}

func statusPageAddress(s *site) {
	page, other := s.addPage(s.project, nil), s.addPage(s.addProject("Other"), nil)
	twin := s.newPage(s.project, nil)
	twin.Address = other.Address
	_, err := s.CreateStatusPage(s.ctx, twin)
	s.fails(err, fault.Conflict)
	page.Address = other.Address
	s.fails(s.EditStatusPage(s.ctx, page), fault.Conflict)
}

func statusPageForeign(s *site) {
	other := s.addProject("Other")
	theirs, mine := s.addCheck(other, "theirs"), s.addCheck(s.project, "mine")
	page := s.addPage(s.project, map[monitor.CheckID]monitor.Appearance{theirs.ID: {Chosen: true}, mine.ID: {Chosen: true}})
	got, err := s.StatusPage(s.ctx, s.project.ID, page.ID)
	s.ok(err)
	s.same("checks", got.Checks, map[monitor.CheckID]monitor.Appearance{mine.ID: {Chosen: true}})

	_, err = s.StatusPage(s.ctx, other.ID, page.ID)
	s.fails(err, fault.NotFound)
	s.fails(s.DeleteStatusPage(s.ctx, other.ID, page.ID), fault.NotFound)
	page.Project = other.ID
	s.fails(s.EditStatusPage(s.ctx, page), fault.NotFound)
	list, err := s.StatusPages(s.ctx, other.ID)
	s.ok(err)
	s.same("pages of the other project", len(list), 0)
	_, err = s.CreateStatusPage(s.ctx, s.newPage(account.Project{ID: -1}, nil))
	s.fails(err, fault.NotFound)
}

func statusPagesBounded(s *site) {
	errs := together(monitor.StatusPagesLimit+5, func(int) error {
		_, err := s.CreateStatusPage(s.ctx, s.newPage(s.project, nil))
		return err
	})
	refused := 0
	for _, err := range errs {
		if err != nil {
			s.fails(err, fault.Conflict)
			words, _ := fault.Words(err)
			s.same("it says how many", strings.Contains(words, fmt.Sprint(monitor.StatusPagesLimit)), true)
			refused++
		}
	}
	s.same("pages too many", refused, 5)
}

func appearancesGo(s *site) {
	check, stays := s.addCheck(s.project, "goes"), s.addCheck(s.project, "stays")
	page := s.addPage(s.project, map[monitor.CheckID]monitor.Appearance{check.ID: {Chosen: true}, stays.ID: {Chosen: true}})
	s.ok(s.DeleteCheck(s.ctx, s.project.ID, check.ID))
	got, err := s.StatusPage(s.ctx, s.project.ID, page.ID)
	s.ok(err)
	s.same("checks", got.Checks, map[monitor.CheckID]monitor.Appearance{stays.ID: {Chosen: true}})
	s.ok(s.DeleteStatusPage(s.ctx, s.project.ID, page.ID))
	s.load(stays)
}

func historyOfProject(s *site) {
	a, b := s.addCheck(s.project, "a"), s.addCheck(s.project, "b")
	theirs := s.addCheck(s.addProject("Other"), "theirs")
	for _, c := range []monitor.Check{a, theirs} {
		s.apply(step(c, tell(monitor.Up, at(0))), step(c, tell(monitor.Down, at(time.Hour))), step(c, tell(monitor.Up, at(2*time.Hour))))
	}
	s.apply(step(b, func(c monitor.Check) monitor.Change {
		change := tell(monitor.Up, at(3*time.Hour))(c)
		change.Flip.Reason, change.Flip.Facts.Corrects = monitor.Corrected, 7
		return change
	}))
	h, err := s.History(s.ctx, s.project.ID, at(time.Hour))
	s.ok(err)
	flips := func(c monitor.Check) []monitor.Flip {
		list := s.flips(c)
		for i := range list {
			list[i].Facts = monitor.Facts{Corrects: list[i].Facts.Corrects}
		}
		return list
	}
	s.same("history", h, store.History{Since: at(time.Hour), Flips: map[monitor.CheckID][]monitor.Flip{a.ID: flips(a)[:2], b.ID: flips(b)}})
	s.same("what is corrected", h.Flips[b.ID][0].Facts.Corrects, int64(7))
	h, err = s.History(s.ctx, s.project.ID, at(4*time.Hour))
	s.ok(err)
	s.same("history of nothing", len(h.Flips), 0)
}

func badgeKeyReplaced(s *site) {
	key, err := s.BadgeKey(s.ctx, s.project.ID)
	s.ok(err)
	s.same("key", key, s.project.BadgeKey)
	fresh := account.NewToken()
	s.ok(s.SetBadgeKey(s.ctx, s.project.ID, fresh))
	_, err = s.ProjectByBadge(s.ctx, key[:store.BadgeName])
	s.fails(err, fault.NotFound)
	got, err := s.ProjectByBadge(s.ctx, fresh[:store.BadgeName])
	s.ok(err)
	s.same("project of the new key", got.ID, s.project.ID)
	s.fails(s.SetBadgeKey(s.ctx, -1, account.NewToken()), fault.NotFound)
	_, err = s.BadgeKey(s.ctx, -1)
	s.fails(err, fault.NotFound)
}
