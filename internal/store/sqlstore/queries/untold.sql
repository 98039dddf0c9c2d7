-- Alarms decided in a span of time that no channel of their check has taken, neither
-- singly nor by a digest; of one project, or of all for 0.
-- name: Untold :many
SELECT deliveries.project_id, projects.name,
    COUNT(DISTINCT deliveries.check_id) AS checks,
    CAST(MIN(deliveries.created_at) AS BIGINT) AS since,
    CAST(MAX(deliveries.created_at) AS BIGINT) AS latest
FROM deliveries
JOIN projects ON projects.id = deliveries.project_id
JOIN flips ON flips.check_id = deliveries.check_id AND flips.rev = deliveries.rev
WHERE deliveries.created_at > CAST(@after AS BIGINT) AND deliveries.created_at <= CAST(@until AS BIGINT)
    AND deliveries.kind = 'flip' AND deliveries.state <> 'sent' AND flips.new_status = 'down'
    AND (CAST(@project_id AS BIGINT) = 0 OR deliveries.project_id = CAST(@project_id AS BIGINT))
    AND NOT EXISTS (
        SELECT 1 FROM deliveries AS other
        WHERE other.check_id = deliveries.check_id AND other.rev = deliveries.rev
            AND (other.state = 'sent'
                OR (SELECT digest.state FROM deliveries AS digest WHERE digest.id = other.digest_id) = 'sent'))
GROUP BY deliveries.project_id, projects.name
ORDER BY deliveries.project_id
LIMIT @rows;
