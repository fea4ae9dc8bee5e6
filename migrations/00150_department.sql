-- +goose Up
-- The departments a user works in, as Bitrix24 numbers them; their names are a directory (department.get).
ALTER TABLE b24_user ADD COLUMN departments bigint[] NOT NULL DEFAULT '{}';
