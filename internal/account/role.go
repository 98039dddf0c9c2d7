package account

import "slices"

// Role is what a member may do in a project.
type Role string

// The roles, the strongest first.
const (
	Owner    Role = "owner"
	Manager  Role = "manager"
	Member   Role = "member"
	ReadOnly Role = "readonly"
)

// Action is what somebody wants to do in a project.
type Action string

// The actions.
const (
	See    Action = "see"    // read everything but secrets
	Change Action = "change" // checks, channels and deliveries
	Manage Action = "manage" // members, keys, public pages and the project's name
	Own    Action = "own"    // give the project away, or delete it
)

// may is the one table of what each role allows.
var may = map[Role][]Action{
	Owner:    {See, Change, Manage, Own},
	Manager:  {See, Change, Manage},
	Member:   {See, Change},
	ReadOnly: {See},
}

// May reports whether the role allows the action. An unknown role allows nothing.
func (r Role) May(a Action) bool { return slices.Contains(may[r], a) }
