-- +goose Up
-- Up to when an account's calls were compared with UIS' report.
CREATE TABLE call_gap (
    account_id    bigint      NOT NULL REFERENCES account ON DELETE CASCADE,
    certain_until timestamptz NOT NULL,
    found         bigint      NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id)
);
SELECT omni_tenant('call_gap');
