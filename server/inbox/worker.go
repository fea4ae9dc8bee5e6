package inbox

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
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
	// maxAttempts is how often a failing row is tried before it is set aside; patientAttempts when each failure may have been the database's doing: a step
	// that timed out, or whose connection broke.
	maxAttempts     = 8
	patientAttempts = 20
	// bytesPerStep bounds what one transaction holds in memory of a key's rows; a single larger row is worked alone.
	bytesPerStep = 8 << 20
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
	// StepTimeout ends a step that hangs; 0 means 30 s.
	StepTimeout time.Duration
}

// Worker works keys: those it is told of at once, all others by a sweep once a second.
type Worker struct {
	db       *store.DB
	clock    clock.Clock
	log      *slog.Logger
	handlers map[string]Handler
	parallel int
	timeout  time.Duration
	queue    *queue
}

// NewWorker builds a worker; Run starts it. Wake and Do may be called before.
func NewWorker(o WorkerOptions) *Worker {
	if o.Parallel == 0 {
		o.Parallel = 16
	}
	if o.StepTimeout == 0 {
		o.StepTimeout = stepTimeout
	}
	return &Worker{db: o.DB, clock: o.Clock, log: o.Log, handlers: o.Handlers, parallel: o.Parallel, timeout: o.StepTimeout,
		queue: newQueue(queueLimit, o.Parallel)}
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
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	k := accountKey{row.Account, row.Key}
	out, err := w.step(ctx, k, &row, rowsPerStep)
	switch {
	case err != nil && out.failed != 0 && out.failed != out.inserted && !patient(err):
		// One of several rows failed, maybe this very one: a round without it tells whether the key is to be parked.
		w.log.Warn("an action failed together with what stood before it", "account", k.account, "key", k.key, "error", err)
		w.Wake(k.account, k.key)
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

// work runs one round of keys of one account and tells which of them have more to do. Those that may are worked in one transaction; when that fails,
// each is worked alone, and only the one that fails bears it.
func (w *Worker) work(keys []accountKey) (again []bool) {
	again = make([]bool, len(keys))
	var company []accountKey
	var at []int
	for i, k := range keys {
		if _, may := w.handlers[k.key.Kind()].(Stager); may && len(keys) > 1 {
			company, at = append(company, k), append(at, i)
			continue
		}
		again[i] = w.alone(k)
	}
	for i, more := range w.together(company) {
		again[at[i]] = more
	}
	return again
}

// together runs one round of keys in one transaction.
func (w *Worker) together(keys []accountKey) []bool {
	again := make([]bool, len(keys))
	if len(keys) > 1 {
		ctx, cancel := context.WithTimeout(context.Background(), w.timeout)
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
		if !errors.Is(err, ErrAlone) {
			w.log.Debug("keys not worked together, each goes alone", "account", keys[0].account, "keys", len(keys), "error", err)
		}
	}
	for i, k := range keys {
		again[i] = w.alone(k)
	}
	return again
}

// alone runs one round of a key and tells whether more is due. Errors are recorded, never returned.
func (w *Worker) alone(k accountKey) (again bool) {
	out, err := w.round(k, rowsPerStep)
	if err == nil {
		return out.more
	}
	if len(out.worked) > 1 {
		// Find the row that fails: alone at the head it is the culprit, and those before it go through.
		if out, err = w.round(k, 1); err == nil {
			return true
		}
	}
	if out.failed == 0 || store.NoRoom(err) {
		// Not begun, or not committed, because the database was away or full, or another server has the key.
		w.log.Warn("step not done, the sweep will take it up", "account", k.account, "key", k.key, "error", err)
		return false
	}
	w.fail(context.Background(), k, out.failed, err)
	return false
}

func (w *Worker) round(k accountKey, limit int) (outcome, error) {
	ctx, cancel := context.WithTimeout(context.Background(), w.timeout)
	defer cancel()
	return w.step(ctx, k, nil, limit)
}

// panicked is how the reason of a row begins whose step panicked.
const panicked = "panic: "

// panicError keeps the stack out of the reason that people read.
type panicError struct {
	text  string
	stack []byte
}

// Error implements error.
func (p panicError) Error() string { return panicked + p.text }

// fail counts an attempt of a row and parks its key, or sets the row aside for good.
func (w *Worker) fail(ctx context.Context, k accountKey, id int64, cause error) {
	attributes := []any{"account", k.account, "key", k.key, "row", id, "error", cause}
	var fault panicError
	if errors.As(cause, &fault) {
		attributes = append(attributes, "stack", string(fault.stack))
	}
	w.log.Error("step failed", attributes...)
	aside := maxAttempts
	switch {
	case isPermanent(cause):
		aside = 1
	case patient(cause):
		aside = patientAttempts
	}
	err := w.db.InAccount(ctx, k.account, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE inbox SET attempts = attempts + 1, error = $3,
			aside_at = CASE WHEN attempts + 1 >= $4 THEN $5::timestamptz END,
			parked_until = CASE WHEN attempts + 1 < $4 THEN now() + make_interval(secs => least(60, 0.25 * 2 ^ least(attempts, 20)) * (0.8 + random() * 0.4)) END
			WHERE account_id = $1 AND id = $2 AND done_at IS NULL AND aside_at IS NULL`, int64(k.account), id, readable(cause), aside, w.clock.Now())
		return err
	})
	if err != nil {
		w.log.Error("failed row not recorded, the sweep will take it up", "account", k.account, "key", k.key, "row", id, "error", err)
	}
}

// patient tells whether a failure may be the database's doing and not the row's.
func patient(err error) bool {
	return store.Unavailable(err) || errors.Is(err, context.DeadlineExceeded)
}

// reasonLimit is the longest reason that is kept, in characters.
const reasonLimit = 2000

// readable is an error's text as a column of text takes it: errors quote what people sent, NUL and broken characters included.
func readable(err error) string {
	text := store.Text(err.Error())
	if runes := []rune(text); len(runes) > reasonLimit {
		return string(runes[:reasonLimit]) + "…"
	}
	return text
}
