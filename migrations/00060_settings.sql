-- +goose Up
-- The settings document of an account, every version of it: who saved it, when, and what changed.
CREATE TABLE settings (
    account_id bigint      NOT NULL,
    version    integer     NOT NULL,
    document   jsonb       NOT NULL,
    diff       jsonb       NOT NULL DEFAULT '[]',
    saved_by   text        NOT NULL,
    saved_at   timestamptz NOT NULL,
    PRIMARY KEY (account_id, version)
);
SELECT omni_tenant('settings');
