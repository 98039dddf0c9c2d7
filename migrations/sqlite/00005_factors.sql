-- +goose Up

-- What people prove by who they are, besides a password.
CREATE TABLE user_factors (
    user_id     BIGINT PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    epoch       BIGINT NOT NULL, -- of the sessions that count: those of an earlier one have ended
    totp_secret TEXT,            -- of the authenticator app; NULL: none
    totp_since  BIGINT,          -- NULL: it has not shown its first code yet
    totp_step   BIGINT NOT NULL  -- of the newest code that was used
);

CREATE TABLE passkeys (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id    BIGINT NOT NULL REFERENCES users ON DELETE CASCADE,
    name       TEXT NOT NULL,
    credential TEXT NOT NULL UNIQUE, -- its id, in base64url
    record     TEXT NOT NULL,        -- JSON: its public key, and what else is checked of it
    counter    BIGINT NOT NULL,      -- of its signatures; 0: it does not count
    created_at BIGINT NOT NULL,
    used_at    BIGINT                -- NULL: never
);
CREATE INDEX passkeys_user ON passkeys (user_id);

-- Those that were not used yet.
CREATE TABLE recovery_codes (
    user_id BIGINT NOT NULL REFERENCES users ON DELETE CASCADE,
    hash    TEXT NOT NULL,
    PRIMARY KEY (user_id, hash)
);

-- Accounts at a provider of single sign-on.
CREATE TABLE identities (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id    BIGINT NOT NULL REFERENCES users ON DELETE CASCADE,
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    email      TEXT NOT NULL, -- as the provider said it when the two were linked; for people only
    created_at BIGINT NOT NULL,
    UNIQUE (issuer, subject)
);
CREATE INDEX identities_user ON identities (user_id);
