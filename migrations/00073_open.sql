-- +goose NO TRANSACTION
-- +goose Up
-- What is looked at often must not walk over what is done, however much of that is kept: counts of the internal address, the clean-up, a job's page.
DROP INDEX CONCURRENTLY IF EXISTS inbox_aside;
CREATE INDEX CONCURRENTLY inbox_aside ON inbox (account_id, key) WHERE aside_at IS NOT NULL AND done_at IS NULL;
DROP INDEX CONCURRENTLY IF EXISTS job_open;
CREATE INDEX CONCURRENTLY job_open ON job (account_id) WHERE state IN ('queued', 'running');
-- Refused and unconfirmed commands stay until somebody decides; the clean-up shall not come across them every time.
DROP INDEX CONCURRENTLY IF EXISTS command_ended;
CREATE INDEX CONCURRENTLY command_ended ON command (done_at) WHERE state IN ('done', 'cancelled', 'expired', 'dropped');
DROP INDEX CONCURRENTLY IF EXISTS command_done;
