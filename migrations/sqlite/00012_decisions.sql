-- +goose Up

-- The record of every judgement: of each flip, of each deadline that passed without
-- one, and of each ping that was ignored. An ordinary ping leaves none.
CREATE TABLE decisions (
    check_id    BIGINT NOT NULL REFERENCES checks ON DELETE CASCADE,
    about       TEXT NOT NULL,           -- flip, deadline or ping
    key         BIGINT NOT NULL,         -- its rev, its time, its number
    project_id  BIGINT NOT NULL,         -- of the check at that time
    judged_at   BIGINT NOT NULL,
    arrived_at  BIGINT,                  -- of the ping that was judged
    ping_n      BIGINT NOT NULL,         -- its number, or 0
    deadline_at BIGINT,                  -- that had passed
    due_at      BIGINT,                  -- what was awaited
    seen_at     BIGINT,                  -- the last end of a run before
    was         TEXT NOT NULL,
    became      TEXT NOT NULL,
    reason      TEXT NOT NULL,
    tell        BOOLEAN NOT NULL,
    suppressed  TEXT NOT NULL,           -- by which rule nobody is told, or ''
    until_at    BIGINT,                  -- the deadline instead of one that was let go
    corrects    BIGINT NOT NULL,         -- the rev of the flip that a late report takes back, or 0
    lag         BIGINT,                  -- from what was judged to the judging; NULL: does not apply
    owed        TEXT NOT NULL,           -- ids of channels, separated by single spaces
    off         TEXT NOT NULL,           -- ids of channels that were disabled
    PRIMARY KEY (check_id, about, key)
);
CREATE INDEX decisions_judged ON decisions (check_id, judged_at);
CREATE INDEX decisions_deadline ON decisions (check_id, deadline_at) WHERE deadline_at IS NOT NULL;
CREATE INDEX decisions_lag ON decisions (project_id, judged_at) WHERE lag IS NOT NULL;

CREATE INDEX flips_check_judged ON flips (check_id, judged_at);
