package sqlstore

import (
	"context"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/store/sqlstore/gen"
)

// Untold implements store.Outbox.
func (s *Store) Untold(ctx context.Context, project monitor.ProjectID, now time.Time) ([]monitor.Untold, error) {
	rows, err := s.reading().Untold(ctx, gen.UntoldParams{
		ProjectID: int64(project), Rows: listLimit,
		After: now.Add(-monitor.UntoldSpan).UnixMicro(), Until: now.Add(-monitor.UntoldAfter).UnixMicro(),
	})
	if err != nil {
		return nil, s.done("find what nobody was told", err)
	}
	list := make([]monitor.Untold, len(rows))
	for i, row := range rows {
		list[i] = monitor.Untold{
			Project: monitor.ProjectID(row.ProjectID), Name: row.Name, Checks: int(row.Checks),
			Since: instant(row.Since), Latest: instant(row.Latest),
		}
	}
	return list, nil
}
