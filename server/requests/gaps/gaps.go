// Package gaps finds offline requests whose notification never came: every twenty minutes it compares the report of an account's requests with those we have and
// posts what is missing to their keys (U3, C13).
package gaps

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/report"
	"omni/server/requests"
	"omni/server/uis"
)

// JobKind is the job that reads one account's report, Table where it notes how far it is.
const (
	JobKind = "request_gaps"
	Table   = "request_gap"
)

// New makes a repair of requests; Do is its job. This report cannot be sorted by time.
func New(o report.Options) *report.Repair[uis.OfflineMessage] {
	return report.New(o, report.Kind[uis.OfflineMessage]{Table: Table, Method: "get.offline_messages_report",
		Fields: append(uis.OfflineMessageFields(), uis.AnalyticsFields()...), Decode: uis.DecodeOfflineMessages, Missing: missing})
}

// missing are the requests nobody told us of. One that is there was told of, or found before.
func missing(ctx context.Context, tx pgx.Tx, at report.Moment, reported []uis.OfflineMessage) ([]inbox.Row, time.Time, error) {
	numbers := make([]int64, len(reported))
	for i, m := range reported {
		numbers[i] = int64(m.ID)
	}
	rows, err := tx.Query(ctx, `SELECT id FROM request WHERE account_id = $1 AND id = ANY($2)`, int64(at.Account), numbers)
	if err != nil {
		return nil, at.Till, err
	}
	have := map[uis.OfflineMessageID]bool{}
	var id uis.OfflineMessageID
	if _, err := pgx.ForEachRow(rows, []any{&id}, func() error { have[id] = true; return nil }); err != nil {
		return nil, at.Till, err
	}
	var posted []inbox.Row
	for _, m := range reported {
		if row, lost := repair(m, have[m.ID], at); lost {
			posted = append(posted, row)
		}
	}
	return posted, at.Till, nil
}

// repair is the row that tells of a request in the place of its notification. It is named by the request alone: the report may tell of a request anew, changed by
// whoever works on it there. It is pure.
func repair(m uis.OfflineMessage, have bool, at report.Moment) (inbox.Row, bool) {
	if have || m.ID == 0 || !at.Settled(m.Time) {
		return inbox.Row{}, false
	}
	body, err := requests.ReportedOf(m)
	if err != nil {
		return inbox.Row{}, false
	}
	return inbox.Row{Key: ids.RequestKey(int64(m.ID)), Kind: requests.KindReported, Natural: requests.ReportedName(m.ID), Body: body}, true
}
