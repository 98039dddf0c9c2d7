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
VALUES (@name, 'unused ' || CAST(@badge_key AS TEXT), CAST(@badge_key AS TEXT), @created_at)
RETURNING id;

-- name: InsertMember :exec
INSERT INTO members (project_id, user_id, role) VALUES (@project_id, @user_id, @role);

-- name: ProjectsOfUser :many
SELECT sqlc.embed(projects), members.role
FROM members JOIN projects ON projects.id = members.project_id
WHERE members.user_id = @user_id
ORDER BY projects.name, projects.id
LIMIT @rows;

-- name: EndTokens :exec
DELETE FROM tokens WHERE purpose = @purpose;

-- name: InsertToken :exec
INSERT INTO tokens (hash, purpose, expires_at) VALUES (@hash, @purpose, @expires_at);

-- name: TokenValid :one
SELECT EXISTS (SELECT 1 FROM tokens WHERE hash = @hash AND purpose = @purpose AND expires_at > @now);

-- name: UseToken :execrows
DELETE FROM tokens WHERE hash = @hash AND purpose = @purpose AND expires_at > @now;

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
