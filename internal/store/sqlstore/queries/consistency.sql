-- Each of these finds what the rules exclude; a row is a fault of ours.

-- name: DriftedStatus :many
SELECT checks.id FROM checks
WHERE checks.status <> COALESCE(
    (SELECT flips.new_status FROM flips WHERE flips.check_id = checks.id ORDER BY flips.rev DESC LIMIT 1), checks.status)
ORDER BY checks.id
LIMIT @most;

-- The newest flips of a check are enough: what is older was looked at before. The
-- first flip after an assignment may have been decided beside it.
-- name: UntoldFlips :many
SELECT flips.check_id
FROM checks
JOIN flips ON flips.check_id = checks.id AND flips.rev > checks.rev - 20
JOIN check_channels ON check_channels.check_id = checks.id AND flips.rev > check_channels.since_rev + 1
JOIN channels ON channels.id = check_channels.channel_id AND channels.disabled = ''
WHERE flips.tell AND flips.reason <> 'late' AND flips.judged_at > @since
    AND NOT EXISTS (
        SELECT 1 FROM deliveries
        WHERE deliveries.check_id = flips.check_id AND deliveries.rev = flips.rev AND deliveries.channel_id = check_channels.channel_id)
ORDER BY flips.check_id, flips.rev
LIMIT @most;

-- name: ExpiredLeases :many
SELECT deliveries.id FROM deliveries
WHERE deliveries.state = 'sending' AND deliveries.next_at < CAST(@before AS BIGINT)
    AND (SELECT channels.disabled FROM channels WHERE channels.id = deliveries.channel_id) = ''
ORDER BY deliveries.next_at
LIMIT @most;

-- name: StrandedDeliveries :many
SELECT deliveries.id FROM deliveries
WHERE deliveries.created_at > @since
    AND (deliveries.next_at IS NULL AND deliveries.state IN ('pending', 'sending')
        OR deliveries.next_at IS NOT NULL AND deliveries.state IN ('sent', 'dead'))
ORDER BY deliveries.created_at
LIMIT @most;

-- name: UnwatchedChecks :many
SELECT id FROM checks
WHERE due IS NOT NULL AND wake IS NULL AND trouble = '' AND status IN ('new', 'up', 'unknown')
ORDER BY id
LIMIT @most;

-- name: UnjudgedChecks :many
SELECT id FROM checks
WHERE wake < CAST(@before AS BIGINT)
ORDER BY wake
LIMIT @most;

-- name: Probe :execrows
UPDATE probe SET n = n + 1 WHERE id = 1;

-- name: RenewAssignments :exec
UPDATE check_channels SET since_rev = (SELECT checks.rev FROM checks WHERE checks.id = check_channels.check_id)
WHERE channel_id = @channel_id;

-- name: EndAllSessions :exec
DELETE FROM sessions;

-- name: EndAllTokens :exec
DELETE FROM tokens;

-- name: EndAllRequests :exec
DELETE FROM api_requests;

-- name: ProjectIDs :many
SELECT id FROM projects WHERE id > @after ORDER BY id LIMIT @most;

-- name: LastCovered :one
SELECT CAST(COALESCE(MAX(at), 0) AS BIGINT) AS at FROM coverage;
