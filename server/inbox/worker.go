package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"omni/server/clock"
	"omni/server/ids"
	"omni/server/store"
)

// ErrParked says that an earlier row of the same key failed and holds the key; nothing was stored, the caller may try again.
var ErrParked = errors.New("an earlier event of this conversation is being retried")

const (
	// rowsPerStep bounds what one transaction works.
	rowsPerStep = 100
	// maxAttempts is how often a failing row is tried before it is set aside.
	maxAttempts = 8
	// queueLimit bounds the keys kept in memory; more are found by the sweep.
	queueLimit = 100_000
	// stepTimeout ends a step that hangs; its transaction rolls back and the key is tried again.
	stepTimeout = 30 * time.Second
)

// WorkerOptions are the parts a worker is made of.
type WorkerOptions struct {
	DB    *store.DB
	Clock clock.Clock
	Log   *slog.Logger
	// Handlers by kind of key: "chat", "client" …
	Handlers map[string]Handler
	// Parallel is how many keys are worked at once; 0 means 16.
	Parallel int
}

// Worker works keys: those it is told of at once, all others by a sweep once a second.
type Worker struct {
	db       *store.DB
	clock    clock.Clock
	log      *slog.Logger
	handlers map[string]Handler
	parallel int
	queue    *queue
}

// NewWorker builds a worker; Run starts it. Wake and Do may be called before.
func NewWorker(o WorkerOptions) *Worker {
	if o.Parallel == 0 {
		o.Parallel = 16
	}
	return &Worker{db: o.DB, clock: o.Clock, log: o.Log, handlers: o.Handlers, parallel: o.Parallel, queue: newQueue(queueLimit)}
}

// Wake hints that a key has due rows. It never blocks.
func (w *Worker) Wake(account ids.AccountID, key ids.Key) { w.queue.push(account, key) }

// Run works keys until ctx ends; steps under way are finished first.
func (w *Worker) Run(ctx context.Context) error {
	group := errgroup.Group{}
	stop := context.AfterFunc(ctx, w.queue.close)
	defer stop()
	for range w.parallel {
		group.Go(func() error {
			for {
				keys := w.queue.pop()
				if keys == nil {
					return nil
				}
				again := w.work(keys)
				w.queue.done(keys, func(i int) bool { return again[i] })
			}
		})
	}
	group.Go(func() error { return w.sweep(ctx) })
	group.Go(func() error { return w.cleanUp(ctx) })
	return group.Wait()
}

// Do runs the key's step inline for a row whose sender waits: pending rows first, then this one, one transaction. It returns
// what the handler answered or refused; nothing at all when so much stood before it that the caller must look for himself.
// ErrRepeat: it was done before; ErrParked: nothing was stored.
func (w *Worker) Do(ctx context.Context, row Row) (any, error) {
	if err := row.check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	k := accountKey{row.Account, row.Key}
	out, err := w.step(ctx, k, &row, rowsPerStep)
	switch {
	case err != nil && out.failed != 0 && out.failed != out.inserted:
		w.fail(context.WithoutCancel(ctx), k, out.failed, err)
		return nil, ErrParked
	case err != nil:
		return nil, err
	case out.inserted == 0:
		return nil, ErrRepeat
	case out.worked[out.inserted]:
		return out.answer, out.refusal
	}
	// More than one step's worth of rows stood before it: it is durable now, and the next rounds reach it.
	return nil, w.drain(ctx, k)
}

// drain works a key until nothing due is left of it.
func (w *Worker) drain(ctx context.Context, k accountKey) error {
	for {
		out, err := w.step(ctx, k, nil, rowsPerStep)
		if err != nil {
			return err
		}
		if !out.more {
			return nil
		}
	}
}

// work runs one round of keys of one account and tells which of them have more to do. Keys that wait together are worked in one transaction; when that
// fails, each is worked alone, and only the one that fails bears it.
func (w *Worker) work(keys []accountKey) (again []bool) {
	again = make([]bool, len(keys))
	if len(keys) > 1 {
		ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
		defer cancel()
		outs, err := w.steps(ctx, keys, nil, rowsPerStep)
		if err == nil {
			for i, out := range outs {
				again[i] = out.more || out.held
			}
			return again
		}
		if store.Unavailable(err) {
			w.log.Warn("step not done, the sweep will take it up", "account", keys[0].account, "keys", len(keys), "error", err)
			return again
		}
		w.log.Debug("keys not worked together, each goes alone", "account", keys[0].account, "keys", len(keys), "error", err)
	}
	for i, k := range keys {
		again[i] = w.alone(k)
	}
	return again
}

// alone runs one round of a key and tells whether more is due. Errors are recorded, never returned.
func (w *Worker) alone(k accountKey) (again bool) {
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	out, err := w.step(ctx, k, nil, rowsPerStep)
	if err == nil {
		return out.more
	}
	if store.Unavailable(err) || errors.Is(err, context.DeadlineExceeded) {
		w.log.Warn("step not done, the sweep will take it up", "account", k.account, "key", k.key, "error", err)
		return false
	}
	if len(out.worked) > 1 {
		// Find the row that fails: alone at the head it is the culprit, and those before it go through.
		out, err = w.step(ctx, k, nil, 1)
		if err == nil {
			return true
		}
	}
	if out.failed != 0 && !store.Unavailable(err) {
		w.fail(context.Background(), k, out.failed, err)
	}
	return false
}

// outcome tells what one step did.
type outcome struct {
	inserted int64
	worked   map[int64]bool
	more     bool
	// held: somebody else works the key.
	held    bool
	failed  int64
	answer  any
	refusal error
}

// step works one key.
func (w *Worker) step(ctx context.Context, k accountKey, row *Row, limit int) (outcome, error) {
	outs, err := w.steps(ctx, []accountKey{k}, row, limit)
	return outs[0], err
}

// part is one key of a transaction.
type part struct {
	taking
	handler Handler
	early   any
	step    *Step
	out     outcome
}

// steps works keys of one account in one transaction. All of them are done, or none.
func (w *Worker) steps(ctx context.Context, keys []accountKey, row *Row, limit int) ([]outcome, error) {
	now := w.clock.Now()
	parts := make([]*part, len(keys))
	outs := make([]outcome, len(keys))
	for i, k := range keys {
		parts[i] = &part{taking: taking{key: k, row: row, now: now, limit: limit, try: i > 0}, handler: w.handlers[k.key.Kind()], out: outcome{worked: map[int64]bool{}}}
		if parts[i].handler == nil {
			return outs, fmt.Errorf("no handler for keys of kind %q", k.key.Kind())
		}
	}
	err := w.db.InAccountPiped(ctx, keys[0].account, func(batch *pgx.Batch) {
		for _, p := range parts {
			p.queue(batch)
			if reader, ok := p.handler.(Reader); ok {
				p.early = reader.Read(batch, p.key.account, p.key.key)
			}
		}
	}, func(ctx context.Context, tx pgx.Tx, last *pgx.Batch) error {
		for _, p := range parts {
			if err := p.decide(ctx, tx); err != nil {
				return err
			}
		}
		return finish(last, parts)
	})
	for i, p := range parts {
		if err == nil || store.Unavailable(err) {
			p.out.failed = 0
		}
		outs[i] = p.out
	}
	if err != nil {
		return outs, fmt.Errorf("step of %s: %w", keys[0].key, err)
	}
	for _, p := range parts {
		if p.step != nil {
			w.committed(p.step)
		}
	}
	return outs, nil
}

// decide lets the handler work the due rows of the key.
func (p *part) decide(ctx context.Context, tx pgx.Tx) error {
	switch {
	case !p.locked:
		p.out.held = true
		return nil
	case p.parked && p.row != nil:
		return ErrParked
	case p.parked:
		return nil // a row that failed holds its key: nothing may overtake it
	}
	p.out.inserted = p.inserted
	if len(p.events) == 0 {
		return nil
	}
	p.step = newStep(p.key.account, p.key.key, p.now, tx, p.early)
	for _, e := range p.events {
		p.out.worked[e.ID] = true
	}
	p.out.failed = p.events[0].ID
	if err := protect(ctx, p.handler, p.step, p.events); err != nil {
		return err
	}
	p.out.more = len(p.events) == p.limit
	p.out.answer, p.out.refusal = p.step.answers[p.inserted], p.step.refused[p.inserted]
	return nil
}

// finish queues what the steps write; what has to be last is last behind all of them.
func finish(batch *pgx.Batch, parts []*part) error {
	for _, p := range parts {
		if p.step != nil {
			if err := p.step.finish(batch, p.events); err != nil {
				return err
			}
		}
	}
	for _, p := range parts {
		if p.step == nil {
			continue
		}
		for _, fn := range p.step.last {
			if err := fn(batch); err != nil {
				return err
			}
		}
	}
	return nil
}

// committed passes on what became durable.
func (w *Worker) committed(step *Step) {
	for _, key := range step.woken() {
		w.Wake(step.Account, key)
	}
	for _, fn := range step.after {
		fn()
	}
}

// lockKey is held to the end of the step; tryKey takes it only when nobody else holds it.
const (
	lockKey = `SELECT pg_advisory_xact_lock(hashtextextended($1, $2))`
	tryKey  = `SELECT pg_try_advisory_xact_lock(hashtextextended($1, $2))`
)

const dueRows = `SELECT id, kind, body, received_at, due_at, COALESCE(timer, ''), attempts, COALESCE(parked_until > now(), false)
FROM inbox WHERE account_id = $1 AND key = $2 AND done_at IS NULL AND aside_at IS NULL AND NOT deferred AND due_at <= $3
ORDER BY id LIMIT $4`

// taking is what a step begins with: the key's lock, the row it is called for, and the due rows.
type taking struct {
	key   accountKey
	row   *Row
	now   time.Time
	limit int
	// try: the key is left alone when somebody else holds it, so that nobody waits for a lock while holding another.
	try bool

	locked   bool
	inserted int64
	events   []Event
	parked   bool
}

// queue asks for it. The lock is a statement of its own: the next snapshot must be taken after it is ours.
func (t *taking) queue(batch *pgx.Batch) {
	switch {
	case sabotageLock:
		t.locked = true
	case t.try:
		batch.Queue(tryKey, string(t.key.key), int64(t.key.account)).QueryRow(func(row pgx.Row) error { return row.Scan(&t.locked) })
	default:
		batch.Queue(lockKey, string(t.key.key), int64(t.key.account)).Exec(func(pgconn.CommandTag) error { t.locked = true; return nil })
	}
	if t.row != nil {
		sql, args := t.row.statement(t.now)
		batch.Queue(sql+` RETURNING id`, args...).QueryRow(func(row pgx.Row) error {
			err := row.Scan(&t.inserted)
			if errors.Is(err, pgx.ErrNoRows) {
				// A repeat. The step still goes on, so that what it repeats is done when the caller looks.
				return nil
			}
			return err
		})
	}
	batch.Queue(dueRows, int64(t.key.account), string(t.key.key), t.now, t.limit).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var e Event
			var parked bool
			if err := rows.Scan(&e.ID, &e.Kind, &e.Body, &e.ReceivedAt, &e.DueAt, &e.Timer, &e.Attempts, &parked); err != nil {
				return fmt.Errorf("read due row: %w", err)
			}
			t.parked = t.parked || parked
			t.events = append(t.events, e)
		}
		return rows.Err()
	})
}

// protect turns a panic of a handler into an error of its row, so that one poisoned row cannot stop the server.
func protect(ctx context.Context, h Handler, step *Step, events []Event) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic in step: %v\n%s", r, debug.Stack())
		}
	}()
	return h.Step(ctx, step, events)
}

// fail counts an attempt of a row and parks its key, or sets the row aside for good.
func (w *Worker) fail(ctx context.Context, k accountKey, id int64, cause error) {
	w.log.Error("step failed", "account", k.account, "key", k.key, "row", id, "error", cause)
	aside := maxAttempts
	if isPermanent(cause) {
		aside = 1
	}
	err := w.db.InAccount(ctx, k.account, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE inbox SET attempts = attempts + 1, error = $3,
			aside_at = CASE WHEN attempts + 1 >= $4 THEN $5::timestamptz END,
			parked_until = CASE WHEN attempts + 1 < $4 THEN now() + make_interval(secs => least(60, 0.25 * 2 ^ attempts) * (0.8 + random() * 0.4)) END
			WHERE account_id = $1 AND id = $2 AND done_at IS NULL AND aside_at IS NULL`, int64(k.account), id, cause.Error(), aside, w.clock.Now())
		return err
	})
	if err != nil {
		w.log.Error("failed row not recorded, the sweep will take it up", "account", k.account, "key", k.key, "row", id, "error", err)
	}
}
