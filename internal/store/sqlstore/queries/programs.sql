-- name: CheckByID :one
SELECT id, project_id, uuid, created_at, updated_at,
    name, slug, description, tags, kind, period, schedule, timezone,
    grace, max_runtime, manual_resume, post_only, filter,
    status, since, reason, rev, n_pings, last_ping, last_success, last_start,
    last_signal, last_exit, last_duration, fail_streak, due, credit, runs, wake,
    burst_at, burst, coalesced, trouble, misses, blind_from, blind_to, threshold
FROM checks
WHERE id = @id;

-- name: LockCheck :execrows
UPDATE checks SET name = name WHERE id = @id AND project_id = @project_id;

-- name: AssignmentsOfProject :many
SELECT check_channels.check_id, check_channels.channel_id
FROM channels JOIN check_channels ON check_channels.channel_id = channels.id
WHERE channels.project_id = @project_id
ORDER BY check_channels.check_id, check_channels.channel_id
LIMIT @rows;

-- name: ProjectByBadge :one
SELECT id, name, ping_key, created_at, badge_key FROM projects
WHERE substr(badge_key, 1, 16) = CAST(@beginning AS TEXT)
ORDER BY id
LIMIT 1;

-- name: DropStaleRequest :exec
DELETE FROM api_requests
WHERE project_id = @project_id AND key = @key
    AND (created_at <= @expired OR created_at <= @stuck AND code IS NULL);

-- name: InsertRequest :execrows
INSERT INTO api_requests (project_id, key, fingerprint, created_at, code, header, body)
VALUES (@project_id, @key, @fingerprint, @created_at, NULL, '', '')
ON CONFLICT (project_id, key) DO NOTHING;

-- name: RequestByKey :one
SELECT project_id, key, fingerprint, created_at, code, header, body FROM api_requests
WHERE project_id = @project_id AND key = @key;

-- name: AnswerRequest :execrows
UPDATE api_requests SET code = @code, header = @header, body = @body
WHERE project_id = @project_id AND key = @key AND created_at = @created_at AND code IS NULL;

-- name: DropRequest :exec
DELETE FROM api_requests
WHERE project_id = @project_id AND key = @key AND created_at = @created_at AND code IS NULL;

-- name: TrimRequests :execrows
DELETE FROM api_requests WHERE (project_id, key) IN
    (SELECT old.project_id, old.key FROM api_requests AS old WHERE old.created_at < @before ORDER BY old.created_at LIMIT @rows);
