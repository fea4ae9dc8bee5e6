// Package flow writes what a decision comes to (letters, timers, commands, feed events, reasons) inside the transaction of its step.
package flow

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
	"omni/server/relay"
)

// Outcome is what a pure decision comes to. It holds plain data; Apply writes it.
type Outcome struct {
	Letters  []inbox.Row
	Timers   []Timer
	Cancel   []string
	Commands []outbox.Command
	// Replaced are refused commands that others take the place of: nobody may repeat them any more.
	Replaced []ids.CommandID
	// Seen are effects of own commands that an event showed.
	Seen    []outbox.Seen
	Feed    []relay.Event
	Reasons []Reason
}

// Timer is a row of the deciding key that becomes due later; an open one of that name is replaced.
type Timer struct {
	Name string
	At   time.Time
	Kind string
	Body []byte
}

// Reason says why something was decided. Ref names the communication (chat:4711).
type Reason struct {
	Ref     string
	Code    string
	Args    map[string]any
	Version int
}

// Waker is told which lanes got work, after the commit.
type Waker interface {
	Enqueue(ctx context.Context, tx pgx.Tx, account ids.AccountID, commands ...outbox.Command) ([]ids.CommandID, []outbox.LaneRef, error)
	ConfirmSeen(ctx context.Context, tx pgx.Tx, account ids.AccountID, seen outbox.Seen) (bool, error)
	Wake(account ids.AccountID, lane outbox.LaneRef)
}

// Feed is told which accounts have news, after the commit.
type Feed interface{ Grew(account ids.AccountID) }

// Writer writes outcomes.
type Writer struct {
	lanes Waker
	feed  Feed
}

// NewWriter builds a writer over the outbox and the relay.
func NewWriter(lanes Waker, feed Feed) *Writer { return &Writer{lanes: lanes, feed: feed} }

// Apply writes an outcome as part of the step. The feed takes its numbers last.
func (w *Writer) Apply(ctx context.Context, step *inbox.Step, out Outcome) error {
	if sabotageFeed {
		if err := w.feedFirst(ctx, step, out.Feed); err != nil {
			return err
		}
		out.Feed = nil
	}
	for _, letter := range out.Letters {
		step.Letter(letter)
	}
	for _, t := range out.Timers {
		step.Timer(t.Name, t.At, t.Kind, t.Body)
	}
	for _, name := range out.Cancel {
		step.CancelTimer(name)
	}
	for _, seen := range out.Seen {
		if _, err := w.lanes.ConfirmSeen(ctx, step.Tx, step.Account, seen); err != nil {
			return err
		}
	}
	if len(out.Replaced) > 0 {
		step.Write(func(batch *pgx.Batch) { outbox.QueueReplaced(batch, step.Account, out.Replaced) })
	}
	if err := w.enqueue(ctx, step, out.Commands); err != nil {
		return err
	}
	notes := &pgx.Batch{}
	if err := note(notes, step.Account, step.Now, out.Reasons); err != nil {
		return err
	}
	step.Write(func(batch *pgx.Batch) { batch.QueuedQueries = append(batch.QueuedQueries, notes.QueuedQueries...) })
	if len(out.Feed) > 0 {
		step.Last(func(batch *pgx.Batch) error { return relay.Queue(batch, step.Account, step.Now, out.Feed...) })
		step.AfterCommit(func() { w.feed.Grew(step.Account) })
	}
	return nil
}

func (w *Writer) enqueue(ctx context.Context, step *inbox.Step, commands []outbox.Command) error {
	if len(commands) == 0 {
		return nil
	}
	_, lanes, err := w.lanes.Enqueue(ctx, step.Tx, step.Account, commands...)
	if err != nil {
		return fmt.Errorf("enqueue %d commands of %s: %w", len(commands), step.Key, err)
	}
	step.AfterCommit(func() {
		for _, lane := range lanes {
			w.lanes.Wake(step.Account, lane)
		}
	})
	return nil
}

// KeepReasons is how long the "Why?" page remembers.
const KeepReasons = 90 * 24 * time.Hour

// Note stores reasons for the "Why?" page.
func Note(ctx context.Context, tx pgx.Tx, account ids.AccountID, now time.Time, reasons ...Reason) error {
	if len(reasons) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	if err := note(batch, account, now, reasons); err != nil {
		return err
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("note %d reasons: %w", len(reasons), err)
	}
	return nil
}

func note(batch *pgx.Batch, account ids.AccountID, now time.Time, reasons []Reason) error {
	for _, r := range reasons {
		if r.Args == nil {
			r.Args = map[string]any{}
		}
		args, err := json.Marshal(r.Args)
		if err != nil {
			return fmt.Errorf("encode reason %s: %w", r.Code, err)
		}
		batch.Queue(`INSERT INTO reason (account_id, ref, code, args, settings_version, created_at) VALUES ($1, $2, $3, $4, NULLIF($5::bigint, 0), $6)`,
			int64(account), r.Ref, r.Code, string(args), r.Version, now)
	}
	return nil
}
