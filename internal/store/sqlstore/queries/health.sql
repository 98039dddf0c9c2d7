-- Makes the row of a channel if it has none, locks it, and returns it.
-- name: LockHealth :one
INSERT INTO channel_health (channel_id) VALUES (@channel_id)
ON CONFLICT (channel_id) DO UPDATE SET failures = channel_health.failures
RETURNING channel_id, failures, hours, since, failed_at, opened_at, gate, redirects, redirect_to, warned;

-- name: SetHealth :exec
UPDATE channel_health SET failures = @failures, hours = @hours, since = @since, failed_at = @failed_at, opened_at = @opened_at,
    gate = @gate, redirects = @redirects, redirect_to = @redirect_to, warned = @warned
WHERE channel_id = @channel_id;

-- name: ChannelFails :one
SELECT COUNT(*) FROM channel_health WHERE channel_id = @channel_id AND failures > 0;

-- name: ForgetHealth :exec
DELETE FROM channel_health WHERE channel_id = @channel_id;

-- name: CloseBreaker :exec
UPDATE channel_health SET opened_at = NULL, gate = 0 WHERE channel_id = @channel_id;

-- What was tried before waits for its next attempt; the rest is due.
-- name: WakeDeliveries :exec
UPDATE deliveries SET next_at = @now
WHERE channel_id = @channel_id AND next_at IS NOT NULL AND kind <> 'test'
    AND state = 'pending' AND attempts > 0 AND next_at > @now;

-- Of one project, or of all for 0.
-- name: FailingChannels :many
SELECT sqlc.embed(channel_health), channels.project_id, channels.name, channels.kind, channels.disabled, projects.name AS project_name,
    CAST((SELECT COUNT(*) FROM channels AS others
     WHERE others.project_id = channels.project_id AND others.id <> channels.id AND others.disabled = '') AS BIGINT) AS others
FROM channel_health
JOIN channels ON channels.id = channel_health.channel_id
JOIN projects ON projects.id = channels.project_id
WHERE channel_health.failures > 0
    AND (CAST(@project_id AS BIGINT) = 0 OR channels.project_id = CAST(@project_id AS BIGINT))
ORDER BY channel_health.channel_id
LIMIT @rows;

-- name: WarnOfChannel :execrows
UPDATE channel_health SET warned = @warned
WHERE channel_id = @channel_id AND since = @since AND failures > 0 AND warned = CAST(@warned_before AS BIGINT);

-- The channels that are told of another one. One that fails itself is not: two of them
-- would only fill each other's queue.
-- name: ChannelsThatTake :many
SELECT channels.id FROM channels
WHERE channels.project_id = @project_id AND channels.id <> @channel_id AND channels.disabled = ''
    AND NOT EXISTS (SELECT 1 FROM channel_health
        WHERE channel_health.channel_id = channels.id AND channel_health.opened_at IS NOT NULL)
ORDER BY channels.id
LIMIT @rows;

-- name: OtherChannels :one
SELECT COUNT(*) FROM channels WHERE project_id = @project_id AND id <> @channel_id AND disabled = '';
