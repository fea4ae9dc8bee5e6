// Package gaps finds what UIS told of calls by notifications that never came: every twenty minutes it compares the report of an account's calls with the calls we
// have and posts what is missing to their keys (U3).
package gaps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/report"
	"omni/server/telephony"
	"omni/server/uis"
)

// JobKind is the job that reads one account's report, Table where it notes how far it is.
const (
	JobKind = "call_gaps"
	Table   = "call_gap"
)

// longest is how long a running call is waited for: by then it counts as over without its end (telephony).
const longest = 6 * time.Hour

// New makes a repair of calls; Do is its job.
func New(o report.Options) *report.Repair[uis.Call] {
	return report.New(o, report.Kind[uis.Call]{Table: Table, Method: "get.calls_report", Fields: append(uis.CallFields(), uis.AnalyticsFields()...), Sort: "start_time",
		Extra: map[string]any{"include_ongoing_calls": true}, Decode: uis.DecodeCalls, Since: since, Missing: missing})
}

// since goes back to the beginning of calls that go on or have just ended, as the report is windowed by beginnings: a call of two hours is told of by its start.
func since(ctx context.Context, tx pgx.Tx, account ids.AccountID, from time.Time) (time.Time, error) {
	var oldest *time.Time
	err := tx.QueryRow(ctx, `SELECT LEAST((SELECT min(started_at) FROM call WHERE account_id = $1 AND ended_at IS NULL), (SELECT min(started_at) FROM call WHERE account_id = $1 AND ended_at >= $2))`,
		int64(account), from).Scan(&oldest)
	if err != nil {
		return from, fmt.Errorf("look for the calls that go on: %w", err)
	}
	if oldest != nil && oldest.Before(from) {
		return *oldest, nil
	}
	return from, nil
}

// missing is what completes calls. Nobody is certain of calls behind the beginning of one that goes on: should its end never be told, it has to be read again.
func missing(ctx context.Context, tx pgx.Tx, at report.Moment, calls []uis.Call) ([]inbox.Row, time.Time, error) {
	have, err := known(ctx, tx, at.Account, calls)
	if err != nil {
		return nil, at.Till, err
	}
	var rows []inbox.Row
	certain := at.Till
	for _, c := range calls {
		if row, lost := repair(c, have[ids.UISCallID(c.ID)], at); lost {
			rows = append(rows, row)
		}
		began, err := c.StartTime.In(at.Zone)
		if err == nil && !at.Settled(c.FinishTime) && began.After(at.Now.Add(-longest)) && began.Before(certain) {
			certain = began
		}
	}
	return rows, certain, nil
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
func repair(c uis.Call, have state, at report.Moment) (inbox.Row, bool) {
	if !at.Settled(c.FinishTime) {
		return inbox.Row{}, false
	}
	reported := telephony.ReportedOf(c)
	if have.there && have.ended && (have.recorded || reported.Record == "") {
		return inbox.Row{}, false
	}
	body, err := json.Marshal(reported)
	if err != nil {
		return inbox.Row{}, false
	}
	sum := sha256.Sum256(body)
	return inbox.Row{Key: ids.CallKey(ids.UISCallID(c.ID)), Kind: telephony.KindReported, Natural: fmt.Sprintf("uis:call:%d:%s", c.ID, hex.EncodeToString(sum[:12])), Body: body}, true
}
