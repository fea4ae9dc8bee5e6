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
// The rows stay: their number is bounded by the platforms' own budgets. One server at a time. Bodies that the market wants to be kept for longer are counted and
// told: somebody has to give the log more room.
func (l *Log) MakeRoom(ctx context.Context) (int64, error) {
	var all int64
	early := map[ids.AccountID]int64{}
	defer func() { l.tell(ctx, early) }()
	for end := time.Now().Add(smallTime); time.Now().Before(end); {
		var taken, young int64
		var account ids.AccountID
		err := l.DB.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
			var mine bool
			if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock(hashtextextended('exchange', 0))`).Scan(&mine); err != nil || !mine {
				return err
			}
			// Their partitions are dropped by now.
			if _, err := tx.Exec(ctx, `DELETE FROM exchange_size WHERE day < $1`, l.Clock.Now().Add(-l.Keep).AddDate(0, 0, -1)); err != nil {
				return err
			}
			largest, since, over, err := l.largest(ctx, tx)
			if err != nil || !over {
				return err
			}
			account = largest
			taken, young, err = takeOut(ctx, tx, account, since, l.Clock.Now().Add(-Least))
			return err
		})
		if err != nil {
			return all, fmt.Errorf("make room in the log of requests: %w", err)
		}
		if young > 0 {
			l.early.Add(young)
			early[account] += young
		}
		if all += taken; taken == 0 {
			break
		}
	}
	return all, nil
}

// tell warns of bodies that went before their time.
func (l *Log) tell(ctx context.Context, early map[ids.AccountID]int64) {
	for account, bodies := range early {
		l.Log.WarnContext(ctx, "requests younger than three days lost what was asked and answered: the log of requests has too little room", "account", account, "requests", bodies,
			"limit of an account", l.AccountLimit, "limit of all", l.Limit)
	}
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

// takeOut takes the oldest bodies of an account's day out, and tells how many, and how many of them left after a moment.
func takeOut(ctx context.Context, tx pgx.Tx, account ids.AccountID, day, after time.Time) (taken, young int64, err error) {
	var bytes int64
	err = tx.QueryRow(ctx, `WITH old AS (SELECT id, created_at, length(body) AS bytes FROM exchange WHERE account_id = $1 AND created_at >= $2 AND created_at < $3 AND body IS NOT NULL
			ORDER BY id LIMIT $4),
		taken AS (UPDATE exchange e SET body = NULL FROM old WHERE e.account_id = $1 AND e.id = old.id AND e.created_at = old.created_at
			AND e.created_at >= $2 AND e.created_at < $3 RETURNING old.bytes, e.created_at)
		SELECT count(*), COALESCE(sum(bytes), 0), count(*) FILTER (WHERE created_at > $5) FROM taken`, int64(account), day, day.AddDate(0, 0, 1), smallRows, after).Scan(&taken, &bytes, &young)
	if err != nil {
		return 0, 0, err
	}
	// Nothing there although bytes are: the day was dropped.
	_, err = tx.Exec(ctx, `UPDATE exchange_size SET bytes = CASE WHEN $4 = 0 THEN 0 ELSE greatest(0, bytes - $3) END WHERE account_id = $1 AND day = $2`, int64(account), day, bytes, taken)
	return max(taken, 1), young, err
}
