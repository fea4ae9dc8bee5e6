// Package relay carries what open pages must see: the durable feed with its gapless numbers, and the live fan-out to sockets with resume.
package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// Event is one entry of an account's feed.
type Event struct {
	// Name is one of design section 6: chat.added, chat.changed, message.added, message.changed, line.changed, settings.changed, job.changed, portal.changed …
	Name string
	// Data is what the page gets.
	Data any
	// Employee is whose chat it is about: he and those who may see others' chats get it. Zero: everybody.
	Employee ids.UISEmployeeID
}

// Keep is how long the feed keeps entries at least: its days are dropped whole. A socket that missed more is told to reload.
const Keep = 24 * time.Hour

// Append writes events with the account's next numbers. It must be the last statement of its transaction: the row lock on the
// head makes numbers visible in order, and everything after it would hold that lock longer.
func Append(ctx context.Context, tx pgx.Tx, account ids.AccountID, now time.Time, events ...Event) error {
	batch := &pgx.Batch{}
	if err := Queue(batch, account, now, events...); err != nil || batch.Len() == 0 {
		return err
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("append %d feed events: %w", len(events), err)
	}
	return nil
}

// Queue is Append as the last statement of a batch. When COMMIT follows in the same batch, the lock on the head is held for no round trip.
func Queue(batch *pgx.Batch, account ids.AccountID, now time.Time, events ...Event) error {
	if len(events) == 0 {
		return nil
	}
	names := make([]string, len(events))
	data := make([]string, len(events))
	employees := make([]int64, len(events))
	for i, e := range events {
		raw, err := json.Marshal(e.Data)
		if err != nil {
			return fmt.Errorf("encode feed event %s: %w", e.Name, err)
		}
		names[i], data[i], employees[i] = e.Name, string(raw), int64(e.Employee)
	}
	batch.Queue(`WITH head AS (
		INSERT INTO feed_head (account_id, seq) VALUES ($1, $2) ON CONFLICT (account_id) DO UPDATE SET seq = feed_head.seq + $2 RETURNING seq)
		INSERT INTO feed (account_id, seq, name, data, employee, created_at)
		SELECT $1, head.seq - $2 + e.n, e.name, e.data::jsonb, NULLIF(e.employee, 0), $6
		FROM head, unnest($3::text[], $4::text[], $5::bigint[]) WITH ORDINALITY AS e(name, data, employee, n)`,
		int64(account), len(events), names, data, employees, now)
	return nil
}

// Entry is a feed event as stored.
type Entry struct {
	Seq      int64
	Name     string
	Data     json.RawMessage
	Employee ids.UISEmployeeID
}

// head reads the newest number of the account's feed and the oldest one since a time. An empty feed answers (0, 0).
func head(ctx context.Context, tx pgx.Tx, account ids.AccountID, since time.Time) (newest, oldest int64, err error) {
	err = tx.QueryRow(ctx, `SELECT COALESCE((SELECT seq FROM feed_head WHERE account_id = $1), 0),
		COALESCE((SELECT min(seq) FROM feed WHERE account_id = $1 AND created_at >= $2), 0)`, int64(account), since).Scan(&newest, &oldest)
	if err != nil {
		return 0, 0, fmt.Errorf("read feed head of account %d: %w", account, err)
	}
	return newest, oldest, nil
}

const entriesAfter = `SELECT seq, name, data, COALESCE(employee, 0) FROM feed WHERE account_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`

// after reads entries above a number, oldest first.
func after(ctx context.Context, tx pgx.Tx, account ids.AccountID, seq int64, limit int) ([]Entry, error) {
	var entries []Entry
	batch := &pgx.Batch{}
	queueAfter(batch, account, seq, limit, &entries)
	return entries, tx.SendBatch(ctx, batch).Close()
}

// queueAfter is after as a statement of a batch.
func queueAfter(batch *pgx.Batch, account ids.AccountID, seq int64, limit int, into *[]Entry) {
	batch.Queue(entriesAfter, int64(account), seq, limit).Query(func(rows pgx.Rows) error {
		var err error
		*into, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Entry, error) {
			var e Entry
			err := row.Scan(&e.Seq, &e.Name, &e.Data, &e.Employee)
			return e, err
		})
		if err != nil {
			return fmt.Errorf("read feed of account %d after %d: %w", account, seq, err)
		}
		return nil
	})
}

// gapless tells whether entries follow a number without a hole.
func gapless(entries []Entry, seq int64) bool {
	for _, e := range entries {
		if seq++; e.Seq != seq {
			return false
		}
	}
	return true
}
