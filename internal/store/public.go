package store

import (
	"context"
	"time"

	"rollcall/internal/monitor"
)

// HistoryLimit is how many changes of status of one project are looked at together.
const HistoryLimit = 50_000

// Public is what people without an account are shown.
type Public interface {
	// CreateStatusPage makes a page; a fault.Conflict when its address is taken, or
	// the project has monitor.StatusPagesLimit of them.
	CreateStatusPage(ctx context.Context, p monitor.StatusPage) (monitor.StatusPage, error)
	// EditStatusPage writes all of a page but when it was made; a fault.Conflict when
	// its address is taken. What it says of checks of other projects is left out.
	EditStatusPage(ctx context.Context, p monitor.StatusPage) error
	DeleteStatusPage(ctx context.Context, project monitor.ProjectID, id monitor.StatusPageID) error
	StatusPage(ctx context.Context, project monitor.ProjectID, id monitor.StatusPageID) (monitor.StatusPage, error)
	// StatusPages lists the pages of a project by title, without what they say of
	// single checks.
	StatusPages(ctx context.Context, project monitor.ProjectID) ([]monitor.StatusPage, error)
	StatusPageAt(ctx context.Context, address string) (monitor.StatusPage, error)
	// History returns how the checks of a project changed their status since the given
	// time, at most the newest HistoryLimit changes.
	History(ctx context.Context, project monitor.ProjectID, since time.Time) (History, error)

	// BadgeKey returns the BadgeKey of a project.
	BadgeKey(ctx context.Context, project monitor.ProjectID) (string, error)
	// SetBadgeKey replaces it: the addresses of all badges of the project end.
	SetBadgeKey(ctx context.Context, project monitor.ProjectID, key string) error
}

// History is how the checks of a project changed their status.
type History struct {
	Since time.Time // it is complete from here on
	// Flips are the newest first, with no more of their facts than which one they correct.
	Flips map[monitor.CheckID][]monitor.Flip
}
