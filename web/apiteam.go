package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/store"
)

// A key speaks for one project, so a list of projects holds that one.

type projectDoc struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Created string `json:"created"`
}

func projectOf(c *apiCall) projectDoc {
	return projectDoc{ID: int64(c.project.ID), Name: c.project.Name, Created: apiMicros(c.project.Created)}
}

func (s *Server) apiProjects(c *apiCall) error {
	return c.json(http.StatusOK, map[string]any{"projects": []projectDoc{projectOf(c)}})
}

// apiRenameProject gives the project of the key another name.
func (s *Server) apiRenameProject(c *apiCall) error {
	if id, err := numberOf(c.path("id")); err != nil || id != int64(c.project.ID) {
		return fault.NotFound
	}
	name, present, err := c.body.text("name", 0)
	if err != nil {
		return err
	}
	if present {
		if name, err = account.ValidProjectName(name); err != nil {
			return invalidMember("name", fmt.Sprintf("takes 1 to %d characters", account.ProjectNameLimit))
		}
		if err := s.Store.RenameProject(c.ctx(), c.project.ID, name); err != nil {
			return err
		}
		c.project.Name = name
	}
	return c.json(http.StatusOK, projectOf(c))
}

// rolesByKey are the roles that a key may give. A key is held by programs, so it
// neither makes nor unmakes an owner.
var rolesByKey = []account.Role{account.Manager, account.Member, account.ReadOnly}

var errOwner = fault.Say(fault.Forbidden, "an owner is not changed by an API key")

type memberDoc struct {
	Email string       `json:"email"`
	Role  account.Role `json:"role"`
}

func (s *Server) apiMembers(c *apiCall) error {
	members, err := s.Store.Members(c.ctx(), c.project.ID)
	if err != nil {
		return err
	}
	list := make([]memberDoc, len(members))
	for i, m := range members {
		list[i] = memberDoc{m.Email, m.Role}
	}
	return c.json(http.StatusOK, map[string]any{"members": list})
}

// apiPutMember gives somebody who has an account a role, be it in a list or by
// address.
func (s *Server) apiPutMember(c *apiCall) error {
	email := c.path("email")
	if email == "" {
		var err error
		if email, _, err = c.body.text("email", 0); err != nil {
			return err
		}
	}
	role, _, err := c.body.text("role", 0)
	if err != nil {
		return err
	}
	if !slices.Contains(rolesByKey, account.Role(role)) {
		return invalidMember("role", "has unexpected value")
	}
	user, err := s.apiUser(c, email)
	if err != nil {
		return err
	}
	known, err := s.member(c, user.ID)
	if err != nil {
		return err
	}
	if known != nil && known.Role == account.Owner {
		return errOwner
	}
	if err := s.Store.SetMember(c.ctx(), c.project.ID, user.ID, account.Role(role)); err != nil {
		return err
	}
	code := http.StatusOK
	if known == nil {
		code = http.StatusCreated
	}
	return c.json(code, memberDoc{user.Email, account.Role(role)})
}

// apiRemoveMember ends a membership and answers with what it was.
func (s *Server) apiRemoveMember(c *apiCall) error {
	user, err := s.apiUser(c, c.path("email"))
	if err != nil {
		return err
	}
	known, err := s.member(c, user.ID)
	if err != nil {
		return err
	}
	switch {
	case known == nil:
		return fault.NotFound
	case known.Role == account.Owner:
		return errOwner
	}
	if err := s.Store.RemoveMember(c.ctx(), c.project.ID, user.ID); err != nil {
		return err
	}
	return c.json(http.StatusOK, memberDoc{user.Email, known.Role})
}

func (s *Server) apiUser(c *apiCall, email string) (account.User, error) {
	email, err := account.ValidEmail(email)
	if err != nil {
		return account.User{}, invalidMember("email", "is not an address")
	}
	user, err := s.Store.UserByEmail(c.ctx(), email)
	if errors.Is(err, fault.NotFound) {
		return user, refuse(http.StatusNotFound, "nobody with this address has an account")
	}
	return user, err
}

// member finds a user among the members; nil when the user is none.
func (s *Server) member(c *apiCall, id account.UserID) (*store.Member, error) {
	members, err := s.Store.Members(c.ctx(), c.project.ID)
	if err != nil {
		return nil, err
	}
	if at := slices.IndexFunc(members, func(m store.Member) bool { return m.ID == id }); at >= 0 {
		return &members[at], nil
	}
	return nil, nil
}
