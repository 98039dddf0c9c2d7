-- name: StatusesOfUser :many
SELECT checks.project_id, checks.status, checks.due, checks.runs
FROM members JOIN checks ON checks.project_id = members.project_id
WHERE members.user_id = @user_id AND members.project_id <> @known;

-- name: MarkOfChecks :one
SELECT count(*) AS checks, CAST(COALESCE(max(id), 0) AS BIGINT) AS last_check,
    CAST(COALESCE(sum(n_pings), 0) AS BIGINT) AS pings, CAST(COALESCE(sum(rev), 0) AS BIGINT) AS flips,
    CAST(COALESCE(max(updated_at), 0) AS BIGINT) AS edited,
    CAST(COALESCE(sum(CASE WHEN due < @now THEN 1 ELSE 0 END), 0) AS BIGINT) AS late,
    CAST(COALESCE(sum(CASE WHEN trouble <> '' THEN 1 ELSE 0 END), 0) AS BIGINT) AS troubled
FROM checks
WHERE project_id = @project_id;

-- name: MarkOfDeliveries :one
SELECT CAST(COALESCE((SELECT max(id) FROM deliveries d WHERE d.project_id = @project_id), 0) AS BIGINT) AS last_delivery,
    CAST(COALESCE((SELECT max(ended_at) FROM deliveries e WHERE e.project_id = @project_id AND e.ended_at IS NOT NULL), 0) AS BIGINT) AS last_ended;
