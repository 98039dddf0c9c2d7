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

	"rollcall/internal/account"
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
	return s.change(ctx, "rotate check", project, func(q *gen.Queries, rec recorder) error {
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
		if err := q.RotateCheck(ctx, gen.RotateCheckParams{ID: int64(id), UUID: to.String()}); err != nil {
			return err
		}
		return rec(account.Entry{Verb: account.Rotated, Object: account.OfCheck, Key: fmt.Sprint(id), Title: titleOf(check)})
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
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		q := gen.New(tx)
		for _, project := range sorted([]monitor.ProjectID{from, to}) {
			rows, err := q.LockProject(ctx, int64(project))
			if err := anyRow(rows, err, fault.NotFound); err != nil {
				return err
			}
		}
		rows, err := q.MoveCheck(ctx, gen.MoveCheckParams{ProjectID: int64(from), ID: int64(id), Target: int64(to)})
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return err
		}
		if err := q.UnassignCheck(ctx, int64(id)); err != nil {
			return err
		}
		if err := s.fits(ctx, q, to); err != nil {
			return err
		}
		check, err := q.CheckByID(ctx, int64(id))
		if err != nil {
			return err
		}
		for project, verb := range map[monitor.ProjectID]account.Verb{from: account.Parted, to: account.Arrived} {
			entry := account.Entry{Project: project, Verb: verb, Object: account.OfCheck, Key: fmt.Sprint(id), Title: titleOf(check)}
			if err := record(ctx, asking(tx), entry); err != nil {
				return err
			}
		}
		return nil
	})
	return s.done("move check", err)
}

func titleOf(row gen.Check) string {
	return monitor.Config{Name: row.Name, Slug: valueOf(row.Slug)}.Title()
}

// ChecksOf implements store.CheckPage.
func (s *Store) ChecksOf(ctx context.Context, project monitor.ProjectID, channel monitor.ChannelID) ([]monitor.CheckID, error) {
	rows, err := s.reading().ChecksOfChannel(ctx, gen.ChecksOfChannelParams{
		ProjectID: int64(project), ChannelID: int64(channel), Rows: assignmentLimit,
	})
	return ids[monitor.CheckID](rows), s.done("list checks of channel", err)
}

// AssignChannel implements store.CheckPage.
func (s *Store) AssignChannel(ctx context.Context, project monitor.ProjectID, channel monitor.ChannelID, checks []monitor.CheckID) error {
	return s.change(ctx, "assign channel", project, func(q *gen.Queries, rec recorder) error {
		rows, err := q.LockChannel(ctx, gen.LockChannelParams{ProjectID: int64(project), ID: int64(channel)})
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return err
		}
		known, err := s.channelByID(ctx, q, project, channel)
		if err != nil {
			return err
		}
		before, err := q.ChecksOfChannel(ctx, gen.ChecksOfChannelParams{ProjectID: int64(project), ChannelID: int64(channel), Rows: assignmentLimit})
		if err != nil {
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
		told := func(n int) account.Fields { return account.One("checks that tell it", fmt.Sprint(n)) }
		return rec(account.ChannelEntry(account.Edited, known).Changes(told(len(before)), told(len(checks))))
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
	page := store.DeliveryQuery{Project: q.Project, Check: q.Check, Digest: q.Digest, Before: q.Before, Limit: searchPage}
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
	return s.change(ctx, "give up delivery", project, func(q *gen.Queries, rec recorder) error {
		found, err := q.DeliveryByID(ctx, gen.DeliveryByIDParams{ProjectID: int64(project), ID: int64(id)})
		if err != nil {
			return err
		}
		row := DeliveryRow(DeliveryOf(found).GiveUp(words, now))
		rows, err := q.GiveUpDelivery(ctx, gen.GiveUpDeliveryParams{
			ID: row.ID, State: row.State, NextAt: row.NextAt, EndedAt: row.EndedAt, Answer: row.Answer,
		})
		if err := anyRow(rows, err, notWaiting); err != nil {
			return err
		}
		return s.deliveryEntry(ctx, q, rec, account.GivenUp, found)
	})
}

// deliveryEntry records what somebody did about a delivery.
func (s *Store) deliveryEntry(ctx context.Context, q *gen.Queries, rec recorder, verb account.Verb, d gen.Delivery) error {
	channel, err := s.channelByID(ctx, q, monitor.ProjectID(d.ProjectID), monitor.ChannelID(d.ChannelID))
	if err != nil {
		return err
	}
	return rec(account.Entry{Verb: verb, Object: account.OfDelivery, Key: fmt.Sprint(d.ID), Title: "to " + channel.Name})
}

// HurryDelivery implements store.CheckPage.
func (s *Store) HurryDelivery(ctx context.Context, project monitor.ProjectID, id monitor.DeliveryID, now time.Time) error {
	return s.change(ctx, "hurry delivery", project, func(q *gen.Queries, rec recorder) error {
		found, err := q.DeliveryByID(ctx, gen.DeliveryByIDParams{ProjectID: int64(project), ID: int64(id)})
		if err != nil {
			return err
		}
		rows, err := q.HurryDelivery(ctx, gen.HurryDeliveryParams{ProjectID: int64(project), ID: int64(id), NextAt: monitor.Micros(now)})
		if err := anyRow(rows, err, notWaiting); err != nil {
			return err
		}
		if err := q.CloseBreaker(ctx, found.ChannelID); err != nil {
			return err
		}
		return s.deliveryEntry(ctx, q, rec, account.Hurried, found)
	})
}

var notWaiting = fault.Say(fault.Conflict, "the delivery does not wait: it is being sent at this moment, or has ended")
