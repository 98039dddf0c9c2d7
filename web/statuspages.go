package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/templates"
)

// choosableChecks is how many checks of a project, by name, can be chosen and named
// one by one: a form holds no more.
const choosableChecks = 1_000

func (s *Server) statusPages(w http.ResponseWriter, r *http.Request) error {
	who := s.who(r)
	frame, err := s.page(r, who, "Status pages", "/status-pages")
	if err != nil {
		return err
	}
	pages, err := s.Store.StatusPages(r.Context(), who.Project.ID)
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, templates.StatusPages(templates.StatusPagesPage{Page: frame, Base: s.base(), Pages: pages}))
}

// statusPageOf returns the page that a route's {id} names.
func (s *Server) statusPageOf(r *http.Request) (monitor.StatusPage, error) {
	id, err := numberOf(mux.Vars(r)["id"])
	if err != nil {
		return monitor.StatusPage{}, err
	}
	return s.Store.StatusPage(r.Context(), s.who(r).Project.ID, monitor.StatusPageID(id))
}

// newStatusPageForm proposes an address that nobody can guess.
func (s *Server) newStatusPageForm(w http.ResponseWriter, r *http.Request) error {
	return s.showStatusPage(w, r, http.StatusOK, monitor.StatusPage{
		Address: account.NewToken(), Scope: monitor.ChosenChecks, History: true, Unlisted: true,
	}, nil)
}

func (s *Server) statusPageForm(w http.ResponseWriter, r *http.Request) error {
	page, err := s.statusPageOf(r)
	if err != nil {
		return err
	}
	return s.showStatusPage(w, r, http.StatusOK, page, nil)
}

func (s *Server) showStatusPage(w http.ResponseWriter, r *http.Request, status int, page monitor.StatusPage, wrong fault.Invalid) error {
	who, title := s.who(r), "New status page"
	if page.ID != 0 {
		title = "Edit a status page"
	}
	frame, err := s.page(r, who, title, "/status-pages")
	if err != nil {
		return err
	}
	checks, err := s.Store.Checks(r.Context(), who.Project.ID, checksLimit)
	if err != nil {
		return err
	}
	form := templates.StatusPageForm{
		Page: frame, Form: page, Base: s.base(), Zone: zoneOf(who).String(), Zones: schedule.Zones(), Wrong: wrong, Tags: tagsOf(checks),
		Problems: problems(wrong, []labelled{
			{"title", "title", "Title"},
			{"description", "description", "Description"},
			{"address", "address", "Address"},
			{"scope", "scope", "Jobs"},
			{"tag", "tag", "Tag"},
			{"names", "checks", "Public names"},
			{"zone", "zone", "Time zone"},
		}),
	}
	form.Left = max(0, len(checks)-choosableChecks)
	for _, c := range checks[:len(checks)-form.Left] {
		form.Checks = append(form.Checks, templates.StatusPageCheck{ID: int64(c.ID), Title: c.Title(), Appearance: page.Checks[c.ID]})
	}
	return s.render(w, r, status, templates.StatusPageEdit(form))
}

// tagsOf lists the tags of checks, each once.
func tagsOf(checks []monitor.Check) []string {
	var tags []string
	for _, c := range checks {
		tags = append(tags, c.Tags...)
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// readStatusPage puts what was typed into a page and validates it. What was said of
// checks that the form did not show stays.
func (s *Server) readStatusPage(r *http.Request, page monitor.StatusPage) (monitor.StatusPage, error) {
	page.Address, page.Title, page.Description = r.PostFormValue("address"), r.PostFormValue("title"), r.PostFormValue("description")
	page.Scope, page.Tag, page.Zone = monitor.Scope(r.PostFormValue("scope")), r.PostFormValue("tag"), r.PostFormValue("zone")
	page.Grouped, page.History, page.Unlisted = r.PostFormValue("grouped") != "", r.PostFormValue("history") != "", r.PostFormValue("unlisted") != ""
	said := map[monitor.CheckID]monitor.Appearance{}
	for id, a := range page.Checks {
		said[id] = a
	}
	for field, values := range r.PostForm {
		number, ok := strings.CutPrefix(field, "name-")
		id, err := strconv.ParseInt(number, 10, 64)
		if ok && err == nil {
			said[monitor.CheckID(id)] = monitor.Appearance{Chosen: slices.Contains(r.PostForm["check"], number), Name: values[0]}
		}
	}
	page.Checks = said
	return page.Valid()
}

const addressTaken = "is taken; choose another one"

func (s *Server) createStatusPage(w http.ResponseWriter, r *http.Request) error {
	return s.saveStatusPage(w, r, monitor.StatusPage{Project: s.who(r).Project.ID, Created: s.Now()}, func(page monitor.StatusPage) error {
		_, err := s.Store.CreateStatusPage(r.Context(), page)
		return err
	})
}

func (s *Server) editStatusPage(w http.ResponseWriter, r *http.Request) error {
	stored, err := s.statusPageOf(r)
	if err != nil {
		return err
	}
	return s.saveStatusPage(w, r, stored, func(page monitor.StatusPage) error {
		defer s.boards.forget(stored.Address)
		return s.Store.EditStatusPage(r.Context(), page)
	})
}

func (s *Server) saveStatusPage(w http.ResponseWriter, r *http.Request, stored monitor.StatusPage, save func(monitor.StatusPage) error) error {
	page, invalid := s.readStatusPage(r, stored)
	wrong, err := merge(invalid)
	if err != nil {
		return err
	}
	if len(wrong) == 0 {
		err = save(page)
		if words, _ := fault.Words(err); errors.Is(err, fault.Conflict) && words == fault.Conflict.Error() {
			wrong, err = fault.Invalid{"address": addressTaken}, nil
		}
	}
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return s.showStatusPage(w, r, http.StatusUnprocessableEntity, page, wrong)
	}
	s.flash(r, "Saved. Readers see it within 10 seconds.")
	return s.redirect(w, r, "/status-pages")
}

func (s *Server) deleteStatusPage(w http.ResponseWriter, r *http.Request) error {
	page, err := s.statusPageOf(r)
	if err != nil {
		return err
	}
	if err := s.Store.DeleteStatusPage(r.Context(), page.Project, page.ID); err != nil {
		return err
	}
	s.boards.forget(page.Address)
	s.flash(r, "Deleted "+page.Title+". Its address answers 404.")
	return s.redirect(w, r, "/status-pages")
}
