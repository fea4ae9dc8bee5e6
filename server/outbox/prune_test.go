package outbox_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/store/storetest"
)

// aPlan is a contact, a deal that names it, and an activity of the deal.
func aPlan(key ids.Key) []outbox.Command {
	plan := []outbox.Command{
		{Name: "contact", Params: map[string]any{"n": 0}},
		{Name: "deal", Params: map[string]any{"contact": map[string]any{"$from": "contact", "path": "item.id"}}},
		{Name: "activity", Params: map[string]any{"deal": map[string]any{"$from": "deal", "path": "item.id"}}},
	}
	for i := range plan {
		plan[i].Lane, plan[i].Key, plan[i].Kind, plan[i].Priority, plan[i].Plan = portal, key, "add", outbox.Live, "make"
	}
	return plan
}

// prune removes what ended more than ten days ago.
func (s *server) prune(t testing.TB) int64 {
	t.Helper()
	gone, err := s.db.Prune(t.Context(), "command", outbox.PruneSQL, (10 * 24 * time.Hour).Seconds())
	require.NoError(t, err)
	return gone
}

// TestTheCleanUpTearsNoPlanApart: a portal is blocked for eleven days in the middle of a plan, and a person takes a refused command up after as long. What the
// rest needs is still there. A plan that is over goes as a whole.
func TestTheCleanUpTearsNoPlanApart(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	s := start(t, storetest.URL(t), p, setup{})
	// (a) the lane fell asleep behind the contact; (b) the deal was refused; (c) all is done; (d) the last of it ended yesterday.
	s.exec(t, `INSERT INTO lane (account_id, kind, portal_id, asleep) VALUES (7, 'b24', 1, 'blocked')`)
	stopped, refused, over, late := s.enqueue(t, aPlan("client:1")...), s.enqueue(t, aPlan("client:2")...), s.enqueue(t, aPlan("client:3")...), s.enqueue(t, aPlan("client:4")...)
	alone := s.enqueue(t, add("chat:1", 0))
	for _, sql := range []string{
		`UPDATE command SET state = 'done', attempts = 1, result = '{"item":{"id":5}}', done_at = now() - interval '11 days' WHERE name = 'contact' OR key IN ('client:3', 'client:4', 'chat:1')`,
		`UPDATE command SET state = 'refused', attempts = 1, done_at = now() - interval '11 days' WHERE name = 'deal' AND key = 'client:2'`,
		`UPDATE command SET state = 'cancelled', done_at = now() - interval '11 days' WHERE name = 'activity' AND key = 'client:2'`,
		`UPDATE command SET state = 'dropped', done_at = now() - interval '1 day' WHERE name = 'activity' AND key = 'client:4'`,
	} {
		s.exec(t, sql)
	}
	require.Equal(t, int64(len(over)+len(alone)), s.prune(t), "what is over goes")
	require.NoError(t, s.Again(t.Context(), account, refused[1]))
	require.NoError(t, s.Again(t.Context(), account, late[2]))
	require.NoError(t, s.db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error { return s.Resume(ctx, tx, account, portal) }))
	s.Wake(account, portal)
	s.rests(t, 20*time.Second)
	for _, plan := range [][]ids.CommandID{stopped, refused, late} {
		for _, id := range plan {
			require.Equal(t, "done", s.state(t, id))
		}
	}
	require.Len(t, p.seen(), 5)
	for _, e := range p.seen() {
		require.NotContains(t, string(e.Params), "$from")
	}
	require.Zero(t, s.prune(t))
	s.exec(t, `UPDATE command SET done_at = now() - interval '11 days'`)
	require.Equal(t, int64(9), s.prune(t), "later they go as wholes")
}

// TestTheCleanUpGoesByIndexes: among very many commands, also of plans that are kept because somebody has to decide, the clean-up walks over what is to go only.
func TestTheCleanUpGoesByIndexes(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	s := start(t, storetest.URL(t), p, setup{})
	s.exec(t, `INSERT INTO lane (account_id, kind, portal_id, asleep) VALUES (7, 'b24', 1, 'blocked')`)
	s.exec(t, `INSERT INTO command (account_id, uid, lane_id, plan_id, plan, siblings, name, key, kind, params, priority, state, done_at)
		SELECT 7, gen_random_uuid(), (SELECT id FROM lane), md5((n / 3)::text)::uuid, 'make', 3, 'c' || n % 3, 'client:' || n / 3, 'add', '{}', 2,
			CASE WHEN n % 300 = 0 THEN 'refused' ELSE 'done' END, now() - interval '5 days' - n * interval '12 seconds' FROM generate_series(0, 59999) n`)
	var plan []string
	require.NoError(t, s.db.AsSystem(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `ANALYZE command`); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) `+outbox.PruneSQL, int64(2000), (10 * 24 * time.Hour).Seconds())
		if err != nil {
			return err
		}
		plan, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	}))
	text := strings.Join(plan, "\n")
	require.Contains(t, text, "command_ended", text)
	require.Contains(t, text, "command_plan", text)
	require.NotContains(t, text, "Seq Scan", text)
	var left, torn int
	for s.prune(t) > 0 { //nolint:revive // until nothing is left to remove
	}
	s.query(t, `SELECT count(*) FROM command WHERE done_at < now() - interval '10 days'`, &left)
	s.query(t, `SELECT count(*) FROM (SELECT plan_id FROM command GROUP BY plan_id HAVING count(*) < 3) p`, &torn)
	require.Zero(t, torn)
	require.Positive(t, left, "plans with a refused command are kept")
	require.Less(t, left, 1000)
}
