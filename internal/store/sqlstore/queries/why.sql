-- name: DecisionsAround :many
SELECT check_id, about, key, project_id, judged_at, arrived_at, ping_n, deadline_at, due_at, seen_at,
    was, became, reason, tell, suppressed, until_at, corrects, lag, owed, off, bad, bad_limit
FROM decisions
WHERE check_id = @check_id
    AND (judged_at >= @since AND judged_at < @until OR deadline_at >= @since AND deadline_at < @until)
ORDER BY judged_at, about, key
LIMIT @rows;

-- name: DecisionsOfFlips :many
SELECT check_id, about, key, project_id, judged_at, arrived_at, ping_n, deadline_at, due_at, seen_at,
    was, became, reason, tell, suppressed, until_at, corrects, lag, owed, off, bad, bad_limit
FROM decisions
WHERE check_id = @check_id AND about = 'flip' AND key >= @first AND key <= @last
ORDER BY key
LIMIT @rows;

-- name: FlipsUntil :many
SELECT check_id, rev, at, judged_at, old_status, new_status, reason, tell, facts
FROM flips
WHERE check_id = @check_id AND judged_at < @until
ORDER BY judged_at DESC, rev DESC
LIMIT @rows;

-- name: FlipsFrom :many
SELECT check_id, rev, at, judged_at, old_status, new_status, reason, tell, facts
FROM flips
WHERE check_id = @check_id AND judged_at >= @since
ORDER BY judged_at, rev
LIMIT @rows;

-- name: PingsWithin :many
SELECT check_id, n, at, signal, exit_status, run_id, duration, ignored, detail
FROM pings
WHERE check_id = @check_id AND at >= @since AND at < @until
ORDER BY n
LIMIT @rows;

-- name: PingsUntil :many
SELECT check_id, n, at, signal, exit_status, run_id, duration, ignored, detail
FROM pings
WHERE check_id = @check_id AND at < @until AND ignored = '' AND signal <> 'log'
ORDER BY n DESC
LIMIT @rows;

-- name: PingsFrom :many
SELECT check_id, n, at, signal, exit_status, run_id, duration, ignored, detail
FROM pings
WHERE check_id = @check_id AND at >= @since AND ignored = '' AND signal <> 'log'
ORDER BY n
LIMIT @rows;

-- name: OldestPing :one
SELECT n, at FROM pings WHERE check_id = @check_id ORDER BY n LIMIT 1;

-- name: DeliveriesOfFlips :many
SELECT sqlc.embed(deliveries), channels.name AS channel_name, channels.kind AS channel_kind
FROM deliveries JOIN channels ON channels.id = deliveries.channel_id
WHERE deliveries.check_id = @check_id AND deliveries.rev >= @first AND deliveries.rev <= @last
    AND deliveries.project_id = @project_id
ORDER BY deliveries.rev, deliveries.channel_id
LIMIT @rows;

-- name: AttemptsOfFlips :many
SELECT attempts.delivery_id, attempts.n, attempts.started_at, attempts.took, attempts.ok, attempts.code, attempts.answer
FROM deliveries JOIN attempts ON attempts.delivery_id = deliveries.id
WHERE deliveries.check_id = @check_id AND deliveries.rev >= @first AND deliveries.rev <= @last
    AND deliveries.project_id = @project_id
ORDER BY attempts.delivery_id, attempts.n
LIMIT @rows;

-- name: ActsOnCheck :many
SELECT at, actor_name, verb FROM audit
WHERE project_id = @project_id AND object = 'check' AND object_key = @object_key AND at >= @since AND at < @until
ORDER BY at
LIMIT @rows;

-- name: DetectionLags :many
SELECT CAST(lag AS BIGINT) AS lag FROM decisions
WHERE project_id = @project_id AND judged_at >= @since AND lag IS NOT NULL
ORDER BY judged_at DESC
LIMIT @rows;

-- The newest messages of a project, and when each was first taken; 0: it was not.
-- name: DeliveryLags :many
SELECT newest.created_at, newest.state,
    CAST(COALESCE((SELECT MIN(attempts.started_at + attempts.took) FROM attempts
        WHERE attempts.delivery_id = newest.id AND attempts.ok), 0) AS BIGINT) AS taken_at
FROM deliveries AS newest
WHERE newest.id IN (SELECT own.id FROM deliveries AS own WHERE own.project_id = @project_id ORDER BY own.id DESC LIMIT @rows)
    AND newest.kind = 'flip' AND newest.created_at >= @since;

-- name: DecisionsBefore :many
SELECT check_id, about, key, project_id, judged_at, arrived_at, ping_n, deadline_at, due_at, seen_at,
    was, became, reason, tell, suppressed, until_at, corrects, lag, owed, off, bad, bad_limit
FROM decisions
WHERE check_id = @check_id AND judged_at < @until
ORDER BY judged_at DESC
LIMIT @rows;

-- name: DecisionsAfter :many
SELECT check_id, about, key, project_id, judged_at, arrived_at, ping_n, deadline_at, due_at, seen_at,
    was, became, reason, tell, suppressed, until_at, corrects, lag, owed, off, bad, bad_limit
FROM decisions
WHERE check_id = @check_id AND judged_at >= @since
ORDER BY judged_at
LIMIT @rows;

-- name: ChannelNames :many
SELECT id, name FROM channels WHERE project_id = @project_id ORDER BY id LIMIT @rows;

-- name: ToleratedDecisions :many
SELECT check_id, about, key, project_id, judged_at, arrived_at, ping_n, deadline_at, due_at, seen_at,
    was, became, reason, tell, suppressed, until_at, corrects, lag, owed, off, bad, bad_limit
FROM decisions
WHERE check_id = @check_id AND about = @about AND key < @before AND suppressed = 'below threshold'
ORDER BY key DESC
LIMIT @rows;
