package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// landed takes a request out of those under way.
func (r *runner) landed(class Priority) {
	r.mu.Lock()
	r.budget.flying[class]--
	r.mu.Unlock()
	r.poke()
}

// fly sends one request and stores what became of its commands.
func (r *runner) fly(ctx context.Context, f flight) {
	replies := replyAll(len(f.commands), brokenOff())
	r.outbox.guarded(r.lane, "request", func() {
		began := r.outbox.now()
		calls := r.outbox.calls(r.lane, f.commands)
		out := make([]Outgoing, len(calls))
		for i, c := range calls {
			out[i] = c.Outgoing
		}
		answers := r.request(ctx, out)
		r.learn(out, answers, began)
		replies = r.outbox.split(r.lane, f.commands, calls, answers)
	})
	r.land(ctx, f, replies)
}

// brokenOff is what became of commands whose sending ended in a panic: they may have run.
func brokenOff() *Failure {
	return &Failure{Kind: Unclear, Class: "transport", Text: "sending it broke off inside this server"}
}

// request gives the commands to the transport and makes sure that each has an answer.
func (r *runner) request(ctx context.Context, out []Outgoing) []Reply {
	transport := r.outbox.Transports[r.lane.Kind]
	if transport == nil {
		return replyAll(len(out), &Failure{Kind: Retry, Wide: true, Class: "no_transport", Text: "nothing carries " + string(r.lane.Kind), After: time.Minute})
	}
	ctx, cancel := context.WithTimeout(ctx, r.outbox.requestLimit(r.lane.Kind)+5*time.Second)
	defer cancel()
	var replies []Reply
	if !r.outbox.guarded(r.lane, "transport", func() { replies = transport.Send(ctx, r.lane, out) }) {
		return replyAll(len(out), brokenOff())
	}
	for i := range replies {
		if replies[i].Err == nil && !json.Valid(replies[i].Result) && len(replies[i].Result) > 0 {
			replies[i].Err = &Failure{Kind: Unclear, Class: "server", Text: "the answer is no JSON"}
		}
	}
	for len(replies) < len(out) {
		replies = append(replies, Reply{Err: &Failure{Kind: Unclear, Class: "server", Text: "the answer says nothing about it"}})
	}
	return replies[:len(out)]
}

func replyAll(n int, failure *Failure) []Reply {
	replies := make([]Reply, n)
	for i := range replies {
		replies[i].Err = failure
	}
	return replies
}

// land stores the answers, however long the database is away, as long as the lane is ours.
func (r *runner) land(ctx context.Context, f flight, replies []Reply) {
	defer r.landed(f.class)
	for {
		var letters []letter
		trying, cancel := context.WithTimeout(context.WithoutCancel(ctx), storePatience)
		err := r.outbox.guardedErr(r.lane, "answers", func() error {
			return r.outbox.db.InAccount(trying, r.lane.Account, func(ctx context.Context, tx pgx.Tx) (err error) {
				letters, err = r.store(ctx, tx, f, replies)
				return err
			})
		})
		cancel()
		if err == nil {
			r.outbox.deliver(letters)
			break
		}
		r.outbox.log.Warn("results not stored, tried again", "account", r.lane.Account, "lane", r.lane.Kind, "error", err)
		select {
		case <-ctx.Done():
			return // the next owner finds these commands unclear
		case <-time.After(time.Duration(200+200*jitter()) * time.Millisecond):
		}
	}
	for _, c := range f.commands {
		if !r.outbox.signal(waiter{r.lane.Account, c.ID}) && r.outbox.Hints != nil && c.priority == Waiting {
			r.outbox.Hints.Hint(fmt.Sprintf("%s%d:%d", doneHint, r.lane.Account, c.ID))
		}
	}
}

// learn takes what the answers say about budget, time and rest.
func (r *runner) learn(out []Outgoing, replies []Reply, began time.Time) {
	kinds := make([]string, len(out))
	for i, c := range out {
		kinds[i] = c.Kind
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mind.learn(r.outbox.now(), began, kinds, replies, jitter())
}

// store writes the outcome of a request. A true answer counts also when the lease ended meanwhile: nobody can have sent the same
// attempt again. The lane's row is locked first, as a round does, so that they never wait for each other in a circle.
func (r *runner) store(ctx context.Context, tx pgx.Tx, f flight, replies []Reply) ([]letter, error) {
	if err := r.noteLane(ctx, tx, f.resumed, replies); err != nil {
		return nil, err
	}
	var concerned, ended []int64
	for _, c := range f.commands {
		if c.shared || c.check {
			concerned = append(concerned, int64(c.ID))
		}
	}
	if err := lockPlans(ctx, tx, r.lane.Account, concerned); err != nil {
		return nil, err
	}
	var letters []letter
	done := &pgx.Batch{}
	for i, c := range f.commands {
		if replies[i].Err == nil {
			queueDone(done, r.lane.Account, c.ID, c.Attempt, replies[i].Result, &ended, nil)
		}
	}
	if err := tx.SendBatch(ctx, done).Close(); err != nil {
		return nil, fmt.Errorf("store results: %w", err)
	}
	for i, c := range f.commands {
		if failure := replies[i].Err; failure != nil {
			if err := r.storeFailure(ctx, tx, c, failure, &ended); err != nil {
				return nil, err
			}
		}
		if failure := replies[i].Err; c.check && (failure == nil || failure.Kind == Refused) {
			more, err := r.outbox.judge(ctx, tx, r.lane.Account, c.ID, replies[i], &ended)
			if err != nil {
				return nil, err
			}
			letters = append(letters, more...)
		}
	}
	more, err := r.outbox.ended(ctx, tx, r.lane.Account, ended)
	return append(letters, more...), err
}

func (r *runner) noteLane(ctx context.Context, tx pgx.Tx, resumed int64, replies []Reply) error {
	now := r.outbox.now()
	r.mu.Lock()
	b := r.budget
	r.uses.forget(now)
	learned, err := r.memory().encode()
	r.mu.Unlock()
	if err != nil {
		return fmt.Errorf("encode what the lane learned: %w", err)
	}
	var pause *time.Time
	if !b.pause.IsZero() {
		pause = &b.pause
	}
	// The claim has written the level, and who sends beside the lane adds to it: only a bucket that proved to be full is news.
	var level *float64
	if slices.ContainsFunc(replies, func(reply Reply) bool { return reply.Err != nil && reply.Err.Kind == Full }) {
		full := b.at(now)
		level = &full
	}
	tag, err := tx.Exec(ctx, `UPDATE lane SET level = COALESCE($4, level), level_at = CASE WHEN $4::float8 IS NULL THEN level_at ELSE clock_timestamp() END, failures = $5, memory = $6, pause_until = COALESCE($7::timestamptz, '-infinity'),
		lease_until = CASE WHEN owner = $8 AND lease_until > clock_timestamp() THEN clock_timestamp() + make_interval(secs => $9) ELSE lease_until END
		WHERE account_id = $1 AND id = $2 AND epoch = $3`,
		int64(r.lane.Account), int64(r.lane.ID), r.epoch, level, b.failures, learned, pause, r.outbox.owner, leaseFor.Seconds())
	if err == nil && tag.RowsAffected() == 0 { // somebody else's by now; the order of locks stays the same
		_, err = tx.Exec(ctx, `SELECT 1 FROM lane WHERE account_id = $1 AND id = $2 FOR NO KEY UPDATE`, int64(r.lane.Account), int64(r.lane.ID))
	}
	if err != nil {
		return fmt.Errorf("note the lane's state: %w", err)
	}
	i := slices.IndexFunc(replies, func(reply Reply) bool { return reply.Err != nil && reply.Err.Kind == Sleep })
	if i < 0 {
		return nil
	}
	// A portal that was authorised again while this request was under way is tried again.
	tag, err = tx.Exec(ctx, `UPDATE lane SET asleep = $4 WHERE account_id = $1 AND id = $2 AND epoch = $3 AND resumed = $5`, int64(r.lane.Account), int64(r.lane.ID), r.epoch,
		readable(replies[i].Err.Class), resumed)
	if err != nil {
		return fmt.Errorf("put lane to sleep: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return nil
	}
	r.outbox.log.Warn("lane sleeps", "account", r.lane.Account, "lane", r.lane.Kind, "portal", r.lane.Portal, "reason", replies[i].Err.Class)
	return nil
}

// doneCommand stores a result for a command of which this is the last attempt, whatever was thought of it meanwhile: the answer may come from a server that
// was frozen, to a command that was given up or is about to be repeated. Attempt 0: whichever, as its effect was seen.
const doneCommand = `UPDATE command SET state = 'done', result = $4, class = '', code = '', text = '', done_at = clock_timestamp()
	WHERE account_id = $1 AND id = $2 AND ($3 = 0 AND attempts > 0 OR attempts = $3) AND state IN ('ready', 'sent', 'unclear', 'unconfirmed') RETURNING id`

// queueDone adds the storing of a result to a batch; what it ended is added to ended, and changed (when not nil) tells whether it did.
func queueDone(batch *pgx.Batch, account ids.AccountID, id ids.CommandID, attempt int, result json.RawMessage, ended *[]int64, changed *bool) {
	if len(result) == 0 {
		result = json.RawMessage("null")
	}
	batch.Queue(doneCommand, int64(account), int64(id), attempt, []byte(result)).QueryRow(func(row pgx.Row) error {
		var done int64
		err := row.Scan(&done)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err == nil {
			*ended = append(*ended, done)
			if changed != nil {
				*changed = true
			}
		}
		return err
	})
}

// maxTries ends a command that was turned away again and again, without ever running, while others got through.
const maxTries = 30

// maxReads ends a read of which so many requests broke while the lane got others through; with the pauses between, that is after half an hour at least.
const maxReads = 100

// endCommand ends an open command without a result.
const endCommand = `UPDATE command SET state = $3, class = $4, code = $5, text = $6, done_at = clock_timestamp() WHERE account_id = $1 AND id = $2
	AND state IN ('ready', 'sent', 'unclear')`

func (r *runner) storeFailure(ctx context.Context, tx pgx.Tx, c claimed, f *Failure, ended *[]int64) error {
	account := r.lane.Account
	again := f.After
	if f.Kind == Unclear && c.doubts >= maxReads && r.outbox.registry.kinds[c.Kind].Check.Mode == CheckRead {
		f = &Failure{Kind: Refused, Class: "no_answer", Code: f.Code, Text: f.Text}
	}
	switch f.Kind {
	case Refused:
		already, result := r.already(c, f)
		if already {
			batch := &pgx.Batch{}
			queueDone(batch, account, c.ID, c.Attempt, result, ended, nil)
			return tx.SendBatch(ctx, batch).Close()
		}
		tag, err := tx.Exec(ctx, endCommand+` AND attempts = $7`, int64(account), int64(c.ID), "refused", readable(f.Class), readable(f.Code), readable(f.Text), c.Attempt)
		if err != nil {
			return fmt.Errorf("refuse command %d: %w", c.ID, err)
		}
		if tag.RowsAffected() > 0 {
			*ended = append(*ended, int64(c.ID))
		}
		return nil
	case Unclear:
		if sabotageTrust {
			batch := &pgx.Batch{}
			queueDone(batch, account, c.ID, c.Attempt, nil, ended, nil)
			return tx.SendBatch(ctx, batch).Close()
		}
		return r.outbox.becomeUnclear(ctx, tx, r.lane, unclear{id: c.ID, attempt: c.Attempt, failing: r.failing()}, f)
	case Retry:
		if f.Class != "not_sent" {
			again = max(again, min(15*time.Second, backoff(50*time.Millisecond, c.Attempt-1, jitter())))
		}
	case Sleep, Rest, Full:
	}
	// It did not run: the same again. A deadline still ends it, and so does a person; what is wrong with the lane as a whole (its circuit is open, it sleeps,
	// its bucket is full, a method rests) goes on until that is over, and shows in the lane's gauge. What is turned away by itself ends with a reason.
	own := 0
	if f.Kind == Retry && !f.Wide && !r.failing() {
		own = 1
	}
	var tries int
	err := tx.QueryRow(ctx, `UPDATE command SET state = 'ready', due_at = clock_timestamp() + make_interval(secs => $4), class = $5, code = $6, text = $7, probes = probes + $8
		WHERE account_id = $1 AND id = $2 AND attempts = $3 AND state IN ('sent', 'unclear') RETURNING probes`,
		int64(account), int64(c.ID), c.Attempt, again.Seconds(), readable(f.Class), readable(f.Code), readable(f.Text), own).Scan(&tries)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("put command %d back: %w", c.ID, err)
	case tries < maxTries:
		return nil
	}
	if _, err := tx.Exec(ctx, endCommand, int64(account), int64(c.ID), "refused", readable(f.Class), readable(f.Code), readable(f.Text)); err != nil {
		return fmt.Errorf("give command %d up: %w", c.ID, err)
	}
	*ended = append(*ended, int64(c.ID))
	return nil
}

// failing tells that the lane as a whole gets nothing through.
func (r *runner) failing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.budget.failures >= circuitAt
}

// already tells whether a refusal means that the effect is there.
func (r *runner) already(c claimed, f *Failure) (bool, json.RawMessage) {
	check := r.outbox.registry.kinds[c.Kind].Check
	if check.Already == nil {
		return false, nil
	}
	var result json.RawMessage
	yes := false
	if !r.outbox.guarded(r.lane, "already of "+c.Kind, func() {
		result, yes = check.Already(Sent{Account: r.lane.Account, Lane: r.lane.LaneRef, UID: c.UID, Kind: c.Kind, Params: c.Params, Meta: c.Meta}, *f)
	}) {
		return false, nil
	}
	return yes, result
}

// readable keeps what PostgreSQL's text refuses out of a platform's words, and the words short.
func readable(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD")
	if len(s) > 2000 {
		s = strings.ToValidUTF8(s[:2000], "")
	}
	return s
}
