package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"omni/server/ids"
	"omni/server/store"
)

const (
	leaseFor   = 6 * time.Second
	leaseEvery = 2 * time.Second
	// leaseMargin is how long before its end a lease is no longer trusted.
	leaseMargin = time.Second
	lookEvery   = time.Second
	laneHint    = "lane:"
	doneHint    = "asked:"
)

// Hints sends lossy notices to the other servers.
type Hints interface{ Hint(payload string) }

// Options are the parts of an outbox.
type Options struct {
	DB       *store.DB
	Log      *slog.Logger
	Registry *Registry
	// Transports by kind of lane.
	Transports map[LaneKind]Transport
	// Limits gives a lane's budget.
	Limits func(ctx context.Context, account ids.AccountID, lane LaneRef) Limits
	// RequestLimit is how long a platform may go on working on a request after we stopped listening.
	RequestLimit map[LaneKind]time.Duration
	// WakeKey is told the keys that got an answer.
	WakeKey func(ids.AccountID, ids.Key)
	Hints   Hints
	// Now is the physical time; nil: time.Now.
	Now func() time.Time
	// Business is the business time, for the inbox rows of answers.
	Business func() time.Time
}

// Outbox owns lanes and sends their commands.
type Outbox struct {
	Options
	db       *store.DB
	log      *slog.Logger
	registry *Registry
	now      func() time.Time
	owner    string

	mu      sync.Mutex
	runners map[laneKey]*runner
	woken   map[laneKey]bool
	wake    chan struct{}
	waiters map[waiter]chan struct{}
	// leaseUntil is when our leases end by our own clock, counted from before the database was asked.
	leaseUntil time.Time
	running    sync.WaitGroup
}

type laneKey struct {
	account ids.AccountID
	ref     LaneRef
}

type waiter struct {
	account ids.AccountID
	command ids.CommandID
}

// New builds an outbox; Run starts it.
func New(o Options) *Outbox {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Business == nil {
		o.Business = o.Now
	}
	return &Outbox{Options: o, db: o.DB, log: o.Log, registry: o.Registry, now: o.Now, owner: uuid.NewString(),
		runners: map[laneKey]*runner{}, woken: map[laneKey]bool{}, wake: make(chan struct{}, 1), waiters: map[waiter]chan struct{}{}}
}

// Wake says that a lane has work. It never blocks; the other servers hear of it too, as the lane may be theirs.
func (o *Outbox) Wake(account ids.AccountID, lane LaneRef) {
	if o.wakeLocal(laneKey{account, lane}) || o.Hints == nil {
		return
	}
	o.Hints.Hint(fmt.Sprintf("%s%d:%s:%d", laneHint, account, lane.Kind, lane.Portal))
}

// wakeLocal wakes our runner of the lane; without one it asks the look-out to try for the lane. It tells whether the lane is ours.
func (o *Outbox) wakeLocal(k laneKey) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r := o.runners[k]; r != nil {
		r.poke()
		return true
	}
	o.woken[k] = true
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return false
}

// OnHint handles a hint of another server; foreign ones are ignored.
func (o *Outbox) OnHint(payload string) {
	if rest, ok := strings.CutPrefix(payload, laneHint); ok {
		parts := strings.Split(rest, ":")
		if len(parts) != 3 {
			return
		}
		account, err1 := strconv.ParseInt(parts[0], 10, 64)
		portal, err2 := strconv.ParseInt(parts[2], 10, 64)
		if err1 != nil || err2 != nil {
			return
		}
		o.mu.Lock()
		r := o.runners[laneKey{ids.AccountID(account), LaneRef{LaneKind(parts[1]), ids.PortalID(portal)}}]
		o.mu.Unlock()
		if r != nil {
			r.poke()
		}
		return
	}
	if rest, ok := strings.CutPrefix(payload, doneHint); ok {
		account, command, _ := strings.Cut(rest, ":")
		a, err1 := strconv.ParseInt(account, 10, 64)
		c, err2 := strconv.ParseInt(command, 10, 64)
		if err1 == nil && err2 == nil {
			o.signal(waiter{ids.AccountID(a), ids.CommandID(c)})
		}
	}
}

func (o *Outbox) signal(w waiter) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	c, ok := o.waiters[w]
	if ok {
		select {
		case c <- struct{}{}:
		default:
		}
	}
	return ok
}

// Run owns lanes and sends until ctx ends; requests under way are then given a moment, and the lanes are handed back.
func (o *Outbox) Run(ctx context.Context) error {
	lease, look := time.NewTicker(leaseEvery), time.NewTicker(lookEvery)
	defer lease.Stop()
	defer look.Stop()
	o.renewed(o.now())
	for round := 0; ; {
		select {
		case <-ctx.Done():
			o.stop()
			return nil
		case <-lease.C:
			o.renew(ctx)
		case <-look.C:
			o.lookOut(ctx)
			if round++; round%60 == 0 {
				o.prune(ctx)
			}
		case <-o.wake:
			o.tryWoken(ctx)
		}
	}
}

func (o *Outbox) renewed(before time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.leaseUntil = before.Add(leaseFor)
}

// leased tells whether our leases may still be trusted.
func (o *Outbox) leased() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now().Before(o.leaseUntil.Add(-leaseMargin))
}

// renew prolongs all our leases with one statement. A lane whose lease had ended is let go: it may be somebody else's by now.
func (o *Outbox) renew(ctx context.Context) {
	before := o.now()
	ctx, cancel := context.WithTimeout(ctx, leaseEvery)
	defer cancel()
	held := map[ids.LaneID]bool{}
	err := o.db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `UPDATE lane SET lease_until = clock_timestamp() + make_interval(secs => $2) WHERE owner = $1 AND lease_until > clock_timestamp() RETURNING id`,
			o.owner, leaseFor.Seconds())
		if err != nil {
			return err
		}
		list, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		for _, id := range list {
			held[ids.LaneID(id)] = true
		}
		return err
	})
	if err != nil {
		o.log.Warn("leases not renewed", "error", err)
		if !o.leased() {
			o.dropAll()
		}
		return
	}
	o.renewed(before)
	o.mu.Lock()
	defer o.mu.Unlock()
	for k, r := range o.runners {
		if !held[r.lane.ID] && r.since.Before(before) {
			r.cancel()
			delete(o.runners, k)
		}
	}
}

// dropAll lets every lane go: open requests are given up, and whoever takes over finds their commands unclear.
func (o *Outbox) dropAll() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for k, r := range o.runners {
		r.cancel()
		delete(o.runners, k)
	}
}

// lookOut finds lanes with work that nobody owns. It is what hints only make quicker.
func (o *Outbox) lookOut(ctx context.Context) {
	var lanes []laneKey
	err := o.db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT l.account_id, l.kind, l.portal_id FROM lane l WHERE l.lease_until < clock_timestamp() AND l.asleep IS NULL AND (
			EXISTS (SELECT 1 FROM command c WHERE c.account_id = l.account_id AND c.lane_id = l.id AND c.state IN ('ready', 'sent', 'unclear') AND NOT c.independent)
			OR EXISTS (SELECT 1 FROM command c WHERE c.account_id = l.account_id AND c.lane_id = l.id AND c.state = 'ready' AND c.independent)
			OR EXISTS (SELECT 1 FROM command c WHERE c.account_id = l.account_id AND c.lane_id = l.id AND c.state = 'sent')) LIMIT 500`)
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
	r := &runner{outbox: o, lane: Lane{Account: k.account, LaneRef: k.ref}, since: o.now(), wake: make(chan struct{}, 1), expected: expectations{}}
	err := o.db.InAccount(ctx, k.account, func(ctx context.Context, tx pgx.Tx) error { return r.acquire(ctx, tx) })
	if err != nil {
		o.log.Warn("lane not taken, the next look tries again", "account", k.account, "lane", k.ref.Kind, "error", err)
		return
	}
	if r.epoch == 0 {
		return // somebody else holds it
	}
	r.budget.Limits = o.Limits(ctx, k.account, k.ref)
	o.mu.Lock()
	if _, twice := o.runners[k]; twice {
		o.mu.Unlock()
		return
	}
	o.runners[k] = r
	var runCtx context.Context
	runCtx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	o.mu.Unlock()
	o.running.Go(func() { r.run(runCtx) })
}

// release forgets a runner that ended by itself.
func (o *Outbox) release(r *runner) {
	o.mu.Lock()
	defer o.mu.Unlock()
	k := laneKey{r.lane.Account, r.lane.LaneRef}
	if o.runners[k] == r {
		delete(o.runners, k)
	}
}

// stop lets requests under way finish for a while, then gives everything up and hands the lanes back.
func (o *Outbox) stop() {
	o.mu.Lock()
	for _, r := range o.runners {
		r.drain()
	}
	o.mu.Unlock()
	ended := make(chan struct{})
	go func() { o.running.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(leaseFor - leaseMargin):
		o.dropAll()
		<-ended
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := o.db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE lane SET lease_until = '-infinity', owner = NULL WHERE owner = $1`, o.owner)
		return err
	})
	if err != nil {
		o.log.Warn("lanes not handed back, their leases end by themselves", "error", err)
	}
}

// keepDone is how long ended commands stay for the "Why?" page.
const keepDone = 10 * 24 * time.Hour

func (o *Outbox) prune(ctx context.Context) {
	err := o.db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM command WHERE ctid = ANY(ARRAY(SELECT ctid FROM command WHERE done_at < now() - make_interval(secs => $1)
			AND state IN ('done', 'cancelled', 'expired', 'dropped') LIMIT 5000))`, keepDone.Seconds())
		return err
	})
	if err != nil && ctx.Err() == nil {
		o.log.Warn("ended commands not removed, the next round tries again", "error", err)
	}
}

func jitter() float64 { return rand.Float64() }
