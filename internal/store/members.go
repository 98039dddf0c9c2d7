package store

import (
	"context"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
)

// Limits bound what people can make; nil is no limit. They are checked in the
// transaction that makes it, so that two at a time cannot both pass. What is there
// already stays.
type Limits struct {
	Checks  *int // of an account: in all projects that belong to it
	Members *int // of a project
}

// ProjectsLimit is how many projects may belong to one account.
const ProjectsLimit = 100

// How invitations are bounded, so that nobody is flooded in our name.
const (
	InvitationLife    = 7 * 24 * time.Hour
	InvitationsEach   = 20 // mails of a project, and of a person, in InvitationsSpan
	InvitationsSpan   = 24 * time.Hour
	InvitationLetters = 4 // to one address: the first, and three more
	TransferLife      = 7 * 24 * time.Hour
)

// Membership of people in projects: how it begins and ends. The simple changes are
// Team's.
type Members interface {
	// Bound sets the limits, before the store is used.
	Bound(l Limits)
	// Usage tells how much of the limits is used by a project, and by the account it
	// belongs to: that of the owner who has been there for longest.
	Usage(ctx context.Context, project monitor.ProjectID) (Usage, error)
	// DeleteProject ends a project and all that is in it; its audit log stays.
	DeleteProject(ctx context.Context, project monitor.ProjectID) error
	// LeaveProject ends one's own membership as RemoveMember does.
	LeaveProject(ctx context.Context, project monitor.ProjectID, user account.UserID) error

	// Invite keeps an invitation and queues the letter that tells of it. Somebody who
	// was invited already is sent another letter and has the new role; InvitationLetters
	// bounds that. A fault.Conflict when the address is a member's, a fault.Forbidden
	// when there are too many members or letters.
	Invite(ctx context.Context, i account.Invitation, now time.Time) (account.Invitation, error)
	// Invitations lists those of a project that can be accepted, by address.
	Invitations(ctx context.Context, project monitor.ProjectID, now time.Time) ([]account.Invitation, error)
	// InvitationsTo lists what an address can accept.
	InvitationsTo(ctx context.Context, email string, now time.Time) ([]account.Invitation, error)
	// Invitation finds one by its id, or by the hash of a link's token, while it can
	// be accepted.
	Invitation(ctx context.Context, id int64, now time.Time) (account.Invitation, error)
	InvitationByToken(ctx context.Context, hash string, now time.Time) (account.Invitation, error)
	// AddInvitationToken keeps the hash of another link's token. Earlier links go on
	// to work: nobody knows which of the letters arrives.
	AddInvitationToken(ctx context.Context, id int64, hash string) error
	// RevokeInvitation ends an invitation.
	RevokeInvitation(ctx context.Context, project monitor.ProjectID, id int64) error
	// AcceptInvitation makes the user, whose address is that of the invitation, a
	// member and ends the invitation. A user without an ID is made first. A role that
	// the user has already is never made weaker.
	AcceptInvitation(ctx context.Context, id int64, user account.User, now time.Time) (account.User, error)

	// ProposeTransfer offers a project to another member; an earlier offer ends.
	ProposeTransfer(ctx context.Context, t account.Transfer) error
	// Transfer returns the offer that can be accepted now; a fault.NotFound when there
	// is none.
	Transfer(ctx context.Context, project monitor.ProjectID, now time.Time) (account.Transfer, error)
	// EndTransfer ends an offer: who made it withdraws it, who was made it declines.
	EndTransfer(ctx context.Context, project monitor.ProjectID, by account.UserID) error
	// AcceptTransfer makes the one who was offered the project its owner, and who
	// offered it a manager. A fault.Conflict when the offer does not hold any more.
	AcceptTransfer(ctx context.Context, project monitor.ProjectID, to account.UserID, now time.Time) error
}

// Usage is how much there is of what Limits bounds.
type Usage struct {
	Checks  int // of the account
	Members int
	Limits  Limits
}
