-- +goose Up
-- When a periodic procedure of a portal was last made due; whoever moves the time forward starts it, so it starts once in the cluster.
CREATE TABLE round (
    account_id bigint      NOT NULL,
    portal_id  bigint      NOT NULL,
    name       text        NOT NULL,
    done_at    timestamptz NOT NULL,
    PRIMARY KEY (account_id, portal_id, name),
    FOREIGN KEY (account_id, portal_id) REFERENCES portal ON DELETE CASCADE
);
COMMENT ON COLUMN round.done_at IS 'business time';
SELECT omni_tenant('round');

-- The last working-day state that was turned into a UIS status (S2): only a change is written.
CREATE TABLE staff_workday (
    account_id bigint      NOT NULL,
    portal_id  bigint      NOT NULL,
    b24_user   bigint      NOT NULL,
    employee   bigint      NOT NULL,
    state      text        NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, portal_id, b24_user, employee),
    FOREIGN KEY (account_id, portal_id, b24_user) REFERENCES b24_user ON DELETE CASCADE
);
SELECT omni_tenant('staff_workday');
ALTER TABLE staff_sync ADD COLUMN workday_trouble text NOT NULL DEFAULT '';
COMMENT ON COLUMN staff_sync.workday_trouble IS 'why the last import of working days did nothing; absent: the portal has no time tracking, or the app no right to it';
