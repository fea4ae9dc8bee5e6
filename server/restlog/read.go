package restlog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// Query says which requests of an account are wanted. Zero fields ask for everything.
type Query struct {
	Portal ids.PortalID
	// Refs are communications and clients: chat:4711, client:7. Requests of any of them are found.
	Refs   []string
	Method string
	Failed bool
	// Before is a request's number: only older ones.
	Before int64
	Limit  int
}

// Listed is a request as a list shows it.
type Listed struct {
	ID               int64
	At               time.Time
	Kind             string
	Portal           *ids.PortalID
	TookMS           int
	Commands, Failed int
	Methods          []string
	Communications   []string
}

const columns = `e.id, e.created_at, e.kind, e.portal_id, e.took_ms, e.commands, e.failed, e.methods, e.refs`

// List reads requests, newest first. What is rarest leads: communications, failures, the method, the portal. Each of them is found by an index, whatever the log
// holds.
func List(ctx context.Context, tx pgx.Tx, account ids.AccountID, q Query) ([]Listed, error) {
	sql, args := q.statement(account)
	batch := &pgx.Batch{}
	var list []Listed
	if len(q.marks()) < 2 {
		// Of one list the index has the order; the planner takes row level security for a filter that leaves one row of a hundred, so it would gladly read all
		// there are and sort them.
		batch.Queue(`SET LOCAL enable_sort = off`)
	}
	batch.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		var err error
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Listed, error) {
			var l Listed
			return l, scan(row, &l)
		})
		return err
	})
	batch.Queue(`SET LOCAL enable_sort = on`)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("list requests: %w", err)
	}
	return list, nil
}

// marks are what leads to the requests in the index of marks; none: the whole log, or the portal's, is read in its order.
func (q Query) marks() []string {
	switch {
	case len(q.Refs) > 0:
		return q.Refs
	case q.Failed:
		return []string{markFailed}
	case q.Method != "":
		return []string{markMethod + q.Method}
	}
	return nil
}

// statement is the query in SQL.
func (q Query) statement(account ids.AccountID) (sql string, args []any) {
	refs := q.marks()
	from, where := `exchange e`, `e.account_id = $1 AND ($2::bigint = 0 OR e.id < $2)`
	args = []any{int64(account), q.Before, int64(q.Portal), q.Method, q.Failed, q.Limit}
	switch len(refs) {
	case 0:
	case 1: // in the order of the index, request by request, so that a few of very many cost little
		from = `(SELECT id, created_at FROM exchange_ref WHERE account_id = $1 AND ref = $7 AND id < CASE WHEN $2::bigint = 0 THEN 9223372036854775807 ELSE $2 END ORDER BY id DESC) r
			CROSS JOIN LATERAL (SELECT * FROM exchange WHERE account_id = $1 AND id = r.id AND created_at = r.created_at OFFSET 0) e`
		where = `true`
		args = append(args, refs[0])
	default:
		from = `(SELECT DISTINCT id, created_at FROM exchange_ref WHERE account_id = $1 AND ref = ANY($7) AND ($2::bigint = 0 OR id < $2)) r
			JOIN exchange e ON e.account_id = $1 AND e.id = r.id AND e.created_at = r.created_at`
		where = `true`
		args = append(args, refs)
	}
	order := `e.id`
	if len(refs) > 0 {
		order = `r.id`
	}
	return `SELECT ` + columns + ` FROM ` + from + ` WHERE ` + where + ` AND ` + ofPortal(q.Portal) + ` AND ($4 = '' OR $4 = ANY(e.methods)) AND (NOT $5 OR e.failed > 0)
		ORDER BY ` + order + ` DESC LIMIT $6`, args
}

// ofPortal is the condition on the portal, without an alternative when one is asked for: only so its index can lead.
func ofPortal(p ids.PortalID) string {
	if p == 0 {
		return `$3::bigint = 0`
	}
	return `e.portal_id = $3`
}

func scan(row pgx.CollectableRow, l *Listed, more ...any) error {
	var refs []string
	err := row.Scan(append([]any{&l.ID, &l.At, &l.Kind, &l.Portal, &l.TookMS, &l.Commands, &l.Failed, &l.Methods, &refs}, more...)...)
	l.Communications = []string{}
	for _, ref := range refs {
		if !strings.HasPrefix(ref, "client:") {
			l.Communications = append(l.Communications, ref)
		}
	}
	return err
}

// ErrNotFound says that the log holds no such request of the account (any more).
var ErrNotFound = errors.New("the log holds no such request")

// Get reads one request with its parts. Parts are nil when they were taken out to make room.
func Get(ctx context.Context, tx pgx.Tx, account ids.AccountID, id int64) (Listed, []Part, error) {
	var l Listed
	var body []byte
	rows, err := tx.Query(ctx, `SELECT `+columns+`, e.body FROM exchange e WHERE e.account_id = $1 AND e.id = $2`, int64(account), id)
	if err != nil {
		return l, nil, fmt.Errorf("read request %d: %w", id, err)
	}
	_, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (struct{}, error) { return struct{}{}, scan(row, &l, &body) })
	if errors.Is(err, pgx.ErrNoRows) {
		return l, nil, ErrNotFound
	}
	if err != nil {
		return l, nil, fmt.Errorf("read request %d: %w", id, err)
	}
	if body == nil {
		return l, nil, nil
	}
	parts, err := expand(body)
	return l, parts, err
}
