package web

import (
	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
)

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
