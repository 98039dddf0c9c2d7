-- +goose Up

-- UUIDs of deleted checks, and those that they had before: a ping to one is answered
-- 410 and not 404, for as long as the row is kept.
CREATE TABLE tombstones (
    uuid    TEXT PRIMARY KEY,
    gone_at BIGINT              -- NULL until housekeeping comes by and dates it
);
CREATE INDEX tombstones_gone ON tombstones (gone_at);
