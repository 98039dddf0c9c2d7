package store

import (
	"context"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
)

// AuditKept is how long an entry of the audit log is kept at least.
const AuditKept = 400 * 24 * time.Hour

type actorKey struct{}

// By returns a context whose changes are recorded as the actor's. Each is recorded
// in its own transaction, so that what fails leaves no entry and what is done
// leaves one. What is done without an actor, by pings and by time, is no one's.
func By(ctx context.Context, a account.Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// Actor returns whose changes a context carries.
func Actor(ctx context.Context) (account.Actor, bool) {
	a, named := ctx.Value(actorKey{}).(account.Actor)
	return a, named
}

// Audit is who changed what. The other methods of a store write it, see By.
type Audit interface {
	// AuditLog lists the newest first.
	AuditLog(ctx context.Context, q AuditQuery) ([]account.Entry, error)
	// AuditActors lists who stands in the log of a project, by name, each once.
	AuditActors(ctx context.Context, project monitor.ProjectID) ([]string, error)
	// VerifyAudit looks at the seals of every log, or of one when the project is not
	// 0, and calls wrong with each entry that does not follow the one before it.
	// It returns how many entries it looked at.
	VerifyAudit(ctx context.Context, project monitor.ProjectID, wrong func(e account.Entry, words string)) (int, error)
}

// AuditQuery selects entries of one project. Zero members select all.
type AuditQuery struct {
	Project monitor.ProjectID
	Object  account.Object
	Actor   string // the name
	Before  int64  // only older ones
	Limit   int
}
