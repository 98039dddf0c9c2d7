-- name: CheckByUUID :one
SELECT id, project_id, uuid, created_at, updated_at,
    name, slug, description, tags, kind, period, schedule, timezone,
    grace, max_runtime, manual_resume, post_only, filter,
    status, since, reason, rev, n_pings, last_ping, last_success, last_start,
    last_signal, last_exit, last_duration, fail_streak, due, credit, runs, wake,
    burst_at, burst, coalesced, trouble, misses, blind_from, blind_to, threshold
FROM checks
WHERE uuid = @uuid AND project_id = @project_id;

-- name: ChecksOfProject :many
SELECT id, project_id, uuid, created_at, updated_at,
    name, slug, description, tags, kind, period, schedule, timezone,
    grace, max_runtime, manual_resume, post_only, filter,
    status, since, reason, rev, n_pings, last_ping, last_success, last_start,
    last_signal, last_exit, last_duration, fail_streak, due, credit, runs, wake,
    burst_at, burst, coalesced, trouble, misses, blind_from, blind_to, threshold
FROM checks
WHERE project_id = @project_id
LIMIT @rows;

-- name: BuryCheck :exec
INSERT INTO tombstones (uuid)
SELECT checks.uuid FROM checks WHERE checks.id = @id
UNION ALL
SELECT old_addresses.uuid FROM old_addresses WHERE old_addresses.check_id = @id
ON CONFLICT (uuid) DO UPDATE SET gone_at = NULL;

-- name: BuryChecksOfProject :exec
INSERT INTO tombstones (uuid)
SELECT checks.uuid FROM checks WHERE checks.project_id = @project_id
UNION ALL
SELECT old_addresses.uuid FROM old_addresses JOIN checks ON checks.id = old_addresses.check_id WHERE checks.project_id = @project_id
ON CONFLICT (uuid) DO UPDATE SET gone_at = NULL;

-- name: Gone :one
SELECT COUNT(*) FROM (
    SELECT tombstones.uuid FROM tombstones WHERE tombstones.uuid = @uuid
    UNION ALL
    SELECT old_addresses.uuid FROM old_addresses WHERE old_addresses.uuid = @uuid AND old_addresses.ends_at IS NULL
) AS gone;

-- name: DeleteCheck :execrows
DELETE FROM checks WHERE id = @id AND project_id = @project_id;

-- name: QuarantineCheck :execrows
UPDATE checks SET wake = NULL, trouble = @trouble WHERE id = @id;

-- name: AwaitedChecks :many
SELECT id FROM checks
WHERE wake IS NOT NULL AND id > @after
ORDER BY id
LIMIT @rows;

-- name: AssignChannel :execrows
INSERT INTO check_channels (check_id, channel_id, since_rev)
SELECT checks.id, channels.id, checks.rev
FROM checks JOIN channels ON channels.project_id = checks.project_id
WHERE checks.id = @check_id AND channels.id = @channel_id;

-- name: AssignedChannels :many
SELECT channel_id FROM check_channels
WHERE check_id = @check_id
ORDER BY channel_id
LIMIT @rows;

-- name: PingsOfCheck :many
SELECT check_id, n, at, signal, exit_status, run_id, duration, ignored,
    scheme, method, remote_addr, user_agent, detail,
    substr(body, 1, CAST(@excerpt AS INTEGER)) AS body, CAST(body IS NOT NULL AS BOOLEAN) AS has_body, body_size
FROM pings
WHERE check_id = @check_id AND n < @before
ORDER BY n DESC
LIMIT @rows;

-- name: PingByN :one
SELECT check_id, n, at, signal, exit_status, run_id, duration, ignored,
    scheme, method, remote_addr, user_agent, detail,
    body, CAST(body IS NOT NULL AS BOOLEAN) AS has_body, body_size
FROM pings
WHERE check_id = @check_id AND n = @n;

-- name: FlipsOfCheck :many
SELECT check_id, rev, at, judged_at, old_status, new_status, reason, tell, facts
FROM flips
WHERE check_id = @check_id AND rev < @before
ORDER BY rev DESC
LIMIT @rows;

-- name: LocateByID :one
SELECT id FROM checks WHERE id = @id;

-- name: LocateByUUID :one
SELECT id FROM checks WHERE checks.uuid = @uuid
UNION ALL
SELECT old_addresses.check_id
FROM old_addresses
WHERE old_addresses.uuid = @uuid AND old_addresses.ends_at IS NOT NULL
LIMIT 1;

-- name: LocateBySlug :one
SELECT checks.id
FROM keys JOIN checks ON checks.project_id = keys.project_id
WHERE keys.hash = @hash AND keys.kind = 'ping' AND checks.slug = @slug;

-- name: HasPing :one
SELECT EXISTS (SELECT 1 FROM pings WHERE check_id = @check_id AND run_id = @run_id AND signal = @signal);

-- name: TokenOwner :one
SELECT dialect, check_id FROM ping_tokens WHERE token = @token;

-- name: TokensOfCheck :many
SELECT token, dialect FROM ping_tokens
WHERE check_id = @check_id
ORDER BY token
LIMIT @rows;

-- name: InsertPingToken :exec
INSERT INTO ping_tokens (token, dialect, check_id) VALUES (@token, @dialect, @check_id);

-- name: LockProject :execrows
UPDATE projects SET name = name WHERE id = @id;
