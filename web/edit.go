package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/schedule"
	"rollcall/internal/store"
	"rollcall/templates"
)

// The settings that the form for a new check begins with.
const (
	newPeriod = day
	newGrace  = time.Hour
)

// checkOf returns the check that a route's {id} names, and who looks at it.
func (s *Server) checkOf(r *http.Request) (Who, monitor.Check, error) {
	who := s.who(r)
	id, err := uuid.Parse(mux.Vars(r)["id"])
	if err != nil {
		return who, monitor.Check{}, errNoPage
	}
	check, err := s.Store.Check(r.Context(), who.Project.ID, id)
	if errors.Is(err, fault.NotFound) {
		err = errNoPage
	}
	return who, check, err
}

// whereCheck returns who looking at the project, of theirs, that has the check of the
// route; at the one they look at when none has.
func (s *Server) whereCheck(r *http.Request, who Who) (Who, error) {
	id, err := uuid.Parse(mux.Vars(r)["id"])
	if err != nil || len(who.Projects) < 2 {
		return who, nil
	}
	check, err := s.Store.Check(r.Context(), who.Project.ID, id)
	for _, project := range who.Projects {
		if !errors.Is(err, fault.NotFound) {
			break
		}
		check, err = s.Store.Check(r.Context(), project.ID, id)
	}
	if errors.Is(err, fault.NotFound) {
		return who, nil
	}
	return who.in(check.Project), err
}

func (s *Server) newCheckForm(w http.ResponseWriter, r *http.Request) error {
	who := s.who(r)
	form := templates.FormOf(monitor.Config{
		Schedule: schedule.Spec{Kind: schedule.Every, Period: newPeriod, Zone: zoneOf(who).String()},
		Grace:    newGrace,
	})
	uses, err := s.Store.Channels(r.Context(), who.Project.ID)
	if err != nil {
		return err
	}
	var all []monitor.ChannelID
	for _, use := range uses {
		all = append(all, use.ID)
	}
	edit := checkEdit{who: who, id: uuid.New(), form: form, channels: uses, chosen: all}
	if err := s.copyOf(r, &edit); err != nil {
		return err
	}
	return s.showEdit(w, r, http.StatusOK, edit)
}

func (s *Server) editCheckForm(w http.ResponseWriter, r *http.Request) error {
	edit, err := s.storedEdit(r)
	if err != nil {
		return err
	}
	edit.form = templates.FormOf(edit.check.Config)
	if edit.chosen, err = s.Store.AssignedChannels(r.Context(), edit.check.ID); err != nil {
		return err
	}
	return s.showEdit(w, r, http.StatusOK, edit)
}

// checkEdit is a form for a check, as it was filled in so far.
type checkEdit struct {
	who      Who
	check    monitor.Check // zero for a new one
	id       uuid.UUID
	form     templates.CheckForm
	channels []store.ChannelUse
	chosen   []monitor.ChannelID
	wrong    fault.Invalid
}

// storedEdit begins the form for the check of the route.
func (s *Server) storedEdit(r *http.Request) (checkEdit, error) {
	who, check, err := s.checkOf(r)
	if err != nil {
		return checkEdit{}, err
	}
	uses, err := s.Store.Channels(r.Context(), who.Project.ID)
	return checkEdit{who: who, check: check, id: check.UUID, channels: uses}, err
}

// createCheck makes a check. Its UUID comes with the form, so that a form sent
// twice makes one check.
func (s *Server) createCheck(w http.ResponseWriter, r *http.Request) error {
	ctx, who := r.Context(), s.who(r)
	id, err := uuid.Parse(r.PostFormValue("uuid"))
	if err != nil || id.Version() != 4 {
		return errBadForm
	}
	edit := checkEdit{who: who, id: id}
	if edit.channels, err = s.Store.Channels(ctx, who.Project.ID); err != nil {
		return err
	}
	config, done, err := s.readEdit(w, r, &edit)
	if err != nil || done {
		return err
	}
	proposed := config.Slug == ""
	if proposed {
		config.Slug = slugOf(config.Name)
	}
	check := monitor.Create(monitor.Check{UUID: id, Project: who.Project.ID, Config: config}, s.Now())
	_, err = s.Store.CreateCheck(ctx, check, edit.chosen)
	if errors.Is(err, fault.Conflict) {
		if _, found := s.Store.Check(ctx, who.Project.ID, id); found == nil {
			return s.redirect(w, r, "/checks/"+id.String())
		}
		if proposed { // somebody else has it, and nobody asked for it
			check.Slug = ""
			_, err = s.Store.CreateCheck(ctx, check, edit.chosen)
		}
	}
	if errors.Is(err, fault.Conflict) {
		return s.refuseEdit(w, r, edit, fault.Invalid{"slug": slugTaken})
	}
	if err != nil {
		wrong, err := orWrong(err, "limit")
		if err != nil {
			return err
		}
		return s.refuseEdit(w, r, edit, wrong)
	}
	return s.redirect(w, r, "/checks/"+id.String())
}

const slugTaken = "is taken by another check of this project"

func (s *Server) editCheck(w http.ResponseWriter, r *http.Request) error {
	edit, err := s.storedEdit(r)
	if err != nil {
		return err
	}
	config, done, err := s.readEdit(w, r, &edit)
	if err != nil || done {
		return err
	}
	now := s.Now()
	err = s.transition(r, store.Step{
		Ref:    store.Ref{ID: edit.check.ID},
		Decide: func(c monitor.Check) monitor.Change { return c.Reconfigure(config, now) },
		Assign: &edit.chosen,
	})
	if errors.Is(err, fault.Conflict) {
		return s.refuseEdit(w, r, edit, fault.Invalid{"slug": slugTaken})
	}
	if err != nil {
		return err
	}
	s.flash(r, "Saved.")
	return s.redirect(w, r, "/checks/"+edit.check.UUID.String())
}

// transition changes one check through the one door.
func (s *Server) transition(r *http.Request, step store.Step) error {
	results, err := s.Store.Transitions(r.Context(), []store.Step{step})
	if err != nil {
		return err
	}
	return results[0].Err
}

// readEdit reads the form. Done means that the answer was given: the form again,
// with what is wrong or with the preview that was asked for.
func (s *Server) readEdit(w http.ResponseWriter, r *http.Request, edit *checkEdit) (config monitor.Config, done bool, err error) {
	edit.form = checkForm(r)
	if edit.chosen, err = chosenChannels(r, edit.channels); err != nil {
		return config, true, err
	}
	if r.PostFormValue("preview") != "" {
		return config, true, s.showEdit(w, r, http.StatusOK, *edit)
	}
	config, unread := configOf(edit.form)
	config, invalid := config.Valid()
	wrong, err := merge(invalid, unread.OrNil())
	if err != nil {
		return config, true, err
	}
	if len(wrong) > 0 {
		return config, true, s.refuseEdit(w, r, *edit, wrong)
	}
	return config, false, nil
}

func (s *Server) refuseEdit(w http.ResponseWriter, r *http.Request, edit checkEdit, wrong fault.Invalid) error {
	edit.wrong = wrong
	return s.showEdit(w, r, http.StatusUnprocessableEntity, edit)
}

func (s *Server) showEdit(w http.ResponseWriter, r *http.Request, status int, edit checkEdit) error {
	title := "New check"
	exists := edit.check.ID != 0
	if exists {
		title = "Edit " + edit.check.Title()
	}
	frame, err := s.page(r, edit.who, title, "/checks")
	if err != nil {
		return err
	}
	page := templates.EditPage{
		Page: frame, Check: edit.id.String(), Exists: exists, Name: edit.check.Title(),
		Form: edit.form, Wrong: edit.wrong, Zones: schedule.Zones(),
		SlugBase: s.base() + "/ping/" + templates.PingKeyPlace + "/",
		Problems: problems(edit.wrong, checkFields(edit.form.Kind)),
		Channels: channelChoices(edit.channels, edit.chosen),
		Preview:  previewOf(edit.form, frame.Clock),
	}
	if page.Past, err = s.rehearsed(r, edit, frame.Clock); err != nil {
		return err
	}
	if words := edit.wrong["slug"]; words != "" && words != slugTaken {
		page.FreeSlug = slugOf(edit.form.Slug)
	}
	return s.render(w, r, status, templates.Edit(page))
}

// preview says what a schedule means while it is being typed.
func (s *Server) preview(w http.ResponseWriter, r *http.Request) error {
	r.PostForm = r.URL.Query() // the same fields, asked for without sending the form
	return s.render(w, r, http.StatusOK, templates.SchedulePreview(previewOf(checkForm(r), templates.Clock{Now: s.Now(), Zone: zoneOf(s.who(r))})))
}

// previewOf says what the schedule of a form means. Clock is the reader's.
func previewOf(form templates.CheckForm, clock templates.Clock) templates.Preview {
	spec, unread := specOf(form)
	sched, err := spec.Parse()
	wrong, unknown := merge(err, unread.OrNil())
	if unknown != nil || len(wrong) > 0 {
		list := problems(wrong, checkFields(form.Kind))
		if unknown != nil || len(list) == 0 {
			return templates.Preview{Wrong: "This schedule cannot be read."}
		}
		return templates.Preview{Wrong: sentence(list[0].Label + " " + list[0].Words)}
	}
	return templates.PreviewOf(sched, clock)
}

// checkFields says where in the form the fields of a configuration are.
func checkFields(kind string) []labelled {
	fields := []labelled{
		{"name", "name", "Name"},
		{"slug", "slug", "Slug"},
		{"tags", "tags", "Tags"},
		{"description", "description", "What to do when it fails"},
		{"period", "every", "Every"},
	}
	if kind == templates.KindCalendar {
		fields = append(fields, labelled{"schedule", "calendar", "OnCalendar"}, labelled{"timezone", "calendar_zone", "Time zone"})
	} else {
		fields = append(fields, labelled{"schedule", "cron", "Cron expression"}, labelled{"timezone", "cron_zone", "Time zone"})
	}
	return append(fields,
		labelled{"grace", "grace", "Grace"},
		labelled{"max_runtime", "limit", "Run limit"},
		labelled{"threshold", "threshold", "Bad results until it is down"},
		labelled{"filter_success", "kw_success", "Success if it contains"},
		labelled{"filter_fail", "kw_fail", "Failure if it contains"},
		labelled{"filter_start", "kw_start", "Start if it contains"},
	)
}

// checkForm reads the form as it was typed.
func checkForm(r *http.Request) templates.CheckForm {
	value := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	set := func(name string) bool { return r.PostForm.Get(name) != "" }
	form := templates.CheckForm{
		Name: value("name"), Slug: value("slug"), Tags: value("tags"), Description: r.PostForm.Get("description"),
		Kind: value("kind"), Every: value("every"), Unit: value("unit"),
		Cron: value("cron"), CronZone: value("cron_zone"),
		Calendar: r.PostForm.Get("calendar"), CalendarZone: value("calendar_zone"),
		Grace: value("grace"), Limit: value("limit"), Threshold: value("threshold"),
		Keywords: set("keywords"), MailSubject: set("mail_subject"), MailText: set("mail_text"), Success: value("kw_success"), Fail: value("kw_fail"), Start: value("kw_start"),
		OthersFail: set("others_fail"), PostOnly: set("post_only"), ManualResume: set("manual_resume"),
	}
	if slug := value("use_slug"); slug != "" {
		form.Slug = slug
	}
	return form
}

const notASpan = "is not a length of time, such as 90 s, 15 min or 2 h"

// configOf reads what was typed, and says what cannot be read at all. What is read
// is still to be validated.
func configOf(form templates.CheckForm) (monitor.Config, fault.Invalid) {
	config := monitor.Config{
		Name: form.Name, Slug: form.Slug, Tags: strings.Fields(form.Tags), Description: form.Description,
		ManualResume: form.ManualResume, PostOnly: form.PostOnly,
		Filter: monitor.Filter{On: form.Keywords, Subject: form.MailSubject, Mail: form.MailText, Fail: form.Fail, Success: form.Success, Start: form.Start},
	}
	if form.OthersFail {
		config.Filter.Default = monitor.Fail
	}
	var wrong fault.Invalid
	config.Schedule, wrong = specOf(form)
	if form.Name == "" {
		wrong["name"] = "is missing; any words that people will recognise"
	}
	grace, ok := parseSpan(form.Grace, 0)
	switch {
	case form.Grace == "":
		wrong["grace"] = "is missing; how long to wait before anyone is told, such as 5 min"
	case !ok:
		wrong["grace"] = notASpan
	}
	config.Grace = grace
	if form.Limit != "" {
		limit, ok := parseSpan(form.Limit, 0)
		if !ok {
			wrong["max_runtime"] = notASpan
		}
		config.MaxRuntime = &limit
	}
	if form.Threshold != "" {
		n, err := strconv.Atoi(form.Threshold)
		if err != nil {
			wrong["threshold"] = fmt.Sprintf("is not a whole number, such as 3; from 1 to %d, or empty for the first", monitor.MaxThreshold)
		}
		config.Threshold = &n
	}
	return config, wrong
}

// specOf reads the schedule of the form.
func specOf(form templates.CheckForm) (schedule.Spec, fault.Invalid) {
	wrong := fault.Invalid{}
	switch form.Kind {
	case templates.KindEvery:
		unit, _ := spanUnit(form.Unit)
		period, ok := parseSpan(form.Every, unit)
		switch {
		case form.Every == "":
			wrong["period"] = "is missing; a number, or a length of time such as 5m"
		case !ok:
			wrong["period"] = notASpan
		}
		return schedule.Spec{Kind: schedule.Every, Period: period}, wrong
	case templates.KindCron:
		return schedule.Spec{Kind: schedule.Cron, Expr: form.Cron, Zone: form.CronZone}, wrong
	case templates.KindCalendar:
		return schedule.Spec{Kind: schedule.OnCalendar, Expr: form.Calendar, Zone: form.CalendarZone}, wrong
	}
	wrong["schedule"] = "is of no known kind"
	return schedule.Spec{}, wrong
}

// chosenChannels reads which channels are told. One that is not the project's is
// no mistake that a form can make.
func chosenChannels(r *http.Request, uses []store.ChannelUse) ([]monitor.ChannelID, error) {
	chosen := []monitor.ChannelID{}
	for _, text := range r.PostForm["channel"] {
		id, err := numberOf(text)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(uses, func(use store.ChannelUse) bool { return use.ID == monitor.ChannelID(id) }) {
			return nil, fault.NotFound
		}
		chosen = append(chosen, monitor.ChannelID(id))
	}
	return chosen, nil
}

func channelChoices(uses []store.ChannelUse, chosen []monitor.ChannelID) []templates.ChannelChoice {
	var choices []templates.ChannelChoice
	for _, use := range uses {
		choices = append(choices, templates.ChannelChoice{
			ID: strconv.FormatInt(int64(use.ID), 10), Name: use.Name, Kind: use.Kind, Target: use.Target(),
			Off: use.Disabled != "", Chosen: slices.Contains(chosen, use.ID), Proved: use.LastSent,
		})
	}
	return choices
}

// slugOf proposes a slug for a name.
func slugOf(name string) string {
	slug := monitor.SlugOf(name)
	return strings.Trim(slug[:min(len(slug), monitor.SlugLimit)], "-")
}
