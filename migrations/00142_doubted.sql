-- +goose Up
-- While a platform is down its failures are no doubt about a command, unless they go on for a day. Servers of the old version neither read nor write this.
ALTER TABLE command ADD COLUMN doubted_at timestamptz;
COMMENT ON COLUMN command.doubted_at IS 'when its outcome was unclear for the first time; null: never, or a person took it up again since';
COMMENT ON COLUMN command.doubts IS 'how often its outcome was unclear while the lane got others through; such a command travels in ever smaller company';
