-- +goose Up

-- Mails to people, other than alerts: log-in links, invitations, reports. What is
-- secret in one is made when it is sent, and never stands here.
CREATE TABLE letters (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT NOT NULL,
    recipient  TEXT NOT NULL,
    data       TEXT NOT NULL,   -- JSON of the kind
    key        TEXT UNIQUE,     -- what it is about, when it is to be sent once; NULL: as often as it is queued
    state      TEXT NOT NULL,
    tries      BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL, -- it is of no use after this
    next_at    BIGINT,          -- of the next attempt, or the end of its lease; NULL: it has ended
    ended_at   BIGINT,
    answer     TEXT NOT NULL
);
CREATE INDEX letters_next ON letters (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX letters_expires ON letters (expires_at);
