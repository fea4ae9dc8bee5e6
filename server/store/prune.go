package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// PruneRows is how many rows one statement of a clean-up deletes: few enough to hold nobody up.
const PruneRows = 2000

// pruneTime bounds one round, so that whoever calls it comes to his other work.
const pruneTime = 20 * time.Second

// Prune deletes what is old over all accounts, in small transactions, until nothing is left or the round is over. sql deletes at most $1 rows; args follow
// from $2. One server at a time: who finds another at it leaves it to that one. It tells how many rows went.
func (db *DB) Prune(ctx context.Context, table, sql string, args ...any) (int64, error) {
	var all int64
	args = append([]any{int64(PruneRows)}, args...)
	for end := time.Now().Add(pruneTime); time.Now().Before(end); {
		var gone int64
		err := db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
			var mine bool
			if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock(hashtextextended('prune:' || $1, 0))`, table).Scan(&mine); err != nil || !mine {
				return err
			}
			tag, err := tx.Exec(ctx, sql, args...)
			gone = tag.RowsAffected()
			return err
		})
		all += gone
		if err != nil {
			return all, fmt.Errorf("remove old rows of %s: %w", table, err)
		}
		if gone < PruneRows {
			break
		}
	}
	return all, nil
}
