-- name: HasUsers :one
SELECT EXISTS (SELECT 1 FROM users);

-- name: InsertUser :one
INSERT INTO users (email, password_hash, created_at, zone)
VALUES (@email, @password_hash, @created_at, @zone)
RETURNING id;

-- name: UserByEmail :one
SELECT id, email, password_hash, created_at, zone FROM users WHERE email = @email;

-- name: UserByID :one
SELECT id, email, password_hash, created_at, zone FROM users WHERE id = @id;

-- name: SetPassword :execrows
UPDATE users SET password_hash = @password_hash WHERE id = @id;

-- name: InsertProject :one
INSERT INTO projects (name, ping_key, badge_key, created_at)
VALUES (@name, @ping_key, @badge_key, @created_at)
RETURNING id;

-- name: InsertMember :exec
INSERT INTO members (project_id, user_id, role) VALUES (@project_id, @user_id, @role);

-- name: ProjectsOfUser :many
SELECT sqlc.embed(projects), members.role
FROM members JOIN projects ON projects.id = members.project_id
WHERE members.user_id = @user_id
ORDER BY projects.name, projects.id
LIMIT @rows;

-- name: SetPingKey :execrows
UPDATE projects SET ping_key = @ping_key WHERE id = @id;

-- name: PutAPIKey :execrows
INSERT INTO api_keys (project_id, kind, hash, created_at)
SELECT projects.id, CAST(@kind AS TEXT), CAST(@hash AS TEXT), CAST(@created_at AS BIGINT)
FROM projects
WHERE projects.id = @project_id
ON CONFLICT (project_id, kind) DO UPDATE SET hash = excluded.hash, created_at = excluded.created_at;

-- name: ProjectByAPIKey :one
SELECT sqlc.embed(projects), api_keys.kind
FROM api_keys JOIN projects ON projects.id = api_keys.project_id
WHERE api_keys.hash = @hash;

-- name: EndTokens :exec
DELETE FROM tokens WHERE purpose = @purpose;

-- name: InsertToken :exec
INSERT INTO tokens (hash, purpose, expires_at) VALUES (@hash, @purpose, @expires_at);

-- name: TokenValid :one
SELECT EXISTS (SELECT 1 FROM tokens WHERE hash = @hash AND purpose = @purpose AND expires_at > @now);

-- name: UseToken :execrows
DELETE FROM tokens WHERE hash = @hash AND purpose = @purpose AND expires_at > @now;

-- name: SessionByHash :one
SELECT data FROM sessions WHERE hash = @hash AND expires_at > @now;

-- name: PutSession :exec
INSERT INTO sessions (hash, data, expires_at) VALUES (@hash, @data, @expires_at)
ON CONFLICT (hash) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at;

-- name: DeleteSession :exec
DELETE FROM sessions WHERE hash = @hash;

-- name: MembersOfProject :many
SELECT sqlc.embed(users), members.role
FROM members JOIN users ON users.id = members.user_id
WHERE members.project_id = @project_id
ORDER BY users.email
LIMIT @rows;

-- name: PutMember :execrows
INSERT INTO members (project_id, user_id, role)
SELECT projects.id, users.id, CAST(@role AS TEXT)
FROM projects, users
WHERE projects.id = @project_id AND users.id = @user_id
ON CONFLICT (project_id, user_id) DO UPDATE SET role = excluded.role;

-- name: DeleteMember :execrows
DELETE FROM members WHERE project_id = @project_id AND user_id = @user_id;

-- name: CountOwners :one
SELECT COUNT(*) FROM members WHERE project_id = @project_id AND role = 'owner';

-- name: RenameProject :execrows
UPDATE projects SET name = @name WHERE id = @id;
