package web

import (
	"net/http"
	"slices"
	"strings"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/templates"
)

// badges shows one badge of the project: its own, that of a tag, or of a check.
func (s *Server) badges(w http.ResponseWriter, r *http.Request) error {
	who, query := s.who(r), r.URL.Query()
	frame, err := s.page(r, who, "Badges", "/status-pages")
	if err != nil {
		return err
	}
	checks, err := s.Store.Checks(r.Context(), who.Project.ID, checksLimit)
	if err != nil {
		return err
	}
	page := templates.BadgesPage{Page: frame, Of: query.Get("of"), Three: query.Get("states") == "3", Tags: tagsOf(checks)}
	for _, c := range checks {
		page.Checks = append(page.Checks, templates.BadgeCheck{UUID: c.UUID.String(), Title: c.Title()})
	}
	var urls badgeURLs
	kind, name, _ := strings.Cut(page.Of, ":")
	switch kind {
	case "tag":
		if !slices.Contains(page.Tags, name) {
			return fault.NotFound
		}
		urls, page.Label = s.badgesOf(who.Project.Project, name), name
	case "check":
		at := slices.IndexFunc(checks, func(c monitor.Check) bool { return c.UUID.String() == name })
		if at < 0 {
			return fault.NotFound
		}
		urls, page.Label = s.badgesOfCheck(who.Project.BadgeKey, checks[at]), checks[at].Title()
	default:
		urls, page.Label = s.badgesOf(who.Project.Project, allChecks), "checks"
	}
	page.SVG, page.JSON, page.Shields = urls.SVG, urls.JSON, urls.Shields
	if page.Three {
		page.SVG, page.JSON, page.Shields = urls.SVG3, urls.JSON3, urls.Shield3
	}
	page.Local = strings.TrimPrefix(page.SVG, s.base())
	return s.render(w, r, http.StatusOK, templates.Badges(page))
}

// newBadgeKey ends the addresses of all badges of the project.
func (s *Server) newBadgeKey(w http.ResponseWriter, r *http.Request) error {
	if err := s.Store.SetBadgeKey(r.Context(), s.who(r).Project.ID, account.NewToken()); err != nil {
		return err
	}
	s.flash(r, "The badge key is a new one. Badges that stand elsewhere need their new addresses.")
	return s.redirect(w, r, "/badges")
}
