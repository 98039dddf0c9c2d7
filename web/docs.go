package web

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"rollcall/docs"
	"rollcall/internal/schedule"
	"rollcall/templates"
)

// readManual is the documentation of this server. The reference of the API, which is
// made of its routes, can be found in it too.
func (s *Server) readManual() []docs.Chapter {
	chapters := docs.Read(docs.Place{Base: s.base(), MailDomain: s.MailDomain})
	for _, chapter := range chapters {
		for i := range chapter.Pages {
			if page := &chapter.Pages[i]; page.Name == apiPage {
				page.Sections = append(page.Sections, apiSections()...)
			}
		}
	}
	return chapters
}

// The pages that have more than their text.
const (
	apiPage       = "api"
	schedulesPage = "schedules"
)

// docsIndex shows the contents of the documentation, or searches it.
func (s *Server) docsIndex(w http.ResponseWriter, r *http.Request) error {
	frame, err := s.docsFrame(r, "Documentation")
	if err != nil {
		return err
	}
	query := strings.TrimSpace(r.URL.Query().Get("q"))
	page := templates.DocsPage{Page: frame, Chapters: s.manual(), Query: query}
	page.Hits = docs.Search(page.Chapters, query)
	return s.render(w, r, http.StatusOK, templates.DocsIndex(page))
}

// docsPage shows one page.
func (s *Server) docsPage(w http.ResponseWriter, r *http.Request) error {
	frame, err := s.docsFrame(r, "")
	if err != nil {
		return err
	}
	page := templates.DocsPage{Page: frame, Chapters: s.manual()}
	for _, chapter := range page.Chapters {
		for _, doc := range chapter.Pages {
			if doc.Name == mux.Vars(r)["page"] {
				page.Doc = doc
			}
		}
	}
	switch page.Doc.Name {
	case "":
		return s.nowhere(w, r)
	case schedulesPage:
		play := play(r.URL.Query(), page.Clock)
		if live(r) {
			return s.render(w, r, http.StatusOK, templates.Played(play))
		}
		page.Play = &play
	case apiPage:
		page.API = apiReference()
	}
	page.Title = page.Doc.Title
	return s.render(w, r, http.StatusOK, templates.Docs(page))
}

// docsFrame is the frame around a page that is for anybody: who is signed in keeps
// the navigation.
func (s *Server) docsFrame(r *http.Request, title string) (templates.Page, error) {
	if who, err := s.signedIn(r.Context()); err == nil {
		return s.page(r, who, title, docs.Path)
	}
	return s.bare(title), nil
}

// firstPlayed is what the playground shows to who has typed nothing yet.
const firstPlayed = "30 6 * * 1-5"

// play says what the expression of a query means, in any of the three languages.
func play(query url.Values, clock templates.Clock) templates.Playground {
	play := templates.Playground{Expr: firstPlayed, Zone: clock.Zone.String(), Zones: schedule.Zones()}
	if query.Has("expr") {
		play.Expr = strings.TrimSpace(query.Get("expr"))
	}
	if zone := strings.TrimSpace(query.Get("zone")); zone != "" {
		play.Zone = zone
	}
	form := playForm(play.Expr, play.Zone)
	play.Kind = map[string]string{
		templates.KindEvery: "a length of time", templates.KindCron: "a cron expression", templates.KindCalendar: "OnCalendar",
	}[form.Kind]
	spec, _ := specOf(form)
	sched, err := spec.Parse()
	if err == nil {
		play.Preview = templates.PlayOf(sched, clock)
		return play
	}
	play.Preview = previewOf(form, clock)
	play.Repair = repairOf(play.Expr, play.Zone)
	return play
}

// playForm tells the language of an expression by its look.
func playForm(expr, zone string) templates.CheckForm {
	if _, ok := parseSpan(expr, 0); ok {
		return templates.CheckForm{Kind: templates.KindEvery, Every: expr}
	}
	if expr == "" || schedule.Detect(expr) == schedule.Cron || fewFields.MatchString(expr) {
		return templates.CheckForm{Kind: templates.KindCron, Cron: expr, CronZone: zone}
	}
	return templates.CheckForm{Kind: templates.KindCalendar, Calendar: expr, CalendarZone: zone}
}

var (
	// cronLike is a field of a cron expression, also as other programs write it.
	cronLike = regexp.MustCompile(`^(\*|\?|[0-9]|[A-Za-z]{3}\b)[0-9A-Za-z*/,#?-]*$`)
	// fewFields is meant as a cron expression, but has too few fields or too many.
	fewFields = regexp.MustCompile(`^[0-9*?/,-]+( +[0-9*?/,#A-Za-z-]+){3,}`)
)

// repairOf finds an expression and a zone that can be read and were probably meant;
// nil when nothing comes near.
func repairOf(expr, zone string) *templates.Repair {
	for _, zone := range zonesLike(zone) {
		for _, expr := range meant(expr) {
			spec, _ := specOf(playForm(expr, zone))
			if _, err := spec.Parse(); err == nil {
				return &templates.Repair{Expr: expr, Zone: zone}
			}
		}
	}
	return nil
}

// meant lists what an expression may stand for: itself; a period as some programs
// write it; a line of a crontab with its command; the six or seven fields of programs
// that begin with seconds and end with the year.
func meant(expr string) []string {
	fields := strings.Fields(strings.ReplaceAll(expr, "?", "*"))
	all := []string{expr, strings.Join(fields, " ")}
	if len(fields) == 2 && strings.EqualFold(fields[0], "@every") {
		return append(all, fields[1])
	}
	if len(fields) < 6 {
		return all
	}
	if cronLike.MatchString(fields[5]) {
		return append(all, strings.Join(fields[1:6], " "))
	}
	return append(all, strings.Join(fields[:5], " "))
}

// zonesLike are the zone itself, and the first one in whose name it occurs.
func zonesLike(zone string) []string {
	part := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(zone), " ", "_"))
	names := schedule.Zones()
	at := slices.IndexFunc(names, func(name string) bool { return strings.Contains(strings.ToLower(name), part) })
	if at < 0 {
		return []string{zone, "UTC"}
	}
	return []string{zone, names[at]}
}
