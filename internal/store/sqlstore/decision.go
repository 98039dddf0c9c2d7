package sqlstore

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// InsertDecision takes DecisionValues. The channels are as they are in this
// transaction: those that the deliveries of the flip are for, and, when it is to be
// told, those that are disabled; a correction concerns those of what it corrects.
// What is decided twice about one deadline is kept once.
const InsertDecision = `INSERT INTO decisions (check_id, about, key, project_id, judged_at, arrived_at, ping_n,
	deadline_at, due_at, seen_at, was, became, reason, tell, suppressed, until_at, corrects, lag, bad, bad_limit, owed, off)
VALUES (CAST($1 AS BIGINT), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, CAST($19 AS BIGINT), $17, $20, $21,
	COALESCE((SELECT string_agg(CAST(d.channel_id AS TEXT), ' ' ORDER BY d.channel_id)
		FROM deliveries d WHERE d.check_id = CAST($1 AS BIGINT) AND d.rev = CAST($18 AS BIGINT)), ''),
	COALESCE((SELECT string_agg(CAST(ch.id AS TEXT), ' ' ORDER BY ch.id)
		FROM channels ch WHERE ch.disabled <> '' AND ch.id IN (
			SELECT cc.channel_id FROM check_channels cc
			WHERE cc.check_id = CAST($1 AS BIGINT) AND CAST($18 AS BIGINT) > 0 AND CAST($19 AS BIGINT) = 0
			UNION ALL SELECT d.channel_id FROM deliveries d
			WHERE d.check_id = CAST($1 AS BIGINT) AND d.rev = CAST($19 AS BIGINT) AND CAST($19 AS BIGINT) > 0)), ''))
ON CONFLICT (check_id, about, key) DO NOTHING`

// DecisionValues returns the values of InsertDecision.
func DecisionValues(w store.DecisionWrite) []any {
	d := w.Decision
	var told int64 // the rev of a flip that is told
	if d.Tell {
		told = d.Key
	}
	var lag *int64
	if span, ok := d.Lag(); ok {
		lag = countOf(&span, time.Microsecond)
	}
	return []any{
		int64(d.Check), string(d.About), d.Key, int64(w.Project), d.Judged.UnixMicro(), monitor.Micros(d.Arrived), d.Ping,
		monitor.Micros(d.Deadline), monitor.Micros(d.Due), monitor.Micros(d.Seen), string(d.Was), string(d.Is), string(d.Reason),
		d.Tell, string(d.Suppressed), monitor.Micros(d.Until), lag, told, d.Corrects,
		d.Bad, d.Of,
	}
}

// decisionOf reads a decision from its row.
func decisionOf(row gen.Decision) (monitor.Decision, error) {
	d := monitor.Decision{
		Check: monitor.CheckID(row.CheckID), About: monitor.Matter(row.About), Key: row.Key,
		Judged: instant(row.JudgedAt), Arrived: monitor.FromMicros(row.ArrivedAt), Ping: row.PingN,
		Deadline: monitor.FromMicros(row.DeadlineAt), Due: monitor.FromMicros(row.DueAt), Seen: monitor.FromMicros(row.SeenAt),
		Was: monitor.Status(row.Was), Is: monitor.Status(row.Became), Reason: monitor.Reason(row.Reason),
		Tell: row.Tell, Suppressed: monitor.Suppression(row.Suppressed), Until: monitor.FromMicros(row.UntilAt), Corrects: row.Corrects,
		Bad: int(row.Bad), Of: int(row.BadLimit),
	}
	var err error
	if d.Owed, err = channelsOf(row.Owed); err == nil {
		d.Off, err = channelsOf(row.Off)
	}
	if err != nil {
		return d, fmt.Errorf("decision %s %d of check %d: %w", row.About, row.Key, row.CheckID, err)
	}
	return d, nil
}

// channelsOf reads ids that are separated by spaces.
func channelsOf(text string) ([]monitor.ChannelID, error) {
	var ids []monitor.ChannelID
	for word := range strings.FieldsSeq(text) {
		id, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return nil, err
		}
		ids = append(ids, monitor.ChannelID(id))
	}
	return ids, nil
}
