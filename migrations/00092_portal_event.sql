-- +goose Up
ALTER TABLE portal ADD COLUMN event_at timestamptz;
COMMENT ON COLUMN portal.event_at IS 'when an event of the portal was last worked; the self-check shows it';
