-- +goose Up
-- Clicks on numbers in Bitrix24 and call-back forms, until the call they asked for is there.
CREATE TABLE click (
    account_id  bigint      NOT NULL,
    id          text        NOT NULL,
    portal_id   bigint      NOT NULL,
    kind        text        NOT NULL CHECK (kind IN ('click', 'form')),
    user_id     bigint      NOT NULL DEFAULT 0,
    phone       text        NOT NULL,
    external_id text        NOT NULL DEFAULT '',
    session_id  bigint,
    state       text        NOT NULL CHECK (state IN ('looking', 'asked', 'started', 'failed')),
    entity_type text        NOT NULL DEFAULT '',
    entity_id   bigint      NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (account_id, id)
);
COMMENT ON COLUMN click.id IS 'CALL_ID of a click, which Bitrix24 registers before it tells of it; of a form a name of our own';
COMMENT ON COLUMN click.external_id IS 'what the Call API was given, and what notifications of the call bring back';
CREATE INDEX click_session ON click (account_id, session_id) WHERE session_id IS NOT NULL;
CREATE INDEX click_external ON click (account_id, external_id) WHERE external_id <> '';
CREATE INDEX click_asked ON click (account_id, phone) WHERE state = 'asked';
SELECT omni_tenant('click');
