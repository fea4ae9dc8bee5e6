package restlog

import (
	"context"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// Explain tells how a list is read.
func Explain(ctx context.Context, tx pgx.Tx, account ids.AccountID, q Query) ([]string, error) {
	sql, args := q.statement(account)
	rows, err := tx.Query(ctx, `EXPLAIN (ANALYZE, COSTS OFF) `+sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
