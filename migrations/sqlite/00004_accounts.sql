-- +goose Up

-- The zone in which somebody reads times; '' is the server's.
ALTER TABLE users ADD COLUMN zone TEXT NOT NULL DEFAULT '';

-- A one-time link belongs to whom it was mailed to: an address, and the user who
-- has it. The first account's link, and that of a sign-up, have no user yet.
ALTER TABLE tokens ADD COLUMN user_id BIGINT REFERENCES users ON DELETE CASCADE;
ALTER TABLE tokens ADD COLUMN email TEXT NOT NULL DEFAULT '';
CREATE INDEX tokens_user ON tokens (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX tokens_email ON tokens (email);

-- Sessions can be listed and ended by whom they belong to. Those from before do
-- not say, and stand under another hash: one logs in again.
DELETE FROM sessions;
ALTER TABLE sessions ADD COLUMN user_id BIGINT REFERENCES users ON DELETE CASCADE; -- NULL: nobody has logged in yet
ALTER TABLE sessions ADD COLUMN began_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN browser TEXT NOT NULL DEFAULT ''; -- in words
ALTER TABLE sessions ADD COLUMN network TEXT NOT NULL DEFAULT ''; -- the address without its last part
CREATE INDEX sessions_user ON sessions (user_id) WHERE user_id IS NOT NULL;
