package migrations_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/migrations"
	"omni/server/store"
	"omni/server/store/storetest"
)

// What a server of the version before the days does with feed and reasons.
const (
	oldReason = `INSERT INTO reason (account_id, ref, code, args, settings_version, created_at) VALUES ($1, $2, $3, $4, NULLIF($5, 0), $6)`
	oldFeed   = `WITH head AS (
		INSERT INTO feed_head (account_id, seq) VALUES ($1, $2) ON CONFLICT (account_id) DO UPDATE SET seq = feed_head.seq + $2 RETURNING seq)
		INSERT INTO feed (account_id, seq, name, data, employee, created_at)
		SELECT $1, head.seq - $2 + e.n, e.name, e.data::jsonb, NULLIF(e.employee, 0), $6
		FROM head, unnest($3::text[], $4::text[], $5::bigint[]) WITH ORDINALITY AS e(name, data, employee, n)`
)

func oldStep(ctx context.Context, db *store.DB, n int, at time.Time) error {
	return db.InAccount(ctx, 7, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, oldReason, int64(7), fmt.Sprintf("chat:%d", n%3), "code", `{"n":1}`, 2, at); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, oldFeed, int64(7), 1, []string{"chat.added"}, []string{fmt.Sprintf(`{"n":%d}`, n)}, []int64{0}, at)
		return err
	})
}

// Servers of the old version go on writing while feed and reasons become tables of days, and afterwards; nothing of what they wrote is lost.
func TestFeedAndReasonsBecomeDaysUnderAnOldServer(t *testing.T) {
	t.Parallel()
	url := storetest.Empty(t)
	require.NoError(t, migrations.UpTo(t.Context(), url, 69))
	db := storetest.Open(t, url)
	now := time.Now().UTC()
	for n := range 300 { // the last two days and this minute
		require.NoError(t, oldStep(t.Context(), db, n, now.Add(-time.Duration(n)*10*time.Minute)))
	}
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	var mu sync.Mutex
	written := 300
	for w := range 3 {
		writers.Go(func() {
			for n := w; ctx.Err() == nil; n += 3 {
				if err := oldStep(context.WithoutCancel(ctx), db, n, time.Now()); err != nil {
					t.Errorf("an old server's step failed: %v", err)
					return
				}
				mu.Lock()
				written++
				mu.Unlock()
			}
		})
	}
	require.NoError(t, migrations.Up(t.Context(), url, quiet()))
	before := func() int { mu.Lock(); defer mu.Unlock(); return written }()
	require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return written > before+20 }, 20*time.Second, 5*time.Millisecond, "the old server goes on afterwards")
	stop()
	writers.Wait()

	require.NoError(t, db.InAccount(t.Context(), 7, func(ctx context.Context, tx pgx.Tx) error {
		var feed, first, last, reasons, ids int
		require.NoError(t, tx.QueryRow(ctx, `SELECT count(DISTINCT seq), min(seq), max(seq), (SELECT count(*) FROM reason), (SELECT count(DISTINCT id) FROM reason) FROM feed`).
			Scan(&feed, &first, &last, &reasons, &ids))
		require.Equal(t, []int{written, 1, written, written, written}, []int{feed, first, last, reasons, ids})
		var stray int
		require.NoError(t, tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM feed_default) + (SELECT count(*) FROM reason_default)`).Scan(&stray))
		require.Zero(t, stray, "the first partition takes them")
		_, err := tx.Exec(ctx, `DELETE FROM feed WHERE created_at < $1`, now.Add(-24*time.Hour)) // its clean-up
		return err
	}))
}

// A day's partition takes along what the default one has of it, stands behind the wall, and is not made twice. A crowd stays in the default.
func TestDaysAreMadeBehindTheWall(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	day := time.Date(2031, 5, 5, 12, 0, 0, 0, time.UTC)
	require.NoError(t, db.AsSystem(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO feed SELECT 1 + n % 2, n, 'x', '{}', NULL, $1::timestamptz + n * interval '1 day' FROM generate_series(0, 3) n`, day)
		require.NoError(t, err)
		_, err = tx.Exec(ctx, `INSERT INTO reason (account_id, ref, code, args, created_at) SELECT 1, 'chat:1', 'x', '{}', $1 FROM generate_series(1, 20001)`, day)
		require.NoError(t, err)
		for _, call := range []struct {
			table, day string
			made       bool
		}{{"feed", "2031-05-05", true}, {"feed", "2031-05-05", false}, {"feed", "2031-05-06", true}, {"feed", "2020-01-01", false}, {"reason", "2031-05-05", false}, {"exchange", "2020-01-01", true}} {
			var made bool
			require.NoError(t, tx.QueryRow(ctx, `SELECT omni_day_make($1::text::regclass, $2::date)`, call.table, call.day).Scan(&made))
			require.Equal(t, call.made, made, "%v", call)
		}
		var moved, left int
		require.NoError(t, tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM feed_20310505) + (SELECT count(*) FROM feed_20310506), (SELECT count(*) FROM feed_default)`).Scan(&moved, &left))
		require.Equal(t, []int{2, 2}, []int{moved, left})
		return nil
	}))
	require.Empty(t, openTables(t, db), "partitions without omni_tenant('…')")
	require.NoError(t, db.InAccount(t.Context(), 2, func(ctx context.Context, tx pgx.Tx) error {
		var direct, all int
		require.NoError(t, tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM feed_20310505), (SELECT count(*) FROM feed)`).Scan(&direct, &all))
		require.Equal(t, []int{0, 2}, []int{direct, all}, "asked directly, a day shows only the account's own rows")
		return nil
	}))
	require.NoError(t, db.AsSystem(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT omni_day_drop('feed_20310505')`)
		require.NoError(t, err)
		for _, wrong := range []string{"feed", "feed_default", "inbox"} {
			inner, err := tx.Begin(ctx)
			require.NoError(t, err)
			_, err = inner.Exec(ctx, `SELECT omni_day_drop($1::text::regclass)`, wrong)
			require.Error(t, err, wrong)
			require.NoError(t, inner.Rollback(ctx))
		}
		return nil
	}))
}

// A role that may only use the tables makes and drops days all the same.
func TestDaysNeedNoRightToChangeTheSchema(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	var rights bool
	require.NoError(t, db.Pool().QueryRow(store.WithSystem(t.Context()), `SELECT bool_and(prosecdef) FROM pg_proc WHERE proname IN ('omni_day_make', 'omni_day_drop')`).Scan(&rights))
	require.True(t, rights, "they run with the rights of the owner")
}
