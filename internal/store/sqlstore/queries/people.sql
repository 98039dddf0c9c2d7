-- name: SetZone :execrows
UPDATE users SET zone = @zone WHERE id = @id;

-- name: SetEmail :execrows
UPDATE users SET email = @email WHERE id = @id;

-- name: DeleteUser :execrows
DELETE FROM users WHERE id = @id;

-- name: OwnedProjects :many
SELECT projects.id, projects.name,
       (SELECT COUNT(*) FROM members AS other WHERE other.project_id = projects.id AND other.user_id <> members.user_id) AS others,
       (SELECT COUNT(*) FROM members AS other WHERE other.project_id = projects.id AND other.user_id <> members.user_id AND other.role = 'owner') AS owners
FROM members JOIN projects ON projects.id = members.project_id
WHERE members.user_id = @user_id AND members.role = 'owner'
ORDER BY projects.id
LIMIT @rows;

-- name: DeleteProjectRow :exec
DELETE FROM projects WHERE id = @id;

-- name: InsertLink :exec
INSERT INTO tokens (hash, purpose, user_id, email, expires_at) VALUES (@hash, @purpose, @user_id, @email, @expires_at);

-- name: LinkByHash :one
SELECT user_id, email, expires_at FROM tokens WHERE hash = @hash AND purpose = @purpose AND expires_at > @now;

-- name: TakeLink :one
DELETE FROM tokens WHERE hash = @hash AND purpose = @purpose AND expires_at > @now
RETURNING user_id, email, expires_at;

-- name: EndLinksTo :exec
DELETE FROM tokens WHERE email = @email AND purpose = @purpose;

-- name: EndLinksOf :exec
DELETE FROM tokens WHERE user_id = CAST(@user_id AS BIGINT);

-- name: LockProjectsOfUser :exec
UPDATE projects SET name = name WHERE id IN (SELECT members.project_id FROM members WHERE members.user_id = @user_id);
