-- +goose Up
-- Which chat channel of UIS each open line of a portal carries (O2). A line has one channel, and a channel one line of the whole account.
CREATE TABLE open_line (
    account_id   bigint      NOT NULL,
    portal_id    bigint      NOT NULL,
    line_id      bigint      NOT NULL,
    channel_id   bigint,
    wanted_id    bigint,
    choice       text        NOT NULL DEFAULT '',
    state        text        NOT NULL CHECK (state IN ('on', 'connecting', 'disconnecting', 'failed')),
    trouble_code text        NOT NULL DEFAULT '',
    trouble_text text        NOT NULL DEFAULT '',
    chosen_by    text        NOT NULL DEFAULT '',
    changed_at   timestamptz NOT NULL,
    PRIMARY KEY (account_id, portal_id, line_id),
    FOREIGN KEY (account_id, portal_id) REFERENCES portal ON DELETE CASCADE
);
COMMENT ON COLUMN open_line.channel_id IS 'whose messages pass; null: none';
COMMENT ON COLUMN open_line.wanted_id IS 'what was chosen and the portal has not confirmed; null: nothing is under way';
COMMENT ON COLUMN open_line.choice IS 'the choice that is under way, or was made last: answers to older ones are late';
CREATE UNIQUE INDEX open_line_channel ON open_line (account_id, channel_id) WHERE channel_id IS NOT NULL;
SELECT omni_tenant('open_line');

ALTER TABLE portal ADD COLUMN connector text NOT NULL DEFAULT '';
COMMENT ON COLUMN portal.connector IS 'a digest of what the open-lines connector was registered with last; empty: it is not registered';
