-- +goose Up
-- Who changed what in an account besides its settings: matches by hand, the connection to UIS, portals. The settings keep their own versions.
CREATE TABLE account_change (
    account_id bigint      NOT NULL,
    id         bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    at         timestamptz NOT NULL,
    made_by    text        NOT NULL,
    kind       text        NOT NULL,
    about      jsonb       NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX account_change_at ON account_change (account_id, at DESC);
SELECT omni_tenant('account_change');
