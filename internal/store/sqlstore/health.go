package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"rollcall/internal/account"
	"rollcall/internal/fault"
	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// noteHealth writes how a channel fares after an attempt. A success of a channel
// that did not fail before, which is the rule, changes nothing.
func noteHealth(ctx context.Context, q *gen.Queries, channel monitor.ChannelID, a monitor.Attempt) error {
	ended := a.Started.Add(a.Took)
	if a.Ours && !a.Probe {
		return nil
	}
	if a.OK {
		if failing, err := q.ChannelFails(ctx, int64(channel)); err != nil || failing == 0 {
			return err
		}
	}
	row, err := q.LockHealth(ctx, int64(channel))
	if err != nil {
		return err
	}
	before := healthOf(row)
	after := before.After(a, ended)
	if !before.Opened.IsZero() && after.Opened.IsZero() {
		if err := q.WakeDeliveries(ctx, gen.WakeDeliveriesParams{ChannelID: int64(channel), Now: monitor.Micros(ended)}); err != nil {
			return err
		}
	}
	return q.SetHealth(ctx, gen.SetHealthParams{
		ChannelID: int64(channel), Failures: int64(after.Failures), Hours: int64(after.Hours), Since: microsOrZero(after.Since),
		FailedAt: microsOrZero(after.Failed), OpenedAt: monitor.Micros(after.Opened), Gate: microsOrZero(after.Gate),
		Redirects: int64(after.Redirects), RedirectTo: after.RedirectTo, Warned: int64(after.Warned),
	})
}

func healthOf(row gen.ChannelHealth) monitor.Health {
	return monitor.Health{
		Channel: monitor.ChannelID(row.ChannelID), Failures: int(row.Failures), Hours: int(row.Hours),
		Since: instantOrZero(row.Since), Failed: instantOrZero(row.FailedAt), Opened: monitor.FromMicros(row.OpenedAt),
		Gate: instantOrZero(row.Gate), Redirects: int(row.Redirects), RedirectTo: row.RedirectTo, Warned: monitor.Warning(row.Warned),
	}
}

func microsOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func instantOrZero(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return instant(us)
}

// inTurn holds for a delivery d that no other has to end before: none of the same
// check and channel that is earlier, nor what tells it: a digest, or the delivery
// about its end, which does not wait for itself; and of digests none of the same
// channel.
const inTurn = `NOT EXISTS (
		SELECT 1 FROM deliveries e
		WHERE e.check_id = d.check_id AND e.channel_id = d.channel_id AND e.rev < d.rev AND (e.next_at IS NOT NULL
			OR (SELECT g.next_at FROM deliveries g WHERE g.id = e.digest_id AND g.id <> d.id) IS NOT NULL))
	AND (d.kind <> 'digest' OR NOT EXISTS (
		SELECT 1 FROM deliveries g
		WHERE g.channel_id = d.channel_id AND g.kind = 'digest' AND g.next_at IS NOT NULL AND g.id < d.id))`

// The oldest delivery of each channel whose breaker is open, and whether an alarm
// waits in the channel. Tests do not wait for the breaker.
const oldestOfOpen = `SELECT h.channel_id, h.failed_at, h.gate, o.id, o.state, o.next_at, EXISTS (
		SELECT 1 FROM deliveries w
		LEFT JOIN flips f ON f.check_id = w.check_id AND f.rev = w.rev
		LEFT JOIN roundups r ON r.delivery_id = w.id
		WHERE w.channel_id = h.channel_id AND w.next_at IS NOT NULL AND w.kind <> 'test' AND (f.new_status = 'down' OR r.down > 0))
FROM channel_health h JOIN deliveries o ON o.id = (
	SELECT d.id FROM deliveries d
	WHERE d.channel_id = h.channel_id AND d.next_at IS NOT NULL AND d.kind <> 'test' AND ` + inTurn + `
	ORDER BY d.id LIMIT 1)
WHERE h.opened_at IS NOT NULL AND (SELECT ch.disabled FROM channels ch WHERE ch.id = h.channel_id) = ''
ORDER BY h.channel_id`

// probe is the delivery by which is found out whether a channel takes messages again.
type probe struct {
	channel  monitor.ChannelID
	delivery monitor.DeliveryID
	at       time.Time // when it may be leased
}

// querier is a transaction or a pool.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// probesOf lists the probes of all channels whose breaker is open.
func probesOf(ctx context.Context, from querier) ([]probe, error) {
	rows, err := from.QueryContext(ctx, oldestOfOpen)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var probes []probe
	for rows.Next() {
		var channel, failed, gate, id, next int64
		var state string
		var alarm bool
		if err := rows.Scan(&channel, &failed, &gate, &id, &state, &next, &alarm); err != nil {
			return nil, err
		}
		health := monitor.Health{Failed: instantOrZero(failed), Gate: instantOrZero(gate)}
		leased := monitor.DeliveryState(state) == monitor.Sending // until its lease runs out
		probes = append(probes, probe{
			monitor.ChannelID(channel), monitor.DeliveryID(id), health.ProbeAt(instant(next), alarm && !leased),
		})
	}
	return probes, rows.Err()
}

// dueProbes lists the probes that may be leased.
func dueProbes(ctx context.Context, tx *sql.Tx, l store.Lease, lock string) ([]int64, error) {
	probes, err := probesOf(ctx, tx)
	if err != nil {
		return nil, err
	}
	var due []int64
	for _, p := range probes {
		if len(due) < l.Limit && !p.at.After(l.Now) && !slices.Contains(l.Busy, p.channel) {
			due = append(due, int64(p.delivery))
		}
	}
	if len(due) == 0 || lock == "" {
		return due, nil
	}
	// Where there are other writers, one may have leased some since they were read.
	return idsOf(ctx, tx, "SELECT id FROM deliveries WHERE id IN ("+idList(due)+
		") AND next_at IS NOT NULL AND (state = 'pending' OR next_at <= $1) ORDER BY id "+lock, l.Now.UnixMicro())
}

// The first delivery of a channel whose breaker is closed that waits for its time
// alone, and when the first channel may be sent to again for which something waits
// that is due before that.
const (
	waiting = `d.next_at IS NOT NULL AND (d.kind = 'test' OR
		(SELECT ch.disabled FROM channels ch WHERE ch.id = d.channel_id) = '') AND ` + inTurn

	nextDue = `SELECT d.next_at FROM deliveries d WHERE ` + waiting + ` AND (d.kind = 'test' OR NOT EXISTS (
		SELECT 1 FROM channel_health h WHERE h.channel_id = d.channel_id AND (h.opened_at IS NOT NULL OR h.gate > d.next_at)))
	ORDER BY d.next_at LIMIT 1`

	nextGate = `SELECT MIN(h.gate) FROM deliveries d CROSS JOIN channel_health h
	WHERE h.channel_id = d.channel_id AND ` + waiting + ` AND d.next_at < COALESCE((SELECT next_at FROM due), $1) AND d.kind <> 'test' AND h.opened_at IS NULL AND h.gate > d.next_at`

	nextOfClosed = `WITH due AS (` + nextDue + `) SELECT (SELECT next_at FROM due), (` + nextGate + `)`
)

// NextDelivery implements store.Outbox. A delivery that waits for an earlier one
// of its lane, or for its channel to be enabled, becomes due by that and not by
// time.
func (s *Store) NextDelivery(ctx context.Context) (time.Time, error) {
	next, err := s.nextDelivery(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("find next delivery: %w", s.kind(err))
	}
	return next, nil
}

func (s *Store) nextDelivery(ctx context.Context) (next time.Time, err error) {
	sooner := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	var due, gate *int64
	if err := s.read.QueryRowContext(ctx, nextOfClosed, orAll(0)).Scan(&due, &gate); err != nil {
		return next, err
	}
	for _, at := range []*int64{due, gate} {
		if at != nil {
			sooner(instant(*at))
		}
	}
	probes, err := probesOf(ctx, s.read)
	for _, p := range probes {
		sooner(p.at)
	}
	return next, err
}

// pace leaves the channels of what was leased alone for a moment.
func pace(ctx context.Context, tx *sql.Tx, l store.Lease, leased []store.Dispatch) error {
	var channels []monitor.ChannelID
	for _, d := range leased {
		if d.Delivery.Kind != monitor.ForTest {
			channels = append(channels, d.Channel.ID)
		}
	}
	if len(channels) == 0 || l.Pace == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO channel_health (channel_id, gate) SELECT id, CAST($1 AS BIGINT) FROM channels WHERE id IN ("+idList(channels)+
		") ORDER BY id ON CONFLICT (channel_id) DO UPDATE SET gate = excluded.gate WHERE channel_health.gate < excluded.gate", l.Now.Add(l.Pace).UnixMicro())
	return err
}

// FailingChannels implements store.Outbox.
func (s *Store) FailingChannels(ctx context.Context, project monitor.ProjectID) ([]monitor.Failing, error) {
	rows, err := s.reading().FailingChannels(ctx, gen.FailingChannelsParams{ProjectID: int64(project), Rows: listLimit})
	if err != nil {
		return nil, s.done("list failing channels", err)
	}
	list := make([]monitor.Failing, len(rows))
	for i, row := range rows {
		list[i] = monitor.Failing{
			Health: healthOf(row.ChannelHealth), Project: monitor.ProjectID(row.ProjectID), ProjectName: row.ProjectName,
			Name: row.Name, Kind: monitor.ChannelKind(row.Kind), Disabled: row.Disabled, Last: row.Others == 0,
		}
	}
	return list, nil
}

// WarnOfChannel implements store.Outbox. The project is locked, so that its last two
// channels are not switched off side by side.
func (s *Store) WarnOfChannel(ctx context.Context, f monitor.Failing, w monitor.Warning, now time.Time, letters ...account.Letter) error {
	ctx = store.By(ctx, account.Actor{Kind: account.ByItself, Name: "Rollcall", At: now})
	return s.change(ctx, "warn of channel", f.Project, func(q *gen.Queries, rec recorder) error {
		rows, err := q.WarnOfChannel(ctx, gen.WarnOfChannelParams{
			ChannelID: int64(f.Channel), Since: microsOrZero(f.Since), Warned: int64(w), WarnedBefore: int64(f.Warned),
		})
		if err := anyRow(rows, err, fault.Conflict); err != nil {
			return err
		}
		for _, l := range letters {
			if err := q.InsertLetter(ctx, insertLetter(l)); err != nil {
				return err
			}
		}
		if err := tellOthers(ctx, q, f, w, now); err != nil {
			return err
		}
		channel, err := s.channelByID(ctx, q, f.Project, f.Channel)
		switch {
		case err != nil:
			return err
		case w != monitor.SwitchedOff:
			return rec(account.ChannelEntry(account.Warned, channel))
		case channel.Disabled != "": // which is recorded
			return nil
		}
		others, err := q.OtherChannels(ctx, gen.OtherChannelsParams{ProjectID: int64(f.Project), ChannelID: int64(f.Channel)})
		if err != nil {
			return err
		}
		if others == 0 {
			return fault.Conflict
		}
		return s.switchChannel(ctx, q, rec, f.Project, f.Channel, monitor.FailedTooLong)
	})
}

// tellOthers queues a message about a channel to each other one of its project.
func tellOthers(ctx context.Context, q *gen.Queries, f monitor.Failing, w monitor.Warning, now time.Time) error {
	others, err := q.ChannelsThatTake(ctx, gen.ChannelsThatTakeParams{ProjectID: int64(f.Project), ChannelID: int64(f.Channel), Rows: listLimit})
	if err != nil {
		return err
	}
	f.Warned = w
	for _, other := range others {
		if err := owe(ctx, q, monitor.ForChannel, int64(f.Project), other, textOf(f, false), now); err != nil {
			return err
		}
	}
	return nil
}
