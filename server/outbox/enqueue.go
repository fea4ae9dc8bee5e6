package outbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// Enqueue writes commands inside the caller's transaction. The caller wakes the lanes it answers after the commit.
func (o *Outbox) Enqueue(ctx context.Context, tx pgx.Tx, account ids.AccountID, commands ...Command) ([]ids.CommandID, []LaneRef, error) {
	lanes := map[LaneRef]ids.LaneID{}
	var refs []LaneRef
	made := make([]ids.CommandID, 0, len(commands))
	for i, c := range commands {
		if _, known := o.registry.kinds[c.Kind]; !known {
			return nil, nil, fmt.Errorf("%w: %s", ErrUnknownKind, c.Kind)
		}
		lane, seen := lanes[c.Lane]
		if !seen {
			var err error
			if lane, err = laneID(ctx, tx, account, c.Lane); err != nil {
				return nil, nil, err
			}
			lanes[c.Lane] = lane
			refs = append(refs, c.Lane)
		}
		row, err := o.newRow(c)
		if err != nil {
			return nil, nil, fmt.Errorf("command %d (%s): %w", i+1, c.Kind, err)
		}
		id, err := row.insert(ctx, tx, account, lane)
		if err != nil {
			return nil, nil, err
		}
		made = append(made, id)
	}
	return made, refs, nil
}

// laneID finds or makes a lane.
func laneID(ctx context.Context, tx pgx.Tx, account ids.AccountID, ref LaneRef) (ids.LaneID, error) {
	var id ids.LaneID
	err := tx.QueryRow(ctx, `SELECT id FROM lane WHERE account_id = $1 AND kind = $2 AND portal_id = $3`, int64(account), string(ref.Kind), int64(ref.Portal)).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		err = tx.QueryRow(ctx, `INSERT INTO lane (account_id, kind, portal_id) VALUES ($1, $2, $3)
			ON CONFLICT (account_id, kind, portal_id) DO UPDATE SET kind = EXCLUDED.kind RETURNING id`, int64(account), string(ref.Kind), int64(ref.Portal)).Scan(&id)
	}
	if err != nil {
		return 0, fmt.Errorf("find lane %s: %w", ref.Kind, err)
	}
	return id, nil
}

// row is a command as stored.
type row struct {
	Command
	params, meta []byte
	checkOf      ids.CommandID
	alone        bool
}

func (o *Outbox) newRow(c Command) (row, error) {
	r := row{Command: c, alone: o.registry.kinds[c.Kind].Alone}
	if r.Key == "" {
		return r, errors.New("no key")
	}
	var err error
	if r.params, err = json.Marshal(c.Params); err != nil {
		return r, fmt.Errorf("encode parameters: %w", err)
	}
	// PostgreSQL's jsonb refuses NUL, and so do the platforms.
	r.params = bytes.ReplaceAll(r.params, []byte(`\u0000`), []byte(`\ufffd`))
	// A batch would take this for a reference to another command's result: such a text travels alone.
	r.alone = r.alone || bytes.Contains(r.params, []byte("$result["))
	if c.Meta != nil {
		if r.meta, err = json.Marshal(c.Meta); err != nil {
			return r, fmt.Errorf("encode meta: %w", err)
		}
	}
	return r, nil
}

const insertCommand = `INSERT INTO command (account_id, uid, lane_id, plan, name, after, key, kind, params, meta, priority, deadline, merge, independent,
	note_unclear, reply_key, reply_kind, tag, check_of, alone)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULLIF($13, ''), $14, $15, $16, $17, $18, NULLIF($19, 0), $20) RETURNING id`

func (r row) insert(ctx context.Context, tx pgx.Tx, account ids.AccountID, lane ids.LaneID) (ids.CommandID, error) {
	uid := uuid.Must(uuid.NewV7()).String()
	plan := r.Plan
	if plan == "" {
		plan = uid
	}
	var deadline *time.Time
	if !r.Deadline.IsZero() {
		deadline = &r.Deadline
	}
	after := r.After
	if after == nil {
		after = []string{}
	}
	var id ids.CommandID
	if r.Merge != "" {
		// What was not sent yet is replaced: only the newest text matters.
		err := tx.QueryRow(ctx, `UPDATE command SET params = $4, meta = $5, tag = $6, priority = least(priority, $7), deadline = $8, kind = $9, name = $10,
			reply_key = $11, reply_kind = $12, alone = $13 WHERE account_id = $1 AND lane_id = $2 AND merge = $3 AND state = 'ready' AND attempts = 0 RETURNING id`,
			int64(account), int64(lane), r.Merge, r.params, r.meta, r.Tag, int(r.Priority), deadline, r.Kind, r.Name, string(r.ReplyKey), r.ReplyKind, r.alone).Scan(&id)
		if err == nil {
			return id, nil
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return 0, fmt.Errorf("replace command %s: %w", r.Merge, err)
		}
	}
	err := tx.QueryRow(ctx, insertCommand, int64(account), uid, int64(lane), plan, r.Name, after, string(r.Key), r.Kind, r.params, r.meta, int(r.Priority), deadline,
		r.Merge, r.Independent, r.NoteUnclear, string(r.ReplyKey), r.ReplyKind, r.Tag, int64(r.checkOf), r.alone).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("enqueue %s: %w", r.Kind, err)
	}
	return id, nil
}

// Ask sends a read and waits for its answer, up to ten seconds or the context's end. The lane may belong to another server.
func (o *Outbox) Ask(ctx context.Context, account ids.AccountID, lane LaneRef, kind string, params any, p Priority) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	var id ids.CommandID
	err := o.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		made, _, err := o.Enqueue(ctx, tx, account, Command{Lane: lane, Key: ids.Key("ask:" + uuid.NewString()), Kind: kind, Params: params, Priority: p,
			Independent: true, Deadline: o.now().Add(askPatience)})
		if err == nil {
			id = made[0]
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	woken := o.waitFor(account, id)
	defer o.stopWaiting(account, id)
	o.Wake(account, lane)
	tick := time.NewTicker(askLook)
	defer tick.Stop()
	for {
		result, ended, err := o.fate(ctx, account, id)
		if err != nil || ended {
			return result, err
		}
		select {
		case <-ctx.Done():
			return nil, ErrSlow
		case <-woken:
		case <-tick.C:
		}
	}
}

const (
	askPatience = 10 * time.Second
	askLook     = 250 * time.Millisecond
)

func (o *Outbox) fate(ctx context.Context, account ids.AccountID, id ids.CommandID) (json.RawMessage, bool, error) {
	var state, class, code, text string
	var result []byte
	err := o.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT state, result, class, code, text FROM command WHERE account_id = $1 AND id = $2`, int64(account), int64(id)).
			Scan(&state, &result, &class, &code, &text)
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, false, ErrSlow
	case err != nil:
		return nil, false, fmt.Errorf("look at command %d: %w", id, err)
	case state == "done":
		return result, true, nil
	case state == "ready" || state == "sent" || state == "unclear":
		return nil, false, nil
	case state == "expired":
		return nil, true, ErrSlow
	}
	return nil, true, &Failure{Kind: Refused, Class: class, Code: code, Text: text}
}

func (o *Outbox) waitFor(account ids.AccountID, id ids.CommandID) <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := make(chan struct{}, 1)
	o.waiters[waiter{account, id}] = c
	return c
}

func (o *Outbox) stopWaiting(account ids.AccountID, id ids.CommandID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.waiters, waiter{account, id})
}
