package inbox_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/inbox"
	"omni/server/store"
)

// While many old rows are removed, by two servers at once, senders repeat what is younger than ten days and send new things: no repeat has an effect,
// nothing new is missed, and no statement waits for the clean-up.
func TestRepeatsAreRecognisedDuringTheCleanUp(t *testing.T) {
	t.Parallel()
	b := setup(t, noteBody)
	const old, young = 30_000, 300
	require.NoError(t, b.db.AsSystem(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO inbox (account_id, key, kind, natural_id, body, received_at, due_at, done_at)
			SELECT 1, 'chat:' || n % 50, 'test', CASE WHEN n > $1::int THEN 'young' ELSE 'old' END || n, 'x', t, t, t FROM (
				SELECT n, $3::timestamptz - CASE WHEN n > $1::int THEN interval '9 days 23 hours' ELSE interval '10 days 1 minute' END AS t FROM generate_series(1, $1::int + $2::int) n) r`, old, young, b.clock.Now())
		return err
	}))
	var cleaning, sending sync.WaitGroup
	gone := make([]int64, 2)
	failures := make([]error, 3)
	for server := range gone {
		cleaning.Go(func() {
			gone[server], failures[server] = b.db.Prune(t.Context(), "inbox", inbox.PruneSQL, b.clock.Now().AddDate(0, 0, -10))
		})
	}
	sending.Go(func() {
		for n := old + 1; n <= old+young && failures[2] == nil; n++ {
			failures[2] = b.intake.Accept(t.Context(), row(1, fmt.Sprint("chat:", n%50), fmt.Sprint("young", n), "again"), row(1, "chat:7", fmt.Sprint("new", n), "new"))
		}
	})
	sending.Wait()
	cleaning.Wait()
	for _, err := range failures {
		require.NoError(t, err)
	}
	for rest := int64(1); rest > 0; { // whoever found the other at it left it to him
		var err error
		rest, err = b.db.Prune(t.Context(), "inbox", inbox.PruneSQL, b.clock.Now().AddDate(0, 0, -10))
		require.NoError(t, err)
		gone[0] += rest
	}
	require.Equal(t, int64(old), gone[0]+gone[1])
	require.Eventually(t, func() bool { return len(b.all()) == young }, 20*time.Second, 5*time.Millisecond)
	for _, seen := range b.all() {
		require.Equal(t, "1 chat:7 new", seen)
	}
	var left int
	require.NoError(t, b.db.Pool().QueryRow(store.WithSystem(t.Context()), `SELECT count(*) FROM inbox`).Scan(&left))
	require.Equal(t, 2*young, left)
}
