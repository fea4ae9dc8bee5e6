package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"omni/server/ids"
	"omni/server/inbox"
)

// When the effect of an unclear command is looked for: soon, and again when its request can no longer be running.
const (
	firstLook = time.Second
	lookGap   = 10 * time.Second
	// maxLooks ends the search when nothing could be said again and again.
	maxLooks = 12
	// maxDoubts ends the repeats of a command whose requests broke so often while the lane got others through.
	maxDoubts = 6
	// doubtfulFor is from when on a doubt counts also while nothing gets through: it may be the command that keeps its lane down.
	doubtfulFor = 24 * time.Hour
	// afterLimit is added to the limit, so that the look itself is surely later.
	afterLimit = 200 * time.Millisecond
	// notConfirmed is the class of commands left to a person.
	notConfirmed = "not_confirmed"
)

// requestLimit is how long a platform may go on working on a request.
func (o *Outbox) requestLimit(kind LaneKind) time.Duration {
	if limit := o.RequestLimit[kind]; limit > 0 {
		return limit
	}
	if kind == LaneB24 {
		return time.Minute
	}
	return 30 * time.Second
}

// patience is how long an unclear command is given before "not there" counts.
func (o *Outbox) patience(check Check, kind LaneKind) time.Duration {
	limit := o.requestLimit(kind)
	if check.Mode == CheckPerson && check.Within > 0 {
		return min(check.Within, limit)
	}
	return limit
}

// unclear is a command of which nobody knows whether it ran.
type unclear struct {
	id ids.CommandID
	// attempt 0 means whichever.
	attempt int
	// lease is the end of its sender's lease when that is gone; zero: not known.
	lease time.Time
	// failing: the lane as a whole gets nothing through, so it is no doubt about this command.
	failing bool
}

// becomeUnclear notes that nobody knows whether a command ran; its key waits. The platform may have got the request a little after it was marked sent
// (connecting takes time, a token may have been refreshed first), so the limit is counted from a little later; when the sender is gone, from the end of its
// lease. What counts against a command is a request that broke while others got through; a platform that is down breaks all of them, and that says nothing,
// unless it goes on for a day.
func (o *Outbox) becomeUnclear(ctx context.Context, tx pgx.Tx, lane Lane, c unclear, f *Failure) error {
	id := c.id
	var kind, replyKey, replyKind string
	var noted bool
	var tag []byte
	var checkOf *int64
	slack := min(10*time.Second, o.requestLimit(lane.Kind)/6) + f.Late
	var until *time.Time
	if !c.lease.IsZero() {
		until = &c.lease
	}
	err := tx.QueryRow(ctx, `UPDATE command SET state = 'unclear', class = $3, code = $4, text = $5, probes = 0,
		doubts = doubts + CASE WHEN $10 AND (doubted_at IS NULL OR doubted_at > clock_timestamp() - make_interval(secs => $11)) THEN 0 ELSE 1 END,
		doubted_at = COALESCE(doubted_at, clock_timestamp()),
		sent_at = least(clock_timestamp(), greatest(sent_at + make_interval(secs => $6), $9::timestamptz)), due_at = clock_timestamp() + make_interval(secs => $7)
		WHERE account_id = $1 AND id = $2 AND state = 'sent' AND ($8 = 0 OR attempts = $8) RETURNING kind, note_unclear, reply_key, reply_kind, tag, check_of`,
		int64(lane.Account), int64(id), readable(f.Class), readable(f.Code), readable(f.Text), slack.Seconds(), firstLook.Seconds(), c.attempt, until, c.failing,
		doubtfulFor.Seconds()).Scan(&kind, &noted, &replyKey, &replyKind, &tag, &checkOf)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("note that command %d is unclear: %w", id, err)
	}
	if o.registry.kinds[kind].Check.Mode == CheckRead || checkOf != nil || sabotageRepeat {
		// A read has no effect: again, at once when it has a person waiting for it.
		_, err := tx.Exec(ctx, `UPDATE command SET state = 'ready', due_at = clock_timestamp() + make_interval(secs => least(15, 0.2 * attempts)) WHERE account_id = $1 AND id = $2`,
			int64(lane.Account), int64(id))
		if err != nil {
			return fmt.Errorf("put read %d back: %w", id, err)
		}
		return nil
	}
	if !noted || replyKey == "" {
		return nil
	}
	body, err := json.Marshal(PlanAnswer{Tag: tag})
	if err != nil {
		return fmt.Errorf("encode a notice: %w", err)
	}
	return inbox.Post(ctx, tx, o.Business(), inbox.Row{Account: lane.Account, Key: ids.Key(replyKey), Kind: replyKind + ".unclear", Body: body})
}

// doubtful is an unclear command whose time to be looked at has come.
type doubtful struct {
	id             ids.CommandID
	key            ids.Key
	sent           Sent
	age            time.Duration // since it was sent, by the database's clock
	probes, doubts int
}

// dueQuery finds unclear commands of the lane whose time has come and that nobody is looking for at the moment.
const dueQuery = `SELECT id, uid::text, kind, COALESCE(asked, params), meta, sent_at, extract(epoch FROM clock_timestamp() - sent_at), probes, doubts, key FROM command c
	WHERE account_id = $1 AND lane_id = $2 AND state = 'unclear' AND due_at <= clock_timestamp() AND NOT EXISTS (SELECT 1 FROM command p
	WHERE p.account_id = c.account_id AND p.check_of = c.id AND p.state IN ('ready', 'sent', 'unclear')) ORDER BY id LIMIT 50`

func (r *runner) doubtful(row pgx.CollectableRow) (doubtful, error) {
	c := doubtful{sent: Sent{Account: r.lane.Account, Lane: r.lane.LaneRef}}
	var age float64
	err := row.Scan(&c.id, &c.sent.UID, &c.sent.Kind, &c.sent.Params, &c.sent.Meta, &c.sent.At, &age, &c.probes, &c.doubts, &c.key)
	c.age = time.Duration(age * float64(time.Second))
	return c, err
}

// settleOne looks after an unclear command: it sends the read that may show the effect, repeats what may be repeated, or gives up.
func (o *Outbox) settleOne(ctx context.Context, tx pgx.Tx, lane Lane, c doubtful, ended *[]int64) ([]letter, error) {
	check := o.registry.kinds[c.sent.Kind].Check
	var probe Probe
	can := false
	if check.Probe != nil && !o.guarded(lane, "probe of "+c.sent.Kind, func() { probe, can = check.Probe(c.sent) }) {
		can = false
	}
	limit := o.patience(check, lane.Kind)
	switch decideUnclear(check.Mode, can, c, limit) {
	case stepLook:
		return o.look(ctx, tx, lane.Account, c.id, c.key, probe)
	case stepAgain:
		return nil, o.again(ctx, tx, lane.Account, c.id)
	case stepGiveUp:
		return nil, o.end(ctx, tx, lane.Account, c.id, "unconfirmed", &Failure{Class: notConfirmed, Text: "nothing shows whether it was done"}, ended)
	case stepWait:
	}
	return nil, o.postpone(ctx, tx, lane.Account, c.id, limit+afterLimit-c.age)
}

// step is what happens next to an unclear command.
type step int

const (
	stepWait   step = iota // until its request can no longer be running
	stepLook               // send the read that may show the effect
	stepAgain              // send it once more
	stepGiveUp             // leave it to a person
)

// decideUnclear is called when an unclear command is due and no read about it is under way.
func decideUnclear(mode CheckMode, can bool, c doubtful, limit time.Duration) step {
	over := c.age > limit
	switch {
	case can && c.probes < maxLooks:
		return stepLook
	case !over:
		return stepWait
	case mode == CheckSet && c.doubts < maxDoubts, mode == CheckRead:
		return stepAgain
	}
	return stepGiveUp
}

// decideFound says what a look at the effect means. Found counts at any time. Absent counts only when the look began after the request could no longer
// be running: a platform goes on working after we stopped listening.
func decideFound(mode CheckMode, f Finding, lookedAfterLimit bool, doubts int) step {
	switch {
	case f != Absent || !lookedAfterLimit && !sabotageHasty:
		return stepWait
	case mode == CheckPerson || doubts >= maxDoubts:
		return stepGiveUp
	}
	return stepAgain
}

// look sends the read that may show the effect of an unclear command, as a command of its own.
func (o *Outbox) look(ctx context.Context, tx pgx.Tx, account ids.AccountID, id ids.CommandID, key ids.Key, p Probe) ([]letter, error) {
	lane, err := laneID(ctx, tx, account, p.Lane)
	if err != nil {
		return nil, err
	}
	params, err := encodeParams(p.Params)
	if err != nil {
		return nil, fmt.Errorf("encode the look at command %d: %w", id, err)
	}
	check, err := o.newRow(Command{Lane: p.Lane, Key: "check:" + key, Kind: p.Kind, Params: p.Params, Priority: Live, Independent: true}, params)
	if err != nil {
		return nil, err
	}
	check.checkOf, check.planID = id, uuid.Must(uuid.NewV7())
	batch := &pgx.Batch{}
	var made ids.CommandID
	check.queue(batch, account, lane, &made)
	batch.Queue(`UPDATE command SET probes = probes + 1, due_at = clock_timestamp() + make_interval(secs => $3) WHERE account_id = $1 AND id = $2`,
		int64(account), int64(id), lookGap.Seconds())
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("look for the effect of command %d: %w", id, err)
	}
	return []letter{{account: account, lane: p.Lane}}, nil
}

func (o *Outbox) postpone(ctx context.Context, tx pgx.Tx, account ids.AccountID, id ids.CommandID, wait time.Duration) error {
	_, err := tx.Exec(ctx, `UPDATE command SET due_at = clock_timestamp() + make_interval(secs => $3) WHERE account_id = $1 AND id = $2 AND state = 'unclear'`,
		int64(account), int64(id), max(wait, 50*time.Millisecond).Seconds())
	if err != nil {
		return fmt.Errorf("postpone the look at command %d: %w", id, err)
	}
	return nil
}

// again sends a command once more.
func (o *Outbox) again(ctx context.Context, tx pgx.Tx, account ids.AccountID, id ids.CommandID) error {
	_, err := tx.Exec(ctx, `UPDATE command SET state = 'ready', due_at = clock_timestamp(), probes = 0 WHERE account_id = $1 AND id = $2 AND state = 'unclear'`, int64(account), int64(id))
	if err != nil {
		return fmt.Errorf("repeat command %d: %w", id, err)
	}
	return nil
}

// judge settles an unclear command by what the look (a command that just ended) answered.
func (o *Outbox) judge(ctx context.Context, tx pgx.Tx, account ids.AccountID, look ids.CommandID, reply Reply, ended *[]int64) ([]letter, error) {
	sent := Sent{Account: account}
	var id ids.CommandID
	var looked time.Time
	var age float64
	var doubts int
	err := tx.QueryRow(ctx, `SELECT c.id, c.uid::text, c.kind, COALESCE(c.asked, c.params), c.meta, c.sent_at, extract(epoch FROM clock_timestamp() - c.sent_at), c.doubts, l.kind, l.portal_id,
		p.sent_at FROM command p JOIN command c ON c.account_id = p.account_id AND c.id = p.check_of JOIN lane l ON l.account_id = c.account_id AND l.id = c.lane_id
		WHERE p.account_id = $1 AND p.id = $2 AND c.state = 'unclear' FOR NO KEY UPDATE OF c`, int64(account), int64(look)).
		Scan(&id, &sent.UID, &sent.Kind, &sent.Params, &sent.Meta, &sent.At, &age, &doubts, &sent.Lane.Kind, &sent.Lane.Portal, &looked)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what look %d is about: %w", look, err)
	}
	check := o.registry.kinds[sent.Kind].Check
	limit := o.patience(check, sent.Lane.Kind)
	finding, result := Undecided, json.RawMessage(nil)
	if reply.Err == nil && check.Judge != nil {
		if sent.Others, err = others(ctx, tx, account, id); err != nil {
			return nil, err
		}
		about := Lane{Account: account, LaneRef: sent.Lane}
		if !o.guarded(about, "judge of "+sent.Kind, func() { finding, result = check.Judge(sent, reply.Result) }) {
			finding, result = Undecided, nil
		}
	}
	if finding == Found {
		batch := &pgx.Batch{}
		queueDone(batch, account, id, 0, result, ended, nil)
		return nil, tx.SendBatch(ctx, batch).Close()
	}
	wake := []letter{{account: account, lane: sent.Lane}}
	switch decideFound(check.Mode, finding, looked.After(sent.At.Add(limit)), doubts) {
	case stepAgain:
		return wake, o.again(ctx, tx, account, id)
	case stepGiveUp:
		return wake, o.end(ctx, tx, account, id, "unconfirmed", &Failure{Class: notConfirmed, Text: "it is not there, and repeating it could double it"}, ended)
	case stepWait, stepLook:
	}
	wait := limit + afterLimit - time.Duration(age*float64(time.Second))
	if wait <= 0 || finding == Undecided {
		wait = max(wait, lookGap/5)
	}
	return nil, o.postpone(ctx, tx, account, id, wait)
}

// othersKept bounds how many results of other commands a judge is told.
const othersKept = 200

// others are the newest results of other commands of the same key and kind.
func others(ctx context.Context, tx pgx.Tx, account ids.AccountID, id ids.CommandID) ([]json.RawMessage, error) {
	rows, err := tx.Query(ctx, `SELECT o.result FROM command c JOIN command o ON o.account_id = c.account_id AND o.key = c.key AND o.kind = c.kind AND o.id <> c.id
		WHERE c.account_id = $1 AND c.id = $2 AND o.state = 'done' AND o.result IS NOT NULL ORDER BY o.id DESC LIMIT $3`, int64(account), int64(id), othersKept)
	if err != nil {
		return nil, fmt.Errorf("read what others like command %d made: %w", id, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (json.RawMessage, error) {
		var raw []byte
		err := row.Scan(&raw)
		return raw, err
	})
	if err != nil {
		return nil, fmt.Errorf("read what others like command %d made: %w", id, err)
	}
	return list, nil
}
