-- +goose Up
-- Calls whose activity stands as not done, by each entity it shows in: a later answered call with any of them turns it to done, whichever of the client's numbers
-- either call came from.
CREATE TABLE call_open (
    account_id  bigint      NOT NULL,
    call_id     bigint      NOT NULL,
    portal_id   bigint      NOT NULL,
    entity_type text        NOT NULL,
    entity_id   bigint      NOT NULL,
    activity_id bigint      NOT NULL,
    started_at  timestamptz NOT NULL,
    PRIMARY KEY (account_id, call_id, entity_type, entity_id)
);
CREATE INDEX call_open_entity ON call_open (account_id, portal_id, entity_type, entity_id);
SELECT omni_tenant('call_open');
INSERT INTO call_open (account_id, call_id, portal_id, entity_type, entity_id, activity_id, started_at)
    SELECT DISTINCT c.account_id, c.id, c.portal_id, b ->> 'type', (b ->> 'id')::bigint, c.activity_id, c.started_at
    FROM call c CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(c.crm -> 'answer' -> 'bind') WHEN 'array' THEN c.crm -> 'answer' -> 'bind' ELSE '[]' END) b
    WHERE c.activity_open AND c.activity_id IS NOT NULL;
COMMENT ON COLUMN call.activity_open IS 'no longer used: call_open says it';
-- Calls that go on, and those that ended not long ago, are looked for in UIS' report from their beginning on.
CREATE INDEX call_ended ON call (account_id, ended_at);
