package outbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// claimed is a command marked sent, ready to leave.
type claimed struct {
	Outgoing
	priority Priority
	check    bool          // the read that looks for another command's effect
	shared   bool          // its plan has others
	doubts   int           // how often its outcome was unclear before
	leader   ids.CommandID // it may leave in one call with this one (itself for the first); 0: alone
}

// scanKeys bounds one scan for heads; with more keys the next scan goes on where this one ended. What is waiting or live is always seen.
const scanKeys = 500

// headsQuery finds the first open command of each key by a loose scan, the heads of the keys in which the most urgent commands are, and independent commands. A
// command that follows others is ready when all of them are done. The limits in the laterals keep the planner from turning the joins round when its statistics
// know nothing of the rows yet (1 s instead of 5 ms, measured).
const headsQuery = `WITH RECURSIVE heads AS (
	(SELECT key, id FROM command WHERE account_id = $1 AND lane_id = $2 AND state IN ('ready', 'sent', 'unclear') AND NOT independent AND key > $3 ORDER BY key, id LIMIT 1)
	UNION ALL
	SELECT n.key, n.id FROM heads h, LATERAL (SELECT key, id FROM command WHERE account_id = $1 AND lane_id = $2 AND state IN ('ready', 'sent', 'unclear')
		AND NOT independent AND key > h.key ORDER BY key, id LIMIT 1) n),
	scanned AS MATERIALIZED (SELECT key, id FROM heads LIMIT $4),
	urgent AS (SELECT (SELECT id FROM command WHERE account_id = $1 AND lane_id = $2 AND state IN ('ready', 'sent', 'unclear') AND NOT independent AND key = w.key
		ORDER BY id LIMIT 1) AS id FROM (SELECT DISTINCT key FROM generate_series(0, 1) AS rank, LATERAL (SELECT key FROM command WHERE account_id = $1 AND lane_id = $2
		AND state = 'ready' AND priority = rank AND priority < 2 AND NOT independent ORDER BY id LIMIT 100) k) w),
	free AS (SELECT f.id FROM generate_series(0, 2) AS rank, LATERAL (SELECT id FROM command WHERE account_id = $1 AND lane_id = $2 AND state = 'ready' AND independent
		AND priority = rank AND due_at <= clock_timestamp() AND NOT kind = ANY($5) ORDER BY id LIMIT 100) f)
	SELECT s.keys, s.last, c.* FROM (SELECT count(*) AS keys, COALESCE(max(key), '') AS last FROM scanned) s LEFT JOIN (
	SELECT r.* FROM (SELECT id FROM scanned UNION SELECT id FROM urgent UNION SELECT id FROM free) w CROSS JOIN LATERAL (
		SELECT c.id, c.key, c.kind, c.priority, c.created_at, c.alone, octet_length(c.params), c.doubts FROM command c
		WHERE c.account_id = $1 AND c.id = w.id AND c.state = 'ready' AND c.due_at <= clock_timestamp() AND (cardinality(c.after) = 0 OR NOT EXISTS (
			SELECT 1 FROM command d WHERE d.account_id = $1 AND d.plan_id = c.plan_id AND d.name = ANY(c.after) AND d.state <> 'done')) LIMIT 1) r
	) c ON true`

func (r *runner) readHeads(rows pgx.Rows) ([]head, error) {
	var heads []head
	var keys int
	var last string
	for rows.Next() {
		var h foundHead
		if err := rows.Scan(&keys, &last, &h.id, &h.key, &h.kind, &h.priority, &h.created, &h.alone, &h.size, &h.doubts); err != nil {
			return nil, err
		}
		if h.id != nil {
			heads = append(heads, h.head())
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	r.cursor = ""
	if keys == scanKeys {
		r.cursor = last
	}
	return heads, nil
}

// foundHead is a head as it comes from the outer join: all null when nothing is ready.
type foundHead struct {
	id       *int64
	key      *string
	kind     *string
	priority *int
	created  *time.Time
	alone    *bool
	size     *int
	doubts   *int
}

func (h foundHead) head() head {
	return head{id: ids.CommandID(*h.id), key: *h.key, kind: *h.kind, priority: Priority(*h.priority), created: *h.created, alone: *h.alone, size: *h.size, doubts: *h.doubts}
}

// choose decides under the budget what leaves now; a request is counted at once.
func (r *runner) choose(heads []head) ([]head, Priority, time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mind.choose(r.outbox.now(), heads)
}

// claim marks the picked commands sent, with the epoch and the bucket's level, before the request leaves. Those whose parameters were locked by a merge
// stay; those whose values are missing are refused here.
func (r *runner) claim(ctx context.Context, tx pgx.Tx, picked []head, class Priority, ended *[]int64) (flight, error) {
	f := flight{class: class}
	ahead, leaders, err := r.riders(ctx, tx, picked)
	if err != nil {
		return f, err
	}
	f.marked = ahead
	rows, err := tx.Query(ctx, `WITH picked AS (SELECT id FROM command WHERE account_id = $1 AND id = ANY($2) AND state = 'ready' ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
		UPDATE command c SET state = 'sent', epoch = $3, sent_at = clock_timestamp(), attempts = c.attempts + 1 FROM picked WHERE c.account_id = $1 AND c.id = picked.id
		RETURNING c.id, c.key, c.uid::text, c.kind, c.params, c.meta, c.attempts, c.priority, c.plan_id, c.after, c.check_of IS NOT NULL, c.siblings > 1, c.doubts`,
		int64(r.lane.Account), ahead, r.epoch)
	if err != nil {
		return f, fmt.Errorf("mark commands sent: %w", err)
	}
	type linked struct {
		claimed
		plan  uuid.UUID
		after []string
	}
	marked, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (linked, error) {
		var c linked
		var plan [16]byte
		err := row.Scan(&c.ID, &c.Key, &c.UID, &c.Kind, &c.Params, &c.Meta, &c.Attempt, &c.priority, &plan, &c.after, &c.check, &c.shared, &c.doubts)
		c.plan = plan
		return c, err
	})
	if err != nil {
		return f, fmt.Errorf("mark commands sent: %w", err)
	}
	seen := map[ids.CommandID]bool{}
	for _, c := range marked {
		seen[c.ID] = true
	}
	vain := unbroken(ahead, leaders, seen)
	if err := r.unmark(ctx, tx, vain); err != nil {
		return f, err
	}
	marked = slices.DeleteFunc(marked, func(c linked) bool { return slices.Contains(vain, int64(c.ID)) })
	var plans [][16]byte
	for _, c := range marked {
		if len(c.after) > 0 {
			plans = append(plans, c.plan)
		}
	}
	results, err := r.results(ctx, tx, plans)
	if err != nil {
		return f, err
	}
	order := map[ids.CommandID]int{}
	for i, id := range ahead {
		order[ids.CommandID(id)] = i
	}
	slices.SortFunc(marked, func(a, b linked) int { return order[a.ID] - order[b.ID] })
	batch := &pgx.Batch{}
	for _, c := range marked {
		filled, err := fill(c.Params, c.UID, results[c.plan])
		if err != nil {
			batch.Queue(endCommand, int64(r.lane.Account), int64(c.ID), "refused", "missing_value", "", err.Error())
			*ended = append(*ended, int64(c.ID))
			continue
		}
		if !bytes.Equal(filled, c.Params) {
			c.Params = filled
			batch.Queue(`UPDATE command SET asked = $3 WHERE account_id = $1 AND id = $2`, int64(r.lane.Account), int64(c.ID), []byte(filled))
		}
		c.leader = leaders[c.ID]
		f.commands = append(f.commands, c.claimed)
	}
	r.mu.Lock()
	level := r.budget.level
	r.mu.Unlock()
	batch.Queue(`UPDATE lane SET level = $3, level_at = clock_timestamp(), lease_until = clock_timestamp() + make_interval(secs => $4) WHERE account_id = $1 AND id = $2`,
		int64(r.lane.Account), int64(r.lane.ID), level, leaseFor.Seconds())
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return f, fmt.Errorf("note the request: %w", err)
	}
	return f, nil
}

// results are the stored answers of plans, by plan and name.
func (r *runner) results(ctx context.Context, tx pgx.Tx, plans [][16]byte) (map[uuid.UUID]map[string]json.RawMessage, error) {
	results := map[uuid.UUID]map[string]json.RawMessage{}
	if len(plans) == 0 {
		return results, nil
	}
	rows, err := tx.Query(ctx, `SELECT plan_id, name, result FROM command WHERE account_id = $1 AND plan_id = ANY($2) AND state = 'done' AND check_of IS NULL`,
		int64(r.lane.Account), plans)
	if err != nil {
		return nil, fmt.Errorf("read results of plans: %w", err)
	}
	var plan [16]byte
	var name string
	var result []byte
	_, err = pgx.ForEachRow(rows, []any{&plan, &name, &result}, func() error {
		if results[plan] == nil {
			results[plan] = map[string]json.RawMessage{}
		}
		results[plan][name] = slices.Clone(result)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read results of plans: %w", err)
	}
	return results, nil
}
