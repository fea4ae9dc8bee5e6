-- +goose Up
-- A page that lost its session names its portal by the address; it only tells whom to ask.
CREATE INDEX portal_domain ON portal (domain) WHERE member_id IS NOT NULL;
