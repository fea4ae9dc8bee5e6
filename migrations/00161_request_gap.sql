-- +goose Up
-- Up to when an account's offline requests were compared with UIS' report.
CREATE TABLE request_gap (
    account_id    bigint      NOT NULL REFERENCES account ON DELETE CASCADE,
    certain_until timestamptz NOT NULL,
    found         bigint      NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id)
);
SELECT omni_tenant('request_gap');
