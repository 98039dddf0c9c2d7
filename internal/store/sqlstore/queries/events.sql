-- name: LatePingsOfProject :many
SELECT checks.uuid, checks.name, checks.slug, pings.check_id, pings.n, pings.at, pings.signal, pings.exit_status,
    pings.run_id, pings.duration, pings.ignored, pings.detail
FROM checks JOIN pings ON pings.check_id = checks.id AND pings.n > checks.n_pings - CAST(@span AS BIGINT)
WHERE checks.project_id = @project_id AND checks.burst_at >= @since
ORDER BY pings.at DESC, pings.check_id, pings.n DESC
LIMIT @rows;

-- name: FlipsOfProject :many
SELECT checks.uuid, checks.name, checks.slug, sqlc.embed(flips)
FROM flips JOIN checks ON checks.id = flips.check_id
WHERE checks.project_id = @project_id AND flips.judged_at > @after AND flips.judged_at <= @until
ORDER BY flips.judged_at, flips.check_id, flips.rev
LIMIT @rows;

-- name: EndedDeliveriesOfProject :many
SELECT deliveries.ended_at, deliveries.state, deliveries.attempts, deliveries.answer, channels.name AS channel,
    checks.uuid, checks.name, checks.slug
FROM deliveries JOIN channels ON channels.id = deliveries.channel_id LEFT JOIN checks ON checks.id = deliveries.check_id AND checks.project_id = deliveries.project_id
WHERE deliveries.project_id = @project_id AND deliveries.ended_at > @after AND deliveries.ended_at <= @until
ORDER BY deliveries.ended_at, deliveries.id
LIMIT @rows;
