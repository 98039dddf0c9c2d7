-- name: FactorsOfUser :one
SELECT user_id, epoch, totp_secret, totp_since, totp_step FROM user_factors WHERE user_id = @user_id;

-- name: NextEpoch :one
INSERT INTO user_factors (user_id, epoch, totp_step)
SELECT users.id, 1, 0 FROM users WHERE users.id = @user_id
ON CONFLICT (user_id) DO UPDATE SET epoch = user_factors.epoch + 1
RETURNING epoch;

-- name: ProposeTOTP :execrows
INSERT INTO user_factors (user_id, epoch, totp_secret, totp_step)
SELECT users.id, 0, CAST(@secret AS TEXT), 0 FROM users WHERE users.id = @user_id
ON CONFLICT (user_id) DO UPDATE SET totp_secret = excluded.totp_secret, totp_step = 0
WHERE user_factors.totp_since IS NULL;

-- name: ConfirmTOTP :execrows
UPDATE user_factors SET totp_since = CAST(@since AS BIGINT), totp_step = @step
WHERE user_id = @user_id AND totp_secret = CAST(@secret AS TEXT) AND totp_since IS NULL;

-- name: UseTOTP :execrows
UPDATE user_factors SET totp_step = @step
WHERE user_id = @user_id AND totp_since IS NOT NULL AND totp_step < @step;

-- name: RemoveTOTP :execrows
UPDATE user_factors SET totp_secret = NULL, totp_since = NULL, totp_step = 0
WHERE user_id = @user_id AND totp_since IS NOT NULL;

-- name: InsertPasskey :exec
INSERT INTO passkeys (user_id, name, credential, record, counter, created_at)
VALUES (@user_id, @name, @credential, @record, @counter, @created_at);

-- name: PasskeysOfUser :many
SELECT id, user_id, name, credential, record, counter, created_at, used_at
FROM passkeys WHERE user_id = @user_id ORDER BY id LIMIT @rows;

-- name: PasskeyByCredential :one
SELECT id, user_id, name, credential, record, counter, created_at, used_at
FROM passkeys WHERE credential = @credential;

-- name: UsePasskey :execrows
UPDATE passkeys SET counter = @counter, record = @record, used_at = CAST(@used_at AS BIGINT)
WHERE id = @id AND counter = @counter_before;

-- name: DeletePasskey :execrows
DELETE FROM passkeys WHERE id = @id AND user_id = @user_id;

-- name: CountPasskeys :one
SELECT COUNT(*) FROM passkeys WHERE user_id = @user_id;

-- name: InsertRecoveryCode :exec
INSERT INTO recovery_codes (user_id, hash) VALUES (@user_id, @hash);

-- name: CountRecoveryCodes :one
SELECT COUNT(*) FROM recovery_codes WHERE user_id = @user_id;

-- name: UseRecoveryCode :execrows
DELETE FROM recovery_codes WHERE user_id = @user_id AND hash = @hash;

-- name: DeleteRecoveryCodes :exec
DELETE FROM recovery_codes WHERE user_id = @user_id;

-- name: InsertIdentity :exec
INSERT INTO identities (user_id, issuer, subject, email, created_at)
VALUES (@user_id, @issuer, @subject, @email, @created_at);

-- name: IdentitiesOfUser :many
SELECT id, user_id, issuer, subject, email, created_at
FROM identities WHERE user_id = @user_id ORDER BY id LIMIT @rows;

-- name: IdentityBySubject :one
SELECT id, user_id, issuer, subject, email, created_at
FROM identities WHERE issuer = @issuer AND subject = @subject;

-- name: DeleteIdentity :execrows
DELETE FROM identities WHERE id = @id AND user_id = @user_id;
