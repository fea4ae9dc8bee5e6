-- +goose Up
-- A robot of the automation rules asks for calls, too.
ALTER TABLE click DROP CONSTRAINT click_kind_check;
ALTER TABLE click ADD CONSTRAINT click_kind_check CHECK (kind IN ('click', 'form', 'robot'));
ALTER TABLE click ADD COLUMN task jsonb;
COMMENT ON COLUMN click.task IS 'what a robot was told to do, and what was read since; null: no robot asked';
ALTER TABLE portal ADD COLUMN robot text NOT NULL DEFAULT '';
COMMENT ON COLUMN portal.robot IS 'a digest of what the robot was registered with last; empty: never';
