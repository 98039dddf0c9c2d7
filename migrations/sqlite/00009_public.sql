-- +goose Up

-- Pages that anybody may look at who knows their address.
CREATE TABLE status_pages (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id  BIGINT NOT NULL REFERENCES projects ON DELETE CASCADE,
    address     TEXT NOT NULL UNIQUE,
    title       TEXT NOT NULL,
    description TEXT NOT NULL,
    scope       TEXT NOT NULL,    -- project, tag or chosen
    tag         TEXT NOT NULL,    -- '' unless scope is tag
    timezone    TEXT NOT NULL,    -- '': the server's
    grouped     BOOLEAN NOT NULL,
    history     BOOLEAN NOT NULL,
    unlisted    BOOLEAN NOT NULL,
    created_at  BIGINT NOT NULL
);
CREATE INDEX status_pages_project ON status_pages (project_id);

-- What was said about single checks on a page.
CREATE TABLE status_page_checks (
    page_id  BIGINT NOT NULL REFERENCES status_pages ON DELETE CASCADE,
    check_id BIGINT NOT NULL REFERENCES checks ON DELETE CASCADE,
    chosen   BOOLEAN NOT NULL,
    name     TEXT NOT NULL,       -- in public; '': the check's own
    PRIMARY KEY (page_id, check_id)
);
CREATE INDEX status_page_checks_check ON status_page_checks (check_id);

-- A badge is found by the beginning of its project's key.
CREATE INDEX projects_badge ON projects (substr(badge_key, 1, 16));

-- What people asked to be told regularly.
CREATE TABLE notices (
    user_id       BIGINT PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    report        TEXT NOT NULL,  -- off, weekly or monthly
    day           BIGINT NOT NULL,
    reminder      TEXT NOT NULL,  -- off, hourly or daily
    next_report   BIGINT,         -- NULL: none is due
    next_reminder BIGINT,         -- NULL: none is due
    stop_name     TEXT NOT NULL UNIQUE,
    stop_key      TEXT NOT NULL   -- begins with stop_name
);
CREATE INDEX notices_report ON notices (next_report) WHERE next_report IS NOT NULL;
CREATE INDEX notices_reminder ON notices (next_reminder) WHERE next_reminder IS NOT NULL;

-- Projects of which somebody is told nothing regularly.
CREATE TABLE notices_left_out (
    user_id    BIGINT NOT NULL REFERENCES notices ON DELETE CASCADE,
    project_id BIGINT NOT NULL REFERENCES projects ON DELETE CASCADE,
    PRIMARY KEY (user_id, project_id)
);
CREATE INDEX notices_left_out_project ON notices_left_out (project_id);
