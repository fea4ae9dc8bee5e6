package outbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/store"
	"omni/server/store/storetest"
)

// Counts, gauges, lists and clean-ups do not walk over what is done: however much of it is kept, they cost what is open.
func TestNothingFinishedIsWalkedOver(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	watch := storetest.Open(t, url)
	require.NoError(t, watch.AsSystem(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO lane (account_id, id, kind, portal_id) SELECT a, a, 'b24', 1 FROM generate_series(1, 20) a;
			INSERT INTO command (account_id, lane_id, uid, plan_id, plan, key, kind, params, priority, state, attempts, independent, done_at)
				SELECT 1 + n % 20, 1 + n % 20, gen_random_uuid(), gen_random_uuid(), '', 'chat:' || n, 'x', '{}', 1, 'done', 1, n % 3 = 0, now() - interval '1 day' FROM generate_series(1, 60000) n;
			INSERT INTO command (account_id, lane_id, uid, plan_id, plan, key, kind, params, priority, state, attempts, independent, done_at)
				SELECT 1 + n % 20, 1 + n % 20, gen_random_uuid(), gen_random_uuid(), '', 'chat:' || n, 'x', '{}', 1, (ARRAY['ready', 'sent', 'unclear', 'refused', 'unconfirmed'])[1 + n % 5], 1, n % 2 = 0,
				CASE WHEN n % 5 > 2 THEN now() - interval '20 days' END FROM generate_series(1, 100) n;
			INSERT INTO inbox (account_id, key, kind, natural_id, body, received_at, due_at, done_at)
				SELECT 1 + n % 20, 'chat:' || n, 'x', 'n' || n, '{}', now(), now(), now() - interval '1 day' FROM generate_series(1, 60000) n;
			INSERT INTO inbox (account_id, key, kind, body, received_at, due_at, deferred, aside_at)
				SELECT 1 + n % 20, 'chat:' || n, 'x', '{}', now(), now() - interval '1 minute', n % 4 = 1, CASE WHEN n % 4 = 2 THEN now() END FROM generate_series(1, 40) n`)
		return err
	}))
	_, err := watch.Pool().Exec(store.WithSystem(t.Context()), `ANALYZE command; ANALYZE inbox`)
	require.NoError(t, err)

	read := func() (walked, looked int64) {
		require.NoError(t, watch.Pool().QueryRow(store.WithSystem(t.Context()),
			`SELECT sum(seq_tup_read), sum(idx_scan) FROM pg_stat_user_tables WHERE relname IN ('command', 'inbox')`).Scan(&walked, &looked))
		return
	}
	require.Eventually(t, func() bool { // the statistics come late
		var inserted int64
		require.NoError(t, watch.Pool().QueryRow(store.WithSystem(t.Context()), `SELECT sum(n_tup_ins) FROM pg_stat_user_tables WHERE relname IN ('command', 'inbox')`).Scan(&inserted))
		return inserted == 60000+100+60000+40
	}, 30*time.Second, 50*time.Millisecond)
	before, looks := read()

	db, err := store.Open(t.Context(), url, store.Options{})
	require.NoError(t, err)
	limits := func(ids.AccountID, outbox.LaneRef) outbox.Limits { return outbox.LimitsB24(50, 2) }
	c, err := outbox.Count(t.Context(), db)
	require.NoError(t, err)
	require.Equal(t, outbox.Counts{Outbox: 20, InFlight: 20, Unclear: 20, Refused: 40}, c)
	in, err := inbox.Count(t.Context(), db, time.Now())
	require.NoError(t, err)
	require.Equal(t, []int64{20, 10, 10}, []int64{in.Inbox, in.Deferred, in.Aside})
	require.NotNil(t, in.OldestDue)
	require.NoError(t, db.AsSystem(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		gauges, err := outbox.Gauges(ctx, tx, 0, time.Now(), limits)
		require.Len(t, gauges, 20)
		var ready, sent, unclear int64
		for _, g := range gauges {
			ready, sent, unclear = ready+g.Ready, sent+g.InFlight, unclear+g.Unclear
			require.Equal(t, g.Ready > 0, !g.OldestReady.IsZero())
		}
		require.Equal(t, []int64{20, 20, 20}, []int64{ready, sent, unclear})
		return err
	}))
	require.NoError(t, db.InAccount(t.Context(), 4, func(ctx context.Context, tx pgx.Tx) error {
		gauges, err := outbox.Gauges(ctx, tx, 4, time.Now(), limits)
		require.NoError(t, err)
		require.Len(t, gauges, 1)
		list, err := outbox.List(ctx, tx, 4, "refused", "", 0, 50)
		require.Len(t, list, 5)
		require.NoError(t, err)
		_, err = outbox.List(ctx, tx, 4, "", "chat:3", 0, 50)
		require.NoError(t, err)
		_, err = inbox.Replay(ctx, tx, 4, "chat:999", time.Now())
		return err
	}))
	for _, sql := range []string{outbox.PruneSQL, inbox.PruneSQL} {
		age := any(time.Now().AddDate(0, 0, -10))
		if sql == outbox.PruneSQL {
			age = (10 * 24 * time.Hour).Seconds()
		}
		gone, err := db.Prune(t.Context(), "x", sql, age)
		require.NoError(t, err)
		require.Zero(t, gone, "refused ones stay, young ones too")
	}
	db.Close() // which tells the statistics
	require.Eventually(t, func() bool { _, now := read(); return now >= looks+12 }, 30*time.Second, 50*time.Millisecond)
	after, _ := read()
	require.Equal(t, before, after, "something walked over whole tables")
}
