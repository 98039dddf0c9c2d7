package store

import (
	"context"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
)

// People is what somebody does about their own account.
type People interface {
	// Register makes an account with what belongs to it. It is a fault.NotFound when
	// the link it was asked with can no longer be used, a fault.Conflict when the
	// address has an account.
	Register(ctx context.Context, n Newcomer, now time.Time) (account.User, error)
	// BeginProject makes a project with its owner, and with what it begins with.
	BeginProject(ctx context.Context, b Beginning, owner account.UserID) (account.Project, error)
	// SetZone sets the zone in which a user reads times, "" for the server's.
	SetZone(ctx context.Context, id account.UserID, zone string) error
	// MoveEmail uses up a link to a new address and makes that the user's; the notice
	// goes to the old one. All their sessions and links end. It is a fault.NotFound
	// when the link can no longer be used, a fault.Conflict when the address has an
	// account.
	MoveEmail(ctx context.Context, hash string, now time.Time, notice func(before account.User) account.Letter) (account.User, error)
	// Owned lists the projects that a user owns, the oldest first.
	Owned(ctx context.Context, id account.UserID) ([]Owned, error)
	// DeleteAccount deletes a user, their sessions, and the projects that end with
	// them, and queues the letters. It is a fault.Conflict when a project keeps them.
	DeleteAccount(ctx context.Context, id account.UserID, letters ...account.Letter) error

	// PutLink keeps a one-time link. Earlier ones stay good: a letter may be slow.
	PutLink(ctx context.Context, l Link) error
	// FindLink returns a link that can still be used, else a fault.NotFound.
	FindLink(ctx context.Context, purpose account.Purpose, hash string, now time.Time) (Link, error)
	// UseLink ends a link, and all others of its purpose to the same address; a
	// fault.NotFound when it was used, has expired or never was.
	UseLink(ctx context.Context, purpose account.Purpose, hash string, now time.Time) (Link, error)
}

// Newcomer is an account that is to be made.
type Newcomer struct {
	// Link is the hash of the link that the account is made with, which is used up;
	// "" when there is none.
	Link    string
	Purpose account.Purpose // of the link
	User    account.User
	Project *Beginning // of their own; nil: none
}

// Beginning is what a project begins with.
type Beginning struct {
	Project account.Project
	Channel *monitor.Channel // nil: none
	Check   *monitor.Check   // told to the channel; nil: none
}

// Link is what a one-time secret is good for. Only its hash is kept.
type Link struct {
	Purpose account.Purpose
	Hash    string
	User    account.UserID // 0: whoever the address belongs to has no account yet
	Email   string         // where it was mailed to; "" when it was not
	Expires time.Time
}

// Owned is a project of an owner, with how many others there are.
type Owned struct {
	ID     monitor.ProjectID
	Name   string
	Others int // members
	Owners int // of the others
}

// Ends reports whether the project is deleted with the account of its owner:
// nobody else would ever see it.
func (o Owned) Ends() bool { return o.Others == 0 }

// Keeps reports whether the owner cannot go yet: others are at work in the
// project, and none of them owns it.
func (o Owned) Keeps() bool { return o.Others > 0 && o.Owners == 0 }
