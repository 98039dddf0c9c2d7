-- name: NoticesOfUser :one
SELECT user_id, report, day, reminder, next_report, next_reminder, stop_name, stop_key
FROM notices WHERE user_id = @user_id;

-- name: NoticesByStop :one
SELECT user_id, report, day, reminder, next_report, next_reminder, stop_name, stop_key
FROM notices WHERE stop_name = @stop_name;

-- name: PutNotices :exec
INSERT INTO notices (user_id, report, day, reminder, next_report, next_reminder, stop_name, stop_key)
VALUES (@user_id, @report, @day, @reminder, @next_report, @next_reminder, @stop_name, @stop_key)
ON CONFLICT (user_id) DO UPDATE SET report = excluded.report, day = excluded.day, reminder = excluded.reminder,
    next_report = excluded.next_report, next_reminder = excluded.next_reminder;

-- name: LeftOut :many
SELECT project_id FROM notices_left_out WHERE user_id = @user_id ORDER BY project_id LIMIT @rows;

-- name: DeleteLeftOut :exec
DELETE FROM notices_left_out WHERE user_id = @user_id;

-- name: InsertLeftOut :exec
INSERT INTO notices_left_out (user_id, project_id)
SELECT members.user_id, members.project_id FROM members
WHERE members.user_id = @user_id AND members.project_id = @project_id;

-- name: DueReports :many
SELECT user_id, report, day, reminder, next_report, next_reminder, stop_name, stop_key
FROM notices WHERE next_report <= CAST(@now AS BIGINT)
ORDER BY next_report, user_id
LIMIT @rows;

-- name: DueReminders :many
SELECT user_id, report, day, reminder, next_report, next_reminder, stop_name, stop_key
FROM notices WHERE next_reminder <= CAST(@now AS BIGINT)
ORDER BY next_reminder, user_id
LIMIT @rows;

-- name: NextReport :one
SELECT next_report FROM notices WHERE next_report IS NOT NULL ORDER BY next_report LIMIT 1;

-- name: NextReminder :one
SELECT next_reminder FROM notices WHERE next_reminder IS NOT NULL ORDER BY next_reminder LIMIT 1;

-- name: SettleNotices :execrows
UPDATE notices SET next_report = @next_report, next_reminder = @next_reminder
WHERE user_id = @user_id AND report = @report AND day = @day AND reminder = @reminder
    AND COALESCE(next_report, 0) = CAST(@due_report AS BIGINT) AND COALESCE(next_reminder, 0) = CAST(@due_reminder AS BIGINT);

-- name: DownChecksOfUser :many
SELECT checks.id, checks.project_id, checks.uuid, checks.created_at, checks.updated_at,
    checks.name, checks.slug, checks.description, checks.tags, checks.kind, checks.period, checks.schedule, checks.timezone,
    checks.grace, checks.max_runtime, checks.manual_resume, checks.post_only, checks.filter,
    checks.status, checks.since, checks.reason, checks.rev, checks.n_pings, checks.last_ping, checks.last_success, checks.last_start,
    checks.last_signal, checks.last_exit, checks.last_duration, checks.fail_streak, checks.due, checks.credit, checks.runs, checks.wake,
    checks.burst_at, checks.burst, checks.coalesced, checks.trouble, checks.misses, checks.blind_from, checks.blind_to, checks.threshold
FROM members JOIN checks ON checks.project_id = members.project_id
WHERE members.user_id = @user_id AND checks.status = 'down'
    AND NOT EXISTS (SELECT 1 FROM notices_left_out
        WHERE notices_left_out.user_id = members.user_id AND notices_left_out.project_id = members.project_id)
ORDER BY checks.since, checks.id
LIMIT @rows;
