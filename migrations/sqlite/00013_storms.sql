-- +goose Up

-- What a storm owes is told in digests: deliveries of a kind of their own, each with
-- its content as it was when it was formed. An older binary would send a digest as a
-- test message, so servers that share this database are to be changed together.
ALTER TABLE deliveries ADD COLUMN digest_id BIGINT; -- of the delivery that tells this one; NULL: it is told by itself
CREATE INDEX deliveries_digest ON deliveries (digest_id) WHERE digest_id IS NOT NULL;

-- What a storm is found by; entries leave with the first attempt.
CREATE INDEX deliveries_fresh ON deliveries (channel_id, id) WHERE state = 'pending' AND attempts = 0 AND kind = 'flip';

-- The pace of a channel's digests, and their order.
CREATE INDEX deliveries_digests ON deliveries (channel_id, id) WHERE kind = 'digest';
CREATE INDEX deliveries_owed_digests ON deliveries (channel_id, id) WHERE kind = 'digest' AND next_at IS NOT NULL;

-- Alarms that no channel took.
CREATE INDEX deliveries_untold ON deliveries (created_at, project_id) WHERE kind = 'flip' AND state <> 'sent';

CREATE TABLE roundups (
    delivery_id BIGINT PRIMARY KEY REFERENCES deliveries ON DELETE CASCADE,
    first_id    BIGINT NOT NULL UNIQUE, -- the first delivery that it tells, which names it
    down        BIGINT NOT NULL,
    up          BIGINT NOT NULL,
    content     TEXT NOT NULL           -- JSON
);
