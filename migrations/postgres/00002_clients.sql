-- +goose Up

-- What jobs say beyond their signal: JSON, or '' for nothing.
ALTER TABLE pings ADD COLUMN detail TEXT NOT NULL DEFAULT '';

-- The misses that a late report may still correct: JSON, or '' for none.
ALTER TABLE checks ADD COLUMN misses TEXT NOT NULL DEFAULT '';

-- Addresses of checks at other services, which go on to work here.
CREATE TABLE ping_tokens (
    token    TEXT PRIMARY KEY,
    dialect  TEXT NOT NULL,
    check_id BIGINT NOT NULL REFERENCES checks ON DELETE CASCADE
);
CREATE INDEX ping_tokens_check ON ping_tokens (check_id);

-- The secret in the addresses of a project's badges; '' has none yet.
ALTER TABLE projects ADD COLUMN badge_key TEXT NOT NULL DEFAULT '';
UPDATE projects SET badge_key = replace(gen_random_uuid()::text, '-', '');

-- Requests of the management API that carry an Idempotency-Key, and their answers.
CREATE TABLE api_requests (
    project_id  BIGINT NOT NULL REFERENCES projects ON DELETE CASCADE,
    key         TEXT NOT NULL,
    fingerprint TEXT NOT NULL,   -- of method, path and body
    created_at  BIGINT NOT NULL,
    code        BIGINT,          -- NULL: it is being answered
    header      TEXT NOT NULL,   -- JSON
    body        TEXT NOT NULL,
    PRIMARY KEY (project_id, key)
);
CREATE INDEX api_requests_created ON api_requests (created_at);

-- What happened lately in a project, for those who follow it.
CREATE INDEX flips_judged ON flips (judged_at);
CREATE INDEX deliveries_ended ON deliveries (project_id, ended_at) WHERE ended_at IS NOT NULL;
