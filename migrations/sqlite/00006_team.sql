-- +goose Up

-- Who changed what in a project. It only grows, and outlives its project: entries
-- go when they are old, and for no other reason.
CREATE TABLE audit (
    project_id  BIGINT NOT NULL,
    n           BIGINT NOT NULL,  -- counts from 1 in each project
    at          BIGINT NOT NULL,
    actor       TEXT NOT NULL,    -- what kind of actor
    actor_id    BIGINT NOT NULL,  -- of a person; 0 of others
    actor_name  TEXT NOT NULL,    -- at that time
    from_addr   TEXT NOT NULL,
    request     TEXT NOT NULL,
    verb        TEXT NOT NULL,
    object      TEXT NOT NULL,    -- what kind of thing
    object_key  TEXT NOT NULL,
    title       TEXT NOT NULL,    -- of the thing, at that time
    before      TEXT NOT NULL,    -- JSON of the fields that changed, without secrets
    after       TEXT NOT NULL,
    prev        TEXT NOT NULL,    -- the hash of the entry before
    hash        TEXT NOT NULL,
    PRIMARY KEY (project_id, n)
);
CREATE INDEX audit_at ON audit (at);

-- +goose StatementBegin
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'an entry of the audit log is never changed');
END;
-- +goose StatementEnd

CREATE TABLE invitations (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id BIGINT NOT NULL REFERENCES projects ON DELETE CASCADE,
    email      TEXT NOT NULL,
    role       TEXT NOT NULL,
    inviter    TEXT NOT NULL,     -- the address of who sent it, who may be gone
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    letters    BIGINT NOT NULL,   -- how many mails were sent
    UNIQUE (project_id, email)
);
CREATE INDEX invitations_expires ON invitations (expires_at);
CREATE INDEX invitations_email ON invitations (email);

-- The links in the mails. Each is made when its mail is sent.
CREATE TABLE invitation_tokens (
    hash          TEXT PRIMARY KEY,
    invitation_id BIGINT NOT NULL REFERENCES invitations ON DELETE CASCADE
);
CREATE INDEX invitation_tokens_invitation ON invitation_tokens (invitation_id);

-- An owner's proposal that another member becomes the owner.
CREATE TABLE transfers (
    project_id BIGINT PRIMARY KEY REFERENCES projects ON DELETE CASCADE,
    from_user  BIGINT NOT NULL REFERENCES users ON DELETE CASCADE,
    to_user    BIGINT NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at BIGINT NOT NULL
);
