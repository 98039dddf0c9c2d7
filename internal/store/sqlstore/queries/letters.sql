-- name: InsertLetter :exec
INSERT INTO letters (kind, recipient, data, key, state, tries, created_at, expires_at, next_at, answer)
VALUES (@kind, @recipient, @data, @key, @state, 0, @created_at, @expires_at, @next_at, '')
ON CONFLICT (key) DO NOTHING;

-- name: LeaseLetters :many
UPDATE letters SET state = 'sending', next_at = @until
WHERE letters.next_at <= @now AND letters.id IN
    (SELECT due.id FROM letters AS due WHERE due.next_at <= @now ORDER BY due.next_at, due.id LIMIT @rows)
RETURNING id, kind, recipient, data, key, state, tries, created_at, expires_at, next_at, ended_at, answer;

-- name: RecordLetter :execrows
UPDATE letters SET state = @state, tries = @tries, next_at = @next_at, ended_at = @ended_at, answer = @answer
WHERE id = @id AND tries = @tries_before AND next_at = CAST(@leased_until AS BIGINT);

-- name: LastLetter :one
SELECT CAST(COALESCE(MAX(created_at), 0) AS BIGINT) FROM letters WHERE key LIKE @pattern;

-- name: NextLetter :one
SELECT next_at FROM letters WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1;

-- name: TrimLetters :execrows
DELETE FROM letters WHERE id IN
    (SELECT expired.id FROM letters AS expired
     WHERE expired.expires_at < @before AND expired.next_at IS NULL
     ORDER BY expired.expires_at LIMIT @rows);
