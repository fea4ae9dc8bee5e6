-- +goose Up
-- On which kinds of entities the portal has the app's own field "First communication ID" (R7c). Without it the feature is off there.
ALTER TABLE portal ADD COLUMN first_id text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN portal.first_id IS 'kinds of entities that have the field: lead, deal, contact, company; noted by install, repair and self-check';
