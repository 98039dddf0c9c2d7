package web

import (
	"net/http"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/templates"
)

// checksLimit is how many checks of a project are shown at most.
const checksLimit = 10_000

// blindsShown is how long the footer remembers a blind interval.
const blindsShown = 30 * 24 * time.Hour

// page fills the frame around a page of a signed-in person. Here is the entry of
// the navigation that the page belongs to.
func (s *Server) page(r *http.Request, who Who, title, here string) (templates.Page, error) {
	return s.pageAbout(r, who, title, here, nil)
}

// pageAbout is page for who has read all checks of their project already; nil for
// who has not.
func (s *Server) pageAbout(r *http.Request, who Who, title, here string, own []monitor.Check) (templates.Page, error) {
	ctx := r.Context()
	page := s.bare(title)
	page.Here, page.User, page.Project = here, who.User.Email, who.Project.Name
	page.Role, page.Zone = who.Project.Role, zoneOf(who)
	var known monitor.ProjectID
	if own != nil {
		known = who.Project.ID
	}
	counts, err := s.Store.StatusCounts(ctx, who.User.ID, known, page.Now)
	if err != nil {
		return templates.Page{}, err
	}
	if own != nil {
		counts[known] = map[monitor.Status]int{}
		for _, check := range own {
			counts[known][check.Shown(page.Now)]++
		}
	}
	for _, project := range who.Projects {
		state := templates.ProjectStateOf(counts[project.ID])
		state.ID, state.Name = project.ID, project.Name
		if state.Current = project.ID == who.Project.ID; state.Current {
			page.Worst, page.Down = state.Status, state.Down
		}
		page.Projects = append(page.Projects, state)
	}
	blinds, err := s.Store.Blinds(ctx, page.Now.Add(-blindsShown), 1)
	if err != nil {
		return templates.Page{}, err
	}
	if len(blinds) > 0 {
		page.Blind = &blinds[0]
	}
	untold, err := s.Store.Untold(ctx, who.Project.ID, page.Now)
	if err != nil {
		return templates.Page{}, err
	}
	if len(untold) > 0 {
		page.Untold = &untold[0]
	}
	if !live(r) { // what replaces itself has no place for it
		page.Flash = s.sessions.PopString(ctx, keyFlash)
	}
	return page, nil
}

// bare is the frame of a page for nobody in particular.
func (s *Server) bare(title string) templates.Page {
	return templates.Page{
		Title: title, Clock: templates.Clock{Now: s.Now(), Zone: time.UTC},
		JudgedUpTo: s.JudgedUpTo(), Delayed: s.delayed(), Version: s.Version, Demo: s.Demo != nil,
	}
}

// delayed is since when alerts may be late.
func (s *Server) delayed() time.Time {
	if s.Delayed == nil {
		return time.Time{}
	}
	return s.Delayed()
}

// zoneOf is the zone in which somebody reads times; UTC until they choose one.
func zoneOf(who Who) *time.Location { return schedule.LocationOf(who.User.Zone) }
