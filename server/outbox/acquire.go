package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// acquire takes the lane when its lease is over. Commands of older epochs that never got an answer become unclear. The bucket goes on falling from
// where the last owner left it, by the database's clock.
func (r *runner) acquire(ctx context.Context, tx pgx.Tx) error {
	var level, since, pause float64
	var memory []byte
	var ended time.Time // the last lease: whatever its owner sent had left by then
	err := tx.QueryRow(ctx, `WITH old AS (SELECT id, lease_until FROM lane WHERE account_id = $1 AND kind = $2 AND portal_id = $3 AND lease_until < clock_timestamp() FOR NO KEY UPDATE)
		UPDATE lane l SET owner = $4, epoch = epoch + 1, lease_until = clock_timestamp() + make_interval(secs => $5) FROM old WHERE l.account_id = $1 AND l.id = old.id
		RETURNING l.id, epoch, level, extract(epoch FROM clock_timestamp() - level_at), COALESCE(extract(epoch FROM NULLIF(pause_until, '-infinity') - clock_timestamp()), 0),
		failures, memory, direct, old.lease_until`,
		int64(r.lane.Account), string(r.lane.Kind), int64(r.lane.Portal), r.outbox.owner, leaseFor.Seconds()).
		Scan(&r.lane.ID, &r.epoch, &level, &since, &pause, &r.budget.failures, &memory, &r.direct, &finite{&ended})
	if errors.Is(err, pgx.ErrNoRows) {
		r.epoch = 0
		return nil
	}
	if err != nil {
		return fmt.Errorf("take lane: %w", err)
	}
	r.budget.level, r.budget.levelAt = level, r.since.Add(-time.Duration(max(0, since)*float64(time.Second)))
	if pause > 0 {
		r.budget.pause = r.since.Add(time.Duration(min(pause, maxPause.Seconds()) * float64(time.Second))) // clocks may have been set meanwhile
	}
	r.remember(decodeMemory(memory))
	rows, err := tx.Query(ctx, `SELECT id FROM command WHERE account_id = $1 AND lane_id = $2 AND state = 'sent' AND epoch < $3 ORDER BY id`,
		int64(r.lane.Account), int64(r.lane.ID), r.epoch)
	if err != nil {
		return fmt.Errorf("look for lost commands: %w", err)
	}
	sent, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("look for lost commands: %w", err)
	}
	lost := &Failure{Class: "transport", Text: "the server that sent it is gone"}
	for _, id := range sent {
		if err := r.outbox.becomeUnclear(ctx, tx, r.lane, unclear{id: ids.CommandID(id), lease: ended}, lost); err != nil {
			return err
		}
	}
	return nil
}

// finite reads a timestamp that may be minus infinity as the zero time.
type finite struct{ t *time.Time }

// Scan implements sql.Scanner.
func (f *finite) Scan(src any) error {
	if t, ok := src.(time.Time); ok {
		*f.t = t
	}
	return nil
}
