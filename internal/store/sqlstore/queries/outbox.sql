-- name: DeliveryByID :one
SELECT id, project_id, channel_id, kind, check_id, rev, state, attempts, tries,
    created_at, next_at, ended_at, answer, code, digest_id
FROM deliveries
WHERE id = @id AND project_id = @project_id;

-- name: InsertTest :one
INSERT INTO deliveries (project_id, channel_id, kind, state, attempts, tries, created_at, next_at, answer)
SELECT channels.project_id, channels.id, 'test', 'pending', 0, 0, CAST(@now AS BIGINT), CAST(@now AS BIGINT), ''
FROM channels
WHERE channels.id = @channel_id AND channels.project_id = @project_id
RETURNING id;

-- name: SettleDelivery :execrows
UPDATE deliveries SET state = @state, attempts = @attempts, tries = @tries, next_at = @next_at,
    ended_at = @ended_at, answer = @answer, code = @code
WHERE id = @id AND state = 'sending' AND attempts = CAST(@attempts_before AS BIGINT);

-- name: InsertAttempt :exec
INSERT INTO attempts (delivery_id, n, started_at, took, ok, code, answer)
VALUES (@delivery_id, @n, @started_at, @took, @ok, @code, @answer);

-- name: PostponeDelivery :execrows
UPDATE deliveries SET state = 'pending', next_at = @next_at
WHERE id = @id AND state = 'sending' AND attempts = @attempts AND next_at = CAST(@leased_until AS BIGINT);

-- name: ReplayDelivery :execrows
UPDATE deliveries SET state = @state, tries = @tries, next_at = @next_at, ended_at = @ended_at
WHERE id = @id AND state IN ('sent', 'dead');

-- name: ListDeliveries :many
SELECT sqlc.embed(deliveries),
    channels.name AS channel_name, channels.kind AS channel_kind,
    checks.uuid AS check_uuid, checks.name AS check_name,
    CAST(COALESCE((SELECT old.uuid FROM old_addresses AS old WHERE old.check_id = deliveries.check_id ORDER BY old.rotated_at LIMIT 1),
        (SELECT own.uuid FROM checks AS own WHERE own.id = deliveries.check_id), '') AS TEXT) AS first_uuid,
    flips.at, flips.judged_at, flips.old_status, flips.new_status, flips.reason, flips.tell, flips.facts,
    roundups.down AS digest_down, roundups.up AS digest_up,
    CAST(COALESCE((SELECT digests.content FROM digests WHERE digests.delivery_id = deliveries.id AND deliveries.kind = 'channel'), '') AS TEXT) AS failing
FROM deliveries
JOIN channels ON channels.id = deliveries.channel_id
LEFT JOIN roundups ON roundups.delivery_id = deliveries.id
LEFT JOIN checks ON checks.id = deliveries.check_id AND checks.project_id = deliveries.project_id
LEFT JOIN flips ON flips.check_id = deliveries.check_id AND flips.rev = deliveries.rev
WHERE deliveries.project_id = @project_id AND deliveries.id > @after AND deliveries.id < @before
    AND (CAST(@channel_id AS BIGINT) = 0 OR deliveries.channel_id = CAST(@channel_id AS BIGINT))
    AND (CAST(@state AS TEXT) = '' OR deliveries.state = CAST(@state AS TEXT))
ORDER BY deliveries.id DESC
LIMIT @rows;

-- Those of a check and those that a digest tells have queries of their own, so that
-- SQLite finds them by index.
-- name: ListDeliveriesOfCheck :many
SELECT sqlc.embed(deliveries),
    channels.name AS channel_name, channels.kind AS channel_kind,
    checks.uuid AS check_uuid, checks.name AS check_name,
    CAST(COALESCE((SELECT old.uuid FROM old_addresses AS old WHERE old.check_id = deliveries.check_id ORDER BY old.rotated_at LIMIT 1),
        (SELECT own.uuid FROM checks AS own WHERE own.id = deliveries.check_id), '') AS TEXT) AS first_uuid,
    flips.at, flips.judged_at, flips.old_status, flips.new_status, flips.reason, flips.tell, flips.facts,
    roundups.down AS digest_down, roundups.up AS digest_up,
    CAST(COALESCE((SELECT digests.content FROM digests WHERE digests.delivery_id = deliveries.id AND deliveries.kind = 'channel'), '') AS TEXT) AS failing
FROM deliveries
JOIN channels ON channels.id = deliveries.channel_id
LEFT JOIN roundups ON roundups.delivery_id = deliveries.id
LEFT JOIN checks ON checks.id = deliveries.check_id AND checks.project_id = deliveries.project_id
LEFT JOIN flips ON flips.check_id = deliveries.check_id AND flips.rev = deliveries.rev
WHERE deliveries.project_id = @project_id AND deliveries.id > @after AND deliveries.id < @before
    AND deliveries.id IN (SELECT own.id FROM deliveries AS own WHERE own.check_id = CAST(@check_id AS BIGINT))
    AND (CAST(@channel_id AS BIGINT) = 0 OR deliveries.channel_id = CAST(@channel_id AS BIGINT))
    AND (CAST(@state AS TEXT) = '' OR deliveries.state = CAST(@state AS TEXT))
ORDER BY deliveries.id DESC
LIMIT @rows;

-- name: ListDeliveriesOfDigest :many
SELECT sqlc.embed(deliveries),
    channels.name AS channel_name, channels.kind AS channel_kind,
    checks.uuid AS check_uuid, checks.name AS check_name,
    CAST(COALESCE((SELECT old.uuid FROM old_addresses AS old WHERE old.check_id = deliveries.check_id ORDER BY old.rotated_at LIMIT 1),
        (SELECT own.uuid FROM checks AS own WHERE own.id = deliveries.check_id), '') AS TEXT) AS first_uuid,
    flips.at, flips.judged_at, flips.old_status, flips.new_status, flips.reason, flips.tell, flips.facts,
    roundups.down AS digest_down, roundups.up AS digest_up,
    CAST(COALESCE((SELECT digests.content FROM digests WHERE digests.delivery_id = deliveries.id AND deliveries.kind = 'channel'), '') AS TEXT) AS failing
FROM deliveries
JOIN channels ON channels.id = deliveries.channel_id
LEFT JOIN roundups ON roundups.delivery_id = deliveries.id
LEFT JOIN checks ON checks.id = deliveries.check_id AND checks.project_id = deliveries.project_id
LEFT JOIN flips ON flips.check_id = deliveries.check_id AND flips.rev = deliveries.rev
WHERE deliveries.project_id = @project_id AND deliveries.id > @after AND deliveries.id < @before
    AND deliveries.id IN (SELECT told.id FROM deliveries AS told WHERE told.digest_id = CAST(@digest_id AS BIGINT))
    AND (CAST(@check_id AS BIGINT) = 0 OR deliveries.check_id = CAST(@check_id AS BIGINT))
    AND (CAST(@channel_id AS BIGINT) = 0 OR deliveries.channel_id = CAST(@channel_id AS BIGINT))
    AND (CAST(@state AS TEXT) = '' OR deliveries.state = CAST(@state AS TEXT))
ORDER BY deliveries.id DESC
LIMIT @rows;

-- name: CountDeliveries :many
SELECT state, COUNT(*) AS deliveries FROM deliveries
WHERE project_id = @project_id AND created_at >= @since
GROUP BY state;

-- name: AttemptsOfDelivery :many
SELECT attempts.delivery_id, attempts.n, attempts.started_at, attempts.took, attempts.ok, attempts.code, attempts.answer
FROM attempts JOIN deliveries ON deliveries.id = attempts.delivery_id
WHERE attempts.delivery_id = @delivery_id AND deliveries.project_id = @project_id
ORDER BY attempts.n
LIMIT @rows;

-- What waits for its channel, and not for us, is not due. The state of the channel is
-- looked up by row: a join would let SQLite begin with the channels and read their
-- whole history.
-- name: OutboxAge :one
SELECT COUNT(*) AS waiting, COUNT(due.created_at) AS due, CAST(COALESCE(MIN(due.created_at), 0) AS BIGINT) AS oldest
FROM deliveries
LEFT JOIN deliveries AS due ON due.id = deliveries.id AND (due.state = 'sending'
    OR due.next_at <= CAST(@now AS BIGINT) AND NOT EXISTS (
        SELECT 1 FROM channel_health
        WHERE channel_health.channel_id = due.channel_id
            AND (channel_health.opened_at IS NOT NULL OR channel_health.gate > CAST(@now AS BIGINT))))
WHERE deliveries.next_at IS NOT NULL
    AND (SELECT channels.disabled FROM channels WHERE channels.id = deliveries.channel_id) = '';
