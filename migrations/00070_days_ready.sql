-- +goose NO TRANSACTION
-- +goose Up
-- Feed and reasons become tables of days (00071). What takes time is done here, while servers go on writing: the keys that days need, and the
-- proof that every row so far lies before a boundary, so that the old tables become the first partition without being read or moved.
-- Every statement may be run again, should a server die in between.
DROP INDEX CONCURRENTLY IF EXISTS feed_day_key;
CREATE UNIQUE INDEX CONCURRENTLY feed_day_key ON feed (account_id, seq, created_at);
DROP INDEX CONCURRENTLY IF EXISTS reason_day_key;
CREATE UNIQUE INDEX CONCURRENTLY reason_day_key ON reason (account_id, id, created_at);
-- omni_lock_patiently locks tables against everybody, for the change that follows in the same transaction. Whoever works with them is let finish; the
-- others wait for us a moment only, then they come first and it tries again. 00071 drops it.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION omni_lock_patiently(tables text) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    FOR attempt IN 1..200 LOOP
        BEGIN
            SET LOCAL lock_timeout = '300ms';
            EXECUTE 'LOCK TABLE ' || tables || ' IN ACCESS EXCLUSIVE MODE';
            SET LOCAL lock_timeout = 0;
            RETURN;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            IF attempt = 200 THEN
                RAISE;
            END IF;
            PERFORM pg_sleep(0.2);
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd
-- The boundary is the end of tomorrow (UTC): until then the old tables take what comes, afterwards days do.
-- +goose StatementBegin
CREATE OR REPLACE PROCEDURE omni_bound(name text)
    LANGUAGE plpgsql AS $$
DECLARE
    newest timestamptz;
BEGIN
    PERFORM omni_lock_patiently(quote_ident(name));
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT IF EXISTS %I', name, name || '_before');
    EXECUTE format('SELECT max(created_at) FROM %I', name) INTO newest;
    EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I CHECK (created_at < %L) NOT VALID', name, name || '_before',
        to_char(date_trunc('day', greatest(newest, now()) AT TIME ZONE 'UTC') + interval '2 days', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'));
END
$$;
-- +goose StatementEnd
CALL omni_bound('feed');
CALL omni_bound('reason');
DROP PROCEDURE omni_bound;
ALTER TABLE feed VALIDATE CONSTRAINT feed_before;
ALTER TABLE reason VALIDATE CONSTRAINT reason_before;
