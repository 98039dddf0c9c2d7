package web

import (
	"context"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
)

// beginProject makes a project with its owner, a channel to the owner's address,
// and the check whose address the new owner is shown first. A project that was left
// without the latter is no worse for that: its page says how to make one.
func (s *Server) beginProject(ctx context.Context, name string, owner account.User) (account.Project, error) {
	now := s.Now()
	project, err := s.Store.CreateProject(ctx, account.Project{Name: name, Created: now}, owner.ID)
	if err != nil {
		return project, err
	}
	channel, err := s.Store.CreateChannel(ctx, monitor.Channel{
		Project: project.ID, Name: owner.Email, Kind: monitor.Email,
		Settings: monitor.Settings{Address: owner.Email}, Created: now,
	})
	if err != nil {
		return project, err
	}
	first := monitor.Provisioned(uuid.New(), firstSlug, "My first job", nil)
	first.Project = project.ID
	_, err = s.Store.CreateCheck(ctx, monitor.Create(first, now), []monitor.ChannelID{channel.ID})
	return project, err
}
