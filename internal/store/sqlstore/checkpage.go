package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// Turns implements store.CheckPage. Revs are without gaps, so the newest are known
// by their numbers.
func (s *Store) Turns(ctx context.Context, id monitor.CheckID, since time.Time, limit int) ([]monitor.Flip, error) {
	rows, err := s.reading().TurnsOfCheck(ctx, gen.TurnsOfCheckParams{
		CheckID: int64(id), Since: since.UnixMicro(), Newest: int64(limit), Rows: int32(limit),
	})
	if err != nil {
		return nil, s.done("list turns", err)
	}
	return each(rows, func(row gen.TurnsOfCheckRow) (monitor.Flip, error) { return FlipOf(gen.Flip(row)) })
}

// RotateCheck implements store.CheckPage.
func (s *Store) RotateCheck(ctx context.Context, project monitor.ProjectID, id monitor.CheckID, to uuid.UUID, now, until time.Time) error {
	return s.transact(ctx, "rotate check", func(q *gen.Queries) error {
		rows, err := q.LockCheck(ctx, gen.LockCheckParams{ProjectID: int64(project), ID: int64(id)})
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return err
		}
		check, err := q.CheckByID(ctx, int64(id))
		if err != nil || check.UUID == to.String() {
			return err
		}
		if _, err := q.OldAddress(ctx, to.String()); !errors.Is(err, sql.ErrNoRows) {
			return errors.Join(err, fault.Conflict)
		}
		if err := q.InsertOldAddress(ctx, gen.InsertOldAddressParams{
			UUID: check.UUID, CheckID: check.ID, RotatedAt: now.UnixMicro(), EndsAt: monitor.Micros(until),
		}); err != nil {
			return err
		}
		return q.RotateCheck(ctx, gen.RotateCheckParams{ID: int64(id), UUID: to.String()})
	})
}

// oldLimit bounds the old addresses of one project.
const oldLimit = 10_000

// OldAddresses implements store.CheckPage.
func (s *Store) OldAddresses(ctx context.Context, project monitor.ProjectID) ([]store.OldAddress, error) {
	rows, err := s.reading().OldAddressesOfProject(ctx, gen.OldAddressesOfProjectParams{ProjectID: int64(project), Rows: oldLimit})
	if err != nil {
		return nil, s.done("list old addresses", err)
	}
	return each(rows, func(row gen.OldAddressesOfProjectRow) (store.OldAddress, error) {
		id, err := uuid.Parse(row.UUID)
		return store.OldAddress{UUID: id, Check: monitor.CheckID(row.CheckID), Ends: monitor.FromMicros(row.EndsAt)}, err
	})
}

// rotated finds a check of a project by a UUID that it had before.
func (s *Store) rotated(ctx context.Context, project monitor.ProjectID, id uuid.UUID) (gen.Check, error) {
	old, err := s.reading().OldAddress(ctx, id.String())
	if err != nil {
		return gen.Check{}, err
	}
	check, err := s.reading().CheckByID(ctx, old.CheckID)
	if err == nil && check.ProjectID != int64(project) {
		err = sql.ErrNoRows
	}
	return check, err
}

// MoveCheck implements store.CheckPage.
func (s *Store) MoveCheck(ctx context.Context, from monitor.ProjectID, id monitor.CheckID, to monitor.ProjectID) error {
	return s.transact(ctx, "move check", func(q *gen.Queries) error {
		rows, err := q.MoveCheck(ctx, gen.MoveCheckParams{ProjectID: int64(from), ID: int64(id), Target: int64(to)})
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return err
		}
		return q.UnassignCheck(ctx, int64(id))
	})
}

// ChecksOf implements store.CheckPage.
func (s *Store) ChecksOf(ctx context.Context, project monitor.ProjectID, channel monitor.ChannelID) ([]monitor.CheckID, error) {
	rows, err := s.reading().ChecksOfChannel(ctx, gen.ChecksOfChannelParams{
		ProjectID: int64(project), ChannelID: int64(channel), Rows: assignmentLimit,
	})
	return ids[monitor.CheckID](rows), s.done("list checks of channel", err)
}

// AssignChannel implements store.CheckPage. The channel's row is the lock.
func (s *Store) AssignChannel(ctx context.Context, project monitor.ProjectID, channel monitor.ChannelID, checks []monitor.CheckID) error {
	return s.transact(ctx, "assign channel", func(q *gen.Queries) error {
		rows, err := q.LockChannel(ctx, gen.LockChannelParams{ProjectID: int64(project), ID: int64(channel)})
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return err
		}
		if err := q.UnassignChannel(ctx, int64(channel)); err != nil {
			return err
		}
		for _, check := range slices.Compact(slices.Sorted(slices.Values(checks))) {
			rows, err := q.AssignChannel(ctx, gen.AssignChannelParams{CheckID: int64(check), ChannelID: int64(channel)})
			if err := anyRow(rows, err, fault.NotFound); err != nil {
				return fmt.Errorf("check %d: %w", check, err)
			}
		}
		return nil
	})
}

// searchPage is how many deliveries a search reads at once.
const searchPage = 500

// SearchDeliveries implements store.CheckPage. Names are compared here, because the
// engines know too little of upper and lower case; what that costs is bounded.
func (s *Store) SearchDeliveries(ctx context.Context, q store.Search) (found []store.DeliveryRow, next monitor.DeliveryID, err error) {
	if !q.Until.IsZero() {
		newest, err := s.reading().DeliveryBefore(ctx, gen.DeliveryBeforeParams{ProjectID: int64(q.Project), Until: q.Until.UnixMicro()})
		if errors.Is(err, sql.ErrNoRows) {
			return nil, 0, nil
		}
		if err != nil {
			return nil, 0, s.done("find deliveries before", err)
		}
		q.Before = monitor.DeliveryID(min(orAll(int64(q.Before)), newest+1))
	}
	text := strings.ToLower(strings.TrimSpace(q.Text))
	page := store.DeliveryQuery{Project: q.Project, Check: q.Check, Before: q.Before, Limit: searchPage}
	for range store.SearchSpan / searchPage {
		rows, err := s.Deliveries(ctx, page)
		if err != nil {
			return nil, 0, err
		}
		for _, row := range rows {
			if row.Created.Before(q.Since) {
				return found, 0, nil
			}
			if !matches(row, q, text) {
				continue
			}
			if len(found) == q.Limit {
				return found, found[len(found)-1].ID, nil
			}
			found = append(found, row)
		}
		if len(rows) < searchPage {
			return found, 0, nil
		}
		page.Before = rows[len(rows)-1].ID
	}
	return found, page.Before, nil
}

// matches reports whether a delivery is what a search is for. One that is being
// sent still waits, as far as those who look for it are concerned.
func matches(row store.DeliveryRow, q store.Search, text string) bool {
	state := row.State
	if state == monitor.Sending {
		state = monitor.Pending
	}
	switch {
	case q.Channel != 0 && row.Channel != q.Channel, q.State != "" && state != q.State:
		return false
	}
	return strings.Contains(strings.ToLower(row.CheckName), text) || strings.Contains(strings.ToLower(row.ChannelName), text)
}

// GiveUpDelivery implements store.CheckPage. One that is leased is the alerter's
// until it has said what came of it.
func (s *Store) GiveUpDelivery(ctx context.Context, project monitor.ProjectID, id monitor.DeliveryID, words string, now time.Time) error {
	return s.transact(ctx, "give up delivery", func(q *gen.Queries) error {
		found, err := q.DeliveryByID(ctx, gen.DeliveryByIDParams{ProjectID: int64(project), ID: int64(id)})
		if err != nil {
			return err
		}
		row := DeliveryRow(DeliveryOf(found).GiveUp(words, now))
		rows, err := q.GiveUpDelivery(ctx, gen.GiveUpDeliveryParams{
			ID: row.ID, State: row.State, NextAt: row.NextAt, EndedAt: row.EndedAt, Answer: row.Answer,
		})
		return anyRow(rows, err, notWaiting)
	})
}

// HurryDelivery implements store.CheckPage.
func (s *Store) HurryDelivery(ctx context.Context, project monitor.ProjectID, id monitor.DeliveryID, now time.Time) error {
	return s.transact(ctx, "hurry delivery", func(q *gen.Queries) error {
		if _, err := q.DeliveryByID(ctx, gen.DeliveryByIDParams{ProjectID: int64(project), ID: int64(id)}); err != nil {
			return err
		}
		rows, err := q.HurryDelivery(ctx, gen.HurryDeliveryParams{ProjectID: int64(project), ID: int64(id), NextAt: monitor.Micros(now)})
		return anyRow(rows, err, notWaiting)
	})
}

var notWaiting = fault.Say(fault.Conflict, "the delivery does not wait: it is being sent at this moment, or has ended")
