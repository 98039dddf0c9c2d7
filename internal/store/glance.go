package store

import (
	"context"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
)

// Glance is what every page asks for, again and again: it reads little.
type Glance interface {
	// StatusCounts counts the checks of every project of a user by the status that
	// they show at the given time, except of one whose checks are known; 0 is none. A
	// project without checks is not in it.
	StatusCounts(ctx context.Context, user account.UserID, except monitor.ProjectID, now time.Time) (map[monitor.ProjectID]map[monitor.Status]int, error)
	// Mark returns what changes whenever something happens in a project that its
	// pages show: to a check, or to a delivery that is new or has ended.
	Mark(ctx context.Context, project monitor.ProjectID, now time.Time) (Mark, error)
}

// Mark is a state of a project; two that differ are of different states.
type Mark struct {
	Checks, LastCheck, Pings, Flips, Edited, Late, Troubled int64
	LastDelivery, LastEnded                                 int64
}

// TellChanged calls tell for the projects of the checks that a batch has changed,
// not twice for neighbours; tell may be nil.
func TellChanged(results []Result, tell func(monitor.ProjectID)) {
	if tell == nil {
		return
	}
	var last monitor.ProjectID
	for _, result := range results {
		project := result.Change.Check.Project
		if result.Err != nil || result.Change.Unchanged || project == last {
			continue
		}
		tell(project)
		last = project
	}
}
