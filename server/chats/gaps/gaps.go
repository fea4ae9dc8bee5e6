// Package gaps finds what UIS told by webhooks that never came: every few minutes, and soon after a start or an absence of the database, it
// reads UIS' reports of each connected account, compares them with the chats we have and posts what is missing to the keys of the chats.
//
// UIS repeats no webhook. What a report does not tell cannot be repaired: delivery statuses, quotes, the visitor's name and e-mail (they come with
// the next card), system messages, and transfers as far as the report names only who accepted the chat.
package gaps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/jobs"
	"omni/server/outbox"
	"omni/server/store"
)

// JobKind is the job that reads one account's reports.
const JobKind = "gaps"

const (
	// lookEvery is how often a server looks for accounts whose round is due.
	lookEvery = 5 * time.Second
	// overlap is read again by every round: reports lag behind, and clocks differ.
	overlap = 15 * time.Minute
	// settle is how old a row of a report must be: the webhook of a younger one may still be on its way.
	settle = 20 * time.Second
	// fresh: a server that starts again and again does not spend an account's points faster than that.
	fresh = time.Minute
	// chatsEvery is how often chats without any message are looked for.
	chatsEvery = time.Hour
	// pause follows a round that could not be finished; offFor one that an account's tariff does not allow.
	pause  = time.Minute
	offFor = 6 * time.Hour
	// dueMost bounds the accounts one look queues.
	dueMost = 200
)

// Asker reads through the account's lane.
type Asker interface {
	Ask(ctx context.Context, account ids.AccountID, lane outbox.LaneRef, kind string, params any, p outbox.Priority) (json.RawMessage, error)
}

// Options are the parts of the repair.
type Options struct {
	DB    *store.DB
	Log   *slog.Logger
	Asker Asker
	// Enqueue queues the job inside a transaction (jobs.Runner.Enqueue).
	Enqueue func(ctx context.Context, tx pgx.Tx, account ids.AccountID, kind string, payload any) (int64, error)
	// Business is the business time of inbox rows; Wake tells that a key has news.
	Business func() time.Time
	Wake     func(ids.AccountID, ids.Key)
	// Every is the time between two rounds of an account.
	Every time.Duration
	// Now is the physical time: reports live in it. Nil: time.Now.
	Now func() time.Time
}

// Repair looks for gaps.
type Repair struct {
	Options
}

// New makes a repair; Run schedules it, Do is the job.
func New(o Options) *Repair {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Repair{o}
}

// Run queues the rounds that are due until ctx ends. Any number of servers may run it: a round is queued once.
func (r *Repair) Run(ctx context.Context) error {
	tick := time.NewTicker(min(lookEvery, r.Every))
	defer tick.Stop()
	suspect := true // nobody knows what was missed before this start
	for {
		err := r.schedule(ctx, suspect)
		switch {
		case err == nil:
			suspect = false
		case ctx.Err() != nil:
			return nil
		default:
			// While the database was away webhooks may have been answered with 503.
			suspect = suspect || store.Unavailable(err)
			r.Log.Warn("rounds of repair not queued, the next look tries again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (r *Repair) settle() time.Duration { return min(settle, r.Every/2) }

// schedule queues due rounds; suspect brings all of them forward.
func (r *Repair) schedule(ctx context.Context, suspect bool) error {
	now := r.Now()
	var due []ids.AccountID
	err := r.DB.AsSystem(ctx, func(ctx context.Context, tx pgx.Tx) error {
		// An account is watched from the moment its chats are connected: what was before is history, not a loss.
		if _, err := tx.Exec(ctx, `INSERT INTO chat_gap (account_id, certain_until, next_at)
			SELECT account_id, $1, $2 FROM uis_connection c WHERE api_key IS NOT NULL AND adapter_id IS NOT NULL
				AND EXISTS (SELECT FROM uis_channel h WHERE h.account_id = c.account_id AND h.adapter_channel IS NOT NULL)
				AND NOT EXISTS (SELECT FROM chat_gap g WHERE g.account_id = c.account_id)
			ON CONFLICT DO NOTHING`, now, now.Add(r.Every)); err != nil {
			return err
		}
		if suspect {
			// What was missed at the end has to be old enough to be looked at.
			if _, err := tx.Exec(ctx, `UPDATE chat_gap SET next_at = LEAST(next_at, GREATEST($1, started_at + $2::interval)) WHERE problem = ''`, now.Add(r.settle()), min(fresh, r.Every)); err != nil {
				return err
			}
		}
		rows, err := tx.Query(ctx, `SELECT g.account_id FROM chat_gap g JOIN uis_connection c USING (account_id)
			WHERE g.next_at <= $1 AND c.api_key IS NOT NULL AND c.adapter_id IS NOT NULL ORDER BY g.next_at LIMIT $2`, now, dueMost)
		if err != nil {
			return err
		}
		due, err = pgx.CollectRows(rows, pgx.RowTo[ids.AccountID])
		return err
	})
	if err != nil {
		return fmt.Errorf("look for accounts to repair: %w", err)
	}
	for _, account := range due {
		if err := r.queue(ctx, account, now); err != nil {
			return err
		}
	}
	return nil
}

// queue moves the account's next round on and queues this one, both or neither.
func (r *Repair) queue(ctx context.Context, account ids.AccountID, now time.Time) error {
	err := r.DB.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE chat_gap SET next_at = $3, started_at = $2 WHERE account_id = $1 AND next_at <= $2`, int64(account), now, now.Add(r.Every))
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM job WHERE account_id = $1 AND kind = $2 AND finished_at < $3`, int64(account), JobKind, r.Business().Add(-24*time.Hour)); err != nil {
			return err
		}
		_, err = r.Enqueue(ctx, tx, account, JobKind, struct{}{})
		if errors.Is(err, jobs.ErrRunning) {
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("queue the repair of account %d: %w", account, err)
	}
	return nil
}

// Result is what a round came to, for the job's row.
type Result struct {
	Reads    int    `json:"reads"`
	Repaired int    `json:"repaired"`
	Problem  string `json:"problem,omitempty"`
}

// Do reads the reports of one account from where it is certain to now. Run twice, or cut off anywhere, it posts nothing twice that matters: rows of one
// comparison are named by their content, and the chats' engine ignores what it knows.
func (r *Repair) Do(ctx context.Context, job *jobs.Job) (any, error) {
	round := &round{repair: r, account: job.Account, job: job.ID, now: r.Now(), business: r.Business()}
	err := round.run(ctx)
	result := Result{Reads: round.reads, Repaired: round.repaired}
	var refused *outbox.Failure
	switch {
	case err == nil:
		err = r.note(ctx, job.Account, "", 0)
	case errors.As(err, &refused) && refused.Kind == outbox.Refused && lasting[refused.Class]:
		result.Problem = refused.Class
		err = r.note(ctx, job.Account, refused.Class, offFor)
	case errors.As(err, &refused), errors.Is(err, outbox.ErrSlow):
		// The lane is busy or asleep; what was compared so far is noted, the rest comes soon.
		result.Problem = "later"
		err = r.note(ctx, job.Account, "", max(min(pause, r.Every), time.Second))
	}
	return result, err
}

// lasting are refusals that another try in a minute does not cure.
var lasting = map[string]bool{"component_missing": true, "forbidden": true, "key_invalid": true, "not_connected": true, "invalid": true, "not_found": true}

// note keeps what stands in the way; in says when to try again, 0: as planned.
func (r *Repair) note(ctx context.Context, account ids.AccountID, problem string, in time.Duration) error {
	next := r.Now().Add(in)
	err := r.DB.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE chat_gap SET problem = $2, next_at = CASE WHEN $3 THEN $4 ELSE next_at END WHERE account_id = $1`, int64(account), problem, in > 0, next)
		return err
	})
	if err != nil {
		return fmt.Errorf("note the repair of account %d: %w", account, err)
	}
	return nil
}

// post writes what was found and moves the certain point on, in one transaction.
func (r *Repair) post(ctx context.Context, account ids.AccountID, rows []inbox.Row, certain, chats time.Time) error {
	err := r.DB.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		if err := inbox.Post(ctx, tx, r.Business(), rows...); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE chat_gap SET certain_until = GREATEST(certain_until, $2), chats_at = GREATEST(chats_at, $3), found = found + $4 WHERE account_id = $1`,
			int64(account), certain, orNull(chats), len(rows))
		return err
	})
	if err != nil {
		return fmt.Errorf("post what was missing of account %d: %w", account, err)
	}
	for _, row := range rows {
		r.Wake(account, row.Key)
	}
	return nil
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
