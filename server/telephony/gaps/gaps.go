// Package gaps finds what UIS told of calls by notifications that never came: every twenty minutes it reads the report of the calls of an account, compares it
// with the calls we have and posts what is missing to their keys. UIS repeats no notification (U3).
package gaps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	"omni/server/telephony"
	"omni/server/uis"
)

// JobKind is the job that reads one account's report; Every is how often.
const (
	JobKind = "call_gaps"
	Every   = 20 * time.Minute
)

const (
	// overlap is read again by every round: the report lags behind, a recording is ready minutes after the end, and clocks differ.
	overlap = 30 * time.Minute
	// settle is how old an end must be: the notification of a younger one may still be on its way.
	settle = time.Minute
	// reach is how far back is read at most, span how much at once: a report may cover three months.
	reach    = 29 * 24 * time.Hour
	span     = 24 * time.Hour
	pageRows = 1000
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
	// Business is the business time, in which calls are told of; Wake tells that a key has news.
	Business func() time.Time
	Wake     func(ids.AccountID, ids.Key)
}

// Repair looks for gaps.
type Repair struct{ Options }

// New makes a repair; Do is its job.
func New(o Options) *Repair { return &Repair{o} }

// Result is what a round came to, for the job's row.
type Result struct {
	Reads    int    `json:"reads"`
	Repaired int    `json:"repaired"`
	Problem  string `json:"problem,omitempty"`
}

// Do compares one account from where it is certain to now. An account is watched from its first round on: what was before is history, not a loss.
func (r *Repair) Do(ctx context.Context, job *jobs.Job) (any, error) {
	now := r.Business()
	var certain time.Time
	var zone *time.Location
	err := r.DB.InAccount(ctx, job.Account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		if zone, err = directory.Zone(ctx, tx, job.Account); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `INSERT INTO call_gap (account_id, certain_until) VALUES ($1, $2) ON CONFLICT (account_id) DO UPDATE SET found = call_gap.found
			RETURNING certain_until`, int64(job.Account), now).Scan(&certain)
	})
	if err != nil {
		return nil, fmt.Errorf("read where account %d is certain: %w", job.Account, err)
	}
	var result Result
	for from := later(certain.Add(-overlap), now.Add(-reach)); from.Before(now); from = from.Add(span) {
		till := earlier(from.Add(span), now)
		n, err := r.compare(ctx, job.Account, zone, from, till, now, &result.Reads)
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

func (r *Repair) compare(ctx context.Context, account ids.AccountID, zone *time.Location, from, till, now time.Time, reads *int) (int, error) {
	calls, err := r.report(ctx, account, uis.Query{From: from, Till: till.Add(time.Minute), Zone: zone, Sort: []uis.Sort{{Field: "start_time"}}, Limit: pageRows,
		Fields: append(uis.CallFields(), uis.AnalyticsFields()...)}, reads)
	if err != nil {
		return 0, err
	}
	var rows []inbox.Row
	err = r.DB.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		have, err := known(ctx, tx, account, calls)
		if err != nil {
			return err
		}
		for _, c := range calls {
			if row, missing := repair(c, have[ids.UISCallID(c.ID)], zone, now); missing {
				row.Account = account
				rows = append(rows, row)
			}
		}
		if err := inbox.Post(ctx, tx, now, rows...); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE call_gap SET certain_until = GREATEST(certain_until, $2), found = found + $3 WHERE account_id = $1`, int64(account), till, len(rows))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("compare the calls of account %d: %w", account, err)
	}
	for _, row := range rows {
		r.Wake(account, row.Key)
	}
	if len(rows) > 0 {
		r.Log.Warn("notifications of calls were missing, the report had what they tell", "account", account, "calls", len(rows))
	}
	return len(rows), nil
}

func (r *Repair) report(ctx context.Context, account ids.AccountID, q uis.Query, reads *int) ([]uis.Call, error) {
	var all []uis.Call
	for ; q.Offset <= uis.MaxOffset; q.Offset += pageRows {
		*reads++
		raw, err := r.Asker.Ask(ctx, account, outbox.LaneRef{Kind: outbox.LaneUISData}, "get.calls_report", q.Params(), outbox.Background)
		if err != nil {
			return nil, err
		}
		page, err := uis.DecodeCalls(raw)
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

// state is what we have of a call.
type state struct{ there, ended, recorded bool }

func known(ctx context.Context, tx pgx.Tx, account ids.AccountID, calls []uis.Call) (map[ids.UISCallID]state, error) {
	numbers := make([]int64, len(calls))
	for i, c := range calls {
		numbers[i] = int64(c.ID)
	}
	have := map[ids.UISCallID]state{}
	rows, err := tx.Query(ctx, `SELECT id, ended_at IS NOT NULL, phase IN ('off', 'failed', 'watching', 'comparing', 'updating', 'watched') OR COALESCE(crm->'record'->>'link', '') <> '' FROM call WHERE account_id = $1 AND id = ANY($2)`,
		int64(account), numbers)
	if err != nil {
		return nil, err
	}
	var id ids.UISCallID
	s := state{there: true}
	_, err = pgx.ForEachRow(rows, []any{&id, &s.ended, &s.recorded}, func() error { have[id] = s; return nil })
	return have, err
}

// repair is the row that completes a call: one whose end was not told, or whose recording was not. It is pure.
func repair(c uis.Call, have state, zone *time.Location, now time.Time) (inbox.Row, bool) {
	ended, err := c.FinishTime.In(zone)
	if c.FinishTime == "" || err != nil || ended.After(now.Add(-settle)) {
		return inbox.Row{}, false
	}
	if have.there && have.ended && (have.recorded || c.RecordLink == "") {
		return inbox.Row{}, false
	}
	body, err := json.Marshal(telephony.ReportedOf(c))
	if err != nil {
		return inbox.Row{}, false
	}
	sum := sha256.Sum256(body)
	return inbox.Row{Key: ids.CallKey(ids.UISCallID(c.ID)), Kind: telephony.KindReported, Natural: fmt.Sprintf("uis:call:%d:%s", c.ID, hex.EncodeToString(sum[:12])), Body: body}, true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
