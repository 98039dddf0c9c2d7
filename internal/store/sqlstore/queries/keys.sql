-- name: InsertKey :one
INSERT INTO keys (project_id, kind, name, hash, ending, made_by, created_at)
VALUES (@project_id, @kind, @name, @hash, @ending, @made_by, @created_at)
RETURNING id;

-- name: CountKeys :one
SELECT COUNT(*) FROM keys WHERE project_id = @project_id AND kind = @kind;

-- name: DeleteNamedKey :exec
DELETE FROM keys WHERE project_id = @project_id AND kind = @kind AND name = @name;

-- name: DeleteKey :one
DELETE FROM keys WHERE project_id = @project_id AND id = @id
RETURNING id, project_id, kind, name, hash, ending, made_by, created_at, used_at;

-- name: KeysOfProject :many
SELECT id, project_id, kind, name, hash, ending, made_by, created_at, used_at
FROM keys
WHERE project_id = @project_id
ORDER BY created_at, id
LIMIT @rows;

-- name: KeyByHash :one
SELECT sqlc.embed(projects), sqlc.embed(keys)
FROM keys JOIN projects ON projects.id = keys.project_id
WHERE keys.hash = @hash;

-- name: UseKey :exec
UPDATE keys SET used_at = CAST(@used_at AS BIGINT)
WHERE hash = @hash AND (used_at IS NULL OR used_at < CAST(@used_at AS BIGINT));
