-- +goose Up
-- Directories of the portals (portal_id) and of UIS (portal_id 0): good copies of what people choose from in the settings.
CREATE TABLE directory_entry (
    account_id bigint      NOT NULL,
    portal_id  bigint      NOT NULL DEFAULT 0,
    kind       text        NOT NULL,
    id         text        NOT NULL,
    name       text        NOT NULL,
    data       jsonb       NOT NULL DEFAULT '{}',
    position   integer     NOT NULL,
    gone_at    timestamptz,
    PRIMARY KEY (account_id, portal_id, kind, id)
);
COMMENT ON COLUMN directory_entry.gone_at IS 'it vanished at its platform; kept, so that settings which name it can say what it was';
SELECT omni_tenant('directory_entry');

CREATE TABLE directory_read (
    account_id bigint      NOT NULL,
    portal_id  bigint      NOT NULL DEFAULT 0,
    kind       text        NOT NULL,
    read_at    timestamptz,
    tried_at   timestamptz NOT NULL,
    trouble    text        NOT NULL DEFAULT '',
    PRIMARY KEY (account_id, portal_id, kind)
);
COMMENT ON COLUMN directory_read.read_at IS 'when the copy was made; null: never';
COMMENT ON COLUMN directory_read.trouble IS 'why the last try brought no new copy; empty: it did. absent: the portal or the tariff does not have it';
SELECT omni_tenant('directory_read');
