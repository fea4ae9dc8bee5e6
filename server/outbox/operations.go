package outbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
	"omni/server/store"
)

// Counts is what the outbox still has to do, over all accounts.
type Counts struct{ Outbox, InFlight, Unclear, Refused int64 }

// Count reads the counts for GET /pending. Refused ones wait for a person, not for us.
func Count(ctx context.Context, db *store.DB) (Counts, error) {
	var c Counts
	err := db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FILTER (WHERE state = 'ready'), count(*) FILTER (WHERE state = 'sent'),
			count(*) FILTER (WHERE state = 'unclear'), count(*) FILTER (WHERE state IN ('refused', 'unconfirmed')) FROM command
			WHERE state IN ('ready', 'sent', 'unclear', 'refused', 'unconfirmed') AND check_of IS NULL`).Scan(&c.Outbox, &c.InFlight, &c.Unclear, &c.Refused)
	})
	if err != nil {
		return c, fmt.Errorf("count the outbox: %w", err)
	}
	return c, nil
}

// Listed is a command as an operations page shows it.
type Listed struct {
	ID                ids.CommandID
	Kind, Key, State  string
	Attempts          int
	Class, Code, Text string
	Asked, Answered   json.RawMessage
	CreatedAt         time.Time
	SentAt, DoneAt    *time.Time
}

// List reads commands by state (refused also shows those not confirmed), or of one key, newest first.
func List(ctx context.Context, tx pgx.Tx, account ids.AccountID, state string, key ids.Key, before ids.CommandID, limit int) ([]Listed, error) {
	states := []string{"ready", "sent", "unclear", "done", "refused", "cancelled", "expired", "dropped", "unconfirmed"}
	switch state {
	case "refused":
		states = []string{"refused", "unconfirmed"}
	case "unclear":
		states = []string{"unclear"}
	}
	rows, err := tx.Query(ctx, `SELECT id, kind, key, state, attempts, class, code, text, COALESCE(asked, params), result, created_at, sent_at, done_at FROM command
		WHERE account_id = $1 AND state = ANY($2) AND ($3 = '' OR key = $3) AND ($4 = 0 OR id < $4) AND check_of IS NULL AND key NOT LIKE 'ask:%' ORDER BY id DESC LIMIT $5`,
		int64(account), states, string(key), int64(before), limit)
	if err != nil {
		return nil, fmt.Errorf("list commands: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Listed, error) {
		var l Listed
		err := row.Scan(&l.ID, &l.Kind, &l.Key, &l.State, &l.Attempts, &l.Class, &l.Code, &l.Text, &l.Asked, &l.Answered, &l.CreatedAt, &l.SentAt, &l.DoneAt)
		return l, err
	})
	if err != nil {
		return nil, fmt.Errorf("list commands: %w", err)
	}
	return list, nil
}

// ErrNotOpen says that a command is not in a state in which a person may decide about it.
var ErrNotOpen = errors.New("this command is not waiting for anybody")

// Again sends a refused, expired or not confirmed command once more; its answer comes as if it were the first.
func (o *Outbox) Again(ctx context.Context, account ids.AccountID, id ids.CommandID) error {
	return o.decide(ctx, account, id, `UPDATE command SET state = 'ready', due_at = clock_timestamp(), done_at = NULL, deadline = NULL, class = '', code = '', text = '', merge = NULL
		WHERE account_id = $1 AND id = $2 AND state IN ('refused', 'expired', 'unconfirmed', 'cancelled') RETURNING lane_id`, false)
}

// Drop ends an open, unclear or refused command on a person's word.
func (o *Outbox) Drop(ctx context.Context, account ids.AccountID, id ids.CommandID) error {
	return o.decide(ctx, account, id, `UPDATE command SET state = 'dropped', class = 'dropped', done_at = clock_timestamp()
		WHERE account_id = $1 AND id = $2 AND state IN ('ready', 'unclear', 'refused', 'unconfirmed') RETURNING lane_id`, true)
}

func (o *Outbox) decide(ctx context.Context, account ids.AccountID, id ids.CommandID, sql string, ends bool) error {
	var ref LaneRef
	err := o.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		var lane ids.LaneID
		err := tx.QueryRow(ctx, sql, int64(account), int64(id)).Scan(&lane)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNotOpen
		}
		if err != nil {
			return fmt.Errorf("decide about command %d: %w", id, err)
		}
		if err := tx.QueryRow(ctx, `SELECT kind, portal_id FROM lane WHERE account_id = $1 AND id = $2`, int64(account), int64(lane)).Scan(&ref.Kind, &ref.Portal); err != nil {
			return fmt.Errorf("find the lane of command %d: %w", id, err)
		}
		if !ends {
			return nil
		}
		var plan, name string
		if err := tx.QueryRow(ctx, `SELECT plan, name FROM command WHERE account_id = $1 AND id = $2`, int64(account), int64(id)).Scan(&plan, &name); err != nil {
			return fmt.Errorf("find the plan of command %d: %w", id, err)
		}
		if err := o.cancelAfter(ctx, tx, account, plan, name); err != nil {
			return err
		}
		return o.ended(ctx, tx, account, int64(id))
	})
	if err == nil {
		o.Wake(account, ref)
	}
	return err
}

// Resume wakes a lane that sleeps: the portal was authorised again, or paid.
func (o *Outbox) Resume(ctx context.Context, tx pgx.Tx, account ids.AccountID, lane LaneRef) error {
	_, err := tx.Exec(ctx, `UPDATE lane SET asleep = NULL, failures = 0, pause_until = '-infinity' WHERE account_id = $1 AND kind = $2 AND portal_id = $3`,
		int64(account), string(lane.Kind), int64(lane.Portal))
	if err != nil {
		return fmt.Errorf("wake lane %s: %w", lane.Kind, err)
	}
	return nil
}

func replaceNUL(raw []byte) []byte { return bytes.ReplaceAll(raw, []byte(`\u0000`), []byte(`\ufffd`)) }
