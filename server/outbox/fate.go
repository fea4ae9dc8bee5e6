package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
	"omni/server/inbox"
)

// done stores a result. It counts for a command that was sent or is unclear with that attempt, or whatever attempt when it was found (attempt 0).
func (o *Outbox) done(ctx context.Context, tx pgx.Tx, account ids.AccountID, id ids.CommandID, attempt int, result json.RawMessage) (bool, error) {
	if len(result) == 0 {
		result = json.RawMessage("null")
	}
	var checkOf *int64
	err := tx.QueryRow(ctx, `UPDATE command SET state = 'done', result = $4, class = '', code = '', text = '', done_at = clock_timestamp()
		WHERE account_id = $1 AND id = $2 AND ($3 = 0 OR attempts = $3) AND state IN ('sent', 'unclear') RETURNING check_of`,
		int64(account), int64(id), attempt, []byte(clean(result))).Scan(&checkOf)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("store the result of command %d: %w", id, err)
	}
	if checkOf != nil {
		if err := o.judge(ctx, tx, account, ids.CommandID(*checkOf), result); err != nil {
			return false, err
		}
	}
	return true, nil
}

// refuse ends a command for good and cancels what depends on it.
func (o *Outbox) refuse(ctx context.Context, tx pgx.Tx, account ids.AccountID, id ids.CommandID, f *Failure) error {
	return o.end(ctx, tx, account, id, "refused", f)
}

// end gives a command a final state without a result.
func (o *Outbox) end(ctx context.Context, tx pgx.Tx, account ids.AccountID, id ids.CommandID, state string, f *Failure) error {
	var plan, name string
	var checkOf *int64
	err := tx.QueryRow(ctx, `UPDATE command SET state = $3, class = $4, code = $5, text = $6, done_at = clock_timestamp() WHERE account_id = $1 AND id = $2
		AND state IN ('ready', 'sent', 'unclear') RETURNING plan, name, check_of`, int64(account), int64(id), state, f.Class, f.Code, f.Text).Scan(&plan, &name, &checkOf)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("end command %d: %w", id, err)
	}
	if checkOf != nil {
		// The look itself was refused: nothing can be said.
		return o.judge(ctx, tx, account, ids.CommandID(*checkOf), nil)
	}
	if err := o.cancelAfter(ctx, tx, account, plan, name); err != nil {
		return err
	}
	return o.ended(ctx, tx, account, int64(id))
}

// cancelAfter cancels everything of a plan that follows a name, and what follows that.
func (o *Outbox) cancelAfter(ctx context.Context, tx pgx.Tx, account ids.AccountID, plan, name string) error {
	names := []string{name}
	for len(names) > 0 && name != "" {
		rows, err := tx.Query(ctx, `UPDATE command SET state = 'cancelled', class = 'cancelled', text = 'what it follows was not done', done_at = clock_timestamp()
			WHERE account_id = $1 AND plan = $2 AND after && $3 AND state = 'ready' RETURNING name`, int64(account), plan, names)
		if err != nil {
			return fmt.Errorf("cancel what follows in plan %s: %w", plan, err)
		}
		if names, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return fmt.Errorf("cancel what follows in plan %s: %w", plan, err)
		}
	}
	return nil
}

// ended posts the one event of every plan that these commands completed.
func (o *Outbox) ended(ctx context.Context, tx pgx.Tx, account ids.AccountID, commands ...int64) error {
	if len(commands) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, `SELECT DISTINCT p.plan FROM command p WHERE p.account_id = $1 AND p.id = ANY($2) AND p.reply_key <> ''
		AND NOT EXISTS (SELECT 1 FROM command c WHERE c.account_id = $1 AND c.plan = p.plan AND c.state IN ('ready', 'sent', 'unclear') AND c.check_of IS NULL)`,
		int64(account), commands)
	if err != nil {
		return fmt.Errorf("look for ended plans: %w", err)
	}
	plans, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("look for ended plans: %w", err)
	}
	for _, plan := range plans {
		if err := o.answer(ctx, tx, account, plan); err != nil {
			return err
		}
	}
	return nil
}

// answer posts how a plan ended. Its natural id makes a second posting harmless.
func (o *Outbox) answer(ctx context.Context, tx pgx.Tx, account ids.AccountID, plan string) error {
	rows, err := tx.Query(ctx, `SELECT id, uid, name, state, result, class, code, text, reply_key, reply_kind, tag, attempts FROM command
		WHERE account_id = $1 AND plan = $2 AND check_of IS NULL ORDER BY id`, int64(account), plan)
	if err != nil {
		return fmt.Errorf("read plan %s: %w", plan, err)
	}
	a := PlanAnswer{Plan: plan, Results: map[string]Result{}}
	var key, kind string
	tries := 0
	_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (struct{}, error) {
		var r Result
		var name string
		var result, tag []byte
		var attempts int
		err := row.Scan(&r.Command, &r.UID, &name, &r.State, &result, &r.Class, &r.Code, &r.Text, &key, &kind, &tag, &attempts)
		tries += attempts
		r.Result = result
		if tag != nil {
			a.Tag = tag
		}
		a.Results[name] = r
		return struct{}{}, err
	})
	if err != nil {
		return fmt.Errorf("read plan %s: %w", plan, err)
	}
	body, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode the answer of plan %s: %w", plan, err)
	}
	// One event per ending: a plan taken up again by a person ends once more, with more attempts.
	row := inbox.Row{Account: account, Key: ids.Key(key), Kind: kind, Natural: fmt.Sprintf("plan:%s:%d:%d", plan, firstOf(a), tries), Body: body}
	if err := inbox.Post(ctx, tx, o.Business(), row); err != nil {
		return err
	}
	o.later(account, ids.Key(key))
	return nil
}

func firstOf(a PlanAnswer) ids.CommandID {
	var least ids.CommandID
	for _, r := range a.Results {
		if least == 0 || r.Command < least {
			least = r.Command
		}
	}
	return least
}

// later wakes a key once the transaction has had the time to commit; the inbox's sweep is behind it.
func (o *Outbox) later(account ids.AccountID, key ids.Key) {
	time.AfterFunc(2*time.Millisecond, func() { o.WakeKey(account, key) })
}

// looks are when the effect of an unclear command is looked for: soon, and then when its request can no longer be running.
const (
	firstLook = time.Second
	lookGap   = 10 * time.Second
	// maxLooks ends the search for kinds that nothing could be said about.
	maxLooks = 12
)

// becomeUnclear notes that nobody knows whether a command ran. Its key waits.
func (o *Outbox) becomeUnclear(ctx context.Context, tx pgx.Tx, account ids.AccountID, id ids.CommandID, f *Failure) error {
	var kind, replyKey, replyKind string
	var noted bool
	var tag []byte
	var checkOf *int64
	err := tx.QueryRow(ctx, `UPDATE command SET state = 'unclear', class = $3, code = $4, text = $5, probes = 0, due_at = clock_timestamp() + make_interval(secs => $6)
		WHERE account_id = $1 AND id = $2 AND state = 'sent' RETURNING kind, note_unclear, reply_key, reply_kind, tag, check_of`,
		int64(account), int64(id), f.Class, f.Code, f.Text, firstLook.Seconds()).Scan(&kind, &noted, &replyKey, &replyKind, &tag, &checkOf)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("note that command %d is unclear: %w", id, err)
	}
	if o.registry.kinds[kind].Check.Mode == CheckRead {
		// A read has no effect: again, at once when it has a person waiting for it.
		_, err := tx.Exec(ctx, `UPDATE command SET state = 'ready', due_at = clock_timestamp() + make_interval(secs => 0.2 * attempts) WHERE account_id = $1 AND id = $2`, int64(account), int64(id))
		return err
	}
	if !noted || replyKey == "" {
		return nil
	}
	body, err := json.Marshal(PlanAnswer{Tag: tag})
	if err != nil {
		return fmt.Errorf("encode a notice: %w", err)
	}
	o.later(account, ids.Key(replyKey))
	return inbox.Post(ctx, tx, o.Business(), inbox.Row{Account: account, Key: ids.Key(replyKey), Kind: replyKind + ".unclear", Body: body})
}

// settleDue looks after unclear commands of the lane whose time has come: it sends the read that may show the effect, repeats what
// may be repeated, or gives up.
func (r *runner) settleDue(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `SELECT id, uid, kind, COALESCE(asked, params), meta, sent_at, probes, key FROM command c WHERE account_id = $1 AND lane_id = $2 AND state = 'unclear'
		AND due_at <= now() AND NOT EXISTS (SELECT 1 FROM command p WHERE p.account_id = c.account_id AND p.check_of = c.id AND p.state IN ('ready', 'sent', 'unclear')) LIMIT 50`,
		int64(r.lane.Account), int64(r.lane.ID))
	if err != nil {
		return fmt.Errorf("look for unclear commands: %w", err)
	}
	type open struct {
		id     ids.CommandID
		sent   Sent
		probes int
		key    ids.Key
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (open, error) {
		c := open{sent: Sent{Account: r.lane.Account, Lane: r.lane.LaneRef}}
		err := row.Scan(&c.id, &c.sent.UID, &c.sent.Kind, &c.sent.Params, &c.sent.Meta, &c.sent.At, &c.probes, &c.key)
		return c, err
	})
	if err != nil {
		return fmt.Errorf("look for unclear commands: %w", err)
	}
	for _, c := range list {
		check := r.outbox.registry.kinds[c.sent.Kind].Check
		over := r.outbox.now().After(c.sent.At.Add(r.outbox.RequestLimit[r.lane.Kind]))
		probe, can := Probe{}, false
		if check.Probe != nil {
			probe, can = check.Probe(c.sent)
		}
		switch {
		case can && c.probes < maxLooks:
			err = r.outbox.look(ctx, tx, r.lane.Account, c.id, c.key, probe)
		case !over:
			err = r.outbox.postpone(ctx, tx, r.lane.Account, c.id, time.Until(c.sent.At.Add(r.outbox.RequestLimit[r.lane.Kind]))+100*time.Millisecond)
		case check.Mode == CheckSet:
			err = r.outbox.again(ctx, tx, r.lane.Account, c.id)
		default:
			err = r.outbox.end(ctx, tx, r.lane.Account, c.id, "unconfirmed", &Failure{Class: "not_confirmed", Text: "nothing shows whether it was done"})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// look sends the read that may show the effect of an unclear command, as a command of its own.
func (o *Outbox) look(ctx context.Context, tx pgx.Tx, account ids.AccountID, id ids.CommandID, key ids.Key, p Probe) error {
	lane, err := laneID(ctx, tx, account, p.Lane)
	if err != nil {
		return err
	}
	check, err := o.newRow(Command{Lane: p.Lane, Key: "check:" + key, Kind: p.Kind, Params: p.Params, Priority: Live, Independent: true})
	if err != nil {
		return err
	}
	check.checkOf = id
	if _, err := check.insert(ctx, tx, account, lane); err != nil {
		return err
	}
	o.Wake(account, p.Lane)
	_, err = tx.Exec(ctx, `UPDATE command SET probes = probes + 1, due_at = clock_timestamp() + make_interval(secs => $3) WHERE account_id = $1 AND id = $2`,
		int64(account), int64(id), lookGap.Seconds())
	return err
}

func (o *Outbox) postpone(ctx context.Context, tx pgx.Tx, account ids.AccountID, id ids.CommandID, wait time.Duration) error {
	_, err := tx.Exec(ctx, `UPDATE command SET due_at = clock_timestamp() + make_interval(secs => $3) WHERE account_id = $1 AND id = $2 AND state = 'unclear'`,
		int64(account), int64(id), max(wait, 50*time.Millisecond).Seconds())
	return err
}

// again sends a command once more.
func (o *Outbox) again(ctx context.Context, tx pgx.Tx, account ids.AccountID, id ids.CommandID) error {
	_, err := tx.Exec(ctx, `UPDATE command SET state = 'ready', due_at = clock_timestamp(), probes = 0 WHERE account_id = $1 AND id = $2 AND state = 'unclear'`, int64(account), int64(id))
	return err
}

// judge settles an unclear command by what its probe answered; nil: the probe itself failed. Found counts at any time. Not found counts
// only when the probe was sent after the request could no longer be running: a portal goes on working after we stopped listening.
func (o *Outbox) judge(ctx context.Context, tx pgx.Tx, account ids.AccountID, id ids.CommandID, answer json.RawMessage) error {
	sent := Sent{Account: account}
	var lane LaneRef
	var probed time.Time
	err := tx.QueryRow(ctx, `SELECT c.uid, c.kind, COALESCE(c.asked, c.params), c.meta, c.sent_at, l.kind, l.portal_id,
		(SELECT max(p.sent_at) FROM command p WHERE p.account_id = c.account_id AND p.check_of = c.id)
		FROM command c JOIN lane l ON l.account_id = c.account_id AND l.id = c.lane_id WHERE c.account_id = $1 AND c.id = $2 AND c.state = 'unclear' FOR UPDATE OF c`,
		int64(account), int64(id)).Scan(&sent.UID, &sent.Kind, &sent.Params, &sent.Meta, &sent.At, &lane.Kind, &lane.Portal, &probed)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read unclear command %d: %w", id, err)
	}
	sent.Lane = lane
	limit := sent.At.Add(o.RequestLimit[lane.Kind])
	wait := max(lookGap/5, time.Until(limit)+200*time.Millisecond)
	check := o.registry.kinds[sent.Kind].Check
	finding, result := Undecided, json.RawMessage(nil)
	if answer != nil && check.Judge != nil {
		finding, result = check.Judge(sent, answer)
	}
	switch {
	case finding == Found:
		done, err := o.done(ctx, tx, account, id, 0, result)
		if err != nil || !done {
			return err
		}
		return o.ended(ctx, tx, account, int64(id))
	case finding == Undecided || !probed.After(limit):
		return o.postpone(ctx, tx, account, id, wait)
	case check.Mode == CheckPerson:
		return o.end(ctx, tx, account, id, "unconfirmed", &Failure{Class: "not_confirmed", Text: "it is not there, and repeating it could double it"})
	}
	return o.again(ctx, tx, account, id)
}

// clean keeps what jsonb refuses out of results.
func clean(raw json.RawMessage) json.RawMessage {
	return json.RawMessage(replaceNUL(raw))
}
