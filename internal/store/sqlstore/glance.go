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

// StatusCounts implements store.Glance. The database counts checks that are alike
// in all that the rule looks at; the rule then says what one of each kind shows.
func (s *Store) StatusCounts(ctx context.Context, user account.UserID, now time.Time) (map[monitor.ProjectID]map[monitor.Status]int, error) {
	rows, err := s.reading().StatusCounts(ctx, gen.StatusCountsParams{UserID: int64(user), Now: monitor.Micros(now)})
	if err != nil {
		return nil, s.done("count statuses", err)
	}
	counts := map[monitor.ProjectID]map[monitor.Status]int{}
	for _, row := range rows {
		alike := monitor.Check{State: monitor.State{Status: monitor.Status(row.Status)}}
		if row.PastDue {
			alike.Due = now.Add(-time.Microsecond)
		}
		if alike.Runs, err = fromText[[]monitor.Run](row.Runs); err != nil {
			return nil, fmt.Errorf("count statuses: runs: %w", err)
		}
		project := monitor.ProjectID(row.ProjectID)
		if counts[project] == nil {
			counts[project] = map[monitor.Status]int{}
		}
		counts[project][alike.Shown(now)] += int(row.N)
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
