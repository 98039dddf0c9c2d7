-- +goose Up

-- The keys of projects, of which only hashes are kept. sha256hex is the program's
-- own function.
CREATE TABLE keys (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id BIGINT NOT NULL REFERENCES projects ON DELETE CASCADE,
    kind       TEXT NOT NULL,           -- rw, ro or ping
    name       TEXT NOT NULL,
    hash       TEXT NOT NULL UNIQUE,
    ending     TEXT NOT NULL,           -- its last characters, '' when they are not known
    made_by    TEXT NOT NULL,           -- an address, '' when it was nobody in particular
    created_at BIGINT NOT NULL,
    used_at    BIGINT,                  -- NULL: never
    UNIQUE (project_id, kind, name)
);

INSERT INTO keys (project_id, kind, name, hash, ending, made_by, created_at)
SELECT id, 'ping', 'first', sha256hex(ping_key), substr(ping_key, -4), '', created_at FROM projects;

INSERT INTO keys (project_id, kind, name, hash, ending, made_by, created_at)
SELECT project_id, kind, 'first', hash, '', '', created_at FROM api_keys;

-- Neither projects.ping_key nor api_keys is used any more; a later migration drops
-- them. What stood there in the clear goes now, so older binaries do not know the
-- ping keys: servers that share this database are to be changed together.
UPDATE projects SET ping_key = 'unused ' || id;
