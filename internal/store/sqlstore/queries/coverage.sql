-- name: Spans :many
SELECT node, name, at, since, resumed, stopped, cause FROM coverage ORDER BY at, node LIMIT @most;

-- The mark is a fence: a span that has gone on is not over.
-- name: DropSpan :exec
DELETE FROM coverage WHERE node = @node AND at = @at;

-- name: PutBlind :exec
INSERT INTO blinds (from_at, to_at, cause) VALUES (@from_at, @to_at, @cause)
ON CONFLICT (from_at) DO UPDATE SET to_at = excluded.to_at WHERE excluded.to_at > blinds.to_at;

-- name: BlindsSince :many
SELECT from_at, to_at, cause FROM blinds
WHERE to_at > @since
ORDER BY from_at DESC
LIMIT @rows;

-- name: PutGap :exec
INSERT INTO blinds (from_at, to_at, cause, pending) VALUES (@from_at, @to_at, @cause, TRUE)
ON CONFLICT (from_at) DO NOTHING;

-- name: PendingBlinds :many
SELECT from_at, to_at, cause FROM blinds WHERE pending ORDER BY from_at LIMIT @most;

-- name: SettleBlind :exec
UPDATE blinds SET pending = FALSE WHERE from_at = @from_at;

-- name: Unverified :many
SELECT checks.project_id, unverified.from_at, CAST(MIN(unverified.judged_at) AS BIGINT) AS oldest,
    (SELECT COUNT(*) FROM checks AS doubted
     WHERE doubted.project_id = checks.project_id AND doubted.blind_to IS NOT NULL) AS doubted
FROM unverified JOIN checks ON checks.id = unverified.check_id
GROUP BY checks.project_id, unverified.from_at
ORDER BY unverified.from_at, checks.project_id
LIMIT @most;

-- name: LockUnverified :execrows
UPDATE unverified SET rev = rev
WHERE from_at = @from_at AND check_id IN (SELECT checks.id FROM checks WHERE checks.project_id = @project_id);

-- name: UnverifiedChecks :many
SELECT unverified.check_id, flips.facts,
    CAST(COALESCE((SELECT old.uuid FROM old_addresses AS old WHERE old.check_id = checks.id ORDER BY old.rotated_at LIMIT 1),
        checks.uuid) AS TEXT) AS first_uuid
FROM unverified
JOIN checks ON checks.id = unverified.check_id
JOIN flips ON flips.check_id = unverified.check_id AND flips.rev = unverified.rev
WHERE unverified.from_at = @from_at AND checks.project_id = @project_id;

-- name: ChannelsOfUnverified :many
SELECT check_channels.channel_id, check_channels.check_id
FROM unverified
JOIN checks ON checks.id = unverified.check_id
JOIN check_channels ON check_channels.check_id = checks.id
JOIN channels ON channels.id = check_channels.channel_id
WHERE unverified.from_at = @from_at AND checks.project_id = @project_id AND channels.disabled = '';

-- name: DropUnverified :exec
DELETE FROM unverified
WHERE from_at = @from_at AND check_id IN (SELECT checks.id FROM checks WHERE checks.project_id = @project_id);

-- name: BlindByFrom :one
SELECT from_at, to_at, cause FROM blinds WHERE from_at = @from_at;

-- name: InsertNotice :one
INSERT INTO deliveries (project_id, channel_id, kind, state, attempts, tries, created_at, next_at, answer)
VALUES (@project_id, @channel_id, @kind, 'pending', 0, 0, CAST(@now AS BIGINT), CAST(@now AS BIGINT), '')
RETURNING id;

-- name: InsertDigest :exec
INSERT INTO digests (delivery_id, content) VALUES (@delivery_id, @content);
