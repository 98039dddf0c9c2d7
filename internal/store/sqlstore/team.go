package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// Members implements store.Team.
func (s *Store) Members(ctx context.Context, project monitor.ProjectID) ([]store.Member, error) {
	rows, err := s.reading().MembersOfProject(ctx, gen.MembersOfProjectParams{ProjectID: int64(project), Rows: listLimit})
	if err != nil {
		return nil, s.done("list members", err)
	}
	list := make([]store.Member, len(rows))
	for i, row := range rows {
		list[i] = store.Member{User: userOf(row.User), Role: account.Role(row.Role)}
	}
	return list, nil
}

// SetMember implements store.Team.
func (s *Store) SetMember(ctx context.Context, project monitor.ProjectID, user account.UserID, role account.Role) error {
	return s.staff(ctx, "set member", project, func(q *gen.Queries, rec recorder) error {
		before, err := q.MemberByUser(ctx, gen.MemberByUserParams{ProjectID: int64(project), UserID: int64(user)})
		entry := account.Entry{Verb: account.Edited}
		if errors.Is(err, sql.ErrNoRows) {
			entry.Verb, err = account.Added, s.roomForMember(ctx, q, project, 1)
		}
		if err != nil {
			return err
		}
		rows, err := q.PutMember(ctx, gen.PutMemberParams{ProjectID: int64(project), UserID: int64(user), Role: string(role)})
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return err
		}
		if before.Role == string(role) {
			return nil
		}
		after, err := q.MemberByUser(ctx, gen.MemberByUserParams{ProjectID: int64(project), UserID: int64(user)})
		if err != nil {
			return err
		}
		return rec(entry.Changes(account.One("role", before.Role), account.One("role", after.Role)).OfMember(user, after.Email))
	})
}

// RemoveMember implements store.Team.
func (s *Store) RemoveMember(ctx context.Context, project monitor.ProjectID, user account.UserID) error {
	return s.endMember(ctx, "remove member", project, user, account.Removed)
}

// LeaveProject implements store.Members.
func (s *Store) LeaveProject(ctx context.Context, project monitor.ProjectID, user account.UserID) error {
	return s.endMember(ctx, "leave project", project, user, account.Left)
}

// endMember ends a membership, and what was offered to or by the member.
func (s *Store) endMember(ctx context.Context, doing string, project monitor.ProjectID, user account.UserID, verb account.Verb) error {
	return s.staff(ctx, doing, project, func(q *gen.Queries, rec recorder) error {
		before, err := q.MemberByUser(ctx, gen.MemberByUserParams{ProjectID: int64(project), UserID: int64(user)})
		if err != nil {
			return err
		}
		if _, err := q.DeleteMember(ctx, gen.DeleteMemberParams{ProjectID: int64(project), UserID: int64(user)}); err != nil {
			return err
		}
		return rec(account.Entry{Verb: verb}.Changes(account.One("role", before.Role), account.Fields{}).OfMember(user, before.Email))
	})
}

// staff changes who belongs to a project, and refuses to leave it without an
// owner.
func (s *Store) staff(ctx context.Context, doing string, project monitor.ProjectID, change func(*gen.Queries, recorder) error) error {
	return s.change(ctx, doing, project, func(q *gen.Queries, rec recorder) error {
		if err := change(q, rec); err != nil {
			return err
		}
		owners, err := q.CountOwners(ctx, int64(project))
		if err == nil && owners == 0 {
			err = fault.Say(fault.Conflict, "a project needs an owner; make somebody else one first")
		}
		return err
	})
}

// RenameProject implements store.Team.
func (s *Store) RenameProject(ctx context.Context, project monitor.ProjectID, name string) error {
	return s.change(ctx, "rename project", project, func(q *gen.Queries, rec recorder) error {
		before, err := q.ProjectByID(ctx, int64(project))
		if err != nil || before.Name == name {
			return err
		}
		if _, err := q.RenameProject(ctx, gen.RenameProjectParams{ID: int64(project), Name: name}); err != nil {
			return err
		}
		entry := projectEntry(account.Edited, account.Project{ID: project, Name: name})
		return rec(entry.Changes(account.One("name", before.Name), account.One("name", name)))
	})
}

// Events implements store.Team. What is after the limit in one kind may be before
// it in another, so each kind is asked for all of the limit.
func (s *Store) Events(ctx context.Context, project monitor.ProjectID, after, until time.Time, limit int) ([]store.Event, error) {
	var all []store.Event
	for _, list := range []func(context.Context, monitor.ProjectID, time.Time, time.Time, int) ([]store.Event, error){
		s.pingEvents, s.flipEvents, s.deliveryEvents,
	} {
		events, err := list(ctx, project, after, until, limit)
		if err != nil {
			return nil, s.done("list events", err)
		}
		all = append(all, events...)
	}
	slices.SortStableFunc(all, func(a, b store.Event) int { return a.At.Compare(b.At) })
	if len(all) <= limit {
		return all, nil
	}
	end := limit
	for end < len(all) && all[end].At.Equal(all[limit-1].At) {
		end++
	}
	return all[:end], nil
}

// pingEvents looks at the newest pings of the checks that were pinged since: a
// ping is found by its check and number alone.
func (s *Store) pingEvents(ctx context.Context, project monitor.ProjectID, after, until time.Time, _ int) ([]store.Event, error) {
	rows, err := s.reading().LatePingsOfProject(ctx, gen.LatePingsOfProjectParams{
		ProjectID: int64(project), Since: after.Unix(), Span: store.EventSpan, Rows: runEndLimit,
	})
	if err != nil {
		return nil, err
	}
	var events []store.Event
	for _, row := range rows {
		ping, err := PingOf(gen.PingByNRow{
			CheckID: row.CheckID, N: row.N, At: row.At, Signal: row.Signal, ExitStatus: row.ExitStatus,
			RunID: row.RunID, Duration: row.Duration, Ignored: row.Ignored, Detail: row.Detail,
		})
		if err != nil {
			return nil, err
		}
		if at := ping.Received(); at.After(after) && !at.After(until) {
			event := store.Event{At: at, Name: row.Name, Slug: valueOf(row.Slug), Ping: &ping}
			if event.Check, err = uuid.Parse(row.UUID); err != nil {
				return nil, err
			}
			events = append(events, event)
		}
	}
	slices.SortStableFunc(events, func(a, b store.Event) int { return a.At.Compare(b.At) })
	return events, nil
}

func (s *Store) flipEvents(ctx context.Context, project monitor.ProjectID, after, until time.Time, limit int) ([]store.Event, error) {
	rows, err := s.reading().FlipsOfProject(ctx, gen.FlipsOfProjectParams{
		ProjectID: int64(project), After: after.UnixMicro(), Until: until.UnixMicro(), Rows: int32(limit) + eventSlack,
	})
	if err != nil {
		return nil, err
	}
	return each(rows, func(row gen.FlipsOfProjectRow) (store.Event, error) {
		flip, err := FlipOf(row.Flip)
		id, wrong := uuid.Parse(row.UUID)
		return store.Event{At: flip.Judged, Check: id, Name: row.Name, Slug: valueOf(row.Slug), Flip: &flip}, errors.Join(err, wrong)
	})
}

func (s *Store) deliveryEvents(ctx context.Context, project monitor.ProjectID, after, until time.Time, limit int) ([]store.Event, error) {
	rows, err := s.reading().EndedDeliveriesOfProject(ctx, gen.EndedDeliveriesOfProjectParams{
		ProjectID: int64(project), After: monitor.Micros(after), Until: monitor.Micros(until), Rows: int32(limit) + eventSlack,
	})
	if err != nil {
		return nil, err
	}
	return each(rows, func(row gen.EndedDeliveriesOfProjectRow) (store.Event, error) {
		ended := monitor.FromMicros(row.EndedAt)
		event := store.Event{
			At: ended, Name: valueOf(row.Name), Slug: valueOf(row.Slug), Channel: row.Channel,
			Delivery: &monitor.Delivery{State: monitor.DeliveryState(row.State), Attempts: int(row.Attempts), Ended: ended, Answer: row.Answer},
		}
		if row.UUID == nil {
			return event, nil
		}
		var err error
		if event.Check, err = uuid.Parse(*row.UUID); err != nil {
			err = fmt.Errorf("delivery: uuid of the check: %w", err)
		}
		return event, err
	})
}

// eventSlack is for what happened at the same instant as the last event of a list.
const eventSlack = 1000
