package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// TellTogether implements store.Outbox. An alarm that is leased meanwhile, or an end
// that a person gives up, is passed over.
func (s *Store) TellTogether(ctx context.Context, now time.Time) (n int, err error) {
	waiting, err := s.reading().AlarmsWithEnds(ctx, store.TogetherMost)
	if err != nil || len(waiting) == 0 {
		return 0, s.done("find alarms that have ended", err)
	}
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		n = 0
		q := gen.New(tx)
		for _, row := range waiting {
			alarm, end := DeliveryOf(row.Delivery), DeliveryOf(row.Delivery_2)
			if !monitor.TellTogether(monitor.ChannelKind(row.ChannelKind), alarm, end, monitor.Status(row.WasStatus), monitor.Status(row.IsStatus)) {
				continue
			}
			locked, err := q.LockUntried(ctx, int64(end.ID))
			if err != nil {
				return err
			}
			if locked == 0 {
				continue
			}
			merged, err := q.MergeIntoEnd(ctx, gen.MergeIntoEndParams{
				ID: int64(alarm.ID), Attempts: int64(alarm.Attempts), EndID: int64(end.ID), Now: now.UnixMicro(),
			})
			if err != nil {
				return err
			}
			n += int(merged)
		}
		return nil
	})
	return n, s.done("tell alarms with their ends", err)
}

// toldWith returns the alarm that the message about its end tells too; nil when it was
// told by itself.
func toldWith(ctx context.Context, tx *sql.Tx, d store.Dispatch) (*monitor.Flip, error) {
	if d.Flip == nil || d.Flip.Old != monitor.Down || d.Flip.New != monitor.Up || !d.Channel.Kind.ForPeople() {
		return nil, nil
	}
	row, err := gen.New(tx).FlipToldWith(ctx, int64(d.Delivery.ID))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	flip, err := FlipOf(row)
	if err != nil {
		return nil, nil // the end says for how long it was down; that much must be told
	}
	return &flip, nil
}
