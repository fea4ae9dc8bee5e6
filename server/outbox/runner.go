package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// runner is the one sender of a lane while its lease lasts.
type runner struct {
	outbox *Outbox
	lane   Lane
	epoch  int64
	since  time.Time
	cancel context.CancelFunc
	wake   chan struct{}
	news   atomic.Bool // it was new commands that woke

	mu sync.Mutex
	mind
	direct   int64 // requests beside the lane that are in the level
	draining bool
	flights  sync.WaitGroup

	// Only the goroutine of run touches these.
	cursor string  // where the scan for heads goes on when there are very many keys
	unsent []int64 // marked sent by a transaction whose fate is unknown; they did not leave
}

const (
	// idleAfter lets a lane without work go.
	idleAfter = 30 * time.Second
	// maxWait bounds how long a runner sleeps without looking.
	maxWait = time.Second
	// limitsEvery is how often a lane asks what it may send.
	limitsEvery = time.Minute
	// shortPause is how long a command that is being rewritten is left alone, and the time between two looks at very many keys.
	shortPause = 20 * time.Millisecond
	// storePatience bounds one try to store what came back.
	storePatience = 5 * time.Second
)

var errNotOurs = errors.New("the lane is not ours any more")

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
	lost, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("look for lost commands: %w", err)
	}
	for _, id := range lost {
		if err := r.outbox.becomeUnclear(ctx, tx, r.lane, ids.CommandID(id), 0, ended, &Failure{Class: "transport", Text: "the server that sent it is gone"}); err != nil {
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

func (r *runner) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// drain ends the runner when its requests are answered; nothing new is sent.
func (r *runner) drain() {
	r.mu.Lock()
	r.draining = true
	r.mu.Unlock()
	r.poke()
}

func (r *runner) run(ctx context.Context) {
	defer r.outbox.release(r)
	defer r.cancel()
	sleep := time.NewTimer(maxWait)
	defer sleep.Stop()
	lastWork := r.outbox.now()
	limitsAt := lastWork
	for {
		if now := r.outbox.now(); now.Sub(limitsAt) > limitsEvery {
			limitsAt = now
			r.relimit(ctx)
		}
		wait, worked, err := r.round(ctx)
		switch {
		case errors.Is(err, errNotOurs), ctx.Err() != nil:
			r.cancel() // requests under way are dropped
			r.flights.Wait()
			return
		case err != nil:
			r.outbox.log.Warn("lane round failed, tried again", "account", r.lane.Account, "lane", r.lane.Kind, "error", err)
			wait = maxWait
		case worked:
			lastWork = r.outbox.now()
			continue
		}
		if r.inFlight() > 0 {
			lastWork = r.outbox.now()
		}
		if r.isDraining() || r.outbox.now().Sub(lastWork) > idleAfter {
			r.flights.Wait()
			if r.letGo(ctx) || r.isDraining() {
				return
			}
			lastWork = r.outbox.now()
		}
		if wait <= 0 || wait > maxWait {
			wait = maxWait
		}
		sleep.Reset(wait)
		select {
		case <-ctx.Done():
		case <-r.wake:
			if r.news.Swap(false) {
				gathering(ctx)
			}
		case <-sleep.C:
		}
	}
}

// relimit takes over a budget that changed: the portal got another licence.
func (r *runner) relimit(ctx context.Context) {
	limits := r.outbox.limits(ctx, laneKey{r.lane.Account, r.lane.LaneRef})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.budget.level, r.budget.levelAt = r.budget.at(r.outbox.now()), r.outbox.now()
	r.budget.Limits = limits
}

// gathering waits for company before a new command is looked at.
func gathering(ctx context.Context) {
	timer := time.NewTimer(gatherTime)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (r *runner) isDraining() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.draining
}

func (r *runner) inFlight() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.budget.underway()
}

// letGo hands an idle lane back.
func (r *runner) letGo(ctx context.Context) bool {
	err := r.outbox.db.InAccount(ctx, r.lane.Account, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE lane SET owner = NULL, lease_until = '-infinity' WHERE account_id = $1 AND id = $2 AND owner = $3 AND epoch = $4`,
			int64(r.lane.Account), int64(r.lane.ID), r.outbox.owner, r.epoch)
		return err
	})
	return err == nil
}

// flight is one request: its commands and the class it counts as.
type flight struct {
	commands []claimed
	class    Priority
	resumed  int64   // how often the lane had been woken when it left
	marked   []int64 // all that may have been marked sent
}

// round looks once: unclear commands whose time has come, then what may leave. It answers when to look again, or that a request left.
func (r *runner) round(ctx context.Context) (time.Duration, bool, error) {
	if !r.outbox.leased() {
		return maxWait, false, nil
	}
	if r.isDraining() {
		return 0, false, nil
	}
	var f flight
	var picked []head
	var wait time.Duration
	var letters []letter
	var ended []int64
	err := r.outbox.db.InAccount(ctx, r.lane.Account, func(ctx context.Context, tx pgx.Tx) error {
		barred, resting := r.outlook()
		seen, err := r.look(ctx, tx, barred == 0, resting)
		if err != nil {
			return err
		}
		if letters, err = r.tidy(ctx, tx, seen, &ended); err != nil {
			return err
		}
		if wait = barred; wait == 0 && !seen.asleep {
			var class Priority
			none := len(seen.heads) == 0
			picked, class, wait = r.choose(seen.heads)
			if none && r.cursor != "" {
				wait = shortPause // more keys than one look shows, and nothing was ready among these
			}
			if len(picked) > 0 {
				f, err = r.claim(ctx, tx, picked, class, &ended)
				f.resumed = seen.resumed
			}
			if err != nil {
				return err
			}
		}
		more, err := r.outbox.ended(ctx, tx, r.lane.Account, ended)
		letters = append(letters, more...)
		return err
	})
	if err != nil {
		if len(picked) > 0 {
			r.landed(f.class)
			r.unsent = append(r.unsent, f.marked...)
		}
		return maxWait, false, err
	}
	r.unsent = nil
	r.outbox.deliver(letters)
	switch {
	case len(picked) == 0:
		return wait, false, nil
	case len(f.commands) == 0: // all were refused, or somebody rewrites them at this moment
		r.unsend(f.class)
		return shortPause, len(ended) > 0, nil
	case !r.outbox.leased():
		// Woken after a freeze. That these did not leave is certain, so it is noted even when the lane is somebody else's by now.
		r.flights.Go(func() {
			r.land(ctx, f, replyAll(len(f.commands), &Failure{Kind: Retry, Wide: true, Class: "not_sent"}))
		})
		return 0, false, errNotOurs
	}
	r.flights.Go(func() { r.fly(ctx, f) })
	return 0, true, nil
}

// seen is what one look at the lane shows.
type seen struct {
	asleep  bool
	resumed int64
	late    []int64
	due     []doubtful
	heads   []head
}

// holdLane checks inside the transaction that the lane is still ours, by the database's clock. The row stays locked, so nobody takes the lane over
// before the commit; inserts of commands, which lock it for their foreign key only, are not held up.
const holdLane = `SELECT asleep IS NOT NULL, direct, resumed FROM lane WHERE account_id = $1 AND id = $2 AND owner = $3 AND epoch = $4 AND lease_until > clock_timestamp() FOR NO KEY UPDATE`

// putBack undoes the marking of commands that did not leave.
const putBack = `UPDATE command SET state = 'ready' WHERE account_id = $1 AND id = ANY($2) AND state = 'sent' AND epoch = $3`

// lateQuery finds ready commands whose deadline is over, expireLate ends them.
const (
	lateQuery  = `SELECT id FROM command WHERE account_id = $1 AND lane_id = $2 AND state = 'ready' AND deadline IS NOT NULL AND deadline < $3 LIMIT 500`
	expireLate = `UPDATE command SET state = 'expired', class = 'expired', text = 'it could not leave in time', done_at = clock_timestamp()
		WHERE account_id = $1 AND id IN (SELECT id FROM command WHERE account_id = $1 AND id = ANY($2) AND state = 'ready' AND deadline < $3
		ORDER BY key COLLATE "C", id FOR NO KEY UPDATE) RETURNING id`
)

// look holds the lane and reads what there is to do, in one round trip. errNotOurs: the lane is somebody else's, nothing of this may be committed.
func (r *runner) look(ctx context.Context, tx pgx.Tx, heads bool, resting []string) (seen, error) {
	account, lane := int64(r.lane.Account), int64(r.lane.ID)
	var s seen
	var direct int64
	batch := &pgx.Batch{}
	batch.Queue(holdLane, account, lane, r.outbox.owner, r.epoch).QueryRow(func(row pgx.Row) error {
		err := row.Scan(&s.asleep, &direct, &s.resumed)
		if errors.Is(err, pgx.ErrNoRows) {
			return errNotOurs
		}
		return err
	})
	if len(r.unsent) > 0 {
		batch.Queue(putBack, account, r.unsent, r.epoch)
	}
	batch.Queue(lateQuery, account, lane, r.outbox.now()).Query(func(rows pgx.Rows) (err error) {
		s.late, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		return err
	})
	batch.Queue(dueQuery, account, lane).Query(func(rows pgx.Rows) (err error) {
		s.due, err = pgx.CollectRows(rows, r.doubtful)
		return err
	})
	if heads {
		batch.Queue(headsQuery, account, lane, r.cursor, scanKeys, resting).Query(func(rows pgx.Rows) (err error) {
			s.heads, err = r.readHeads(rows)
			return err
		})
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		if errors.Is(err, errNotOurs) {
			return s, errNotOurs
		}
		return s, fmt.Errorf("look at the lane: %w", err)
	}
	r.beside(direct)
	return s, nil
}

// unsend takes a request back that did not leave.
func (r *runner) unsend(class Priority) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.budget.flying[class]--
	r.budget.level = max(0, r.budget.level-1)
}

// outlook is how long nothing could leave, and what rests.
func (r *runner) outlook() (time.Duration, []string) {
	now := r.outbox.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.barred(now), r.resting(now)
}

// beside adds the requests that were made beside the lane since the last look.
func (r *runner) beside(direct int64) {
	now := r.outbox.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if more := direct - r.direct; more > 0 {
		r.budget.level, r.budget.levelAt, r.direct = r.budget.at(now)+float64(more), now, direct
	}
}

// tidy does what is due before anything leaves. A lane that sleeps only drops what is late. What ended is added to the list.
func (r *runner) tidy(ctx context.Context, tx pgx.Tx, s seen, ended *[]int64) ([]letter, error) {
	if s.asleep {
		s.due = nil
	}
	concerned := slices.Clone(s.late)
	for _, c := range s.due {
		concerned = append(concerned, int64(c.id))
	}
	if err := lockPlans(ctx, tx, r.lane.Account, concerned); err != nil {
		return nil, err
	}
	if len(s.late) > 0 {
		rows, err := tx.Query(ctx, expireLate, int64(r.lane.Account), s.late, r.outbox.now())
		if err != nil {
			return nil, fmt.Errorf("drop what is late: %w", err)
		}
		if *ended, err = pgx.AppendRows(*ended, rows, pgx.RowTo[int64]); err != nil {
			return nil, fmt.Errorf("drop what is late: %w", err)
		}
	}
	var letters []letter
	for _, c := range s.due {
		more, err := r.outbox.settleOne(ctx, tx, r.lane, c, ended)
		if err != nil {
			return nil, err
		}
		letters = append(letters, more...)
	}
	if len(s.due) > 0 {
		r.poke() // one of them may leave again
	}
	return letters, nil
}
