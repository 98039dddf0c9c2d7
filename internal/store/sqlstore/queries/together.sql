-- Alarms that were tried in vain and wait, with the deliveries of their ends.
-- name: AlarmsWithEnds :many
SELECT sqlc.embed(deliveries), sqlc.embed(ends), channels.kind AS channel_kind, flips.new_status AS is_status, flips.old_status AS was_status
FROM deliveries
JOIN channels ON channels.id = deliveries.channel_id
JOIN deliveries AS ends ON ends.check_id = deliveries.check_id AND ends.channel_id = deliveries.channel_id AND ends.rev = deliveries.rev + 1
JOIN flips ON flips.check_id = ends.check_id AND flips.rev = ends.rev
WHERE deliveries.state = 'pending' AND deliveries.attempts > 0 AND deliveries.kind = 'flip'
    AND channels.kind <> 'webhook' AND ends.state = 'pending' AND ends.attempts = 0
ORDER BY deliveries.id
LIMIT @most;

-- name: LockUntried :execrows
UPDATE deliveries SET attempts = attempts WHERE id = @id AND state = 'pending' AND attempts = 0;

-- name: MergeIntoEnd :execrows
UPDATE deliveries SET state = 'merged', next_at = NULL, ended_at = CAST(@now AS BIGINT), digest_id = CAST(@end_id AS BIGINT)
WHERE id = @id AND state = 'pending' AND attempts = @attempts;

-- The change that a delivery tells beside its own.
-- name: FlipToldWith :one
SELECT flips.check_id, flips.rev, flips.at, flips.judged_at, flips.old_status, flips.new_status, flips.reason, flips.tell, flips.facts
FROM deliveries
JOIN flips ON flips.check_id = deliveries.check_id AND flips.rev = deliveries.rev
WHERE deliveries.digest_id = CAST(@id AS BIGINT)
ORDER BY flips.rev
LIMIT 1;
