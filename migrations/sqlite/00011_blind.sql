-- +goose Up

-- A row of coverage is one span of one node: a process that takes pings begins a new
-- one when it starts and after each gap. An older version has one row for itself, in
-- which since stays NULL.
ALTER TABLE coverage ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE coverage ADD COLUMN since BIGINT;
ALTER TABLE coverage ADD COLUMN resumed BIGINT;             -- when the node began another; NULL: not yet
ALTER TABLE coverage ADD COLUMN stopped BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE coverage ADD COLUMN cause TEXT NOT NULL DEFAULT ''; -- why it ended

-- An interval is pending until it was made good to every check.
ALTER TABLE blinds ADD COLUMN pending BOOLEAN NOT NULL DEFAULT FALSE;

ALTER TABLE checks ADD COLUMN blind_from BIGINT;            -- the interval that was last made good
ALTER TABLE checks ADD COLUMN blind_to BIGINT;              -- before it the awaited ping may have been lost

-- Checks that became unknown, until their channels are owed a digest.
CREATE TABLE unverified (
    check_id  BIGINT NOT NULL REFERENCES checks ON DELETE CASCADE,
    rev       BIGINT NOT NULL,
    from_at   BIGINT NOT NULL, -- of the blind interval
    judged_at BIGINT NOT NULL,
    PRIMARY KEY (check_id, rev)
);

-- What a delivery of kind blind says.
CREATE TABLE digests (
    delivery_id BIGINT PRIMARY KEY REFERENCES deliveries ON DELETE CASCADE,
    content     TEXT NOT NULL
);
