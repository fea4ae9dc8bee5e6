package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
	"omni/server/inbox"
)

// letter is who has to be woken when a transaction is committed: a key that got an answer, or a lane that got work.
type letter struct {
	account ids.AccountID
	key     ids.Key
	lane    LaneRef
}

// deliver wakes after the commit.
func (o *Outbox) deliver(letters []letter) {
	for _, l := range letters {
		switch {
		case l.key == "":
			o.Wake(l.account, l.lane)
		case o.WakeKey != nil:
			o.WakeKey(l.account, l.key)
		}
	}
}

// end gives an open command a final state without a result and draws the consequences.
func (o *Outbox) end(ctx context.Context, tx pgx.Tx, account ids.AccountID, id ids.CommandID, state string, f *Failure) ([]letter, error) {
	tag, err := tx.Exec(ctx, endCommand, int64(account), int64(id), state, readable(f.Class), readable(f.Code), readable(f.Text))
	if err != nil {
		return nil, fmt.Errorf("end command %d: %w", id, err)
	}
	if tag.RowsAffected() == 0 {
		return nil, nil
	}
	return o.ended(ctx, tx, account, []int64{int64(id)})
}

// ended draws the consequences of commands that have just reached a final state: what followed one that is not done is cancelled, a plan without
// open commands is answered, and lanes whose commands may leave now are woken. Two requests may end the last two commands of a plan at once, so
// the plan is locked; whoever comes second sees the other's end.
func (o *Outbox) ended(ctx context.Context, tx pgx.Tx, account ids.AccountID, commands []int64) ([]letter, error) {
	if len(commands) == 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, `SELECT DISTINCT plan_id, siblings > 1 FROM command WHERE account_id = $1 AND id = ANY($2) AND (siblings > 1 OR reply_key <> '')`, int64(account), commands)
	if err != nil {
		return nil, fmt.Errorf("find plans: %w", err)
	}
	var plans, shared [][16]byte
	var plan [16]byte
	var several bool
	if _, err := pgx.ForEachRow(rows, []any{&plan, &several}, func() error {
		plans = append(plans, plan)
		if several {
			shared = append(shared, plan)
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("find plans: %w", err)
	}
	if len(plans) == 0 {
		return nil, nil
	}
	if len(shared) > 0 {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(plan) FROM (SELECT DISTINCT hashtextextended(id::text, $1) AS plan FROM unnest($2::uuid[]) AS id ORDER BY 1) p`,
			int64(account), shared); err != nil {
			return nil, fmt.Errorf("lock plans: %w", err)
		}
	}
	members, err := readPlans(ctx, tx, account, plans)
	if err != nil {
		return nil, err
	}
	var letters []letter
	var answers []inbox.Row
	for _, plan := range members {
		settled := settle(plan)
		if len(settled.cancel) > 0 {
			if _, err := tx.Exec(ctx, `UPDATE command SET state = 'cancelled', class = 'cancelled', text = $3, done_at = clock_timestamp()
				WHERE account_id = $1 AND id = ANY($2) AND state = 'ready'`, int64(account), settled.cancel, cancelledText); err != nil {
				return nil, fmt.Errorf("cancel what follows: %w", err)
			}
		}
		for _, lane := range settled.wake {
			letters = append(letters, letter{account: account, lane: lane})
		}
		if settled.answer == nil {
			continue
		}
		answer, err := settled.answer.row(account)
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer)
		letters = append(letters, letter{account: account, key: answer.Key})
	}
	return letters, inbox.Post(ctx, tx, o.Business(), answers...)
}

const cancelledText = "what it follows was not done"

// member is a command as its plan sees it.
type member struct {
	plan      [16]byte
	planName  string
	name      string
	after     []string
	lane      LaneRef
	attempts  int
	replyKey  ids.Key
	replyKind string
	tag       json.RawMessage
	Result
}

func readPlans(ctx context.Context, tx pgx.Tx, account ids.AccountID, plans [][16]byte) ([][]member, error) {
	rows, err := tx.Query(ctx, `SELECT c.plan_id, c.plan, c.name, c.after, l.kind, l.portal_id, c.attempts, c.reply_key, c.reply_kind, c.tag, c.id, c.uid::text, c.state, c.result,
		c.class, c.code, c.text FROM command c JOIN lane l ON l.account_id = c.account_id AND l.id = c.lane_id
		WHERE c.account_id = $1 AND c.plan_id = ANY($2) AND c.check_of IS NULL ORDER BY c.plan_id, c.id`, int64(account), plans)
	if err != nil {
		return nil, fmt.Errorf("read plans: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (member, error) {
		var m member
		var tag, result []byte
		err := row.Scan(&m.plan, &m.planName, &m.name, &m.after, &m.lane.Kind, &m.lane.Portal, &m.attempts, &m.replyKey, &m.replyKind, &tag, &m.Command, &m.UID, &m.State, &result,
			&m.Class, &m.Code, &m.Text)
		m.tag, m.Result.Result = tag, result
		return m, err
	})
	if err != nil {
		return nil, fmt.Errorf("read plans: %w", err)
	}
	var grouped [][]member
	for i, m := range all {
		if i == 0 || m.plan != all[i-1].plan {
			grouped = append(grouped, nil)
		}
		grouped[len(grouped)-1] = append(grouped[len(grouped)-1], m)
	}
	return grouped, nil
}

// settled is what follows from the states of a plan's commands.
type settled struct {
	cancel []int64
	wake   []LaneRef
	answer *planEnd
}

// settle decides what becomes of a plan. Its commands come in the order of their ids, so everything stands behind what it follows.
func settle(plan []member) settled {
	var s settled
	states := map[string]string{}
	open := false
	for i := range plan {
		m := &plan[i]
		ready := m.State == "ready"
		for _, name := range m.after {
			switch states[name] {
			case "done":
			case "ready", "sent", "unclear":
				ready = false
			default:
				if m.State == "ready" {
					m.State, m.Class, m.Text, ready = "cancelled", "cancelled", cancelledText, false
					s.cancel = append(s.cancel, int64(m.Command))
				}
			}
		}
		if ready && !slices.Contains(s.wake, m.lane) {
			s.wake = append(s.wake, m.lane)
		}
		states[m.name] = m.State
		open = open || isOpen(m.State)
	}
	if !open {
		s.answer = newPlanEnd(plan)
	}
	return s
}

func isOpen(state string) bool { return state == "ready" || state == "sent" || state == "unclear" }

// planEnd is the one event a plan ends in.
type planEnd struct {
	key     ids.Key
	kind    string
	natural string
	PlanAnswer
}

// newPlanEnd is nil when nobody waits for the plan.
func newPlanEnd(plan []member) *planEnd {
	e := planEnd{PlanAnswer: PlanAnswer{Plan: plan[0].planName, Results: map[string]Result{}}}
	attempts, done := 0, 0
	for _, m := range plan {
		attempts += m.attempts
		if m.State == "done" {
			done++
		}
		e.Results[m.name] = m.Result
		if m.tag != nil && e.Tag == nil {
			e.Tag = m.tag
		}
		if m.replyKey != "" && e.key == "" {
			e.key, e.kind = m.replyKey, m.replyKind
		}
	}
	if e.key == "" {
		return nil
	}
	// A plan that a person takes up again ends once more: its commands were sent more often then. So does one of which the truth came late: more of it is done.
	e.natural = "plan:" + strconv.FormatInt(int64(plan[0].Command), 10) + ":" + strconv.Itoa(attempts) + ":" + strconv.Itoa(done)
	return &e
}

func (e *planEnd) row(account ids.AccountID) (inbox.Row, error) {
	body, err := json.Marshal(e.PlanAnswer)
	if err != nil {
		return inbox.Row{}, fmt.Errorf("encode the answer of plan %s: %w", e.Plan, err)
	}
	return inbox.Row{Account: account, Key: e.key, Kind: e.kind, Natural: e.natural, Body: body}, nil
}
