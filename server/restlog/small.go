package restlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

const (
	smallEvery = time.Minute
	// smallTime bounds one round of making room.
	smallTime = 20 * time.Second
	smallRows = 500
)

// keepSmall makes room once a minute until ctx ends.
func (l *Log) keepSmall(ctx context.Context) {
	tick := time.NewTicker(smallEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if _, err := l.MakeRoom(ctx); err != nil && ctx.Err() == nil {
				l.Log.WarnContext(ctx, "no room made in the log of requests, the next round tries again", "error", err)
			}
		}
	}
}

// MakeRoom takes bodies out, the oldest first, while an account holds more than one may, and from the largest account while all together do. It tells how many.
// The rows stay: their number is bounded by the platforms' own budgets. One server at a time.
func (l *Log) MakeRoom(ctx context.Context) (int64, error) {
	var all int64
	for end := time.Now().Add(smallTime); time.Now().Before(end); {
		var taken int64
		err := l.DB.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
			var mine bool
			if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock(hashtextextended('exchange', 0))`).Scan(&mine); err != nil || !mine {
				return err
			}
			// Their partitions are dropped by now.
			if _, err := tx.Exec(ctx, `DELETE FROM exchange_size WHERE day < $1`, l.Clock.Now().Add(-l.Keep).AddDate(0, 0, -1)); err != nil {
				return err
			}
			account, since, over, err := l.largest(ctx, tx)
			if err != nil || !over {
				return err
			}
			taken, err = takeOut(ctx, tx, account, since)
			return err
		})
		if err != nil {
			return all, fmt.Errorf("make room in the log of requests: %w", err)
		}
		if all += taken; taken == 0 {
			break
		}
	}
	return all, nil
}

// largest finds the account that holds most and its oldest day with bodies, and whether it has to give some up.
func (l *Log) largest(ctx context.Context, tx pgx.Tx) (account ids.AccountID, since time.Time, over bool, err error) {
	var most, all int64
	err = tx.QueryRow(ctx, `SELECT account_id, sum(bytes), min(day) FILTER (WHERE bytes > 0), (SELECT sum(bytes) FROM exchange_size)
		FROM exchange_size WHERE bytes > 0 GROUP BY account_id ORDER BY 2 DESC LIMIT 1`).Scan(&account, &most, &since, &all)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, time.Time{}, false, nil
	}
	return account, since, most > l.AccountLimit || all > l.Limit, err
}

// takeOut takes the oldest bodies of an account's day out.
func takeOut(ctx context.Context, tx pgx.Tx, account ids.AccountID, day time.Time) (int64, error) {
	var taken, bytes int64
	err := tx.QueryRow(ctx, `WITH old AS (SELECT id, created_at, length(body) AS bytes FROM exchange WHERE account_id = $1 AND created_at >= $2 AND created_at < $3 AND body IS NOT NULL
			ORDER BY id LIMIT $4),
		taken AS (UPDATE exchange e SET body = NULL FROM old WHERE e.account_id = $1 AND e.id = old.id AND e.created_at = old.created_at
			AND e.created_at >= $2 AND e.created_at < $3 RETURNING old.bytes)
		SELECT count(*), COALESCE(sum(bytes), 0) FROM taken`, int64(account), day, day.AddDate(0, 0, 1), smallRows).Scan(&taken, &bytes)
	if err != nil {
		return 0, err
	}
	// Nothing there although bytes are: the day was dropped.
	_, err = tx.Exec(ctx, `UPDATE exchange_size SET bytes = CASE WHEN $4 = 0 THEN 0 ELSE greatest(0, bytes - $3) END WHERE account_id = $1 AND day = $2`, int64(account), day, bytes, taken)
	return max(taken, 1), err
}
