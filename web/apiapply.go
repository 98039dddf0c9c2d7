package web

import (
	"context"
	"errors"
	"net/http"

	"rollcall/internal/provision"
)

// apiApply brings about what a file describes of the project, or tells what that
// would change.
func (s *Server) apiApply(c *apiCall) error {
	planOnly, err := askedFor(c, "plan")
	if err != nil {
		return err
	}
	prune, err := askedFor(c, "prune")
	if err != nil {
		return err
	}
	doc, err := provision.Parse(c.raw)
	if err != nil {
		return wrongFile(err)
	}
	plan, err := doc.PlanFor(c.ctx(), s.Store, c.project, provision.Options{Prune: prune})
	if err != nil {
		return wrongFile(err)
	}
	if !planOnly {
		// What has begun is not left half done because nobody waits any more.
		if _, err := plan.Execute(context.WithoutCancel(c.ctx()), s.Store, s.Now()); err != nil {
			return wrongFile(err)
		}
	}
	return c.json(http.StatusOK, appliedOf(c.project.Name, !planOnly, plan.Changes))
}

// apiExport answers with the file that apply takes. Who may only read gets it
// without secrets.
func (s *Server) apiExport(c *apiCall) error {
	file, err := provision.Export(c.ctx(), s.Store, c.project, !c.readOnly())
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, "application/yaml", file)
}

// askedFor reads a parameter that is 1 or 0. Anything else is refused: whoever
// means a plan must not change something by a slip.
func askedFor(c *apiCall, name string) (bool, error) {
	switch c.query().Get(name) {
	case "1":
		return true, nil
	case "", "0":
		return false, nil
	}
	return false, refuse(http.StatusBadRequest, "%s is either 1 or 0", name)
}

// wrongFile answers with the line of a mistake in the file.
func wrongFile(err error) error {
	var mistake provision.Mistake
	if errors.As(err, &mistake) {
		return refuse(http.StatusUnprocessableEntity, "%s", mistake.Error())
	}
	return err
}

// applied is what a file changed, or would change.
type applied struct {
	Project string          `json:"project"`
	Applied bool            `json:"applied"`
	Changes []appliedChange `json:"changes"`
}

type appliedChange struct {
	Action provision.Action        `json:"action"`
	Kind   provision.Kind          `json:"kind"`
	Name   string                  `json:"name"`
	Fields map[string]appliedField `json:"fields"`
}

// appliedField is a member in the words of the file; null is nothing.
type appliedField struct {
	Old *string `json:"old"`
	New *string `json:"new"`
}

func appliedOf(project string, done bool, changes []provision.Change) applied {
	answer := applied{Project: project, Applied: done, Changes: make([]appliedChange, len(changes))}
	for i, change := range changes {
		fields := make(map[string]appliedField, len(change.Fields))
		for _, field := range change.Fields {
			fields[field.Name] = appliedField{Old: orNull(field.Old), New: orNull(field.New)}
		}
		answer.Changes[i] = appliedChange{Action: change.Action, Kind: change.Kind, Name: change.Name, Fields: fields}
	}
	return answer
}

func orNull(words string) *string {
	if words == "" {
		return nil
	}
	return &words
}
