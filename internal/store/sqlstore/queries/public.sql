-- name: InsertStatusPage :one
INSERT INTO status_pages (project_id, address, title, description, scope, tag, timezone, grouped, history, unlisted, created_at)
VALUES (@project_id, @address, @title, @description, @scope, @tag, @timezone, @grouped, @history, @unlisted, @created_at)
RETURNING id;

-- name: CountStatusPages :one
SELECT COUNT(*) FROM status_pages WHERE project_id = @project_id;

-- name: UpdateStatusPage :execrows
UPDATE status_pages SET address = @address, title = @title, description = @description, scope = @scope, tag = @tag,
    timezone = @timezone, grouped = @grouped, history = @history, unlisted = @unlisted
WHERE id = @id AND project_id = @project_id;

-- name: DeleteStatusPage :execrows
DELETE FROM status_pages WHERE id = @id AND project_id = @project_id;

-- name: StatusPageByID :one
SELECT id, project_id, address, title, description, scope, tag, timezone, grouped, history, unlisted, created_at
FROM status_pages WHERE id = @id AND project_id = @project_id;

-- name: StatusPageAt :one
SELECT id, project_id, address, title, description, scope, tag, timezone, grouped, history, unlisted, created_at
FROM status_pages WHERE address = @address;

-- name: StatusPagesOfProject :many
SELECT id, project_id, address, title, description, scope, tag, timezone, grouped, history, unlisted, created_at
FROM status_pages WHERE project_id = @project_id
ORDER BY title, id
LIMIT @rows;

-- name: AppearancesOfPage :many
SELECT status_page_checks.check_id, status_page_checks.chosen, status_page_checks.name
FROM status_page_checks
WHERE status_page_checks.page_id = @page_id
ORDER BY status_page_checks.check_id
LIMIT @rows;

-- name: DeleteAppearances :exec
DELETE FROM status_page_checks WHERE page_id = @page_id;

-- name: InsertAppearance :exec
INSERT INTO status_page_checks (page_id, check_id, chosen, name)
SELECT status_pages.id, checks.id, CAST(@chosen AS BOOLEAN), CAST(@name AS TEXT)
FROM status_pages JOIN checks ON checks.project_id = status_pages.project_id
WHERE status_pages.id = @page_id AND checks.id = @check_id;

-- A correction keeps the facts that tell what it corrects.
-- name: HistoryOfProject :many
SELECT flips.check_id, flips.rev, flips.at, flips.judged_at, flips.old_status, flips.new_status, flips.reason, flips.tell,
    CAST(CASE WHEN flips.reason = 'late' THEN flips.facts ELSE '' END AS TEXT) AS facts
FROM checks JOIN flips ON flips.check_id = checks.id
WHERE checks.project_id = @project_id AND flips.at >= CAST(@since AS BIGINT)
ORDER BY flips.at DESC, flips.check_id DESC, flips.rev DESC
LIMIT @rows;

-- name: BadgeKey :one
SELECT badge_key FROM projects WHERE id = @id;

-- name: SetBadgeKey :execrows
UPDATE projects SET badge_key = @badge_key WHERE id = @id;
