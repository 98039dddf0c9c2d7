-- The newest flips without what messages say; a correction keeps the facts that
-- tell what it corrects.
-- name: TurnsOfCheck :many
SELECT flips.check_id, flips.rev, flips.at, flips.judged_at, flips.old_status, flips.new_status, flips.reason, flips.tell,
    CAST(CASE WHEN flips.reason = 'late' THEN flips.facts ELSE '' END AS TEXT) AS facts
FROM checks JOIN flips ON flips.check_id = checks.id AND flips.rev > checks.rev - CAST(@newest AS BIGINT)
WHERE checks.id = @check_id AND flips.at >= @since
ORDER BY flips.rev DESC
LIMIT @rows;

-- name: RotateCheck :exec
UPDATE checks SET uuid = @uuid WHERE id = @id;

-- name: InsertOldAddress :exec
INSERT INTO old_addresses (uuid, check_id, rotated_at, ends_at) VALUES (@uuid, @check_id, @rotated_at, @ends_at);

-- name: OldAddress :one
SELECT old_addresses.check_id, old_addresses.ends_at FROM old_addresses WHERE old_addresses.uuid = @uuid;

-- name: OldAddressesOfProject :many
SELECT old_addresses.uuid, old_addresses.check_id, old_addresses.ends_at
FROM old_addresses JOIN checks ON checks.id = old_addresses.check_id
WHERE checks.project_id = @project_id
ORDER BY old_addresses.check_id, old_addresses.rotated_at
LIMIT @rows;

-- name: EndOldAddresses :execrows
UPDATE old_addresses SET ends_at = NULL WHERE uuid IN
    (SELECT expired.uuid FROM old_addresses AS expired WHERE expired.ends_at <= CAST(@now AS BIGINT) LIMIT @rows);

-- name: MoveCheck :execrows
UPDATE checks SET project_id = @target, misses = '' WHERE id = @id AND project_id = @project_id;

-- name: UnassignCheck :exec
DELETE FROM check_channels WHERE check_id = @check_id;

-- name: ChecksOfChannel :many
SELECT check_channels.check_id
FROM check_channels JOIN channels ON channels.id = check_channels.channel_id
WHERE check_channels.channel_id = @channel_id AND channels.project_id = @project_id
ORDER BY check_channels.check_id
LIMIT @rows;

-- name: UnassignChannel :exec
DELETE FROM check_channels WHERE channel_id = @channel_id;

-- name: LockChannel :execrows
UPDATE channels SET name = name WHERE id = @id AND project_id = @project_id;

-- name: DeliveryBefore :one
SELECT id FROM deliveries
WHERE project_id = @project_id AND created_at < CAST(@until AS BIGINT)
ORDER BY created_at DESC, id DESC
LIMIT 1;

-- name: GiveUpDelivery :execrows
UPDATE deliveries SET state = @state, next_at = @next_at, ended_at = @ended_at, answer = @answer
WHERE id = @id AND state = 'pending';

-- name: HurryDelivery :execrows
UPDATE deliveries SET next_at = @next_at WHERE id = @id AND project_id = @project_id AND state = 'pending';
