package inbox

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/clock"
	"omni/server/ids"
	"omni/server/store"
)

// ErrBusy says that the row could not be made durable in time; the sender gets 503 and nothing happened.
var ErrBusy = errors.New("the database is away, nothing was stored")

const (
	// holdFor is how long a request is held while the database is away: a restart takes a few seconds.
	holdFor = 10 * time.Second
	// holdMost bounds how many requests are held at once, so that memory stays flat.
	holdMost = 2000
	// stalled is for how long nothing may have been stored until rows that wait count as held: a flush that takes a while is no absence.
	stalled = time.Second
	// crowdMost and crowdBytes bound what waits to be stored in any case.
	crowdMost  = 5 * holdMost
	crowdBytes = 64 << 20
	retryGap   = 150 * time.Millisecond
)

// Intake makes what arrives durable before anything is answered. Senders that come at the same time share a commit.
type Intake struct {
	group *gathering
	db    *store.DB
	clock clock.Clock
	wake  func(ids.AccountID, ids.Key)
	held  atomic.Int64
	// patience is holdFor; tests have less.
	patience time.Duration
}

// NewIntake builds the intake; wake is told the key of each new row.
func NewIntake(db *store.DB, clk clock.Clock, wake func(ids.AccountID, ids.Key)) *Intake {
	return &Intake{group: newGathering(db, clk.Now), db: db, clock: clk, wake: wake, patience: holdFor}
}

// Accept stores rows of one account. A repeat of a natural id is accepted and has no effect. While the database is away, or takes a statement and does not
// answer, the call is held up to ten seconds; then it fails with ErrBusy, and at once when too many are held already.
func (in *Intake) Accept(ctx context.Context, rows ...Row) error {
	if len(rows) == 0 {
		return nil
	}
	for _, row := range rows {
		if err := row.check(); err != nil {
			return err
		}
		if row.Account != rows[0].Account {
			return fmt.Errorf("accept rows of accounts %d and %d at once", rows[0].Account, row.Account)
		}
	}
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, in.patience)
	defer cancel()
	err := in.insert(ctx, rows)
	if err != nil && store.Unavailable(err) {
		err = in.hold(ctx, rows)
	}
	if err != nil && ctx.Err() != nil && whole.Err() == nil {
		err = ErrBusy
	}
	if err != nil {
		return err
	}
	for _, row := range rows {
		in.wake(row.Account, row.Key)
	}
	return nil
}

func (in *Intake) hold(ctx context.Context, rows []Row) error {
	if in.held.Add(1) > holdMost {
		in.held.Add(-1)
		return ErrBusy
	}
	defer in.held.Add(-1)
	tick := time.NewTicker(retryGap)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ErrBusy
		case <-tick.C:
			err := in.insert(ctx, rows)
			if err == nil || !store.Unavailable(err) && !errors.Is(err, ErrBusy) {
				return err
			}
		}
	}
}

// insert is one round trip. A row that comes alone shares it with others; a timer does not, as it may replace another one.
func (in *Intake) insert(ctx context.Context, rows []Row) error {
	if len(rows) == 1 && rows[0].Timer == "" {
		return in.group.store(ctx, rows[0])
	}
	now := in.clock.Now()
	err := in.db.Pipelined(ctx, rows[0].Account, func(batch *pgx.Batch) {
		for _, row := range rows {
			sql, args := row.statement(now)
			batch.Queue(sql, args...)
		}
	})
	if err != nil {
		return fmt.Errorf("store %d rows of account %d: %w", len(rows), rows[0].Account, err)
	}
	return nil
}
