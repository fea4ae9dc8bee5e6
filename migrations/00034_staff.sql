-- +goose Up
-- People of a portal and whom they are at UIS.
CREATE TABLE b24_user (
    account_id   bigint      NOT NULL,
    portal_id    bigint      NOT NULL,
    id           bigint      NOT NULL,
    first_name   text        NOT NULL DEFAULT '',
    last_name    text        NOT NULL DEFAULT '',
    second_name  text        NOT NULL DEFAULT '',
    email        text        NOT NULL DEFAULT '',
    inner_number text        NOT NULL DEFAULT '',
    phones       text[]      NOT NULL DEFAULT '{}',
    position     text        NOT NULL DEFAULT '',
    active       boolean     NOT NULL,
    seen_at      timestamptz NOT NULL,
    PRIMARY KEY (account_id, portal_id, id),
    FOREIGN KEY (account_id, portal_id) REFERENCES portal ON DELETE CASCADE
);
SELECT omni_tenant('b24_user');

CREATE TABLE staff_match (
    account_id   bigint      NOT NULL,
    portal_id    bigint      NOT NULL,
    b24_user     bigint      NOT NULL,
    employee     bigint,
    how          text        NOT NULL CHECK (how IN ('email', 'phone', 'inner_number', 'name', 'hand', 'several')),
    hand         bigint,
    candidates   bigint[]    NOT NULL DEFAULT '{}',
    changed_at   timestamptz NOT NULL,
    PRIMARY KEY (account_id, portal_id, b24_user),
    FOREIGN KEY (account_id, portal_id, b24_user) REFERENCES b24_user ON DELETE CASCADE
);
COMMENT ON COLUMN staff_match.employee IS 'UIS employee in force; null: by hand nobody, a dismissed user, or several candidates and no automatic match';
COMMENT ON COLUMN staff_match.hand IS 'what an administrator chose when how is hand (null: nobody); kept while the user is dismissed';
CREATE UNIQUE INDEX staff_match_employee ON staff_match (account_id, portal_id, employee) WHERE employee IS NOT NULL;
SELECT omni_tenant('staff_match');

CREATE TABLE staff_sync (
    account_id bigint      NOT NULL,
    portal_id  bigint      NOT NULL,
    synced_at  timestamptz,
    result     jsonb,
    PRIMARY KEY (account_id, portal_id),
    FOREIGN KEY (account_id, portal_id) REFERENCES portal ON DELETE CASCADE
);
SELECT omni_tenant('staff_sync');
