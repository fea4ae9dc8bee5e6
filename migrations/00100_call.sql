-- +goose Up
-- Call sessions of UIS and what they became in Bitrix24. The id is UIS' number of the session.
CREATE TABLE call (
    account_id    bigint      NOT NULL,
    id            bigint      NOT NULL,
    portal_id     bigint      NOT NULL DEFAULT 0,
    client_id     bigint,
    direction     text        NOT NULL DEFAULT '' CHECK (direction IN ('', 'in', 'out')),
    phone         text        NOT NULL DEFAULT '',
    number        text        NOT NULL DEFAULT '',
    name          text        NOT NULL DEFAULT '',
    employees     bigint[]    NOT NULL DEFAULT '{}',
    answered      boolean     NOT NULL DEFAULT false,
    phase         text        NOT NULL,
    activity_id   bigint,
    activity_open boolean     NOT NULL DEFAULT false,
    facts         jsonb       NOT NULL DEFAULT '{}',
    crm           jsonb       NOT NULL DEFAULT '{}',
    started_at    timestamptz NOT NULL,
    ended_at      timestamptz,
    changed_at    timestamptz NOT NULL,
    PRIMARY KEY (account_id, id)
);
COMMENT ON COLUMN call.phone IS 'the client''s number, digits of E.164 without plus; number is the account''s';
COMMENT ON COLUMN call.employees IS 'UIS employees who took part, in the order of their legs';
COMMENT ON COLUMN call.activity_open IS 'its activity stands as not done and a later answered call turns it to done';
COMMENT ON COLUMN call.facts IS 'what notifications told, whatever their order';
COMMENT ON COLUMN call.crm IS 'entities, the call at the portal, cards, recording: how far it was carried';
CREATE INDEX call_started ON call (account_id, started_at DESC, id DESC);
CREATE INDEX call_phone ON call (account_id, phone, started_at DESC);
CREATE INDEX call_client ON call (account_id, client_id, started_at) WHERE client_id IS NOT NULL;
SELECT omni_tenant('call');
