-- +goose Up
-- How far the chats of an account are known to be complete: UIS repeats no webhook, so its reports are read from there on.
CREATE TABLE chat_gap (
    account_id    bigint      PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    certain_until timestamptz NOT NULL,
    next_at       timestamptz NOT NULL,
    started_at    timestamptz,
    chats_at      timestamptz,
    problem       text        NOT NULL DEFAULT '',
    found         bigint      NOT NULL DEFAULT 0
);
COMMENT ON COLUMN chat_gap.certain_until IS 'physical time; everything before it was compared with the reports, their delay taken off';
COMMENT ON COLUMN chat_gap.next_at IS 'physical time of the next round';
COMMENT ON COLUMN chat_gap.chats_at IS 'when chats that have no message yet were last looked for';
COMMENT ON COLUMN chat_gap.problem IS 'why the reports cannot be read: a class of UIS'' errors';
CREATE INDEX chat_gap_due ON chat_gap (next_at);
SELECT omni_tenant('chat_gap');
