package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// directPatience is how long a request beside a lane waits for room in the bucket: somebody looks at an empty page until it is answered.
const directPatience = 5 * time.Second

// Direct counts a request to a portal that does not go through its lane (a proof, a consent, the second try of a transport), and waits a moment for
// room in the bucket. Call it right before the request. The lane need not exist nor be ours: its row carries the count, and its owner looks there
// before anything leaves. ErrSlow: there is no room, nothing may be sent.
func (o *Outbox) Direct(ctx context.Context, account ids.AccountID, lane LaneRef) error {
	limits := o.limits(ctx, laneKey{account, lane})
	if limits.Size == 0 {
		return nil
	}
	until := o.now().Add(directPatience)
	for {
		later, err := o.direct(ctx, account, lane, limits, 1, true)
		if err != nil || later == 0 {
			return err
		}
		if o.now().Add(later).After(until) {
			return ErrSlow
		}
		timer := time.NewTimer(later)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ErrSlow
		case <-timer.C:
		}
	}
}

// Made counts requests to a portal that were made before its lane was known.
func (o *Outbox) Made(ctx context.Context, account ids.AccountID, lane LaneRef, requests int) error {
	limits := o.limits(ctx, laneKey{account, lane})
	if limits.Size == 0 || requests <= 0 {
		return nil
	}
	_, err := o.direct(ctx, account, lane, limits, requests, false)
	return err
}

// direct adds requests to the lane's bucket, if asked only when there is room for one; else it tells how long to wait.
func (o *Outbox) direct(ctx context.Context, account ids.AccountID, lane LaneRef, limits Limits, requests int, ifRoom bool) (later time.Duration, err error) {
	err = o.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		b := budget{Limits: limits, levelAt: o.now()}
		now := b.levelAt
		var age, pause float64
		const read = `SELECT id, level, extract(epoch FROM clock_timestamp() - level_at), COALESCE(extract(epoch FROM NULLIF(pause_until, '-infinity') - clock_timestamp()), 0)
			FROM lane WHERE account_id = $1 AND kind = $2 AND portal_id = $3 FOR NO KEY UPDATE`
		var id ids.LaneID
		err := tx.QueryRow(ctx, read, int64(account), string(lane.Kind), int64(lane.Portal)).Scan(&id, &b.level, &age, &pause)
		if errors.Is(err, pgx.ErrNoRows) {
			if _, err = laneID(ctx, tx, account, lane); err == nil {
				err = tx.QueryRow(ctx, read, int64(account), string(lane.Kind), int64(lane.Portal)).Scan(&id, &b.level, &age, &pause)
			}
		}
		if err != nil {
			return fmt.Errorf("read the bucket of lane %s: %w", lane.Kind, err)
		}
		b.levelAt = now.Add(-time.Duration(max(0, age) * float64(time.Second)))
		later = 0
		if ifRoom {
			// One place less is left free than by the lane's own commands: who has to wait here would else never get in before them.
			if later = max(b.room(now, max(1, limits.keep(Waiting)-1)), time.Duration(pause*float64(time.Second))); later > 0 {
				return nil
			}
		}
		_, err = tx.Exec(ctx, `UPDATE lane SET level = $3, level_at = clock_timestamp(), direct = direct + $4 WHERE account_id = $1 AND id = $2`,
			int64(account), int64(id), b.at(now)+float64(requests), requests)
		if err != nil {
			return fmt.Errorf("count a request beside lane %s: %w", lane.Kind, err)
		}
		return nil
	})
	return later, err
}
