package sqlstore

import (
	"context"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// CheckByID implements store.Programs.
func (s *Store) CheckByID(ctx context.Context, id monitor.CheckID) (monitor.Check, error) {
	row, err := s.reading().CheckByID(ctx, int64(id))
	if err != nil {
		return monitor.Check{}, s.done("find check", err)
	}
	return CheckOf(row)
}

// DeleteCheckIf implements store.Programs.
func (s *Store) DeleteCheckIf(ctx context.Context, project monitor.ProjectID, id monitor.CheckID, still func(monitor.Check) error) error {
	return s.change(ctx, "delete check", project, func(q *gen.Queries, rec recorder) error {
		rows, err := q.LockCheck(ctx, gen.LockCheckParams{ProjectID: int64(project), ID: int64(id)})
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return err
		}
		row, err := q.CheckByID(ctx, int64(id))
		if err != nil {
			return err
		}
		check, err := CheckOf(row)
		if err != nil {
			return err
		}
		if err := still(check); err != nil {
			return err
		}
		if err := q.BuryCheck(ctx, int64(id)); err != nil {
			return err
		}
		if _, err := q.DeleteCheck(ctx, gen.DeleteCheckParams{ProjectID: int64(project), ID: int64(id)}); err != nil {
			return err
		}
		return rec(account.CheckEntry(account.Deleted, check).Changes(account.CheckFields(check.Config, ""), account.Fields{}))
	})
}

// assignmentLimit bounds the pairs of check and channel of one project.
const assignmentLimit = 1_000_000

// Assignments implements store.Programs.
func (s *Store) Assignments(ctx context.Context, project monitor.ProjectID) (map[monitor.CheckID][]monitor.ChannelID, error) {
	rows, err := s.reading().AssignmentsOfProject(ctx, gen.AssignmentsOfProjectParams{ProjectID: int64(project), Rows: assignmentLimit})
	if err != nil {
		return nil, s.done("list assignments", err)
	}
	channels := map[monitor.CheckID][]monitor.ChannelID{}
	for _, row := range rows {
		id := monitor.CheckID(row.CheckID)
		channels[id] = append(channels[id], monitor.ChannelID(row.ChannelID))
	}
	return channels, nil
}

// ProjectByBadge implements store.Programs.
func (s *Store) ProjectByBadge(ctx context.Context, beginning string) (account.Project, error) {
	if len(beginning) != store.BadgeName {
		return account.Project{}, s.done("find project by badge", fault.NotFound)
	}
	row, err := s.reading().ProjectByBadge(ctx, beginning)
	return ProjectOf(row), s.done("find project by badge", err)
}

// BeginRequest implements store.Programs.
func (s *Store) BeginRequest(ctx context.Context, r store.Request) (earlier *store.Request, err error) {
	err = s.transact(ctx, "begin request", func(q *gen.Queries) error {
		err := q.DropStaleRequest(ctx, gen.DropStaleRequestParams{
			ProjectID: int64(r.Project),
			Key:       r.Key,
			Expired:   r.Begun.Add(-store.RequestLife).UnixMicro(),
			Stuck:     r.Begun.Add(-store.RequestTime).UnixMicro(),
		})
		if err != nil {
			return err
		}
		rows, err := q.InsertRequest(ctx, gen.InsertRequestParams{
			ProjectID:   int64(r.Project),
			Key:         r.Key,
			Fingerprint: r.Fingerprint,
			CreatedAt:   r.Begun.UnixMicro(),
		})
		if err != nil || rows == 1 {
			return err
		}
		row, err := q.RequestByKey(ctx, gen.RequestByKeyParams{ProjectID: int64(r.Project), Key: r.Key})
		if err != nil {
			return err
		}
		earlier = &store.Request{
			Project:     monitor.ProjectID(row.ProjectID),
			Key:         row.Key,
			Fingerprint: row.Fingerprint,
			Begun:       instant(row.CreatedAt),
			Code:        numberOf(row.Code),
			Header:      row.Header,
			Body:        row.Body,
		}
		return nil
	})
	return earlier, err
}

// AnswerRequest implements store.Programs.
func (s *Store) AnswerRequest(ctx context.Context, r store.Request) error {
	rows, err := s.writing().AnswerRequest(ctx, gen.AnswerRequestParams{
		ProjectID: int64(r.Project),
		Key:       r.Key,
		CreatedAt: r.Begun.UnixMicro(),
		Code:      rowNumber(r.Code),
		Header:    r.Header,
		Body:      r.Body,
	})
	return s.changed("keep the answer of a request", rows, err)
}

// DropRequest implements store.Programs.
func (s *Store) DropRequest(ctx context.Context, r store.Request) error {
	return s.done("drop request", s.writing().DropRequest(ctx, gen.DropRequestParams{
		ProjectID: int64(r.Project), Key: r.Key, CreatedAt: r.Begun.UnixMicro(),
	}))
}
