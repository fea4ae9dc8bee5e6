-- +goose Up
-- How many bytes of files an account keeps: the limit per account is checked without adding up its files.
CREATE TABLE file_usage (
    account_id bigint NOT NULL,
    bytes      bigint NOT NULL,
    PRIMARY KEY (account_id)
);
COMMENT ON COLUMN file_usage.bytes IS 'of complete files; set right by the clean-up, as an older server does not count';
SELECT omni_tenant('file_usage');
INSERT INTO file_usage (account_id, bytes) SELECT account_id, sum(size) FROM file WHERE state = 'ready' GROUP BY account_id;
