-- +goose Up

-- How many bad results in a row take a check down; NULL: the first one does.
ALTER TABLE checks ADD COLUMN threshold BIGINT;

-- Which bad result in a row a decision was about, and how many take the check down;
-- 0: it was about none.
ALTER TABLE decisions ADD COLUMN bad BIGINT NOT NULL DEFAULT 0;
ALTER TABLE decisions ADD COLUMN bad_limit BIGINT NOT NULL DEFAULT 0;

-- Alarms that were tried in vain: when the check is up again, people are told once.
CREATE INDEX deliveries_tried ON deliveries (id) WHERE state = 'pending' AND attempts > 0 AND kind = 'flip';
