package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/templates"
)

// bulkLimit is how many checks one action may be about: those of one page of the list.
const bulkLimit = templates.PageRows

// selection is the checks that were selected in the list, and what is to be done.
type selection struct {
	who    Who
	checks []monitor.Check
	gone   int // selected, and not of the project
	back   string
}

// bulk does one thing to many checks, or asks what exactly before it does.
func (s *Server) bulk(w http.ResponseWriter, r *http.Request) error {
	sel, err := s.selected(r)
	if err != nil {
		return err
	}
	now := s.Now()
	switch do := r.PostFormValue("do"); do {
	case "pause":
		return s.bulkDecide(w, r, sel, bulkWords{"paused", "paused already"}, func(c monitor.Check) monitor.Change { return c.Pause(now) })
	case "resume":
		return s.bulkDecide(w, r, sel, bulkWords{"resumed", "not paused"}, func(c monitor.Check) monitor.Change { return resumed(c, now) })
	case templates.BulkTag, templates.BulkChannels, templates.BulkDelete:
		return s.showBulk(w, r, http.StatusOK, sel, templates.BulkPage{Do: do})
	case "add-tags", "drop-tags":
		return s.bulkTags(w, r, sel, do == "add-tags")
	case "tell", "untell":
		return s.bulkChannels(w, r, sel, do == "tell")
	case "delete-all":
		return s.bulkDelete(w, r, sel)
	}
	return errBadForm
}

// selected reads which checks were selected. What is not of the project is as if it
// had not been.
func (s *Server) selected(r *http.Request) (selection, error) {
	sel := selection{who: s.who(r), back: localPath(r.PostFormValue("back"))}
	chosen := map[uuid.UUID]bool{}
	for _, text := range r.PostForm["check"] {
		id, err := uuid.Parse(text)
		if err != nil {
			return sel, errBadForm
		}
		chosen[id] = true
	}
	switch n := len(chosen); {
	case n == 0:
		return sel, fault.Invalid{"the selection": "is empty; select some checks first"}
	case n > bulkLimit:
		return sel, fault.Invalid{"the selection": fmt.Sprintf("holds %d checks; at most %d can be changed at once", n, bulkLimit)}
	}
	checks, err := s.Store.Checks(r.Context(), sel.who.Project.ID, checksLimit)
	if err != nil {
		return sel, err
	}
	for _, c := range checks {
		if chosen[c.UUID] {
			sel.checks = append(sel.checks, c)
		}
	}
	if sel.gone = len(chosen) - len(sel.checks); len(sel.checks) == 0 {
		return sel, errNoPage
	}
	return sel, nil
}

// bulkWords says what was done to a check, and what it was when nothing was to be done.
type bulkWords struct{ did, already string }

// bulkSum counts what became of a selection.
type bulkSum struct {
	done, already, gone int
	refused             map[string]int // by why
}

func (sum *bulkSum) add(result store.Result, changed bool) {
	words, known := fault.Words(result.Err)
	switch {
	case errors.Is(result.Err, fault.NotFound):
		sum.gone++
	case result.Err != nil && known:
		if sum.refused == nil {
			sum.refused = map[string]int{}
		}
		sum.refused[words]++
	case changed:
		sum.done++
	default:
		sum.already++
	}
}

// sentence tells how it went: "12 checks paused; 1 was paused already."
func (sum bulkSum) sentence(words bulkWords) string {
	parts := []string{templates.Count(int64(sum.done), "check", "checks") + " " + words.did}
	note := func(n int, one, several string) {
		switch {
		case n == 1:
			parts = append(parts, "1 "+one)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, several))
		}
	}
	note(sum.already, "was "+words.already, "were "+words.already)
	note(sum.gone, "is not there any more", "are not there any more")
	for why, n := range sum.refused {
		note(n, "is as it was: "+why, "are as they were: "+why)
	}
	slices.Sort(parts[1:])
	return sentence(strings.Join(parts, "; "))
}

// bulkDecide takes the selected checks through one rule, all in one transaction.
func (s *Server) bulkDecide(w http.ResponseWriter, r *http.Request, sel selection, words bulkWords, rule func(monitor.Check) monitor.Change) error {
	steps := make([]store.Step, len(sel.checks))
	for i, c := range sel.checks {
		steps[i] = store.Step{Ref: store.Ref{ID: c.ID}, Decide: rule}
	}
	return s.bulkDo(w, r, sel, words, steps, func(_ int, result store.Result) bool { return !result.Change.Unchanged })
}

// bulkDo takes steps, one for each selected check, and tells how they went.
func (s *Server) bulkDo(w http.ResponseWriter, r *http.Request, sel selection, words bulkWords, steps []store.Step, changed func(int, store.Result) bool) error {
	results, err := s.Store.Transitions(r.Context(), steps)
	if err != nil {
		return err
	}
	sum := bulkSum{gone: sel.gone}
	for i, result := range results {
		if _, known := fault.Words(result.Err); result.Err != nil && !known {
			return result.Err
		}
		sum.add(result, changed(i, result))
	}
	s.flash(r, sum.sentence(words))
	return s.redirect(w, r, sel.back)
}

// bulkTags adds tags to the selected checks, or takes them away.
func (s *Server) bulkTags(w http.ResponseWriter, r *http.Request, sel selection, add bool) error {
	typed := strings.TrimSpace(r.PostFormValue("tags"))
	tags, err := monitor.ValidTags(strings.Fields(typed))
	if err == nil && len(tags) == 0 {
		err = fault.Invalid{"tags": "are missing; one word or several"}
	}
	if wrong, other := merge(err); other != nil || len(wrong) > 0 {
		return errors.Join(other, s.showBulk(w, r, http.StatusUnprocessableEntity, sel, templates.BulkPage{
			Do: templates.BulkTag, Typed: typed, Wrong: wrong, Problems: problems(wrong, []labelled{{"tags", "tags", "Tags"}}),
		}))
	}
	retag := func(c monitor.Config) (monitor.Config, error) {
		kept := slices.DeleteFunc(slices.Clone(c.Tags), func(tag string) bool { return !add && slices.Contains(tags, tag) })
		if c.Tags = kept; add {
			c.Tags = append(kept, tags...)
		}
		return c.Valid()
	}
	now := s.Now()
	steps := make([]store.Step, len(sel.checks))
	for i, check := range sel.checks {
		steps[i] = store.Step{
			Ref: store.Ref{ID: check.ID},
			Refuse: func(c monitor.Check) error {
				_, err := retag(c.Config)
				return err
			},
			Decide: func(c monitor.Check) monitor.Change {
				to, err := retag(c.Config)
				if err != nil || slices.Equal(to.Tags, c.Tags) {
					return monitor.Change{Check: c, Unchanged: true}
				}
				return c.Reconfigure(to, now)
			},
		}
	}
	list := "#" + strings.Join(tags, " #")
	words := bulkWords{"tagged " + list, "tagged so already"}
	if !add {
		words = bulkWords{"no longer tagged " + list, "not tagged so"}
	}
	return s.bulkDo(w, r, sel, words, steps, func(_ int, result store.Result) bool { return !result.Change.Unchanged })
}

// bulkChannels lets the selected checks tell some channels, or no longer.
func (s *Server) bulkChannels(w http.ResponseWriter, r *http.Request, sel selection, tell bool) error {
	uses, err := s.Store.Channels(r.Context(), sel.who.Project.ID)
	if err != nil {
		return err
	}
	chosen, err := chosenChannels(r, uses)
	if err != nil {
		return err
	}
	if len(chosen) == 0 {
		wrong := fault.Invalid{"channels": "are missing; choose at least one"}
		return s.showBulk(w, r, http.StatusUnprocessableEntity, sel, templates.BulkPage{
			Do: templates.BulkChannels, Wrong: wrong, Problems: problems(wrong, []labelled{{"channels", "channels", "Channels"}}),
		})
	}
	told, err := s.Store.Assignments(r.Context(), sel.who.Project.ID)
	if err != nil {
		return err
	}
	steps := make([]store.Step, len(sel.checks))
	changed := make([]bool, len(sel.checks))
	for i, check := range sel.checks {
		now := slices.DeleteFunc(slices.Clone(told[check.ID]), func(id monitor.ChannelID) bool { return slices.Contains(chosen, id) })
		if tell {
			now = append(now, chosen...)
		}
		slices.Sort(now)
		steps[i] = store.Step{
			Ref: store.Ref{ID: check.ID}, Assign: &now,
			Decide: func(c monitor.Check) monitor.Change { return monitor.Change{Check: c, Unchanged: true} },
		}
		changed[i] = !slices.Equal(now, told[check.ID])
	}
	var names []string
	for _, use := range uses {
		if slices.Contains(chosen, use.ID) {
			names = append(names, use.Name)
		}
	}
	list := strings.Join(names, ", ")
	words := bulkWords{"now telling " + list, "telling it already"}
	if !tell {
		words = bulkWords{"no longer telling " + list, "not telling it"}
	}
	return s.bulkDo(w, r, sel, words, steps, func(i int, _ store.Result) bool { return changed[i] })
}

// bulkDelete deletes the selected checks, each by itself: with their history they
// are too much for one transaction that pings would have to wait for.
func (s *Server) bulkDelete(w http.ResponseWriter, r *http.Request, sel selection) error {
	if r.PostFormValue("confirm") != "yes" {
		wrong := fault.Invalid{"confirm": "is missing: tick it to delete them"}
		return s.showBulk(w, r, http.StatusUnprocessableEntity, sel, templates.BulkPage{
			Do: templates.BulkDelete, Wrong: wrong, Problems: problems(wrong, []labelled{{"confirm", "confirm", "The tick that confirms it"}}),
		})
	}
	sum := bulkSum{gone: sel.gone}
	for _, c := range sel.checks {
		err := s.Store.DeleteCheck(r.Context(), sel.who.Project.ID, c.ID)
		if err != nil && !errors.Is(err, fault.NotFound) {
			return err
		}
		sum.add(store.Result{Err: err}, true)
	}
	s.flash(r, sum.sentence(bulkWords{did: "deleted"}))
	return s.redirect(w, r, sel.back)
}

// showBulk asks what exactly is to be done to the selected checks, by name.
func (s *Server) showBulk(w http.ResponseWriter, r *http.Request, status int, sel selection, page templates.BulkPage) error {
	for _, c := range sel.checks {
		page.Checks = append(page.Checks, templates.BulkCheck{ID: c.UUID.String(), Name: c.Title(), Status: c.Shown(s.Now())})
		page.Pings += c.NPings
	}
	page.Back = sel.back
	frame, err := s.page(r, sel.who, page.Heading(), "/checks")
	if err != nil {
		return err
	}
	page.Page = frame
	if page.Do == templates.BulkChannels {
		uses, err := s.Store.Channels(r.Context(), sel.who.Project.ID)
		if err != nil {
			return err
		}
		page.Channels = channelChoices(uses, nil)
	}
	return s.render(w, r, status, templates.Bulk(page))
}
