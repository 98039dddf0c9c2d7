-- The channels of which a flip waits for its first attempt and is due, when the
-- oldest of those was decided, and when the flip was that stands so many places
-- before the channel's newest: no storm can be without that one being recent.
-- name: FreshChannels :many
SELECT fresh.channel_id, CAST(fresh.oldest AS BIGINT) AS oldest,
    CAST(COALESCE((SELECT earlier.created_at FROM deliveries AS earlier
     WHERE earlier.channel_id = fresh.channel_id AND earlier.kind = 'flip'
     ORDER BY earlier.id DESC LIMIT 1 OFFSET @places), 0) AS BIGINT) AS earlier
FROM (SELECT due.channel_id, MIN(due.created_at) AS oldest FROM deliveries AS due
      WHERE due.next_at <= CAST(@now AS BIGINT) AND due.state = 'pending' AND due.attempts = 0 AND due.kind = 'flip'
      GROUP BY due.channel_id) AS fresh
ORDER BY fresh.channel_id;

-- name: ChannelForDigest :one
SELECT project_id, kind FROM channels WHERE id = @id;

-- name: LockChannelByID :execrows
UPDATE channels SET name = name WHERE id = @id;

-- name: FirstFresh :one
SELECT id FROM deliveries
WHERE channel_id = @channel_id AND state = 'pending' AND attempts = 0 AND kind = 'flip'
ORDER BY id LIMIT 1;

-- name: LastFresh :one
SELECT id FROM deliveries
WHERE channel_id = @channel_id AND state = 'pending' AND attempts = 0 AND kind = 'flip'
ORDER BY id LIMIT 1 OFFSET @places;

-- name: FlipBefore :one
SELECT id FROM deliveries
WHERE channel_id = @channel_id AND kind = 'flip' AND id < @before
ORDER BY id DESC LIMIT 1 OFFSET @places;

-- name: LastDigest :one
SELECT created_at FROM deliveries
WHERE channel_id = @channel_id AND kind = 'digest'
ORDER BY id DESC LIMIT 1;

-- name: OweRoundup :one
INSERT INTO deliveries (project_id, channel_id, kind, state, attempts, tries, created_at, next_at, answer)
VALUES (@project_id, @channel_id, 'digest', 'pending', 0, 0, @created_at, @next_at, '')
RETURNING id;

-- name: InsertRoundup :exec
INSERT INTO roundups (delivery_id, first_id, down, up, content)
VALUES (@delivery_id, @first_id, @down, @up, @content);
