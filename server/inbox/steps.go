package inbox

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

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
	stage   func(ctx context.Context) error
	decided bool
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
		reads := &pgx.Batch{}
		for _, p := range parts {
			if err := p.begin(ctx, tx, reads, len(parts) > 1); err != nil {
				return err
			}
		}
		if reads.Len() > 0 {
			if err := tx.SendBatch(ctx, reads).Close(); err != nil {
				return fmt.Errorf("read what %d keys need: %w", len(parts), err)
			}
		}
		for _, p := range parts {
			if err := p.decide(ctx); err != nil {
				return err
			}
		}
		return protect(func() error { return finish(last, parts) })
	})
	for i, p := range parts {
		if err == nil || p.decided && notCommitted(err) {
			p.out.failed = 0
		}
		outs[i] = p.out
	}
	if err != nil {
		return outs, fmt.Errorf(stepOf+"%w", keys[0].key, err)
	}
	for _, p := range parts {
		if p.step != nil {
			w.committed(p.step)
		}
	}
	return outs, nil
}

// notCommitted tells whether the writing of a decided step failed because of the database. What the database refuses it refuses again.
func notCommitted(err error) bool {
	return patient(err) || errors.Is(err, context.Canceled)
}

// begin looks at what the key has due, and lets a handler in stages ask for what it needs.
func (p *part) begin(ctx context.Context, tx pgx.Tx, reads *pgx.Batch, company bool) error {
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
	p.step.Company = company
	for _, e := range p.events {
		p.out.worked[e.ID] = true
	}
	p.out.failed = p.events[0].ID
	stager, ok := p.handler.(Stager)
	if !ok {
		p.stage = func(ctx context.Context) error { return p.handler.Step(ctx, p.step, p.events) }
		return nil
	}
	return protect(func() (err error) {
		p.stage, err = stager.Begin(ctx, p.step, p.events, reads)
		return err
	})
}

// decide lets the handler work the due rows of the key.
func (p *part) decide(ctx context.Context) error {
	if p.step == nil {
		return nil
	}
	if err := protect(func() error { return p.stage(ctx) }); err != nil {
		return err
	}
	p.decided = true
	p.out.more = p.left || len(p.events) == p.limit
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

// stepOf is how every reason of a row begins.
const stepOf = "step of %s: "

// committed passes on what became durable.
func (w *Worker) committed(step *Step) {
	for _, key := range step.woken() {
		w.Wake(step.Account, key)
	}
	for _, fn := range step.after {
		if err := protect(func() error { fn(); return nil }); err != nil {
			w.log.Error("a hint after a step failed, the looks once a second make up for it", "account", step.Account, "key", step.Key, "error", err)
		}
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
	// left: rows were left for the next step, as their bodies are big.
	left bool
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
		size := 0
		for rows.Next() {
			var e Event
			var parked bool
			if err := rows.Scan(&e.ID, &e.Kind, &e.Body, &e.ReceivedAt, &e.DueAt, &e.Timer, &e.Attempts, &parked); err != nil {
				return fmt.Errorf("read due row: %w", err)
			}
			t.parked = t.parked || parked
			if size += len(e.Body); t.left || len(t.events) > 0 && size > bytesPerStep {
				t.left = true
				continue
			}
			t.events = append(t.events, e)
		}
		return rows.Err()
	})
}

// protect turns a panic into an error, so that one poisoned row cannot stop the server.
func protect(work func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = panicError{fmt.Sprint(r), debug.Stack()}
		}
	}()
	return work()
}
