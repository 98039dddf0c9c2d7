package web

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/templates"
)

// runsShown is how many runs a row of the list draws.
const runsShown = 30

// firstSlug names the check that a project begins with.
const firstSlug = "my-first-job"

// isFirst reports whether there is nothing but the check that a project begins
// with, and that was never pinged.
func isFirst(checks []monitor.Check) bool {
	return len(checks) == 1 && checks[0].Slug == firstSlug && checks[0].NPings == 0
}

func (s *Server) checks(w http.ResponseWriter, r *http.Request) error {
	who := s.who(r)
	checks, err := s.Store.Checks(r.Context(), who.Project.ID, checksLimit)
	if err != nil {
		return err
	}
	frame, err := s.pageAbout(r, who, "Checks", "/checks", checks)
	if err != nil {
		return err
	}
	failing, err := s.Store.FailingChannels(r.Context(), who.Project.ID)
	if err != nil {
		return err
	}
	frame.Failing = templates.FailingOf(failing, frame.Clock.Now)
	page := templates.ChecksPage{
		Page: frame,
		List: templates.ListOf(templates.ParseQuery(r.URL.Query()), checks, frame.Clock),
	}
	if isFirst(checks) && frame.May(account.Change) {
		page.TryAddress = s.base() + "/ping/" + checks[0].UUID.String()
	}
	switch asked := r.URL.Query().Get("rows"); {
	case live(r) && asked != "":
		return s.checksRows(w, r, page, asked)
	case live(r):
		return s.checksLive(w, r, page)
	case page.Empty():
		page.Title = "Your first check"
	}
	if err := s.draw(r, page.First()); err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, templates.Checks(page))
}

// draw reads the runs of some rows and adds them.
func (s *Server) draw(r *http.Request, rows templates.Rows) error {
	ends, err := s.Store.RecentRuns(r.Context(), rows.Checks(), runsShown)
	if err != nil {
		return err
	}
	rows.Draw(runEnds(ends))
	return nil
}

// checksLive answers a list that asks for what is new.
func (s *Server) checksLive(w http.ResponseWriter, r *http.Request, page templates.ChecksPage) error {
	seen := r.Header.Get(templates.SeenHeader)
	if empty := seen == templates.SeenEmpty; empty != page.Empty() {
		w.Header().Set("HX-Refresh", "true") // it is another page now
		return nil
	}
	var news templates.News
	if !page.Empty() {
		news = page.Since(seen)
	}
	rows := news.ToDraw()
	if news.Whole {
		rows = page.First()
	} else {
		w.Header().Set("HX-Reswap", "none") // the list stays; rows find their places
	}
	if err := s.draw(r, rows); err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, templates.ChecksLive(page, news))
}

// checksRows answers a part of a long list that was scrolled to.
func (s *Server) checksRows(w http.ResponseWriter, r *http.Request, page templates.ChecksPage, asked string) error {
	var from, to int
	if _, err := fmt.Sscanf(asked, "%d-%d", &from, &to); err != nil || from < 0 || to <= from {
		return errNoPage
	}
	rows := page.Rows(from, min(to, from+templates.PartRows))
	if err := s.draw(r, rows); err != nil {
		return err
	}
	w.Header().Set("HX-Reswap", "none")
	return s.render(w, r, http.StatusOK, templates.ChecksRows(rows))
}

// renderLive answers a page that asks for what is new. When it shows that already
// it is sent the frame alone, so that nothing moves under the reader's hands.
func (s *Server) renderLive(w http.ResponseWriter, r *http.Request, seen string, part func(changed bool) templ.Component) error {
	changed := r.Header.Get(templates.SeenHeader) != seen
	if !changed {
		w.Header().Set("HX-Reswap", "none")
	}
	return s.render(w, r, http.StatusOK, part(changed))
}

// base is how people and jobs reach this server, without a slash at its end.
func (s *Server) base() string { return strings.TrimSuffix(s.BaseURL.String(), "/") }

func runEnds(ends map[monitor.CheckID][]store.RunEnd) map[monitor.CheckID][]templates.RunEnd {
	runs := make(map[monitor.CheckID][]templates.RunEnd, len(ends))
	for id, list := range ends {
		for _, end := range list {
			how := templates.Good
			if end.Signal == monitor.Fail {
				how = templates.Failed
			}
			runs[id] = append(runs[id], templates.RunEnd{At: end.At, How: how, Took: end.Duration})
		}
	}
	return runs
}
