package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// runner is the one sender of a lane while its lease lasts.
type runner struct {
	outbox *Outbox
	lane   Lane
	epoch  int64
	since  time.Time
	cancel context.CancelFunc
	wake   chan struct{}

	mu       sync.Mutex
	budget   budget
	blocked  map[string]time.Time
	expected expectations
	draining bool
	flights  sync.WaitGroup
}

const (
	// idleAfter lets a lane without work go.
	idleAfter = 30 * time.Second
	// maxWait bounds how long a runner sleeps without looking.
	maxWait = time.Second
	// sendSlack is added to the platform's own limit before we stop listening.
	sendTimeout = 65 * time.Second
)

var errNotOurs = errors.New("the lane is not ours any more")

// acquire takes the lane when its lease is over. Commands of older epochs that never got an answer become unclear.
func (r *runner) acquire(ctx context.Context, tx pgx.Tx) error {
	var blocked []byte
	err := tx.QueryRow(ctx, `UPDATE lane SET owner = $4, epoch = epoch + 1, lease_until = clock_timestamp() + make_interval(secs => $5)
		WHERE account_id = $1 AND kind = $2 AND portal_id = $3 AND lease_until < clock_timestamp()
		RETURNING id, epoch, level, level_at, pause_until, failures, blocked`,
		int64(r.lane.Account), string(r.lane.Kind), int64(r.lane.Portal), r.outbox.owner, leaseFor.Seconds()).
		Scan(&r.lane.ID, &r.epoch, &r.budget.level, &r.budget.levelAt, &finite{&r.budget.pause}, &r.budget.failures, &blocked)
	if errors.Is(err, pgx.ErrNoRows) {
		r.epoch = 0
		return nil
	}
	if err != nil {
		return fmt.Errorf("take lane: %w", err)
	}
	var seconds map[string]int64
	if err := json.Unmarshal(blocked, &seconds); err != nil {
		return fmt.Errorf("read resting methods: %w", err)
	}
	r.blocked = map[string]time.Time{}
	for method, until := range seconds {
		r.blocked[method] = time.Unix(until, 0)
	}
	rows, err := tx.Query(ctx, `SELECT id FROM command WHERE account_id = $1 AND lane_id = $2 AND state = 'sent' AND epoch < $3`,
		int64(r.lane.Account), int64(r.lane.ID), r.epoch)
	if err != nil {
		return fmt.Errorf("look for lost commands: %w", err)
	}
	lost, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("look for lost commands: %w", err)
	}
	for _, id := range lost {
		if err := r.outbox.becomeUnclear(ctx, tx, r.lane.Account, ids.CommandID(id), &Failure{Class: "transport", Text: "the server that sent it is gone"}); err != nil {
			return err
		}
	}
	return nil
}

// finite reads a timestamp that may be minus infinity as the zero time.
type finite struct{ t *time.Time }

// Scan implements sql.Scanner.
func (f *finite) Scan(src any) error {
	if t, ok := src.(time.Time); ok {
		*f.t = t
	}
	return nil
}

func (r *runner) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// drain ends the runner when its requests are answered; nothing new is sent.
func (r *runner) drain() {
	r.mu.Lock()
	r.draining = true
	r.mu.Unlock()
	r.poke()
}

func (r *runner) run(ctx context.Context) {
	defer r.outbox.release(r)
	defer r.cancel()
	idle := time.NewTimer(0)
	defer idle.Stop()
	lastWork := r.outbox.now()
	for {
		wait, worked, err := r.round(ctx)
		switch {
		case errors.Is(err, errNotOurs), ctx.Err() != nil:
			r.flights.Wait()
			return
		case err != nil:
			r.outbox.log.Warn("lane round failed, tried again", "account", r.lane.Account, "lane", r.lane.Kind, "error", err)
			wait = maxWait
		}
		now := r.outbox.now()
		if worked || r.inFlight() > 0 {
			lastWork = now
		}
		if r.isDraining() || now.Sub(lastWork) > idleAfter {
			r.flights.Wait()
			if r.isDraining() || r.letGo(ctx) {
				return
			}
			lastWork = now
		}
		if worked && wait == 0 {
			continue
		}
		if wait <= 0 || wait > maxWait {
			wait = maxWait
		}
		idle.Reset(wait)
		select {
		case <-ctx.Done():
		case <-r.wake:
		case <-idle.C:
		}
	}
}

func (r *runner) isDraining() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.draining
}

func (r *runner) inFlight() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.budget.flying[0] + r.budget.flying[1] + r.budget.flying[2]
}

// letGo hands an idle lane back.
func (r *runner) letGo(ctx context.Context) bool {
	err := r.outbox.db.InAccount(ctx, r.lane.Account, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE lane SET owner = NULL, lease_until = '-infinity' WHERE account_id = $1 AND id = $2 AND owner = $3 AND epoch = $4`,
			int64(r.lane.Account), int64(r.lane.ID), r.outbox.owner, r.epoch)
		return err
	})
	return err == nil
}

// round looks once: unclear commands whose time has come, then what may leave. It answers when to look again.
func (r *runner) round(ctx context.Context) (time.Duration, bool, error) {
	if !r.outbox.leased() {
		return maxWait, false, nil
	}
	if r.isDraining() {
		return 0, false, nil
	}
	var batch []claimed
	var wait time.Duration
	err := r.outbox.db.InAccount(ctx, r.lane.Account, func(ctx context.Context, tx pgx.Tx) error {
		asleep, err := r.hold(ctx, tx)
		if err != nil || asleep {
			return err
		}
		if err := r.settleDue(ctx, tx); err != nil {
			return err
		}
		if err := r.expire(ctx, tx); err != nil {
			return err
		}
		batch, wait, err = r.claim(ctx, tx)
		return err
	})
	if err != nil || len(batch) == 0 {
		return wait, false, err
	}
	if !r.outbox.leased() {
		// Woken after a freeze: what was marked sent is for the next owner to look into.
		r.landed(batch[0].class)
		return 0, false, errNotOurs
	}
	r.flights.Go(func() { r.send(ctx, batch) })
	return 0, true, nil
}

// hold checks inside the transaction that the lane is still ours, by the database's clock.
func (r *runner) hold(ctx context.Context, tx pgx.Tx) (asleep bool, err error) {
	var reason *string
	err = tx.QueryRow(ctx, `SELECT asleep FROM lane WHERE account_id = $1 AND id = $2 AND owner = $3 AND epoch = $4 AND lease_until > clock_timestamp() FOR UPDATE`,
		int64(r.lane.Account), int64(r.lane.ID), r.outbox.owner, r.epoch).Scan(&reason)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, errNotOurs
	}
	if err != nil {
		return false, fmt.Errorf("hold lane: %w", err)
	}
	return reason != nil, nil
}

// expire drops ready commands whose deadline is over.
func (r *runner) expire(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `UPDATE command SET state = 'expired', class = 'expired', done_at = now() WHERE account_id = $1 AND lane_id = $2 AND state = 'ready'
		AND deadline IS NOT NULL AND deadline < now() RETURNING id`, int64(r.lane.Account), int64(r.lane.ID))
	if err != nil {
		return fmt.Errorf("drop late commands: %w", err)
	}
	late, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("drop late commands: %w", err)
	}
	return r.outbox.ended(ctx, tx, r.lane.Account, late...)
}

// claimed is a command marked sent, ready to leave.
type claimed struct {
	Outgoing
	class Priority
}

// The heads: the first open command of each key, found by a loose scan, and independent ones.
const headsQuery = `WITH RECURSIVE heads AS (
	(SELECT key, id FROM command WHERE account_id = $1 AND lane_id = $2 AND state IN ('ready', 'sent', 'unclear') AND NOT independent ORDER BY key, id LIMIT 1)
	UNION ALL
	SELECT n.key, n.id FROM heads h, LATERAL (SELECT key, id FROM command WHERE account_id = $1 AND lane_id = $2 AND state IN ('ready', 'sent', 'unclear')
		AND NOT independent AND key > h.key ORDER BY key, id LIMIT 1) n)
	SELECT c.id, c.kind, c.priority, c.created_at, c.alone FROM command c WHERE c.account_id = $1 AND c.state = 'ready' AND c.due_at <= now() AND c.id IN (
		SELECT id FROM heads UNION ALL (SELECT id FROM command WHERE account_id = $1 AND lane_id = $2 AND state = 'ready' AND independent ORDER BY priority, id LIMIT 200))
	AND NOT EXISTS (SELECT 1 FROM command d WHERE cardinality(c.after) > 0 AND d.account_id = c.account_id AND d.plan = c.plan AND d.name = ANY(c.after)
		AND d.state IN ('ready', 'sent', 'unclear'))`

// claim picks the commands of the next request and marks them sent, with the epoch and the bucket's level, before the request leaves.
func (r *runner) claim(ctx context.Context, tx pgx.Tx) ([]claimed, time.Duration, error) {
	heads, err := r.heads(ctx, tx)
	if err != nil || len(heads) == 0 {
		return nil, maxWait, err
	}
	picked, wait := r.choose(heads)
	if len(picked) == 0 {
		return nil, wait, nil
	}
	batch := make([]claimed, 0, len(picked))
	for _, h := range picked {
		c, err := r.prepare(ctx, tx, h)
		if err != nil {
			return nil, 0, err
		}
		if c != nil {
			batch = append(batch, *c)
		}
	}
	if len(batch) == 0 {
		r.landed(picked[0].priority)
		return nil, time.Millisecond, nil
	}
	r.mu.Lock()
	level, at := r.budget.level, r.budget.levelAt
	r.mu.Unlock()
	_, err = tx.Exec(ctx, `UPDATE lane SET level = $3, level_at = $4 WHERE account_id = $1 AND id = $2`, int64(r.lane.Account), int64(r.lane.ID), level, at)
	if err != nil {
		return nil, 0, fmt.Errorf("count the request: %w", err)
	}
	return batch, 0, nil
}

func (r *runner) heads(ctx context.Context, tx pgx.Tx) ([]head, error) {
	rows, err := tx.Query(ctx, headsQuery, int64(r.lane.Account), int64(r.lane.ID))
	if err != nil {
		return nil, fmt.Errorf("look for heads: %w", err)
	}
	heads, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (head, error) {
		var h head
		err := row.Scan(&h.id, &h.kind, &h.priority, &h.created, &h.alone)
		return h, err
	})
	if err != nil {
		return nil, fmt.Errorf("look for heads: %w", err)
	}
	return heads, nil
}

// choose decides under the budget what leaves now; a request is counted at once.
func (r *runner) choose(heads []head) ([]head, time.Duration) {
	now := r.outbox.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	awake := heads[:0]
	next := maxWait
	for _, h := range heads {
		if until, rests := r.blocked[h.kind]; rests && now.Before(until) {
			next = min(next, until.Sub(now))
			continue
		}
		awake = append(awake, h)
	}
	if len(awake) == 0 {
		return nil, next
	}
	picked := pack(awake, r.budget.PerRequest, r.expected)
	class := picked[0].priority
	if may, wait := r.budget.mayFly(now, class); !may {
		return nil, wait
	}
	if wait := r.budget.gather(now, class, len(awake), oldest(picked)); wait > 0 {
		return nil, wait
	}
	r.budget.add(now)
	r.budget.flying[class]++
	return picked, 0
}

func oldest(heads []head) time.Time {
	at := heads[0].created
	for _, h := range heads {
		if h.created.Before(at) {
			at = h.created
		}
	}
	return at
}

// prepare fills a command in and marks it sent. One whose values are missing is refused here; nil says so.
func (r *runner) prepare(ctx context.Context, tx pgx.Tx, h head) (*claimed, error) {
	c := claimed{class: h.priority}
	var plan string
	var after []string
	err := tx.QueryRow(ctx, `UPDATE command SET state = 'sent', epoch = $3, sent_at = clock_timestamp(), attempts = attempts + 1 WHERE account_id = $1 AND id = $2 AND state = 'ready'
		RETURNING id, uid, kind, params, meta, attempts, plan, after`, int64(r.lane.Account), int64(h.id), r.epoch).
		Scan(&c.ID, &c.UID, &c.Kind, &c.Params, &c.Meta, &c.Attempt, &plan, &after)
	if err != nil {
		return nil, fmt.Errorf("mark command %d sent: %w", h.id, err)
	}
	results := map[string]json.RawMessage{}
	if len(after) > 0 {
		rows, err := tx.Query(ctx, `SELECT name, result FROM command WHERE account_id = $1 AND plan = $2 AND name = ANY($3) AND state = 'done'`,
			int64(r.lane.Account), plan, after)
		if err != nil {
			return nil, fmt.Errorf("read results of plan %s: %w", plan, err)
		}
		var name string
		var result []byte
		if _, err := pgx.ForEachRow(rows, []any{&name, &result}, func() error { results[name] = append(json.RawMessage(nil), result...); return nil }); err != nil {
			return nil, fmt.Errorf("read results of plan %s: %w", plan, err)
		}
	}
	filled, err := fill(c.Params, c.UID, results)
	if err != nil {
		return nil, r.outbox.refuse(ctx, tx, r.lane.Account, c.ID, &Failure{Kind: Refused, Class: "missing_value", Text: err.Error()})
	}
	c.Params = filled
	if _, err := tx.Exec(ctx, `UPDATE command SET asked = $3 WHERE account_id = $1 AND id = $2`, int64(r.lane.Account), int64(c.ID), []byte(filled)); err != nil {
		return nil, fmt.Errorf("note what command %d asks: %w", c.ID, err)
	}
	return &c, nil
}

// landed takes a request out of those under way.
func (r *runner) landed(class Priority) {
	r.mu.Lock()
	r.budget.flying[class]--
	r.mu.Unlock()
	r.poke()
}

// send sends one request and stores what became of its commands.
func (r *runner) send(ctx context.Context, batch []claimed) {
	defer r.landed(batch[0].class)
	out := make([]Outgoing, len(batch))
	for i, c := range batch {
		out[i] = c.Outgoing
	}
	transport := r.outbox.Transports[r.lane.Kind]
	sendCtx, cancel := context.WithTimeout(ctx, sendTimeout)
	replies := transport.Send(sendCtx, r.lane, out)
	cancel()
	r.learn(batch, replies)
	for {
		err := r.outbox.db.InAccount(context.WithoutCancel(ctx), r.lane.Account, func(ctx context.Context, tx pgx.Tx) error { return r.store(ctx, tx, batch, replies) })
		if err == nil {
			break
		}
		r.outbox.log.Warn("results not stored, tried again", "account", r.lane.Account, "lane", r.lane.Kind, "error", err)
		select {
		case <-ctx.Done():
			return // the next owner finds these commands unclear
		case <-time.After(300 * time.Millisecond):
		}
	}
	for _, c := range batch {
		w := waiter{r.lane.Account, c.ID}
		if !r.outbox.signal(w) && r.outbox.Hints != nil && c.class == Waiting {
			r.outbox.Hints.Hint(fmt.Sprintf("%s%d:%d", doneHint, r.lane.Account, c.ID))
		}
	}
}

// learn takes what the answers say about budget, time and rest.
func (r *runner) learn(batch []claimed, replies []Reply) {
	now := r.outbox.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	failed, full := 0, false
	for i, reply := range replies {
		r.expected.learn(batch[i].Kind, reply.Took)
		r.rest(batch[i], reply)
		if f := reply.Err; f != nil {
			full = full || f.Kind == Full
			if f.Kind == Unclear || f.Kind == Retry && f.Class == "transport" {
				failed++
			}
		}
	}
	switch {
	case full:
		r.budget.fill(now, jitter())
	case failed == len(replies):
		r.budget.failures++
		r.budget.pause = now.Add(backoff(250*time.Millisecond, r.budget.failures-1, jitter()))
	default:
		r.budget.failures, r.budget.pause = 0, time.Time{}
	}
}

// operatingLimit is what a method may use up in ten minutes; the docs' example, as the real value is the cloud's own.
const operatingLimit = 480 * time.Second

// rest lets a method rest that the platform told to, or that is close to its limit: background at half of it, all at four fifths.
func (r *runner) rest(c claimed, reply Reply) {
	if reply.Err != nil && reply.Err.Kind == Rest {
		until := reply.Err.Until
		if until.IsZero() {
			until = r.outbox.now().Add(10 * time.Second)
		}
		r.blocked[c.Kind] = until
		return
	}
	limit := operatingLimit * 8 / 10
	if c.class == Background {
		limit = operatingLimit / 2
	}
	if reply.Operating > limit && !reply.ResetAt.IsZero() {
		r.blocked[c.Kind] = reply.ResetAt
	}
}

// store writes the outcome of a request. A true answer counts also when the lease ended meanwhile: nobody can have sent the same
// attempt again, as that would carry another epoch.
func (r *runner) store(ctx context.Context, tx pgx.Tx, batch []claimed, replies []Reply) error {
	var ended []int64
	for i, c := range batch {
		done, err := r.storeOne(ctx, tx, c, replies[i])
		if err != nil {
			return err
		}
		if done {
			ended = append(ended, int64(c.ID))
		}
	}
	r.mu.Lock()
	b := r.budget
	blocked := map[string]int64{}
	for method, until := range r.blocked {
		if until.After(r.outbox.now()) {
			blocked[method] = until.Unix()
		} else {
			delete(r.blocked, method)
		}
	}
	r.mu.Unlock()
	rests, err := json.Marshal(blocked)
	if err != nil {
		return fmt.Errorf("encode resting methods: %w", err)
	}
	var pause *time.Time
	if !b.pause.IsZero() {
		pause = &b.pause
	}
	if _, err := tx.Exec(ctx, `UPDATE lane SET level = $4, level_at = $5, failures = $6, blocked = $7, pause_until = COALESCE($8, '-infinity') WHERE account_id = $1 AND id = $2 AND epoch = $3`,
		int64(r.lane.Account), int64(r.lane.ID), r.epoch, b.level, b.levelAt, b.failures, rests, pause); err != nil {
		return fmt.Errorf("note the lane's state: %w", err)
	}
	return r.outbox.ended(ctx, tx, r.lane.Account, ended...)
}

func (r *runner) storeOne(ctx context.Context, tx pgx.Tx, c claimed, reply Reply) (ended bool, err error) {
	account := r.lane.Account
	if reply.Err == nil {
		return r.outbox.done(ctx, tx, account, c.ID, c.Attempt, reply.Result)
	}
	f := reply.Err
	switch f.Kind {
	case Refused:
		return false, r.outbox.refuse(ctx, tx, account, c.ID, f)
	case Unclear:
		return false, r.outbox.becomeUnclear(ctx, tx, account, c.ID, f)
	case Sleep:
		if _, err := tx.Exec(ctx, `UPDATE lane SET asleep = $3 WHERE account_id = $1 AND id = $2`, int64(account), int64(r.lane.ID), f.Class); err != nil {
			return false, fmt.Errorf("put lane to sleep: %w", err)
		}
	case Retry, Rest, Full:
	}
	// It did not run: the same again. A deadline still ends it.
	_, err = tx.Exec(ctx, `UPDATE command SET state = 'ready', due_at = clock_timestamp() + make_interval(secs => $4), class = $5, code = $6, text = $7
		WHERE account_id = $1 AND id = $2 AND attempts = $3 AND state IN ('sent', 'unclear')`,
		int64(account), int64(c.ID), c.Attempt, f.After.Seconds(), f.Class, f.Code, f.Text)
	if err != nil {
		return false, fmt.Errorf("put command %d back: %w", c.ID, err)
	}
	return false, nil
}
