-- name: SessionByHash :one
SELECT data FROM sessions WHERE hash = @hash AND expires_at > @now;

-- name: InsertSession :exec
INSERT INTO sessions (hash, user_id, data, began_at, seen_at, expires_at, browser, network)
VALUES (@hash, @user_id, @data, @began_at, @seen_at, @expires_at, @browser, @network);

-- name: UpdateSession :exec
UPDATE sessions SET user_id = @user_id, data = @data, seen_at = @seen_at, expires_at = @expires_at WHERE hash = @hash;

-- name: DeleteSession :exec
DELETE FROM sessions WHERE hash = @hash;

-- name: SessionsOfUser :many
SELECT hash, began_at, seen_at, expires_at, browser, network FROM sessions
WHERE user_id = CAST(@user_id AS BIGINT) AND seen_at > @since
ORDER BY seen_at DESC, hash
LIMIT @rows;

-- name: DeleteSessionOfUser :execrows
DELETE FROM sessions WHERE hash = @hash AND user_id = CAST(@user_id AS BIGINT);

-- name: DeleteSessionsOfUser :exec
DELETE FROM sessions WHERE user_id = CAST(@user_id AS BIGINT);
