package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

const (
	askPatience = 10 * time.Second
	// askLook is how often the table is looked at while no hint comes.
	askLook = 250 * time.Millisecond
)

// Ask sends a read and waits for its answer, up to ten seconds or the context's end (ErrSlow). The lane may belong to another server. A refusal, and
// a lane that sleeps, are told by a *Failure.
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

// fate looks what became of an asked command.
func (o *Outbox) fate(ctx context.Context, account ids.AccountID, id ids.CommandID) (json.RawMessage, bool, error) {
	var state, class, code, text string
	var asleep *string
	var result []byte
	err := o.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT c.state, c.result, c.class, c.code, c.text, l.asleep FROM command c JOIN lane l ON l.account_id = c.account_id AND l.id = c.lane_id
			WHERE c.account_id = $1 AND c.id = $2`, int64(account), int64(id)).Scan(&state, &result, &class, &code, &text, &asleep)
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, false, ErrSlow
	case err != nil:
		return nil, false, fmt.Errorf("look at command %d: %w", id, err)
	case state == "done":
		return result, true, nil
	case state == "ready" && asleep != nil:
		return nil, true, &Failure{Kind: Sleep, Class: *asleep}
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
