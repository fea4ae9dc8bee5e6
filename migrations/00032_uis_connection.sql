-- +goose Up
-- The account's connection to UIS: credentials, the chat adapter we registered there, and what was read of channels and employees.
CREATE TABLE uis_connection (
    account_id        bigint      PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    brand             text        NOT NULL,
    api_key           bytea,
    chats_login       text        NOT NULL DEFAULT '',
    chats_password    bytea,
    url_token_hash    bytea       NOT NULL,
    url_token         bytea       NOT NULL,
    webhook_secret    bytea       NOT NULL,
    adapter_type      text        NOT NULL,
    adapter_login     text        NOT NULL,
    adapter_password  bytea       NOT NULL,
    adapter_id        bigint,
    connection_id     bigint,
    app_id            bigint,
    account_name      text        NOT NULL DEFAULT '',
    timezone          text        NOT NULL DEFAULT '',
    checks            jsonb       NOT NULL DEFAULT '[]',
    checked_at        timestamptz,
    changed_at        timestamptz NOT NULL,
    version           integer     NOT NULL DEFAULT 1
);
COMMENT ON COLUMN uis_connection.url_token_hash IS 'SHA-256 of the token in /uis/{token}/…';
COMMENT ON COLUMN uis_connection.connection_id IS 'account_id of the adapter API and of chat webhooks';
COMMENT ON COLUMN uis_connection.version IS 'raised by every change; an adapter session made for an older one is thrown away';
CREATE UNIQUE INDEX uis_connection_token ON uis_connection (url_token_hash);
SELECT omni_tenant('uis_connection');

CREATE TABLE uis_channel (
    account_id      bigint      NOT NULL REFERENCES account ON DELETE CASCADE,
    id              bigint      NOT NULL,
    type            text        NOT NULL DEFAULT '',
    name            text        NOT NULL DEFAULT '',
    status          text        NOT NULL DEFAULT '',
    external_id     text        NOT NULL DEFAULT '',
    group_id        bigint,
    employee_id     bigint,
    adapter_channel bigint,
    templates       jsonb,
    gone_at         timestamptz,
    seen_at         timestamptz NOT NULL,
    PRIMARY KEY (account_id, id)
);
COMMENT ON COLUMN uis_channel.id IS 'the account''s chat channel: get.chat_channels id, context.chat_channel_id of webhooks';
COMMENT ON COLUMN uis_channel.adapter_channel IS 'channel_id of the adapter API; null: not connected to our adapter';
COMMENT ON COLUMN uis_channel.templates IS 'context.message_templates of a WABA channel';
CREATE UNIQUE INDEX uis_channel_adapter ON uis_channel (account_id, adapter_channel) WHERE adapter_channel IS NOT NULL;
SELECT omni_tenant('uis_channel');

CREATE TABLE uis_employee (
    account_id  bigint      NOT NULL REFERENCES account ON DELETE CASCADE,
    id          bigint      NOT NULL,
    full_name   text        NOT NULL,
    first_name  text        NOT NULL DEFAULT '',
    last_name   text        NOT NULL DEFAULT '',
    email       text        NOT NULL DEFAULT '',
    extension   text        NOT NULL DEFAULT '',
    phones      text[]      NOT NULL DEFAULT '{}',
    groups      text[]      NOT NULL DEFAULT '{}',
    chats       boolean     NOT NULL DEFAULT false,
    gone_at     timestamptz,
    seen_at     timestamptz NOT NULL,
    PRIMARY KEY (account_id, id)
);
COMMENT ON COLUMN uis_employee.chats IS 'is a chat operator there, so a message may carry this number as operator_id';
SELECT omni_tenant('uis_employee');
