package outbox

import (
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

// Count reads the counts for GET /pending. Refused ones wait for a person, not for us. Each part has an index that sees nothing finished.
func Count(ctx context.Context, db *store.DB) (Counts, error) {
	var c Counts
	err := db.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT COALESCE(sum(ready), 0)::bigint, COALESCE(sum(sent), 0)::bigint, COALESCE(sum(unclear), 0)::bigint,
			(SELECT count(*) FROM command WHERE state IN ('refused', 'unconfirmed') AND state IN ('refused', 'unclear', 'unconfirmed') AND check_of IS NULL)
			FROM (`+fmt.Sprintf(openCommands, "AND check_of IS NULL")+`) o`).Scan(&c.Outbox, &c.InFlight, &c.Unclear, &c.Refused)
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

// List reads commands by state (refused also shows those not confirmed), or of one key, newest first. Each has an index of its own.
func List(ctx context.Context, tx pgx.Tx, account ids.AccountID, state string, key ids.Key, before ids.CommandID, limit int) ([]Listed, error) {
	where, args := "", []any{int64(account), int64(before), limit}
	switch state {
	case "refused":
		where = `AND state IN ('refused', 'unconfirmed') AND state IN ('refused', 'unclear', 'unconfirmed')`
	case "unclear":
		where = `AND state = 'unclear'`
	}
	if key != "" {
		where += ` AND key = $4`
		args = append(args, string(key))
	}
	return list(ctx, tx, where, args...)
}

// list reads commands of an account ($1) below a number ($2, 0: from the newest on), at most $3, for which a further condition holds.
func list(ctx context.Context, tx pgx.Tx, where string, args ...any) ([]Listed, error) {
	rows, err := tx.Query(ctx, `SELECT id, kind, key, state, attempts, class, code, text, COALESCE(asked, params), result, created_at, sent_at, done_at FROM command
		WHERE account_id = $1 AND ($2::bigint = 0 OR id < $2) AND check_of IS NULL AND key NOT LIKE 'ask:%' `+where+` ORDER BY id DESC LIMIT $3`, args...)
	if err != nil {
		return nil, fmt.Errorf("list commands: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Listed, error) {
		var l Listed
		var asked, answered []byte
		err := row.Scan(&l.ID, &l.Kind, &l.Key, &l.State, &l.Attempts, &l.Class, &l.Code, &l.Text, &asked, &answered, &l.CreatedAt, &l.SentAt, &l.DoneAt)
		l.Asked, l.Answered = asked, answered
		return l, err
	})
	if err != nil {
		return nil, fmt.Errorf("list commands: %w", err)
	}
	return found, nil
}

// ErrNotOpen says that a command is not in a state in which a person may decide about it.
var ErrNotOpen = errors.New("this command is not waiting for anybody")

// ErrReplaced is the ErrNotOpen of a command that a newer one replaces, such as an older text of one growing comment: sent again it would undo the newer one.
var ErrReplaced = fmt.Errorf("%w: a newer one has taken its place", ErrNotOpen)

// takenUp are the states of commands that Again sends once more.
const takenUp = `('refused', 'expired', 'unconfirmed', 'cancelled', 'dropped')`

// replacedByNewer holds for a command c whose merge name a newer one bears that somebody still means: it was not dropped, and did not end before it left.
const replacedByNewer = `EXISTS (SELECT FROM command n WHERE n.account_id = c.account_id AND n.lane_id = c.lane_id AND n.key = c.key AND n.kind = c.kind AND n.merge = c.merge
	AND n.id > c.id AND n.check_of IS NULL AND n.state NOT IN ('dropped', 'cancelled', 'expired'))`

// Again sends a refused, expired or not confirmed command once more, and what was cancelled because of it; the answer of the plan comes as if it were
// the first. A command whose own predecessors are not done cannot be taken up (ErrNotOpen): take up those. One that a newer command replaces cannot either
// (ErrReplaced); those that leave as one call (Join) say different things and do not replace each other.
func (o *Outbox) Again(ctx context.Context, account ids.AccountID, id ids.CommandID) error {
	return o.decide(ctx, account, id, func(ctx context.Context, tx pgx.Tx, lane LaneRef) ([]letter, error) {
		if err := lockPlans(ctx, tx, account, []int64{int64(id)}); err != nil {
			return nil, err
		}
		kind, replaced := "", false
		if err := tx.QueryRow(ctx, `SELECT c.kind, c.state IN `+takenUp+` AND `+replacedByNewer+` FROM command c WHERE c.account_id = $1 AND c.id = $2`,
			int64(account), int64(id)).Scan(&kind, &replaced); err != nil {
			return nil, fmt.Errorf("look whether command %d is replaced: %w", id, err)
		}
		if replaced && o.registry.kinds[kind].Join == nil {
			return nil, ErrReplaced
		}
		// An attempt that was given up early may still be running: the next one waits until it cannot be any more. One of those that leave as one call
		// leaves alone now: it may be why they were refused.
		return nil, changed(tx.Exec(ctx, `WITH RECURSIVE again AS (
			SELECT id, plan_id, name FROM command c WHERE account_id = $1 AND id = $2 AND state IN `+takenUp+`
			AND NOT EXISTS (SELECT 1 FROM command d WHERE d.account_id = $1 AND d.plan_id = c.plan_id AND d.name = ANY(c.after) AND d.state <> 'done')
			UNION SELECT f.id, f.plan_id, f.name FROM again a JOIN command f ON f.account_id = $1 AND f.plan_id = a.plan_id AND a.name = ANY(f.after) AND f.state = 'cancelled')
			UPDATE command SET state = 'ready', done_at = NULL,
			due_at = CASE WHEN state IN ('unconfirmed', 'dropped') THEN greatest(clock_timestamp(), sent_at + make_interval(secs => $3)) ELSE clock_timestamp() END, deadline = NULL, class = '', code = '', text = '', merge = CASE WHEN kind <> ALL($4) THEN merge END, doubts = 0, doubted_at = NULL, probes = 0
			WHERE account_id = $1 AND id IN (SELECT id FROM again)`, int64(account), int64(id), o.requestLimit(lane.Kind).Seconds(), o.registry.joining()))
	})
}

// Drop ends an open, unclear or refused command on a person's word; what follows it is cancelled.
func (o *Outbox) Drop(ctx context.Context, account ids.AccountID, id ids.CommandID) error {
	return o.decide(ctx, account, id, func(ctx context.Context, tx pgx.Tx, _ LaneRef) ([]letter, error) {
		if err := lockPlans(ctx, tx, account, []int64{int64(id)}); err != nil {
			return nil, err
		}
		err := changed(tx.Exec(ctx, `UPDATE command SET state = 'dropped', class = 'dropped', done_at = clock_timestamp()
			WHERE account_id = $1 AND id = $2 AND state IN ('ready', 'unclear', 'refused', 'unconfirmed')`, int64(account), int64(id)))
		if err != nil {
			return nil, err
		}
		return o.ended(ctx, tx, account, []int64{int64(id)})
	})
}

// Confirm notes that the effect of a command was seen: by an event, a webhook or a report. It counts for a command that left, whatever became of its
// request since. The result is what the platform would have answered. It is part of the caller's transaction, and tells whether it changed anything.
func (o *Outbox) Confirm(ctx context.Context, tx pgx.Tx, account ids.AccountID, id ids.CommandID, result json.RawMessage) (bool, error) {
	if err := lockPlans(ctx, tx, account, []int64{int64(id)}); err != nil {
		return false, err
	}
	var done []int64
	batch := &pgx.Batch{}
	queueDone(batch, account, id, 0, result, &done, nil)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return false, fmt.Errorf("confirm command %d: %w", id, err)
	}
	letters, err := o.ended(ctx, tx, account, done)
	o.deliverSoon(letters)
	return len(done) > 0, err
}

// Seen is an effect that an event showed, of the command with that name in a plan of a key.
type Seen struct {
	Key    ids.Key
	Plan   string
	Name   string
	Result json.RawMessage
}

// ConfirmSeen is Confirm for who knows his plan and not the command's number: the newest of that name that left and has no answer yet.
func (o *Outbox) ConfirmSeen(ctx context.Context, tx pgx.Tx, account ids.AccountID, seen Seen) (bool, error) {
	var id ids.CommandID
	err := tx.QueryRow(ctx, `SELECT id FROM command WHERE account_id = $1 AND key = $2 AND plan = $3 AND name = $4 AND attempts > 0 AND check_of IS NULL
		AND state IN ('ready', 'sent', 'unclear', 'unconfirmed') ORDER BY id DESC LIMIT 1`, int64(account), string(seen.Key), seen.Plan, seen.Name).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("find what was seen of plan %s: %w", seen.Plan, err)
	}
	return o.Confirm(ctx, tx, account, id, seen.Result)
}

// QueueReplaced takes refused commands off the list of those that a person may repeat: others were made in their place, and both would double the effect.
func QueueReplaced(batch *pgx.Batch, account ids.AccountID, replaced []ids.CommandID) {
	numbers := make([]int64, len(replaced))
	for i, id := range replaced {
		numbers[i] = int64(id)
	}
	batch.Queue(`UPDATE command SET state = 'dropped', class = 'replaced' WHERE account_id = $1 AND id = ANY($2) AND state IN ('refused', 'cancelled')`, int64(account), numbers)
}

// Close ends everything open of a lane: its portal was uninstalled. What is under way may still be answered.
func (o *Outbox) Close(ctx context.Context, tx pgx.Tx, account ids.AccountID, lane LaneRef, reason string) error {
	// The lane's row first, as a round does, so that they never wait for each other in a circle.
	if _, err := tx.Exec(ctx, `SELECT 1 FROM lane WHERE account_id = $1 AND kind = $2 AND portal_id = $3 FOR NO KEY UPDATE`, int64(account), string(lane.Kind), int64(lane.Portal)); err != nil {
		return fmt.Errorf("close lane %s: %w", lane.Kind, err)
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(plan) FROM (SELECT DISTINCT hashtextextended(c.plan_id::text, $1) AS plan FROM command c
		JOIN lane l ON l.account_id = c.account_id AND l.id = c.lane_id WHERE c.account_id = $1 AND l.kind = $2 AND l.portal_id = $3 AND c.siblings > 1
		AND c.state IN ('ready', 'sent', 'unclear') ORDER BY 1) p`, int64(account), string(lane.Kind), int64(lane.Portal)); err != nil {
		return fmt.Errorf("close lane %s: %w", lane.Kind, err)
	}
	// Key by key, as Enqueue goes.
	rows, err := tx.Query(ctx, `UPDATE command SET state = 'dropped', class = 'lane_closed', text = $4, done_at = clock_timestamp() WHERE account_id = $1 AND id IN (
		SELECT c.id FROM command c JOIN lane l ON l.account_id = c.account_id AND l.id = c.lane_id WHERE c.account_id = $1 AND l.kind = $2 AND l.portal_id = $3
		AND c.state IN ('ready', 'sent', 'unclear') ORDER BY c.key COLLATE "C", c.id FOR NO KEY UPDATE OF c) RETURNING id`,
		int64(account), string(lane.Kind), int64(lane.Portal), readable(reason))
	if err != nil {
		return fmt.Errorf("close lane %s: %w", lane.Kind, err)
	}
	closed, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("close lane %s: %w", lane.Kind, err)
	}
	letters, err := o.ended(ctx, tx, account, closed)
	o.deliverSoon(letters)
	return err
}

// deliverSoon wakes once the caller's transaction has had the time to commit; the looks once a second are behind it.
func (o *Outbox) deliverSoon(letters []letter) {
	if len(letters) > 0 {
		time.AfterFunc(5*time.Millisecond, func() { o.deliver(letters) })
	}
}

// decide carries out what a person decided about one command and wakes its lane.
func (o *Outbox) decide(ctx context.Context, account ids.AccountID, id ids.CommandID, do func(ctx context.Context, tx pgx.Tx, lane LaneRef) ([]letter, error)) error {
	var ref LaneRef
	var letters []letter
	err := o.db.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `SELECT l.kind, l.portal_id FROM command c JOIN lane l ON l.account_id = c.account_id AND l.id = c.lane_id
			WHERE c.account_id = $1 AND c.id = $2 AND c.check_of IS NULL
			FOR NO KEY UPDATE OF l`, int64(account), int64(id)).Scan(&ref.Kind, &ref.Portal) // the lane first, as rounds do
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNotOpen
		}
		if err != nil {
			return fmt.Errorf("find the lane of command %d: %w", id, err)
		}
		letters, err = do(ctx, tx, ref)
		return err
	})
	if err != nil {
		return err
	}
	o.deliver(letters)
	o.Wake(account, ref)
	return nil
}

type commandTag interface{ RowsAffected() int64 }

// changed turns "nothing changed" into ErrNotOpen.
func changed(tag commandTag, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("decide about a command: %w", err)
	case tag.RowsAffected() == 0:
		return ErrNotOpen
	}
	return nil
}

// Resume wakes a lane that sleeps: the portal was authorised again, or paid. The caller wakes the lane after the commit.
func (o *Outbox) Resume(ctx context.Context, tx pgx.Tx, account ids.AccountID, lane LaneRef) error {
	_, err := tx.Exec(ctx, `UPDATE lane SET asleep = NULL, resumed = resumed + 1, failures = 0, pause_until = '-infinity' WHERE account_id = $1 AND kind = $2 AND portal_id = $3`,
		int64(account), string(lane.Kind), int64(lane.Portal))
	if err != nil {
		return fmt.Errorf("wake lane %s: %w", lane.Kind, err)
	}
	return nil
}
