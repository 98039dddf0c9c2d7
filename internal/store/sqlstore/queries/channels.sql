-- name: InsertChannel :one
INSERT INTO channels (project_id, name, kind, settings, disabled, created_at)
VALUES (@project_id, @name, @kind, @settings, @disabled, @created_at)
RETURNING id;

-- name: UpdateChannel :execrows
UPDATE channels SET name = @name, settings = @settings, disabled = @disabled
WHERE id = @id AND project_id = @project_id;

-- name: DisableChannel :exec
UPDATE channels SET disabled = @words WHERE id = @id;

-- name: DeleteChannel :execrows
DELETE FROM channels WHERE id = @id AND project_id = @project_id;

-- name: ChannelByID :one
SELECT id, project_id, name, kind, settings, disabled, created_at
FROM channels
WHERE id = @id AND project_id = @project_id;

-- name: ChannelsOfProject :many
SELECT sqlc.embed(channels),
    (SELECT COUNT(*) FROM check_channels WHERE check_channels.channel_id = channels.id) AS checks,
    (SELECT deliveries.ended_at FROM deliveries
     WHERE deliveries.channel_id = channels.id AND deliveries.state = 'sent'
     ORDER BY deliveries.ended_at DESC LIMIT 1) AS last_sent
FROM channels
WHERE channels.project_id = @project_id
ORDER BY channels.name, channels.id
LIMIT @rows;

-- name: LastDeliveries :many
SELECT deliveries.id, deliveries.project_id, deliveries.channel_id, deliveries.kind,
    deliveries.check_id, deliveries.rev, deliveries.state, deliveries.attempts, deliveries.tries,
    deliveries.created_at, deliveries.next_at, deliveries.ended_at,
    deliveries.answer, deliveries.code, deliveries.digest_id
FROM channels JOIN deliveries ON deliveries.id =
    (SELECT MAX(newest.id) FROM deliveries AS newest WHERE newest.channel_id = channels.id)
WHERE channels.project_id = @project_id
LIMIT @rows;
