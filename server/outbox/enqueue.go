package outbox

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// Enqueue writes commands inside the caller's transaction. The caller wakes the lanes it answers after the commit. Commands of one call that name
// the same plan form a plan; the ids come in the order of the call. ErrUnknownKind and ErrPlan tell mistakes of the caller.
func (o *Outbox) Enqueue(ctx context.Context, tx pgx.Tx, account ids.AccountID, commands ...Command) ([]ids.CommandID, []LaneRef, error) {
	ordered, err := arrange(commands)
	if err != nil {
		return nil, nil, err
	}
	lanes := map[LaneRef]ids.LaneID{}
	var refs []LaneRef
	for _, c := range commands {
		if _, known := o.registry.kinds[c.Kind]; !known {
			return nil, nil, fmt.Errorf("%w: %s", ErrUnknownKind, c.Kind)
		}
		if !slices.Contains(refs, c.Lane) {
			refs = append(refs, c.Lane)
		}
	}
	// In one order, as a lane may have to be made.
	for _, ref := range slices.SortedFunc(slices.Values(refs), func(a, b LaneRef) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Portal, b.Portal)) }) {
		if lanes[ref], err = laneID(ctx, tx, account, ref); err != nil {
			return nil, nil, err
		}
	}
	made := make([]ids.CommandID, len(commands))
	plans := map[int]uuid.UUID{}
	rows := make([]row, len(ordered))
	for i, c := range ordered {
		if rows[i], err = o.newRow(c.Command, c.params); err != nil {
			return nil, nil, fmt.Errorf("command %d (%s): %w", c.index+1, c.Kind, err)
		}
		if plans[c.group] == uuid.Nil {
			plans[c.group] = uuid.Must(uuid.NewV7())
		}
		rows[i].planID, rows[i].siblings, rows[i].id = plans[c.group], c.siblings, &made[c.index]
	}
	if err := o.meet(ctx, tx, account, lanes, rows); err != nil {
		return nil, nil, err
	}
	batch := &pgx.Batch{}
	for _, r := range rows {
		if *r.id == 0 {
			r.queue(batch, account, lanes[r.Lane], r.id)
		}
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, nil, fmt.Errorf("enqueue %d commands: %w", len(commands), err)
	}
	return made, refs, nil
}

// place is a key of a lane.
type place struct {
	lane ids.LaneID
	key  ids.Key
}

// meet lets new commands meet those that wait in their keys already: what they replace is replaced, what has to leave before them gets their urgency. It
// goes key by key in one order, so that two calls never wait for each other in a circle.
func (o *Outbox) meet(ctx context.Context, tx pgx.Tx, account ids.AccountID, lanes map[LaneRef]ids.LaneID, rows []row) error {
	keys := map[place][]*row{}
	urgent := map[place]Priority{}
	for i := len(rows) - 1; i >= 0; i-- {
		r := &rows[i]
		at := place{lanes[r.Lane], r.Key}
		keys[at] = append(keys[at], r)
		if r.Independent {
			continue
		}
		if p, known := urgent[at]; known {
			r.Priority = min(r.Priority, p) // those of this call that have to leave first, too
		}
		urgent[at] = r.Priority
	}
	for _, at := range slices.SortedFunc(maps.Keys(keys), func(a, b place) int { return cmp.Or(cmp.Compare(a.lane, b.lane), cmp.Compare(a.key, b.key)) }) {
		if p, known := urgent[at]; known && p < Background {
			if _, err := tx.Exec(ctx, promote, int64(account), int64(at.lane), string(at.key), int(p)); err != nil {
				return fmt.Errorf("urge what has to leave first: %w", err)
			}
		}
		for _, r := range slices.Backward(keys[at]) {
			if o.registry.kinds[r.Kind].Join != nil {
				continue
			}
			var err error
			if *r.id, err = r.merge(ctx, tx, account, at.lane); err != nil {
				return err
			}
		}
	}
	return nil
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
	planID       uuid.UUID
	siblings     int
	id           *ids.CommandID
}

func (o *Outbox) newRow(c Command, params []byte) (row, error) {
	r := row{Command: c, params: params, alone: o.registry.kinds[c.Kind].Alone, siblings: 1}
	switch {
	case c.Key == "":
		return r, errors.New("no key")
	case c.Tag != nil && !json.Valid(c.Tag):
		return r, errors.New("the tag is no JSON")
	case c.ReplyKey != "" && c.ReplyKind == "":
		return r, errors.New("an answer is wanted and its kind is not told")
	case c.Priority < Waiting || c.Priority > Background:
		return r, fmt.Errorf("there is no priority %d", c.Priority)
	}
	// A batch would take this for a reference to another command's result: such a text travels alone.
	r.alone = r.alone || bytes.Contains(params, []byte("$result["))
	if c.Meta != nil {
		var err error
		if r.meta, err = json.Marshal(c.Meta); err != nil {
			return r, fmt.Errorf("encode meta: %w", err)
		}
	}
	return r, nil
}

func (r row) deadline() *time.Time {
	if r.Deadline.IsZero() {
		return nil
	}
	return &r.Deadline
}

// merge puts the command in the place of the unsent one with the same merge name, if there is one: only the newest text matters. Both must be the
// only command of their plan, as nothing may follow what vanishes. 0: there is none.
func (r row) merge(ctx context.Context, tx pgx.Tx, account ids.AccountID, lane ids.LaneID) (ids.CommandID, error) {
	if r.Merge == "" || r.siblings > 1 {
		return 0, nil
	}
	var id ids.CommandID
	err := tx.QueryRow(ctx, `UPDATE command SET params = $6, meta = $7, tag = $8, priority = least(priority, $9), deadline = $10, plan = $11, plan_id = $12, name = $13,
		reply_key = $14, reply_kind = $15, alone = $16, note_unclear = $17
		WHERE account_id = $1 AND state = 'ready' AND attempts = 0 AND id = (SELECT id FROM command WHERE account_id = $1 AND lane_id = $2 AND merge = $3
			AND key = $4 AND kind = $5 AND siblings = 1 AND state = 'ready' AND attempts = 0 ORDER BY id DESC LIMIT 1 FOR UPDATE) RETURNING id`,
		int64(account), int64(lane), r.Merge, string(r.Key), r.Kind, r.params, r.meta, []byte(r.Tag), int(r.Priority), r.deadline(), r.Plan, r.planID, r.Name,
		string(r.ReplyKey), r.ReplyKind, r.alone, r.NoteUnclear).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("replace command %s: %w", r.Merge, err)
	}
	return id, nil
}

const insertCommand = `INSERT INTO command (account_id, uid, lane_id, plan, plan_id, siblings, name, after, key, kind, params, meta, priority, deadline, merge,
	independent, note_unclear, reply_key, reply_kind, tag, check_of, alone)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, NULLIF($15, ''), $16, $17, $18, $19, $20, NULLIF($21::bigint, 0), $22) RETURNING id`

// promote lends the urgency of a command to the older ones of its key, which have to leave first. An array, no join: a plan made while the table was nearly
// empty joins by reading all commands of the account.
const promote = `UPDATE command SET priority = $4 WHERE account_id = $1 AND id = ANY(ARRAY(SELECT id FROM command WHERE account_id = $1 AND lane_id = $2 AND key = $3
	AND state IN ('ready', 'sent', 'unclear') AND state = 'ready' AND NOT independent AND priority > $4 ORDER BY id FOR NO KEY UPDATE))`

// queue adds the insert to a batch; the id is there when the batch has run.
func (r row) queue(batch *pgx.Batch, account ids.AccountID, lane ids.LaneID, id *ids.CommandID) {
	after := r.After
	if after == nil {
		after = []string{}
	}
	batch.Queue(insertCommand, int64(account), uuid.Must(uuid.NewV7()), int64(lane), r.Plan, r.planID, r.siblings, r.Name, after, string(r.Key), r.Kind, r.params, r.meta,
		int(r.Priority), r.deadline(), r.Merge, r.Independent, r.NoteUnclear, string(r.ReplyKey), r.ReplyKind, []byte(r.Tag), int64(r.checkOf), r.alone).
		QueryRow(func(row pgx.Row) error { return row.Scan((*int64)(id)) })
}
