package account_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/account"
	"omni/server/account/accounttest"
)

// TestLanesThatDoNotGoWithTheirPortal: a change that nobody was told of, because the server died after its commit, is told by the keeper.
func TestLanesThatDoNotGoWithTheirPortal(t *testing.T) {
	t.Parallel()
	s := accounttest.New(t, "north", "south")
	north, south := s.Opened("north"), s.Opened("south")
	lane := func(p account.Portal, asleep *string) {
		require.NoError(t, s.DB.InAccount(t.Context(), p.Account, func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `WITH l AS (INSERT INTO lane (account_id, kind, portal_id, asleep) VALUES ($1, 'b24', $2, $3) RETURNING id)
				INSERT INTO command (account_id, uid, lane_id, plan_id, plan, key, kind, params, priority, independent)
				SELECT $1, gen_random_uuid(), id, gen_random_uuid(), '', 'chat:1', 'profile', '{}', 1, true FROM l`, int64(p.Account), int64(p.ID), asleep)
			return err
		}))
	}
	lane(north.Portal, nil)
	lane(south.Portal, nil)
	var told []account.Portal
	keeper := account.NewKeeper(account.New(account.Options{DB: s.DB, Clock: s.Clock, Keys: s.Keys, B24: s.B24, Guard: s.Guard, Changed: func(p account.Portal) { told = append(told, p) }}))
	look := func(sleepers bool) []account.Portal {
		told = nil
		require.NoError(t, keeper.Agree(t.Context(), sleepers))
		return told
	}
	require.Empty(t, look(true), "both work and are awake")

	handle(s, appEvent(s, "ONAPPUNINSTALL", north.Portal, "data[CLEAN]=0"))
	gone := look(false)
	require.Len(t, gone, 1, "its commands are to end")
	require.Equal(t, north.Portal.Ref(), gone[0].Ref())
	require.Equal(t, account.Uninstalled, gone[0].State)

	exec := func(p account.Portal, query string) {
		require.NoError(t, s.DB.InAccount(t.Context(), p.Account, func(ctx context.Context, tx pgx.Tx) error { _, err := tx.Exec(ctx, query); return err }))
	}
	exec(north.Portal, `UPDATE command SET state = 'dropped'`)
	require.Empty(t, look(true))
	exec(south.Portal, `UPDATE lane SET asleep = 'no_token'`)
	require.Empty(t, look(false))
	asleep := look(true)
	require.Len(t, asleep, 1, "it works and its lane sleeps")
	require.Equal(t, south.Portal.Ref(), asleep[0].Ref())
}
