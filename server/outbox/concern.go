package outbox

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
)

// Concern says which commands belong to one communication: all of its own keys, and those of a key it shares with others that name it in their meta
// ({"about":"chat:4711"}).
type Concern struct {
	Own    []ids.Key
	Shared ids.Key
	About  string
}

// concerned holds for the commands of a concern: $4 its own keys, $5 the shared key, $6 its name as it stands in a meta.
const concerned = `(key = ANY($4) OR key = $5 AND position($6::bytea in meta) > 0)`

func (c Concern) args(account ids.AccountID, limit int) []any {
	own := make([]string, len(c.Own))
	for i, key := range c.Own {
		own[i] = string(key)
	}
	name, _ := json.Marshal(c.About) // a string always encodes
	return []any{int64(account), int64(0), limit, own, string(c.Shared), append([]byte(`"about":`), name...)}
}

// ListOf reads the commands of a communication, newest first.
func ListOf(ctx context.Context, tx pgx.Tx, account ids.AccountID, c Concern, limit int) ([]Listed, error) {
	return list(ctx, tx, `AND `+concerned, c.args(account, limit)...)
}

// repeatable are the commands of a communication that failed and may be sent again without harm. What a person waited for is that person's to repeat: he
// may have done so already. What a newer command replaces is over: the same step of a plan, the same growing text, and of what was planned under the shared
// key everything but the newest plan.
const repeatable = `SELECT c.id FROM command c WHERE account_id = $1 AND ($2 = 0 OR id < $2) AND check_of IS NULL AND ` + concerned + `
	AND state IN ('refused', 'unconfirmed') AND priority > 0
	AND NOT ` + replacedByNewer + `
	AND NOT EXISTS (SELECT FROM command n WHERE n.account_id = $1 AND n.key = c.key AND n.id > c.id AND n.check_of IS NULL
		AND n.plan <> '' AND n.plan = c.plan AND n.name = c.name)
	AND (c.key <> $5 OR c.plan_id = (SELECT n.plan_id FROM command n WHERE n.account_id = $1 AND n.key = $5 AND n.check_of IS NULL
		AND position($6::bytea in n.meta) > 0 ORDER BY n.id DESC LIMIT 1))
	ORDER BY id LIMIT $3`

// Repeatable finds what of a communication failed and Again may repeat, oldest first.
func Repeatable(ctx context.Context, tx pgx.Tx, account ids.AccountID, c Concern, limit int) ([]ids.CommandID, error) {
	rows, err := tx.Query(ctx, repeatable, c.args(account, limit)...)
	if err != nil {
		return nil, fmt.Errorf("find what of %s failed: %w", c.About, err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[ids.CommandID])
	if err != nil {
		return nil, fmt.Errorf("find what of %s failed: %w", c.About, err)
	}
	return found, nil
}
