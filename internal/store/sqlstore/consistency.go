package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// What a look at the whole database allows for.
const (
	lookedBack    = 30 * 24 * time.Hour // what is older was looked at before
	lateness      = time.Minute         // of the scheduler
	leaseLateness = 2 * time.Minute     // for another process to take a delivery over
)

// Violations implements store.Consistency.
func (s *Store) Violations(ctx context.Context, now, judged time.Time) ([]store.Violation, error) {
	q, since := s.reading(), now.Add(-lookedBack).UnixMicro()
	var found []store.Violation
	for _, look := range []struct {
		rule store.Rule
		what string
		find func() ([]int64, error)
	}{
		{store.StatusIsLastFlip, "check", func() ([]int64, error) { return q.DriftedStatus(ctx, store.ViolationLimit) }},
		{store.FlipHasDeliveries, "check", func() ([]int64, error) {
			return q.UntoldFlips(ctx, gen.UntoldFlipsParams{Since: since, Most: store.ViolationLimit})
		}},
		{store.LeaseEnds, "delivery", func() ([]int64, error) {
			return q.ExpiredLeases(ctx, gen.ExpiredLeasesParams{Before: now.Add(-leaseLateness).UnixMicro(), Most: store.ViolationLimit})
		}},
		{store.DeliveryIsQueued, "delivery", func() ([]int64, error) {
			return q.StrandedDeliveries(ctx, gen.StrandedDeliveriesParams{Since: since, Most: store.ViolationLimit})
		}},
		{store.AwaitedHasWake, "check", func() ([]int64, error) { return q.UnwatchedChecks(ctx, store.ViolationLimit) }},
		{store.DeadlineIsJudged, "check", func() ([]int64, error) {
			return q.UnjudgedChecks(ctx, gen.UnjudgedChecksParams{Before: judged.Add(-lateness).UnixMicro(), Most: store.ViolationLimit})
		}},
	} {
		ids, err := look.find()
		if err != nil {
			return nil, s.done("look for violations of "+string(look.rule), err)
		}
		if len(ids) > 0 {
			found = append(found, store.Violation{Rule: look.rule, Count: len(ids), First: fmt.Sprintf("%s %d", look.what, ids[0])})
		}
	}
	return found, nil
}

// CheckCounts implements store.Store.
func (s *Store) CheckCounts(ctx context.Context) (map[monitor.Status]int, error) {
	rows, err := s.reading().CountChecks(ctx, listLimit)
	if err != nil {
		return nil, s.done("count checks", err)
	}
	counts := map[monitor.Status]int{}
	for _, row := range rows {
		counts[monitor.Status(row.Status)] = int(row.Checks)
	}
	return counts, nil
}

// Pool implements store.Store.
func (s *Store) Pool() store.Pool {
	var p store.Pool
	for _, db := range []*sql.DB{s.read, s.write} {
		stats := db.Stats()
		p.InUse += stats.InUse
		p.Waited += stats.WaitDuration
	}
	return p
}

// Ready implements store.Store. It asks by a write, because a database that is full
// or read-only goes on answering questions.
func (s *Store) Ready(ctx context.Context) error {
	_, err := s.writing().Probe(ctx)
	return s.done("write to the database", err)
}

// projectsAtOnce is how many projects are asked for with one query.
const projectsAtOnce = 1_000

// Restored implements store.Consistency.
func (s *Store) Restored(ctx context.Context) error {
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		q := gen.New(tx)
		for _, end := range []func(context.Context) error{q.EndAllSessions, q.EndAllTokens, q.EndAllRequests} {
			if err := end(ctx); err != nil {
				return err
			}
		}
		covered, err := q.LastCovered(ctx)
		if err != nil {
			return err
		}
		title := "the database"
		if covered != 0 {
			title += ", as it was at " + instant(covered).Format("2006-01-02 15:04:05 UTC")
		}
		for after, more := int64(0), true; more; {
			ids, err := q.ProjectIDs(ctx, gen.ProjectIDsParams{After: after, Most: projectsAtOnce})
			if err != nil {
				return err
			}
			for _, id := range ids {
				if _, err := q.LockProject(ctx, id); err != nil {
					return err
				}
				entry := account.Entry{Project: monitor.ProjectID(id), Verb: account.Restored, Object: account.OfProject, Key: fmt.Sprint(id), Title: title}
				if err := record(ctx, asking(tx), entry); err != nil {
					return err
				}
				after = id
			}
			more = len(ids) == projectsAtOnce
		}
		return nil
	})
	return s.done("note that the database was restored", err)
}

// LastCovered implements store.Consistency.
func (s *Store) LastCovered(ctx context.Context) (time.Time, error) {
	at, err := s.reading().LastCovered(ctx)
	if err != nil || at == 0 {
		return time.Time{}, s.done("find coverage", err)
	}
	return instant(at), nil
}
