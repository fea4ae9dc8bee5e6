package outbox

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// Join tells how commands of one key, kind and merge name that wait one behind the other leave as one call. Each stays a command of its own, with its own
// plan, answer and check. Its functions are pure.
type Join struct {
	// Most is how many commands become one call, Size the bytes of their parameters together.
	Most, Size int
	// Params are the parameters of the call; false: these commands cannot be joined, the first goes alone.
	Params func(each []json.RawMessage) (json.RawMessage, bool)
	// Split is what became of each, from the answer of the call. It is asked for a lone command too.
	Split func(each []json.RawMessage, answer json.RawMessage) []Reply
}

// call is one call of a request with the commands it stands for, by their place in the flight.
type call struct {
	Outgoing
	members []int
}

// calls puts what was claimed into calls: a command that rides with the one before it is joined to that.
func (o *Outbox) calls(lane Lane, commands []claimed) []call {
	var all []call
	for i, c := range commands {
		if n := len(all) - 1; n >= 0 && c.leader != 0 && c.leader == commands[all[n].members[0]].leader {
			if joined, ok := o.joined(lane, commands, append(all[n].members, i)); ok {
				all[n].Params, all[n].members = joined, append(all[n].members, i)
				continue
			}
		}
		all = append(all, call{c.Outgoing, []int{i}})
	}
	return all
}

func (o *Outbox) joined(lane Lane, commands []claimed, members []int) (params json.RawMessage, ok bool) {
	kind := commands[members[0]].Kind
	done := o.guarded(lane, "join of "+kind, func() { params, ok = o.registry.kinds[kind].Join.Params(paramsOf(commands, members)) })
	return params, ok && done
}

func paramsOf(commands []claimed, members []int) []json.RawMessage {
	each := make([]json.RawMessage, len(members))
	for i, m := range members {
		each[i] = commands[m].Params
	}
	return each
}

// split gives each command its own reply.
func (o *Outbox) split(lane Lane, commands []claimed, calls []call, replies []Reply) []Reply {
	own := make([]Reply, len(commands))
	for n, c := range calls {
		join := o.registry.kinds[c.Kind].Join
		if replies[n].Err != nil || join == nil {
			for _, m := range c.members {
				own[m] = replies[n]
			}
			continue
		}
		var parts []Reply // none after a panic: they are looked into
		o.guarded(lane, "split of "+c.Kind, func() { parts = join.Split(paramsOf(commands, c.members), replies[n].Result) })
		for i, m := range c.members {
			own[m] = Reply{Err: &Failure{Kind: Unclear, Class: "server", Text: "the answer says nothing about it"}}
			if i < len(parts) {
				own[m] = parts[i]
			}
		}
	}
	return own
}

// follower is a command behind a picked one.
type follower struct {
	id     ids.CommandID
	kind   string
	state  string
	merge  string
	due    bool
	alone  bool
	after  int
	doubts int
	size   int
}

// riders finds the commands that leave in one call with the picked ones: those right behind them in their key that are their like. The order of the key
// holds, as nothing is left out between. The ids come with each picked one's first.
func (r *runner) riders(ctx context.Context, tx pgx.Tx, picked []head) (order []int64, leaders map[ids.CommandID]ids.CommandID, err error) {
	leaders = map[ids.CommandID]ids.CommandID{}
	for _, h := range picked {
		order = append(order, int64(h.id))
		join := r.outbox.registry.kinds[h.kind].Join
		if join == nil || h.alone || h.doubts > 0 {
			continue
		}
		rows, err := tx.Query(ctx, `SELECT id, kind, state, COALESCE(merge, ''), due_at <= clock_timestamp(), alone, cardinality(after), doubts, octet_length(params) FROM command
			WHERE account_id = $1 AND lane_id = $2 AND key = $3 AND id >= $4 AND NOT independent AND state IN ('ready', 'sent', 'unclear') ORDER BY id LIMIT $5`,
			int64(r.lane.Account), int64(r.lane.ID), h.key, int64(h.id), join.Most)
		if err != nil {
			return nil, nil, fmt.Errorf("look for what can be joined: %w", err)
		}
		behind, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (f follower, err error) {
			return f, row.Scan(&f.id, &f.kind, &f.state, &f.merge, &f.due, &f.alone, &f.after, &f.doubts, &f.size)
		})
		if err != nil {
			return nil, nil, fmt.Errorf("look for what can be joined: %w", err)
		}
		leaders[h.id] = h.id
		for _, f := range run(behind, join.Size) {
			order = append(order, int64(f))
			leaders[f] = h.id
		}
	}
	return order, leaders, nil
}

// run is how far the likes of the first reach.
func run(behind []follower, size int) []ids.CommandID {
	var riders []ids.CommandID
	for i, f := range behind {
		first := behind[0]
		if f.merge == "" || f.merge != first.merge || f.kind != first.kind || f.state != "ready" || !f.due || f.alone || f.after > 0 || f.doubts > 0 {
			break
		}
		if size -= f.size; size < 0 && i > 0 {
			break
		}
		if i > 0 {
			riders = append(riders, f.id)
		}
	}
	return riders
}

// unbroken takes out of a key's run what stands behind a command that could not be marked: it must not overtake it. What was marked in vain is told.
func unbroken(order []int64, leaders map[ids.CommandID]ids.CommandID, marked map[ids.CommandID]bool) (vain []int64) {
	broken := false
	for _, id := range order {
		id := ids.CommandID(id)
		if leaders[id] == 0 || leaders[id] == id {
			broken = false
		}
		if !marked[id] {
			broken = true
			continue
		}
		if broken {
			vain = append(vain, int64(id))
		}
	}
	return vain
}

// unmark puts back what was marked sent a moment ago, in the same transaction.
func (r *runner) unmark(ctx context.Context, tx pgx.Tx, vain []int64) error {
	if len(vain) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `UPDATE command SET state = 'ready', attempts = attempts - 1 WHERE account_id = $1 AND id = ANY($2) AND state = 'sent' AND epoch = $3`,
		int64(r.lane.Account), vain, r.epoch)
	if err != nil {
		return fmt.Errorf("put back what may not overtake: %w", err)
	}
	return nil
}
