package jobs_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/clock"
	"omni/server/ids"
	"omni/server/jobs"
	"omni/server/store/storetest"
)

// TestJobsOfADeadServer: a job whose server is gone is taken up within two looks; one whose server lives is left alone.
func TestJobsOfADeadServer(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	db := storetest.Open(t, url)
	require.NoError(t, jobs.Migrate(t.Context(), db.Pool()))
	var orphaned, foreign atomic.Int64
	runner, err := jobs.New(t.Context(), url, jobs.Options{DB: db, Clock: clock.System{}, Log: slog.New(slog.DiscardHandler), Handlers: map[string]jobs.Handler{
		"orphaned": func(context.Context, *jobs.Job) (any, error) { orphaned.Add(1); return nil, nil },
		"foreign":  func(context.Context, *jobs.Job) (any, error) { foreign.Add(1); return nil, nil },
	}})
	require.NoError(t, err)
	const account = ids.AccountID(1)
	require.NoError(t, db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
		for _, kind := range []string{"orphaned", "foreign"} {
			if _, err := runner.Enqueue(ctx, tx, account, kind, nil); err != nil {
				return err
			}
		}
		for kind, server := range map[string]string{"orphaned": "gone", "foreign": "alive"} {
			if _, err := tx.Exec(ctx, `UPDATE river_job SET state = 'running', attempt = 1, attempted_at = now(), attempted_by = ARRAY[$1] WHERE args->>'name' = $2`, server, kind); err != nil {
				return err
			}
		}
		return nil
	}))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- storetest.Open(t, url).Hold(ctx, "omni jobs alive") }()
	require.Eventually(t, func() bool {
		held := false
		require.NoError(t, db.Pool().QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database() WHERE locktype = 'advisory')`).Scan(&held))
		return held
	}, 30*time.Second, 10*time.Millisecond)
	go func() { ended <- runner.Run(ctx) }()
	require.Eventually(t, func() bool { return orphaned.Load() == 1 }, time.Minute, 20*time.Millisecond, "the job of the dead server is done")
	require.Zero(t, foreign.Load(), "the job of the living one is his")
	stop()
	require.NoError(t, <-ended)
	require.NoError(t, <-ended)
}
