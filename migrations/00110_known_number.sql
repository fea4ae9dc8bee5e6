-- +goose Up
-- Numbers that a portal's CRM knows, with whose client each is (T3): who calls is answered from here, within the patience of the telephone network.
CREATE TABLE known_number (
    account_id  bigint      NOT NULL,
    portal_id   bigint      NOT NULL,
    entity_type text        NOT NULL CHECK (entity_type IN ('contact', 'company', 'lead', 'nobody')),
    entity_id   bigint      NOT NULL,
    phone       text        NOT NULL,
    rank        smallint    NOT NULL,
    responsible bigint      NOT NULL,
    created_at  timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL,
    PRIMARY KEY (account_id, portal_id, entity_type, entity_id, phone)
) WITH (fillfactor = 85); -- a walk writes seen_at of every row, which no index holds
COMMENT ON COLUMN known_number.entity_type IS 'nobody (entity_id 0): the portal was asked and knew nobody';
COMMENT ON COLUMN known_number.phone IS 'digits of E.164 without plus';
COMMENT ON COLUMN known_number.rank IS 'the smallest wins: 1 contact, 2 company, 3 open lead, 4 closed lead, 9 nobody';
COMMENT ON COLUMN known_number.created_at IS 'when the entity was made; 1970 when the portal did not say';
COMMENT ON COLUMN known_number.seen_at IS 'business time at which the portal was asked; what was read later counts';
CREATE INDEX known_number_phone ON known_number (account_id, portal_id, phone, rank, created_at DESC, entity_id DESC);
SELECT omni_tenant('known_number');

-- How far a portal's contacts, companies and leads were walked through.
CREATE TABLE known_walk (
    account_id bigint      NOT NULL,
    portal_id  bigint      NOT NULL,
    entity     text        NOT NULL CHECK (entity IN ('contact', 'company', 'lead')),
    cursor     bigint      NOT NULL DEFAULT 0,
    top        bigint      NOT NULL DEFAULT 0,
    width      bigint      NOT NULL,
    started_at timestamptz NOT NULL,
    done_at    timestamptz,
    PRIMARY KEY (account_id, portal_id),
    FOREIGN KEY (account_id, portal_id) REFERENCES portal ON DELETE CASCADE
);
COMMENT ON COLUMN known_walk.entity IS 'the kind that is read now; the ones before it are done';
COMMENT ON COLUMN known_walk.cursor IS 'everything up to this id was read';
COMMENT ON COLUMN known_walk.top IS 'the highest id when this kind was begun, 0: not asked yet; events tell of what came later';
COMMENT ON COLUMN known_walk.width IS 'how many ids one page asks for, grown where few ids are in use';
SELECT omni_tenant('known_walk');
