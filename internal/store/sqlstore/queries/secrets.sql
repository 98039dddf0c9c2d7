-- name: SettingsAfter :many
SELECT id, settings FROM channels WHERE id > @after ORDER BY id LIMIT @most;

-- name: PutSettings :exec
UPDATE channels SET settings = @settings WHERE id = @id AND settings = @was;

-- name: SeedsAfter :many
SELECT user_id, totp_secret FROM user_factors WHERE user_id > @after AND totp_secret IS NOT NULL ORDER BY user_id LIMIT @most;

-- name: PutSeed :exec
UPDATE user_factors SET totp_secret = CAST(@secret AS TEXT) WHERE user_id = @user_id AND totp_secret = CAST(@was AS TEXT);

-- name: HeartbeatsAfter :many
SELECT project_id, address FROM heartbeats WHERE project_id > @after ORDER BY project_id LIMIT @most;

-- name: MoveHeartbeat :exec
UPDATE heartbeats SET address = @address WHERE project_id = @project_id AND address = @was;
