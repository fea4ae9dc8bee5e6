-- +goose NO TRANSACTION
-- +goose Up
-- The requests of one portal are found by an index, whatever the log holds. Each day gets it in a transaction of its own, so nobody who writes waits for more
-- than one day's; the log of requests holds in memory what cannot be written for a while, and nothing else waits for it. Days made later, also by servers of
-- the old version, get it with the table. All of this may be run again, should a server die in between.
CREATE INDEX IF NOT EXISTS exchange_portal ON ONLY exchange (account_id, portal_id, id) WHERE portal_id IS NOT NULL;
-- +goose StatementBegin
DO $$
DECLARE
    part text;
BEGIN
    LOOP
        SELECT c.relname INTO part FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'exchange'::regclass AND NOT EXISTS (
            SELECT FROM pg_index x JOIN pg_inherits a ON a.inhrelid = x.indexrelid WHERE x.indrelid = c.oid AND a.inhparent = 'exchange_portal'::regclass)
            ORDER BY c.relname LIMIT 1;
        EXIT WHEN part IS NULL;
        BEGIN
            EXECUTE format('CREATE INDEX %I ON %I (account_id, portal_id, id) WHERE portal_id IS NOT NULL', part || '_portal', part);
            EXECUTE format('ALTER INDEX exchange_portal ATTACH PARTITION %I', part || '_portal');
        EXCEPTION WHEN undefined_table OR undefined_object THEN
            NULL; -- the day was dropped meanwhile
        END;
        COMMIT;
    END LOOP;
END
$$;
-- +goose StatementEnd
