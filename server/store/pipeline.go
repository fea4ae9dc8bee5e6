package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"omni/server/ids"
)

// setAccount names the account of a transaction: row level security lets it see that one's rows. Statements of these transactions are the same few by the
// thousand, found by their keys: each is planned once for a connection. Left to itself PostgreSQL plans some of them every time, those that take arrays
// for example, because it thinks the plan for one array cheaper; planning them takes longer than executing them.
const setAccount = `select set_config('omni.account', $1, true), set_config('plan_cache_mode', 'force_generic_plan', true)`

// Pipelined runs a batch for one account in a single round trip: pgx sends it as one implicit transaction, and the account is set
// inside it. It serves the intake of webhooks, where the round trips are the price.
func (db *DB) Pipelined(ctx context.Context, account ids.AccountID, queue func(batch *pgx.Batch)) error {
	return db.PipelinedEach(ctx, func(at func(ids.AccountID) *pgx.Batch) { queue(at(account)) })
}

// PipelinedEach is Pipelined for several accounts, still one round trip and one transaction: at names the account that the statements queued next
// belong to, and they see no other.
func (db *DB) PipelinedEach(ctx context.Context, queue func(at func(ids.AccountID) *pgx.Batch)) error {
	if scopeOf(ctx).inside {
		return ErrInTransaction
	}
	batch := &pgx.Batch{}
	queue(func(account ids.AccountID) *pgx.Batch {
		batch.Queue(setAccount, strconv.FormatInt(int64(account), 10))
		return batch
	})
	return db.pool.SendBatch(context.WithValue(ctx, scopeKey{}, scope{begins: true}), batch).Close()
}

// InAccountPiped is InAccount for those who know their first and their last statements: BEGIN and what first queues are one round trip, and COMMIT
// travels with what fn leaves in last. When one of these statements fails, those after it are not executed, COMMIT among them.
func (db *DB) InAccountPiped(ctx context.Context, account ids.AccountID, first func(batch *pgx.Batch),
	fn func(ctx context.Context, tx pgx.Tx, last *pgx.Batch) error) error {
	if scopeOf(ctx).inside {
		return ErrInTransaction
	}
	setting := strconv.FormatInt(int64(account), 10)
	conn, err := db.pool.Acquire(context.WithValue(ctx, scopeKey{}, scope{begins: true}))
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer conn.Release() // a connection whose transaction is still open is dropped by the pool
	tx := &pipedTx{link: conn.Conn()}
	defer tx.abandon(ctx)
	opening := &pgx.Batch{}
	opening.Queue("begin isolation level read committed")
	opening.Queue(setAccount, setting)
	first(opening)
	if err := tx.SendBatch(ctx, opening).Close(); err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	last := &pgx.Batch{}
	if err := fn(inside(ctx, setting), tx, last); err != nil {
		return err
	}
	last.Queue("commit").Exec(func(tag pgconn.CommandTag) error {
		if tag.String() == "ROLLBACK" {
			return pgx.ErrTxCommitRollback
		}
		return nil
	})
	if err := tx.SendBatch(ctx, last).Close(); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	return nil
}

// errPiped is what a caller gets who ends a transaction that is not his.
var errPiped = errors.New("the transaction is ended by who began it")

// pipedTx is a transaction whose BEGIN was a statement of a batch, which pgx's own Tx cannot be.
type pipedTx struct {
	*link
	savepoints int
}

// link is pgx.Conn under another name: pipedTx has a method Conn.
type link = pgx.Conn

// abandon rolls back what was not committed. The caller's context may be over, which is no reason to leave locks behind.
func (tx *pipedTx) abandon(ctx context.Context) {
	if tx.IsClosed() || tx.PgConn().TxStatus() == 'I' {
		return
	}
	rollback, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTime)
	defer cancel()
	_, _ = tx.Exec(rollback, "rollback")
}

// Begin implements pgx.Tx with a savepoint.
func (tx *pipedTx) Begin(ctx context.Context) (pgx.Tx, error) {
	tx.savepoints++
	name := "piped_" + strconv.Itoa(tx.savepoints)
	if _, err := tx.Exec(ctx, "savepoint "+name); err != nil {
		return nil, fmt.Errorf("set a savepoint: %w", err)
	}
	return &savepointTx{pipedTx: tx, name: name}, nil
}

// Commit implements pgx.Tx; the transaction's own end is not the caller's.
func (tx *pipedTx) Commit(context.Context) error { return errPiped }

// Rollback implements pgx.Tx; an error of the step's function rolls back.
func (tx *pipedTx) Rollback(context.Context) error { return errPiped }

// LargeObjects implements pgx.Tx; nobody uses them.
func (tx *pipedTx) LargeObjects() pgx.LargeObjects { return pgx.LargeObjects{} }

// Conn implements pgx.Tx.
func (tx *pipedTx) Conn() *pgx.Conn { return tx.link }

// savepointTx is a transaction inside a pipedTx.
type savepointTx struct {
	*pipedTx
	name string
	over bool
}

// Commit implements pgx.Tx.
func (tx *savepointTx) Commit(ctx context.Context) error { return tx.end(ctx, "release savepoint ") }

// Rollback implements pgx.Tx.
func (tx *savepointTx) Rollback(ctx context.Context) error {
	return tx.end(ctx, "rollback to savepoint ")
}

func (tx *savepointTx) end(ctx context.Context, how string) error {
	if tx.over {
		return pgx.ErrTxClosed
	}
	tx.over = true
	_, err := tx.Exec(ctx, how+tx.name)
	return err
}
