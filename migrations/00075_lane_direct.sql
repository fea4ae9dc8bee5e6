-- +goose Up
-- Requests that do not go through a lane (proofs, consents) count in its bucket all the same: whoever makes one counts it here, and the lane's owner adds what it has not seen yet.
ALTER TABLE lane ADD COLUMN direct bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN lane.direct IS 'how many requests were made beside the lane; they are in level, and its owner adds what is new since its last look';
-- A request that failed because the portal slept must not put the lane to sleep again when the portal was woken meanwhile.
ALTER TABLE lane ADD COLUMN resumed bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN lane.resumed IS 'how often the lane was woken';
-- Somebody waits, or will look soon: such commands are seen however many keys there are. The index takes the place of the one for waiting persons only.
CREATE INDEX command_pressing ON command (account_id, lane_id, priority, id) WHERE state = 'ready' AND priority < 2 AND NOT independent;
DROP INDEX command_waiting;
