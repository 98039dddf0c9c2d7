package sqlstore

import (
	"context"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// Bound implements store.Members.
func (s *Store) Bound(l store.Limits) { s.limits = l }

// Usage implements store.Members.
func (s *Store) Usage(ctx context.Context, project monitor.ProjectID) (store.Usage, error) {
	q := s.reading()
	checks, err := q.CountChecksOfAccount(ctx, int64(project))
	if err != nil {
		return store.Usage{}, s.done("count checks", err)
	}
	members, err := q.CountMembers(ctx, int64(project))
	return store.Usage{Checks: int(checks), Members: int(members), Limits: s.limits}, s.done("count members", err)
}

// The account that a project belongs to is that of its longest-standing owner; its
// row is the lock for what is counted over all of its projects.
const (
	lockAccount = `UPDATE users SET created_at = created_at
		WHERE id = (SELECT MIN(user_id) FROM members WHERE project_id = $1 AND role = 'owner') RETURNING id`
	countChecks = `SELECT COUNT(*) FROM checks WHERE project_id IN
		(SELECT mine.project_id FROM members AS mine WHERE mine.user_id = $1 AND mine.role = 'owner'
			AND NOT EXISTS (SELECT 1 FROM members AS older
				WHERE older.project_id = mine.project_id AND older.role = 'owner' AND older.user_id < mine.user_id))`
)

// RoomForCheck refuses another check when the account of the project has as many
// as it may, and keeps others from making one until the transaction ends.
func (s *Store) RoomForCheck(ctx context.Context, ask Ask, project monitor.ProjectID) error {
	if s.limits.Checks == nil {
		return nil
	}
	var owner, checks int64
	if err := ask(ctx, lockAccount, int64(project)).Scan(&owner); err != nil {
		return err
	}
	if err := ask(ctx, countChecks, owner).Scan(&checks); err != nil {
		return err
	}
	if checks >= int64(*s.limits.Checks) {
		return fault.Say(fault.Forbidden, "this account may have %d checks, and has them; delete one, or ask whoever runs this server", *s.limits.Checks)
	}
	return nil
}

// fits refuses a project whose account has more checks with it than it may.
func (s *Store) fits(ctx context.Context, q *gen.Queries, project monitor.ProjectID) error {
	if s.limits.Checks == nil {
		return nil
	}
	checks, err := q.CountChecksOfAccount(ctx, int64(project))
	if err == nil && checks > int64(*s.limits.Checks) {
		err = fault.Say(fault.Forbidden, "this account would have %d checks, and may have %d", checks, *s.limits.Checks)
	}
	return err
}

// roomForMember refuses a further member.
func (s *Store) roomForMember(ctx context.Context, q *gen.Queries, project monitor.ProjectID, more int) error {
	if s.limits.Members == nil {
		return nil
	}
	members, err := q.CountMembers(ctx, int64(project))
	if err == nil && int(members)+more > *s.limits.Members {
		err = fault.Say(fault.Forbidden, "a project may have %d members, and this one has them, or has invited them", *s.limits.Members)
	}
	return err
}

// roomForProject refuses another project of an account.
func roomForProject(ctx context.Context, q *gen.Queries, owner account.UserID) error {
	rows, err := q.LockUser(ctx, int64(owner))
	if err := anyRow(rows, err, fault.NotFound); err != nil {
		return err
	}
	owned, err := q.CountProjectsOwned(ctx, int64(owner))
	if err == nil && owned >= store.ProjectsLimit {
		err = fault.Say(fault.Forbidden, "an account may own %d projects", store.ProjectsLimit)
	}
	return err
}
