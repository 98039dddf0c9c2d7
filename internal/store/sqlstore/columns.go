package sqlstore

import (
	"strings"

	"rollcall/internal/monitor"
	"rollcall/internal/store"
	"rollcall/internal/store/sqlstore/gen"
)

// The columns of a check in the order in which the engines' own statements name
// them: identity and configuration, then the state without wake, then wake.
var (
	configColumns = []string{
		"id", "project_id", "uuid", "created_at", "updated_at",
		"name", "slug", "description", "tags", "kind", "period", "schedule", "timezone",
		"grace", "max_runtime", "threshold", "manual_resume", "post_only", "filter",
	}
	stateColumns = []string{
		"status", "since", "reason", "rev", "n_pings",
		"last_ping", "last_success", "last_start", "last_signal", "last_exit", "last_duration",
		"fail_streak", "due", "credit", "runs", "burst_at", "burst", "coalesced", "trouble", "misses",
		"blind_from", "blind_to",
	}
)

// CheckColumns lists every column of a check, each behind the given table alias.
func CheckColumns(alias string) string {
	return alias + "." + strings.Join(CheckColumnNames(), ", "+alias+".")
}

// CheckColumnNames lists every column of a check.
func CheckColumnNames() []string {
	return append(append(append([]string(nil), configColumns...), stateColumns...), "wake")
}

// StateColumnNames lists the columns that a ping may change, wake excepted: it is
// indexed, so it is written only when it moves.
func StateColumnNames() []string { return stateColumns }

// ConfigColumnNames lists the columns that a person's edit may change.
func ConfigColumnNames() []string { return configColumns[4:] }

// CheckFields returns where a row with CheckColumns is scanned to.
func CheckFields(r *gen.Check) []any {
	return []any{
		&r.ID, &r.ProjectID, &r.UUID, &r.CreatedAt, &r.UpdatedAt,
		&r.Name, &r.Slug, &r.Description, &r.Tags, &r.Kind, &r.Period, &r.Schedule, &r.Timezone,
		&r.Grace, &r.MaxRuntime, &r.Threshold, &r.ManualResume, &r.PostOnly, &r.Filter,
		&r.Status, &r.Since, &r.Reason, &r.Rev, &r.NPings,
		&r.LastPing, &r.LastSuccess, &r.LastStart, &r.LastSignal, &r.LastExit, &r.LastDuration,
		&r.FailStreak, &r.Due, &r.Credit, &r.Runs, &r.BurstAt, &r.Burst, &r.Coalesced, &r.Trouble, &r.Misses,
		&r.BlindFrom, &r.BlindTo,
		&r.Wake,
	}
}

// StateValues returns the values of StateColumnNames.
func StateValues(r gen.Check) []any {
	return []any{
		r.Status, r.Since, r.Reason, r.Rev, r.NPings,
		r.LastPing, r.LastSuccess, r.LastStart, r.LastSignal, r.LastExit, r.LastDuration,
		r.FailStreak, r.Due, r.Credit, r.Runs, r.BurstAt, r.Burst, r.Coalesced, r.Trouble, r.Misses,
		r.BlindFrom, r.BlindTo,
	}
}

// ConfigValues returns the values of ConfigColumnNames.
func ConfigValues(r gen.Check) []any {
	return []any{
		r.UpdatedAt, r.Name, r.Slug, r.Description, r.Tags, r.Kind, r.Period, r.Schedule, r.Timezone,
		r.Grace, r.MaxRuntime, r.Threshold, r.ManualResume, r.PostOnly, r.Filter,
	}
}

// NewCheckValues returns the values of all CheckColumnNames but the id.
func NewCheckValues(r gen.Check) []any {
	values := append([]any{r.ProjectID, r.UUID, r.CreatedAt}, ConfigValues(r)...)
	return append(append(values, StateValues(r)...), r.Wake)
}

// InsertPing and InsertFlip take PingValues and FlipValues.
const (
	InsertPing = `INSERT INTO pings (check_id, n, at, signal, exit_status, run_id, duration, ignored,
	scheme, method, remote_addr, user_agent, detail, body, body_size)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`
	InsertFlip = `INSERT INTO flips (check_id, rev, at, judged_at, old_status, new_status, reason, tell, facts)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
)

// InsertDeliveries owes a flip to every channel of its check that takes messages.
// It takes the project, the check, the flip's rev and when it was judged.
const InsertDeliveries = `INSERT INTO deliveries
	(project_id, channel_id, kind, check_id, rev, state, attempts, tries, created_at, next_at, answer)
SELECT CAST($1 AS BIGINT), cc.channel_id, 'flip', cc.check_id, CAST($3 AS BIGINT), 'pending', 0, 0,
	CAST($4 AS BIGINT), CAST($4 AS BIGINT), ''
FROM check_channels cc JOIN channels ch ON ch.id = cc.channel_id
WHERE cc.check_id = $2 AND ch.disabled = ''
ORDER BY cc.channel_id`

// AssignAll lets a new check tell every channel of its project.
const AssignAll = `INSERT INTO check_channels (check_id, channel_id, since_rev)
SELECT CAST($1 AS BIGINT), id, 0 FROM channels WHERE project_id = $2`

// InsertCorrections owes a flip that corrects an earlier one to every channel that
// the earlier one was told to. It takes the values of InsertDeliveries and the
// earlier one's rev.
const InsertCorrections = `INSERT INTO deliveries
	(project_id, channel_id, kind, check_id, rev, state, attempts, tries, created_at, next_at, answer)
SELECT CAST($1 AS BIGINT), d.channel_id, 'flip', d.check_id, CAST($3 AS BIGINT), 'pending', 0, 0,
	CAST($4 AS BIGINT), CAST($4 AS BIGINT), ''
FROM deliveries d JOIN channels ch ON ch.id = d.channel_id
WHERE d.check_id = $2 AND d.rev = $5 AND ch.disabled = ''
ORDER BY d.channel_id`

// InsertUnverified notes that a check became unknown and that its channels are owed a
// digest. It takes the check, the flip's rev, the beginning of the blind interval and
// when it was judged.
const InsertUnverified = `INSERT INTO unverified (check_id, rev, from_at, judged_at) VALUES ($1, $2, $3, $4)`

// UnverifiedValues returns the values of InsertUnverified, nil for a flip that owes
// no digest.
func UnverifiedValues(f monitor.Flip) []any {
	if f.Facts.Blind == nil {
		return nil
	}
	return []any{int64(f.Check), f.Rev, *f.Facts.Blind, f.Judged.UnixMicro()}
}

// BeginSpan ends the spans of a node before a new one; it takes the node, when the
// new one begins and why the one before ended. PutMark takes the key of the span,
// then its node, since, at and whether it is stopped. A mark never moves back.
const (
	BeginSpan = `UPDATE coverage SET resumed = $2, cause = $3 WHERE name = $1 AND resumed IS NULL`
	PutMark   = `INSERT INTO coverage (node, name, since, at, stopped) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (node) DO UPDATE SET at = excluded.at, stopped = excluded.stopped WHERE excluded.at >= coverage.at`
)

// BeginSpanValues returns the values of BeginSpan.
func BeginSpanValues(m store.CoverageMark) []any { return []any{m.Node, m.Since.UnixMicro(), m.Cause} }

// MarkValues returns the values of PutMark.
func MarkValues(m store.CoverageMark) []any {
	return []any{spanKey(m.Node, m.Since), m.Node, m.Since.UnixMicro(), m.At.UnixMicro(), m.Stopped}
}

// DeliveriesOf returns the statement that owes a flip to its channels, and its values.
func DeliveriesOf(project monitor.ProjectID, f monitor.Flip) (statement string, values []any) {
	values = []any{int64(project), int64(f.Check), f.Rev, f.Judged.UnixMicro()}
	if f.Facts.Corrects != 0 {
		return InsertCorrections, append(values, f.Facts.Corrects)
	}
	return InsertDeliveries, values
}

// PingValues returns the values of InsertPing.
func PingValues(r gen.Ping) []any {
	return []any{
		r.CheckID, r.N, r.At, r.Signal, r.ExitStatus, r.RunID, r.Duration, r.Ignored,
		r.Scheme, r.Method, r.RemoteAddr, r.UserAgent, r.Detail, r.Body, r.BodySize,
	}
}

// FlipValues returns the values of InsertFlip.
func FlipValues(r gen.Flip) []any {
	return []any{r.CheckID, r.Rev, r.At, r.JudgedAt, r.OldStatus, r.NewStatus, r.Reason, r.Tell, r.Facts}
}
