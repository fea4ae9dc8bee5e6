-- +goose Up
-- When the last real notification of each kind came (U3): UIS offers no way to create them, so the cabinet ticks them off.
CREATE TABLE uis_notification (
    account_id  bigint      NOT NULL REFERENCES account ON DELETE CASCADE,
    event       text        NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, event)
);
SELECT omni_tenant('uis_notification');
