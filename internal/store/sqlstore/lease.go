package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// What is leased has its next_at at the end of the lease, so that one index finds
// what is due and what was left behind by a process that died.
//
// The inner query picks the oldest few of each channel that are in turn and that
// nothing holds up; the plus keeps SQLite from reading the whole history in the order
// of the channels for that. The outer one repeats the condition, because a row may have been
// leased between reading and locking it.
const dueDeliveries = `SELECT id FROM deliveries WHERE next_at <= $1 AND id IN (
	SELECT id FROM (
		SELECT d.id, d.next_at, row_number() OVER (PARTITION BY +d.channel_id ORDER BY d.id) AS place
		FROM deliveries d JOIN channels ch ON ch.id = d.channel_id
		WHERE d.next_at <= $1 AND d.channel_id NOT IN (%s) AND (d.kind = 'test' OR ch.disabled = '' AND NOT EXISTS (
			SELECT 1 FROM channel_health h WHERE h.channel_id = d.channel_id AND (h.opened_at IS NOT NULL OR h.gate > $1)))
		AND ` + inTurn + `
	) ranked WHERE place <= $2
	ORDER BY next_at, id LIMIT $3
) ORDER BY next_at, id `

var dispatchByID = fmt.Sprintf(`SELECT d.id, d.project_id, d.channel_id, d.kind, d.check_id, d.rev, d.state, d.attempts, d.tries,
	d.created_at, d.next_at, d.ended_at, d.answer, d.code,
	ch.id, ch.project_id, ch.name, ch.kind, ch.settings, ch.disabled, ch.created_at,
	p.id, p.name, p.badge_key, p.created_at,
	COALESCE((SELECT o.uuid FROM old_addresses o WHERE o.check_id = c.id ORDER BY o.rotated_at LIMIT 1), c.uuid, ''), COALESCE(f.at, 0), COALESCE(f.judged_at, 0), COALESCE(f.old_status, ''),
	COALESCE(f.new_status, ''), COALESCE(f.reason, ''), COALESCE(f.facts, ''),
	COALESCE((SELECT g.content FROM digests g WHERE g.delivery_id = d.id), (SELECT g.content FROM roundups g WHERE g.delivery_id = d.id), ''),
	CASE WHEN d.kind = 'flip' AND d.attempts = 0 AND NOT EXISTS (SELECT 1 FROM deliveries m WHERE m.digest_id = d.id) THEN COALESCE((SELECT b.created_at FROM deliveries b
		WHERE b.channel_id = d.channel_id AND b.kind = 'flip' AND b.id < d.id ORDER BY b.id DESC LIMIT 1 OFFSET %d), 0) ELSE 0 END
FROM deliveries d
JOIN channels ch ON ch.id = d.channel_id
JOIN projects p ON p.id = d.project_id
LEFT JOIN checks c ON c.id = d.check_id
LEFT JOIN flips f ON f.check_id = d.check_id AND f.rev = d.rev
WHERE d.id = $1`, monitor.StormAfter-1)

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
			dispatch, before, err := s.readDispatch(tx.QueryRowContext(ctx, dispatchByID, id))
			if err == nil {
				dispatch.Ends, err = toldWith(ctx, tx, dispatch)
			}
			switch {
			case err == nil && monitor.InStorm(dispatch.Delivery.Created, before):
				continue // it is for a digest; see Gather
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
				dispatch.Again = dispatch.Delivery.State == monitor.Sending
				if next := dispatch.Delivery.NextAt; next.After(l.Now) {
					dispatch.Delivery.Planned = next
				}
				dispatch.Delivery.State, dispatch.Delivery.NextAt = monitor.Sending, l.Until
				if _, err := tx.ExecContext(ctx,
					"UPDATE deliveries SET state = 'sending', next_at = $1 WHERE id = $2", l.Until.UnixMicro(), id); err != nil {
					return err
				}
				leased = append(leased, dispatch)
			}
		}
		return pace(ctx, tx, l, leased)
	})
	if err != nil {
		return nil, fmt.Errorf("lease deliveries: %w", err)
	}
	return leased, nil
}

func dueIDs(ctx context.Context, tx *sql.Tx, l store.Lease, lock string) ([]int64, error) {
	probes, err := dueProbes(ctx, tx, l, lock)
	if err != nil {
		return nil, err
	}
	busy := append([]monitor.ChannelID{0}, l.Busy...) // no channel has the id 0
	due, err := idsOf(ctx, tx, fmt.Sprintf(dueDeliveries, idList(busy))+lock, l.Now.UnixMicro(), l.PerChannel, l.Limit-len(probes))
	return append(probes, due...), err
}

func idsOf(ctx context.Context, tx *sql.Tx, query string, args ...any) ([]int64, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
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

// readDispatch also returns when the flip that stands StormAfter places before it in
// its channel was decided; zero when that does not matter.
func (s *Store) readDispatch(row *sql.Row) (dispatch store.Dispatch, before time.Time, err error) {
	var (
		d         gen.Delivery
		ch        gen.Channel
		p         gen.Project
		f         gen.Flip
		checkUUID string
		content   string
		placed    int64
	)
	if err := row.Scan(
		&d.ID, &d.ProjectID, &d.ChannelID, &d.Kind, &d.CheckID, &d.Rev, &d.State, &d.Attempts, &d.Tries,
		&d.CreatedAt, &d.NextAt, &d.EndedAt, &d.Answer, &d.Code,
		&ch.ID, &ch.ProjectID, &ch.Name, &ch.Kind, &ch.Settings, &ch.Disabled, &ch.CreatedAt,
		&p.ID, &p.Name, &p.BadgeKey, &p.CreatedAt,
		&checkUUID, &f.At, &f.JudgedAt, &f.OldStatus, &f.NewStatus, &f.Reason, &f.Facts,
		&content, &placed,
	); err != nil {
		return store.Dispatch{}, time.Time{}, err
	}
	if placed != 0 {
		before = instant(placed)
	}
	channel, err := s.channelOf(ch)
	if err != nil {
		return store.Dispatch{}, before, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	dispatch = store.Dispatch{Delivery: DeliveryOf(d), Channel: channel, Project: ProjectOf(p)}
	switch {
	case dispatch.Delivery.Kind == monitor.ForBlind:
		dispatch.Digest = &monitor.Digest{}
		err = json.Unmarshal([]byte(content), dispatch.Digest)
	case dispatch.Delivery.Kind == monitor.ForDigest:
		dispatch.Roundup = &monitor.Roundup{}
		err = json.Unmarshal([]byte(content), dispatch.Roundup)
	case dispatch.Delivery.Kind == monitor.ForChannel:
		dispatch.Failing = &monitor.Failing{}
		err = json.Unmarshal([]byte(content), dispatch.Failing)
	case dispatch.Delivery.Kind == monitor.ForFlip && d.CheckID != nil && d.Rev != nil:
		f.CheckID, f.Rev, f.Tell = *d.CheckID, *d.Rev, true
		dispatch.Check, dispatch.Flip, err = flipAndCheck(f, checkUUID)
	}
	if err != nil {
		return store.Dispatch{}, before, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return dispatch, before, nil
}

func flipAndCheck(row gen.Flip, checkUUID string) (uuid.UUID, *monitor.Flip, error) {
	check, err := uuid.Parse(checkUUID)
	if err != nil {
		return uuid.Nil, nil, err
	}
	flip, err := FlipOf(row)
	return check, &flip, err
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
