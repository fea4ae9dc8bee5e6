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
	look := func(ctx context.Context, tx pgx.Tx) error {
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
				f.class = class
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
	}
	err := r.outbox.guardedErr(r.lane, "round", func() error { return r.outbox.db.InAccount(ctx, r.lane.Account, look) })
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
		WHERE account_id = $1 AND id = ANY(ARRAY(SELECT id FROM command WHERE account_id = $1 AND id = ANY($2) AND state = 'ready' AND deadline < $3
		ORDER BY key COLLATE "C", id FOR NO KEY UPDATE)) RETURNING id`
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
