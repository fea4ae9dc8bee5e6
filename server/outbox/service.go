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
	leaseWatch  = 200 * time.Millisecond
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
		r.news.Store(true)
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
			r.news.Store(true)
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
	o.renewed(o.now())
	leasing, stopLeasing := context.WithCancel(context.WithoutCancel(ctx))
	var leases sync.WaitGroup
	leases.Go(func() { o.keepLeases(leasing) })
	defer leases.Wait()
	defer stopLeasing() // last of all: requests under way need their lease
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	leases.Go(func() { o.cleanUp(ctx) })
	for {
		select {
		case <-ctx.Done():
			o.stop()
			return nil
		case <-look.C:
			o.lookOut(ctx)
		case <-o.wake:
			o.tryWoken(ctx)
		}
	}
}

// keepLeases renews the leases, apart from all other work, and lets the lanes go the moment they are over: a server that was frozen finds its requests
// dropped when it wakes.
func (o *Outbox) keepLeases(ctx context.Context) {
	renew, watch := time.NewTicker(leaseEvery), time.NewTicker(leaseWatch)
	defer renew.Stop()
	defer watch.Stop()
	for {
		if !o.leased() {
			o.dropAll()
		}
		select {
		case <-ctx.Done():
			return
		case <-watch.C:
		case <-renew.C:
			o.renew(ctx)
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
	now, until := o.now(), o.leaseUntil.Add(-leaseMargin)
	// Once by the steady clock and once by the wall: a machine that was suspended stops the steady one.
	return now.Before(until) && now.Round(0).Before(until.Round(0))
}

// renew prolongs all our leases with one statement. A lane whose lease had ended is let go: it may be somebody else's by now.
func (o *Outbox) renew(ctx context.Context) {
	before := o.now()
	ctx, cancel := context.WithTimeout(ctx, leaseEvery)
	defer cancel()
	held := map[ids.LaneID]bool{}
	running := o.runningLanes()
	err := o.db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
		// A lane that is locked right now is being worked: whoever works it prolongs it himself.
		_, err := tx.Exec(ctx, `WITH ours AS (SELECT account_id, id FROM lane WHERE owner = $1 AND id = ANY($3) AND lease_until > clock_timestamp() FOR NO KEY UPDATE SKIP LOCKED)
			UPDATE lane l SET lease_until = clock_timestamp() + make_interval(secs => $2) FROM ours WHERE l.account_id = ours.account_id AND l.id = ours.id`,
			o.owner, leaseFor.Seconds(), running)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT id FROM lane WHERE owner = $1 AND lease_until > clock_timestamp()`, o.owner)
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
		if ctx.Err() == nil || !o.leased() {
			o.log.Warn("leases not renewed", "error", err)
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

// runningLanes are the lanes that have a runner. Only those are prolonged: one that lost its runner comes free.
func (o *Outbox) runningLanes() []int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	lanes := make([]int64, 0, len(o.runners))
	for _, r := range o.runners {
		lanes = append(lanes, int64(r.lane.ID))
	}
	return lanes
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

const pruneEvery = time.Minute

// PruneSQL removes at most $1 commands that ended $2 seconds ago; refused and not confirmed ones wait for a person. A plan goes as a whole: while one of its
// commands is open, waits for a person or ended later, the others are kept. What is still to come takes values from their results, and a person who takes a
// refused one up again gets what was cancelled because of it. The look at the plan is a scalar, so that it is made by the index for each row that would go.
const PruneSQL = `DELETE FROM command WHERE ctid = ANY(ARRAY(SELECT ctid FROM command c WHERE done_at < now() - make_interval(secs => $2)
	AND state IN ('done', 'cancelled', 'expired', 'dropped') AND (siblings = 1 OR (SELECT m.id FROM command m WHERE m.account_id = c.account_id AND m.plan_id = c.plan_id
		AND (m.state IN ('ready', 'sent', 'unclear', 'refused', 'unconfirmed') OR m.done_at >= now() - make_interval(secs => $2)) LIMIT 1) IS NULL)
	ORDER BY done_at LIMIT $1))`

// cleanUp removes ended commands once a minute, beside all other work: it may take a while.
func (o *Outbox) cleanUp(ctx context.Context) {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := o.prune(ctx); err != nil && ctx.Err() == nil {
				o.log.Warn("ended commands not removed, the next round tries again", "error", err)
			}
		}
	}
}

func (o *Outbox) prune(ctx context.Context) error {
	_, err := o.db.Prune(ctx, "command", PruneSQL, keepDone.Seconds())
	return err
}

func jitter() float64 { return rand.Float64() }
