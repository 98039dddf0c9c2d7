-- +goose Up

-- Times are unix microseconds from the program's clock, spans of a configuration
-- whole seconds, measured spans microseconds. NULL is "not set"; zero is a value.

CREATE TABLE users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    email         TEXT NOT NULL UNIQUE,
    password_hash TEXT,
    created_at    BIGINT NOT NULL
);

CREATE TABLE projects (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL,
    ping_key   TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

CREATE TABLE members (
    project_id BIGINT NOT NULL REFERENCES projects ON DELETE CASCADE,
    user_id    BIGINT NOT NULL REFERENCES users ON DELETE CASCADE,
    role       TEXT NOT NULL,
    PRIMARY KEY (project_id, user_id)
);
CREATE INDEX members_user ON members (user_id);

CREATE TABLE api_keys (
    project_id BIGINT NOT NULL REFERENCES projects ON DELETE CASCADE,
    kind       TEXT NOT NULL,
    hash       TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (project_id, kind)
);

CREATE TABLE tokens (
    hash       TEXT PRIMARY KEY,
    purpose    TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE sessions (
    hash       TEXT PRIMARY KEY,
    data       BLOB NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE checks (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id    BIGINT NOT NULL REFERENCES projects ON DELETE CASCADE,
    uuid          TEXT NOT NULL UNIQUE,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,

    -- the configuration
    name          TEXT NOT NULL,
    slug          TEXT,
    description   TEXT NOT NULL,
    tags          TEXT NOT NULL,           -- separated by single spaces
    kind          TEXT NOT NULL,           -- every, cron or oncalendar
    period        BIGINT NOT NULL,         -- of every; 0 otherwise
    schedule      TEXT NOT NULL,           -- of cron and oncalendar
    timezone      TEXT NOT NULL,
    grace         BIGINT NOT NULL,
    max_runtime   BIGINT,                  -- NULL: the same as grace
    manual_resume BOOLEAN NOT NULL,
    post_only     BOOLEAN NOT NULL,
    filter        TEXT NOT NULL,           -- JSON, or '' for none

    -- the state: all that the next transition needs
    status        TEXT NOT NULL,
    since         BIGINT NOT NULL,
    reason        TEXT NOT NULL,
    rev           BIGINT NOT NULL,
    n_pings       BIGINT NOT NULL,
    last_ping     BIGINT,
    last_success  BIGINT,
    last_start    BIGINT,
    last_signal   TEXT NOT NULL,
    last_exit     BIGINT,
    last_duration BIGINT,
    fail_streak   BIGINT NOT NULL,
    due           BIGINT,
    credit        BIGINT NOT NULL,
    runs          TEXT NOT NULL,           -- JSON, or '' for none
    wake          BIGINT,                  -- a lower bound of the next judging
    burst_at      BIGINT NOT NULL,
    burst         BIGINT NOT NULL,         -- four counters of 16 bits
    coalesced     BIGINT NOT NULL,
    trouble       TEXT NOT NULL,

    UNIQUE (project_id, slug)
);

CREATE INDEX checks_wake ON checks (wake) WHERE wake IS NOT NULL;

CREATE TABLE pings (
    check_id    BIGINT NOT NULL REFERENCES checks ON DELETE CASCADE,
    n           BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    signal      TEXT NOT NULL,
    exit_status BIGINT,
    run_id      TEXT NOT NULL,
    duration    BIGINT,
    ignored     TEXT NOT NULL,
    scheme      TEXT NOT NULL,
    method      TEXT NOT NULL,
    remote_addr TEXT NOT NULL,
    user_agent  TEXT NOT NULL,
    body        BLOB,                      -- NULL: there was none
    body_size   BIGINT NOT NULL,
    PRIMARY KEY (check_id, n)
);

CREATE TABLE flips (
    check_id   BIGINT NOT NULL REFERENCES checks ON DELETE CASCADE,
    rev        BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    judged_at  BIGINT NOT NULL,
    old_status TEXT NOT NULL,
    new_status TEXT NOT NULL,
    reason     TEXT NOT NULL,
    tell       BOOLEAN NOT NULL,
    facts      TEXT NOT NULL,               -- JSON
    PRIMARY KEY (check_id, rev)
);

CREATE TABLE channels (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id BIGINT NOT NULL REFERENCES projects ON DELETE CASCADE,
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    settings   TEXT NOT NULL,               -- JSON
    disabled   TEXT NOT NULL,               -- why, or ''
    created_at BIGINT NOT NULL,
    UNIQUE (project_id, name)
);

CREATE TABLE check_channels (
    check_id   BIGINT NOT NULL REFERENCES checks ON DELETE CASCADE,
    channel_id BIGINT NOT NULL REFERENCES channels ON DELETE CASCADE,
    PRIMARY KEY (check_id, channel_id)
);
CREATE INDEX check_channels_channel ON check_channels (channel_id);

CREATE TABLE deliveries (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id  BIGINT NOT NULL REFERENCES projects ON DELETE CASCADE,
    channel_id  BIGINT NOT NULL REFERENCES channels ON DELETE CASCADE,
    kind        TEXT NOT NULL,
    check_id    BIGINT REFERENCES checks ON DELETE CASCADE, -- NULL for a test
    rev         BIGINT,
    state       TEXT NOT NULL,
    attempts    BIGINT NOT NULL,
    tries       BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    next_at     BIGINT,                     -- of the next attempt, or the end of its lease; NULL: it has ended
    ended_at    BIGINT,
    answer      TEXT NOT NULL,
    code        BIGINT,
    UNIQUE (check_id, rev, channel_id)
);
CREATE INDEX deliveries_next ON deliveries (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX deliveries_project ON deliveries (project_id, id);
CREATE INDEX deliveries_channel ON deliveries (channel_id, id);
CREATE INDEX deliveries_created ON deliveries (created_at);

CREATE TABLE attempts (
    delivery_id BIGINT NOT NULL REFERENCES deliveries ON DELETE CASCADE,
    n           BIGINT NOT NULL,
    started_at  BIGINT NOT NULL,
    took        BIGINT NOT NULL,
    ok          BOOLEAN NOT NULL,
    code        BIGINT,
    answer      TEXT NOT NULL,
    PRIMARY KEY (delivery_id, n)
);

CREATE TABLE coverage (
    node TEXT PRIMARY KEY,
    at   BIGINT NOT NULL
);

CREATE TABLE blinds (
    from_at BIGINT PRIMARY KEY,
    to_at   BIGINT NOT NULL,
    cause   TEXT NOT NULL
);
