package inbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// ErrNotAside says that there is no such row set aside: it was decided about already, or never was.
var ErrNotAside = errors.New("this row is not set aside")

// Aside is a row that was given up. It blocks nothing and waits for a person.
type Aside struct {
	ID         int64
	Key        ids.Key
	Kind       string
	Attempts   int
	Error      string
	ReceivedAt time.Time
}

// Why sorts the reason: "panic" is a fault of ours, "unreadable" is what no repeat can cure, "failing" failed too often.
func (a Aside) Why() string {
	switch {
	case strings.HasPrefix(a.cause(), panicked):
		return "panic"
	case a.Attempts < maxAttempts:
		return "unreadable"
	}
	return "failing"
}

// cause is the reason without the key, which stands beside it.
func (a Aside) cause() string { return strings.TrimPrefix(a.Error, fmt.Sprintf(stepOf, a.Key)) }

// longestReason keeps a reason readable, in bytes.
const longestReason = 500

// Text is the reason in one line: without the stack of a panic.
func (a Aside) Text() string {
	line, _, _ := strings.Cut(strings.TrimPrefix(a.cause(), panicked), "\n")
	line = strings.ToValidUTF8(line, "�")
	if len(line) > longestReason {
		line = strings.ToValidUTF8(line[:longestReason], "") + "…"
	}
	return line
}

// ListAside reads rows that were set aside, newest first, below a number (0: from the newest on).
func ListAside(ctx context.Context, tx pgx.Tx, account ids.AccountID, before int64, limit int) ([]Aside, error) {
	rows, err := tx.Query(ctx, `SELECT id, key, kind, attempts, COALESCE(error, ''), received_at FROM inbox
		WHERE account_id = $1 AND aside_at IS NOT NULL AND done_at IS NULL AND ($2 = 0 OR id < $2) ORDER BY id DESC LIMIT $3`, int64(account), before, limit)
	return collectAside(rows, err)
}

// AsideOf reads rows of some keys that were set aside, newest first.
func AsideOf(ctx context.Context, tx pgx.Tx, account ids.AccountID, keys []ids.Key, limit int) ([]Aside, error) {
	rows, err := tx.Query(ctx, `SELECT id, key, kind, attempts, COALESCE(error, ''), received_at FROM inbox
		WHERE account_id = $1 AND key = ANY($2) AND aside_at IS NOT NULL AND done_at IS NULL ORDER BY id DESC LIMIT $3`, int64(account), keys, limit)
	return collectAside(rows, err)
}

func collectAside(rows pgx.Rows, err error) ([]Aside, error) {
	if err != nil {
		return nil, fmt.Errorf("read rows set aside: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Aside])
	if err != nil {
		return nil, fmt.Errorf("read rows set aside: %w", err)
	}
	return list, nil
}

// superseded gives up timers among rows set aside that have been set anew since: the newest of a name is the one that counts.
const superseded = `UPDATE inbox old SET done_at = $3 WHERE account_id = $1 AND key = $2 AND aside_at IS NOT NULL AND done_at IS NULL AND timer IS NOT NULL
	AND EXISTS (SELECT FROM inbox new WHERE new.account_id = old.account_id AND new.key = old.key AND new.timer = old.timer AND new.done_at IS NULL
		AND (new.aside_at IS NULL OR new.id > old.id))`

// Replay takes rows of a key that were set aside up again and tells how many. The caller wakes the key. now is the business time.
func Replay(ctx context.Context, tx pgx.Tx, account ids.AccountID, key ids.Key, now time.Time) (int64, error) {
	return replay(ctx, tx, account, key, 0, now)
}

// Again takes one row that was set aside up again and tells its key, which the caller wakes. now is the business time.
func Again(ctx context.Context, tx pgx.Tx, account ids.AccountID, id int64, now time.Time) (ids.Key, error) {
	var key ids.Key
	err := tx.QueryRow(ctx, `SELECT key FROM inbox WHERE account_id = $1 AND id = $2 AND aside_at IS NOT NULL AND done_at IS NULL`, int64(account), id).Scan(&key)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", ErrNotAside
	}
	if err != nil {
		return "", fmt.Errorf("find row %d: %w", id, err)
	}
	_, err = replay(ctx, tx, account, key, id, now)
	return key, err
}

// replay takes rows of a key up again, or one of them. It holds the key, so that no step sets a timer of the same name meanwhile.
func replay(ctx context.Context, tx pgx.Tx, account ids.AccountID, key ids.Key, id int64, now time.Time) (int64, error) {
	batch := &pgx.Batch{}
	batch.Queue(lockKey, string(key), int64(account))
	batch.Queue(superseded, int64(account), string(key), now)
	batch.Queue(`UPDATE inbox SET aside_at = NULL, attempts = 0, parked_until = NULL WHERE account_id = $1 AND key = $2 AND ($3 = 0 OR id = $3) AND aside_at IS NOT NULL AND done_at IS NULL`,
		int64(account), string(key), id)
	results := tx.SendBatch(ctx, batch)
	defer func() { _ = results.Close() }()
	var changed int64
	for range batch.Len() {
		tag, err := results.Exec()
		if err != nil {
			return 0, fmt.Errorf("replay rows of %s: %w", key, err)
		}
		changed = tag.RowsAffected()
	}
	return changed, nil
}

// Drop gives a row that was set aside up for good. It stays as long as done rows do, so a repeat of it is still recognised.
func Drop(ctx context.Context, tx pgx.Tx, account ids.AccountID, id int64, now time.Time) error {
	tag, err := tx.Exec(ctx, `UPDATE inbox SET done_at = $3 WHERE account_id = $1 AND id = $2 AND aside_at IS NOT NULL AND done_at IS NULL`, int64(account), id, now)
	if err != nil {
		return fmt.Errorf("drop row %d: %w", id, err)
	}
	if tag.RowsAffected() == 0 {
		return ErrNotAside
	}
	return nil
}
