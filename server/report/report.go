// Package report repairs what UIS told by notifications that never came: a round reads a report of an account from where it is certain to now, hands it to whoever
// compares it with what is there, and posts what was missing. UIS repeats no notification (U3).
package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/account/directory"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/jobs"
	"omni/server/outbox"
	"omni/server/store"
	"omni/server/uis"
)

// Every is how often a report is read.
const Every = 20 * time.Minute

const (
	// Overlap is read again by every round: the report lags behind, a recording is ready minutes after the end, and clocks differ.
	Overlap = 30 * time.Minute
	// Settle is how old a row must be: the notification of a younger one may still be on its way.
	Settle = time.Minute
	// Reach is how far back is read at most, span how much at once: a report may cover three months.
	Reach    = 29 * 24 * time.Hour
	span     = 24 * time.Hour
	pageRows = 1000
)

// Asker reads through the account's lane.
type Asker interface {
	Ask(ctx context.Context, account ids.AccountID, lane outbox.LaneRef, kind string, params any, p outbox.Priority) (json.RawMessage, error)
}

// Options are what rounds work with.
type Options struct {
	DB    *store.DB
	Log   *slog.Logger
	Asker Asker
	// Business is the business time, in which communications are told of; Wake tells that a key has news.
	Business func() time.Time
	Wake     func(ids.AccountID, ids.Key)
}

// Kind is one report and what is made of it.
type Kind[T any] struct {
	// Table holds up to when each account is certain, and what was found so far: account_id, certain_until, found.
	Table string
	// Method, Fields, Sort (empty: as UIS has them) and Extra are the question, Decode reads the answer.
	Method string
	Fields []string
	Sort   string
	Extra  map[string]any
	Decode func(json.RawMessage) ([]T, error)
	// Since says from when on to read, as a rule what it is given; nil: always so.
	Since func(ctx context.Context, tx pgx.Tx, account ids.AccountID, from time.Time) (time.Time, error)
	// Missing compares rows with what is there and answers what has to be posted, and until when the account is certain: at most till.
	Missing func(ctx context.Context, tx pgx.Tx, at Moment, rows []T) ([]inbox.Row, time.Time, error)
}

// Moment is where a comparison stands: rows' times are in the zone.
type Moment struct {
	Account   ids.AccountID
	Zone      *time.Location
	Now, Till time.Time
}

// Settled tells that something happened so long ago that its notification would have come. A time nobody can read is none.
func (m Moment) Settled(w uis.WallTime) bool {
	at, err := w.In(m.Zone)
	return w != "" && err == nil && !at.After(m.Now.Add(-Settle))
}

// Result is what a round came to, for the job's row.
type Result struct {
	Reads    int    `json:"reads"`
	Repaired int    `json:"repaired"`
	Problem  string `json:"problem,omitempty"`
}

// Repair makes rounds of one kind.
type Repair[T any] struct {
	Options
	kind Kind[T]
}

// New makes a repair; Do is its job.
func New[T any](o Options, k Kind[T]) *Repair[T] { return &Repair[T]{o, k} }

// Pass makes an account certain up to now without a look: what happened is not to be caught up.
func Pass(ctx context.Context, tx pgx.Tx, table string, account ids.AccountID, now time.Time) error {
	if _, err := tx.Exec(ctx, `UPDATE `+table+` SET certain_until = GREATEST(certain_until, $2) WHERE account_id = $1`, int64(account), now); err != nil {
		return fmt.Errorf("pass %s of account %d: %w", table, account, err)
	}
	return nil
}

// Do compares one account from where it is certain to now. An account is watched from its first round on: what was before is history, not a loss.
func (r *Repair[T]) Do(ctx context.Context, job *jobs.Job) (any, error) {
	at := Moment{Account: job.Account, Now: r.Business()}
	var from time.Time
	err := r.DB.InAccount(ctx, job.Account, func(ctx context.Context, tx pgx.Tx) (err error) {
		if at.Zone, err = directory.Zone(ctx, tx, job.Account); err != nil {
			return err
		}
		if err = tx.QueryRow(ctx, `INSERT INTO `+r.kind.Table+` AS g (account_id, certain_until) VALUES ($1, $2) ON CONFLICT (account_id) DO UPDATE SET found = g.found
			RETURNING certain_until`, int64(job.Account), at.Now).Scan(&from); err != nil {
			return err
		}
		if from = from.Add(-Overlap); r.kind.Since != nil {
			from, err = r.kind.Since(ctx, tx, job.Account, from)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read where account %d is certain: %w", job.Account, err)
	}
	if oldest := at.Now.Add(-Reach); from.Before(oldest) {
		from = oldest
	}
	var result Result
	held := at.Now // nobody is certain behind it
	for ; from.Before(at.Now); from = from.Add(span) {
		at.Till = from.Add(span)
		if at.Till.After(at.Now) {
			at.Till = at.Now
		}
		n, err := r.compare(ctx, at, from, &held, &result.Reads)
		result.Repaired += n
		var refused *outbox.Failure
		switch {
		case errors.As(err, &refused), errors.Is(err, outbox.ErrSlow):
			result.Problem = "not_read" // the lane is busy or asleep, or the tariff lacks the report; the next round goes on from here
			return result, nil
		case err != nil:
			return result, err
		}
	}
	return result, nil
}

func (r *Repair[T]) compare(ctx context.Context, at Moment, from time.Time, held *time.Time, reads *int) (int, error) {
	q := uis.Query{From: from, Till: at.Till.Add(time.Minute), Zone: at.Zone, Limit: pageRows, Fields: r.kind.Fields, Extra: r.kind.Extra}
	if r.kind.Sort != "" {
		q.Sort = []uis.Sort{{Field: r.kind.Sort}}
	}
	rows, err := r.read(ctx, at.Account, q, reads)
	if err != nil {
		return 0, err
	}
	var missing []inbox.Row
	err = r.DB.InAccount(ctx, at.Account, func(ctx context.Context, tx pgx.Tx) error {
		var certain time.Time
		if missing, certain, err = r.kind.Missing(ctx, tx, at, rows); err != nil {
			return err
		}
		if certain.Before(at.Till) && certain.Before(*held) {
			*held = certain
		}
		if held.Before(certain) {
			certain = *held
		}
		for i := range missing {
			missing[i].Account = at.Account
		}
		if err := inbox.Post(ctx, tx, at.Now, missing...); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE `+r.kind.Table+` SET certain_until = GREATEST(certain_until, $2), found = found + $3 WHERE account_id = $1`,
			int64(at.Account), certain, len(missing))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("compare %s of account %d: %w", r.kind.Method, at.Account, err)
	}
	for _, row := range missing {
		r.Wake(at.Account, row.Key)
	}
	if len(missing) > 0 {
		r.Log.Warn("notifications of UIS were missing, the report had what they tell", "report", r.kind.Method, "account", at.Account, "found", len(missing))
	}
	return len(missing), nil
}

func (r *Repair[T]) read(ctx context.Context, account ids.AccountID, q uis.Query, reads *int) ([]T, error) {
	var all []T
	for ; q.Offset <= uis.MaxOffset; q.Offset += pageRows {
		*reads++
		raw, err := r.Asker.Ask(ctx, account, outbox.LaneRef{Kind: outbox.LaneUISData}, r.kind.Method, q.Params(), outbox.Background)
		if err != nil {
			return nil, err
		}
		page, err := r.kind.Decode(raw)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) < pageRows {
			break
		}
	}
	return all, nil
}
