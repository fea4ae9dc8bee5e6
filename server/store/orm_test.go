package store_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"omni/server/store"
	"omni/server/store/storetest"
)

// note is a model as rooms with GORM write them.
type note struct {
	AccountID int64 `gorm:"primaryKey"`
	ID        int64 `gorm:"primaryKey;autoIncrement"`
	Text      string
}

// TableName implements GORM's Tabler.
func (note) TableName() string { return "note" }

func TestUnitIsOneTransactionForGORMAndPgx(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	addNotes(t, db)
	broken := errors.New("broken")

	err := db.InAccountORM(t.Context(), 7, func(ctx context.Context, unit *store.Unit) error {
		require.NoError(t, unit.ORM.Create(&note{AccountID: 7, Text: "by GORM"}).Error)
		require.Equal(t, []string{"by GORM", "seven"}, notes(ctx, t, unit.Tx), "pgx sees what GORM wrote")
		require.NoError(t, write(ctx, unit.Tx, 7, "by pgx"))
		var all []note
		require.NoError(t, unit.ORM.Where("account_id = ?", 7).Order("text").Find(&all).Error)
		require.Len(t, all, 3, "and the other way round")
		return broken
	})
	require.ErrorIs(t, err, broken)
	require.Equal(t, []string{"seven"}, notes(store.WithAccount(t.Context(), 7), t, db.Pool()), "one rollback for both")

	require.NoError(t, db.InAccountORM(t.Context(), 7, func(ctx context.Context, unit *store.Unit) error {
		return errors.Join(unit.ORM.Create(&note{AccountID: 7, Text: "by GORM"}).Error, write(ctx, unit.Tx, 7, "by pgx"))
	}))
	require.Equal(t, []string{"by GORM", "by pgx", "seven"}, notes(store.WithAccount(t.Context(), 7), t, db.Pool()))
	require.Zero(t, db.Pool().Stat().AcquiredConns(), "all connections are back")
}

func TestUnitStandsBehindTheWall(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	addNotes(t, db)
	require.NoError(t, db.InAccountORM(t.Context(), 8, func(_ context.Context, unit *store.Unit) error {
		var all []note
		require.NoError(t, unit.ORM.Find(&all).Error)
		require.Len(t, all, 1)
		require.Equal(t, "eight", all[0].Text)
		return nil
	}))
	require.NoError(t, db.AsSystemORM(t.Context(), func(_ context.Context, unit *store.Unit) error {
		var count int64
		require.NoError(t, unit.ORM.Model(&note{}).Count(&count).Error)
		require.EqualValues(t, 2, count)
		return nil
	}))
	err := db.InAccountORM(t.Context(), 7, func(_ context.Context, unit *store.Unit) error {
		return unit.ORM.Create(&note{AccountID: 8, Text: "smuggled"}).Error
	})
	require.ErrorContains(t, err, "row-level security")
}

// A nested gorm.Transaction must neither commit nor roll back the outer one.
func TestNestedTransactionIsASavepoint(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	addNotes(t, db)
	broken := errors.New("broken")
	err := db.InAccountORM(t.Context(), 7, func(ctx context.Context, unit *store.Unit) error {
		require.NoError(t, unit.ORM.Transaction(func(orm *gorm.DB) error {
			return orm.Create(&note{AccountID: 7, Text: "nested"}).Error
		}))
		require.ErrorIs(t, unit.ORM.Transaction(func(orm *gorm.DB) error {
			require.NoError(t, orm.Create(&note{AccountID: 7, Text: "undone"}).Error)
			return broken
		}), broken)
		require.NoError(t, unit.ORM.CreateInBatches([]note{{AccountID: 7, Text: "a"}, {AccountID: 7, Text: "b"}}, 1).Error)
		require.Equal(t, []string{"a", "b", "nested", "seven"}, notes(ctx, t, unit.Tx))
		return broken
	})
	require.ErrorIs(t, err, broken)
	require.Equal(t, []string{"seven"}, notes(store.WithAccount(t.Context(), 7), t, db.Pool()), "nothing nested was committed")
}

func TestUnitEndsItsOwnTransaction(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	addNotes(t, db)
	require.NoError(t, db.InAccountORM(t.Context(), 7, func(ctx context.Context, unit *store.Unit) error {
		require.ErrorIs(t, unit.ORM.Session(&gorm.Session{}).Commit().Error, store.ErrUnitEnds)
		require.ErrorIs(t, unit.ORM.Session(&gorm.Session{}).Rollback().Error, store.ErrUnitEnds)
		require.Error(t, unit.ORM.Session(&gorm.Session{}).Begin().Error)
		return write(ctx, unit.Tx, 7, "still open")
	}))
	require.Equal(t, []string{"seven", "still open"}, notes(store.WithAccount(t.Context(), 7), t, db.Pool()))
}

func TestUnitRollsBackAfterAPanic(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	addNotes(t, db)
	require.Panics(t, func() {
		_ = db.InAccountORM(t.Context(), 7, func(ctx context.Context, unit *store.Unit) error {
			require.NoError(t, write(ctx, unit.Tx, 7, "no"))
			panic("bug")
		})
	})
	require.Equal(t, []string{"seven"}, notes(store.WithAccount(t.Context(), 7), t, db.Pool()))
	require.Zero(t, db.Pool().Stat().AcquiredConns())
}

func TestStatementsAreLoggedWithoutValues(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	url := storetest.URL(t)
	db, err := store.Open(t.Context(), url, store.Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	addNotes(t, db)
	_ = db.InAccountORM(t.Context(), 7, func(ctx context.Context, unit *store.Unit) error {
		require.NoError(t, unit.ORM.Create(&note{AccountID: 7, Text: "hunter2"}).Error)
		require.NoError(t, unit.ORM.Where("text = ?", "hunter2").Find(&[]note{}).Error)
		return unit.ORM.Create(&note{AccountID: 7, Text: "hunter2"}).Error
	})
	require.Contains(t, log.String(), "INSERT INTO")
	require.NotContains(t, log.String(), "hunter2")
	require.Equal(t, []string{"seven"}, notes(store.WithAccount(t.Context(), 7), t, db.Pool()))
}

// Transactions of both kinds cost what a bare one costs: one message to begin, one to commit.
func BenchmarkTransaction(b *testing.B) {
	db := storetest.New(b)
	work := func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "select $1::bigint", 7)
		return err
	}
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, pgx.BeginFunc(b.Context(), db.Pool(), func(tx pgx.Tx) error { return work(b.Context(), tx) }))
		}
	})
	b.Run("account", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, db.InAccount(b.Context(), 7, work))
		}
	})
	b.Run("unit", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, db.InAccountORM(b.Context(), 7, func(ctx context.Context, unit *store.Unit) error { return work(ctx, unit.Tx) }))
		}
	})
}
