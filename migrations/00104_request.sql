-- +goose Up
-- Offline requests (forms of sites) and what they became in Bitrix24. The id is UIS' offline_message_id.
CREATE TABLE request (
    account_id bigint      NOT NULL,
    id         bigint      NOT NULL,
    portal_id  bigint      NOT NULL DEFAULT 0,
    client_id  bigint,
    name       text        NOT NULL DEFAULT '',
    phones     text[]      NOT NULL DEFAULT '{}',
    emails     text[]      NOT NULL DEFAULT '{}',
    visitor_id text        NOT NULL DEFAULT '',
    text       text        NOT NULL DEFAULT '',
    values     jsonb       NOT NULL DEFAULT '{}',
    phase      text        NOT NULL CHECK (phase IN ('off', 'asked', 'done')),
    crm        jsonb       NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id)
);
COMMENT ON COLUMN request.values IS 'the variables of its notification';
COMMENT ON COLUMN request.crm IS 'entities, responsible, what was given to extra fields';
SELECT omni_tenant('request');
