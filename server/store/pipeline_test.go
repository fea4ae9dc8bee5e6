package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/ids"
	"omni/server/store"
	"omni/server/store/storetest"
)

const insertNote = "insert into note (account_id, text) values ($1, $2)"

// piped runs a transaction that writes one note first, one in the middle and one last, and tells what the middle saw.
func piped(ctx context.Context, t *testing.T, db *store.DB, firstText, lastText string, fail error) (seen []string, err error) {
	t.Helper()
	err = db.InAccountPiped(ctx, 7, func(batch *pgx.Batch) { batch.Queue(insertNote, 7, firstText) },
		func(ctx context.Context, tx pgx.Tx, last *pgx.Batch) error {
			seen = notes(ctx, t, tx)
			if err := write(ctx, tx, 7, firstText+" middle"); err != nil {
				return err
			}
			last.Queue(insertNote, 7, lastText)
			return fail
		})
	return seen, err
}

func TestPipedIsOneTransactionOfItsAccount(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	addNotes(t, db)
	all := func() []string { return notes(store.WithSystem(t.Context()), t, db.Pool()) }
	before := all()

	broken := errors.New("broken")
	_, err := piped(t.Context(), t, db, "a", "z", broken)
	require.ErrorIs(t, err, broken)
	require.Equal(t, before, all(), "the function's error rolls everything back")

	_, err = piped(t.Context(), t, db, "a", "seven", nil)
	require.True(t, store.IsUnique(err, "note_text"), "%v", err)
	require.Equal(t, before, all(), "COMMIT does not happen after a last statement that failed")

	_, err = piped(t.Context(), t, db, "seven", "z", nil)
	require.True(t, store.IsUnique(err, "note_text"), "%v", err)
	require.Equal(t, before, all())

	seen, err := piped(t.Context(), t, db, "a", "z", nil)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "seven"}, seen, "its account only, with what came first")
	require.Equal(t, []string{"a", "a middle", "eight", "seven", "z"}, all())
	require.Zero(t, db.Pool().Stat().AcquiredConns(), "all connections are back")

	require.Panics(t, func() {
		_ = db.InAccountPiped(t.Context(), 7, func(batch *pgx.Batch) { batch.Queue(insertNote, 7, "never") },
			func(context.Context, pgx.Tx, *pgx.Batch) error { panic("bug") })
	})
	require.NotContains(t, all(), "never")
	require.Zero(t, db.Pool().Stat().AcquiredConns())
}

func TestPipedHasSavepointsAndRefusesASecondConnection(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	addNotes(t, db)
	nothing := func(*pgx.Batch) {}
	require.NoError(t, db.InAccountPiped(t.Context(), 7, nothing, func(ctx context.Context, tx pgx.Tx, _ *pgx.Batch) error {
		require.ErrorIs(t, db.InAccountPiped(ctx, 7, nothing, nil), store.ErrInTransaction)
		require.Error(t, tx.Commit(ctx))
		inner, err := tx.Begin(ctx)
		require.NoError(t, err)
		require.True(t, store.IsUnique(write(ctx, inner, 7, "seven"), "note_text"))
		require.NoError(t, inner.Rollback(ctx))
		inner, err = tx.Begin(ctx)
		require.NoError(t, err)
		require.NoError(t, write(ctx, inner, 7, "kept"))
		require.NoError(t, inner.Commit(ctx))
		require.ErrorIs(t, inner.Rollback(ctx), pgx.ErrTxClosed)
		return nil
	}))
	require.Contains(t, notes(store.WithSystem(t.Context()), t, db.Pool()), "kept")
}

func TestPipelinedEachKeepsTheWallBetweenItsAccounts(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	addNotes(t, db)
	send := func(texts map[ids.AccountID]string, as map[ids.AccountID]int64) error {
		return db.PipelinedEach(t.Context(), func(at func(ids.AccountID) *pgx.Batch) {
			for account, text := range texts {
				at(account).Queue(insertNote, as[account], text)
			}
		})
	}
	require.NoError(t, send(map[ids.AccountID]string{7: "one", 8: "two"}, map[ids.AccountID]int64{7: 7, 8: 8}))
	all := notes(store.WithSystem(t.Context()), t, db.Pool())
	require.Subset(t, all, []string{"one", "two"})
	require.Error(t, send(map[ids.AccountID]string{7: "three", 8: "four"}, map[ids.AccountID]int64{7: 7, 8: 7}), "a row of another account is refused")
	require.Equal(t, all, notes(store.WithSystem(t.Context()), t, db.Pool()), "and nothing of that batch stays")
}
