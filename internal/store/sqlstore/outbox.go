package sqlstore

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// RecordAttempt implements store.Outbox. The number of attempts is the fence: it
// lets one of several attempts under the same number write.
func (s *Store) RecordAttempt(ctx context.Context, a monitor.Attempt, after monitor.Delivery, disable string) error {
	taken := after.Kind == monitor.ForTest && a.OK
	if disable == "" && !taken {
		return s.transact(ctx, "record attempt", func(q *gen.Queries) error { return settle(ctx, q, a, after) })
	}
	ctx = store.By(ctx, account.Actor{Kind: account.ByItself, Name: "Rollcall", At: a.Started})
	return s.change(ctx, "record attempt", after.Project, func(q *gen.Queries, rec recorder) error {
		if err := settle(ctx, q, a, after); err != nil {
			return err
		}
		return s.switchChannel(ctx, q, rec, after.Project, after.Channel, disable)
	})
}

// switchChannel disables a channel with the given words, or enables it for "".
func (s *Store) switchChannel(ctx context.Context, q *gen.Queries, rec recorder, project monitor.ProjectID, id monitor.ChannelID, disable string) error {
	before, err := s.channelByID(ctx, q, project, id)
	if err != nil || before.Disabled == disable {
		return err
	}
	if err := q.DisableChannel(ctx, gen.DisableChannelParams{ID: int64(id), Words: disable}); err != nil {
		return err
	}
	verb := account.Disabled
	if disable == "" {
		verb = account.Enabled
		if err := q.RenewAssignments(ctx, int64(id)); err != nil {
			return err
		}
	}
	after := before
	after.Disabled = disable
	return rec(account.ChannelEntry(verb, after).Changes(account.ChannelFields(before), account.ChannelFields(after)))
}

// settle writes an attempt, the delivery after it, and how the channel fares.
func settle(ctx context.Context, q *gen.Queries, a monitor.Attempt, after monitor.Delivery) error {
	row := DeliveryRow(after)
	rows, err := q.SettleDelivery(ctx, gen.SettleDeliveryParams{
		ID:             row.ID,
		AttemptsBefore: row.Attempts - 1,
		State:          row.State,
		Attempts:       row.Attempts,
		Tries:          row.Tries,
		NextAt:         row.NextAt,
		EndedAt:        row.EndedAt,
		Answer:         row.Answer,
		Code:           row.Code,
	})
	if err := anyRow(rows, err, fault.Conflict); err != nil {
		return err
	}
	if err := noteHealth(ctx, q, after.Channel, a); err != nil {
		return err
	}
	if a.Probe && after.State == monitor.Pending {
		return nil // there may be a thousand of a kind; the delivery counts them and has the answer
	}
	return q.InsertAttempt(ctx, gen.InsertAttemptParams{
		DeliveryID: int64(a.Delivery),
		N:          int64(a.N),
		StartedAt:  a.Started.UnixMicro(),
		Took:       a.Took.Microseconds(),
		Ok:         a.OK,
		Code:       rowNumber(a.Code),
		Answer:     a.Answer,
	})
}

// PostponeDelivery implements store.Outbox. It is a fault.Conflict when the lease
// was lost.
func (s *Store) PostponeDelivery(ctx context.Context, d monitor.Delivery, until time.Time) error {
	rows, err := s.writing().PostponeDelivery(ctx, gen.PostponeDeliveryParams{
		ID:          int64(d.ID),
		Attempts:    int64(d.Attempts),
		LeasedUntil: d.NextAt.UnixMicro(),
		NextAt:      monitor.Micros(until),
	})
	return s.done("postpone delivery", anyRow(rows, err, fault.Conflict))
}

// ReplayDelivery implements store.Outbox. It is a fault.Conflict when the delivery
// has not ended.
func (s *Store) ReplayDelivery(ctx context.Context, project monitor.ProjectID, id monitor.DeliveryID, now time.Time) error {
	return s.change(ctx, "replay delivery", project, func(q *gen.Queries, rec recorder) error {
		found, err := q.DeliveryByID(ctx, gen.DeliveryByIDParams{ProjectID: int64(project), ID: int64(id)})
		if err != nil {
			return err
		}
		row := DeliveryRow(DeliveryOf(found).Replay(now))
		rows, err := q.ReplayDelivery(ctx, gen.ReplayDeliveryParams{
			ID:      row.ID,
			State:   row.State,
			Tries:   row.Tries,
			NextAt:  row.NextAt,
			EndedAt: row.EndedAt,
		})
		if err := anyRow(rows, err, notReplayed(found)); err != nil {
			return err
		}
		if err := q.CloseBreaker(ctx, found.ChannelID); err != nil {
			return err
		}
		return s.deliveryEntry(ctx, q, rec, account.Replayed, found)
	})
}

// notReplayed says why a delivery cannot be replayed.
func notReplayed(d gen.Delivery) error {
	if d.DigestID != nil {
		return fault.Say(fault.Conflict, "another message tells it; replay delivery %d, which is that message", *d.DigestID)
	}
	return fault.Say(fault.Conflict, "the delivery has not ended")
}

// EnqueueTest implements store.Outbox.
func (s *Store) EnqueueTest(ctx context.Context, project monitor.ProjectID, channel monitor.ChannelID, now time.Time) (monitor.DeliveryID, error) {
	var made monitor.DeliveryID
	err := s.change(ctx, "enqueue test", project, func(q *gen.Queries, rec recorder) error {
		tested, err := s.channelByID(ctx, q, project, channel)
		if err != nil {
			return err
		}
		id, err := q.InsertTest(ctx, gen.InsertTestParams{ProjectID: int64(project), ChannelID: int64(channel), Now: now.UnixMicro()})
		if err != nil {
			return err
		}
		made = monitor.DeliveryID(id)
		return rec(account.ChannelEntry(account.Tested, tested))
	})
	return made, err
}

// Deliveries implements store.Outbox.
func (s *Store) Deliveries(ctx context.Context, q store.DeliveryQuery) ([]store.DeliveryRow, error) {
	p := gen.ListDeliveriesOfCheckParams{
		ProjectID: int64(q.Project),
		Before:    orAll(int64(q.Before)),
		CheckID:   int64(q.Check),
		ChannelID: int64(q.Channel),
		State:     string(q.State),
		Rows:      int32(q.Limit),
	}
	if q.ID != 0 {
		p.After, p.Before = int64(q.ID)-1, min(p.Before, int64(q.ID)+1)
	}
	rows, err := s.listDeliveries(ctx, p, q.Digest)
	if err != nil {
		return nil, s.done("list deliveries", err)
	}
	return each(rows, deliveryRowOf)
}

func (s *Store) listDeliveries(ctx context.Context, p gen.ListDeliveriesOfCheckParams, digest monitor.DeliveryID) ([]gen.ListDeliveriesOfCheckRow, error) {
	switch {
	case digest != 0:
		rows, err := s.reading().ListDeliveriesOfDigest(ctx, gen.ListDeliveriesOfDigestParams{
			ProjectID: p.ProjectID, After: p.After, Before: p.Before, DigestID: int64(digest),
			CheckID: p.CheckID, ChannelID: p.ChannelID, State: p.State, Rows: p.Rows,
		})
		return sameRows(rows, func(r gen.ListDeliveriesOfDigestRow) gen.ListDeliveriesOfCheckRow {
			return gen.ListDeliveriesOfCheckRow(r)
		}), err
	case p.CheckID != 0:
		return s.reading().ListDeliveriesOfCheck(ctx, p)
	}
	rows, err := s.reading().ListDeliveries(ctx, gen.ListDeliveriesParams{
		ProjectID: p.ProjectID, After: p.After, Before: p.Before, ChannelID: p.ChannelID, State: p.State, Rows: p.Rows,
	})
	return sameRows(rows, func(r gen.ListDeliveriesRow) gen.ListDeliveriesOfCheckRow { return gen.ListDeliveriesOfCheckRow(r) }), err
}

// sameRows gives the rows of one query the type of another with the same columns.
func sameRows[From, To any](rows []From, as func(From) To) []To {
	list := make([]To, len(rows))
	for i, row := range rows {
		list[i] = as(row)
	}
	return list
}

func deliveryRowOf(row gen.ListDeliveriesOfCheckRow) (store.DeliveryRow, error) {
	d := store.DeliveryRow{
		Delivery:    DeliveryOf(row.Delivery),
		ChannelName: row.ChannelName,
		ChannelKind: monitor.ChannelKind(row.ChannelKind),
		CheckName:   valueOf(row.CheckName),
		DigestDown:  int(valueOf(row.DigestDown)),
		DigestUp:    int(valueOf(row.DigestUp)),
	}
	var err error
	if row.Failing != "" {
		d.Failing = &monitor.Failing{}
		err = json.Unmarshal([]byte(row.Failing), d.Failing)
	}
	if row.JudgedAt == nil || err != nil {
		return d, err
	}
	if d.First, err = uuid.Parse(row.FirstUUID); err != nil {
		return d, fmt.Errorf("delivery %d: first uuid of the check: %w", d.ID, err)
	}
	if row.CheckUUID != nil {
		if d.CheckUUID, err = uuid.Parse(*row.CheckUUID); err != nil {
			return d, fmt.Errorf("delivery %d: uuid of the check: %w", d.ID, err)
		}
	}
	flip, err := FlipOf(gen.Flip{
		CheckID:   int64(d.Check),
		Rev:       d.Rev,
		At:        valueOf(row.At),
		JudgedAt:  valueOf(row.JudgedAt),
		OldStatus: valueOf(row.OldStatus),
		NewStatus: valueOf(row.NewStatus),
		Reason:    valueOf(row.Reason),
		Tell:      valueOf(row.Tell),
		Facts:     valueOf(row.Facts),
	})
	d.Flip = &flip
	d.CheckName = cmp.Or(d.CheckName, flip.Facts.Name)
	return d, err
}

// CountDeliveries implements store.Outbox.
func (s *Store) CountDeliveries(ctx context.Context, project monitor.ProjectID, since time.Time) (map[monitor.DeliveryState]int, error) {
	rows, err := s.reading().CountDeliveries(ctx, gen.CountDeliveriesParams{ProjectID: int64(project), Since: since.UnixMicro()})
	if err != nil {
		return nil, s.done("count deliveries", err)
	}
	counts := make(map[monitor.DeliveryState]int, len(rows))
	for _, row := range rows {
		counts[monitor.DeliveryState(row.State)] = int(row.Deliveries)
	}
	return counts, nil
}

// Attempts implements store.Outbox.
func (s *Store) Attempts(ctx context.Context, project monitor.ProjectID, id monitor.DeliveryID) ([]monitor.Attempt, error) {
	rows, err := s.reading().AttemptsOfDelivery(ctx, gen.AttemptsOfDeliveryParams{
		ProjectID:  int64(project),
		DeliveryID: int64(id),
		Rows:       listLimit,
	})
	if err != nil {
		return nil, s.done("list attempts", err)
	}
	list := make([]monitor.Attempt, len(rows))
	for i, row := range rows {
		list[i] = attemptOf(row)
	}
	return list, nil
}

func attemptOf(row gen.Attempt) monitor.Attempt {
	return monitor.Attempt{
		Delivery: monitor.DeliveryID(row.DeliveryID),
		N:        int(row.N),
		Started:  instant(row.StartedAt),
		Took:     time.Duration(row.Took) * time.Microsecond,
		OK:       row.Ok,
		Code:     numberOf(row.Code),
		Answer:   row.Answer,
	}
}

// OutboxAge implements store.Outbox.
func (s *Store) OutboxAge(ctx context.Context, now time.Time) (oldest time.Time, waiting int, err error) {
	row, err := s.reading().OutboxAge(ctx, now.UnixMicro())
	if err != nil {
		return time.Time{}, 0, s.done("measure outbox", err)
	}
	if row.Due > 0 {
		oldest = instant(row.Oldest)
	}
	return oldest, int(row.Waiting), nil
}
