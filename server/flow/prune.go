package flow

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/clock"
	"omni/server/store"
)

// KeepReasons is how long the "Why?" page remembers.
const KeepReasons = 90 * 24 * time.Hour

// Pruner removes old reasons.
type Pruner struct {
	db    *store.DB
	clock clock.Clock
	log   *slog.Logger
}

// NewPruner makes a pruner; Run starts it.
func NewPruner(db *store.DB, clk clock.Clock, log *slog.Logger) *Pruner { return &Pruner{db, clk, log} }

// Run removes old reasons once an hour, in small batches, until ctx ends.
func (p *Pruner) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := p.prune(ctx); err != nil && ctx.Err() == nil {
				p.log.Warn("old reasons not removed, the next round tries again", "error", err)
			}
		}
	}
}

func (p *Pruner) prune(ctx context.Context) error {
	for {
		gone := int64(0)
		err := p.db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
			tag, err := tx.Exec(ctx, `DELETE FROM reason WHERE ctid = ANY(ARRAY(SELECT ctid FROM reason WHERE created_at < $1 LIMIT 5000))`, p.clock.Now().Add(-KeepReasons))
			gone = tag.RowsAffected()
			return err
		})
		if err != nil || gone == 0 {
			return err
		}
	}
}
