package web

import (
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
	ctx, who := r.Context(), s.who(r)
	frame, err := s.page(r, who, "Checks", "/checks")
	if err != nil {
		return err
	}
	checks, err := s.Store.Checks(ctx, who.Project.ID, checksLimit)
	if err != nil {
		return err
	}
	ends, err := s.Store.RecentRuns(ctx, who.Project.ID, runsShown)
	if err != nil {
		return err
	}
	page := templates.ChecksPage{
		Page: frame,
		List: templates.ListOf(templates.ParseQuery(r.URL.Query()), checks, runEnds(ends), frame.Clock),
	}
	if isFirst(checks) && frame.May(account.Change) {
		page.TryAddress = s.base() + "/ping/" + checks[0].UUID.String()
	}
	if page.Empty() {
		page.Title = "Your first check"
	}
	if !live(r) {
		return s.render(w, r, http.StatusOK, templates.Checks(page))
	}
	if empty := r.Header.Get(templates.SeenHeader) == templates.SeenEmpty; empty != page.Empty() {
		w.Header().Set("HX-Refresh", "true") // it is another page now
		return nil
	}
	return s.renderLive(w, r, page.Seen(), func(changed bool) templ.Component { return templates.ChecksLive(page, changed) })
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
