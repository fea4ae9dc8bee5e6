-- +goose Up
-- The deadlines of clicks and forms count from when the portal told of them.
ALTER TABLE click ADD COLUMN received_at timestamptz;
COMMENT ON COLUMN click.received_at IS 'when the portal told of it; null: before this was kept';
