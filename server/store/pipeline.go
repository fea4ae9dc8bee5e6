package store

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// Pipelined runs a batch for one account in a single round trip: pgx sends it as one implicit transaction, and the account is set
// inside it. It serves the intake of webhooks, where the round trips are the price.
func (db *DB) Pipelined(ctx context.Context, account ids.AccountID, queue func(batch *pgx.Batch)) error {
	if scopeOf(ctx).inside {
		return ErrInTransaction
	}
	batch := &pgx.Batch{}
	batch.Queue(`select set_config('omni.account', $1, true)`, strconv.FormatInt(int64(account), 10))
	queue(batch)
	return db.pool.SendBatch(context.WithValue(ctx, scopeKey{}, scope{begins: true}), batch).Close()
}
