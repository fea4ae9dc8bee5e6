-- +goose NO TRANSACTION
-- +goose Up
-- Every webhook of a chat not known yet asks whether an operator of the account is starting one: a handful of chats, found without walking over the others.
DROP INDEX CONCURRENTLY IF EXISTS chat_starting;
CREATE INDEX CONCURRENTLY chat_starting ON chat (account_id) WHERE state = 'starting' AND uis_chat_id IS NULL;
