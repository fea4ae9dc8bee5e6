package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// Handler works the due rows of one key in one transaction. It reads its state through the step's transaction, decides, and
// writes; it never calls a network. An error rolls everything back and parks the key.
type Handler interface {
	Step(ctx context.Context, step *Step, events []Event) error
}

// Reader is a Handler that knows by the key alone what it will look at: its reads travel with the worker's own, behind the key's lock.
type Reader interface {
	Handler
	// Read queues the reads and returns what their results go into; the step gets it by Found. It may run for a key without due rows.
	Read(batch *pgx.Batch, account ids.AccountID, key ids.Key) any
}

// Stager is a Reader whose step is in two stages: what it has still to read when it has seen its rows, and what it decides then. Keys of one account
// that wait in a crowd are worked in one transaction when their handlers are Stagers: what all of them read is one round trip, and so is what they write.
// No handler may look in a table for what the step of another key writes, unless it asks to be alone.
type Stager interface {
	Reader
	// Begin queues the reads; decide is called when they have run.
	Begin(ctx context.Context, step *Step, events []Event, reads *pgx.Batch) (decide func(ctx context.Context) error, err error)
}

// ErrAlone is what Begin answers when the step may not share its transaction with other keys (Step.Company): it comes again, alone.
var ErrAlone = errors.New("this step goes alone")

// Staged is the Step of a Stager.
func Staged(ctx context.Context, s Stager, step *Step, events []Event) error {
	reads := &pgx.Batch{}
	decide, err := s.Begin(ctx, step, events, reads)
	if err != nil {
		return err
	}
	if err := step.Tx.SendBatch(ctx, reads).Close(); err != nil {
		return fmt.Errorf("read what %s needs: %w", step.Key, err)
	}
	return decide(ctx)
}

// HandlerFunc is a Handler made of a function.
type HandlerFunc func(ctx context.Context, step *Step, events []Event) error

// Step implements Handler.
func (f HandlerFunc) Step(ctx context.Context, step *Step, events []Event) error {
	return f(ctx, step, events)
}

// Permanent marks an error that no repeat can cure: the row is set aside at once with this reason.
func Permanent(err error) error { return permanentError{err} }

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// Step is one transaction over one key.
type Step struct {
	Account ids.AccountID
	Key     ids.Key
	// Now is the business time of this step.
	Now time.Time
	// Tx is the step's transaction. Row level security lets it see this account only.
	Tx pgx.Tx
	// Company: other keys are worked in the same transaction.
	Company bool

	early    any
	deferred map[int64]bool
	refused  map[int64]error
	answers  map[int64]any
	letters  []Row
	cancels  []string
	release  bool
	writes   []func(batch *pgx.Batch)
	last     []func(batch *pgx.Batch) error
	after    []func()
}

// Found is what the handler's Read returned, filled. It is read now when the handler that the worker knows is another one, which calls this one.
func (s *Step) Found(ctx context.Context, r Reader) (any, error) {
	if s.early != nil {
		return s.early, nil
	}
	batch := &pgx.Batch{}
	found := r.Read(batch, s.Account, s.Key)
	if err := s.Tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("read what %s needs: %w", s.Key, err)
	}
	return found, nil
}

// Defer keeps an event that cannot be used yet; it comes again when a later step of this key calls Release.
func (s *Step) Defer(e Event) { s.deferred[e.ID] = true }

// Release lets the deferred events of this key come again, in their order.
func (s *Step) Release() { s.release = true }

// Refuse ends an event as not allowed. Somebody who waits for it (Worker.Do) gets err; nothing else follows from it.
func (s *Step) Refuse(e Event, err error) { s.refused[e.ID] = err }

// Answer gives somebody who waits for the event (Worker.Do) its result.
func (s *Step) Answer(e Event, result any) { s.answers[e.ID] = result }

// Letter posts a row to another key (or this one) in the same transaction.
func (s *Step) Letter(row Row) {
	row.Account = s.Account
	s.letters = append(s.letters, row)
}

// Timer sets a timer of this key, replacing an open one of that name.
func (s *Step) Timer(name string, at time.Time, kind string, body []byte) {
	s.Letter(Row{Key: s.Key, Kind: kind, Body: body, Due: at, Timer: name})
}

// CancelTimer removes an open timer of this key.
func (s *Step) CancelTimer(name string) { s.cancels = append(s.cancels, name) }

// Write adds statements whose results nobody looks at: they travel with COMMIT. What goes through Tx is executed before all of them.
func (s *Step) Write(fn func(batch *pgx.Batch)) { s.writes = append(s.writes, fn) }

// Last adds the last statements of the transaction, behind those of Write; the feed takes its numbers there.
func (s *Step) Last(fn func(batch *pgx.Batch) error) { s.last = append(s.last, fn) }

// AfterCommit adds work done when the transaction is durable (hints); it must not block.
func (s *Step) AfterCommit(fn func()) { s.after = append(s.after, fn) }

func newStep(account ids.AccountID, key ids.Key, now time.Time, tx pgx.Tx, early any) *Step {
	return &Step{Account: account, Key: key, Now: now, Tx: tx, early: early,
		deferred: map[int64]bool{}, refused: map[int64]error{}, answers: map[int64]any{}}
}

// finish queues what the step wrote, what it decided about the rows themselves, and letters.
func (s *Step) finish(batch *pgx.Batch, events []Event) error {
	for _, fn := range s.writes {
		fn(batch)
	}
	var done, deferred []int64
	for _, e := range events {
		switch {
		case s.deferred[e.ID]:
			deferred = append(deferred, e.ID)
		case s.refused[e.ID] != nil:
			batch.Queue(`UPDATE inbox SET done_at = $3, error = $4 WHERE account_id = $1 AND id = $2`, int64(s.Account), e.ID, s.Now, readable(s.refused[e.ID]))
		default:
			done = append(done, e.ID)
		}
	}
	if len(s.cancels) > 0 {
		batch.Queue(`DELETE FROM inbox WHERE account_id = $1 AND key = $2 AND timer = ANY($3) AND done_at IS NULL AND aside_at IS NULL`,
			int64(s.Account), string(s.Key), s.cancels)
	}
	if len(done) > 0 {
		batch.Queue(`UPDATE inbox SET done_at = $3, parked_until = NULL, error = NULL WHERE account_id = $1 AND id = ANY($2)`, int64(s.Account), done, s.Now)
	}
	if s.release {
		batch.Queue(`UPDATE inbox SET deferred = false WHERE account_id = $1 AND key = $2 AND deferred AND done_at IS NULL AND aside_at IS NULL`, int64(s.Account), string(s.Key))
	}
	if len(deferred) > 0 {
		// After the release on purpose: what this very step put off waits for the next one.
		batch.Queue(`UPDATE inbox SET deferred = true WHERE account_id = $1 AND id = ANY($2)`, int64(s.Account), deferred)
	}
	for _, row := range s.letters {
		if err := row.check(); err != nil {
			return err
		}
		sql, args := row.statement(s.Now)
		batch.Queue(sql, args...)
	}
	return nil
}

// woken lists the other keys this step wrote to.
func (s *Step) woken() []ids.Key {
	var keys []ids.Key
	for _, row := range s.letters {
		if row.Due.IsZero() || !row.Due.After(s.Now) {
			keys = append(keys, row.Key)
		}
	}
	if s.release {
		keys = append(keys, s.Key)
	}
	return keys
}

func isPermanent(err error) bool {
	var p permanentError
	return errors.As(err, &p)
}
