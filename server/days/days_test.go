package days_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/clock"
	"omni/server/days"
	"omni/server/store"
	"omni/server/store/storetest"
)

func insert(ctx context.Context, db *store.DB, at time.Time) error {
	return db.InAccount(ctx, 1, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO reason (account_id, ref, code, args, created_at) VALUES (1, 'chat:1', 'x', '{}', $1)`, at)
		return err
	})
}

func partitions(t *testing.T, db *store.DB, table string) map[string]bool {
	t.Helper()
	rows, err := db.Pool().Query(t.Context(), `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = $1::text::regclass`, table)
	require.NoError(t, err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	have := map[string]bool{}
	for _, name := range list {
		have[name] = true
	}
	return have
}

// Several servers keep the same tables while rows come in without a pause and a reader holds everything up; weeks pass. No insert fails or waits
// long, days are there before they begin, old ones are gone, and no row younger than what is kept is lost.
func TestDaysComeAndGoUnderLoad(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	db := storetest.Open(t, url)
	clk := clock.NewShifted(clock.System{})
	keep := 48 * time.Hour
	tables := []days.Table{{Name: "reason", Keep: keep}, {Name: "feed", Keep: keep}}
	keepers := []*days.Keeper{}
	for range 3 {
		keepers = append(keepers, days.New(storetest.Open(t, url), clk, slog.New(slog.DiscardHandler), tables...))
	}
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	var written atomic.Int64
	for range 3 {
		load.Go(func() {
			for ctx.Err() == nil {
				if err := insert(context.WithoutCancel(ctx), db, clk.Now()); err != nil {
					t.Errorf("an insert failed: %v", err)
					return
				}
				written.Add(1)
			}
		})
	}
	for range 12 {
		var round sync.WaitGroup
		for _, k := range keepers {
			round.Go(func() {
				if err := k.Round(ctx); err != nil {
					t.Errorf("a round failed: %v", err)
				}
			})
		}
		round.Wait()
		before := written.Load()
		require.Eventually(t, func() bool { return written.Load() > before+5 }, 20*time.Second, time.Millisecond)
		clk.Advance(36 * time.Hour)
	}
	stop()
	load.Wait()
	require.NoError(t, keepers[0].Round(t.Context()))
	for _, table := range []string{"reason", "feed"} {
		have := partitions(t, db, table)
		for n := range days.Ahead + 1 {
			require.Contains(t, have, table+clk.Now().AddDate(0, 0, n).Format("_20060102"))
		}
		require.LessOrEqual(t, len(have), days.Ahead+1+3+1, "%v", have)
	}
	require.NoError(t, db.AsSystem(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		var young, stray int64
		require.NoError(t, tx.QueryRow(ctx, `SELECT count(*), (SELECT count(*) FROM reason_default) FROM reason WHERE created_at >= $1`, clk.Now().Add(-keep)).Scan(&young, &stray))
		require.Positive(t, young)
		require.Zero(t, stray, "each day was there before it began, or took its rows along")
		return nil
	}))
}

// A reader that holds the table up makes a round wait, but not those behind it.
func TestAWaitingRoundLetsOthersPass(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	clk := clock.NewFixed(time.Now().AddDate(1, 0, 0))
	k := days.New(db, clk, slog.New(slog.DiscardHandler), days.Table{Name: "reason", Keep: time.Hour})
	reader, err := db.Pool().Acquire(store.WithSystem(t.Context()))
	require.NoError(t, err)
	defer reader.Release()
	tx, err := reader.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `SELECT count(*) FROM reason`)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- k.Round(ctx) }()
	for range 50 { // the round holds the table for 200 ms at most, and then makes way
		require.NoError(t, insert(t.Context(), db, clk.Now()))
	}
	require.NoError(t, tx.Rollback(t.Context()))
	require.NoError(t, <-done)
	cancel()
	have := partitions(t, db, "reason")
	require.Contains(t, have, "reason"+clk.Now().Format("_20060102"))
	require.Len(t, have, days.Ahead+2, "the first partition is gone: %v", have)
}

// A row whose day nobody made is kept in the default partition and goes when it is old.
func TestRowsWithoutADay(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	clk := clock.NewFixed(time.Now().AddDate(1, 0, 0))
	require.NoError(t, insert(t.Context(), db, clk.Now().AddDate(0, 0, -20)))
	require.NoError(t, insert(t.Context(), db, clk.Now().AddDate(0, 0, -2)))
	require.NoError(t, insert(t.Context(), db, clk.Now()))
	require.NoError(t, days.New(db, clk, slog.New(slog.DiscardHandler), days.Table{Name: "reason", Keep: 72 * time.Hour}).Round(t.Context()))
	require.NoError(t, db.AsSystem(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		var left, all int
		require.NoError(t, tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM reason_default), (SELECT count(*) FROM reason)`).Scan(&left, &all))
		require.Equal(t, []int{1, 2}, []int{left, all})
		return nil
	}))
}
