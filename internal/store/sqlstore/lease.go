package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// What is leased has its next_at at the end of the lease, so that one index finds
// what is due and what was left behind by a process that died.
//
// The inner query picks a few of each channel and keeps the order of a lane: a
// delivery waits until every earlier one of the same check and channel has ended.
// The outer one repeats the condition, because a row may have been leased between
// reading and locking it.
const dueDeliveries = `SELECT id FROM deliveries WHERE next_at <= $1 AND id IN (
	SELECT id FROM (
		SELECT d.id, d.next_at, row_number() OVER (PARTITION BY d.channel_id ORDER BY d.next_at, d.id) AS place
		FROM deliveries d JOIN channels ch ON ch.id = d.channel_id
		WHERE d.next_at <= $1 AND ch.disabled = '' AND d.channel_id NOT IN (%s) AND NOT EXISTS (
			SELECT 1 FROM deliveries e
			WHERE e.check_id = d.check_id AND e.channel_id = d.channel_id AND e.rev < d.rev AND e.next_at IS NOT NULL)
	) ranked WHERE place <= $2
	ORDER BY next_at, id LIMIT $3
) ORDER BY next_at, id `

const dispatchByID = `SELECT d.id, d.project_id, d.channel_id, d.kind, d.check_id, d.rev, d.state, d.attempts, d.tries,
	d.created_at, d.next_at, d.ended_at, d.answer, d.code,
	ch.id, ch.project_id, ch.name, ch.kind, ch.settings, ch.disabled, ch.created_at,
	p.id, p.name, p.badge_key, p.created_at,
	COALESCE((SELECT o.uuid FROM old_addresses o WHERE o.check_id = c.id ORDER BY o.rotated_at LIMIT 1), c.uuid, ''), COALESCE(f.at, 0), COALESCE(f.judged_at, 0), COALESCE(f.old_status, ''),
	COALESCE(f.new_status, ''), COALESCE(f.reason, ''), COALESCE(f.facts, ''),
	COALESCE((SELECT g.content FROM digests g WHERE g.delivery_id = d.id), '')
FROM deliveries d
JOIN channels ch ON ch.id = d.channel_id
JOIN projects p ON p.id = d.project_id
LEFT JOIN checks c ON c.id = d.check_id
LEFT JOIN flips f ON f.check_id = d.check_id AND f.rev = d.rev
WHERE d.id = $1`

// Lease implements LeaseDeliveries. The lock clause is the engine's way to pass
// over rows that another alerter is leasing; "" where there is only one writer.
func (s *Store) Lease(ctx context.Context, l store.Lease, lock string) ([]store.Dispatch, error) {
	var leased []store.Dispatch
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		leased = nil
		ids, err := dueIDs(ctx, tx, l, lock)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx,
				"UPDATE deliveries SET state = 'sending', next_at = $1 WHERE id = $2",
				l.Until.UnixMicro(), id); err != nil {
				return err
			}
			dispatch, err := s.readDispatch(tx.QueryRowContext(ctx, dispatchByID, id))
			switch {
			case errors.Is(err, errUnreadable):
				// One row that cannot be understood must not hold up the others. It
				// shows as a dead letter.
				if _, err := tx.ExecContext(ctx,
					"UPDATE deliveries SET state = 'dead', next_at = NULL, ended_at = $1, answer = $2 WHERE id = $3",
					l.Now.UnixMicro(), err.Error(), id); err != nil {
					return err
				}
			case err != nil:
				return err
			default:
				leased = append(leased, dispatch)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("lease deliveries: %w", err)
	}
	return leased, nil
}

func dueIDs(ctx context.Context, tx *sql.Tx, l store.Lease, lock string) ([]int64, error) {
	busy := []string{"0"} // no channel has this id
	for _, id := range l.Busy {
		busy = append(busy, strconv.FormatInt(int64(id), 10))
	}
	query := fmt.Sprintf(dueDeliveries, strings.Join(busy, ", ")) + lock
	rows, err := tx.QueryContext(ctx, query, l.Now.UnixMicro(), l.PerChannel, l.Limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

var errUnreadable = errors.New("what is stored cannot be read")

func (s *Store) readDispatch(row *sql.Row) (store.Dispatch, error) {
	var (
		d         gen.Delivery
		ch        gen.Channel
		p         gen.Project
		f         gen.Flip
		checkUUID string
		digest    string
	)
	if err := row.Scan(
		&d.ID, &d.ProjectID, &d.ChannelID, &d.Kind, &d.CheckID, &d.Rev, &d.State, &d.Attempts, &d.Tries,
		&d.CreatedAt, &d.NextAt, &d.EndedAt, &d.Answer, &d.Code,
		&ch.ID, &ch.ProjectID, &ch.Name, &ch.Kind, &ch.Settings, &ch.Disabled, &ch.CreatedAt,
		&p.ID, &p.Name, &p.BadgeKey, &p.CreatedAt,
		&checkUUID, &f.At, &f.JudgedAt, &f.OldStatus, &f.NewStatus, &f.Reason, &f.Facts,
		&digest,
	); err != nil {
		return store.Dispatch{}, err
	}
	channel, err := s.channelOf(ch)
	if err != nil {
		return store.Dispatch{}, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	dispatch := store.Dispatch{Delivery: DeliveryOf(d), Channel: channel, Project: ProjectOf(p)}
	if dispatch.Delivery.Kind == monitor.ForBlind {
		content, err := fromText[monitor.Digest](digest)
		if err != nil {
			return store.Dispatch{}, fmt.Errorf("%w: %w", errUnreadable, err)
		}
		dispatch.Digest = &content
		return dispatch, nil
	}
	if dispatch.Delivery.Kind != monitor.ForFlip || d.CheckID == nil || d.Rev == nil {
		return dispatch, nil
	}
	if dispatch.Check, err = uuid.Parse(checkUUID); err != nil {
		return store.Dispatch{}, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	f.CheckID, f.Rev, f.Tell = *d.CheckID, *d.Rev, true
	flip, err := FlipOf(f)
	if err != nil {
		return store.Dispatch{}, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	dispatch.Flip = &flip
	return dispatch, nil
}

// DueChecks implements store.Schedule.
func (s *Store) DueChecks(ctx context.Context, now time.Time, limit int) ([]monitor.CheckID, time.Time, error) {
	rows, err := s.read.QueryContext(ctx,
		"SELECT id, wake FROM checks WHERE wake IS NOT NULL ORDER BY wake, id LIMIT $1", limit+1)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("due checks: %w", s.classify(err))
	}
	defer rows.Close()
	var due []monitor.CheckID
	var next time.Time
	for rows.Next() {
		var id, wake int64
		if err := rows.Scan(&id, &wake); err != nil {
			return nil, time.Time{}, fmt.Errorf("due checks: %w", s.classify(err))
		}
		if wake > now.UnixMicro() || len(due) == limit {
			next = time.UnixMicro(wake).UTC()
			break
		}
		due = append(due, monitor.CheckID(id))
	}
	if err := rows.Err(); err != nil {
		return nil, time.Time{}, fmt.Errorf("due checks: %w", s.classify(err))
	}
	return due, next, nil
}
