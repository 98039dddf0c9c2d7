-- +goose Up

-- UUIDs that checks had before they were given another one. The first of a check
-- goes on to name its messages, its badge and its links; none is forgotten.
CREATE TABLE old_addresses (
    uuid       TEXT PRIMARY KEY,
    check_id   BIGINT NOT NULL REFERENCES checks ON DELETE CASCADE,
    rotated_at BIGINT NOT NULL,
    ends_at    BIGINT              -- until then it can be pinged; NULL: it cannot any more
);
CREATE INDEX old_addresses_check ON old_addresses (check_id, rotated_at);
CREATE INDEX old_addresses_ends ON old_addresses (ends_at) WHERE ends_at IS NOT NULL;

-- Where in the log of a project a time is.
CREATE INDEX deliveries_decided ON deliveries (project_id, created_at);
