-- name: CountChecks :many
SELECT status, COUNT(*) AS checks FROM checks GROUP BY status ORDER BY status LIMIT @most;

-- name: TrimSessions :execrows
DELETE FROM sessions WHERE hash IN
    (SELECT expired.hash FROM sessions AS expired WHERE expired.expires_at < @before LIMIT @rows);

-- name: TrimTokens :execrows
DELETE FROM tokens WHERE hash IN
    (SELECT expired.hash FROM tokens AS expired WHERE expired.expires_at < @before LIMIT @rows);

-- name: DateTombstones :exec
UPDATE tombstones SET gone_at = CAST(@now AS BIGINT) WHERE gone_at IS NULL;

-- name: TrimTombstones :execrows
DELETE FROM tombstones WHERE uuid IN
    (SELECT old.uuid FROM tombstones AS old WHERE old.gone_at < @before LIMIT @rows);

-- name: TrimDeliveries :execrows
DELETE FROM deliveries WHERE id IN
    (SELECT old.id FROM deliveries AS old
     WHERE old.created_at < @before AND old.state IN ('sent', 'dead', 'merged')
     ORDER BY old.created_at LIMIT @rows);

-- name: ChecksToTrim :many
SELECT id, rev, n_pings, coalesced FROM checks WHERE id > @after ORDER BY id LIMIT @rows;

-- name: PingBehind :one
SELECT n FROM pings WHERE check_id = @check_id ORDER BY n DESC LIMIT 1 OFFSET @kept;

-- name: TrimPings :execrows
DELETE FROM pings WHERE pings.check_id = @check_id AND pings.n IN
    (SELECT old.n FROM pings AS old WHERE old.check_id = @check_id AND old.n <= @last ORDER BY old.n LIMIT @rows);

-- name: TrimDecisions :execrows
DELETE FROM decisions WHERE decisions.check_id = @check_id AND (decisions.about, decisions.key) IN
    (SELECT old.about, old.key FROM decisions AS old
     WHERE old.check_id = @check_id AND old.judged_at < @before
        AND NOT (old.about = 'flip' AND EXISTS (SELECT 1 FROM flips WHERE flips.check_id = old.check_id AND flips.rev = old.key))
     ORDER BY old.judged_at LIMIT @rows);

-- name: TrimIgnored :execrows
DELETE FROM decisions WHERE decisions.check_id = @check_id AND decisions.about = 'ping' AND decisions.key IN
    (SELECT old.key FROM decisions AS old WHERE old.check_id = @check_id AND old.about = 'ping' AND old.key <= @last ORDER BY old.key LIMIT @rows);

-- name: TrimFlips :execrows
DELETE FROM flips WHERE flips.check_id = @check_id AND flips.rev IN
    (SELECT old.rev FROM flips AS old WHERE old.check_id = @check_id AND old.rev < @newest ORDER BY old.rev LIMIT @rows)
AND flips.at < @before
AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.check_id = flips.check_id AND deliveries.rev = flips.rev);
