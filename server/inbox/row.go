// Package inbox is the durable intake of everything that happens: rows ordered per key, worked one transaction at a time, never lost and never done twice.
package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// Row is something that happened (a webhook, an event, an operator's action), a letter of one key to another, the answer to a command, or a timer.
type Row struct {
	Account ids.AccountID
	Key     ids.Key
	// Kind names what it is and who understands it, e.g. "uis.message", "b24.ONCRMLEADUPDATE", "letter.entities".
	Kind string
	// Natural is the sender's own id, unique per account; a second row with it has no effect. Empty: always new.
	Natural string
	// Body is kept as received, byte by byte.
	Body []byte
	// Due is the business time the row is worked at the earliest; zero means at once.
	Due time.Time
	// Timer names a timer of its key. A timer replaces the open one of the same name.
	Timer string
}

// Event is a row handed to a step.
type Event struct {
	ID         int64
	Kind       string
	Body       []byte
	ReceivedAt time.Time
	DueAt      time.Time
	Timer      string
	Attempts   int
}

// ErrRepeat says that a row with the same natural id is there already: whatever it asked for was asked before.
var ErrRepeat = errors.New("this was received before")

const insertRow = `INSERT INTO inbox (account_id, key, kind, natural_id, timer, body, received_at, due_at)
VALUES ($1, $2, $3, NULLIF($4, ''), NULLIF($5, ''), $6, $7, $8)
ON CONFLICT (account_id, natural_id) WHERE natural_id IS NOT NULL DO NOTHING`

const replaceTimer = `INSERT INTO inbox (account_id, key, kind, natural_id, timer, body, received_at, due_at)
VALUES ($1, $2, $3, NULLIF($4, ''), $5, $6, $7, $8)
ON CONFLICT (account_id, key, timer) WHERE timer IS NOT NULL AND done_at IS NULL AND aside_at IS NULL
DO UPDATE SET kind = EXCLUDED.kind, body = EXCLUDED.body, due_at = EXCLUDED.due_at`

func (r Row) statement(now time.Time) (string, []any) {
	due := r.Due
	if due.IsZero() {
		due = now
	}
	body := r.Body
	if body == nil {
		body = []byte{}
	}
	args := []any{int64(r.Account), string(r.Key), r.Kind, r.Natural, r.Timer, body, now, due}
	if r.Timer != "" {
		return replaceTimer, args
	}
	return insertRow, args
}

// Post writes rows inside somebody else's transaction; whoever commits it wakes the keys. now is the business time.
func Post(ctx context.Context, tx pgx.Tx, now time.Time, rows ...Row) error {
	if len(rows) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	for _, row := range rows {
		if err := row.check(); err != nil {
			return err
		}
		sql, args := row.statement(now)
		batch.Queue(sql, args...)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("post %d inbox rows: %w", len(rows), err)
	}
	return nil
}

// Cancel removes open timers of a key by name.
func Cancel(ctx context.Context, tx pgx.Tx, account ids.AccountID, key ids.Key, timers ...string) error {
	if len(timers) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `DELETE FROM inbox WHERE account_id = $1 AND key = $2 AND timer = ANY($3) AND done_at IS NULL AND aside_at IS NULL`,
		int64(account), string(key), timers)
	if err != nil {
		return fmt.Errorf("cancel timers of %s: %w", key, err)
	}
	return nil
}

func (r Row) check() error {
	switch {
	case r.Account <= 0:
		return fmt.Errorf("inbox row %s: no account", r.Kind)
	case r.Key == "":
		return fmt.Errorf("inbox row %s: no key", r.Kind)
	case r.Kind == "":
		return fmt.Errorf("inbox row of %s: no kind", r.Key)
	}
	return nil
}
