-- +goose Up

-- The check's rev when it began to tell the channel: flips after it owe the channel a
-- delivery. NULL: a program that does not know the column wrote the row.
ALTER TABLE check_channels ADD COLUMN since_rev BIGINT;

UPDATE check_channels SET since_rev = (SELECT checks.rev FROM checks WHERE checks.id = check_channels.check_id);

-- One row that is written to find out whether the database takes writes.
CREATE TABLE probe (
    id BIGINT PRIMARY KEY,
    n  BIGINT NOT NULL
);
INSERT INTO probe (id, n) VALUES (1, 0);

-- Where the projects of this installation want its heartbeat to be sent.
CREATE TABLE heartbeats (
    project_id BIGINT PRIMARY KEY REFERENCES projects ON DELETE CASCADE,
    address    TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
