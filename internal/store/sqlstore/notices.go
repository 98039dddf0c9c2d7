package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store/sqlstore/gen"
)

// Notices implements store.Notices.
func (s *Store) Notices(ctx context.Context, user account.UserID) (account.Notices, error) {
	row, err := s.reading().NoticesOfUser(ctx, int64(user))
	return s.wholeNotices(ctx, row, err)
}

// NoticesByStop implements store.Notices.
func (s *Store) NoticesByStop(ctx context.Context, stopName string) (account.Notices, error) {
	row, err := s.reading().NoticesByStop(ctx, stopName)
	return s.wholeNotices(ctx, row, err)
}

// wholeNotices adds the projects that are left out.
func (s *Store) wholeNotices(ctx context.Context, row gen.Notice, err error) (account.Notices, error) {
	if err != nil {
		return account.Notices{}, s.done("find notices", err)
	}
	n := noticesOf(row)
	rows, err := s.reading().LeftOut(ctx, gen.LeftOutParams{UserID: row.UserID, Rows: listLimit})
	n.LeftOut = ids[monitor.ProjectID](rows)
	return n, s.done("list projects that are left out", err)
}

// SetNotices implements store.Notices.
func (s *Store) SetNotices(ctx context.Context, n account.Notices) error {
	return s.transact(ctx, "set notices", func(q *gen.Queries) error {
		err := q.PutNotices(ctx, gen.PutNoticesParams{
			UserID: int64(n.User), Report: string(n.Report), Day: int64(n.Day), Reminder: string(n.Reminder),
			NextReport: monitor.Micros(n.NextReport), NextReminder: monitor.Micros(n.NextReminder),
			StopName: n.StopName(), StopKey: n.StopKey,
		})
		if err != nil {
			return err
		}
		if err := q.DeleteLeftOut(ctx, int64(n.User)); err != nil {
			return err
		}
		for _, project := range n.LeftOut {
			if err := q.InsertLeftOut(ctx, gen.InsertLeftOutParams{UserID: int64(n.User), ProjectID: int64(project)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// DueNotices implements store.Notices.
func (s *Store) DueNotices(ctx context.Context, now time.Time, limit int) ([]account.Notices, error) {
	reports, err := s.reading().DueReports(ctx, gen.DueReportsParams{Now: now.UnixMicro(), Rows: int32(limit)})
	if err != nil {
		return nil, s.done("list due reports", err)
	}
	reminders, err := s.reading().DueReminders(ctx, gen.DueRemindersParams{Now: now.UnixMicro(), Rows: int32(limit)})
	if err != nil {
		return nil, s.done("list due reminders", err)
	}
	var list []account.Notices
	for _, row := range append(reports, reminders...) {
		n := noticesOf(row)
		if !slices.ContainsFunc(list, func(other account.Notices) bool { return other.User == n.User }) {
			list = append(list, n)
		}
	}
	slices.SortFunc(list, func(a, b account.Notices) int {
		return cmp.Or(firstDue(a).Compare(firstDue(b)), cmp.Compare(a.User, b.User))
	})
	return list[:min(limit, len(list))], nil
}

func firstDue(n account.Notices) time.Time {
	return first(n.NextReport, n.NextReminder)
}

// first is the earlier of two instants of which the zero one is none.
func first(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// NextNotice implements store.Notices.
func (s *Store) NextNotice(ctx context.Context) (time.Time, error) {
	report, err := s.reading().NextReport(ctx)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, s.done("find next report", err)
	}
	reminder, err := s.reading().NextReminder(ctx)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, s.done("find next reminder", err)
	}
	return first(monitor.FromMicros(report), monitor.FromMicros(reminder)), nil
}

// SettleNotices implements store.Notices.
func (s *Store) SettleNotices(ctx context.Context, due, after account.Notices, owed ...account.Letter) error {
	return s.transact(ctx, "settle notices", func(q *gen.Queries) error {
		rows, err := q.SettleNotices(ctx, gen.SettleNoticesParams{
			UserID: int64(due.User), Report: string(due.Report), Day: int64(due.Day), Reminder: string(due.Reminder),
			DueReport: valueOf(monitor.Micros(due.NextReport)), DueReminder: valueOf(monitor.Micros(due.NextReminder)),
			NextReport: monitor.Micros(after.NextReport), NextReminder: monitor.Micros(after.NextReminder),
		})
		if err := anyRow(rows, err, fault.Conflict); err != nil {
			return err
		}
		for _, l := range owed {
			if err := q.InsertLetter(ctx, insertLetter(l)); err != nil {
				return err
			}
		}
		return nil
	})
}

// DownOf implements store.Notices.
func (s *Store) DownOf(ctx context.Context, user account.UserID, limit int) ([]monitor.Check, error) {
	rows, err := s.reading().DownChecksOfUser(ctx, gen.DownChecksOfUserParams{UserID: int64(user), Rows: int32(limit)})
	if err != nil {
		return nil, s.done("list checks that are down", err)
	}
	list := make([]monitor.Check, len(rows))
	for i, row := range rows {
		if list[i], err = CheckOf(row); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func noticesOf(row gen.Notice) account.Notices {
	return account.Notices{
		User: account.UserID(row.UserID), Report: account.Every(row.Report), Day: int(row.Day), Reminder: account.Every(row.Reminder),
		NextReport: monitor.FromMicros(row.NextReport), NextReminder: monitor.FromMicros(row.NextReminder), StopKey: row.StopKey,
	}
}
