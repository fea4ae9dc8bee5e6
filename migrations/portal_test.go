package migrations_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/migrations"
	"omni/server/store"
	"omni/server/store/storetest"
)

// oldRequest is how a server of the version before writes into the log of requests.
const oldRequest = `INSERT INTO exchange (account_id, portal_id, created_at, kind, took_ms, commands, failed, methods, refs, body) VALUES (7, NULLIF($1, 0), $2, 'b24', 1, 1, 0, '{}', '{}', 'x')`

// Servers of the old version go on writing while the log of requests gets its index by portal, and make days afterwards; every day has it.
func TestTheLogGetsAnIndexByPortalUnderAnOldServer(t *testing.T) {
	t.Parallel()
	url := storetest.Empty(t)
	require.NoError(t, migrations.UpTo(t.Context(), url, 140))
	db := storetest.Open(t, url)
	today := time.Now().UTC().Truncate(24 * time.Hour)
	day := func(d time.Time) {
		require.NoError(t, db.AsSystem(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `SELECT omni_day_make('exchange', $1::date)`, d)
			return err
		}))
	}
	day(today)
	day(today.AddDate(0, 0, -1))
	write := func(ctx context.Context, n int) error {
		return db.InAccount(ctx, 7, func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, oldRequest, n%3, today.AddDate(0, 0, -n%3))
			return err
		})
	}
	for n := range 300 {
		require.NoError(t, write(t.Context(), n))
	}
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for n := w; ctx.Err() == nil; n++ {
				if err := write(context.WithoutCancel(ctx), n); err != nil {
					t.Errorf("an old server's request was not logged: %v", err)
					return
				}
			}
		})
	}
	require.NoError(t, migrations.Up(t.Context(), url, quiet()))
	stop()
	writers.Wait()
	day(today.AddDate(0, 0, 1))
	var without []string
	var valid bool
	ctx = store.WithSystem(t.Context())
	require.NoError(t, db.Pool().QueryRow(ctx, `SELECT array_agg(i.inhrelid::regclass::text) FROM pg_inherits i WHERE i.inhparent = 'exchange'::regclass AND NOT EXISTS (
		SELECT FROM pg_index x JOIN pg_inherits a ON a.inhrelid = x.indexrelid WHERE x.indrelid = i.inhrelid AND a.inhparent = 'exchange_portal'::regclass AND x.indisvalid)`).Scan(&without))
	require.Empty(t, without, "each day has it")
	require.NoError(t, db.Pool().QueryRow(ctx, `SELECT indisvalid FROM pg_index WHERE indexrelid = 'exchange_portal'::regclass`).Scan(&valid))
	require.True(t, valid)
	var parts int
	require.NoError(t, db.Pool().QueryRow(ctx, `SELECT count(*) FROM pg_inherits WHERE inhparent = 'exchange'::regclass`).Scan(&parts))
	require.GreaterOrEqual(t, parts, 4)
}
