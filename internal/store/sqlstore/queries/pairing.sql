-- name: PutHeartbeat :exec
INSERT INTO heartbeats (project_id, address, created_at) VALUES (@project_id, @address, @created_at)
ON CONFLICT (project_id) DO UPDATE SET address = excluded.address, created_at = excluded.created_at;

-- name: DropHeartbeat :execrows
DELETE FROM heartbeats WHERE project_id = @project_id;

-- name: HeartbeatOfProject :one
SELECT address FROM heartbeats WHERE project_id = @project_id;

-- name: Heartbeats :many
SELECT project_id, address FROM heartbeats ORDER BY project_id LIMIT @most;
