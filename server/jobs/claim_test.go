package jobs_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"omni/server/clock"
	"omni/server/ids"
	"omni/server/jobs"
	"omni/server/store/storetest"
)

// TestPlaceFreedMeanwhile: a job that ends just while another of its kind is queued never makes the queuing fail, and two are never in one place.
func TestPlaceFreedMeanwhile(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	db := storetest.Open(t, url)
	require.NoError(t, jobs.Migrate(t.Context(), db.Pool()))
	runner, err := jobs.New(t.Context(), url, jobs.Options{DB: db, Clock: clock.System{}, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	const account = ids.AccountID(1)
	ctx, stop := context.WithCancel(t.Context())
	var work, ends errgroup.Group
	ends.Go(func() error {
		for ctx.Err() == nil {
			err := db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
				_, err := tx.Exec(ctx, `UPDATE job SET state = 'done' WHERE account_id = 1 AND state = 'queued'`)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	for range 3 {
		work.Go(func() error {
			for range 300 {
				err := db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
					_, err := runner.Enqueue(ctx, tx, account, "directories", nil)
					return err
				})
				if err != nil && !errors.Is(err, jobs.ErrRunning) {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, work.Wait())
	stop()
	require.NoError(t, ends.Wait())
}
