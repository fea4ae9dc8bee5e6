package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// rollbackTime bounds a rollback whose caller's context is already over.
const rollbackTime = 5 * time.Second

// InAccount runs fn in one READ COMMITTED transaction that sees only the rows of the account. BEGIN and the account's setting travel together,
// so the start costs one round trip. fn's error or panic rolls everything back. The context given to fn refuses further connections of the pool
// (ErrInTransaction).
func (db *DB) InAccount(ctx context.Context, account ids.AccountID, fn func(ctx context.Context, tx pgx.Tx) error) error {
	return db.transact(ctx, strconv.FormatInt(int64(account), 10), fn)
}

// AsSystem is InAccount for all accounts at once. Only sweeps, lanes and retention use it.
func (db *DB) AsSystem(ctx context.Context, fn func(ctx context.Context, tx pgx.Tx) error) error {
	return db.transact(ctx, everyAccount, fn)
}

func (db *DB) transact(ctx context.Context, setting string, fn func(context.Context, pgx.Tx) error) error {
	if scopeOf(ctx).inside {
		return ErrInTransaction
	}
	tx, err := db.pool.BeginTx(context.WithValue(ctx, scopeKey{}, scope{begins: true}), beginAs(setting))
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	return finish(ctx, tx, func() error { return fn(inside(ctx, setting), tx) })
}

// beginAs begins a transaction and sets its account in the same message. The setting is digits or "*".
func beginAs(setting string) pgx.TxOptions {
	return pgx.TxOptions{BeginQuery: "begin isolation level read committed; select set_config('omni.account', '" + setting + "', true)"}
}

func inside(ctx context.Context, setting string) context.Context {
	return context.WithValue(ctx, scopeKey{}, scope{setting: setting, inside: true})
}

// finish runs the work of a transaction and ends it: commit, or rollback after an error or a panic.
func finish(ctx context.Context, tx pgx.Tx, work func() error) error {
	committed := false
	defer func() {
		if committed {
			return
		}
		// The caller's context may be over, which is no reason to leave locks behind. A failed rollback closes the connection: the same effect.
		rollback, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTime)
		defer cancel()
		_ = tx.Rollback(rollback)
	}()
	if err := work(); err != nil {
		return err
	}
	err := tx.Commit(ctx)
	committed = err == nil || errors.Is(err, pgx.ErrTxCommitRollback)
	if err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	return nil
}
