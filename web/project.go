package web

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/templates"
)

// newProjectForm offers to make a project. Who is a member of none is led here, and
// sees what they are invited to.
func (s *Server) newProjectForm(w http.ResponseWriter, r *http.Request) error {
	return s.showNewProject(w, r, http.StatusOK, "", nil)
}

func (s *Server) showNewProject(w http.ResponseWriter, r *http.Request, status int, name string, wrong fault.Invalid) error {
	who := s.who(r)
	title := "New project"
	if who.Project.ID == 0 {
		title = "No project yet"
	}
	frame, err := s.page(r, who, title, "")
	if err != nil {
		return err
	}
	page := templates.NewProjectPage{Page: frame, Name: name, Wrong: wrong, Problems: problems(wrong, projectFields())}
	if page.Invitations, err = s.Store.InvitationsTo(r.Context(), who.User.Email, frame.Now); err != nil {
		return err
	}
	return s.render(w, r, status, templates.NewProject(page))
}

func projectFields() []labelled { return []labelled{{"project", "name", "Name"}} }

func (s *Server) createProject(w http.ResponseWriter, r *http.Request) error {
	name, err := account.ValidProjectName(r.PostFormValue("name"))
	if err == nil {
		var project account.Project
		project, err = s.Store.BeginProject(r.Context(), s.beginning(name, s.who(r).User.Email), s.who(r).User.ID)
		if err == nil {
			s.sessions.Put(r.Context(), keyProject, int64(project.ID))
			return s.redirect(w, r, "/checks")
		}
	}
	wrong, err := orWrong(err, "project")
	if err != nil {
		return err
	}
	return s.showNewProject(w, r, http.StatusUnprocessableEntity, r.PostFormValue("name"), wrong)
}

// orWrong returns what a form shows beside its fields: what is invalid, or under the
// given name the words of what is not allowed or not possible now.
func orWrong(err error, field string) (fault.Invalid, error) {
	if errors.Is(err, fault.Forbidden) || errors.Is(err, fault.Conflict) {
		words, _ := fault.Words(err)
		return fault.Invalid{field: ": " + words}, nil
	}
	return merge(err)
}

func (s *Server) renameProject(w http.ResponseWriter, r *http.Request) error {
	name, err := account.ValidProjectName(r.PostFormValue("name"))
	wrong, err := merge(err)
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return s.renderSettings(w, r, http.StatusUnprocessableEntity, func(p *templates.SettingsPage) {
			p.Name, p.Wrong, p.Problems = r.PostFormValue("name"), wrong, problems(wrong, projectFields())
		})
	}
	if err := s.Store.RenameProject(r.Context(), s.who(r).Project.ID, name); err != nil {
		return err
	}
	s.flash(r, "Saved.")
	return s.redirect(w, r, "/settings")
}

// deleteProject deletes what is in a project one check at a time, so that pings of
// others never wait for long, and then the project. When it is broken off, what is
// left can be deleted in the same way.
func (s *Server) deleteProject(w http.ResponseWriter, r *http.Request) error {
	project := s.who(r).Project
	if strings.TrimSpace(r.PostFormValue("name")) != project.Name {
		wrong := fault.Invalid{"typed": "is not that of this project; nothing was deleted"}
		return s.renderSettings(w, r, http.StatusUnprocessableEntity, func(p *templates.SettingsPage) {
			p.Wrong, p.Problems = wrong, problems(wrong, []labelled{{"typed", "typed", "The name"}})
		})
	}
	ctx := context.WithoutCancel(r.Context())
	checks, err := s.Store.Checks(ctx, project.ID, checksLimit)
	if err != nil {
		return err
	}
	for _, check := range checks {
		if err := s.Store.DeleteCheck(ctx, project.ID, check.ID); err != nil && !errors.Is(err, fault.NotFound) {
			return err
		}
	}
	if err := s.Store.DeleteProject(ctx, project.ID); err != nil {
		return err
	}
	s.Log.WarnContext(ctx, "project deleted", "project", int64(project.ID), "name", project.Name, "by", s.who(r).User.Email, "request", note(r).id)
	s.flash(r, "Deleted "+project.Name+".")
	return s.redirect(w, r, "/checks")
}

// beginning is what a project begins with: a channel to its owner, whose address is
// known to be theirs, and a check whose address the owner is shown first.
func (s *Server) beginning(name, owner string) store.Beginning {
	now := s.Now()
	first := monitor.Create(monitor.Provisioned(uuid.New(), firstSlug, "My first job", nil), now)
	return store.Beginning{
		Project: account.Project{Name: name, Created: now},
		Channel: &monitor.Channel{Name: owner, Kind: monitor.Email, Settings: monitor.Settings{Address: owner}, Created: now},
		Check:   &first,
	}
}
