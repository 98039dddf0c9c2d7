-- name: AuditLog :many
SELECT project_id, n, at, actor, actor_id, actor_name, from_addr, request, verb, object, object_key, title, before, after, prev, hash
FROM audit
WHERE project_id = @project_id AND n < @before
    AND (CAST(@object AS TEXT) = '' OR object = @object)
    AND (CAST(@actor_name AS TEXT) = '' OR actor_name = @actor_name)
ORDER BY n DESC
LIMIT @rows;

-- name: AuditActors :many
SELECT DISTINCT actor_name FROM audit WHERE project_id = @project_id ORDER BY actor_name LIMIT @rows;

-- name: AuditFrom :many
SELECT project_id, n, at, actor, actor_id, actor_name, from_addr, request, verb, object, object_key, title, before, after, prev, hash
FROM audit
WHERE project_id > @project_id OR (project_id = @project_id AND n > @n)
ORDER BY project_id, n
LIMIT @rows;

-- name: AuditLetters :one
SELECT COUNT(*) FROM audit
WHERE at > @since AND object = 'invitation' AND verb IN ('invited', 'reminded')
    AND (project_id = @project_id OR actor_id = @actor_id AND actor_id > 0);

-- name: TrimAudit :execrows
DELETE FROM audit WHERE (audit.project_id, audit.n) IN
    (SELECT old.project_id, old.n FROM audit AS old
     WHERE old.at < @before
        AND NOT EXISTS (SELECT 1 FROM audit AS kept WHERE kept.project_id = old.project_id AND kept.n < old.n AND kept.at >= @before)
        AND EXISTS (SELECT 1 FROM audit AS newer WHERE newer.project_id = old.project_id AND newer.n > old.n)
     ORDER BY old.project_id, old.n LIMIT @rows);

-- name: LockUser :execrows
UPDATE users SET created_at = created_at WHERE id = @id;

-- name: CountChecksOfAccount :one
SELECT COUNT(*) FROM checks WHERE checks.project_id IN
    (SELECT mine.project_id FROM members AS mine WHERE mine.role = 'owner'
        AND mine.user_id = (SELECT MIN(first.user_id) FROM members AS first WHERE first.project_id = @project_id AND first.role = 'owner')
        AND NOT EXISTS (SELECT 1 FROM members AS older
            WHERE older.project_id = mine.project_id AND older.role = 'owner' AND older.user_id < mine.user_id));

-- name: CountProjectsOwned :one
SELECT COUNT(*) FROM members WHERE user_id = @user_id AND role = 'owner';

-- name: CountMembers :one
SELECT COUNT(*) FROM members WHERE project_id = @project_id;

-- name: MemberByUser :one
SELECT users.email, members.role
FROM members JOIN users ON users.id = members.user_id
WHERE members.project_id = @project_id AND members.user_id = @user_id;

-- name: MemberByEmail :one
SELECT members.role
FROM members JOIN users ON users.id = members.user_id
WHERE members.project_id = @project_id AND users.email = @email;

-- name: ProjectByID :one
SELECT id, name, ping_key, created_at, badge_key FROM projects WHERE id = @id;

-- name: DeleteProject :execrows
DELETE FROM projects WHERE id = @id;

-- name: PutInvitation :one
INSERT INTO invitations (project_id, email, role, inviter, created_at, expires_at, letters)
VALUES (@project_id, @email, @role, @inviter, @created_at, @expires_at, @letters)
ON CONFLICT (project_id, email) DO UPDATE SET
    role = excluded.role, inviter = excluded.inviter, created_at = excluded.created_at, expires_at = excluded.expires_at, letters = excluded.letters
RETURNING id;

-- name: InvitationByEmail :one
SELECT id, project_id, email, role, inviter, created_at, expires_at, letters
FROM invitations WHERE project_id = @project_id AND email = @email;

-- name: InvitationsOfProject :many
SELECT sqlc.embed(invitations), projects.name
FROM invitations JOIN projects ON projects.id = invitations.project_id
WHERE invitations.project_id = @project_id AND invitations.expires_at > @now
ORDER BY invitations.email
LIMIT @rows;

-- name: InvitationsOfEmail :many
SELECT sqlc.embed(invitations), projects.name
FROM invitations JOIN projects ON projects.id = invitations.project_id
WHERE invitations.email = @email AND invitations.expires_at > @now
ORDER BY invitations.id
LIMIT @rows;

-- name: InvitationByID :one
SELECT sqlc.embed(invitations), projects.name
FROM invitations JOIN projects ON projects.id = invitations.project_id
WHERE invitations.id = @id AND invitations.expires_at > @now;

-- name: InvitationByToken :one
SELECT sqlc.embed(invitations), projects.name
FROM invitation_tokens
    JOIN invitations ON invitations.id = invitation_tokens.invitation_id
    JOIN projects ON projects.id = invitations.project_id
WHERE invitation_tokens.hash = @hash AND invitations.expires_at > @now;

-- name: InsertInvitationToken :exec
INSERT INTO invitation_tokens (hash, invitation_id) VALUES (@hash, @invitation_id);

-- name: DeleteInvitation :execrows
DELETE FROM invitations WHERE id = @id AND project_id = @project_id;

-- name: TrimInvitations :execrows
DELETE FROM invitations WHERE id IN
    (SELECT expired.id FROM invitations AS expired WHERE expired.expires_at < @before LIMIT @rows);

-- name: PutTransfer :exec
INSERT INTO transfers (project_id, from_user, to_user, created_at)
VALUES (@project_id, @from_user, @to_user, @created_at)
ON CONFLICT (project_id) DO UPDATE SET from_user = excluded.from_user, to_user = excluded.to_user, created_at = excluded.created_at;

-- name: TransferOfProject :one
SELECT project_id, from_user, to_user, created_at FROM transfers WHERE project_id = @project_id;

-- name: DeleteTransfer :execrows
DELETE FROM transfers WHERE project_id = @project_id;
