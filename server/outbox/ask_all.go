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

// Question is one read of AskAll.
type Question struct {
	Kind   string
	Params any
}

// AskAll sends reads of a job, or what does no harm twice, that may share requests, and waits until all are answered or the context ends (ErrSlow); its deadline is theirs, so that nothing
// is asked that nobody waits for. The answers come in the order of the questions. The first refusal, and a lane that sleeps, are told by a *Failure.
func (o *Outbox) AskAll(ctx context.Context, account ids.AccountID, lane LaneRef, p Priority, questions ...Question) ([]json.RawMessage, error) {
	until, limited := ctx.Deadline()
	if !limited {
		until = o.now().Add(askPatience)
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, until)
		defer cancel()
	}
	commands := make([]Command, len(questions))
	for i, q := range questions {
		commands[i] = Command{Lane: lane, Key: ids.Key("ask:" + uuid.NewString()), Kind: q.Kind, Params: q.Params, Priority: p, Independent: true, Deadline: until}
	}
	var made []ids.CommandID
	err := o.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		made, _, err = o.Enqueue(ctx, tx, account, commands...)
		return err
	})
	if err != nil {
		return nil, err
	}
	o.Wake(account, lane)
	tick := time.NewTicker(askLook)
	defer tick.Stop()
	for {
		answers, ended, err := o.fates(ctx, account, made)
		if err != nil || ended {
			return answers, err
		}
		select {
		case <-ctx.Done():
			return nil, ErrSlow
		case <-tick.C:
		}
	}
}

// fates looks what became of asked commands; ended is false while one of them is open.
func (o *Outbox) fates(ctx context.Context, account ids.AccountID, asked []ids.CommandID) (answers []json.RawMessage, ended bool, err error) {
	numbers := make([]int64, len(asked))
	for i, id := range asked {
		numbers[i] = int64(id)
	}
	open := false
	err = o.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT c.state, c.class, c.code, c.text, COALESCE(l.asleep, '') FROM command c JOIN lane l ON l.account_id = c.account_id AND l.id = c.lane_id
			WHERE c.account_id = $1 AND c.id = ANY($2) AND c.state <> 'done'`, int64(account), numbers)
		if err != nil {
			return err
		}
		var state, class, code, text, asleep string
		_, err = pgx.ForEachRow(rows, []any{&state, &class, &code, &text, &asleep}, func() error {
			switch {
			case state == "ready" && asleep != "":
				return &Failure{Kind: Sleep, Class: asleep}
			case state == "ready" || state == "sent" || state == "unclear":
				open = true
				return nil
			case state == "expired":
				return ErrSlow
			}
			return &Failure{Kind: Refused, Class: class, Code: code, Text: text}
		})
		if err != nil || open {
			return err
		}
		rows, err = tx.Query(ctx, `SELECT c.result FROM unnest($2::bigint[]) WITH ORDINALITY AS a(id, n) JOIN command c ON c.account_id = $1 AND c.id = a.id ORDER BY a.n`, int64(account), numbers)
		if err != nil {
			return err
		}
		answers, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (json.RawMessage, error) {
			var raw []byte
			err := row.Scan(&raw)
			return raw, err
		})
		return err
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, false, ErrSlow
	case err != nil:
		return nil, false, fmt.Errorf("look at %d commands: %w", len(asked), err)
	}
	return answers, !open, nil
}
