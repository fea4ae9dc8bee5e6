package outbox

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// lookOut finds lanes with work that nobody owns. It is what hints only make quicker.
func (o *Outbox) lookOut(ctx context.Context) {
	var lanes []laneKey
	err := o.db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT l.account_id, l.kind, l.portal_id FROM lane l WHERE l.lease_until < clock_timestamp() AND (
			l.asleep IS NULL AND (
				EXISTS (SELECT 1 FROM command c WHERE c.account_id = l.account_id AND c.lane_id = l.id AND c.state IN ('ready', 'sent', 'unclear') AND NOT c.independent)
				OR EXISTS (SELECT 1 FROM command c WHERE c.account_id = l.account_id AND c.lane_id = l.id AND c.state = 'ready' AND c.independent)
				OR EXISTS (SELECT 1 FROM command c WHERE c.account_id = l.account_id AND c.lane_id = l.id AND c.state IN ('sent', 'unclear')))
			OR EXISTS (SELECT 1 FROM command c WHERE c.account_id = l.account_id AND c.lane_id = l.id AND c.state = 'ready' AND c.deadline < clock_timestamp())) LIMIT 500`)
		if err != nil {
			return err
		}
		lanes, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (laneKey, error) {
			var k laneKey
			err := row.Scan(&k.account, &k.ref.Kind, &k.ref.Portal)
			return k, err
		})
		return err
	})
	if err != nil && ctx.Err() == nil {
		o.log.Warn("look-out for lanes failed, the next one tries again", "error", err)
	}
	for _, k := range lanes {
		o.take(ctx, k)
	}
}

func (o *Outbox) tryWoken(ctx context.Context) {
	o.mu.Lock()
	woken := o.woken
	o.woken = map[laneKey]bool{}
	o.mu.Unlock()
	for k := range woken {
		o.take(ctx, k)
	}
}

// take becomes the owner of a lane that nobody holds and starts its runner. What an older owner sent and never heard of is unclear now.
func (o *Outbox) take(ctx context.Context, k laneKey) {
	if !o.leased() {
		return
	}
	o.mu.Lock()
	_, ours := o.runners[k]
	o.mu.Unlock()
	if ours {
		return
	}
	r := &runner{outbox: o, lane: Lane{Account: k.account, LaneRef: k.ref}, since: o.now(), wake: make(chan struct{}, 1)}
	err := o.db.InAccount(ctx, k.account, func(ctx context.Context, tx pgx.Tx) error { return r.acquire(ctx, tx) })
	if err != nil {
		o.log.Warn("lane not taken, the next look tries again", "account", k.account, "lane", k.ref.Kind, "error", err)
		return
	}
	if r.epoch == 0 {
		return // somebody else holds it
	}
	r.budget.Limits = o.limits(ctx, k)
	o.mu.Lock()
	if _, twice := o.runners[k]; twice {
		o.mu.Unlock()
		return
	}
	o.runners[k] = r
	var runCtx context.Context
	runCtx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	r.draining = ctx.Err() != nil
	o.mu.Unlock()
	o.running.Go(func() { o.guarded(r.lane, "lane", func() { r.run(runCtx) }) })
}

// limits is a lane's budget; without anybody to tell, the smallest licence's.
func (o *Outbox) limits(ctx context.Context, k laneKey) Limits {
	var l Limits
	if o.Limits != nil {
		l = o.Limits(ctx, k.account, k.ref)
	}
	switch {
	case l.PerRequest > 0:
		return l
	case k.ref.Kind == LaneB24:
		return LimitsB24(50, 2)
	}
	return LimitsUIS(k.ref.Kind)
}

// release forgets a runner that ended. What woke it meanwhile asks for the lane anew.
func (o *Outbox) release(r *runner) {
	k := laneKey{r.lane.Account, r.lane.LaneRef}
	o.mu.Lock()
	if o.runners[k] == r {
		delete(o.runners, k)
	}
	o.mu.Unlock()
	select {
	case <-r.wake:
		o.wakeLocal(k)
	default:
	}
}
