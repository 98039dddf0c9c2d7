package sqlstore

import (
	"context"
	"fmt"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// StatusCounts implements store.Glance. It reads what the rule looks at, and no more.
func (s *Store) StatusCounts(ctx context.Context, user account.UserID, except monitor.ProjectID, now time.Time) (map[monitor.ProjectID]map[monitor.Status]int, error) {
	rows, err := s.reading().StatusesOfUser(ctx, gen.StatusesOfUserParams{UserID: int64(user), Known: int64(except)})
	if err != nil {
		return nil, s.done("count statuses", err)
	}
	counts := map[monitor.ProjectID]map[monitor.Status]int{}
	for _, row := range rows {
		var check monitor.Check
		check.Status, check.Due = monitor.Status(row.Status), monitor.FromMicros(row.Due)
		if check.Runs, err = fromText[[]monitor.Run](row.Runs); err != nil {
			return nil, fmt.Errorf("count statuses: runs: %w", err)
		}
		project := monitor.ProjectID(row.ProjectID)
		if counts[project] == nil {
			counts[project] = map[monitor.Status]int{}
		}
		counts[project][check.Shown(now)]++
	}
	return counts, nil
}

// Mark implements store.Glance.
func (s *Store) Mark(ctx context.Context, project monitor.ProjectID, now time.Time) (store.Mark, error) {
	q := s.reading()
	checks, err := q.MarkOfChecks(ctx, gen.MarkOfChecksParams{ProjectID: int64(project), Now: monitor.Micros(now)})
	if err != nil {
		return store.Mark{}, s.done("mark checks", err)
	}
	deliveries, err := q.MarkOfDeliveries(ctx, int64(project))
	if err != nil {
		return store.Mark{}, s.done("mark deliveries", err)
	}
	return store.Mark{
		Checks: checks.Checks, LastCheck: checks.LastCheck, Pings: checks.Pings, Flips: checks.Flips,
		Edited: checks.Edited, Late: checks.Late, Troubled: checks.Troubled,
		LastDelivery: deliveries.LastDelivery, LastEnded: deliveries.LastEnded,
	}, nil
}
