package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// Storms implements store.Outbox.
func (s *Store) Storms(ctx context.Context, now time.Time) ([]monitor.ChannelID, error) {
	rows, err := s.reading().FreshChannels(ctx, gen.FreshChannelsParams{Now: now.UnixMicro(), Places: monitor.StormAfter})
	if err != nil {
		return nil, s.done("find storms", err)
	}
	var storms []monitor.ChannelID
	for _, row := range rows {
		// Earlier is before all that waits and stands StormAfter places before some of it.
		if monitor.InStorm(instant(row.Oldest), instant(row.Earlier)) {
			storms = append(storms, monitor.ChannelID(row.ChannelID))
		}
	}
	return storms, nil
}

// What a channel is owed and was never tried, with the time of the flip that stands
// StormAfter places before each, and whether an earlier one of its check is tried now
// or told by it.
var owedToChannel = fmt.Sprintf(`SELECT d.id, d.check_id, d.created_at, d.before_at, d.next_at, EXISTS (
		SELECT 1 FROM deliveries e
		WHERE e.check_id = d.check_id AND e.channel_id = $1 AND e.rev < d.rev
			AND e.next_at IS NOT NULL AND (e.state <> 'pending' OR e.attempts > 0))
		OR EXISTS (SELECT 1 FROM deliveries e WHERE e.digest_id = d.id)
FROM (
	SELECT id, check_id, rev, created_at, next_at, state, attempts, LAG(created_at, %d) OVER (ORDER BY id) AS before_at
	FROM deliveries WHERE channel_id = $1 AND kind = 'flip' AND id >= $2 AND id <= $3
) d
WHERE d.state = 'pending' AND d.attempts = 0
ORDER BY d.id`, monitor.StormAfter)

// Gather implements store.Outbox. The channel is locked, so that two processes do
// not gather the same.
func (s *Store) Gather(ctx context.Context, channel monitor.ChannelID, now time.Time) (more bool, err error) {
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		q := gen.New(tx)
		rows, err := q.LockChannelByID(ctx, int64(channel))
		if err := anyRow(rows, err, fault.NotFound); err != nil {
			return err
		}
		of, err := q.ChannelForDigest(ctx, int64(channel))
		if err != nil {
			return err
		}
		owed, err := owedTo(ctx, tx, channel)
		if err != nil {
			return err
		}
		last, err := q.LastDigest(ctx, int64(channel))
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		kind := monitor.ChannelKind(of.Kind)
		plan := monitor.Gather(kind, owed, instant(last), now)
		if len(plan.Digests) > 0 {
			d := monitor.Delivery{Project: monitor.ProjectID(of.ProjectID), Channel: channel, Created: now}
			if err := formDigest(ctx, tx, d, plan.Digests[0], kind.DigestListed()); err != nil {
				return err
			}
		}
		// One digest in a transaction: others, pings above all, want to write too.
		if more = len(plan.Digests) > 1 || len(plan.Digests) > 0 && len(owed) == store.GatherSpan; more {
			return nil
		}
		return updateThese(ctx, tx, "UPDATE deliveries SET next_at = $1", plan.Held, plan.Until.UnixMicro())
	})
	if err != nil {
		return false, fmt.Errorf("gather: %w", err)
	}
	return more, nil
}

func owedTo(ctx context.Context, tx *sql.Tx, channel monitor.ChannelID) ([]monitor.Owed, error) {
	q, id := gen.New(tx), int64(channel)
	from, err := q.FirstFresh(ctx, id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	until, err := q.LastFresh(ctx, gen.LastFreshParams{ChannelID: id, Places: store.GatherSpan - 1})
	if errors.Is(err, sql.ErrNoRows) {
		until, err = orAll(0), nil
	}
	if err != nil {
		return nil, err
	}
	// So that there is one to look at StormAfter places before the first.
	before, err := q.FlipBefore(ctx, gen.FlipBeforeParams{ChannelID: id, Before: from, Places: monitor.StormAfter - 1})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		before = 0
	case err != nil:
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, owedToChannel, id, before, until)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var owed []monitor.Owed
	for rows.Next() {
		var row, check, created int64
		var placed, next *int64
		o := monitor.Owed{}
		if err := rows.Scan(&row, &check, &created, &placed, &next, &o.Behind); err != nil {
			return nil, err
		}
		o.ID, o.Check, o.Created = monitor.DeliveryID(row), monitor.CheckID(check), instant(created)
		o.Before, o.NextAt = monitor.FromMicros(placed), monitor.FromMicros(next)
		owed = append(owed, o)
	}
	return owed, rows.Err()
}

// formDigest writes a digest of the given deliveries, of which it lists the first.
func formDigest(ctx context.Context, tx *sql.Tx, d monitor.Delivery, told []monitor.DeliveryID, listed int) error {
	digest, err := roundupOf(ctx, tx, told)
	if err != nil {
		return err
	}
	if digest.Changes, err = turnsOf(ctx, tx, told[:min(len(told), listed)]); err != nil {
		return err
	}
	content, err := json.Marshal(digest)
	if err != nil {
		return err
	}
	q := gen.New(tx)
	id, err := q.OweRoundup(ctx, gen.OweRoundupParams{
		ProjectID: int64(d.Project), ChannelID: int64(d.Channel), CreatedAt: d.Created.UnixMicro(), NextAt: monitor.Micros(d.Created),
	})
	if err != nil {
		return err
	}
	if err := q.InsertRoundup(ctx, gen.InsertRoundupParams{
		DeliveryID: id, FirstID: int64(told[0]), Down: int64(digest.Down), Up: int64(digest.Up), Content: string(content),
	}); err != nil {
		return err
	}
	return updateThese(ctx, tx, "UPDATE deliveries SET state = 'merged', next_at = NULL, ended_at = $1, digest_id = $2",
		told, d.Created.UnixMicro(), id)
}

func roundupOf(ctx context.Context, tx *sql.Tx, told []monitor.DeliveryID) (digest monitor.Roundup, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT d.created_at, COALESCE(f.new_status, '')
		FROM deliveries d LEFT JOIN flips f ON f.check_id = d.check_id AND f.rev = d.rev WHERE d.id IN (`+idList(told)+`)`)
	if err != nil {
		return digest, err
	}
	defer rows.Close()
	for rows.Next() {
		var created int64
		var status string
		if err := rows.Scan(&created, &status); err != nil {
			return digest, err
		}
		digest = digest.Count(monitor.Status(status), instant(created))
	}
	return digest, rows.Err()
}

// turnsOf reads what a digest says of its changes. A name that cannot be read must
// not keep a change from being told.
func turnsOf(ctx context.Context, tx *sql.Tx, told []monitor.DeliveryID) ([]monitor.Turn, error) {
	rows, err := tx.QueryContext(ctx, `SELECT COALESCE(d.rev, 0), COALESCE(f.at, d.created_at), COALESCE(f.old_status, ''), COALESCE(f.new_status, ''),
			COALESCE(f.reason, ''), COALESCE(f.facts, ''), c.name,
			COALESCE((SELECT o.uuid FROM old_addresses o WHERE o.check_id = c.id ORDER BY o.rotated_at LIMIT 1), c.uuid)
		FROM deliveries d JOIN checks c ON c.id = d.check_id
		LEFT JOIN flips f ON f.check_id = d.check_id AND f.rev = d.rev
		WHERE d.id IN (`+idList(told)+`) ORDER BY d.id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var turns []monitor.Turn
	for rows.Next() {
		var t monitor.Turn
		var at int64
		var facts, name, id string
		if err := rows.Scan(&t.Rev, &at, &t.Old, &t.New, &t.Reason, &facts, &name, &id); err != nil {
			return nil, err
		}
		t.At, t.Name = instant(at), name
		if check, err := uuid.Parse(id); err == nil {
			t.Page = monitor.PageKey(check)
		}
		var known monitor.Facts
		if json.Unmarshal([]byte(facts), &known) == nil {
			t.Name, t.Slug, t.Corrects = known.Name, known.Slug, known.Corrects
		}
		turns = append(turns, t)
	}
	return turns, rows.Err()
}

// updateThese changes deliveries of which none was tried yet; a fault.Conflict when
// one of them was meanwhile.
func updateThese(ctx context.Context, tx *sql.Tx, update string, these []monitor.DeliveryID, values ...any) error {
	if len(these) == 0 {
		return nil
	}
	result, err := tx.ExecContext(ctx, update+" WHERE id IN ("+idList(these)+") AND state = 'pending' AND attempts = 0", values...)
	if err != nil {
		return err
	}
	switch changed, err := result.RowsAffected(); {
	case err != nil:
		return err
	case changed != int64(len(these)):
		return fault.Conflict
	}
	return nil
}

func idList[T ~int64](ids []T) string {
	text := make([]string, len(ids))
	for i, id := range ids {
		text[i] = strconv.FormatInt(int64(id), 10)
	}
	return strings.Join(text, ", ")
}
