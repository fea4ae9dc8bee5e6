package inbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/store"
)

const (
	sweepEvery = time.Second
	sweepKeys  = 2000
	// keepDone is how long done rows stay, so that a late duplicate is still recognised.
	keepDone   = 10 * 24 * time.Hour
	pruneEvery = time.Minute
)

// sweep looks once a second for due rows nobody was told of: timers, leftovers of a dead server, lost hints.
func (w *Worker) sweep(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := w.sweepOnce(ctx); err != nil && ctx.Err() == nil {
			w.log.Warn("sweep of the inbox failed, the next one tries again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// sweepOnce queues every key with rows due for a second or longer; younger ones are in the hands of the server that took them. Keys held by a parked head are found again when its time has come.
func (w *Worker) sweepOnce(ctx context.Context) error {
	var found []accountKey
	err := w.db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT account_id, key FROM inbox
			WHERE done_at IS NULL AND aside_at IS NULL AND NOT deferred AND due_at <= $1 AND (parked_until IS NULL OR parked_until <= now())
			GROUP BY account_id, key ORDER BY min(due_at) LIMIT $2`, w.clock.Now().Add(-sweepEvery), sweepKeys)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (accountKey, error) {
			var k accountKey
			err := row.Scan(&k.account, &k.key)
			return k, err
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("look for due keys: %w", err)
	}
	for _, k := range found {
		w.Wake(k.account, k.key)
	}
	return nil
}

// PruneSQL removes at most $1 rows that were done before $2.
const PruneSQL = `DELETE FROM inbox WHERE ctid = ANY(ARRAY(SELECT ctid FROM inbox WHERE done_at IS NOT NULL AND done_at < $2 ORDER BY done_at LIMIT $1))`

// cleanUp prunes once a minute, beside the sweep: it may take a while.
func (w *Worker) cleanUp(ctx context.Context) error {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := w.prune(ctx); err != nil && ctx.Err() == nil {
				w.log.Warn("clean-up of the inbox failed, the next one tries again", "error", err)
			}
		}
	}
}

// prune removes done rows older than keepDone.
func (w *Worker) prune(ctx context.Context) error {
	_, err := w.db.Prune(ctx, "inbox", PruneSQL, w.clock.Now().Add(-keepDone))
	return err
}

// Counts is what the inbox still has to do, over all accounts.
type Counts struct {
	// Inbox rows are due and not worked yet.
	Inbox int64
	// Deferred rows wait for another event of their key.
	Deferred int64
	// Parked rows failed and will be tried again.
	Parked int64
	// Aside rows were given up and wait for a person.
	Aside int64
	// NextTimer is when the next row becomes due; nil when none is to come.
	NextTimer *time.Time
	// OldestDue is since when the oldest row that is not worked has been due; nil: none is.
	OldestDue *time.Time
}

// Count reads the counts for GET /pending. Open rows and those set aside are counted apart: each has an index that sees no done rows.
func Count(ctx context.Context, db *store.DB, now time.Time) (Counts, error) {
	var c Counts
	err := db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT
			count(*) FILTER (WHERE NOT deferred AND due_at <= $1 AND COALESCE(parked_until <= now(), true)),
			count(*) FILTER (WHERE deferred),
			count(*) FILTER (WHERE NOT deferred AND parked_until > now()),
			(SELECT count(*) FROM inbox WHERE aside_at IS NOT NULL AND done_at IS NULL),
			min(due_at) FILTER (WHERE NOT deferred AND due_at > $1),
			min(due_at) FILTER (WHERE NOT deferred AND due_at <= $1)
			FROM inbox WHERE done_at IS NULL AND aside_at IS NULL`, now).Scan(&c.Inbox, &c.Deferred, &c.Parked, &c.Aside, &c.NextTimer, &c.OldestDue)
	})
	if err != nil {
		return c, fmt.Errorf("count the inbox: %w", err)
	}
	return c, nil
}
