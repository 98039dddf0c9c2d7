-- +goose Up

-- How the channels fare that were sent to. A channel without a row has not failed.
CREATE TABLE channel_health (
    channel_id  BIGINT PRIMARY KEY REFERENCES channels ON DELETE CASCADE,
    failures    BIGINT NOT NULL DEFAULT 0, -- attempts since the last success
    hours       BIGINT NOT NULL DEFAULT 0, -- different hours in which one of them failed
    since       BIGINT NOT NULL DEFAULT 0, -- when the first of them failed
    failed_at   BIGINT NOT NULL DEFAULT 0, -- when the last of them failed
    opened_at   BIGINT,                    -- when the breaker opened; NULL: it is closed
    gate        BIGINT NOT NULL DEFAULT 0, -- nothing is sent before
    redirects   BIGINT NOT NULL DEFAULT 0, -- how many of the last answers in a row were redirects
    redirect_to TEXT NOT NULL DEFAULT '',  -- the host that the last of them named
    warned      BIGINT NOT NULL DEFAULT 0  -- how many times the owners were told of it
);
CREATE INDEX channel_health_open ON channel_health (channel_id) WHERE opened_at IS NOT NULL;

-- What a channel is still owed, the oldest first; tests do not wait.
CREATE INDEX deliveries_waiting ON deliveries (channel_id, id) WHERE next_at IS NOT NULL AND kind <> 'test';
